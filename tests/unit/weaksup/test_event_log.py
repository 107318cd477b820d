import sys

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from weaksup.run_state import FINISHED
from weaksup.training import train


def scalars(run, name):
    events = EventAccumulator(str(run.path))
    events.Reload()
    return {event.step: event.value for event in events.Scalars(name)}


def expected(run, name):
    values = run.metrics()[name].dropna()
    return {row + 1: pytest.approx(value) for row, value in values.items()}


def test_tensorboard_reads_the_metrics_of_every_epoch(unbroken):
    for name in ("loss", "mean_shape_loss", "rate", "cuts", "valid_nme", "valid_nme_sparse"):
        assert scalars(unbroken, name) == expected(unbroken, name)
    assert set(scalars(unbroken, "valid_nme")) < set(scalars(unbroken, "loss"))


def test_a_run_that_goes_on_has_every_epoch_once(data, tiny, tmp_path):
    left = iter(range(48 + 20))
    stopped = train(tiny, tmp_path / "run", data, stop=lambda: next(left, None) is None)
    (told,) = stopped.path.glob("events.out.tfevents.*")
    told.write_bytes(told.read_bytes()[:40])  # what a killed process had not written yet
    assert 0 < len(stopped.metrics()) < tiny.epochs
    run = train(tiny, stopped.path, data, resume=True)
    assert scalars(run, "loss") == expected(run, "loss")
    assert len(list(run.path.glob("events.out.tfevents.*"))) == 1


def test_without_tensorboard_nothing_is_written_and_nothing_said(
    data, tiny, tmp_path, monkeypatch, caplog
):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    run = train(tiny, tmp_path / "run", data)
    assert run.state().status == FINISHED
    assert not list(run.path.glob("events*"))
    assert "ensor" not in caplog.text


def test_a_run_that_is_cleared_leaves_no_events(data, tiny, tmp_path):
    run = train(tiny.scaled(0.1), tmp_path / "run", data)
    run.clear()
    assert list(run.path.iterdir()) == []
