import dataclasses

import numpy as np
import pytest
import torch

from datasets.dataset import LandmarkDataset
from datasets.errors import TrainingError
from tests.unit.weaksup.compared_runs import equal, weights, without_seconds
from weaksup.held_out import HeldOut
from weaksup.inference import infer
from weaksup.parts import PARTS
from weaksup.ranks import Ranks
from weaksup.run_state import FINISHED, STOPPED
from weaksup.stage import Stage
from weaksup.training import require_trainable, train


def stage(name="everything", epochs=6, rate=0.001, patience=9, hold_out=0.25):
    return Stage(
        name, "dense", PARTS[1:], PARTS, epochs, rate, 4, "adamw", "one-cycle", patience,
        hold_out=hold_out,
    )  # fmt: skip


def helping(tiny, patience=3):
    """A stage that helps at first, and then no more."""
    still = {"rotation_deg": 0.0, "scaling": 0.0, "shift": 0.02, "affinity_every": 0}
    learns = dataclasses.replace(stage(rate=0.004, epochs=12, patience=patience), images="all")
    return tiny.changed(stages=(learns,), **still)


def harming(tiny, epochs=6, **values):
    """A first stage that learns, and one that destroys what it has learnt."""
    first = stage("first", epochs=4, rate=0.004, hold_out=0.0)
    return tiny.changed(stages=(first, stage(epochs=epochs, rate=0.3, **values)), affinity_every=0)


def going_on(tiny, patience=3):
    """A stage is undone, and another one follows."""
    config = harming(tiny, patience=patience)
    last = stage("last", epochs=3, hold_out=0.0)
    return config.changed(stages=(*config.stages, last))


class Errors:
    """A validation whose errors are given, and which notes the network's weight at each."""

    def __init__(self, *errors):
        self.left = list(errors)

    def predict(self, _network):
        return None

    def nme(self, _predicted):
        return self.left.pop(0), None


def judged(*errors, patience=2):
    network = torch.nn.Linear(1, 1)
    network.weight.data[:] = 0.0
    held_out = HeldOut(Errors(*errors), network, patience, Ranks("cpu", "32-true"))
    for epoch in range(1, len(errors)):
        network.weight.data[:] = float(epoch)
        held_out.end_epoch()
    held_out.restore_best()
    return held_out, network.weight.item()


def test_the_network_of_the_smallest_error_is_kept():
    held_out, epoch = judged(0.9, 0.5, 0.3, 0.4)
    assert (held_out.helped, held_out.over, epoch) == (True, False, 2.0)


def test_a_stage_is_over_when_the_error_has_not_fallen_for_the_patience():
    held_out, epoch = judged(0.9, 0.5, 0.5, 0.6)
    assert (held_out.helped, held_out.over, epoch) == (True, True, 1.0)


def test_without_a_smaller_error_than_before_the_stage_the_network_is_as_it_was():
    for errors in ((0.2, 0.3, 0.25), (0.2, 0.2), (0.2, float("nan"))):
        held_out, epoch = judged(*errors)
        assert (held_out.helped, epoch) == (False, 0.0)


def test_images_held_out_are_dense_whole_subjects_and_not_learnt_from(data):
    subjects = [f"s{row // 3}" for row in range(48)]
    samples = data.images.samples.assign(subject=subjects)
    grouped = dataclasses.replace(
        data, images=LandmarkDataset(data.images.shapes, samples, data.images.root)
    )
    rows = grouped.held_out(stage(), 0)
    assert rows.max() < 12
    assert len(rows) == 3
    assert len({subjects[row] for row in rows}) == 1
    assert {tuple(grouped.held_out(stage(), seed)) for seed in range(20)} == {
        tuple(range(first, first + 3)) for first in (0, 3, 6, 9)
    }


def test_a_stage_counts_nothing_of_what_it_holds_out(data, tiny):
    (counted,) = require_trainable(tiny.changed(stages=(stage(),)), data)
    rows = data.held_out(stage(), tiny.seed)
    assert len(rows) == 3
    learnt = np.flatnonzero(counted.any(dim=1).numpy())
    assert sorted([*learnt, *rows]) == list(range(12))


def test_at_least_two_images_are_held_out_and_too_few_are_refused(data, tiny):
    few = dataclasses.replace(data, images=data.images.take(np.arange(5)))
    assert len(few.held_out(stage(hold_out=0.01), 0)) == 2
    three = dataclasses.replace(data, images=data.images.take(np.arange(3)))
    with pytest.raises(TrainingError, match=r"'everything' holds .* at least 4, found 3"):
        require_trainable(helping(tiny), three)
    samples = few.images.samples.assign(subject="one")
    alone = dataclasses.replace(
        data, images=LandmarkDataset(few.images.shapes, samples, few.images.root)
    )
    with pytest.raises(TrainingError, match="'everything': holding out needs two subjects"):
        require_trainable(helping(tiny), alone)


def test_a_stage_leaves_the_network_that_was_best_on_what_it_held_out(data, tiny, tmp_path):
    run = train(helping(tiny), tmp_path / "run", data)
    metrics = run.metrics()
    assert run.state().message == "finished after 4 epochs"
    assert metrics["held_out_nme"].idxmin() < 3
    held = data.images.take(data.held_out(stage(), tiny.seed))
    wide = held.shapes.points[:, 1] - held.shapes.points[:, 0]
    distances = np.linalg.norm(infer(run, held).shapes.points - held.shapes.points, axis=2)
    error = (distances / np.linalg.norm(wide, axis=1)[:, None]).mean()
    assert metrics["held_out_nme"].min() == pytest.approx(error, rel=1e-4)


def test_a_stage_that_does_not_help_is_undone_and_the_run_says_so(data, tiny, tmp_path):
    config = harming(tiny, patience=2)
    run = train(config, tmp_path / "run", data)
    before = train(config.changed(stages=config.stages[:1]), tmp_path / "before", data)
    state, metrics = run.state(), run.metrics()
    assert equal(weights(run), weights(before))
    assert (state.status, state.epochs_done, state.epochs) == (FINISHED, 6, 6)
    told = "stage 'everything' did not help, and is undone"
    assert state.message == f"finished after 6 epochs; {told}"
    assert not any("did not help" in text for text in state.warnings)
    assert metrics["held_out_nme"].isna().tolist() == [True] * 4 + [False] * 2
    assert metrics["valid_nme"].iloc[-1] == metrics["valid_nme"].iloc[3]
    assert told in train(config, tmp_path / "run", data, resume=True).state().message


@pytest.mark.parametrize("make", [helping, harming, going_on])
def test_a_run_that_holds_out_and_stops_goes_on_as_if_it_had_not(data, tiny, tmp_path, make):
    config, asked = make(tiny, patience=3), []
    whole = train(config, tmp_path / "whole", data, stop=lambda: bool(asked.append(0)))
    assert whole.state().epochs < config.epochs  # it ended early
    for share in (0.3, 0.6, 0.95):
        left = iter(range(48 + int(share * (len(asked) - 48))))
        path = tmp_path / str(share)
        stopped = train(config, path, data, stop=lambda a=left: next(a, None) is None)
        assert stopped.state().status == STOPPED
        resumed = train(config, path, data, resume=True)
        assert without_seconds(resumed) == without_seconds(whole)
        assert equal(weights(resumed), weights(whole))
        told, expected = resumed.state(), whole.state()
        assert (told.message, told.epochs) == (expected.message, expected.epochs)
