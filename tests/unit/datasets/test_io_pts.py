import logging
from pathlib import Path

import numpy as np
import pytest

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError, UnknownNameError
from datasets.formats import landmark_format
from datasets.images import write_image
from datasets.io.registry import read, write
from datasets.samples import sample_table
from datasets.shapes import ShapeSet

TWO = landmark_format("points-2")
GOOD = "version: 1\nn_points: 2\n{\n10.5 20\n-3 40.25\n}\n"


def write_text(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("", "", "the file ends where 'version: 1' was expected"),
        ("version: 2\n", ":1", "expected 'version: 1', got 'version: 2'"),
        ("version: 1\nn_points: two\n{\n", ":2", "expected 'n_points: <M>', got 'n_points: two'"),
        ("version: 1\nn_points: 0\n{\n}\n", ":2", "expected 'n_points: <M>'"),
        ("version: 1\nn_points: -2\n{\n}\n", ":2", "expected 'n_points: <M>'"),
        ("version: 1\nn_points: 2\n1 2\n", ":3", "expected '{', got '1 2'"),
        (GOOD.replace("}\n", ""), "", "the file ends before its '}'"),
        (GOOD.replace("-3 40.25", "103.2"), ":5", "expected 'x y', got '103.2'"),
        (GOOD.replace("-3 40.25", "1 2 3"), ":5", "expected 'x y', got '1 2 3'"),
        (GOOD.replace("40.25", "four"), ":5", "expected a number, got 'four'"),
        (GOOD.replace("40.25", "nan"), ":5", "expected a number, got 'nan'"),
        (GOOD.replace("40.25", "inf"), ":5", "expected a number, got 'inf'"),
        (GOOD.replace("40.25", "4_0"), ":5", "expected a number, got '4_0'"),
        (GOOD.replace("-3 40.25\n", ""), ":5", "expected 2 points, found 1"),
        (GOOD.replace("}", "5 6\n}"), ":7", "expected 2 points, found 3"),
        (GOOD + "7 8\n", ":7", "expected nothing after '}', got '7 8'"),
        (GOOD.replace("2\n{", "3\n{"), ":6", "expected 3 points, found 2"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe\x00", "", "not a text file in UTF-8"),
        (b"version: 1\0\n", ":1", "not a text file: it has null bytes"),
        ("version: 1\nn_points: 2\n{\n" + "1" * 1_000_001, ":4", "more than 1000000 characters"),
    ],
)
def test_every_broken_field_is_named_with_its_line(tmp_path, text, place, problem):
    path = write_text(tmp_path / "face.pts", text)
    with pytest.raises(FileFormatError) as caught:
        read(path, landmark_format=TWO)
    assert str(caught.value).startswith(f"{path}{place}: ")
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_number_of_points_must_be_that_of_the_format(tmp_path):
    path = write_text(tmp_path / "face.pts", GOOD)
    with pytest.raises(FileFormatError, match=r"n_points: expected 68 landmarks \(300w-68\)"):
        read(path)


def test_spacing_blank_lines_and_windows_line_ends_do_not_matter(tmp_path):
    text = "version:1\r\n\r\nn_points:  2\r\n{\r\n 10.5   20 \r\n-3\t40.25\r\n}\r\n\r\n"
    same = read(write_text(tmp_path / "a.pts", text), landmark_format=TWO)
    plain = read(write_text(tmp_path / "b.pts", GOOD), landmark_format=TWO)
    np.testing.assert_array_equal(same.shapes.points, plain.shapes.points)


def test_a_folder_is_read_in_order_with_its_subfolders_in_the_names(tmp_path):
    for name in ("b/2.pts", "a/1.pts", "0.pts"):
        write_text(tmp_path / name, GOOD)
    dataset = read(tmp_path, landmark_format=TWO)
    assert list(dataset.samples["shape_id"]) == ["0", "a/1", "b/2"]
    assert dataset.root is None


def test_one_broken_file_in_a_folder_is_named(tmp_path):
    write_text(tmp_path / "a.pts", GOOD)
    write_text(tmp_path / "b.pts", "version: 1\n")
    with pytest.raises(FileFormatError, match=r"b\.pts: the file ends where 'n_points"):
        read(tmp_path, landmark_format=TWO)


