import contextlib
import dataclasses
import warnings

import numpy as np
import pytest
import torch

from correlation.affinity import FewmarkWarning, affinity
from correlation.matrix import AffinityMatrix
from correlation.series import Series
from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError, TrainingError
from datasets.formats import SparseFormat
from datasets.shapes import ShapeSet
from tests.unit.weaksup.compared_runs import equal, weights, without_seconds
from weaksup import run_record
from weaksup.checkpoints import fingerprint
from weaksup.config import TrainingConfig
from weaksup.inference import infer
from weaksup.parts import BODY, MAIN
from weaksup.run_folder import RunFolder
from weaksup.run_state import FAILED, FINISHED, STOPPED
from weaksup.samples import TrainingData
from weaksup.stage import Stage
from weaksup.training import train


class StopAfter:
    """Says stop once it was asked often enough."""

    def __init__(self, count):
        self.left = count

    def __call__(self):
        self.left -= 1
        return self.left < 0


def test_a_run_learns_far_beyond_the_mean_shape(trained):
    metrics, state = trained.metrics(), trained.state()
    assert state.status == FINISHED
    assert state.epochs_done == state.epochs == len(metrics)
    assert state.facts["mean_shape_nme"] > 0.2
    assert metrics["valid_nme"].iloc[-1] < 0.5 * state.facts["mean_shape_nme"]
    ends = metrics.groupby("stage", sort=False)["valid_nme"].last()
    assert list(ends.index) == ["sparse", "secondary", "everything"]
    assert ends["secondary"] < 0.6 * ends["sparse"]
    assert state.warnings == ()


def test_stage_two_leaves_the_main_branch_as_it_is(trained):
    metrics = trained.metrics()
    second = metrics[metrics["stage"] == "secondary"]["valid_nme_sparse"].dropna()
    first = metrics[metrics["stage"] == "sparse"]["valid_nme_sparse"].dropna().iloc[-1]
    assert (second == first).all()


def test_what_stage_two_freezes_stays_bit_by_bit_batch_statistics_included(data, tiny, tmp_path):
    first, second, _ = tiny.stages
    one = train(tiny.changed(stages=(first,)), tmp_path / "one", data)
    two = train(tiny.changed(stages=(first, second), validate_every=1), tmp_path / "two", data)
    before, after = weights(one), weights(two)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"secondary.weight", "secondary.bias"}
    assert any("running_mean" in name for name in before)


def test_the_same_seed_gives_the_same_run_and_another_one_another(data, tiny, tmp_path):
    first, again, other = (
        train(tiny.changed(seed=seed), tmp_path / name, data)
        for seed, name in ((1, "a"), (1, "b"), (2, "c"))
    )
    assert without_seconds(first) == without_seconds(again)
    assert equal(weights(first), weights(again))
    assert without_seconds(first) != without_seconds(other)


def test_measuring_teaches_the_network_nothing(data, tiny, tmp_path):
    with_valid = train(tiny, tmp_path / "a", data)
    without = train(tiny, tmp_path / "b", dataclasses.replace(data, valid=None))
    assert equal(weights(with_valid), weights(without))
    assert without.metrics()["valid_nme"].isna().all()
    assert without.state().facts["mean_shape_nme"] is None


@pytest.mark.parametrize("steps", [50, 54, 70, 86])
def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(data, tiny, tmp_path, steps, unbroken):
    # 48 reading steps come first: the stops fall into stages 1, 2 and 3.
    stopped = train(tiny, tmp_path / "run", data, stop=StopAfter(steps))
    assert stopped.state().status == STOPPED
    assert stopped.state().epochs_done < tiny.epochs
    resumed = train(tiny.changed(threads=1), tmp_path / "run", data, resume=True)
    assert resumed.state().status == FINISHED
    assert without_seconds(resumed) == without_seconds(unbroken)
    assert equal(weights(resumed), weights(unbroken))
    assert same_affinities(resumed, unbroken)


def same_affinities(run, other):
    ours, theirs = Series.load(run.affinities), Series.load(other.affinities)
    return ours.positions == theirs.positions and np.array_equal(ours.values, theirs.values)


def test_affinities_of_the_validation_predictions_are_kept(data, unbroken):
    series = Series.load(unbroken.affinities)
    assert series.positions == tuple(range(1, unbroken.config.epochs + 1))
    last = series.matrices[-1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewmarkWarning)
        expected = affinity(infer(unbroken, data.valid).shapes)
    np.testing.assert_allclose(last.values, expected.values, atol=1e-6)
    assert (last.n_shapes, last.alignment) == (24, "centroid-rms")
    assert last.format == data.sparse.dense


