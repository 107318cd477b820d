import dataclasses
import os

import pytest

from datasets.errors import FileFormatError, TrainingError
from weaksup.config import TrainingConfig
from weaksup.presets import PRESETS, preset
from weaksup.stage import Stage


def test_scale_shortens_all_counts_of_epochs_together():
    config = preset("thesis").scaled(0.01)
    assert [(s.epochs, s.patience) for s in config.stages] == [(15, 2), (30, 2), (30, 2)]
    assert preset("thesis").scaled(1e-6).epochs == 3
    with pytest.raises(TrainingError, match="positive"):
        preset("quick").scaled(0)


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_config_survives_its_file(name, tmp_path):
    config = preset(name).changed(seed=7)
    config.save(tmp_path / "config.toml")
    assert TrainingConfig.load(tmp_path / "config.toml") == config


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("seed = 0", "seeed = 0"), "config.toml:seeed: unknown key of TrainingConfig; known are"),
        (("loss_on = [", "losses = ["), "config.toml:losses: unknown key of Stage"),
        (('loss = "squared"', 'loss = "cubed"'), "loss must be one of squared, wing"),
        (("seed = 0", 'seed = "0"'), "config.toml:seed: expected a whole number, got '0'"),
        (("seed = 0", "seed = true"), "config.toml:seed: expected a whole number, got True"),
        (("width = 0.25", "width = -1.0"), "width must be positive, got -1.0"),
        (("width = 0.25", "width = 9.0"), "width must be at most 8.0, got 9.0"),
        (("scaling = 0.15", "scaling = 1.0"), "scaling and contrast must lie in"),
        (("rotation_deg = 20.0", "rotation_deg = nan"), "rotation_deg must not be negative"),
        (("shift = 0.12", "shift = -0.12"), "shift must not be negative"),
        (("affinity_every = 5", "affinity_every = -1"), "affinity_every must not be negative"),
        (("image_size_px = 64", "image_size_px = 16"), "image_size_px must be at least 32"),
        (('device = "auto"', 'device = "tpu"'), "device must be one of auto, cpu, cuda, mps"),
        (('precision = "32-true"', 'precision = "8"'), "precision must be one of"),
        (('optimiser = "adamw"', 'optimiser = "adam"'), "optimiser must be one of sgd, adamw,"),
        (('"secondary",\n', '"third",\n'), "must name some of"),
        (("epochs = 20", "epochs = 0"), "epochs must be positive"),
        (('name = "secondary"', 'name = "sparse"'), "stages of different names"),
        (('preset = "quick"\n', ""), "preset"),
        (('train = [\n    "body"', 'train = [\n    3'), "train: expected a list of texts"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_the_key_and_the_file(change, message, tmp_path):
    path = tmp_path / "config.toml"
    preset("quick").save(path)
    text = path.read_text(encoding="utf-8")
    assert change[0] in text
    write(path, text.replace(*change))
    with pytest.raises(FileFormatError) as caught:
        TrainingConfig.load(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed = 1\n", "stages"),
        ("stages = 3\n", "expected tables"),
        ("seed =", "not a TOML file"),
    ],
)
def test_a_broken_file_is_refused(text, message, tmp_path):
    with pytest.raises(FileFormatError, match=message):
        TrainingConfig.load(write(tmp_path / "c.toml", text))


def test_whole_numbers_stand_for_fractions_too(tmp_path):
    preset("thesis").save(tmp_path / "c.toml")
    text = (tmp_path / "c.toml").read_text().replace("width = 1.0", "width = 1")
    assert TrainingConfig.load(write(tmp_path / "c.toml", text)).width == 1.0


def test_identity_changes_with_what_is_computed_and_not_with_where():
    config = preset("quick")
    assert config.changed(device="cpu", threads=3).identity == config.identity
    assert config.changed(seed=1).identity != config.identity
    longer = dataclasses.replace(config.stages[0], epochs=21)
    assert config.changed(stages=(longer, *config.stages[1:])).identity != config.identity


def test_keeping_affinities_changes_nothing_that_is_computed():
    config = preset("quick")
    assert config.changed(affinity_every=0).identity == config.identity


def test_a_config_from_before_affinities_were_kept_keeps_none(tmp_path):
    preset("quick").save(tmp_path / "c.toml")
    text = (tmp_path / "c.toml").read_text().replace("affinity_every = 5\n", "")
    assert TrainingConfig.load(write(tmp_path / "c.toml", text)).affinity_every == 0


def test_changed_leaves_what_is_none():
    assert preset("quick").changed(seed=None, width=0.5) == preset("quick").changed(width=0.5)


def test_threads_are_half_of_the_cores_unless_told():
    config = preset("quick")
    assert config.changed(threads=3).cpu_threads == 3
    assert config.cpu_threads == max(1, (os.cpu_count() or 1) // 2)


def test_a_stage_without_parts_is_refused():
    with pytest.raises(TrainingError, match="train must name some of"):
        Stage("s", "all", ("main",), (), 1, 0.1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("image_size_px", 10**8),
        ("width", float("inf")),
        ("width", float("nan")),
        ("threads", 10**14),
        ("seed", 10**30),
    ],
)
def test_what_torch_could_not_do_is_refused_at_once(name, value):
    with pytest.raises(TrainingError, match=name):
        preset("quick").changed(**{name: value})


def test_an_endless_run_is_refused():
    with pytest.raises(TrainingError, match="finite"):
        preset("quick").scaled(float("inf"))


def test_to_mirror_the_loss_must_be_on_both_branches():
    with pytest.raises(TrainingError, match="stage 's': to mirror, the loss must be on both"):
        Stage("s", "all", ("main",), ("body", "main"), 1, 0.1, mirror=True)


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_of_dense_images_is_less_than_all(share):
    with pytest.raises(TrainingError, match="'s': dense_share must lie in"):
        Stage("s", "all", ("main",), ("body", "main"), 1, 0.1, dense_share=share)


def test_what_a_stage_does_not_ask_for_is_not_in_its_identity():
    stages = preset("quick").to_table()["stages"]
    assert not any({"mirror", "dense_share"} & stage.keys() for stage in stages)
    joint = preset("joint")
    (plain,) = (dataclasses.replace(s, mirror=False) for s in joint.stages)
    assert joint.changed(stages=(plain,)).identity != joint.identity