def test_pictures_of_the_same_name_are_found_beside_the_files(tmp_path):
    for name in ("a/1.pts", "2.pts", "3.pts"):
        write_text(tmp_path / name, GOOD)
    for name in ("a/1.PNG", "2.jpg"):
        write_image(tmp_path / name, np.zeros((4, 4, 3), np.uint8))
    dataset = read(tmp_path, landmark_format=TWO)
    assert list(dataset.samples["image"]) == ["2.jpg", None, "a/1.PNG"]
    assert dataset.image_path(2) == tmp_path / "a/1.PNG"


def test_pictures_in_a_folder_of_their_own_must_all_be_there(tmp_path):
    write_text(tmp_path / "pts/1.pts", GOOD)
    write_text(tmp_path / "pts/2.pts", GOOD)
    (tmp_path / "pictures").mkdir()
    write_image(tmp_path / "pictures/1.png", np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(FileFormatError, match=r"there is no picture 2\.\*"):
        read(tmp_path / "pts", landmark_format=TWO, images=tmp_path / "pictures")
    write_image(tmp_path / "pictures/2.png", np.zeros((4, 4, 3), np.uint8))
    dataset = read(tmp_path / "pts", landmark_format=TWO, images=tmp_path / "pictures")
    assert dataset.image_path(1) == tmp_path / "pictures/2.png"


def test_a_folder_without_pts_files_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match=r"there is no \.pts file"):
        read(tmp_path, "pts")


def test_plain_pts_keep_minus_one_as_a_place_and_warn_of_merl_rav(tmp_path, caplog):
    path = write_text(tmp_path / "a.pts", GOOD.replace("-3 40.25", "-1 -1"))
    with caplog.at_level(logging.WARNING):
        dataset = read(path, landmark_format=TWO)
    np.testing.assert_array_equal(dataset.shapes.points[0, 1], [-2, -2])
    assert "merl-rav-pts" in caplog.text


def test_a_landmark_with_one_negative_coordinate_is_no_merl_rav(tmp_path):
    path = write_text(tmp_path / "a.pts", GOOD)
    with pytest.raises(FileFormatError, match="landmark 1: one coordinate is negative and one is"):
        read(path, "merl-rav-pts", landmark_format=TWO)


def shapes_with(points, visibility=None, ids=("a", "b")):
    points = np.asarray(points, dtype=float)
    shapes = ShapeSet.from_points(points)
    if visibility is not None:
        shapes = ShapeSet(shapes.format, points, np.asarray(visibility, np.uint8))
    return LandmarkDataset(shapes, sample_table(list(ids)[: len(points)]))


def test_plain_pts_refuse_absent_landmarks_and_merl_rav_keeps_them(tmp_path):
    dataset = shapes_with([[[3, 4], [np.nan, np.nan]], [[5, 6], [7, 8]]], [[2, 0], [1, 2]])
    with pytest.raises(FileFormatError, match="cannot tell absent landmarks, and 'a' has some"):
        write(dataset, tmp_path / "out", "pts")
    assert not list(tmp_path.iterdir())
    write(dataset, tmp_path / "out", "merl-rav-pts")
    again = read(tmp_path / "out", "merl-rav-pts", landmark_format=TWO)
    np.testing.assert_allclose(again.shapes.points, dataset.shapes.points)
    np.testing.assert_array_equal(again.shapes.visibility, dataset.shapes.visibility)


@pytest.mark.parametrize(
    ("points", "visibility"),
    [([[[-1.5, 4], [5, 6]]], [[2, 2]]), ([[[0, 0], [5, 6]]], [[1, 2]])],
)
def test_merl_rav_refuses_places_that_signs_cannot_tell(tmp_path, points, visibility):
    with pytest.raises(FileFormatError, match="outside the picture, as 'a' has"):
        write(shapes_with(points, visibility), tmp_path / "out", "merl-rav-pts")


