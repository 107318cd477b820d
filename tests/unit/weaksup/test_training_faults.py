"""What may go wrong in a run: it is told in words, and nothing that was computed is lost."""

import dataclasses
import errno
import random

import numpy as np
import pytest
import torch

import weaksup.checkpoints
from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError, TrainingError
from datasets.shapes import ShapeSet
from weaksup.checkpoints import read_checkpoint
from weaksup.inference import load_network
from weaksup.learner import Learner
from weaksup.run_folder import RunFolder
from weaksup.run_state import FAILED, FINISHED
from weaksup.training import train


def weights(run):
    return read_checkpoint(run)["learner"]["network"]


def assert_same(run, other):
    ours, theirs = ((r.path / "metrics.csv").read_text().splitlines() for r in (run, other))
    assert [line.rsplit(",", 1)[0] for line in ours] == [line.rsplit(",", 1)[0] for line in theirs]
    expected = weights(other)
    assert all(torch.equal(value, expected[name]) for name, value in weights(run).items())


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("owner", "name", "calls"),
    [
        (weaksup.checkpoints.os, "fsync", 3),
        (RunFolder, "add_metrics", 3),
        (RunFolder, "add_affinity", 3),
        (RunFolder, "set_state", 4),
    ],
)
def test_a_full_disk_ends_the_run_in_words_and_it_goes_on_when_there_is_room(
    data, tiny, tmp_path, unbroken, monkeypatch, owner, name, calls
):
    real, made = getattr(owner, name), []

    def fail_late(*arguments):
        made.append(1)
        return full() if len(made) == calls else real(*arguments)

    monkeypatch.setattr(owner, name, fail_late)
    with pytest.raises((FileFormatError, OSError), match="No space left on device"):
        train(tiny, tmp_path / "run", data)
    monkeypatch.undo()
    run = RunFolder(tmp_path / "run")
    assert run.state().status == FAILED
    assert "No space left on device" in run.state().message
    assert read_checkpoint(run)["epochs_done"] >= 2
    assert_same(train(tiny, run.path, data, resume=True), unbroken)