def test_affinities_are_kept_now_and_then_and_after_every_stage(data, tiny, tmp_path, unbroken):
    run = train(tiny.changed(affinity_every=4, validate_every=3), tmp_path / "run", data)
    assert [stage.epochs for stage in tiny.stages] == [2, 6, 2]
    assert Series.load(run.affinities).positions == (2, 2 + 4, 2 + 6, 2 + 6 + 2)
    assert equal(weights(run), weights(unbroken))


def test_a_run_that_shall_keep_no_affinities_keeps_none(data, tiny, tmp_path):
    run = train(tiny.changed(affinity_every=0), tmp_path / "a", data)
    assert not run.affinities.exists()
    run = train(tiny, tmp_path / "b", dataclasses.replace(data, valid=None))
    assert not run.affinities.exists()


def test_matrices_after_the_checkpoint_are_not_kept_when_a_run_goes_on(
    data, tiny, tmp_path, unbroken
):
    stopped = train(tiny, tmp_path / "run", data, stop=StopAfter(70))
    stopped.add_affinity(stopped.state().epochs_done + 1, AffinityMatrix.from_values([[1.0]]))
    resumed = train(tiny, tmp_path / "run", data, resume=True)
    assert same_affinities(resumed, unbroken)


def test_too_few_validation_images_for_affinities_are_told_and_training_goes_on(
    data, tiny, tmp_path
):
    few = dataclasses.replace(data, valid=data.valid.take([0, 1]))
    run = train(tiny, tmp_path / "run", few)
    assert run.state().status == FINISHED
    (told,) = [text for text in run.state().warnings if "affinities" in text]
    assert "need 3 at least" in told
    assert not run.affinities.exists()


def test_a_run_stopped_while_reading_pictures_begins_anew(data, tiny, tmp_path, unbroken):
    stopped = train(tiny, tmp_path / "run", data, stop=StopAfter(5))
    assert stopped.state().status == STOPPED
    assert not stopped.checkpoint.exists()
    resumed = train(tiny, tmp_path / "run", data, resume=True)
    assert without_seconds(resumed) == without_seconds(unbroken)


def test_a_finished_run_that_is_resumed_says_so_and_keeps_everything(data, tiny, tmp_path):
    run = train(tiny, tmp_path / "run", data)
    before = run.checkpoint.read_bytes(), without_seconds(run)
    again = train(tiny, tmp_path / "run", data, resume=True).state()
    assert (again.status, again.epochs_done) == (FINISHED, tiny.epochs)
    assert "finished before" in again.message
    assert again.facts["images"] == 48
    assert (run.checkpoint.read_bytes(), without_seconds(run)) == before


def test_a_run_that_was_killed_at_its_very_end_gets_its_card(data, tiny, tmp_path, monkeypatch):
    def killed(_folder):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(run_record, "write_card", killed)
        with pytest.raises(KeyboardInterrupt):
            train(tiny, tmp_path / "run", data)
    assert not (tmp_path / "run" / "card.md").exists()
    run = train(tiny, tmp_path / "run", data, resume=True)
    assert "all landmarks:" in (run.path / "card.md").read_text(encoding="utf-8")


def test_a_run_that_has_no_checkpoint_yet_keeps_to_its_config_as_well(data, tiny, tmp_path):
    run = train(tiny, tmp_path / "run", data, stop=StopAfter(2))
    assert run.checkpoints == []
    with pytest.raises(TrainingError, match="begun with another config"):
        train(tiny.changed(margin=1.5), run.path, data, resume=True)
    others = SparseFormat(data.sparse.dense, (0, 2), (0, 0, 2, 2, 2))
    with pytest.raises(TrainingError, match="begun with another sparse format"):
        train(tiny, run.path, dataclasses.replace(data, sparse=others), resume=True)
    begun = RunFolder(tmp_path / "begun")
    begun.create(tiny, data.sparse, {})
    with pytest.raises(TrainingError, match="begun with another config"):
        train(tiny.changed(seed=9), begun.path, data)


def test_people_who_are_learnt_from_and_measured_on_are_told(data, tiny, tmp_path):
    learn = data.images.samples.assign(subject=[f"p{row % 9}" for row in range(48)])
    judged = data.valid.samples.assign(subject=["p0", "p8", *["q"] * 21, None])
    images = dataclasses.replace(data.images, samples=learn)
    valid = dataclasses.replace(data.valid, samples=judged)
    run = train(tiny.scaled(0.1), tmp_path / "run", TrainingData(images, data.sparse, valid))
    told = [text for text in run.state().warnings if "validation" in text]
    assert told == [
        "2 of the 24 validation images show subjects who are learnt from: their error says little "
        "about others"
    ]


