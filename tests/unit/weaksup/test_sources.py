from pathlib import Path

import numpy as np
import pytest

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError, TrainingError, UnknownNameError
from datasets.formats import landmark_format
from datasets.samples import sample_table
from datasets.shapes import ShapeSet
from weaksup.sources import Sources


@pytest.fixture
def places(tmp_path, pictures, sparse):
    learn, valid = pictures
    split = ["train"] * 40 + ["valid"] * 8
    table = learn.samples.assign(split=split)
    LandmarkDataset(learn.shapes, table, learn.root).save(tmp_path / "faces")
    learn.take(np.arange(12)).save(tmp_path / "dense")
    clicks = learn.take(np.arange(6, 30))
    clicks.with_shapes(clicks.shapes.keep(sparse.chosen)).save(tmp_path / "clicks")
    valid.save(tmp_path / "other")
    sparse.save(tmp_path / "m2.toml")
    return tmp_path


def test_data_sets_are_joined_by_the_names_of_shapes(places):
    data = Sources((places / "clicks", places / "dense"), places / "m2.toml").load()
    assert len(data.images) == 30
    assert len(data.dense_rows()) == 12
    assert data.sparse.chosen == (0, 1)
    assert data.valid is None


def test_the_split_valid_is_measured_on_unless_told(places):
    sources = Sources((places / "dense",), places / "m2.toml", places / "faces")
    assert len(sources.load().valid) == 8
    train = Sources((places / "dense",), places / "m2.toml", places / "faces", None, "train")
    assert len(train.load().valid) == 40
    whole = Sources((places / "dense",), places / "m2.toml", places / "other")
    assert len(whole.load().valid) == 24


def test_a_split_to_learn_from_narrows_only_data_that_has_splits(places):
    sources = Sources((places / "faces", places / "dense"), places / "m2.toml", split="valid")
    assert len(sources.load().images) == 8 + 12
    with pytest.raises(UnknownNameError, match="split 'dev'"):
        Sources((places / "faces",), places / "m2.toml", split="dev").load()


def test_without_a_sparse_format_every_landmark_is_on_the_main_branch(places):
    data = Sources((places / "dense",)).load()
    assert data.sparse.chosen == (0, 1, 2, 3, 4)


def test_a_table_gives_the_sources_back(places):
    sources = Sources(
        (places / "dense", places / "clicks"), places / "m2.toml", places / "faces", "a", "b"
    )
    assert Sources.from_table(sources.to_table(Path("run")), Path("sources.toml")) == sources
    few = Sources((places / "dense",))
    assert Sources.from_table(few.to_table(Path("run")), Path("sources.toml")) == few


def test_a_table_without_data_is_refused():
    with pytest.raises(TrainingError, match="names no data"):
        Sources.from_table({}, Path("sources.toml"))


def test_data_sets_that_do_not_fit_together_are_refused_by_name(places):
    other = LandmarkDataset(
        ShapeSet.from_points(np.zeros((1, 3, 2)), landmark_format("points-3")), sample_table(["a"])
    )
    other.save(places / "three")
    with pytest.raises(FileFormatError, match=r"three: cannot join spots-5 with points-3"):
        Sources((places / "dense", places / "three")).load()


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"data": "faces"}, "data: expected a list of texts, got 'faces'"),
        ({"data": [1]}, r"data: expected a list of texts, got \[1\]"),
        ({"data": ["a"], "sparse": 5}, "sparse: expected a text, got 5"),
        ({"data": ["a"], "split": ["train"]}, r"split: expected a text, got \['train'\]"),
    ],
)
def test_sources_of_wrong_types_are_refused_with_the_file(tmp_path, table, problem):
    with pytest.raises(FileFormatError, match=problem) as caught:
        Sources.from_table(table, tmp_path / "sources.toml")
    assert caught.value.path == tmp_path / "sources.toml"


def test_a_workspace_that_is_moved_has_its_own_paths(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    run = old / "runs" / "first"
    outside = old / "elsewhere" / "faces"
    sources = Sources((old / "data" / "clicks", outside), old / "formats" / "m.toml", start=run)
    table = sources.to_table(run)
    assert table["data"] == ["../../data/clicks", str(outside)]
    assert Sources.from_table(table, run / "sources.toml") == sources
    moved = Sources.from_table(table, new / "runs" / "first" / "sources.toml")
    assert moved.data == (new / "data" / "clicks", outside)
    assert moved.sparse == new / "formats" / "m.toml"
    assert moved.start == new / "runs" / "first"
