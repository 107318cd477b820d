"""The page Train: the form of a new run."""

import numpy as np
import psutil
import pytest

from datasets.dataset import LandmarkDataset
from datasets.formats import SparseFormat, landmark_format
from datasets.jobs import find_job
from tests.pages.train_space import empty_space, fill, labels, metric, opened, press, texts
from weaksup.completion import complete
from weaksup.run_folder import RunFolder


@pytest.fixture
def space(tmp_path, monkeypatch):
    return empty_space(tmp_path, monkeypatch)


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


def test_the_largest_dense_data_set_that_leaves_clicks_sparse_is_proposed(space):
    fill(space, pictures=False)
    dense = LandmarkDataset.load(space.data / "dense")
    dense.take(np.arange(2)).save(space.data / "a-few")
    page = opened()
    assert page.multiselect[0].value == ["clicks", "dense"]
    assert "dense images" not in texts(page.warning)
    page.multiselect[0].set_value(["clicks", "a-few"]).run()
    assert "Only 2 dense images: errors of so few cannot be judged" in texts(page.warning)
    assert not page.button(key="train_start").disabled


def test_judges_that_are_learnt_from_are_told_before_the_run_begins(space):
    fill(space, pictures=False)
    page = opened()
    assert "learnt from as well" not in texts(page.warning)
    split = next(box for box in page.selectbox if box.label == "Split to measure on")
    split.set_value("train").run()
    assert "24 of the 24 validation images are learnt from as well" in texts(page.warning)


def test_the_length_of_a_run_says_how_long_it_may_be(space):
    fill(space, pictures=False)
    length = opened().number_input(key="train_scale")
    for limit in (length.min, length.max):
        assert f"{limit:g}" in length.label


def test_clicks_that_change_nothing_are_told(space):
    fill(space, pictures=False)
    page = opened()
    assert "changes nothing" not in texts(page.warning)
    page.multiselect[0].set_value(["clicks", "faces"]).run()
    assert "marking a few of them changes nothing" in texts(page.warning)
