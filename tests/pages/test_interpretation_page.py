"""The Interpretation page, with predictions and series, without, and with some that do not do."""

import os

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from correlation.affinity import affinity
from correlation.detectors import compare_shapes
from correlation.series import series_file
from datasets.dataset import LandmarkDataset
from datasets.formats import landmark_format
from datasets.samples import sample_table
from datasets.shapes import ShapeSet
from datasets.storage import SHAPES_FILE

FORMAT = landmark_format("aflw-19")


def page():
    from correlation.interpretation_page import render
    from datasets.ui import page_body

    page_body(render)()


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("FEWMARK_WORKSPACE", str(tmp_path))
    return tmp_path


@pytest.fixture
def truth(workspace):
    points = np.random.default_rng(3).normal(size=(40, len(FORMAT), 2)).cumsum(axis=1)
    names = [f"shape-{i}" for i in range(40)]
    table = sample_table(names, split=["train"] * 28 + ["valid"] * 12)
    dataset = LandmarkDataset(ShapeSet.from_points(points, FORMAT), table)
    dataset.save(workspace / "data" / "faces")
    return dataset


def noisy(dataset, scale=0.3, seed=5):
    noise = np.random.default_rng(seed).normal(0, scale, dataset.shapes.points.shape)
    return dataset.with_shapes(ShapeSet.from_points(dataset.shapes.points + noise, dataset.format))


def predict(workspace, dataset, name="faces", run="run-1"):
    folder = workspace / "runs" / run
    noisy(dataset).save(folder / "predictions" / name)
    (folder / "config.toml").write_text("")
    return folder


def learn(workspace, dataset, epochs=(5, 10, 15, 20), run="run-1", alignment="centroid-rms"):
    folder = workspace / "runs" / run
    for epoch in epochs:
        matrix = affinity(noisy(dataset, 5 / epoch).shapes, alignment)
        matrix.save(series_file(folder / "affinities", epoch))
    (folder / "config.toml").write_text("")


def opened():
    app = AppTest.from_function(page, default_timeout=30).run()
    assert not app.exception
    return app


def charts(app):
    return len(app.get("plotly_chart"))


def texts(app):
    return " ".join(element.value for element in (*app.markdown, *app.caption, *app.info))


@pytest.mark.usefixtures("workspace")
def test_without_data_the_page_leads_to_the_data_page():
    app = opened()
    assert "Open one first" in app.markdown[-1].value
    assert charts(app) == 0


@pytest.mark.usefixtures("truth")
def test_without_predictions_the_page_leads_to_training(workspace):
    app = opened()
    assert "Nobody has predicted these landmarks yet. Train a network" in texts(app)
    assert "No run has kept affinities" in texts(app)
    assert charts(app) == 0
    (workspace / "runs" / "run-1").mkdir(parents=True)
    (workspace / "runs" / "run-1" / "config.toml").write_text("")
    assert "Let a run look at the pictures" in texts(opened())


def test_errors_are_shown_with_pairs_and_components(workspace, truth):
    predict(workspace, truth)
    app = opened()
    assert not app.error
    assert charts(app) == 2
    expected = compare_shapes(noisy(truth), truth.split("train"))
    values = {metric.label: metric.value for metric in app.metric}
    assert values["Mean error, all pairs"] == f"{expected.mean:+.3f}"
    assert values["Mean absolute error"] == f"{expected.mean_absolute:.3f}"
    under = app.dataframe[1].value
    pair = expected.ranked(1, -1)[0]
    assert (under["landmark"].iloc[0], under["with"].iloc[0]) == pair.names
    assert under["error"].iloc[0] == pytest.approx(pair.difference, abs=1e-3)
    assert len(app.dataframe[2].value) == len(expected.components())
    assert "run run-1: faces minus faces, split train" in texts(app)
    assert "28 shapes, alignment: centroid-rms" in texts(app)


def test_the_chosen_pair_is_told(workspace, truth):
    predict(workspace, truth)
    app = opened()
    expected = compare_shapes(noisy(truth), truth.split("train"))
    app.selectbox(key="interpretation-first").set_value(FORMAT.landmarks[2]).run()
    app.selectbox(key="interpretation-second").set_value(FORMAT.landmarks[7]).run()
    assert not app.exception
    pair = expected.pair(2, 7)
    assert f"Predicted {pair.predicted:.3f}, true {pair.truth:.3f}." in texts(app)
    app.selectbox(key="interpretation-second").set_value(FORMAT.landmarks[2]).run()
    assert "Predicted 1.000, true 1.000." in texts(app)


def test_a_click_on_a_row_chooses_its_pair():
    def click():  # the test runner cannot click into a table
        import streamlit as st

        from correlation.comparison import PairError
        from correlation.interpretation_page import _take_row

        pairs = [PairError(0, 1, ("a", "b"), 0.5, 0.1), PairError(1, 2, ("b", "c"), 0.4, 0.1)]
        for rows in ([1], [], [7]):
            st.session_state["table"] = {"selection": {"rows": rows}}
            _take_row("table", pairs)
        _take_row("no table", pairs)
        chosen = (st.session_state[f"interpretation-{which}"] for which in ("first", "second"))
        st.text(" ".join(chosen))

    app = AppTest.from_function(click).run()
    assert not app.exception
    assert app.text[0].value == "b c"


