"""The Progress page: what is shown when, to whom, and what it hands on."""

import time
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from annotate import server
from annotate.access import Role
from annotate.exchange import create_project
from annotate.labelling import placed
from annotate.store import Draft, Status, open_store
from datasets.dataset import LandmarkDataset
from datasets.formats import SparseFormat, landmark_format
from datasets.samples import sample_table
from datasets.shapes import empty_shapes

SPARSE = SparseFormat(landmark_format("mafl-5"), (0, 1, 2), (0, 1, 2, 2, 2))
PICTURES = 40
NAMES = ("ann", "bea")


def page():
    from annotate.progress_page import render
    from datasets.ui import page_body

    page_body(render)()


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("FEWMARK_WORKSPACE", str(tmp_path / "workspace"))
    return tmp_path / "workspace"


@pytest.fixture
def clock():
    return SimpleNamespace(now=time.time())


@pytest.fixture
def store(workspace, clock, monkeypatch):
    """The workspace's store, with a clock that a test sets."""
    opened = open_store(str(workspace / "labels.sqlite"), clock=lambda: clock.now)
    monkeypatch.setattr(server, "_opened", lambda _url: (opened, opened.secret, opened.id))
    yield opened
    opened.close()


@pytest.fixture
def project(workspace, store):
    images = workspace / "pictures"
    images.mkdir(parents=True)
    cv2.imwrite(str(images / "0.png"), np.full((30, 40, 3), 90, np.uint8))
    names = [f"face-{k}" for k in range(PICTURES)]
    samples = sample_table(names, ["0.png"] * PICTURES)
    dataset = LandmarkDataset(empty_shapes(SPARSE.dense, PICTURES), samples, images)
    return create_project(store, "one", SPARSE, dataset)


def mark(store, clock, project, count, days=5.0, copies=False):
    """Ann and bea mark pictures over some days that end now."""
    if copies:
        store.add_copies(project, 2)
    rng, end = np.random.default_rng(0), clock.now
    for k in range(count):
        clock.now = end - days * 86_400 * (1 - k / count)
        who = NAMES[k % 2]
        (position, *_) = store.leases.claim(project, who, 1).next_open
        item = store.items(project, position, 1)[0].id
        places = np.array([[10, 10], [30, 10], [20, 20]]) + rng.normal(size=(3, 2))
        points = tuple(replace(placed(*place), ms=2000) for place in places)
        draft = Draft(item, who, f"{who}-{k}", 1, 0, points, Status.DONE, active_ms=8000)
        store.save(draft, at_work=True)
    clock.now = end


