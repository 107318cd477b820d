import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from annotate.cli import main
from datasets.errors import TrainingError
from weaksup.checkpoints import read_checkpoint
from weaksup.parts import BODY, MAIN, SECONDARY
from weaksup.presets import preset
from weaksup.ranks import Ranks
from weaksup.run_folder import RunFolder
from weaksup.run_state import FAILED, FINISHED, STOPPED
from weaksup.stage import Stage
from weaksup.stopping import StoppedError

ROOT = Path(__file__).parents[3]

# Uneven parts: batches of 5 of 48 images, which no two processes share evenly.
_STAGES = (
    Stage("sparse", "all", (MAIN,), (BODY, MAIN), 3, 0.001, 5),
    Stage("prior", "dense", (SECONDARY,), (SECONDARY,), 1, 1.0, optimiser="ridge"),
    Stage("everything", "dense", (MAIN, SECONDARY), (BODY, MAIN, SECONDARY), 2, 0.0001, 5),
)


@pytest.fixture
def places(tmp_path, pictures, sparse):
    """Data sets, a sparse format and a config on disk."""
    learn, valid = pictures
    learn.take(np.arange(12)).save(tmp_path / "dense")
    learn.with_shapes(learn.shapes.keep(sparse.chosen)).save(tmp_path / "clicks")
    valid.save(tmp_path / "valid")
    sparse.save(tmp_path / "m2.toml")
    config = preset("thesis").changed(
        stages=_STAGES, image_size_px=32, width=0.0625, threads=1, device="cpu",
        validate_every=1, affinity_every=1, checkpoint_every_s=0.0,
    )  # fmt: skip
    config.save(tmp_path / "config.toml")
    return tmp_path


TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def torchrun(*command):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*TORCHRUN, *command],
        check=False, env=environment, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def training(places, name):
    named = ["--data", "dense", "--data", "clicks", "--sparse", "m2.toml", "--valid", "valid"]
    named += ["--config", "config.toml"]
    paths = [each if each.startswith("-") else str(places / each) for each in named]
    return ["train", str(places / name), *paths]


def test_two_processes_learn_what_one_does(places):
    printed = torchrun("-m", "annotate.cli", *training(places, "two"))
    assert printed.count("finished after 6 epochs") == 1
    main(training(places, "one"))
    alone, shared = RunFolder(places / "one"), RunFolder(places / "two")
    assert shared.state().status == FINISHED
    assert (alone.state().facts["processes"], shared.state().facts["processes"]) == (1, 2)
    expected, found = (run.metrics().drop(columns="seconds") for run in (alone, shared))
    pd.testing.assert_frame_equal(found, expected, rtol=1e-3)  # rounding grows as they learn
    ours, theirs = (read_checkpoint(run)["learner"]["network"] for run in (shared, alone))
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-2, atol=1e-4, msg=name)
    assert len(list(shared.affinities.iterdir())) == 6


def test_what_befalls_one_process_ends_the_run_of_all_in_words(places):
    printed = torchrun(str(Path(__file__).parent / "shared_runs.py"), str(places))
    first, second = sorted(map(json.loads, printed.splitlines()), key=lambda each: each["number"])
    for found in (first, second):
        assert found["resumed"] == [STOPPED, FINISHED]
        assert found["failed"] == found["mixed"] == [FAILED]
        assert found["mixed failed"] == "the 2 processes do not see the same run and data"
        assert found["total"] == 2
    assert first["failed failed"].startswith("process 1: ")
    assert "gone.png" in first["failed failed"]
    assert first["shares"] == ["slice(0, 2, None)", "slice(0, 1, None)"]
    assert second["shares"] == ["slice(2, 5, None)", "slice(1, 2, None)"]
    main(training(places, "one"))
    resumed, alone = (RunFolder(places / name).metrics() for name in ("resumed", "one"))
    columns = ["stage", "epoch", "loss", "valid_nme"]
    pd.testing.assert_frame_equal(resumed[columns], alone[columns], rtol=1e-3)


def test_more_processes_than_images_in_a_batch_are_refused():
    ranks = Ranks("cpu", "32-true")
    ranks.size = 8
    ranks.require_shares(8)
    with pytest.raises(TrainingError, match="8 processes cannot share batches of 5 images"):
        ranks.require_shares(5)


def test_more_processes_than_gpus_are_refused(monkeypatch):
    told = {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "4"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(TrainingError, match="has 2 GPUs for 4 processes"):
        Ranks("cuda", "32-true")


def test_one_process_alone_raises_what_it_meets():
    ranks = Ranks("cpu", "32-true")
    with pytest.raises(StoppedError), ranks.together():
        raise StoppedError
    with ranks.together():
        ranks.require_alike(object(), "thing")
    assert ranks.part(5) == slice(0, 5)
    assert not ranks.any(False)


def test_a_process_that_is_gone_is_told_in_words():
    ranks = Ranks("cpu", "32-true")
    lost = RuntimeError("[pair.cc:537] Read error [127.0.0.1]:5: Connection reset by peer")
    assert ranks.explained(lost) is lost  # alone it is no other process's
    ranks.size = 3
    assert str(ranks.explained(lost)).startswith("another of the 3 processes is gone")
    for error in (RuntimeError("out of memory"), TrainingError("Connection")):
        assert ranks.explained(error) is error
