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


def save(workspace, name, N=30, format_name="mafl-5", D=2, absent=False, seed=3, **columns):
    known = landmark_format(format_name)
    points = np.random.default_rng(seed).normal(size=(N, len(known), D))
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
    [
        ({"N": 2}, "3 at least"),
        ({"absent": True}, "landmark 'right_pupil': present in 0 of 30 shapes"),
    ],
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


def comparing():
    app = opened()
    app.toggle(key="correlation-compare").set_value(True).run()
    assert not app.exception
    return app


def texts(elements):
    return " ".join(element.value for element in elements)


def choose(app, **choices):
    for name, value in choices.items():
        app.selectbox(key=f"correlation-{name.replace('_', '-')}").set_value(value).run()
        assert not app.exception


def test_two_data_sets_stand_side_by_side_with_their_difference(workspace):
    ours = save(workspace, "faces", split=["train"] * 20 + ["valid"] * 10).split("train")
    theirs = save(workspace, "others", N=12, seed=4)
    app = comparing()
    assert charts(app) == 3
    captions = texts(app.caption)
    assert "**A:** faces, split train: mean canonical correlation over 20 shapes" in captions
    assert "**B:** others: mean canonical correlation over 12 shapes" in captions
    assert captions.count("alignment: centroid-rms") == 2
    a, b = (affinity(dataset.shapes).values for dataset in (ours, theirs))
    i, j = np.triu_indices(5, 1)
    differences = (a - b)[i, j]
    table = app.dataframe[0].value
    largest = differences[np.argsort(-np.abs(differences))]
    np.testing.assert_allclose(table["A - B"], largest, atol=6e-4)
    np.testing.assert_allclose(table["A"] - table["B"], table["A - B"], atol=2e-3)
    words = texts(app.markdown)
    assert f"on average **{abs(differences.mean()):.3f}** " in words
    assert ("higher" if differences.mean() > 0 else "lower") in words
    assert f"differs by **{np.abs(differences).mean():.3f}** on average" in words
    assert f"by **{np.abs(differences).max():.3f}** at most" in words
    assert "part of what differs is chance" in captions


def test_shapes_alone_are_compared_with_themselves_aligned_otherwise(workspace):
    save(workspace, "faces")
    app = comparing()
    captions = texts(app.caption)
    assert charts(app) == 3
    assert "No other data set here has the landmarks of mafl-5." in captions
    assert "alignment: centroid-rms" in captions
    assert "alignment: box" in captions
    assert "A and B are aligned differently" in captions
    choose(app, compare_alignment="centroid-rms")
    assert "A and B are the same" in app.info[0].value
    assert charts(app) == 0


def test_data_sets_of_other_landmarks_are_not_offered_and_named(workspace):
    save(workspace, "faces")
    save(workspace, "dogs", format_name="points-6")
    (workspace / "data" / "broken").mkdir()
    (workspace / "data" / "broken" / "dataset.toml").write_text("?")
    (workspace / "data" / "broken" / "shapes.parquet").write_text("?")
    app = comparing()
    assert app.selectbox(key="correlation-compare-dataset").options == ["faces"]
    assert "Only data sets of the landmarks of mafl-5 can be B, so not: dogs." in texts(app.caption)
    choose(app, dataset="dogs")
    assert app.selectbox(key="correlation-compare-dataset").options == ["dogs"]
    assert charts(app) == 3
    assert not app.error


def test_shapes_without_affinities_as_b_are_explained_and_can_be_left(workspace):
    save(workspace, "faces")
    save(workspace, "few", N=2)
    app = comparing()
    assert app.error[0].value.startswith("B: ")
    assert "3 at least" in app.error[0].value
    assert charts(app) == 0
    choose(app, compare_dataset="faces", compare_alignment="procrustes")
    assert charts(app) == 3
    assert not app.error


def test_a_caution_of_b_says_so(workspace):
    save(workspace, "faces")
    save(workspace, "few", N=4)
    assert "B: Only 4 shapes" in comparing().warning[0].value


def test_the_choice_of_b_outlives_a_look_at_one_landmark(workspace):
    save(workspace, "faces")
    app = comparing()
    choose(app, compare_alignment="procrustes")
    app.toggle(key="correlation-compare").set_value(False).run()
    assert charts(app) == 2
    app.toggle(key="correlation-compare").set_value(True).run()
    assert app.selectbox(key="correlation-compare-alignment").value == "procrustes"


def test_an_unrelated_click_computes_nothing_anew(workspace, monkeypatch):
    computed = []

    def counted(shapes, alignment):
        computed.append(alignment)
        return affinity(shapes, alignment)

    monkeypatch.setattr("correlation.ui.affinity", counted)
    names = save(workspace, "faces", seed=5).format.landmarks
    app = opened()
    choose(app, landmark=names[2], other=names[4])
    assert computed == ["centroid-rms"]
    app.toggle(key="correlation-compare").set_value(True).run()
    assert computed == ["centroid-rms", "box"]
    choose(app, alignment="box", compare_alignment="centroid-rms")
    app.toggle(key="correlation-compare").set_value(False).run()
    assert len(computed) == 2
    choose(app, alignment="procrustes")
    assert computed == ["centroid-rms", "box", "procrustes"]
