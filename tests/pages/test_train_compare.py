"""The page Train: several runs beside each other."""

import json
from dataclasses import replace

import pytest

from tests.pages.train_space import SPARSE, add_job, add_run, empty_space, fill, opened, texts
from weaksup.presets import preset
from weaksup.run_folder import METRICS, RunFolder
from weaksup.run_state import this_process


@pytest.fixture
def space(tmp_path, monkeypatch):
    return empty_space(tmp_path, monkeypatch)


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
    assert set(page.dataframe[0].value["state"]) == {"not begun"}


def test_compared_runs_say_what_they_were_measured_on_and_when_that_differs(space):
    fill(space, pictures=False)
    for name, valid_split in (("usual", None), ("named", "valid")):
        add_run(space, name, "finished", valid_split=valid_split)
    page = compared(opened())
    assert set(page.dataframe[0].value["measured on"]) == {"faces, valid: 6 images"}
    assert "Errors in percent of the inter-pupil distance" in texts(page.caption)
    assert not page.warning
    sources = RunFolder(space.runs / "usual").path / "sources.toml"
    text = sources.read_text()
    assert "../../data" in text
    sources.write_text(text.replace("../../data", "/gone/data"))
    page.run()
    assert "faces: 6 images" in page.dataframe[0].value["measured on"].tolist()
    assert not page.warning
    state = RunFolder(space.runs / "named").state()
    RunFolder(space.runs / "named").set_state(replace(state, facts={}))  # as it reads pictures
    page.run()
    assert not page.warning
    add_run(space, "other", "finished", valid_split="train", warnings=("6 are learnt from",))
    page.run()
    page.multiselect(key="train_together").set_value(["named", "other"]).run()
    table = page.dataframe[0].value.set_index("run")
    assert table.loc["other", "measured on"] == "faces, train: 6 images"
    assert "measured on different images: their errors cannot be compared" in texts(page.warning)
    assert "other: 6 are learnt from." in texts(page.warning)


def test_compared_runs_show_the_error_of_the_network_that_is_kept_alone(space):
    fill(space, pictures=False)
    run = add_run(space, "first", "finished")
    run.add_metrics(dict.fromkeys(METRICS, 0.6) | {"stage": "sparse", "epoch": 2})
    add_run(space, "second", "finished")
    table = compared(opened()).dataframe[0].value.set_index("run")
    assert table.loc["first", "last NME, %"] == 60.0
    assert 50.0 not in table.loc["first"].tolist()


def test_a_run_that_could_not_begin_has_failed_among_others(space):
    fill(space, pictures=False)
    add_run(space, "whole", "finished")
    lost = RunFolder(space.runs / "lost")
    lost.path.mkdir()
    add_job(lost, "Error: face0.png: there is no such picture\n")
    table = compared(opened()).dataframe[0].value.set_index("run")
    assert table.loc["lost", "state"] == "failed"