def test_three_dimensions_are_refused(tmp_path):
    with pytest.raises(FileFormatError, match="holds 2 coordinates a landmark, not 3"):
        write(shapes_with(np.ones((1, 2, 3))), tmp_path / "out", "pts")


def test_one_file_holds_one_shape(tmp_path):
    dataset = shapes_with([[[1, 2], [3, 4]], [[5, 6], [7, 8]]])
    with pytest.raises(FileFormatError, match="holds one shape, not 2"):
        write(dataset, tmp_path / "out.pts")
    write(dataset.take([1]), tmp_path / "out.pts")
    again = read(tmp_path / "out.pts", landmark_format=TWO)
    np.testing.assert_allclose(again.shapes.points, [[[5, 6], [7, 8]]])


def test_a_folder_of_pts_files_is_replaced_whole(tmp_path):
    write(shapes_with([[[1, 2], [3, 4]], [[5, 6], [7, 8]]]), tmp_path / "out", "pts")
    write(shapes_with([[[1, 2], [3, 4]]], ids=["c"]), tmp_path / "out", "pts")
    assert [f.name for f in tmp_path.rglob("*")] == ["out", "c.pts"]


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(FileFormatError, match="holds other things"):
        write(shapes_with([[[1, 2], [3, 4]]]), tmp_path, "pts")
    with pytest.raises(FileFormatError, match="expected a folder, found a file"):
        write(shapes_with([[[1, 2], [3, 4]]]), tmp_path / "note.txt", "pts")
    assert [f.name for f in tmp_path.iterdir()] == ["note.txt"]


def test_a_shape_cannot_be_written_outside_the_folder(tmp_path):
    dataset = shapes_with([[[1, 2], [3, 4]]], ids=["../evil"])
    with pytest.raises(FileFormatError, match="cannot be the name of a file"):
        write(dataset, tmp_path / "out", "pts")
    assert not list(tmp_path.iterdir())


def test_unknown_formats_list_the_known_ones(tmp_path):
    path = write_text(tmp_path / "a.pts", GOOD)
    with pytest.raises(UnknownNameError, match="300w-68"):
        read(path, landmark_format="300w-69")


@pytest.mark.parametrize("name", ["./a", "x//y", "a/", "/a", "x/../a", ".hidden", "x/.hidden/y"])
def test_a_name_that_a_path_does_not_keep_is_refused(tmp_path, name):
    dataset = shapes_with([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], ids=["a", name])
    with pytest.raises(FileFormatError, match="cannot be the name of a file in it"):
        write(dataset, tmp_path / "out", "pts")
    assert not list(tmp_path.iterdir())


def test_shapes_that_would_share_a_file_are_refused(tmp_path, monkeypatch):
    opened = Path.open

    def ignoring_case(self, *arguments, **options):
        return opened(self.with_name(self.name.lower()), *arguments, **options)

    monkeypatch.setattr(Path, "open", ignoring_case)
    dataset = shapes_with([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], ids=["a", "A"])
    with pytest.raises(FileFormatError, match="'A' has the file of another shape"):
        write(dataset, tmp_path / "out", "pts")
    assert not list(tmp_path.iterdir())


def test_files_are_found_whatever_the_case_of_their_suffix_and_through_links(tmp_path):
    for name in ("in/a.pts", "in/b.PTS", "elsewhere/c.Pts"):
        write_text(tmp_path / name, GOOD)
    (tmp_path / "in/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in/round").symlink_to(tmp_path / "in")
    dataset = read(tmp_path / "in", landmark_format=TWO)
    assert list(dataset.samples["shape_id"]) == ["a", "b", "linked/c"]


def test_a_folder_of_upper_case_files_tells_its_type(tmp_path):
    write_text(tmp_path / "b.PTS", GOOD)
    assert len(read(tmp_path, landmark_format=TWO)) == 1


def test_hidden_files_are_left_out_with_a_warning(tmp_path, caplog):
    for name in ("a.pts", "._a.pts", ".trash/b.pts"):
        write_text(tmp_path / name, GOOD)
    with caplog.at_level(logging.WARNING):
        assert len(read(tmp_path, landmark_format=TWO)) == 1
    assert "2 hidden files are not read, such as ._a.pts" in caplog.text