def test_a_run_is_resumed_with_its_own_config_and_data_only(data, tiny, tmp_path):
    train(tiny, tmp_path / "run", data, stop=StopAfter(70))
    with pytest.raises(TrainingError, match="begun with another config"):
        train(tiny.changed(seed=9), tmp_path / "run", data, resume=True)
    fewer = dataclasses.replace(data, images=data.images.take(np.arange(40)))
    with pytest.raises(TrainingError, match="begun with another data"):
        train(tiny, tmp_path / "run", fewer, resume=True)


def test_a_folder_that_holds_a_run_is_not_overwritten(data, tiny, tmp_path):
    run = train(tiny, tmp_path / "run", data, stop=StopAfter(70))
    before = without_seconds(run)
    with pytest.raises(TrainingError, match="holds a run already"):
        train(tiny, tmp_path / "run", data)
    assert without_seconds(run) == before


def test_too_little_to_learn_from_is_refused_before_anything_is_written(data, tiny, tmp_path):
    sparse_only = dataclasses.replace(data, images=data.images.take(np.arange(12, 48)))
    with pytest.raises(TrainingError, match=r"'secondary' needs .* all 5 landmarks, found 0"):
        train(tiny, tmp_path / "run", sparse_only)
    everything = SparseFormat(data.sparse.dense, tuple(range(5)), tuple(range(5)))
    with pytest.raises(TrainingError, match="every landmark: stage 'secondary' has none to infer"):
        train(tiny, tmp_path / "run", dataclasses.replace(data, sparse=everything))
    one = dataclasses.replace(data, images=data.images.take([0]))
    with pytest.raises(TrainingError, match="'sparse' needs at least 2 images"):
        train(tiny, tmp_path / "run", one)
    assert not (tmp_path / "run").exists()


def test_a_missing_picture_is_named_and_the_run_has_failed(data, tiny, tmp_path):
    gone = data.images.samples.assign(image=["gone.png", *data.images.samples["image"][1:]])
    broken = LandmarkDataset(data.images.shapes, gone, data.images.root)
    with pytest.raises(FileFormatError, match=r"gone.png"):
        train(tiny, tmp_path / "run", dataclasses.replace(data, images=broken))
    state = train_state(tmp_path / "run")
    assert state.status == FAILED
    assert "gone.png" in state.message


def train_state(path):
    return RunFolder(path).state()


def test_images_without_a_label_are_left_out_and_counted(data, tiny, tmp_path):
    points = data.images.shapes.points.copy()
    points[40:45] = np.nan
    shapes = ShapeSet.from_points(points, data.images.format)
    run = train(
        tiny, tmp_path / "run", dataclasses.replace(data, images=data.images.with_shapes(shapes))
    )
    assert any("leaves out 5 images without a label" in text for text in run.state().warnings)


def test_a_dead_network_is_told_from_a_trained_one(data, tiny, tmp_path):
    asleep = tuple(dataclasses.replace(s, rate=1e-9, epochs=13) for s in tiny.stages)
    config = tiny.changed(stages=asleep)
    for resume in (False, True):
        with pytest.raises(TrainingError, match="stage 'sparse' ended no better than the mean sha"):
            train(config, tmp_path / "run", data, resume=resume)
        state, metrics = train_state(tmp_path / "run"), RunFolder(tmp_path / "run").metrics()
        assert state.status == FAILED
        assert "begin a new run, longer or with another rate" in state.message
        assert metrics["stage"].tolist() == ["sparse"] * 12
        assert np.allclose(metrics["loss"], metrics["mean_shape_loss"], rtol=1e-3)


def test_a_trial_of_a_few_steps_is_only_warned_that_it_is_no_better(data, tiny, tmp_path):
    asleep = tuple(dataclasses.replace(s, rate=1e-9) for s in tiny.stages)
    state = train(tiny.changed(stages=asleep), tmp_path / "run", data).state()
    assert state.status == FINISHED
    assert len([text for text in state.warnings if "ended no better" in text]) == 3


def test_a_stage_that_fails_leaves_the_checkpoint_of_the_one_before(data, tiny, tmp_path):
    first, second, _ = tiny.stages
    dead = dataclasses.replace(second, rate=1e-9, epochs=13)
    config = tiny.changed(checkpoint_every_s=1e9)
    with pytest.raises(TrainingError, match="'secondary' ended no better"):
        train(config.changed(stages=(first, dead)), tmp_path / "run", data)
    alone = train(tiny.changed(stages=(first,)), tmp_path / "alone", data)
    assert equal(weights(RunFolder(tmp_path / "run")), weights(alone))


