import json
import os
import time
from dataclasses import replace

import psutil
import pytest

from datasets.errors import TrainingError
from datasets.workspace import Workspace
from weaksup import run_shelf
from weaksup.run_state import RUNNING, RunState, this_process


@pytest.fixture
def workspace(tmp_path):
    for number, name in enumerate(("old", "new")):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        (folder / "config.toml").write_text("")
        os.utime(folder, (number, number))
    return Workspace(tmp_path)


def test_runs_are_listed_the_latest_first_with_those_that_only_began(workspace):
    begun = workspace.runs / "begun"
    begun.mkdir()
    (begun / "job.json").write_text("{}")
    (workspace.runs / "something else").mkdir()
    assert run_shelf.run_names(workspace) == ["begun", "new", "old"]
    assert run_shelf.run_names(Workspace(workspace.root / "none")) == []


def test_free_names_count_up(workspace):
    assert run_shelf.free_run_name(workspace) == "run-1"
    (workspace.runs / "run-1").mkdir()
    assert run_shelf.free_run_name(workspace) == "run-2"


@pytest.mark.parametrize("name", ["", "a b", "../x", ".x", "a/b", "x" * 81, "-x"])
def test_names_that_are_no_names_are_refused(workspace, name):
    with pytest.raises(TrainingError, match="begins with a letter or digit"):
        run_shelf.require_run_name(workspace, name)


def test_taken_names_are_refused(workspace):
    with pytest.raises(TrainingError, match="a run 'old' already"):
        run_shelf.require_run_name(workspace, "old")
    assert run_shelf.require_run_name(workspace, "x-1.b").path == workspace.runs / "x-1.b"


def test_a_run_that_was_thrown_away_can_be_taken_back(workspace):
    run_shelf.throw_away(workspace, "old")
    assert run_shelf.run_names(workspace) == ["new"]
    assert run_shelf.thrown_away(workspace) == ["old"]
    run_shelf.take_back(workspace, "old")
    assert (workspace.runs / "old" / "config.toml").exists()
    assert run_shelf.thrown_away(workspace) == []


def test_two_runs_of_one_name_can_be_thrown_away(workspace):
    run_shelf.throw_away(workspace, "old")
    (workspace.runs / "old").mkdir()
    run_shelf.throw_away(workspace, "old")
    assert run_shelf.thrown_away(workspace) == ["old", "old-2"]


def test_nothing_is_overwritten_by_taking_back(workspace):
    run_shelf.throw_away(workspace, "old")
    (workspace.runs / "old").mkdir()
    with pytest.raises(TrainingError, match="another run 'old' now"):
        run_shelf.take_back(workspace, "old")


def test_runs_that_are_not_there_are_refused(workspace):
    with pytest.raises(TrainingError, match="no run 'x'"):
        run_shelf.throw_away(workspace, "x")
    with pytest.raises(TrainingError, match="no run 'x' was thrown away"):
        run_shelf.take_back(workspace, "x")


def test_a_run_at_work_is_not_thrown_away(workspace):
    process = psutil.Process()
    note = {"arguments": [], "process": process.pid, "created": process.create_time()}
    (workspace.runs / "new" / "job.json").write_text(json.dumps(note))
    with pytest.raises(TrainingError, match="new is at work"):
        run_shelf.throw_away(workspace, "new")
    note["created"] = time.time() - 1e6
    (workspace.runs / "new" / "job.json").write_text(json.dumps(note))
    run_shelf.throw_away(workspace, "new")


def test_a_run_that_a_command_trains_is_not_thrown_away(workspace):
    process, created = this_process()
    state = RunState(RUNNING, "stage 'sparse'", 1, 9, process=process, created=created)
    state.save(workspace.runs / "new" / "state.json")
    with pytest.raises(TrainingError, match="new is at work"):
        run_shelf.throw_away(workspace, "new")
    replace(state, created=created - 1e6).save(workspace.runs / "new" / "state.json")
    run_shelf.throw_away(workspace, "new")


def test_a_run_with_a_broken_note_can_be_thrown_away(workspace):
    for name in ("job.json", "state.json"):
        (workspace.runs / "new" / name).write_text("{")
    run_shelf.throw_away(workspace, "new")
    assert run_shelf.thrown_away(workspace) == ["new"]
