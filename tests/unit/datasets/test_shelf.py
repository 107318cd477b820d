import os

import numpy as np
import pytest

from datasets.browsing import listing, told_type
from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError
from datasets.images import write_image
from datasets.samples import sample_table
from datasets.shapes import ShapeSet
from datasets.shelf import (
    NameTakenError,
    PicturesInUseError,
    free_name,
    rename,
    replacing_dataset,
    require_name,
    take_back,
    throw_away,
    thrown_away,
)
from datasets.workspace import Workspace


@pytest.fixture
def space(tmp_path):
    """A workspace with the data set ``one`` and its picture outside."""
    write_image(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8))
    shapes = ShapeSet.from_points([[[1.0, 2.0]]])
    workspace = Workspace(tmp_path / "space")
    LandmarkDataset(shapes, sample_table(["a"], ["a.png"]), tmp_path).save(workspace.data / "one")
    return workspace


def test_a_renamed_data_set_still_finds_its_pictures(space):
    rename(space, "one", "two words")
    assert space.dataset_names() == ["two words"]
    assert LandmarkDataset.load(space.data / "two words").image_path(0).is_file()


@pytest.mark.parametrize(
    "name", ["", "../out", "a/b", ".hidden", " a", "a ", "a.", "x" * 81, "a\n"]
)
def test_names_that_are_no_names_are_refused(space, name):
    with pytest.raises(NameTakenError, match="is no good name"):
        require_name(space, name)


def test_a_name_that_is_taken_is_refused(space):
    with pytest.raises(NameTakenError, match="there is a data set 'one' already"):
        rename(space, "one", "one")


def test_what_is_thrown_away_comes_back_whole(space):
    throw_away(space, "one")
    assert space.dataset_names() == []
    assert thrown_away(space) == ["one"]
    lying = LandmarkDataset.load(space.root / ".trash" / "one")
    assert lying.image_path(0).is_file()  # as deep as before: paths still lead to the pictures
    assert take_back(space, "one") == "one"
    assert space.dataset_names() == ["one"]
    assert thrown_away(space) == []


def test_names_taken_in_the_meantime_are_avoided_both_ways(space):
    dataset = LandmarkDataset.load(space.data / "one")
    throw_away(space, "one")
    dataset.save(space.data / "one")
    throw_away(space, "one")
    dataset.save(space.data / "one")
    assert thrown_away(space) == ["one", "one-2"]
    assert take_back(space, "one") == "one-2"
    assert space.dataset_names() == ["one", "one-2"]


def test_what_is_replaced_lies_in_the_trash_and_comes_back_if_writing_fails(space):
    other = LandmarkDataset(ShapeSet.from_points([[[3.0, 4.0]]]), sample_table(["b"]))

    def fail():
        with replacing_dataset(space, "one") as folder:
            other.save(folder)
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert LandmarkDataset.load(space.data / "one").samples["shape_id"].tolist() == ["a"]
    assert thrown_away(space) == []
    for name in ("one", "new"):
        with replacing_dataset(space, name) as folder:
            other.save(folder)
        assert LandmarkDataset.load(space.data / name).samples["shape_id"].tolist() == ["b"]
    assert thrown_away(space) == ["one"]
    take_back(space, "one")
    assert LandmarkDataset.load(space.data / "one-2").samples["shape_id"].tolist() == ["a"]


def test_free_names_are_good_names(space):
    for wish in ("one", "  ", "../..", "300w: valid?", "x" * 200, "höhe"):
        assert require_name(space, free_name(space, wish))
    assert free_name(space, "one") == "one-2"


def test_a_folder_shows_folders_and_files_of_landmarks_alone(tmp_path):
    for name in ("b.csv", "A.npz", "note.md", ".hidden.csv"):
        (tmp_path / name).touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / ".git").mkdir()
    found = listing(tmp_path)
    assert [path.name for path in found.folders] == ["sub"]
    assert [path.name for path in found.files] == ["A.npz", "b.csv"]
    with pytest.raises(FileFormatError, match="cannot be looked into: No such file"):
        listing(tmp_path / "nowhere")


def test_a_short_look_tells_the_type_of_a_folder(space, tmp_path):
    assert told_type(space.data / "one") == "fewmark"
    assert told_type(tmp_path) == "images"
    deep = tmp_path / "marks" / "train"
    deep.mkdir(parents=True)
    assert told_type(tmp_path / "marks") is None
    (deep / "a.pts").touch()
    assert told_type(tmp_path / "marks") == "pts"
    assert told_type(tmp_path / "nowhere.pts") is None
    (tmp_path / "t.csv").write_text(f"x0,y0{os.linesep}")
    assert told_type(tmp_path / "t.csv") == "csv"


@pytest.fixture
def faces(space):
    """A data set with its picture in its own folder, and one made from it."""
    folder = space.data / "faces"
    (folder / "images").mkdir(parents=True)
    write_image(folder / "images" / "a.png", np.zeros((4, 4, 3), np.uint8))
    shapes = ShapeSet.from_points([[[1.0, 2.0]]])
    dataset = LandmarkDataset(shapes, sample_table(["a"], ["a.png"]), folder / "images")
    dataset.save(folder)
    dataset.save(space.data / "dense")
    return space


def test_a_folder_with_pictures_keeps_its_name(faces):
    with pytest.raises(PicturesInUseError, match="faces keeps its name"):
        rename(faces, "faces", "people")
    rename(faces, "dense", "few")
    assert faces.dataset_names() == ["faces", "few", "one"]


def test_a_folder_whose_pictures_others_show_is_thrown_away_after_them(faces):
    with pytest.raises(PicturesInUseError, match="pictures of dense are in the folder of faces"):
        throw_away(faces, "faces")
    throw_away(faces, "dense")
    throw_away(faces, "faces")
    assert thrown_away(faces) == ["dense", "faces"]


def test_a_folder_with_pictures_is_not_replaced(faces):
    throw_away(faces, "dense")  # nobody but annotation projects may need them now
    refused = pytest.raises(PicturesInUseError, match="faces is not replaced: its pictures")
    with refused, replacing_dataset(faces, "faces"):
        pass
    assert faces.dataset_names() == ["faces", "one"]


def test_a_broken_data_set_holds_on_to_no_pictures(faces):
    (faces.data / "dense" / "dataset.toml").write_text("no = [")
    throw_away(faces, "faces")
    assert faces.dataset_names() == ["dense", "one"]
