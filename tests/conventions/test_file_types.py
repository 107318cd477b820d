"""The coordinates and visibility of every file type, by a written example of each."""

from pathlib import Path

import numpy as np
import pytest

from datasets.dataset import LandmarkDataset
from datasets.formats import landmark_format
from datasets.images import read_image, write_image
from datasets.io.registry import file_types, read, write
from datasets.samples import sample_table
from datasets.shapes import ShapeSet

TWO = landmark_format("points-2")
SHARED = Path(__file__).parents[2].parent / "shared" / "data"
needs_samples = pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data beside this")

# One bright pixel in column 3, row 5: its centre is (3, 5) here, whoever counts it.
PIXEL = (3.0, 5.0)


def picture_with_one_bright_pixel(path):
    image = np.zeros((9, 8, 3), np.uint8)
    image[5, 3] = 255
    write_image(path, image)


def first_point(dataset):
    return tuple(dataset.shapes.points[0, 0])


def test_convention_pts_counts_from_one(tmp_path):
    (tmp_path / "a.pts").write_text("version: 1\nn_points: 1\n{\n4 6\n}\n")
    picture_with_one_bright_pixel(tmp_path / "a.png")
    dataset = read(tmp_path / "a.pts", landmark_format="points-1")
    assert first_point(dataset) == PIXEL
    column, row = (int(value) for value in first_point(dataset))
    assert read_image(dataset.image_path(0))[row, column, 0] == 255


def test_convention_merl_rav_pts_counts_from_one_and_keeps_visibility_in_signs(tmp_path):
    text = "version: 1\nn_points: 3\n{\n4 6\n-4 -6\n-1 -1\n}\n"
    (tmp_path / "a.pts").write_text(text)
    shapes = read(tmp_path, "merl-rav-pts", landmark_format="points-3").shapes
    np.testing.assert_array_equal(shapes.points[0], [PIXEL, PIXEL, (np.nan, np.nan)])
    assert list(shapes.visibility[0]) == [2, 1, 0]


def test_convention_300w_csv_counts_from_one_as_the_pts_files_do(tmp_path):
    header = "image_name,scale,center_w,center_h,original_0_x,original_0_y"
    (tmp_path / "t.csv").write_text(f"{header}\na.png,0.05,4,6,4,6\n")
    dataset = read(tmp_path / "t.csv", landmark_format="points-1")
    assert first_point(dataset) == PIXEL
    x_min, y_min, x_max, y_max = dataset.box(0)
    assert ((x_min + x_max) / 2, (y_min + y_max) / 2) == PIXEL
    assert x_max - x_min == pytest.approx(10)


def test_convention_wflw_counts_from_zero(tmp_path):
    (tmp_path / "l.txt").write_text("3 5 a.png\n")
    assert first_point(read(tmp_path / "l.txt", landmark_format="points-1")) == PIXEL


def test_convention_csv_and_npz_are_ours(tmp_path):
    (tmp_path / "t.csv").write_text("x0,y0\n3,5\n")
    np.savez(tmp_path / "t.npz", points=[[PIXEL]])
    assert first_point(read(tmp_path / "t.csv")) == PIXEL
    assert first_point(read(tmp_path / "t.npz")) == PIXEL


def test_convention_npz_vis_is_visible_or_occluded_but_never_absent(tmp_path):
    np.savez(tmp_path / "t.npz", points=np.ones((1, 2, 2)), vis=[[1, 0]])
    assert list(read(tmp_path / "t.npz").shapes.visibility[0]) == [2, 1]


def test_convention_fewmark_folders_are_ours_to_the_last_bit(tmp_path):
    shapes = ShapeSet.from_points([[(0.1 + 0.2, 1 / 3)]])
    write(LandmarkDataset(shapes, sample_table(["a"])), tmp_path / "ours")
    assert first_point(read(tmp_path / "ours")) == (0.1 + 0.2, 1 / 3)


def test_convention_images_have_nothing_marked(tmp_path):
    picture_with_one_bright_pixel(tmp_path / "a.png")
    assert not read(tmp_path, landmark_format=TWO).shapes.present.any()


