import shutil

import numpy as np
import pytest

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError, ShapeMismatchError, TrainingError
from datasets.formats import landmark_format
from datasets.images import read_image, write_image
from datasets.metrics import nme, normalised_errors
from datasets.samples import sample_table
from datasets.shapes import empty_shapes
from weaksup import inference
from weaksup.inference import infer
from weaksup.run_folder import RunFolder
from weaksup.training import train


def test_inference_gives_the_error_that_training_measured(trained, data):
    found = infer(trained, data.valid)
    assert nme(normalised_errors(found.shapes, data.valid.shapes)) == pytest.approx(
        trained.metrics()["valid_nme"].iloc[-1], abs=1e-6
    )
    assert found.samples.equals(data.valid.samples)
    assert found.shapes.complete.all()


def test_labels_are_not_looked_at_and_any_format_will_do(trained, data):
    found = infer(trained.path, data.valid)
    bare = LandmarkDataset(
        empty_shapes(landmark_format("points-2"), len(data.valid)),
        data.valid.samples,
        data.valid.root,
    )
    again = infer(trained, bare)
    assert np.array_equal(again.shapes.points, found.shapes.points)
    assert again.format == data.sparse.dense


@pytest.mark.parametrize("box", [(40, 0, 60, 20), (0, -30, 20, -0.5), (-9, 0, -1, 20)])
def test_a_box_that_has_nothing_of_the_picture_in_it_is_refused(trained, data, box):
    samples = data.valid.samples.copy()
    edges = ["box_x_min", "box_y_min", "box_x_max", "box_y_max"]
    samples.loc[2, edges] = np.array(box, dtype=float)
    wrong = LandmarkDataset(data.valid.shapes, samples, data.valid.root)
    name = samples["shape_id"].iloc[2]
    with pytest.raises(ShapeMismatchError, match=rf"{name}: its box .* outside .* 32 x 32 pixels"):
        infer(trained, wrong)


def test_points_are_pixels_of_the_picture_whatever_its_size(trained, data, tmp_path):
    """The same object in a larger picture, told by its box, is found at the same place."""
    small = read_image(data.valid.image_path(0))
    large = np.zeros((96, 96, 3), np.uint8)
    large[20:84, 10:74] = small.repeat(2, axis=0).repeat(2, axis=1)
    write_image(tmp_path / "large.png", large)
    margin = trained.config.margin
    half = 32 / margin  # the network sees `margin` times the box, here exactly the 64 px inlay
    samples = sample_table(
        ["x"], ["large.png"],
        box_x_min=[41.5 - half], box_x_max=[41.5 + half],
        box_y_min=[51.5 - half], box_y_max=[51.5 + half],
    )  # fmt: skip
    dataset = LandmarkDataset(empty_shapes(data.sparse.dense, 1), samples, tmp_path)
    found = infer(trained, dataset).shapes.points[0]
    expected = infer(trained, data.valid.take([0])).shapes.points[0]
    assert np.allclose((expected + 0.5) * 2 - 0.5 + [10, 20], found, atol=0.05)


def test_progress_counts_pictures(trained, data):
    seen = []
    infer(trained, data.valid, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 24) for done in range(1, 25)]


def test_a_missing_picture_is_named(trained, data, tmp_path):
    moved = LandmarkDataset(data.valid.shapes, data.valid.samples, tmp_path)
    with pytest.raises(FileFormatError, match=r"b000\.png"):
        infer(trained, moved)


def test_a_folder_without_a_run_is_refused(data, tmp_path):
    with pytest.raises(TrainingError, match="no training run"):
        infer(tmp_path, data.valid)


def test_landmarks_do_not_depend_on_how_many_crops_are_in_memory(trained, data, monkeypatch):
    whole = infer(trained, data.valid).shapes.points
    monkeypatch.setattr(inference, "_AT_ONCE", 7)
    sizes, before = [], inference.predict_crops
    monkeypatch.setattr(
        inference,
        "predict_crops",
        lambda network, crops: sizes.append(len(crops)) or before(network, crops),
    )
    assert np.allclose(infer(trained, data.valid).shapes.points, whole, atol=1e-4)
    assert sizes == [7, 7, 7, 3]


def test_a_network_that_has_not_learnt_to_the_end_is_told(data, tiny, tmp_path, caplog, trained):
    asked = iter(range(60))
    run = train(tiny, tmp_path / "run", data, stop=lambda: next(asked, None) is None)
    infer(run, data.valid)
    done = run.state().epochs_done
    assert f"run is not finished: its network has learnt for {done} of {tiny.epochs}" in caplog.text
    caplog.clear()
    infer(trained, data.valid)
    assert caplog.text == ""


def test_crops_are_cut_as_the_run_learnt_them_or_not_at_all(data, trained, tmp_path):
    run = RunFolder(shutil.copytree(trained.path, tmp_path / "run"))
    run.config.changed(margin=2.5).save(run.path / "config.toml")
    with pytest.raises(TrainingError, match=r"says margin = 2\.5, but .* learnt with 1\.25"):
        infer(run, data.valid)
    run.config.changed(margin=trained.config.margin, threads=2).save(run.path / "config.toml")
    assert len(infer(run, data.valid)) == len(data.valid)
