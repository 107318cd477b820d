"""The Train page, with data sets that need no pictures unless a run is really started."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import psutil
import pytest
from streamlit.testing.v1 import AppTest

from datasets.dataset import LandmarkDataset
from datasets.formats import SparseFormat, landmark_format
from datasets.images import write_image
from datasets.jobs import find_job
from datasets.samples import sample_table
from datasets.shapes import ShapeSet
from datasets.workspace import VARIABLE, Workspace
from weaksup.completion import complete
from weaksup.presets import preset
from weaksup.run_folder import METRICS, RunFolder
from weaksup.run_state import RunState, this_process

FIVE = landmark_format("mafl-5")
SPARSE = SparseFormat(FIVE, (0, 2), (0, 0, 2, 2, 2))


def script():
    import weaksup.page
    from datasets.ui import page_body

    page_body(weaksup.page.render)()


@pytest.fixture
def space(tmp_path, monkeypatch):
    workspace = Workspace(tmp_path / "space")
    monkeypatch.setenv(VARIABLE, str(workspace.root))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    return workspace


def opened():
    page = AppTest.from_function(script, default_timeout=60).run()
    assert not page.exception
    return page


def fill(space, *, pictures=True):
    """24 shapes: 8 dense ones, clicks on all, and another 6 that are valid."""
    rng = np.random.default_rng(0)
    base = np.array([[10, 12], [22, 12], [16, 17], [11, 23], [21, 23]], dtype=float)
    points = base + rng.normal(0, 1.5, (30, 5, 2))
    names = [f"face{i}" for i in range(30)]
    root = space.root / "pictures"
    root.mkdir(parents=True)
    if pictures:
        for name in names:
            write_image(root / f"{name}.png", rng.integers(0, 255, (32, 32, 3), dtype=np.uint8))
    splits = ["train"] * 24 + ["valid"] * 6
    samples = sample_table(names, [f"{n}.png" for n in names], split=splits)
    whole = LandmarkDataset(ShapeSet.from_points(points, FIVE), samples, root)
    whole.save(space.data / "faces")
    whole.take(np.arange(8)).save(space.data / "dense")
    clicks = whole.take(np.arange(24))
    clicks.with_shapes(clicks.shapes.keep(SPARSE.chosen)).save(space.data / "clicks")
    SPARSE.save(space.formats / "m2.toml")


def add_run(space, name, status, *, epochs_done=1, warnings=(), process=None):
    run = RunFolder(space.runs / name)
    run.create(preset("quick"), SPARSE, {"data": [str(space.data / "dense")]})
    facts = {
        "images": 24, "dense": 8, "valid": 6, "landmarks": 5, "sparse": 2, "device": "cpu",
        "mean_shape_nme": 0.2,
    }  # fmt: skip
    number, created = process or (2**30, 0.0)
    run.set_state(
        RunState(status, "its message", epochs_done, 100, warnings, facts, number, created)
    )
    row = dict.fromkeys(METRICS, 0.5) | {"stage": "sparse", "epoch": 1}
    run.add_metrics(row)
    return run


def metric(page, label):
    return next(m.value for m in page.metric if m.label == label)


def texts(elements):
    return " ".join(element.value for element in elements)


def labels(page):
    return [button.label for button in page.button]


def press(page, label):
    next(button for button in page.button if button.label == label).click().run()
    assert not page.exception


def test_without_data_and_without_a_format_the_page_says_what_to_do_first(space):
    assert "There is no data set yet" in texts(opened().markdown)
    fill(space, pictures=False)
    (space.formats / "m2.toml").unlink()
    assert "There is no sparse format yet" in texts(opened().markdown)


def test_a_format_that_no_data_set_has_leads_to_the_data_page(space):
    fill(space, pictures=False)
    other = landmark_format("points-7")
    SparseFormat(other, (0,), (0,) * 7).save(space.formats / "a.toml")
    assert "No data set has the landmarks of a" in texts(opened().markdown)


def test_the_page_proposes_clicks_and_dense_shapes_and_tells_what_is_saved(space):
    fill(space, pictures=False)
    page = opened()
    assert page.multiselect[0].value == ["clicks", "dense"]
    assert metric(page, "Images, N") == "24"
    assert metric(page, "of them dense, n") == "8"
    assert metric(page, "Marked, m of M") == "2 of 5"
    assert metric(page, "Labels saved") == str(3 * 16)
    passes = 20 * 24 + 8
    assert f"2 stages, 21 epochs, {passes:,} images" in texts(page.caption)
    command = page.code[0].value
    assert command.startswith("fewmark train ")
    assert "--valid-split valid" in command
    assert "--sparse" in command


def test_what_cannot_be_trained_is_told_and_cannot_be_started(space):
    fill(space, pictures=False)
    page = opened()
    page.multiselect[0].set_value(["clicks"]).run()
    assert "needs at least 1 images with all 5 landmarks" in texts(page.warning)
    assert page.button(key="train_start").disabled
    page.multiselect[0].set_value([]).run()
    assert "Choose at least one data set" in texts(page.warning)


def test_a_bad_name_is_refused_in_words(space):
    fill(space, pictures=False)
    page = opened()
    page.text_input(key="train_name").set_value("../evil").run()
    press(page, "Start")
    assert "a run's name has letters" in texts(page.error)
    assert not space.runs.exists()


def test_a_run_is_started_and_comes_to_its_end(space):
    fill(space)
    page = opened()
    page.number_input(key="train_scale").set_value(0.02).run()
    page.text_input(key="train_name").set_value("mine").run()
    press(page, "Start")
    assert page.selectbox(key="train_run").value == "mine"
    job = find_job(space.runs / "mine")
    psutil.wait_procs([psutil.Process(job.process)] if job.running else [], timeout=120)
    run = RunFolder(space.runs / "mine")
    assert run.state().status == "finished", job.last_lines()
    assert len(run.metrics()) == 2
    page.run()
    assert not page.exception
    assert "finished after 2 epochs" in page.get("progress")[0].proto.text
    assert "Resume" not in labels(page)


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


def test_what_a_model_placed_is_not_proposed_to_learn_from(space):
    fill(space, pictures=False)
    completed = complete(
        LandmarkDataset.load(space.data / "clicks"), LandmarkDataset.load(space.data / "dense")
    )
    completed.take(np.arange(4)).save(space.data / "completed")
    page = opened()
    assert page.multiselect[0].value == ["clicks", "dense"]
    assert "completed" not in page.multiselect[0].options
    assert "completed" not in next(s for s in page.selectbox if s.label == "Measure on").options


def test_clicks_that_change_nothing_are_told(space):
    fill(space, pictures=False)
    page = opened()
    assert "changes nothing" not in texts(page.warning)
    page.multiselect[0].set_value(["clicks", "faces"]).run()
    assert "marking a few of them changes nothing" in texts(page.warning)


def compared(page):
    page.button_group(key="train.view").set_value("Compare").run()
    assert not page.exception
    return page


def drawn(page):
    """Traces of the figure, by name."""
    figure = json.loads(page.get("plotly_chart")[0].proto.spec)
    return {trace["name"]: trace for trace in figure["data"]}


def test_several_runs_are_compared_in_one_figure(space):
    fill(space, pictures=False)
    for name in ("run-1", "run-2", "other"):
        add_run(space, name, "finished")
    page = compared(opened())
    assert set(drawn(page)) == {"run-1", "run-2", "other"}
    table = page.dataframe[0].value.set_index("run")
    assert table.loc["other", "last NME, %"] == 50.0
    assert set(table["state"]) == {"finished"}
    page.multiselect(key="train_together").set_value(["run-2"]).run()
    page.button_group(key="train_curves").set_value("Loss").run()
    assert not page.exception
    assert set(drawn(page)) == {"run-2"}
    page.multiselect(key="train_together").set_value([]).run()
    assert "Choose one at least" in texts(page.caption)


def test_compared_runs_are_renewed_while_they_work(space):
    fill(space, pictures=False)
    add_run(space, "rests", "finished")
    works = add_run(space, "works", "running", process=this_process())
    page = compared(opened())
    works.add_metrics(dict.fromkeys(METRICS, 0.25) | {"stage": "sparse", "epoch": 2})
    page.run()
    assert page.dataframe[0].value.set_index("run").loc["works", "last NME, %"] == 25.0


def test_one_run_is_nothing_to_compare_and_a_broken_one_spoils_no_other(space):
    fill(space, pictures=False)
    add_run(space, "whole", "finished")
    assert "There are not two runs" in texts(compared(opened()).info)
    broken = add_run(space, "broken", "finished")
    (broken.path / "metrics.csv").write_text("nonsense\n")
    page = compared(opened())
    assert "metrics.csv" in texts(page.error)
    assert set(drawn(page)) == {"whole"}


def test_runs_that_have_measured_nothing_yet_say_so(space):
    fill(space, pictures=False)
    for name in ("a", "b"):
        run = RunFolder(space.runs / name)
        run.create(preset("quick"), SPARSE, {"data": [str(space.data / "dense")]})
    page = compared(opened())
    assert "None of these runs has measured it yet" in texts(page.caption)
    assert set(page.dataframe[0].value["state"]) == {"starting"}