def opened(**query):
    app = AppTest.from_function(page, default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def text(app):
    found = (*app.markdown, *app.caption, *app.error, *app.info, *app.success)
    return " ".join(element.value for element in found)


def metrics(app):
    return {metric.label: metric.value for metric in app.metric}


@pytest.mark.usefixtures("store")
def test_without_a_project_it_leads_to_annotate():
    assert "There is no project yet" in text(opened())


@pytest.mark.usefixtures("project")
def test_an_untouched_project_has_no_pace():
    app = opened()
    assert metrics(app) == {
        "Done": "0", "Open": "40", "Skipped": "0", "Flagged": "0", "Reviewed": "0", "Returned": "0",
    }  # fmt: skip
    assert "there is no pace" in text(app)
    assert "fewmark project overlap" in text(app)


def test_a_little_work_has_a_pace_but_no_forecast(store, clock, project):
    mark(store, clock, project, 5, days=0.1)
    app = opened()
    assert metrics(app)["Points an hour"] == f"{3600 * 3 / 8:,.0f}"
    assert metrics(app)["Seconds a picture"] == "8.0"
    assert "5 pictures were marked by hand so far" in text(app)


def test_some_days_of_work_have_a_forecast_for_all_and_for_each(store, clock, project):
    mark(store, clock, project, 30)
    app = opened()
    assert metrics(app)["Done"] == "30"
    assert "1 minute of work is left" in text(app)
    assert "pictures a day (the last 5 days) the last one is finished" in text(app)
    table = app.dataframe[0].value.set_index("annotator")
    assert list(table.index) == ["ann", "bea"]
    assert list(table["pictures"]) == [15, 15]
    assert list(table["seconds_per_picture"]) == [8.0, 8.0]


def test_a_finished_project_needs_no_forecast(store, clock, project):
    mark(store, clock, project, PICTURES)
    assert "Every picture is decided." in text(opened())


def test_what_was_measured_is_handed_to_the_budget(store, clock, project):
    mark(store, clock, project, 60, copies=True)
    app = opened()
    assert "pictures marked by several" in text(app)
    landmarks = app.dataframe[-1].value
    assert list(landmarks["landmark"]) == list(SPARSE.names)
    assert list(landmarks["seconds"]) == [2.0] * 3
    app.button(key="progress.plan").click().run()
    assert not app.exception
    assert "the scatter of clicks on 3 landmarks" in text(app)
    scatter = app.session_state["fewmark.scatter"]
    sigma = dict(zip(landmarks["landmark"], landmarks["sigma_percent"], strict=True))
    assert scatter.percent == pytest.approx(sigma, abs=1e-4)
    assert scatter.unit == "inter_pupil"
    assert app.session_state["fewmark.times"].seconds_per_point > 0


@pytest.mark.parametrize(
    ("person", "sees_all"), [("boss", True), ("eve", True), ("ann", False), ("dan", False)]
)
def test_annotators_see_their_own_numbers_alone(
    store, clock, project, person, sees_all, monkeypatch
):
    mark(store, clock, project, 30)
    for name, role in (
        ("boss", Role.MANAGER), ("eve", Role.RESEARCHER), ("ann", Role.ANNOTATOR),
        ("dan", Role.REVIEWER),
    ):  # fmt: skip
        store.set_member(name, role)
    monkeypatch.setenv("FEWMARK_SIGN_IN", "header")
    monkeypatch.setenv("FEWMARK_TRUST_HEADER", "X-Remote-User")
    headers = {"X-Remote-User": person}
    monkeypatch.setattr(st, "context", SimpleNamespace(cookies={}, headers=headers))
    app = opened()
    assert metrics(app)["Done"] == "30"  # of the whole project: the canvas tells it, too
    assert bool(app.dataframe) == sees_all
    assert ("your own work alone" in text(app)) != sees_all
    figures = " ".join(str(figure.proto) for figure in app.get("plotly_chart"))
    assert ("bea" in figures) == sees_all
    if person == "dan":
        assert "You have not marked a picture" in text(app)


def test_gold_pictures_are_handed_out_told_of_and_stopped(store, clock, project):
    app = opened()
    app.selectbox(key="progress.gold.from").select("finished pictures").run()
    app.button(key="progress.gold.go").click().run()
    assert "no picture is finished yet" in app.error[0].value
    mark(store, clock, project, 10)
    app = opened()
    app.selectbox(key="progress.gold.from").select("finished pictures").run()
    app.number_input(key="progress.gold.k").set_value(2).run()
    app.button(key="progress.gold.go").click().run()
    assert not app.exception
    assert "Every 2 pictures people get one of 10 gold ones" in text(app)
    (position, *_) = store.leases.claim(project, "cem", after=12).way
    item = store.items(project, position, 1)[0]
    assert item.is_gold
    clock.now += 1
    points = tuple(placed(*place) for place in ((10, 10), (30, 10), (20, 20)))
    store.save(Draft(item.id, "cem", "cem", 1, 0, points, Status.DONE))
    app = opened()
    (table,) = (d.value for d in app.dataframe if "gold_pictures" in d.value.columns)
    assert list(table["annotator"]) == ["cem"]
    assert 0 < table["nme_percent"][0] < 20
    app.button(key="progress.gold.stop").click().run()
    assert not app.exception
    assert store.golds.plan(project) is None


def test_annotators_learn_how_exact_they_were_once_that_is_settled(
    store, clock, project, monkeypatch
):
    store.set_member("boss", Role.MANAGER)
    store.set_member("cem", Role.ANNOTATOR)
    points = tuple(placed(*place) for place in ((10, 10), (30, 10), (20, 20)))
    store.golds.set(project, 2, {"face-5": points})
    item = store.items(project, store.leases.claim(project, "cem", after=0).way[0], 1)[0]
    clock.now += 1
    store.save(Draft(item.id, "cem", "cem", 1, 0, points, Status.DONE))
    monkeypatch.setenv("FEWMARK_SIGN_IN", "header")
    monkeypatch.setenv("FEWMARK_TRUST_HEADER", "X-Remote-User")
    headers = {"X-Remote-User": "cem"}
    monkeypatch.setattr(st, "context", SimpleNamespace(cookies={}, headers=headers))
    assert "Gold pictures" not in [one.value for one in opened().header]
    store.golds.show(item.id, "cem")
    assert "Gold pictures" in [one.value for one in opened().header]
