import errno
from pathlib import Path

import pytest

from datasets.errors import FileFormatError
from datasets.files import replacing, replacing_folder


def full(new):
    new.write_text("half")
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with (
        pytest.raises(FileFormatError, match=r"file: cannot be written: No space left"),
        replacing(path) as new,
    ):
        full(new)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_fails_leaves_the_old_one_and_nothing_else(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "old").write_text("old")
    with (
        pytest.raises(FileFormatError, match=r"folder: cannot be written: No space left"),
        replacing_folder(path) as new,
    ):
        full(new / "file")
    assert [p.name for p in path.iterdir()] == ["old"]
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_a_place_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file" / "below", tmp_path / ("a" * 300)):
        with pytest.raises(FileFormatError, match=r"cannot be written"), replacing(path) as new:
            new.write_text("x")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_file_does_not_replace_a_folder(tmp_path):
    (tmp_path / "folder").mkdir()
    with (
        pytest.raises(FileFormatError, match=r"folder: cannot be written: Is a directory"),
        replacing(tmp_path / "folder") as new,
    ):
        new.write_text("x")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_the_longest_name_that_the_system_allows_can_be_written(tmp_path):
    with replacing(tmp_path / ("a" * 255)) as new:
        new.write_text("x")
    assert (tmp_path / ("a" * 255)).read_text() == "x"


def test_the_old_folder_stays_where_the_new_one_cannot_take_its_place(tmp_path, monkeypatch):
    old = tmp_path / "faces"
    old.mkdir()
    (old / "a.pts").write_text("kept")
    rename = Path.rename

    def only_away(self, target):
        if self.name == "new":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", only_away)
    with pytest.raises(FileFormatError, match="No space left"), replacing_folder(old) as new:
        (new / "a.pts").write_text("new")
    assert (old / "a.pts").read_text() == "kept"
    assert [p.name for p in tmp_path.iterdir()] == ["faces"]
