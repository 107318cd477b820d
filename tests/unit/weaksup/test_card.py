import re
from dataclasses import replace

import numpy as np
import pytest

from datasets.images import frame_of
from weaksup.card import card_text, write_card
from weaksup.presets import preset
from weaksup.run_folder import RunFolder
from weaksup.run_state import FINISHED
from weaksup.samples import TrainingData
from weaksup.training import train


@pytest.fixture
def card(trained):
    return (trained.path / "card.md").read_text(encoding="utf-8")


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", text)]


def line(card, beginning):
    (found,) = [text for text in card.splitlines() if text.startswith(beginning)]
    return found.removeprefix(beginning)


def test_a_run_that_ends_has_a_card_with_its_own_numbers(card, trained):
    last = trained.metrics().iloc[-1]
    assert numbers(line(card, "- Images:")) == [48, 5, 12]
    assert "percent of width, over 24 validation images" in card
    for beginning, nme in (
        ("- all landmarks:", last["valid_nme"]),
        ("- those of the main branch:", last["valid_nme_sparse"]),
        ("- the mean shape, for comparison:", trained.state().facts["mean_shape_nme"]),
    ):
        assert numbers(line(card, beginning)) == [round(100 * nme, 2)]
    assert line(card, "- People or other subjects:") == " not told"
    assert "left, right" in line(card, "- Landmarks of the main branch:")
    learnt = "one object. 2 of them were learnt from every image that has them, the other 3 from"
    assert line(card, learnt) == " the dense ones."


def test_each_stage_has_a_row_with_its_epochs_and_its_last_error(card, trained):
    metrics = trained.metrics()
    for stage in trained.config.stages:
        row = line(card, f"| {stage.name} | ")
        mine = metrics[metrics["stage"] == stage.name]
        error, seconds = mine["valid_nme"].iloc[-1], mine["seconds"].sum()
        assert numbers(row)[-3:] == [stage.epochs, round(100 * error, 2), round(seconds)]


def test_the_worked_example_is_the_square_that_is_cut(card, trained):
    text = card[card.index("Example: the box") :]
    edges = numbers(text)
    frame = frame_of(tuple(edges[:4]), 1000, 1000, trained.config.margin)
    square = [frame.x_min, frame.y_min, frame.x_min + frame.side, frame.y_min + frame.side]
    assert edges[5:11] == [frame.side, *square, trained.config.image_size_px]
    assert "0 of the 48 training images had a box" in card


def test_boxes_and_people_are_counted(tmp_path, data, tiny):
    samples = data.images.samples.copy()
    samples["subject"] = [f"person {row % 7}" for row in range(48)]
    edges = {"box_x_min": 2.0, "box_y_min": 2.0, "box_x_max": 28.0, "box_y_max": 30.0}
    for name, edge in edges.items():
        samples[name] = np.where(np.arange(48) < 30, edge, np.nan)
    images = replace(data.images, samples=samples)
    card = card_text(train(tiny, tmp_path / "run", TrainingData(images, data.sparse)))
    assert "30 of the 48 training images had a box" in card
    assert line(card, "- People or other subjects:") == " 7"
    assert "It was not measured: there were no validation images." in card


def test_sources_are_told_by_name_and_the_command_repeats_the_run(trained, tmp_path, data):
    folder = RunFolder(tmp_path / "run")
    table = {"data": ["/far/a b", "/far/clicks"], "valid": "/far/whole", "valid_split": "valid",
             "start": "/far/first"}  # fmt: skip
    folder.create(trained.config, data.sparse, table)
    folder.set_state(replace(trained.state(), status=FINISHED))
    write_card(folder)
    card = (folder.path / "card.md").read_text(encoding="utf-8")
    assert line(card, "- Data:") == " a b, clicks"
    assert line(card, "- Begun with the network of the run") == " first"
    assert "/far" not in card
    assert (
        "    fewmark train NEW --config config.toml --sparse sparse.toml --data 'a b' "
        "--data clicks --valid whole --valid-split valid --start first" in card.splitlines()
    )
    folder.clear()
    assert not (folder.path / "card.md").exists()


def test_warnings_of_the_run_stand_in_its_card(trained, tmp_path, data):
    folder = RunFolder(tmp_path / "run")
    folder.create(trained.config, data.sparse, {})
    folder.set_state(replace(trained.state(), warnings=("3 validation images are learnt from",)))
    assert "Warning: 3 validation images are learnt from." in card_text(folder)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("dense-only", "They were learnt from the images that have all of them."),
        ("joint", "Each was learnt from every image that has it."),
    ],
)
def test_the_card_says_which_images_taught_which_landmarks(name, told, data, tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.create(preset(name), data.sparse, {})
    assert f"one object. {told}" in card_text(folder).splitlines()