def test_predictions_of_another_split_are_compared_with_it(workspace, truth):
    predict(workspace, truth.split("valid"), "faces--valid")
    app = opened()
    assert "compared are shapes of split valid" in app.info[0].value
    assert "minus faces, split valid" in texts(app)
    app.selectbox(key="interpretation-split").set_value("valid").run()
    assert "minus faces, split valid" in texts(app)
    assert not [text for text in app.info if "compared" in text.value]
    app.selectbox(key="interpretation-split").set_value("all").run()
    assert "28 of 40 true shapes have no prediction" in app.warning[0].value


def test_the_likeliest_predictions_come_first_and_strangers_not_at_all(workspace, truth):
    predict(workspace, truth, "other", run="a")
    predict(workspace, truth, "faces--train", run="b")
    noisy(truth).save(workspace / "data" / "completed")
    points = np.random.default_rng(1).normal(size=(9, 6, 2))
    stranger = LandmarkDataset(ShapeSet.from_points(points), sample_table(list("abcdefghi")))
    stranger.save(workspace / "data" / "dogs")
    broken = workspace / "runs" / "c" / "predictions" / "faces"
    broken.mkdir(parents=True)
    (broken / "dataset.toml").write_text("no table")
    app = opened()
    app.selectbox(key="interpretation-dataset").set_value("faces").run()
    assert app.selectbox(key="interpretation-predictions").options == [
        "run b: faces--train",
        "run a: other",
        "data set completed",
    ]


def test_what_has_shapes_in_common_comes_before_what_has_none(workspace, truth):
    samples = truth.samples.assign(shape_id=[f"x{i}" for i in range(40)])
    predict(workspace, LandmarkDataset(truth.shapes, samples), run="a")
    predict(workspace, truth, run="b")
    app = opened()
    assert not app.error
    labels = app.selectbox(key="interpretation-predictions").options
    assert labels == ["run b: faces", "run a: faces"]


def test_predictions_that_do_not_fit_are_explained_with_a_way_out(workspace, truth):
    samples = truth.samples.assign(shape_id=[f"x{i}" for i in range(40)])
    predict(workspace, LandmarkDataset(truth.shapes, samples))
    app = opened()
    assert "no shape is in both" in app.error[0].value
    assert "Choose other shapes or predictions above" in texts(app)


def test_new_predictions_in_the_same_place_are_looked_at(workspace, truth):
    folder = predict(workspace, truth) / "predictions" / "faces"
    app = opened()
    before = {metric.label: metric.value for metric in app.metric}
    truth.save(folder)
    os.utime(folder / SHAPES_FILE, ns=(1, 1))
    app.run()
    after = {metric.label: metric.value for metric in app.metric}
    assert before["Mean absolute error"] != after["Mean absolute error"] == "0.000"
    assert "No pair." in texts(app)


def test_a_smaller_format_is_compared_on_its_own_landmarks(workspace):
    known = landmark_format("300w-68")
    points = np.random.default_rng(3).normal(size=(30, 68, 2)).cumsum(axis=1)
    dataset = LandmarkDataset(
        ShapeSet.from_points(points, known), sample_table([f"s{i}" for i in range(30)])
    )
    dataset.save(workspace / "data" / "faces")
    inner = landmark_format("300w-inner-51")
    indices = inner.maps["300w-68"]
    predict(workspace, dataset.with_shapes(dataset.shapes.subset(inner, indices)))
    app = opened()
    assert not app.error
    assert len(app.selectbox(key="interpretation-first").options) == 51


# Learning


def test_a_series_is_shown_with_epochs_and_window(workspace, truth):
    learn(workspace, truth)
    app = opened()
    assert charts(app) == 2
    assert "over 4 matrices, epochs 5 to 20" in texts(app)
    app.slider(key="interpretation-window-run-1").set_value(2).run()
    app.select_slider(key="interpretation-epoch-run-1").set_value(15).run()
    assert "over 2 matrices, epochs 10 to 15" in texts(app)
    for kind, told in (("change", "gained (orange)"), ("affinity", "Affinities after epoch 15")):
        app.segmented_control(key="interpretation-show").set_value(kind).run()
        assert not app.exception
        assert told in texts(app)
    app.select_slider(key="interpretation-epoch-run-1").set_value(5).run()
    app.segmented_control(key="interpretation-show").set_value("deviation").run()
    assert "Nothing was kept before epoch 5" in texts(app)
    assert not app.exception
    assert not app.error


def test_the_true_affinity_stands_beside_a_path_of_the_same_alignment_only(workspace, truth):
    learn(workspace, truth)
    app = opened()
    assert "true affinity is that of the shapes chosen" in texts(app)
    app.selectbox(key="interpretation-alignment").set_value("box").run()
    assert "aligned by centroid-rms, the shapes above by box" in texts(app)


def test_short_and_broken_series_are_told(workspace, truth):
    learn(workspace, truth, epochs=(5,))
    assert "kept one matrix so far, after epoch 5" in texts(opened())
    learn(workspace, truth, epochs=(5, 10))
    assert charts(opened()) == 2
    series_file(workspace / "runs" / "run-1" / "affinities", 15).write_text("broken")
    app = opened()
    assert "not an affinity file" in app.warning[0].value
    assert "No run has kept affinities" in texts(app)


def test_series_of_other_landmarks_are_left_out(workspace, truth):
    dogs = LandmarkDataset(
        ShapeSet.from_points(np.random.default_rng(1).normal(size=(9, 6, 2))),
        sample_table(list("abcdefghi")),
    )
    learn(workspace, dogs, run="dogs")
    assert "No run has kept affinities" in texts(opened())
    learn(workspace, truth)
    assert opened().selectbox(key="interpretation-run").options == ["run-1"]