def test_a_loss_that_is_no_longer_finite_ends_the_run_with_stage_and_epoch(data, tiny, tmp_path):
    wild = dataclasses.replace(
        tiny.stages[0], rate=1e30, optimiser="sgd", decay="plateau", epochs=9
    )
    with pytest.raises(TrainingError, match="no longer finite in stage 'sparse', epoch"):
        train(tiny.changed(stages=(wild, *tiny.stages[1:])), tmp_path / "run", data)
    assert train_state(tmp_path / "run").status == FAILED


def test_cuts_of_the_rate_are_written(data, tiny, tmp_path):
    stage = dataclasses.replace(
        tiny.stages[0], rate=1e-9, optimiser="sgd", decay="plateau", patience=1, epochs=6
    )
    run = train(tiny.changed(stages=(stage,)), tmp_path / "run", data)
    assert run.metrics()["cuts"].iloc[-1] >= 1


def test_validation_images_that_are_learnt_from_are_reported(data, tiny, tmp_path):
    run = train(tiny, tmp_path / "run", dataclasses.replace(data, valid=data.images.take([0, 1])))
    assert any(text.startswith("2 of the 2 validation images") for text in run.state().warnings)


def test_validation_data_without_a_span_are_refused(data, tiny, tmp_path):
    valid = data.valid.with_shapes(data.valid.shapes.keep([2]))
    with pytest.raises(TrainingError, match=r"cannot measure on the validation data.*width"):
        train(tiny, tmp_path / "run", dataclasses.replace(data, valid=valid))


def test_a_device_that_is_not_there_and_half_precision_on_the_cpu_are_refused(data, tiny, tmp_path):
    missing = "mps" if not torch.backends.mps.is_available() else "cuda"
    with pytest.raises(TrainingError, match=f"no device '{missing}' here; there are: .*cpu"):
        train(tiny.changed(device=missing), tmp_path / "run", data)
    with pytest.raises(TrainingError, match="on the CPU the precision is '32-true'"):
        train(tiny.changed(device="cpu", precision="bf16-mixed"), tmp_path / "run", data)


def test_progress_counts_epochs(data, tiny, tmp_path):
    seen = []
    train(tiny, tmp_path / "run", data, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n + 1, tiny.epochs) for n in range(tiny.epochs)]


def test_ctrl_c_leaves_a_stopped_run(data, tiny, tmp_path):
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tiny, tmp_path / "run", data, stop=interrupt)
    assert train_state(tmp_path / "run").status == STOPPED


def test_boxes_of_other_pictures_make_other_data(data):
    boxed = data.images.samples.assign(box_x_min=1.0)
    changed = LandmarkDataset(data.images.shapes, boxed, data.images.root)
    assert fingerprint(data) != fingerprint(dataclasses.replace(data, images=changed))
    assert fingerprint(data) == fingerprint(TrainingData(data.images, data.sparse, data.valid))


def test_shortened_gradients_keep_a_rate_that_is_too_high_from_destroying_the_network(
    data, tmp_path
):
    hot = Stage("sparse", "all", (MAIN,), (BODY, MAIN), epochs=6, rate=0.3, batch=8)
    config = TrainingConfig("hot", (hot,), image_size_px=32, width=0.125, warm_up_steps=0)
    worst = {}
    for clip_norm in (0.0, 0.01):
        run = tmp_path / str(clip_norm)
        with contextlib.suppress(TrainingError):  # not finite any more
            train(config.changed(clip_norm=clip_norm), run, data)
        metrics = RunFolder(run).metrics()
        worst[clip_norm] = (metrics["loss"] / metrics["mean_shape_loss"]).max()
    assert not worst[0.0] < 5
    assert worst[0.01] < 1.5


@pytest.mark.parametrize("n", [2, 3, 5, 9])
def test_no_batch_is_of_one_image_for_it_would_have_no_batch_statistics(data, tiny, tmp_path, n):
    few = TrainingData(data.images.take(np.arange(n)), data.sparse)
    train(tiny, tmp_path / "run", few)
    assert RunFolder(tmp_path / "run").state().status == FINISHED


def test_an_epoch_of_few_images_still_has_several_steps(data, tiny, tmp_path):
    asked = []
    stage = dataclasses.replace(tiny.stages[2], epochs=1, batch=32)
    one_stage = tiny.changed(stages=(stage,))
    train(one_stage, tmp_path / "run", data, stop=lambda: bool(asked.append(0)))
    assert len(asked) - 48 == 4  # of 12 dense images: batches of a quarter, not one of 32
