"""`fewmark project members`, run as a user would."""

import json
from pathlib import Path
from typing import Any

import pytest

from annotate.cli import main
from annotate.store import AnnotationStore, Project


@pytest.fixture
def at(tmp_path: Path, project: Project) -> Path:  # noqa: ARG001 - it must be there
    """A store that has the project `faces`."""
    return tmp_path / "workspace" / "labels.sqlite"


def ran(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    capsys.readouterr()
    main(["project", "members", *map(str, arguments), "--json"])
    return json.loads(capsys.readouterr().out)


def failed(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit):
        main(["project", "members", *map(str, arguments)])
    return capsys.readouterr().err


def test_members_are_added_listed_and_removed(
    capsys: pytest.CaptureFixture[str], at: Path, store: AnnotationStore
) -> None:
    assert ran(capsys, "list", at) == {"members": 0}
    ran(capsys, "add", at, "Ann@x.org", "--role", "manager")
    ran(capsys, "add", at, "bea@x.org", "--role", "annotator", "--project", "faces")
    assert ran(capsys, "list", at) == {
        "members": 2,
        "rows": [
            {"person": "ann@x.org", "role": "manager", "project": None},
            {"person": "bea@x.org", "role": "annotator", "project": "faces"},
        ],
    }
    ran(capsys, "remove", at, "bea@x.org", "--project", "faces")
    assert [one.person for one in store.members()] == ["ann@x.org"]


def test_mistakes_are_one_line(capsys: pytest.CaptureFixture[str], at: Path) -> None:
    first = failed(capsys, "add", at, "bea@x.org", "--role", "annotator")
    assert first == "Error: the store needs a manager: make somebody else manager first\n"
    main(["project", "members", "add", str(at), "ann", "--role", "manager"])
    assert "needs a manager" in failed(capsys, "remove", at, "ann")
    assert "no project 'x'" in failed(
        capsys, "add", at, "bea", "--role", "reviewer", "--project", "x"
    )
    assert "no name of a person" in failed(capsys, "add", at, " ", "--role", "reviewer")
    assert "there is no annotation store" in failed(capsys, "list", at.with_name("none"))