def test_a_disk_too_full_to_say_so_does_not_hide_why(data, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(weaksup.checkpoints.os, "fsync", full)

    def told(folder, state):
        if state.status == FAILED:
            raise FileFormatError(folder.path / "state.json", None, "cannot be written")

    monkeypatch.setattr(RunFolder, "set_state", told)
    with pytest.raises(FileFormatError, match=r"checkpoint\.pt: cannot be written: No space left"):
        train(tiny, tmp_path / "run", data)


@pytest.fixture
def stopped(data, tiny, tmp_path):
    """A run with two checkpoints or more."""
    left = iter(range(48 + 20))
    run = train(tiny, tmp_path / "run", data, stop=lambda: next(left, None) is None)
    assert run.earlier_checkpoint.exists()
    return run


def cut_short(content):
    return content[: len(content) // 2]


def changed(content):
    place = random.Random(0).randrange(len(content) // 4, len(content) // 2)
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


@pytest.mark.parametrize("damage", [cut_short, changed, lambda _: b""])
def test_a_damaged_checkpoint_costs_an_epoch_not_the_run(
    data, tiny, stopped, unbroken, damage, caplog
):
    done = read_checkpoint(stopped)["epochs_done"]
    stopped.checkpoint.write_bytes(damage(stopped.checkpoint.read_bytes()))
    assert read_checkpoint(stopped)["epochs_done"] == done - 1
    assert "checkpoint.pt" in caplog.text
    assert "the one before it is taken, from which `fewmark train --resume`" in caplog.text
    assert_same(train(tiny, stopped.path, data, resume=True), unbroken)


def test_a_checkpoint_that_was_deleted_costs_an_epoch_not_the_run(data, tiny, stopped, unbroken):
    done = read_checkpoint(stopped)["epochs_done"]
    stopped.checkpoint.unlink()
    assert read_checkpoint(stopped)["epochs_done"] == done - 1
    assert_same(train(tiny, stopped.path, data, resume=True), unbroken)


def test_where_both_checkpoints_are_damaged_the_run_says_so_and_stays(data, tiny, stopped):
    for path in (stopped.checkpoint, stopped.earlier_checkpoint):
        path.write_bytes(cut_short(path.read_bytes()))
    with pytest.raises(FileFormatError, match=r"before\.pt: not a .* read; begin a new run"):
        train(tiny, stopped.path, data, resume=True)
    assert stopped.state().status == FAILED
    assert len(stopped.metrics()) > 1


def test_labels_may_be_missing_anywhere(data, tiny, tmp_path):
    learn = holes(data.images, slice(None))
    learn[:2] = np.nan
    learn[4:10] = data.images.shapes.points[4:10]
    valid = holes(data.valid, slice(2, None))  # errors are parts of the span from 0 to 1
    run = train(
        tiny,
        tmp_path / "run",
        dataclasses.replace(
            data,
            images=data.images.with_shapes(ShapeSet.from_points(learn, data.images.format)),
            valid=data.valid.with_shapes(ShapeSet.from_points(valid, data.valid.format)),
        ),
    )
    assert run.state().status == FINISHED
    metrics = run.metrics()
    assert np.isfinite(metrics[["loss", "mean_shape_loss"]]).all(axis=None)
    assert np.isfinite(metrics["valid_nme"].dropna()).all()
    assert metrics["valid_nme"].notna().any()
    assert any("images without a label" in text for text in run.state().warnings)


def holes(dataset, landmarks):
    """Points of which three in ten of these landmarks are missing."""
    points = dataset.shapes.points.copy()
    some = points[:, landmarks]
    some[np.random.default_rng(0).random(some.shape[:2]) < 0.3] = np.nan
    return points


def test_a_picture_that_vanishes_before_a_run_goes_on_costs_nothing(data, tiny, stopped, unbroken):
    names = ["gone.png", *data.images.samples["image"][1:]]
    gone = LandmarkDataset(
        data.images.shapes, data.images.samples.assign(image=names), data.images.root
    )
    before = stopped.checkpoint.read_bytes(), len(stopped.metrics())
    with pytest.raises(FileFormatError, match=r"gone\.png"):
        train(tiny, stopped.path, dataclasses.replace(data, images=gone), resume=True)
    assert stopped.state().status == FAILED
    assert (stopped.checkpoint.read_bytes(), len(stopped.metrics())) == before
    assert_same(train(tiny, stopped.path, data, resume=True), unbroken)


@pytest.mark.parametrize("clip_norm", [0.0, 3.0])
def test_a_rate_that_is_too_high_leaves_the_last_good_epoch(data, tiny, tmp_path, clip_norm):
    calm, wild = (
        dataclasses.replace(
            tiny.stages[0], name=name, rate=rate, optimiser="sgd", decay="plateau", epochs=2
        )
        for name, rate in (("calm", 1e-4), ("wild", 1e30))
    )
    with pytest.raises(TrainingError, match="no longer finite in stage 'wild', epoch 1"):
        train(tiny.changed(stages=(calm, wild), clip_norm=clip_norm), tmp_path / "run", data)
    assert_good_after(RunFolder(tmp_path / "run"), 2)


def test_an_epoch_whose_last_step_broke_the_network_is_not_kept(data, tiny, tmp_path, monkeypatch):
    real, made = Learner.epoch, []

    def break_late(learner, stop):
        result = real(learner, stop)  # the losses are those before each step
        made.append(1)
        if len(made) == 3:
            learner.network.main.bias.data[0] = torch.inf
        return result

    monkeypatch.setattr(Learner, "epoch", break_late)
    with pytest.raises(TrainingError, match="no longer finite in stage 'secondary', epoch 1"):
        train(tiny, tmp_path / "run", data)
    assert_good_after(RunFolder(tmp_path / "run"), 2)


def assert_good_after(run, epochs):
    assert run.state().status == FAILED
    assert "begin a new run at a lower rate" in run.state().message
    assert read_checkpoint(run)["epochs_done"] == len(run.metrics()) == epochs
    assert all(value.isfinite().all() for value in load_network(run).state_dict().values())
