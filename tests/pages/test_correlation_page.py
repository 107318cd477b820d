"""The Correlation page, with data, without, and with shapes that do not do."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from correlation.affinity import affinity
from datasets.dataset import LandmarkDataset
from datasets.formats import landmark_format
from datasets.samples import sample_table
from datasets.shapes import ShapeSet


def page():
    from correlation.page import render
    from datasets.ui import page_body

    page_body(render)()


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("FEWMARK_WORKSPACE", str(tmp_path))
    return tmp_path


def save(workspace, name, N=30, format_name="mafl-5", D=2, absent=False, **columns):
    known = landmark_format(format_name)
    points = np.random.default_rng(3).normal(size=(N, len(known), D))
    if absent:
        points[:, 0] = np.nan
    shapes = ShapeSet.from_points(points, known)
    table = sample_table([f"shape-{i}" for i in range(N)], **columns)
    dataset = LandmarkDataset(shapes, table)
    dataset.save(workspace / "data" / name)
    return dataset


def opened():
    app = AppTest.from_function(page, default_timeout=30).run()
    assert not app.exception
    return app


def charts(app):
    return len(app.get("plotly_chart"))


@pytest.mark.usefixtures("workspace")
def test_without_data_the_page_leads_to_the_data_page():
    app = opened()
    assert "Open one first" in app.markdown[-1].value
    assert charts(app) == 0


def test_one_landmark_is_shown_with_its_affinities(workspace):
    dataset = save(workspace, "faces")
    names, values = dataset.format.landmarks, affinity(dataset.shapes).values
    app = opened()
    assert charts(app) == 2
    assert "30 shapes, alignment: centroid-rms" in app.caption[0].value
    app.selectbox(key="correlation-landmark").set_value(names[2]).run()
    table = app.dataframe[0].value
    assert list(table["affinity"]) == sorted(table["affinity"], reverse=True)
    assert set(table["landmark"]) == set(names) - {names[2]}
    strongest = names.index(table["landmark"].iloc[0])
    assert table["affinity"].iloc[0] == pytest.approx(values[2, strongest], abs=1e-4)
    app.selectbox(key="correlation-other").set_value(names[4]).run()
    assert not app.exception
    assert not app.error


def test_split_and_alignment_change_the_numbers_and_the_caption(workspace):
    save(workspace, "faces", split=["train"] * 20 + ["valid"] * 10)
    app = opened()
    app.selectbox(key="correlation-split").set_value("valid").run()
    app.selectbox(key="correlation-alignment").set_value("box").run()
    assert "10 shapes, alignment: box" in app.caption[0].value


def test_a_click_on_the_shape_chooses_the_landmark_once():
    def clicks():  # the test runner cannot click into a chart
        import streamlit as st

        from correlation.page import _take_click

        names = ("a", "b", "c", "d")
        chosen = []
        for click in ([3], 3, 1):
            st.session_state["correlation-shape"] = {
                "selection": {"points": [{"customdata": click}]}
            }
            _take_click(names)
            chosen.append(st.session_state["correlation-landmark"])
            st.session_state["correlation-landmark"] = "a"  # now by the select box
        st.text(" ".join(chosen))

    app = AppTest.from_function(clicks).run()
    assert not app.exception
    assert app.text[0].value == "d a b"


def test_another_data_set_starts_with_a_landmark_of_its_own(workspace):
    save(workspace, "dogs", format_name="points-6")
    save(workspace, "faces")
    app = opened()
    app.selectbox(key="correlation-landmark").set_value("5").run()
    app.selectbox(key="correlation-dataset").set_value("faces").run()
    assert not app.exception
    assert app.selectbox(key="correlation-landmark").value == landmark_format("mafl-5").landmarks[0]


def test_shapes_in_space_are_shown(workspace):
    save(workspace, "solid", D=3, format_name="points-6")
    app = opened()
    assert charts(app) == 2
    assert not app.error


@pytest.mark.parametrize(
    ("fault", "message"),
    [({"N": 2}, "3 at least"), ({"absent": True}, "present in 0 of 30 shapes")],
)
def test_shapes_that_do_not_do_are_explained_with_a_way_out(workspace, fault, message):
    save(workspace, "faces", **fault)
    app = opened()
    assert message in app.error[0].value
    assert "annotated densely" in app.markdown[-1].value
    assert charts(app) == 0


def test_doubtful_values_come_with_a_caution(workspace):
    save(workspace, "faces", N=4)
    assert "1 by arithmetic" in opened().warning[0].value
