import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from datasets.errors import FileFormatError
from datasets.files import is_empty, replacing, replacing_folder


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
        pytest.raises(
            FileFormatError, match=r"folder: cannot be written: it is there, and no file"
        ),
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


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "file")
    with replacing(tmp_path / "link") as new:
        new.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "file").read_text() == "new"
    (tmp_path / "folder").symlink_to(tmp_path / "there")
    with replacing_folder(tmp_path / "folder") as new:
        (new / "other").write_text("new")
    assert (tmp_path / "folder").is_symlink()
    assert [p.name for p in (tmp_path / "there").iterdir()] == ["other"]


@pytest.mark.parametrize("write", [replacing, replacing_folder])
def test_what_is_no_file_is_not_replaced(tmp_path, write):
    os.mkfifo(tmp_path / "pipe")
    with (
        pytest.raises(FileFormatError, match=r"pipe: cannot be written: it is there, and no"),
        write(tmp_path / "pipe"),
    ):
        pass
    assert (tmp_path / "pipe").is_fifo()
    assert [p.name for p in tmp_path.iterdir()] == ["pipe"]


def killed(code, *arguments):
    script = "import os, signal, sys; from pathlib import Path; from datasets.files import *\n"
    kill = "os.kill(os.getpid(), signal.SIGKILL)"
    command = [sys.executable, "-c", script + code.format(kill=kill), *map(str, arguments)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL


def test_what_a_killed_process_left_is_no_content_and_goes_with_the_next_write(tmp_path):
    both = "replacing(Path(sys.argv[1])), replacing_folder(Path(sys.argv[2]))"
    killed(f"with {both}: {{kill}}", tmp_path / "file", tmp_path / "folder")
    assert len(list(tmp_path.iterdir())) == 2
    assert is_empty(tmp_path)
    with replacing(tmp_path / "mine") as mine, replacing(tmp_path / "other") as new:
        new.write_text("x")
        mine.write_text("y")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine", "other"]
    assert not is_empty(tmp_path)


def test_an_old_folder_that_a_killed_process_had_put_aside_is_never_thrown_away(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").write_text("kept")
    code = "Path.rename = lambda a, b: (os.rename(a, b), {kill})\n"
    code += "with replacing_folder(Path(sys.argv[1])) as new: pass"
    killed(code, tmp_path / "folder")
    with replacing(tmp_path / "file") as new:
        new.write_text("x")
    assert [p.read_text() for p in tmp_path.rglob("old/old")] == ["kept"]
