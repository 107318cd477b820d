"""The whole app as members of a team see it, behind a proxy that says who they are."""

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from annotate import server
from annotate.access import Membership, Role
from annotate.exchange import create_project
from annotate.server import workspace_store
from datasets.dataset import LandmarkDataset
from datasets.formats import SparseFormat, landmark_format
from datasets.samples import sample_table
from datasets.shapes import empty_shapes

APP = Path(__file__).parents[2] / "app.py"
SPARSE = SparseFormat(landmark_format("mafl-5"), (0, 2, 4), (0, 0, 2, 2, 4))


@pytest.fixture(autouse=True)
def headers(tmp_path, monkeypatch):
    """What reaches the app: nobody is signed in yet."""
    monkeypatch.setenv("FEWMARK_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setenv("FEWMARK_SIGN_IN", "header")
    monkeypatch.setenv("FEWMARK_TRUST_HEADER", "X-Remote-User")
    given = {}
    monkeypatch.setattr(st, "context", SimpleNamespace(cookies={}, headers=given))
    return given


@pytest.fixture
def projects(tmp_path):
    """Two projects; ann manages, bea marks in the first, dan reviews it, eve reads everything."""
    images = tmp_path / "workspace" / "pictures"
    images.mkdir(parents=True)
    cv2.imwrite(str(images / "0.png"), np.full((30, 40, 3), 90, np.uint8))
    dataset = LandmarkDataset(empty_shapes(SPARSE.dense, 1), sample_table(["a"], ["0.png"]), images)
    SPARSE.save(tmp_path / "workspace" / "formats" / "three.toml")
    store = workspace_store()
    made = [create_project(store, name, SPARSE, dataset) for name in ("one", "two")]
    store.set_member("ann", Role.MANAGER)
    store.set_member("bea", Role.ANNOTATOR, made[0])
    store.set_member("dan", Role.REVIEWER, made[0])
    store.set_member("eve", Role.RESEARCHER)
    store.set_member("moe", Role.MANAGER, made[0])
    return made


def opened(headers, person, page=None):
    headers.clear()
    if person is not None:
        headers["X-Remote-User"] = person
    app = AppTest.from_file(str(APP), default_timeout=60)
    if page is not None:
        app.switch_page(page)
    app.run()
    assert not app.exception
    return app


def annotate_page(headers, person):
    """The Annotate page of the app, alone."""

    def page():
        from annotate.page import render
        from datasets.ui import page_body

        page_body(render)()

    headers["X-Remote-User"] = person
    app = AppTest.from_function(page, default_timeout=60).run()
    assert not app.exception
    return app


def text(app):
    found = (*app.markdown, *app.caption, *app.error, *app.info, *app.title)
    return " ".join(element.value for element in found)


def labels_of(app):
    return {button.label for button in app.button}


def canvas_data(app):
    return json.loads(app.get("bidi_component")[0].proto.json)


@pytest.mark.usefixtures("projects")
def test_without_a_name_there_is_one_clear_line_and_nothing_else(headers):
    app = opened(headers, None)
    assert "did not say who you are" in app.error[0].value
    assert len(app.main) == 1


@pytest.mark.usefixtures("projects")
def test_a_stranger_learns_that_a_manager_must_add_them(headers):
    app = opened(headers, "Mallory <script>alert(1)</script>")
    assert "no member here yet" in app.info[0].value
    assert "<script>" not in app.info[0].value
    assert workspace_store().members("mallory <script>alert(1)</script>") == []


def test_the_first_person_of_all_becomes_the_manager(headers):
    opened(headers, "Zoe@x.org")
    assert workspace_store().members() == [Membership("zoe@x.org", Role.MANAGER)]
    assert "no member here yet" in opened(headers, "yan@x.org").info[0].value


@pytest.mark.parametrize(
    ("person", "sees_all"),
    [("ann", True), ("eve", True), ("bea", False), ("dan", False), ("moe", False)],
)
@pytest.mark.usefixtures("projects")
def test_pages_beside_annotate_are_for_those_who_use_them(headers, person, sees_all):
    app = opened(headers, person)
    assert bool(app.get("bidi_component")) != sees_all  # else the app opens with the Data page


@pytest.mark.parametrize(
    ("person", "names"),
    [("ann", ["one", "two"]), ("eve", ["one", "two"]), ("bea", ["one"]), ("dan", ["one"])],
)
@pytest.mark.usefixtures("projects")
def test_everybody_sees_the_projects_that_are_theirs(headers, person, names):
    assert annotate_page(headers, person).selectbox[0].options == names


@pytest.mark.parametrize(
    ("person", "there", "missing"),
    [
        ("ann", {"Create", "Export", "Put this project away", "Save"}, set()),
        ("moe", {"Export", "Put this project away", "Save"}, {"Create"}),
        ("eve", {"Export"}, {"Create", "Put this project away", "Save"}),
        ("bea", set(), {"Create", "Export", "Put this project away", "Save"}),
        ("dan", set(), {"Create", "Export", "Put this project away", "Save"}),
    ],
)
@pytest.mark.usefixtures("projects")
def test_the_annotate_page_offers_what_the_role_allows(headers, person, there, missing):
    app = annotate_page(headers, person)
    shown = labels_of(app)
    # Without a data set that fits there is no button yet, but the form's first field.
    shown |= {"Create"} if any(k.key == "annotate.sparse" for k in app.selectbox) else set()
    assert there <= shown
    assert not missing & shown


@pytest.mark.parametrize(
    ("person", "role"),
    [("ann", "manager"), ("bea", "annotator"), ("dan", "reviewer"), ("eve", "researcher")],
)
def test_the_canvas_gets_a_token_of_the_person_and_the_project(headers, projects, person, role):
    app = annotate_page(headers, person)
    app.selectbox[0].set_value("one").run()
    data = canvas_data(app)
    granted = server.pass_in(data["token"])
    assert (granted.person, granted.role, granted.project) == (person, role, projects[0].id)
    assert (data["annotator"], data["owner"]) == (person, person)
    assert data["reads_only"] == (role == "researcher")
    assert data["reviews"] == (role in {"manager", "reviewer"})
    assert not any(field.key == "annotate.name" for field in app.text_input)


@pytest.mark.usefixtures("projects")
def test_a_project_in_the_address_opens_for_its_members_alone(headers):
    headers["X-Remote-User"] = "bea"

    def page():
        import streamlit as st

        from annotate.page import render

        st.query_params["project"] = "two"
        render()

    app = AppTest.from_function(page, default_timeout=60).run()
    assert canvas_data(app)["project_name"] == "one"


def test_a_member_of_nothing_that_is_open_is_told_so(headers, projects):
    workspace_store().set_archived(projects[0], archived=True)
    assert "No project is open for you" in text(annotate_page(headers, "bea"))


def test_managers_add_and_remove_members(headers, projects):
    app = annotate_page(headers, "ann")
    app.selectbox[0].set_value("one").run()
    fields = {field.label: field for field in (*app.text_input, *app.selectbox, *app.radio)}
    assert list(app.dataframe[0].value["person"]) == ["ann", "bea", "dan", "eve", "moe"]
    fields["E-mail address or name"].input("Flo@x.org")
    fields["Role"].set_value("reviewer")
    next(button for button in app.button if button.label == "Save").click().run()
    assert workspace_store().members("flo@x.org") == [
        Membership("flo@x.org", Role.REVIEWER, projects[0].id)
    ]


@pytest.mark.usefixtures("projects")
def test_the_last_manager_cannot_go_from_the_page_either(headers):
    app = annotate_page(headers, "ann")
    fields = {field.label: field for field in (*app.text_input, *app.selectbox, *app.radio)}
    fields["E-mail address or name"].input("ann")
    fields["Role"].set_value("none: remove")
    fields["In"].set_value("all projects")
    next(button for button in app.button if button.label == "Save").click().run()
    assert "the store needs a manager" in app.error[0].value


@pytest.mark.usefixtures("projects")
def test_managers_of_one_project_cannot_reach_beyond_it(headers):
    app = annotate_page(headers, "moe")
    assert app.radio[0].options == ["this project"]


@pytest.mark.parametrize("setting", ["ldap", "header"])
@pytest.mark.usefixtures("projects")
def test_settings_that_make_no_sense_let_nobody_in(headers, monkeypatch, setting):
    monkeypatch.setenv("FEWMARK_SIGN_IN", setting)
    monkeypatch.setenv("FEWMARK_TRUST_HEADER", "")
    app = opened(headers, "ann")
    assert len(app.error) == 1
    assert not app.get("bidi_component")


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        ({"is_logged_in": True}, "no e-mail address"),
        ({"is_logged_in": True, "email": "ann", "email_verified": False}, "no e-mail address"),
        ({"is_logged_in": True, "email": ["ann"]}, "no e-mail address"),
        ({"is_logged_in": False, "email": "ann"}, ""),
        ({}, ""),
    ],
)
@pytest.mark.usefixtures("projects")
def test_a_sign_in_without_a_verified_address_is_none(headers, monkeypatch, claims, problem):
    monkeypatch.setenv("FEWMARK_SIGN_IN", "oidc")
    monkeypatch.setenv("FEWMARK_TRUST_HEADER", "")
    monkeypatch.setattr(st, "user", claims)
    app = opened(headers, "ann")  # the header counts for nothing here
    assert not app.get("bidi_component")
    assert labels_of(app) == ({"Sign out"} if problem else {"Sign in"})
    assert problem in text(app)
