"""The Budget page: from demands to a saved sparse format."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import correlation.budget_ui as module
from correlation import stability_ui
from correlation.affinity import affinity
from correlation.clicks import usual_noise
from correlation.error_selection import forecast_of, select_for_error
from correlation.planning import Rates, plans
from correlation.selection import select
from correlation.stability import enough, stability
from datasets.dataset import LandmarkDataset
from datasets.errors import SelectionError
from datasets.formats import SparseFormat, landmark_format
from datasets.samples import sample_table
from datasets.shapes import ShapeSet
from datasets.ui import MeasuredScatter, MeasuredTimes


def page():
    from correlation.budget_page import render
    from datasets.ui import page_body

    page_body(render)()


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("FEWMARK_WORKSPACE", str(tmp_path))
    return tmp_path


@pytest.fixture
def faces(workspace):
    return save(workspace, "lfw-10")


def save(workspace, format_name, N=40, D=2):
    known = landmark_format(format_name)
    points = np.random.default_rng(6).normal(size=(N, len(known), D)).cumsum(axis=1)
    table = sample_table([f"shape-{i}" for i in range(N)])
    dataset = LandmarkDataset(ShapeSet.from_points(points, known), table)
    dataset.save(workspace / "data" / "faces")
    return dataset


def opened(m=None):
    app = AppTest.from_function(page, default_timeout=60).run()
    if m is not None:
        app.number_input[0].set_value(m).run()
    assert not app.exception
    return app


def metrics(app):
    return {m.label: m.value for m in app.metric}


def box(app, label):
    return next(
        w for w in (*app.multiselect, *app.selectbox, *app.number_input) if w.label == label
    )


def press(app, label):
    next(b for b in app.button if b.label == label).click().run()
    assert not app.exception


@pytest.mark.usefixtures("workspace")
def test_without_data_the_page_leads_to_the_data_page():
    assert "Open one first" in opened().markdown[-1].value


def test_the_page_shows_what_the_search_finds(faces):
    app = opened(m=4)
    expected = select(affinity(faces.shapes), 4)
    shown = metrics(app)
    assert shown["c, smallest affinity"] == f"{expected.min_correlation:.4f}"
    weakest = expected.bottleneck_name.replace("_", " ")
    assert f"weakest landmark  \n**{weakest}**" in [m.value for m in app.markdown]
    assert "Proven" in app.success[0].value
    assert list(app.dataframe[-1].value["landmark"]) == list(expected.sparse.names)
    assert len(app.get("plotly_chart")) == 2
    assert any("hardly tells" in c.value for c in app.caption)


def test_demands_are_met(faces):
    app = opened(m=3)
    names = faces.format.landmarks
    box(app, "Keep (annotated already)").set_value([names[7]]).run()
    box(app, "Leave out (hard to mark)").set_value([names[0], names[1]]).run()
    chosen = set(app.dataframe[-1].value["landmark"])
    assert names[7] in chosen
    assert not {names[0], names[1]} & chosen


def test_demands_that_cannot_be_met_are_explained(faces):
    app = opened(m=2)
    box(app, "Keep (annotated already)").set_value(list(faces.format.landmarks[:3])).run()
    assert "raise m or include fewer" in app.error[0].value
    assert not app.exception


def test_an_existing_format_can_be_extended(workspace):
    save(workspace, "300w-inner-41")
    app = opened(m=8)
    box(app, "Extend a format").set_value("mafl-5").run()
    names = set(app.dataframe[-1].value["landmark"])
    assert len(names) == 8
    inner = landmark_format("300w-inner-41")
    assert {inner.landmarks[i] for i in (3, 11, 16, 21, 27)} <= names


@pytest.mark.usefixtures("faces")
def test_saved_points_are_counted():
    app = opened(m=4)
    box(app, "N, images in all").set_value(1000).run()
    box(app, "n, marked densely").set_value(100).run()
    assert metrics(app)["Points saved"] == f"{6 * 900:,}"
    box(app, "n, marked densely").set_value(2000).run()
    assert "larger than N" in app.error[0].value


def test_a_format_that_is_used_is_saved_and_asks_for_a_project(faces, workspace):
    app = opened(m=4)
    assert app.text_input[0].value == "faces-m4"
    press(app, "Use this format")
    saved = SparseFormat.load(workspace / "formats" / "faces-m4.toml")
    assert saved == select(affinity(faces.shapes), 4).sparse
    assert app.session_state["fewmark.sparse"] == "faces-m4"
    assert app.session_state["fewmark.new-project"] == "faces-m4"
    press(app, "Use this format")  # the same again is no other
    assert not app.error


@pytest.mark.usefixtures("faces")
def test_a_format_can_be_saved_without_a_project(workspace):
    app = opened(m=4)
    press(app, "Save only")
    assert (workspace / "formats" / "faces-m4.toml").exists()
    assert app.session_state["fewmark.sparse"] == "faces-m4"
    assert "fewmark.new-project" not in app.session_state


def test_the_proposed_name_is_that_of_the_data_set(faces, workspace):
    faces.save(workspace / "data" / "other")
    app = opened(m=4)
    box(app, "Data set").set_value("other").run()
    assert app.text_input[0].value == "other-m4"


def test_an_existing_name_is_replaced_only_when_asked(faces, workspace):
    path = workspace / "formats" / "mine.toml"
    select(affinity(faces.shapes), 6).save(path)
    app = opened(m=4)
    app.text_input[0].set_value("mine").run()
    press(app, "Use this format")
    assert "exists already" in app.error[0].value
    assert len(SparseFormat.load(path)) == 6
    app.checkbox(key="budget-replace-mine").check().run()
    press(app, "Use this format")
    assert len(SparseFormat.load(path)) == 4
    other = path.with_stem("other")
    select(affinity(faces.shapes), 6).save(other)
    app.text_input[0].set_value("other").run()
    press(app, "Use this format")  # the tick was for another
    assert "exists already" in app.error[0].value
    assert len(SparseFormat.load(other)) == 6
    other.write_text("no format at all")
    press(app, "Save only")
    assert "exists already" in app.error[0].value


@pytest.mark.usefixtures("faces")
@pytest.mark.parametrize("name", ["../out", "", "a/b", ".hidden"])
def test_names_that_leave_the_folder_are_refused(workspace, name):
    app = opened(m=4)
    app.text_input[0].set_value(name).run()
    press(app, "Use this format")
    assert "A name has letters" in app.error[0].value
    assert not list(workspace.rglob("*out*"))
    assert not (workspace / "formats").exists()


@pytest.mark.usefixtures("faces")
def test_a_search_that_ran_out_of_time_is_not_called_proven(monkeypatch):
    from dataclasses import replace

    real = module.select
    unproven = {"proven": False, "bound": 0.999, "ties_broken": False}
    monkeypatch.setattr(module, "select", lambda *a, **k: replace(real(*a, **k), **unproven))
    module.selection_of.clear()
    app = opened(m=4)
    module.selection_of.clear()
    assert "Not proven" in app.warning[0].value
    assert "0.9990" in app.warning[0].value
    assert not app.success


@pytest.mark.usefixtures("faces")
def test_ties_without_time_are_said(monkeypatch):
    from dataclasses import replace

    real = module.select
    monkeypatch.setattr(module, "select", lambda *a, **k: replace(real(*a, **k), ties_broken=False))
    module.selection_of.clear()
    app = opened(m=4)
    module.selection_of.clear()
    assert "same c" in app.info[0].value


@pytest.mark.usefixtures("faces")
def test_the_curve_of_many_landmarks_waits_to_be_asked(monkeypatch):
    monkeypatch.setattr("correlation.budget_page._QUICK", 5)
    app = opened(m=4)
    assert len(app.get("plotly_chart")) == 1
    app.toggle[0].set_value(True).run()
    assert len(app.get("plotly_chart")) == 2


@pytest.mark.usefixtures("faces")
def test_every_landmark_can_be_chosen():
    app = opened(m=10)
    assert "weakest landmark  \n**none**" in [m.value for m in app.markdown]
    assert "only itself" in set(app.dataframe[-1].value["represents"])


@pytest.mark.parametrize(("format_name", "D"), [("points-12", 2), ("points-12", 3)])
def test_formats_without_parts_and_shapes_in_space_are_shown(workspace, format_name, D):
    save(workspace, format_name, D=D)
    app = opened(m=3)
    assert len(app.get("plotly_chart")) == 2
    assert not app.error


def test_too_few_shapes_are_explained(workspace):
    save(workspace, "lfw-10", N=2)
    app = opened()
    assert "3 at least" in app.error[0].value


def test_more_demands_are_met_and_their_reasons_told(workspace):
    save(workspace, "300w-inner-41")
    app = opened(m=8)
    free = set(app.dataframe[-1].value["landmark"])
    app.checkbox(key="budget-pairs-300w-inner-41").check().run()
    assert not app.exception
    inner = landmark_format("300w-inner-41")
    chosen = {inner.landmarks.index(name) for name in app.dataframe[-1].value["landmark"]}
    assert {inner.mirror[i] for i in chosen} == chosen
    assert len(free) == 8
    app.checkbox(key="budget-limited-300w-inner-41").check().run()
    app.number_input(key="budget-most-cost").set_value(4.0).run()
    assert len(app.dataframe[-1].value) <= 4
    told = " ".join(c.value for c in app.caption)
    assert "landmarks that all of them have" in told or "No other set" in told


def test_both_criteria_stand_side_by_side_and_either_can_be_saved(faces, workspace):
    app = opened(m=4)
    table = app.dataframe[-2].value.set_index("choice")
    worst, error = "smallest affinity (the thesis)", "expected error (ours)"
    matrix = affinity(faces.shapes)
    by_error = select_for_error(faces.shapes, 4, affinity=matrix)
    forecast = forecast_of(faces.shapes)
    assert table["c"][worst] == pytest.approx(select(matrix, 4).min_correlation)
    assert table["c"][error] == pytest.approx(by_error.min_correlation)
    nme = forecast.of(by_error.sparse.chosen).nme
    assert table["expected NME, %"][error] == pytest.approx(100 * nme)
    assert any("has the smaller error" in c.value for c in app.caption)
    app.button_group(key="budget-criterion").set_value(error).run()
    assert list(app.dataframe[-1].value["landmark"]) == list(by_error.sparse.names)
    assert "of the variance that this one leaves open" in app.info[0].value
    press(app, "Save only")
    assert SparseFormat.load(workspace / "formats" / "faces-m4.toml") == by_error.sparse


def test_errors_to_expect_have_the_scatter_of_clicks_that_is_told(faces):
    app = opened(m=4)
    app.checkbox(key="budget-precise-lfw-10").check().run()
    assert not app.exception
    (column,) = (d.value for d in app.dataframe if "scatter" in str(d.value.columns))
    percent = column.iloc[:, 1]
    assert percent.iloc[0] == round(100 * usual_noise(faces.shapes), 1)
    chosen = select_for_error(
        faces.shapes, 4, affinity=affinity(faces.shapes), noise=percent / 100
    ).sparse.chosen
    nme = forecast_of(faces.shapes).of(chosen, percent / 100).nme
    table = app.dataframe[-2].value.set_index("choice")
    assert table["expected NME, %"]["expected error (ours)"] == pytest.approx(100 * nme)
    assert any("clicks scattered as told" in c.value for c in app.caption)


def test_the_scatter_that_was_measured_while_marking_is_told_already(faces):
    span = faces.format.default_span
    measured = MeasuredScatter(span, {faces.format.landmarks[1]: 7.25}, "one")
    app = AppTest.from_function(page, default_timeout=60)
    app.session_state["fewmark.scatter"] = measured
    app.run()
    assert not app.exception
    (table,) = (d.value for d in app.dataframe if "scatter" in str(d.value.columns))
    usual = round(100 * usual_noise(faces.shapes), 1)
    assert list(table.iloc[:3, 1]) == [usual, 7.25, usual]
    assert any("As measured in one" in c.value for c in app.caption)
    app.session_state["fewmark.scatter"] = MeasuredScatter("box", measured.percent, "one")
    app.run()
    assert not [d for d in app.dataframe if "scatter" in str(d.value.columns)]


@pytest.mark.usefixtures("faces")
def test_plans_of_every_m_and_n_are_compared_by_hours_and_error():
    app = opened(m=4)
    app.number_input(key="budget-wage").set_value(20.0).run()
    box(app, "N, images in all").set_value(1000).run()
    box(app, "n, marked densely").set_value(100).run()
    (plan,) = plans(10, 1000, Rates(wage_per_hour=20.0), {(4, 100): None})
    shown = metrics(app)
    assert shown["Hours"] == f"{plan.hours:,.1f}"
    assert shown["Cost"] == f"{plan.cost:,.0f}"
    app.toggle(key="budget-plans").set_value(True).run()
    assert not app.exception
    table = next(d.value for d in app.dataframe if "hours" in d.value.columns)
    assert set(table["m"]) == {3, 4, 5, 8}
    assert set(table["n"]) == {10, 20, 100}  # of 40 shapes 32 are learnt from at a time
    unknown = table["expected NME, %"].isna()
    assert set(table["n"][unknown]) == {100}
    assert not table["extrapolated"].any()
    assert any("Measured to n = 32; beyond that it is not known" in c.value for c in app.caption)
    app.number_input(key="budget-wanted").set_value(0.1).run()
    assert any("No plan here is that good" in m.value for m in app.markdown)
    app.number_input(key="budget-wanted").set_value(900.0).run()
    assert any(m.value.startswith("**m = 3, n = 10**") for m in app.markdown)
    app.number_input(key="budget-hours").set_value(0.1).run()
    assert any("No plan here is that short" in m.value for m in app.markdown)
    assert not app.exception


def test_errors_beyond_what_was_measured_are_marked(workspace):
    save(workspace, "lfw-10", N=60)
    app = opened(m=4)
    app.toggle(key="budget-plans").set_value(True).run()
    table = next(d.value for d in app.dataframe if "hours" in d.value.columns)
    assert set(table["n"][table["extrapolated"]]) == {50, 60, 100}
    assert any("extrapolated by a + b / n to n = 192" in c.value for c in app.caption)


def test_too_few_shapes_for_a_plans_error_are_explained(workspace):
    save(workspace, "lfw-10", N=7)
    app = opened(m=4)
    app.toggle(key="budget-plans").set_value(True).run()
    assert not app.exception
    assert "expected 8 shapes" in app.info[-1].value


@pytest.mark.usefixtures("faces")
def test_times_that_were_measured_while_marking_are_planned_with():
    app = AppTest.from_function(page, default_timeout=60)
    app.session_state["fewmark.times"] = MeasuredTimes(2.0, 6.0, "one: 45 pictures by 2 people")
    app.run()
    assert box(app, "Seconds a point").value == 2.0
    assert box(app, "Seconds an image").value == 6.0
    assert "Times as measured in one: 45 pictures by 2 people." in [c.value for c in app.caption]
    box(app, "Seconds an image").set_value(1.0).run()
    (plan,) = plans(10, 400, Rates(2.0, 1.0), {(10, 40): None})
    assert metrics(app)["Hours"] == f"{plan.hours:,.1f}"


@pytest.mark.usefixtures("faces")
def test_what_was_searched_is_not_searched_again(monkeypatch):
    called = []
    for name in ("select", "select_for_error", "forecast_of", "budget_curve", "curve_spread"):
        real = getattr(module, name)
        count = lambda *a, _name=name, _real=real, **k: called.append(_name) or _real(*a, **k)  # noqa: E731
        monkeypatch.setattr(module, name, count)
    app = opened(m=4)
    assert {*called} == {
        "select", "select_for_error", "forecast_of", "budget_curve", "curve_spread",
    }  # fmt: skip
    called.clear()
    app.number_input(key="budget-wage").set_value(20.0).run()
    app.text_input[0].set_value("mine").run()
    app.button_group(key="budget-criterion").set_value("expected error (ours)").run()
    assert not app.exception
    assert called == []
    box(app, "m, landmarks to mark").set_value(5).run()
    assert sorted(called) == ["select", "select_for_error"]


def test_the_choice_is_shown_where_the_other_criterion_has_none(faces, monkeypatch):
    def refuse(*_, **__):
        raise SelectionError("no choice was found")

    monkeypatch.setattr(module, "select_for_error", refuse)
    app = opened(m=4)
    assert [e.value for e in app.error] == ["no choice was found"]
    expected = select(affinity(faces.shapes), 4)
    assert list(app.dataframe[-1].value["landmark"]) == list(expected.sparse.names)
    assert not app.exception


def test_stability_is_told_when_asked_and_drawn_once(faces, monkeypatch):
    app = opened(m=4)
    before = len(app.get("plotly_chart"))
    calls = []
    for name in ("stability", "how_many_shapes"):
        real = getattr(stability_ui, name)
        counted = lambda *a, _real=real, **k: calls.append(1) or _real(*a, **k)  # noqa: E731
        monkeypatch.setattr(stability_ui, name, counted)
    app.toggle(key="budget-stability").set_value(True).run()
    assert not app.exception
    assert len(app.get("plotly_chart")) == before + 2
    rng = np.random.default_rng(0)
    found = stability(faces.shapes, 4, rng, subjects=faces.samples["subject"])
    low, high = found.kept_interval
    assert metrics(app)["c on other draws"] == f"{low:.2f} to {high:.2f}"
    table = next(d.value for d in app.dataframe if "draws, %" in d.value.columns)
    assert list(table["landmark"]) == [row["landmark"] for row in found.rows()]
    assert any(f"Jaccard index {found.jaccard:.2f}" in c.value for c in app.caption)
    app.number_input(key="budget-wage").set_value(20.0).run()
    assert calls == [1, 1]
    box(app, "m, landmarks to mark").set_value(5).run()
    assert calls == [1, 1, 1, 1]


def test_stability_of_one_subject_is_explained(workspace):
    dataset = save(workspace, "lfw-10")
    table = dataset.samples.assign(subject="ann")
    LandmarkDataset(dataset.shapes, table).save(workspace / "data" / "faces")
    app = opened(m=4)
    app.toggle(key="budget-stability").set_value(True).run()
    assert any("two subjects" in info.value for info in app.info)
    assert not app.exception
    assert not app.error


@pytest.mark.parametrize(
    ("losses", "fewest"),
    [([0.1, 0.01, 0.01], 20), ([0.01, 0.1, 0.01], 40), ([None, 0.1], None), ([0.0, None], None)],
)
def test_as_many_shapes_are_needed_as_lose_little_from_there_on(losses, fewest):
    rows = [{"subjects": 10 * 2**k, "loss": loss} for k, loss in enumerate(losses)]
    assert enough(rows) == fewest