def test_convention_a_shape_has_the_same_name_in_every_type(tmp_path):
    (tmp_path / "d").mkdir()
    picture_with_one_bright_pixel(tmp_path / "d" / "a.png")
    shapes = ShapeSet.from_points([[(1.0, 2.0), (3.0, 4.0)]])
    dataset = LandmarkDataset(shapes, sample_table(["d/a"], ["d/a.png"]), tmp_path)
    names = {"images": read(tmp_path, "images", landmark_format=TWO)}
    for file_type in file_types():
        if file_type.write:
            path = tmp_path / "out" / file_type.name
            write(dataset, path, file_type.name)
            names[file_type.name] = read(path, file_type.name, landmark_format=TWO)
    found = {name: list(d.samples["shape_id"]) for name, d in names.items()}
    assert found == {name: ["d/a"] for name in found}
    assert len(found) == len(file_types())


@needs_samples
@pytest.mark.parametrize(
    ("name", "count", "landmarks"),
    [
        ("300w_valid_68", 689, 68), ("cofw_test_29", 507, 29), ("dogflw_train_46", 3850, 46),
        ("grapevine_leaves_21", 9196, 21), ("hand_mediapipe_21", 4787, 21),
        ("wflw_test_part1_98", 1294, 98),
    ],
)  # fmt: skip
def test_real_archives_are_read_untouched(name, count, landmarks):
    path = SHARED / "annotations" / f"{name}.npz"
    dataset = read(path)
    assert dataset.shapes.points.shape == (count, landmarks, 2)
    assert dataset.format.name == f"points-{landmarks}"
    with np.load(path) as archive:
        np.testing.assert_array_equal(dataset.shapes.points, archive["points"])


@needs_samples
def test_the_real_table_of_300w_agrees_with_its_archive_up_to_the_counting(tmp_path):
    table = read(SHARED / "raw_formats" / "face_landmarks_300w_valid.csv")
    archive = read(SHARED / "annotations" / "300w_valid_68.npz")
    assert list(table.samples["shape_id"]) == list(archive.samples["shape_id"])
    difference = archive.shapes.points - table.shapes.points
    np.testing.assert_allclose(difference, 1.0, atol=1e-3)  # the archive kept what the file says
    write(table, tmp_path / "again.csv", "300w-csv")
    again = read(tmp_path / "again.csv")
    np.testing.assert_allclose(again.shapes.points, table.shapes.points, atol=1e-6)
    assert again.box(7) == pytest.approx(table.box(7), abs=1e-6)


@needs_samples
def test_the_scale_and_centre_of_300w_follow_from_the_landmarks():
    table = read(SHARED / "raw_formats" / "face_landmarks_300w_valid.csv")
    points = table.shapes.points
    lower, upper = np.floor(points.min(axis=1)), np.ceil(points.max(axis=1))
    for row in range(len(table)):
        x_min, y_min, x_max, y_max = table.box(row)
        centre = ((x_min + x_max) / 2, (y_min + y_max) / 2)
        np.testing.assert_allclose(centre, (lower[row] + upper[row]) / 2)
        assert x_max - x_min == pytest.approx((upper[row] - lower[row]).max())


@needs_samples
def test_a_real_wflw_list_is_read():
    dataset = read(SHARED / "raw_formats" / "list_98pt_test_makeup.txt")
    assert dataset.shapes.points.shape == (146, 98, 2)
    assert first_point(dataset) == (366.168762, 312.896210)


@needs_samples
def test_real_merl_rav_files_have_hidden_landmarks():
    dataset = read(SHARED / "raw_formats" / "pts_merl_rav", "merl-rav-pts")
    counts = np.bincount(dataset.shapes.visibility.ravel())
    assert list(counts) == [182, 141, 1037]  # counted in the files: -1 -1, negative, other
    assert np.nanmin(dataset.shapes.points) >= 0


@needs_samples
def test_real_faces_are_read_with_people_splits_and_pictures():
    dataset = read(SHARED / "faces68" / "landmarks.csv", landmark_format="300w-68")
    assert len(dataset) == 3023
    assert {name: len(dataset.split(name)) for name in dataset.splits} == {
        "train": 2453,
        "valid": 570,
    }
    assert dataset.samples["subject"].nunique() == 247
    assert dataset.image_path(0).is_file()
    assert dataset.shapes.complete.all()
