import json
import zipfile

import numpy as np
import pytest

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError, UnknownNameError
from datasets.formats import landmark_format
from datasets.images import write_image
from datasets.io.registry import file_type, file_types, read, type_of, write
from datasets.io.samples import unique_ids, with_sizes
from datasets.samples import sample_table
from datasets.shapes import ShapeSet, empty_shapes


def small(names=("a", "b"), **columns):
    points = np.arange(len(names) * 4, dtype=float).reshape(-1, 2, 2)
    return LandmarkDataset(ShapeSet.from_points(points), sample_table(list(names), **columns))


def write_picture(path, height=4, width=6):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, np.zeros((height, width, 3), np.uint8))


def test_every_type_is_listed_and_found_by_name():
    names = [t.name for t in file_types()]
    expected = {"fewmark", "csv", "npz", "pts", "merl-rav-pts", "300w-csv", "wflw", "images"}
    assert set(names) == expected
    assert all(file_type(name).name == name for name in names)
    with pytest.raises(UnknownNameError, match=r"unknown file type 'coco'; known are fewmark"):
        file_type("coco")


def test_the_path_tells_the_type(tmp_path):
    small().save(tmp_path / "ours")
    (tmp_path / "marks").mkdir()
    (tmp_path / "marks" / "a.pts").touch()
    write_picture(tmp_path / "pictures" / "deep" / "a.png")
    (tmp_path / "h.csv").write_text("image_name,original_0_x\n")
    (tmp_path / "w.csv").write_text("image,x0,y0\n")
    for name in ("a.npz", "l.txt", "f.PTS"):
        (tmp_path / name).touch()
    found = {path.name: type_of(path).name for path in tmp_path.iterdir()}
    assert found == {
        "ours": "fewmark", "marks": "pts", "pictures": "images", "h.csv": "300w-csv",
        "w.csv": "csv", "a.npz": "npz", "l.txt": "wflw", "f.PTS": "pts",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["empty", "thing.json", "missing"])
def test_what_does_not_tell_its_type_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "thing.json").write_text("{}")
    reason = "no such file" if name == "missing" else "give one of fewmark, csv, npz, pts"
    with pytest.raises(FileFormatError, match=reason):
        read(tmp_path / name)


@pytest.mark.parametrize("name", [t.name for t in file_types()])
def test_a_missing_file_is_one_clear_error_for_every_type(tmp_path, name):
    path = tmp_path / "nowhere"
    with pytest.raises(FileFormatError, match=r"nowhere: there is no such file or folder"):
        read(path, name)


@pytest.mark.parametrize("name", ["csv", "npz", "pts", "300w-csv", "wflw"])
def test_binary_rubbish_is_one_clear_error_for_every_type(tmp_path, name):
    path = tmp_path / "rubbish"
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(FileFormatError, match="rubbish: not a"):
        read(path, name)


@pytest.mark.parametrize("name", ["csv", "pts", "300w-csv", "wflw", "npz", "fewmark"])
def test_a_folder_or_file_of_the_wrong_kind_is_refused(tmp_path, name):
    with pytest.raises(FileFormatError):
        read(tmp_path, name)


def test_a_type_that_is_only_read_cannot_be_written(tmp_path):
    with pytest.raises(UnknownNameError, match="'images' can only be read"):
        write(small(), tmp_path / "out", "images")


def test_the_suffix_tells_the_type_to_write(tmp_path):
    for name in ("a.csv", "a.npz", "ours"):
        write(small(), tmp_path / name)
        assert len(read(tmp_path / name)) == 2
    with pytest.raises(FileFormatError, match=r"cannot tell the type from '\.json'"):
        write(small(), tmp_path / "a.json")


def test_nothing_is_not_written(tmp_path):
    with pytest.raises(FileFormatError, match="there is no shape to write"):
        write(small().take(np.zeros(2, bool)), tmp_path / "a.csv")
    assert not list(tmp_path.iterdir())


def test_writing_says_what_is_lost(tmp_path):
    dataset = small(split=["train", None], subject=["x", "y"])
    assert write(dataset, tmp_path / "a.csv") == ()
    assert write(dataset, tmp_path / "pts", "pts") == ("splits", "subjects")


