"""The page Train: the runs there are."""

import dataclasses
import json

import psutil
import pytest

from datasets.jobs import find_job
from tests.pages.train_space import (
    add_job,
    add_run,
    empty_space,
    fill,
    labels,
    metric,
    opened,
    press,
    texts,
)
from weaksup.run_folder import RunFolder
from weaksup.run_state import RunState, this_process


@pytest.fixture
def space(tmp_path, monkeypatch):
    return empty_space(tmp_path, monkeypatch)


def test_a_run_that_could_not_begin_shows_its_log(space):
    fill(space, pictures=False)
    folder = space.runs / "lost"
    folder.mkdir(parents=True)
    note = {"arguments": ["train"], "process": 2**30, "created": 0.0}
    (folder / "job.json").write_text(json.dumps(note))
    (folder / "job.log").write_text("Error: face0.png: there is no such picture\n")
    page = opened()
    assert "could not begin" in texts(page.error)
    assert "face0.png" in texts(page.code)


def test_stopped_and_interrupted_runs_can_be_resumed(space):
    fill(space, pictures=False)
    add_run(space, "paused", "stopped", warnings=("a warning",))
    page = opened()
    assert "Resume" in labels(page)
    assert "a warning" in texts(page.warning)
    assert "8 dense of 24 images" in texts(page.caption)
    RunFolder(space.runs / "paused").set_state(RunState("running", "", 1, 100, process=2**30))
    assert "Resume" in labels(opened())


def test_resuming_starts_the_command(space):
    fill(space)
    add_run(space, "paused", "stopped")
    page = opened()
    press(page, "Resume")
    job = find_job(space.runs / "paused")
    assert job.arguments == ("train", str(space.runs / "paused"), "--resume")
    job.stop()


def test_a_run_started_elsewhere_is_only_watched(space):
    fill(space, pictures=False)
    add_run(space, "theirs", "running", process=this_process())
    page = opened()
    assert "stopped where it was started" in texts(page.caption)
    assert not {"Stop", "Resume"} & set(labels(page))


def test_a_run_at_work_tells_how_long_it_will_take_yet_and_one_that_rests_does_not(space):
    fill(space, pictures=False)
    run = add_run(space, "long", "running", process=this_process())
    state = dataclasses.replace(run.state(), left_s=200.0)
    for status, expected in (
        ("running", "its message; about 3 min left"),
        ("stopped", "its message"),
    ):
        run.set_state(dataclasses.replace(state, status=status))
        (shown,) = opened().get("progress")
        assert shown.proto.text == expected


def test_a_job_at_work_can_be_stopped_but_not_deleted(space):
    fill(space, pictures=False)
    run = add_run(space, "busy", "running", process=this_process())
    process = psutil.Process()
    note = {"arguments": [], "process": process.pid, "created": process.create_time()}
    (run.path / "job.json").write_text(json.dumps(note))
    page = opened()
    assert "Stop" in labels(page)
    press(page, "Delete this run")
    assert "busy is at work" in texts(page.error)


def test_a_run_that_begins_or_is_taken_up_is_starting_until_it_says_more(space):
    fill(space, pictures=False)
    run = add_run(space, "again", "stopped")
    process = psutil.Process()
    note = {"arguments": [], "process": process.pid, "created": process.create_time()}
    (run.path / "job.json").write_text(json.dumps(note))
    page = opened()
    assert "The run is starting" in texts(page.info)
    assert "Resume" not in labels(page)
    (run.path / "state.json").unlink()
    assert "The run is starting" in texts(opened().info)
    (run.path / "job.json").unlink()
    page = opened()
    assert "The run has not begun" in texts(page.info)
    assert "Resume" in labels(page)


def test_a_deleted_run_can_be_taken_back(space):
    fill(space, pictures=False)
    add_run(space, "old", "finished")
    page = opened()
    press(page, "Delete this run")
    assert not (space.runs / "old").exists()
    assert "There is no run yet" in texts(page.info)
    press(page, "Take it back")
    assert (space.runs / "old" / "config.toml").exists()


def test_broken_files_of_a_run_are_told_in_one_line(space):
    fill(space, pictures=False)
    run = add_run(space, "broken", "finished")
    for text in ("{", "[]"):
        (run.path / "state.json").write_text(text)
        page = opened()
        assert "not the state of a run" in texts(page.error)
    press(page, "Delete this run")
    assert not run.path.exists()


def test_a_run_that_could_not_go_on_says_so_and_shows_why(space):
    fill(space, pictures=False)
    run = add_run(space, "paused", "stopped")
    assert "could not go on" not in texts(opened().error)
    add_job(run, "Error: /gone/dense: there is no such data set\n")
    page = opened()
    assert "The run could not go on; what it printed says why" in texts(page.error)
    (printed,) = (box for box in page.expander if box.label == "What it printed")
    assert printed.proto.expanded
    assert "/gone/dense" in texts(printed.code)
    assert "Resume" in labels(page)


def test_a_job_that_did_its_work_and_a_finished_run_are_no_failures(space):
    fill(space, pictures=False)
    for name, status, process in (("old", "stopped", (2**30, 2e9)), ("done", "finished", None)):
        run = add_run(space, name, status, process=process)
        add_job(run, "Epoch 1\n")
    page = opened()
    for name in ("old", "done"):
        page.selectbox(key="train_run").set_value(name).run()
        assert not page.error


def test_a_finished_run_tells_its_error_and_leads_to_the_results(space):
    fill(space, pictures=False)
    add_run(space, "done", "finished")
    page = opened()
    assert metric(page, "NME of 6 validation images") == "50.00%"
    assert metric(page, "The mean shape's NME") == "20.00%"
    assert "Errors in percent of the inter-pupil distance" in texts(page.caption)
    assert "look at what it finds" in texts(page.markdown)
    add_run(space, "busy", "running", process=this_process())
    assert "look at what it finds" not in texts(opened().markdown)


def test_figures_of_training_name_the_unit_and_hide_no_legend(space):
    fill(space, pictures=False)
    add_run(space, "done", "finished")
    charts = [chart.proto for chart in opened().get("plotly_chart")]
    assert "validation NME, % of inter-pupil distance" in charts[1].spec
    assert [json.loads(chart.config)["displayModeBar"] for chart in charts] == [False, False]
