import errno

import numpy as np
import pytest
import torch

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError, ShapeMismatchError, TrainingError
from datasets.formats import landmark_format
from datasets.images import cut, frame_of, read_image
from datasets.samples import sample_table
from datasets.shapes import ShapeSet
from weaksup.presets import preset
from weaksup.samples import TrainingData, cut_crops


def config(**values):
    return preset("quick").changed(image_size_px=32, **values)


def with_boxes(dataset):
    boxes = {"box_x_min": 4.0, "box_y_min": 6.0, "box_x_max": 24.0, "box_y_max": 22.0}
    return LandmarkDataset(dataset.shapes, dataset.samples.assign(**boxes), dataset.root)


def test_a_crop_without_a_box_is_the_picture_itself(pictures):
    crops = cut_crops(pictures[0].take([3]), config())
    image = read_image(pictures[0].image_path(3))
    assert torch.equal(crops.images[0].permute(1, 2, 0), torch.from_numpy(image))
    pixels = (crops.points[0].numpy() + 1) / 2 * 32 - 0.5
    assert np.allclose(pixels, pictures[0].shapes.points[3], atol=1e-4)


def test_a_box_is_widened_by_the_margin(pictures):
    dataset = with_boxes(pictures[0].take([0]))
    frame = cut_crops(dataset, config(margin=1.5)).frames[0]
    assert (frame.x_min, frame.y_min, frame.side) == (-1.0, -1.0, 30.0)


def test_the_border_lies_around_the_same_frame(pictures):
    dataset = with_boxes(pictures[0].take([0, 1]))
    plain, wide = cut_crops(dataset, config()), cut_crops(dataset, config(), border=True)
    assert (plain.border_px, wide.border_px) == (0, 4)
    assert torch.equal(wide.points, plain.points)
    inner = wide.images[:, :, 4:-4, 4:-4].int()
    assert (inner - plain.images.int()).abs().max() <= 1
    image = read_image(dataset.image_path(0))
    frame = frame_of((4.0, 6.0, 24.0, 22.0), 32, 32, 1.25 * 40 / 32)
    assert np.array_equal(wide.images[0].permute(1, 2, 0).numpy(), cut(image, frame, 40))


def test_a_missing_or_broken_picture_is_named(pictures, tmp_path):
    samples = sample_table(["x"], ["x.png"])
    dataset = LandmarkDataset(pictures[0].shapes.take([0]), samples, tmp_path)
    with pytest.raises(FileFormatError, match=r"x.png.*no such picture"):
        cut_crops(dataset, config())
    (tmp_path / "x.png").write_bytes(b"no picture")
    with pytest.raises(FileFormatError, match=r"x.png.*not a picture"):
        cut_crops(dataset, config())
    with pytest.raises(ShapeMismatchError, match="x has no picture"):
        cut_crops(LandmarkDataset(dataset.shapes, samples, None), config())


def test_mean_shape_is_that_of_the_rows(pictures):
    crops = cut_crops(pictures[0].take(np.arange(6)), config())
    expected = crops.points[[1, 4]].mean(0)
    assert torch.allclose(crops.mean_shape(np.array([1, 4])), expected, atol=1e-6)


def test_mean_shape_without_dense_rows_takes_what_is_known(data):
    crops = cut_crops(data.images.take(np.arange(20, 24)), config())
    mean = crops.mean_shape(np.array([], dtype=int))
    assert torch.allclose(mean[:2], crops.points[:, :2].mean(0), atol=1e-6)
    assert torch.equal(mean[2:], torch.zeros(3, 2))


def test_what_counts_in_each_stage(data):
    sparse, secondary, everything = (data.counted(stage) for stage in preset("quick").stages)
    dense = np.arange(48) < 12
    main = np.array([True, True, False, False, False])
    assert np.array_equal(sparse, np.broadcast_to(main, (48, 5)))
    assert np.array_equal(secondary, dense[:, None] & ~main)
    assert np.array_equal(everything, np.broadcast_to(dense[:, None], (48, 5)))
    assert np.array_equal(data.dense_rows(), np.arange(12))


def test_absent_landmarks_never_count(data):
    points = data.images.shapes.points.copy()
    points[20, 1] = np.nan
    images = data.images.with_shapes(ShapeSet.from_points(points, data.images.format))
    counted = TrainingData(images, data.sparse).counted(preset("quick").stages[0])
    assert counted[20].tolist() == [True, False, False, False, False]


def test_data_of_another_format_or_dimension_or_none_are_refused(data, pictures):
    other = LandmarkDataset(
        ShapeSet.from_points(np.zeros((2, 4, 2)), landmark_format("points-4")),
        sample_table(["a", "b"]),
    )
    with pytest.raises(TrainingError, match=r"the training data are points-4, but .* spots-5"):
        TrainingData(other, data.sparse)
    with pytest.raises(TrainingError, match="the validation data are points-4"):
        TrainingData(data.images, data.sparse, other)
    with pytest.raises(TrainingError, match="empty"):
        TrainingData(pictures[0].take(np.array([], dtype=int)), data.sparse)
    solid = LandmarkDataset(
        ShapeSet.from_points(np.zeros((1, 5, 3)), data.sparse.dense), sample_table(["a"])
    )
    with pytest.raises(TrainingError, match="two dimensions"):
        TrainingData(solid, data.sparse)


def test_crops_that_do_not_fit_into_memory_are_the_same_from_a_file(pictures, tiny, monkeypatch):
    from weaksup import samples

    expected = cut_crops(pictures[1], tiny, border=True)
    monkeypatch.setattr(samples, "_IN_MEMORY", 1000)
    mapped = cut_crops(pictures[1], tiny, border=True)
    assert torch.equal(mapped.images, expected.images)
    assert torch.equal(mapped.points, expected.points)


def test_crops_for_which_there_is_no_room_are_refused_in_words(pictures, tiny, monkeypatch):
    from weaksup import samples

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(samples, "_IN_MEMORY", 1000)
    monkeypatch.setattr(samples.os, "posix_fallocate", full, raising=False)
    with pytest.raises(FileFormatError, match="cannot be written: No space left on device"):
        cut_crops(pictures[1], tiny)