def test_an_old_file_stays_when_writing_fails(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(FileFormatError):
        write(small(), tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_pictures_alone_make_a_data_set_with_all_landmarks_absent(tmp_path):
    write_picture(tmp_path / "b.png")
    write_picture(tmp_path / "d" / "a.jpg")
    with pytest.raises(FileFormatError, match="give a landmark format"):
        read(tmp_path)
    dataset = read(tmp_path, landmark_format="mafl-5")
    assert list(dataset.samples["image"]) == ["b.png", "d/a.jpg"]
    assert not dataset.shapes.present.any()
    assert dataset.format.name == "mafl-5"
    with pytest.raises(FileFormatError, match="that of the pictures already"):
        read(tmp_path, landmark_format="mafl-5", images=tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileFormatError, match="there is no picture"):
        read(tmp_path / "empty", "images", landmark_format="mafl-5")
    with pytest.raises(FileFormatError, match="expected a folder of pictures"):
        read(tmp_path / "b.png", "images", landmark_format="mafl-5")


def test_sizes_are_measured_from_the_pictures(tmp_path):
    write_picture(tmp_path / "a.png", 5, 7)
    dataset = with_sizes(read(tmp_path, landmark_format="mafl-5"))
    assert list(dataset.samples["height_px"]) == [5]
    assert list(dataset.samples["width_px"]) == [7]
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(FileFormatError, match="not a picture"):
        with_sizes(read(tmp_path, landmark_format="mafl-5"))
    assert with_sizes(dataset) is not dataset  # known sizes are not measured again


def test_our_folder_refuses_another_format_and_takes_other_pictures(tmp_path):
    small(images=["a.png", "b.png"]).save(tmp_path / "ours")
    with pytest.raises(FileFormatError, match="the data set has points-2, but mafl-5 was asked"):
        read(tmp_path / "ours", landmark_format="mafl-5")
    for name in ("a.png", "b.png"):
        write_picture(tmp_path / "pictures" / name)
    again = read(tmp_path / "ours", images=tmp_path / "pictures")
    assert again.image_path(1) == tmp_path / "pictures/b.png"
    (tmp_path / "file").touch()
    with pytest.raises(FileFormatError, match="expected a folder, found a file"):
        write(small(), tmp_path / "file", "fewmark")


def test_ids_stay_unique_where_a_number_is_taken_already():
    assert unique_ids(["a", "a#2", "a", "a.png"]) == ["a", "a#2", "a#3", "a#4"]
    assert unique_ids(["v1.2", "v1.2"]) == ["v1.2", "v1.2#2"]


def save_npz(path, **arrays):
    np.savez(path, **arrays)
    return path


POINTS = np.arange(8.0).reshape(2, 2, 2)


def test_a_foreign_archive_has_no_names_for_its_landmarks_unless_told(tmp_path, caplog):
    path = save_npz(tmp_path / "a.npz", points=POINTS, names=["x/1.jpg", "leaf 2"], vine=[1, 2])
    dataset = read(path)
    assert dataset.format.name == "points-2"
    assert list(dataset.samples["shape_id"]) == ["x/1", "leaf 2"]
    assert list(dataset.samples["image"]) == ["x/1.jpg", None]
    assert "not read: vine" in caplog.text
    bare = read(save_npz(tmp_path / "b.npz", points=POINTS), landmark_format="points-2")
    assert list(bare.samples["shape_id"]) == ["0", "1"]


def test_vis_is_one_where_visible_and_nan_is_absent(tmp_path):
    points = POINTS.copy()
    points[1, 1] = np.nan
    path = save_npz(tmp_path / "a.npz", points=points, vis=np.array([[1, 0], [0, 1]], np.uint8))
    np.testing.assert_array_equal(read(path).shapes.visibility, [[2, 1], [1, 0]])


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"marks": POINTS}, "points: this array is missing; the archive has: marks"),
        ({"points": POINTS[0]}, r"points: expected numbers \(N, M, 2 or 3\)"),
        ({"points": POINTS.astype(str)}, "points: expected numbers"),
        ({"points": POINTS[:0]}, "there is no landmark in it"),
        (
            {"points": np.full((1, 1, 2), np.inf)},
            "shape 0, landmark 0: expected no coordinate beyond 1,000,000,000 pixels, got inf",
        ),
        ({"points": np.array([[[1.0, np.nan]]])}, "NaN must stand exactly where"),
        ({"points": POINTS, "names": ["one"]}, "names: expected 2 texts"),
        ({"points": POINTS, "names": [1.5, 2.5]}, "names: expected 2 texts"),
        ({"points": POINTS, "shape_id": ["a", "a"]}, "'a' stands for more than one shape"),
        ({"points": POINTS, "visibility": np.full((2, 2), 3)}, r"visibility: expected \(0, 1, 2\)"),
        ({"points": POINTS, "visibility": np.zeros((2, 2))}, "NaN must stand exactly where"),
        ({"points": POINTS, "vis": np.ones((2, 3))}, r"vis: expected \(0, 1\)"),
        ({"points": POINTS, "format": "mafl-6"}, "format: not a landmark format"),
        ({"points": POINTS, "format": "mafl-5"}, r"expected 5 landmarks \(mafl-5\), found 2"),
        ({"points": POINTS, "format_toml": "name = 1"}, "format: not a landmark format"),
        ({"points": POINTS, "format_toml": "= 1"}, "format: not a landmark format"),
        ({"points": POINTS, "box": np.ones((2, 3))}, r"box: expected numbers \(2, 4\)"),
        ({"points": POINTS, "size": np.full((2, 2), 1.5)}, "cannot safely cast|whole"),
        ({"points": np.array([[[object()] * 2]])}, "npz archive: it holds Python objects"),
    ],
)
def test_every_broken_array_of_an_archive_is_named(tmp_path, arrays, problem):
    path = save_npz(tmp_path / "a.npz", **arrays)
    with pytest.raises(FileFormatError, match=problem) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_an_archive_that_names_its_format_refuses_another(tmp_path):
    write(small(), tmp_path / "a.npz")
    with pytest.raises(FileFormatError, match="the file says points-2, but mafl-5 was asked for"):
        read(tmp_path / "a.npz", landmark_format="mafl-5")


