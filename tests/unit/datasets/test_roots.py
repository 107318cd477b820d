import os

import pytest

from datasets.errors import FileFormatError
from datasets.roots import may_open, open_roots, require_open


@pytest.fixture
def folders(tmp_path, monkeypatch):
    for name in ("workspace", "named", "named-too", "other"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("FEWMARK_WORKSPACE", str(tmp_path / "workspace"))
    named = os.pathsep.join(str(tmp_path / name) for name in ("named", "named-too"))
    monkeypatch.setenv("FEWMARK_PICTURES", named)
    return tmp_path


def test_where_nobody_signs_in_everything_may_be_opened(folders, monkeypatch):
    monkeypatch.delenv("FEWMARK_SIGN_IN", raising=False)
    assert open_roots() is None
    assert may_open(folders / "other")


def test_a_team_may_open_what_really_lies_below_its_folders(folders, monkeypatch):
    monkeypatch.setenv("FEWMARK_SIGN_IN", "header")
    (folders / "named" / "link").symlink_to(folders / "other")
    inside = ("workspace", "workspace/data/x.csv", "named/a/b", "named-too")
    outside = ("", "other", "named/../other", "named/link", "named/link/x.csv", "named-three")
    assert all(may_open(folders / name) for name in inside)
    assert not any(may_open(folders / name) for name in outside)


def test_a_refusal_names_the_file_and_not_where_the_server_keeps_it(folders, monkeypatch):
    monkeypatch.setenv("FEWMARK_SIGN_IN", "header")
    with pytest.raises(FileFormatError, match=r"^x\.csv: lies outside the workspace and"):
        require_open(folders / "other" / "x.csv")
