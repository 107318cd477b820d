"""The Results page on a run of two epochs, which is bad but whole."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import psutil
import pytest
import tomli_w
import torch
from streamlit.testing.v1 import AppTest

from datasets.dataset import LandmarkDataset
from datasets.formats import Component, LandmarkFormat, SparseFormat, landmark_format
from datasets.images import write_image
from datasets.jobs import find_job
from datasets.samples import sample_table
from datasets.shapes import ShapeSet, empty_shapes
from datasets.workspace import VARIABLE, Workspace
from weaksup.evaluation import evaluate
from weaksup.inference import infer
from weaksup.presets import preset
from weaksup.run_folder import RunFolder
from weaksup.sources import Sources
from weaksup.training import train

FIVE = LandmarkFormat(
    "five", tuple("abcde"), (0, 1, 2, 3, 4), {"ab": (0, 1)}, (Component("rest", (2, 3, 4)),)
)
OTHERS = "results_others_run-1_faces_valid"
SPARSE = SparseFormat(FIVE, (0, 2), (0, 0, 2, 2, 2))


def script():
    import weaksup.results_page
    from datasets.ui import page_body

    page_body(weaksup.results_page.render)()


def fill(root):
    """20 pictures of which 8 are dense and 6 valid, and a run."""
    workspace = Workspace(root)
    rng = np.random.default_rng(0)
    base = np.array([[10, 12], [22, 12], [16, 17], [11, 23], [21, 23]], dtype=float)
    names = [f"face{i}" for i in range(20)]
    pictures = root / "pictures"
    pictures.mkdir(parents=True)
    for name in names:
        write_image(pictures / f"{name}.png", rng.integers(0, 255, (32, 32, 3), dtype=np.uint8))
    points = base + rng.normal(0, 1.5, (20, 5, 2))
    splits = ["train"] * 14 + ["valid"] * 6
    samples = sample_table(names, [f"{n}.png" for n in names], split=splits)
    whole = LandmarkDataset(ShapeSet.from_points(points, FIVE), samples, pictures)
    whole.save(workspace.data / "faces")
    train_part = whole.split("train")
    train_part.take(np.arange(8)).save(workspace.data / "dense")
    train_part.with_shapes(train_part.shapes.keep(SPARSE.chosen)).save(workspace.data / "clicks")
    SPARSE.save(workspace.formats / "m2.toml")
    data = workspace.data
    sources = Sources((data / "dense", data / "clicks"), workspace.formats / "m2.toml")
    config = preset("quick").scaled(0.01).changed(image_size_px=32, width=0.0625, threads=1)
    run = RunFolder(workspace.runs / "run-1")
    loaded = sources.load()
    run.create(config, loaded.sparse, sources.to_table(run.path))
    train(config, run.path, loaded)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("results") / "space"
    fill(root)
    return root


@pytest.fixture
def space(filled, monkeypatch):
    """The workspace with what the valid pictures were found to be."""
    workspace = Workspace(filled)
    monkeypatch.setenv(VARIABLE, str(filled))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    run = RunFolder(workspace.runs / "run-1")
    found = run.prediction("faces--valid")
    if not found.exists():
        valid = LandmarkDataset.load(workspace.data / "faces").split("valid")
        infer(run, valid).save(found)
    return workspace


def opened():
    page = AppTest.from_function(script, default_timeout=60).run()
    assert not page.exception
    return page


def texts(elements):
    return " ".join(element.value for element in elements)


def captions(page):
    """What stands below the pictures, in their order."""
    return [image.caption for element in page.get("image") for image in element.proto.imgs]


def labels(page):
    return [button.label for button in page.button]


def test_without_a_run_the_page_says_what_to_do_first(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert "Train a network first" in texts(opened().markdown)


def test_errors_are_those_of_the_library(space):
    page = opened()
    found = LandmarkDataset.load(space.runs / "run-1" / "predictions" / "faces--valid")
    rates = evaluate(found, LandmarkDataset.load(space.data / "faces")).summary()
    shown = {metric.label: metric.value for metric in page.metric}
    assert shown["NME"] == f"{rates['nme']:.2%}"
    assert shown["AUC up to 8 %"] == f"{rates['auc_8']:.3f}"
    assert "6 images; errors in percent of the ab distance" in texts(page.caption)
    parts = page.dataframe[0].value
    assert parts["component"].tolist() == ["rest"]
    assert "NME, % of ab distance" in parts
    assert "percent of the ab distance" in " ".join(e.proto.body for e in page.get("html"))
    interval = evaluate(found, LandmarkDataset.load(space.data / "faces")).intervals(
        np.random.default_rng(0)
    )["nme"]
    assert f"is {interval.low:.2%} to {interval.high:.2%} with 95 %" in texts(page.caption)
    assert "6 of 6 images name no subject" in texts(page.caption)


def test_the_mean_shape_is_that_of_the_dense_images(space):
    shown = {metric.label: metric.value for metric in opened().metric}
    whole = LandmarkDataset.load(space.data / "faces")
    mean = whole.shapes.points[:8].mean(axis=0)
    valid = whole.split("valid")
    level = valid.with_shapes(ShapeSet.from_points(np.repeat(mean[None], 6, axis=0), FIVE))
    expected = evaluate(level, valid).summary()["nme"]
    assert shown["Mean shape"] == f"{expected:.2%}"


def test_pictures_come_in_the_order_of_their_errors(space):
    page = opened()
    found = LandmarkDataset.load(space.runs / "run-1" / "predictions" / "faces--valid")
    evaluation = evaluate(found, LandmarkDataset.load(space.data / "faces"))
    names = evaluation.truth.samples["shape_id"].to_numpy()
    worst = names[np.argsort(-evaluation.per_image)]

    assert [c.split(":")[0] for c in captions(page)[:6]] == list(worst)
    page.button_group(key="results_order").set_value("best first").run()
    assert [c.split(":")[0] for c in captions(page)[:6]] == list(worst[::-1])


def test_pictures_without_landmarks_are_shown_without_errors(space):
    whole = LandmarkDataset.load(space.data / "faces")
    bare = whole.split("valid").with_shapes(empty_shapes(FIVE, 6))
    bare.save(space.data / "bare")
    run = RunFolder(space.runs / "run-1")
    infer(run, bare).save(run.prediction("bare--valid"))
    try:
        page = AppTest.from_function(script, default_timeout=60).run()
        page.selectbox(key="results_data").set_value("bare").run()
        assert not page.exception
        assert "no landmarks to compare with" in texts(page.info)
        assert len(page.metric) == 0
        assert len(captions(page)) >= 6
    finally:
        shutil.rmtree(space.data / "bare")


def test_predictions_are_made_by_a_command(space):
    page = opened()
    page.selectbox(key="results_data").set_value("clicks").run()
    page.selectbox(key="results_split_clicks").set_value("every picture").run()
    assert "has not looked at these pictures yet" in texts(page.info)
    page.button(key="results_predict").click().run()
    assert not page.exception
    job = find_job(space.runs / "run-1" / "jobs" / "clicks")
    psutil.wait_procs([psutil.Process(job.process)] if job.running else [], timeout=120)
    found = space.runs / "run-1" / "predictions" / "clicks"
    assert len(LandmarkDataset.load(found)) == 14, job.last_lines()
    page.run()
    assert not page.exception
    assert "has not looked" not in texts(page.info)
    shutil.rmtree(found)


def test_a_prediction_that_failed_shows_why(space):
    work = space.runs / "run-1" / "jobs" / "dense--train"
    work.mkdir(parents=True)
    (work / "job.json").write_text('{"arguments": [], "process": 1073741824, "created": 0}')
    (work / "job.log").write_text("Error: face0.png: there is no such picture\n")
    page = opened()
    page.selectbox(key="results_data").set_value("dense").run()
    page.selectbox(key="results_split_dense").set_value("train").run()
    assert "face0.png" in texts(page.code)
    assert "Predict" in labels(page)
    shutil.rmtree(work)


def test_predictions_older_than_the_run_are_told(space):
    header = space.runs / "run-1" / "predictions" / "faces--valid" / "dataset.toml"
    os.utime(header, (1, 1))
    page = opened()
    assert "has changed since" in texts(page.warning)
    assert "Predict again" in labels(page)
    os.utime(header)


def test_pictures_that_were_learnt_from_are_told(space):
    run, dense = RunFolder(space.runs / "run-1"), LandmarkDataset.load(space.data / "dense")
    assert "learnt from" not in texts(opened().warning)
    folder = infer(run, dense).save(run.prediction("dense", "train"))
    page = opened()
    page.selectbox(key="results_data").set_value("dense").run()
    page.selectbox(key="results_split_dense").set_value("train").run()
    assert "8 of the 8 pictures are learnt from as well" in texts(page.warning)
    shutil.rmtree(folder)


def test_a_workspace_without_fitting_data_leads_to_the_data_page(space, tmp_path, monkeypatch):
    other = Workspace(tmp_path)
    shutil.copytree(space.runs, other.runs)
    points = ShapeSet.from_points(np.zeros((1, 3, 2)), landmark_format("points-3"))
    LandmarkDataset(points, sample_table(["a"])).save(other.data / "three")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert "No data set has the landmarks of run-1" in texts(opened().markdown)


def test_training_data_that_are_gone_cost_the_baseline_only(space, tmp_path, monkeypatch):
    moved = Workspace(tmp_path / "moved")
    shutil.copytree(space.root, moved.root)
    sources = moved.runs / "run-1" / "sources.toml"
    text = sources.read_text()
    assert "../../data" in text
    sources.write_text(text.replace("../../data", "/gone/data"))
    monkeypatch.setenv(VARIABLE, str(moved.root))
    page = opened()
    shown = {metric.label: metric.value for metric in page.metric}
    assert shown["Mean shape"] == "-"
    assert "Whether these pictures were learnt from cannot be told" in texts(page.caption)


def test_what_a_model_placed_is_not_offered_as_truth(space):
    completed = infer(RunFolder(space.runs / "run-1"), LandmarkDataset.load(space.data / "faces"))
    completed.save(space.data / "completed")
    try:
        page = opened()
        assert "completed" not in page.selectbox(key="results_data").options
    finally:
        shutil.rmtree(space.data / "completed")


@pytest.fixture
def rival(space):
    """A second run's landmarks of the same pictures, each 3 px from the first run's."""
    found = LandmarkDataset.load(space.runs / "run-1" / "predictions" / "faces--valid")
    shutil.copytree(
        space.runs / "run-1", space.runs / "rival", ignore=shutil.ignore_patterns("predictions")
    )
    worse = ShapeSet.from_points(found.shapes.points + 3.0, FIVE)
    found.with_shapes(worse).save(RunFolder(space.runs / "rival").prediction("faces", "valid"))
    yield "rival"
    shutil.rmtree(space.runs / "rival")


def of_first_run():
    page = AppTest.from_function(script, default_timeout=60).run()
    page.selectbox(key="results_run").set_value("run-1").run()
    assert not page.exception
    return page


def test_predictions_of_other_runs_are_compared(space, rival):
    page = of_first_run()
    assert page.multiselect(key=OTHERS).options == [rival]
    assert not page.error
    table = page.dataframe[-1].value.set_index("prediction")
    whole = LandmarkDataset.load(space.data / "faces")
    for name in ("run-1", rival):
        found = LandmarkDataset.load(space.runs / name / "predictions" / "faces--valid")
        rates = evaluate(found, whole).summary()
        assert table.loc[name, "NME, %"] == pytest.approx(100 * rates["nme"])
        interval = evaluate(found, whole).intervals(np.random.default_rng(0))["nme"]
        assert table.loc[name, "from"] == pytest.approx(100 * interval.low)
        assert table.loc[name, "to"] == pytest.approx(100 * interval.high)
    assert "**rival** against **run-1**: the NME is higher, by" in texts(page.markdown)
    assert "6 of 6 images name no subject" in texts(page.caption)


def test_other_predictions_that_are_outdated_or_of_learnt_pictures_are_told(space, rival):
    page = of_first_run()
    assert "rival" not in texts(page.warning)
    run = RunFolder(space.runs / rival)
    os.utime(run.prediction("faces", "valid") / "dataset.toml", (1, 1))
    sources = Sources((space.data / "faces",), space.formats / "m2.toml")
    (run.path / "sources.toml").write_text(tomli_w.dumps(sources.to_table(run.path)))
    page = of_first_run()
    assert "rival or the data set has changed since its landmarks were found" in texts(page.warning)
    assert "rival: 6 of the 6 pictures are learnt from as well" in texts(page.warning)


def test_another_choice_of_pictures_begins_with_something_to_compare(space, rival):
    whole = LandmarkDataset.load(space.data / "faces")
    run = RunFolder(space.runs / "run-1")
    found = infer(run, whole)
    folders = [found.save(r.prediction("faces")) for r in (run, RunFolder(space.runs / rival))]
    page = of_first_run()
    assert page.multiselect(key=OTHERS).value == [rival]
    page.selectbox(key="results_split_faces").set_value("every picture").run()
    assert page.multiselect(key="results_others_run-1_faces_None").value == [rival]
    shutil.rmtree(folders[0])


@pytest.mark.usefixtures("space")
def test_no_bar_of_tools_lies_over_a_legend():
    charts = [chart.proto for chart in opened().get("plotly_chart")]
    assert charts
    assert all(json.loads(chart.config)["displayModeBar"] is False for chart in charts)


@pytest.mark.usefixtures("space")
def test_only_pictures_that_others_have_seen_can_be_compared():
    assert "Nothing else has looked at these pictures yet" in texts(opened().info)


def test_data_sets_that_a_model_made_can_be_compared(space):
    infer(RunFolder(space.runs / "run-1"), LandmarkDataset.load(space.data / "faces")).save(
        space.data / "completed"
    )
    try:
        page = opened()
        assert page.multiselect(key=OTHERS).options == ["data set completed"]
        assert "no difference of the NME is shown" in texts(page.markdown)
        page.multiselect(key=OTHERS).set_value([]).run()
        assert "Choose one at least" in texts(page.caption)
    finally:
        shutil.rmtree(space.data / "completed")


def test_other_predictions_that_do_not_fit_are_told_and_left_out(space, rival):
    folder = RunFolder(space.runs / rival).prediction("faces", "valid")
    points = ShapeSet.from_points(np.zeros((6, 3, 2)), landmark_format("points-3"))
    LandmarkDataset.load(folder).with_shapes(points).save(folder)
    page = of_first_run()
    assert "no landmark is known to be in both points-3 and five" in texts(page.error)
    assert "Choose one at least" in texts(page.caption)


def test_bounds_beside_a_prediction_are_drawn(space):
    folder = RunFolder(space.runs / "run-1").prediction("faces", "valid")
    names = LandmarkDataset.load(folder).samples["shape_id"]
    before = [image.url for element in opened().get("image") for image in element.proto.imgs]
    lines = ["image,a,b,c,d,e", *(f"{name},4,4,4,4,4" for name in names)]
    (folder / "bounds.csv").write_text("\n".join(lines) + "\n")
    try:
        page = opened()
        after = [image.url for element in page.get("image") for image in element.proto.imgs]
        assert len(after) == len(before)
        assert not set(after) & set(before)
        (folder / "bounds.csv").write_text("broken\n")
        assert "bounds.csv:1: expected the columns" in texts(opened().error)
    finally:
        (folder / "bounds.csv").unlink()
