import errno
from pathlib import Path

import numpy as np
import pytest

from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError, FileFormatError
from datasets.formats import landmark_format
from datasets.images import read_image
from datasets.synthetic import DemoError, demo_face, make_demo, sample_faces

SMALL = {"size_px": 48, "images_per_subject": 3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo") / "faces"


@pytest.fixture(scope="module")
def demo(folder):
    return make_demo(folder, 24, seed=7, **SMALL)


def test_the_folder_is_a_data_set_with_its_pictures(demo, folder):
    loaded = LandmarkDataset.load(folder)
    assert loaded.format == landmark_format("300w-68")
    np.testing.assert_array_equal(loaded.shapes.points, demo.shapes.points)
    np.testing.assert_array_equal(loaded.shapes.visibility, demo.shapes.visibility)
    for row in range(len(loaded)):
        assert read_image(loaded.image_path(row)).shape == (48, 48, 3)
    assert (loaded.samples["height_px"] == 48).all()
    assert (loaded.samples["width_px"] == 48).all()
    assert sorted(p.name for p in folder.iterdir()) == ["dataset.toml", "images", "shapes.parquet"]


def test_the_folder_can_be_moved(demo, folder, tmp_path):
    copy = tmp_path / "elsewhere"
    for name in ("dataset.toml", "shapes.parquet"):
        copy.mkdir(exist_ok=True)
        (copy / name).write_bytes((folder / name).read_bytes())
    assert LandmarkDataset.load(copy).image_path(0) == copy / demo.samples["image"].iloc[0]


def test_pictures_are_those_that_were_drawn(demo):
    face = demo_face(2, 1, size_px=48, seed=7)
    stored = read_image(demo.image_path(7)).astype(float)
    assert np.abs(stored - face.image).mean() < 6  # JPEG's loss
    np.testing.assert_array_equal(demo.shapes.points[7], face.points)


@pytest.mark.usefixtures("demo")
def test_equal_seeds_give_equal_files_and_other_seeds_others(folder, tmp_path):
    make_demo(tmp_path / "again", 24, seed=7, **SMALL)
    make_demo(tmp_path / "other", 24, seed=8, **SMALL)
    for path in sorted((folder / "images").iterdir()):
        assert (tmp_path / "again" / "images" / path.name).read_bytes() == path.read_bytes()
        assert (tmp_path / "other" / "images" / path.name).read_bytes() != path.read_bytes()


def test_a_longer_demo_begins_with_the_shorter_one(demo, folder, tmp_path):
    shorter = make_demo(tmp_path / "shorter", 10, seed=7, **SMALL)
    assert shorter.samples["image"].tolist() == demo.samples["image"].tolist()[:10]
    assert shorter.samples["split"].tolist() == demo.samples["split"].tolist()[:10]
    np.testing.assert_array_equal(shorter.shapes.points, demo.shapes.points[:10])
    for name in shorter.samples["image"]:
        assert (tmp_path / "shorter" / name).read_bytes() == (folder / name).read_bytes()


def test_no_person_is_in_both_splits_and_the_shares_are_right(demo):
    by_split = {name: set(demo.split(name).samples["subject"]) for name in ("train", "valid")}
    assert not by_split["train"] & by_split["valid"]
    assert len(by_split["valid"]) == 2  # a quarter of 8
    assert (demo.samples.groupby("subject").size() == 3).all()


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (0.2, 2), (0.5, 5), (0.8, 8)])
def test_the_share_to_validate_on_is_kept(share, expected, tmp_path):
    made = make_demo(tmp_path / "d", 10, 32, valid_share=share, images_per_subject=1)
    assert (made.samples["split"] == "valid").sum() == expected


def test_two_subjects_are_enough_for_both_splits(tmp_path):
    made = make_demo(tmp_path / "d", 4, 32, images_per_subject=2)
    assert made.splits == ("train", "valid")


def test_every_landmark_lies_in_its_picture():
    points = sample_faces(500, 128, images_per_subject=1).points
    assert points.min() > 0
    assert points.max() < 127


def test_sample_faces_gives_the_shapes_of_the_demo(demo):
    shapes = sample_faces(24, seed=7, **SMALL)
    np.testing.assert_array_equal(shapes.points, demo.shapes.points)


def test_progress_is_told_after_every_picture(tmp_path):
    seen = []
    make_demo(tmp_path / "d", 3, 32, on_progress=lambda *steps: seen.append(steps))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_an_existing_empty_folder_is_taken(tmp_path):
    assert len(make_demo(tmp_path, 1, 32)) == 1


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(FewmarkError, match="expected a new or empty folder"):
        make_demo(tmp_path, 2)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_in_the_folders_place_is_refused(tmp_path):
    path = tmp_path / "demo"
    path.write_text("precious")
    with pytest.raises(DemoError, match="expected a new or empty folder"):
        make_demo(path, 2)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"n_images": 0}, "number of images must be at least 1, got 0"),
        ({"size_px": 8}, "size in pixels must be at least 32, got 8"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"images_per_subject": 0}, "number of images per subject must be at least 1, got 0"),
        ({"valid_share": 1.0}, "got 1.0"),
        ({"valid_share": -0.1}, "got -0.1"),
    ],
)
def test_numbers_out_of_range_are_refused_before_anything_is_written(arguments, problem, tmp_path):
    with pytest.raises(DemoError, match=problem):
        make_demo(tmp_path / "d", **arguments)
    assert not (tmp_path / "d").exists()


def test_a_demo_that_ends_half_way_leaves_nothing_and_can_be_made_again(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(FileFormatError, match="No space left on device"):
            make_demo(tmp_path / "d", 3, **SMALL)

    def stopped(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_demo(tmp_path / "d", 3, on_progress=stopped, **SMALL)
    assert not list((tmp_path / "d").iterdir())
    (tmp_path / "d" / ".new-killed").mkdir()
    assert len(make_demo(tmp_path / "d", 3, **SMALL)) == 3