def test_a_truncated_archive_and_a_single_array_are_refused(tmp_path):
    path = save_npz(tmp_path / "a.npz", points=POINTS)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(FileFormatError, match="not a readable npz archive"):
        read(path)
    np.save(tmp_path / "b.npy", POINTS)
    with pytest.raises(FileFormatError, match="a single array, not an archive"):
        read(tmp_path / "b.npy", "npz")
    with zipfile.ZipFile(tmp_path / "c.npz", "w") as archive:
        archive.writestr("points.npy", json.dumps([1, 2]))
    with pytest.raises(FileFormatError, match="points: expected numbers"):
        read(tmp_path / "c.npz")


def test_an_archive_keeps_a_format_of_its_own(tmp_path):
    own = landmark_format("mafl-5")
    dataset = LandmarkDataset(empty_shapes(own, 1, D=3), sample_table(["a"]))
    write(dataset, tmp_path / "a.npz")
    again = read(tmp_path / "a.npz")
    assert again.format == own
    assert again.shapes.points.shape == (1, 5, 3)


@pytest.mark.parametrize("wrong", [5, [1], b"mafl-5"])
def test_what_is_no_landmark_format_is_refused_at_once(tmp_path, wrong):
    with pytest.raises(TypeError, match="expected a landmark format or its name, got"):
        read(tmp_path, landmark_format=wrong)


def test_shapes_without_a_name_in_an_archive_are_numbered(tmp_path):
    dataset = read(save_npz(tmp_path / "a.npz", points=POINTS, names=["", "b"]))
    assert list(dataset.samples["shape_id"]) == ["0", "b"]


def test_an_archive_that_would_swell_is_refused_before_it_is_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("points.npy", b"\0" * (300 * 2**20))
    with pytest.raises(FileFormatError, match=r"would swell from 0\.3 to 300\.0 MiB"):
        read(tmp_path / "a.npz")


def test_an_archive_of_a_huge_header_gives_no_advice_to_trust_it(tmp_path):
    header = b"\x93NUMPY\x02\x00" + (20_000).to_bytes(4, "little") + b" " * 20_000
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("points.npy", header)
    with pytest.raises(FileFormatError, match="not a readable npz archive") as caught:
        read(tmp_path / "a.npz")
    assert "securely" not in str(caught.value)


def test_a_folder_in_an_archives_place_is_told_in_plain_words(tmp_path):
    (tmp_path / "a.npz").mkdir()
    with pytest.raises(FileFormatError, match="not a readable npz archive: Is a directory"):
        read(tmp_path / "a.npz", "npz")


def test_what_is_no_data_set_is_not_written(tmp_path):
    with pytest.raises(TypeError, match="expected a LandmarkDataset, got ShapeSet"):
        write(small().shapes, tmp_path / "a.csv")
    assert not list(tmp_path.iterdir())
