"""The Complete page, with clicks and dense shapes, without, and with some that do not do."""

import re
from dataclasses import replace

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from annotate.priority import read_scores
from datasets.dataset import LandmarkDataset
from datasets.formats import landmark_format
from datasets.images import write_image
from datasets.samples import sample_table
from datasets.shapes import ShapeSet
from datasets.shelf import thrown_away
from datasets.workspace import VARIABLE, Workspace
from weaksup.bounds import completion_bounds
from weaksup.clicks import complete_clicks
from weaksup.completion import complete
from weaksup.keep_ui import file_stem

KNOWN = landmark_format("lfw-10")
CHOSEN = [0, 2, 3, 5, 6, 7]


def script():
    import weaksup.complete_page
    from datasets.ui import page_body

    page_body(weaksup.complete_page.render)()


@pytest.fixture
def space(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return Workspace(tmp_path)


def looked_at(space, N, seed, prefix):
    """Shapes with pictures: a square on noise for every landmark, which the clicks know badly."""
    root = space.root / "pictures"
    root.mkdir(exist_ok=True)
    rng, found = np.random.default_rng(seed), shapes(N, seed, prefix, root)
    points = found.shapes.points + 16 + rng.normal(scale=2.0, size=found.shapes.points.shape)
    for name, shape in zip(found.samples["image"], points, strict=True):
        grey = rng.uniform(100, 110, (96, 96))
        for x, y in shape.round().astype(int):
            grey[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3] = 200
        write_image(root / name, np.repeat(grey[..., None], 3, axis=2).astype(np.uint8))
    return found.with_shapes(ShapeSet.from_points(points, KNOWN))


def shapes(N, seed, prefix, root=None):
    ways = np.random.default_rng(0).normal(size=(3, 20))
    rng = np.random.default_rng(seed)
    flat = 32 + 8 * ways[0] + rng.normal(size=(N, 2)) @ ways[1:] + rng.normal(0, 0.4, (N, 20))
    names = [f"{prefix}{i}" for i in range(N)]
    samples = sample_table(names, [f"{name}.png" for name in names] if root else None)
    return LandmarkDataset(ShapeSet.from_points(flat.reshape(N, 10, 2), KNOWN), samples, root)


@pytest.fixture
def faces(space):
    """14 clicked pictures, and 40 dense shapes."""
    pictures = space.root / "pictures"
    pictures.mkdir()
    truth = shapes(14, 1, "c", pictures)
    for name in truth.samples["image"]:
        write_image(pictures / name, np.full((64, 64, 3), 90, np.uint8))
    clicked = truth.with_shapes(truth.shapes.keep(CHOSEN))
    clicked.save(space.data / "clicks")
    dense = shapes(40, 2, "d")
    dense.save(space.data / "dense")
    return clicked, dense


def opened():
    page = AppTest.from_function(script, default_timeout=60).run()
    assert not page.exception
    return page


def captions(page):
    """Names of the pictures that are shown."""
    return [caption.partition(":")[0] for caption in whole_captions(page)]


def whole_captions(page):
    return [image.caption for element in page.get("image") for image in element.proto.imgs]


def replace_box(page):
    return next(box for box in page.checkbox if "Replace the data set" in box.label)


def texts(elements):
    return " ".join(element.value for element in elements)


def test_without_clicks_the_page_leads_to_where_they_are_made(space):
    assert "There is no data set yet" in texts(opened().markdown)
    shapes(9, 0, "d").save(space.data / "dense")
    assert "No data set has clicked pictures" in texts(opened().markdown)


def test_errors_and_bounds_are_those_of_the_library(faces):
    page = opened()
    assert not page.error
    clicked, dense = faces
    bounds = completion_bounds(clicked, complete(clicked, dense), dense)
    shown = {metric.label: metric.value for metric in page.metric}
    assert shown["Pictures"] == "14"
    assert shown["Landmarks filled in"] == str(14 * 4)
    assert shown["Error to expect"] == f"{bounds.expected_nme:.2%}"
    assert shown["Nine of ten within"] == f"{bounds.median_px:.1f} px"


def test_what_pictures_show_is_taken_where_it_helps_and_missed_where_one_is_broken(space):
    truth, dense = looked_at(space, 10, 1, "c"), looked_at(space, 40, 2, "d")
    clicked = truth.with_shapes(truth.shapes.keep(CHOSEN))
    for name, dataset in (("clicks", clicked), ("dense", dense)):
        dataset.save(space.data / name)
    expected = complete_clicks(clicked, dense)
    assert expected.look.moved == 10
    page = opened()
    assert "Landmarks of 10 shapes were moved by what their pictures show" in texts(page.caption)
    shown = {metric.label: metric.value for metric in page.metric}
    assert shown["Error to expect"] == f"{expected.bounds().expected_nme:.2%}"
    page.button(key="complete_save").click().run()
    kept = LandmarkDataset.load(space.data / "clicks-completed")
    np.testing.assert_array_equal(kept.shapes.points, expected.dataset.shapes.points)
    (space.root / "pictures" / "d7.png").write_bytes(b"")
    st.cache_resource.clear()
    page = opened()
    assert "Note: the pictures are not looked at" in texts(page.caption)
    assert "d7.png" in texts(page.caption)
    assert len(captions(page)) == 10


@pytest.mark.usefixtures("faces")
def test_of_very_many_pictures_the_page_leaves_the_looking_to_the_command(monkeypatch):
    monkeypatch.setattr("weaksup.complete_page._MOST_LOOKED_AT", 5)
    page = opened()
    assert "not looked at: they are more than 5" in texts(page.caption).replace("\\", "")
    assert len(captions(page)) == 12


def test_shapes_in_space_are_shown_and_kept(faces, space):
    for name, flat in zip(("clicks", "dense"), faces, strict=True):
        points = np.dstack([flat.shapes.points, flat.shapes.points[..., :1] / 2])
        noise = np.random.default_rng(0).normal(scale=0.4, size=points.shape)
        deep = ShapeSet.from_points(points + noise, KNOWN)
        LandmarkDataset(deep, flat.samples, flat.root).save(space.data / name)
    page = opened()
    assert "three dimensions do not lie in a picture" in texts(page.caption)
    assert len(captions(page)) == 12
    page.button(key="complete_save").click().run()
    kept = LandmarkDataset.load(space.data / "clicks-completed")
    assert kept.shapes.complete.all()
    assert kept.shapes.points.shape == (14, 10, 3)


def test_doubtful_pictures_come_first(faces):
    page = opened()
    clicked, dense = faces
    bounds = completion_bounds(clicked, complete(clicked, dense), dense)
    order = np.argsort(-bounds.score)
    assert captions(page) == [f"c{i}" for i in order[:12]]
    page.number_input(key="complete_page").set_value(2).run()
    assert captions(page) == [f"c{i}" for i in order[12:]]
    page.button_group(key="complete_order").set_value("as in the data set").run()
    page.number_input(key="complete_page").set_value(1).run()
    assert captions(page) == [f"c{i}" for i in range(12)]


def test_what_is_kept_is_a_data_set_with_bounds_and_scores_and_replaces_none_unasked(faces, space):
    page = opened()
    page.button(key="complete_save").click().run()
    assert not page.exception
    assert "14 completed pictures are now the data set **clicks-com" in page.success[0].value
    assert "train a network" in texts(page.markdown)
    page.button(key="complete_look_now").click().run()
    assert page.session_state["fewmark.completed"] == "clicks-completed"
    clicked, dense = faces
    kept = LandmarkDataset.load(space.data / "clicks-completed")
    assert kept.inferred
    expected = complete(clicked, dense).shapes.points
    np.testing.assert_array_equal(kept.shapes.points, expected)
    assert len(read_scores(space.data / "clicks-completed" / "scores.csv")) == 14
    page = opened()
    assert page.selectbox(key="complete_clicked").options == ["clicks"]  # not what was made of it
    assert page.button(key="complete_save").disabled
    replace_box(page).check().run()
    page.button(key="complete_save").click().run()
    assert "are now the data set" in page.success[0].value
    assert not replace_box(page).value  # what was saved now is another
    assert page.button(key="complete_save").disabled
    assert thrown_away(space) == ["clicks-completed"]


def test_a_tick_to_replace_is_about_one_name_and_never_about_what_people_placed(faces, space):
    _, dense = faces
    opened().button(key="complete_save").click().run()
    replace(dense, inferred=True).save(space.data / "other")
    page = opened()
    replace_box(page).check().run()
    assert not page.button(key="complete_save").disabled
    page.text_input(key="complete_name_clicks").set_value("other").run()
    assert not replace_box(page).value
    assert page.button(key="complete_save").disabled
    page.text_input(key="complete_name_clicks").set_value("dense").run()
    assert "400 landmarks in 40 pictures, which no model placed" in page.warning[0].value
    assert page.button(key="complete_save").disabled
    assert not page.checkbox


@pytest.mark.usefixtures("faces")
def test_a_tile_tells_doubt_and_the_widest_bound_and_the_page_what_looking_brings():
    page = opened()
    assert re.fullmatch(r"c\d+: doubt \d\.\d, widest circle \d+ px", whole_captions(page)[0])
    assert "The most doubtful tenth are 2 pictures, a fifth 3" in texts(page.caption)


def test_files_say_of_which_splits_they_are_and_that_a_model_placed_points(faces):
    clicked, _ = faces
    labels = [button.proto.label for button in opened().get("download_button")]
    assert labels == ["Download as csv", "Download as npz", "Bounds, csv"]
    assert file_stem("mine", clicked) == "mine-inferred"
    splits = ["train"] * 9 + ["valid"] * 5
    both = replace(clicked, samples=clicked.samples.assign(split=splits))
    assert file_stem("mine", both) == "mine-train+valid-inferred"
    assert file_stem("mine", both.split("valid")) == "mine-valid-inferred"


@pytest.mark.usefixtures("faces")
@pytest.mark.parametrize("name", ["../out", ".hidden", "a/b", ""])
def test_names_that_are_paths_are_refused(name):
    page = opened()
    page.text_input(key="complete_name_clicks").set_value(name).run()
    assert "A name has letters" in page.warning[0].value
    assert not page.button


@pytest.mark.usefixtures("faces")
def test_too_few_dense_shapes_complete_without_bounds(space):
    shapes(5, 3, "d").save(space.data / "dense")
    page = opened()
    assert not page.error
    assert "How good they are cannot be told: expected 8 shapes" in page.warning[0].value
    assert page.button(key="complete_save").proto.type == "secondary"
    assert captions(page) == [f"c{i}" for i in range(12)]


@pytest.mark.usefixtures("faces")
def test_a_picture_that_is_gone_is_told_in_its_place(space):
    (space.root / "pictures" / "c3.png").unlink()
    page = opened()
    page.button_group(key="complete_order").set_value("as in the data set").run()
    assert "c3.png" in texts(page.caption)
    assert len(captions(page)) == 11


def test_pictures_that_are_known_already_are_left_out(faces, space):
    _, dense = faces
    known = shapes(14, 1, "c").take(np.arange(5))
    known.joined(dense).save(space.data / "some")
    shapes(14, 1, "c").joined(dense).save(space.data / "whole")
    page = opened()
    assert page.selectbox(key="complete_dense_clicks").options == ["some", "dense", "whole"]
    page.selectbox(key="complete_dense_clicks").set_value("some").run()
    assert captions(page)
    assert not set(captions(page)) & {f"c{i}" for i in range(5)}
    assert "5 clicked pictures are left out: some has all landmarks" in texts(page.caption)
    page.selectbox(key="complete_dense_clicks").set_value("whole").run()
    assert not page.exception
    assert "All landmarks of these pictures are known in whole already" in page.info[0].value


@pytest.mark.usefixtures("faces")
def test_what_is_kept_can_be_looked_at_in_the_annotator():
    page = opened()
    page.button(key="complete_save").click().run()
    assert "fewmark.completed" not in page.session_state
    page.text_input(key="complete_name_clicks").set_value("other").run()
    page.button(key="complete_look").click().run()
    assert not page.exception
    assert page.session_state["fewmark.completed"] == "other"


def test_a_few_confirmed_pictures_do_not_become_what_is_learnt_from(faces, space):
    _, dense = faces
    truth = shapes(14, 1, "c")
    truth.take(np.arange(5)).joined(dense).save(space.data / "dense")
    truth.take(np.arange(2)).save(space.data / "confirmed")  # leaves more to complete
    page = opened()
    assert page.selectbox(key="complete_dense_clicks").value == "dense"
    assert page.button(key="complete_save").proto.type == "primary"
