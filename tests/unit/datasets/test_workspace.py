import os
from pathlib import Path

import numpy as np

from datasets.dataset import LandmarkDataset
from datasets.formats import SparseFormat, landmark_format
from datasets.samples import sample_table
from datasets.shapes import ShapeSet
from datasets.workspace import DEFAULT, VARIABLE, Workspace


def test_the_environment_names_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert Workspace.from_environment().root == tmp_path
    monkeypatch.delenv(VARIABLE)
    assert Workspace.from_environment().root == Path(DEFAULT)


def test_nothing_is_there_and_nothing_is_made_by_asking(tmp_path):
    workspace = Workspace(tmp_path / "none")
    assert workspace.dataset_names() == workspace.format_names() == workspace.run_names() == []
    assert not workspace.root.exists()


def test_data_sets_are_folders_with_a_header(tmp_path):
    workspace = Workspace(tmp_path)
    dataset = LandmarkDataset(ShapeSet.from_points(np.zeros((1, 3, 2))), sample_table(["a"]))
    for name in ("zebras", "faces"):
        dataset.save(workspace.data / name)
    (workspace.data / "notes").mkdir()
    (workspace.data / "readme.txt").touch()
    assert workspace.dataset_names() == ["faces", "zebras"]


def test_sparse_formats_go_by_their_file_name(tmp_path):
    workspace = Workspace(tmp_path)
    sparse = SparseFormat(landmark_format("points-3"), (1,), (1, 1, 1))
    for name in ("m5.toml", "m10.toml"):
        sparse.save(workspace.formats / name)
    (workspace.formats / "notes.txt").touch()
    assert workspace.format_names() == ["m10", "m5"]


def test_runs_are_listed_latest_first(tmp_path):
    workspace = Workspace(tmp_path)
    for age, name in enumerate(["new", "older", "oldest"]):
        config = workspace.runs / name / "config.toml"
        config.parent.mkdir(parents=True)
        config.touch()
        os.utime(config.parent, (1e9 - age, 1e9 - age))
    (workspace.runs / "unfinished").mkdir()
    assert workspace.run_names() == ["new", "older", "oldest"]


def test_the_store_has_an_absolute_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Workspace(Path("w")).store_url == f"sqlite:///{tmp_path / 'w' / 'labels.sqlite'}"


def test_the_data_set_written_first_is_the_oldest(tmp_path):
    workspace = Workspace(tmp_path)
    for name, written in (("clicks", 2_000_000_000), ("faces", 1_000_000_000)):
        header = workspace.data / name / "dataset.toml"
        header.parent.mkdir(parents=True)
        header.touch()
        os.utime(header, (written, written))
    assert workspace.dataset_age_s("faces") > workspace.dataset_age_s("clicks")
    assert workspace.dataset_age_s("gone") == float("inf")
