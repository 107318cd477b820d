"""Kill a training run at random moments and take it up again: does it end as if unharmed?

    .venv/bin/python tests/benchmark/kill_and_resume.py [--kills 20] [--seed 0]

Trains on demo faces by the command `fewmark train`, once in peace and once killed (SIGKILL) again
and again: mostly within two seconds of its first new epoch, now and then before it. Prints a table
of the kills. Exit code 1 where metrics, affinities or the checkpoint differ in a bit. SIGKILL
leaves to the operating system what was written: this says nothing of a power cut.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch

from datasets import make_demo
from datasets.formats import SparseFormat
from weaksup.checkpoints import read_checkpoint
from weaksup.presets import preset
from weaksup.run_folder import RunFolder
from weaksup.run_state import FINISHED

_LATEST_S = 2.0
_EARLY = 0.2  # share of the kills before the first epoch


def prepare(folder):
    """Demo faces, a sparse format and a config, and the options that name them."""
    faces = make_demo(folder / "faces", 160, seed=0)
    dense = faces.format
    chosen = tuple(range(0, len(dense), 7))
    represented_by = tuple(chosen[i // 7] for i in range(len(dense)))
    SparseFormat(dense, chosen, represented_by).save(folder / "sparse.toml")
    config = preset("quick").changed(
        image_size_px=48, threads=1, device="cpu", validate_every=1, checkpoint_every_s=0.3
    )
    config.save(folder / "config.toml")
    named = {"--data": "faces", "--valid": "faces", "--sparse": "sparse.toml"}
    named["--config"] = "config.toml"
    return [part for name, path in named.items() for part in (name, str(folder / path))]


def command(run, *options):
    return [sys.executable, "-m", "annotate.cli", "train", str(run.path), *options]


def begin(arguments, run, *, early):
    """A process that has begun to work on the run, and unless `early` has done an epoch."""
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    state = run.path / "state.json"
    while process.poll() is None:
        if state.exists():
            told = json.loads(state.read_text())
            if told["process"] == process.pid and (early or "epoch" in told["message"]):
                return process
        time.sleep(0.01)
    raise RuntimeError(process.communicate()[0].decode())


def kill_often(run, options, kills, rng):
    arguments = command(run, *options)
    print("| kill | after, s | epochs told | epochs in the checkpoint |\n|---|---|---|---|")
    for number in range(1, kills + 1):
        process = begin(arguments, run, early=rng.random() < _EARLY)
        wait = rng.uniform(0, _LATEST_S)
        time.sleep(wait)
        process.kill()
        process.communicate()
        state = run.state()
        kept = read_checkpoint(run)["epochs_done"] if run.checkpoint.exists() else 0
        print(f"| {number} | {wait:.2f} | {state.epochs_done} | {kept} |", flush=True)
        if state.status == FINISHED:
            raise RuntimeError(f"finished before kill {number}: make the run longer")
        arguments = command(run, "--resume")
    subprocess.run(arguments, check=True, capture_output=True)


def differences(run, whole):
    """What two runs differ in, in words."""
    found = []
    ours, theirs = (
        [line.rsplit(",", 1)[0] for line in (r.path / "metrics.csv").read_text().splitlines()]
        for r in (run, whole)
    )  # all but the seconds
    if ours != theirs:
        found.append("metrics")
    names = [sorted(path.name for path in r.affinities.iterdir()) for r in (run, whole)]
    same = names[0] == names[1] and all(
        (run.affinities / name).read_bytes() == (whole.affinities / name).read_bytes()
        for name in names[0]
    )
    if not same:
        found.append("affinities")
    if not equal(*(read_checkpoint(r)["learner"] for r in (run, whole))):
        found.append("checkpoint")
    return found


def equal(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="fewmark-kill-") as place:
        folder = Path(place)
        named = prepare(folder)
        whole, killed = RunFolder(folder / "whole"), RunFolder(folder / "killed")
        began = time.perf_counter()
        subprocess.run(command(whole, *named), check=True, capture_output=True)
        epochs, seconds = len(whole.metrics()), time.perf_counter() - began
        print(f"In peace: {epochs} epochs, {seconds:.0f} s\n", flush=True)
        kill_often(killed, named, given.kills, random.Random(given.seed))
        found = differences(killed, whole)
    print("\nDifferent: " + ", ".join(found) if found else "\nThe same in every bit.")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
