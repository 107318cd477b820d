"""What docs/team.md promises is what the code does."""

import re
import shlex
from pathlib import Path

import pytest

from annotate import serving
from annotate.access import RIGHTS, Right, Role
from annotate.cli import main
from annotate.store import AnnotationStore, Project

GUIDE = (Path(__file__).parents[3] / "docs" / "team.md").read_text("utf-8")

# The rows of the table of roles, in its order.
ROWS = (
    Right.SEE, Right.LABEL, Right.REVIEW, Right.EXPORT, Right.OVERSEE, Right.RESEARCH,
    Right.MANAGE,
)  # fmt: skip


def test_the_table_of_roles_is_the_table_of_rights() -> None:
    table = GUIDE.split("## Roles")[1].split("\n\n")[1].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    roles = [Role(name) for name in cells[0][1:]]
    for right, row in zip(ROWS, cells[2:], strict=True):
        told = {role for role, cell in zip(roles, row[1:], strict=True) if cell == "yes"}
        assert told == {role for role in Role if right in RIGHTS[role]}, right


def test_the_commands_about_members_work_as_they_stand(
    store: AnnotationStore, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path / "workspace")
    commands = re.findall(r"^fewmark (project members .*)$", GUIDE, re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        main(shlex.split(command))
    assert [(one.person, one.role) for one in store.members()] == [
        ("ann@example.org", Role.MANAGER)
    ]
    assert project.name in GUIDE


def test_the_secrets_are_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "find_spec", lambda name: name)
    path = tmp_path / "secrets.toml"
    text = GUIDE.split("```toml\n")[1].split("```")[0]
    path.write_text(text.replace("…", "x" * 43), "utf-8")
    serving.Door(oidc=path).check("0.0.0.0")
