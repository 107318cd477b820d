"""What two runs are held against each other by: weights, and metrics but for the time."""

import torch

from weaksup.checkpoints import read_checkpoint


def weights(run):
    return read_checkpoint(run)["learner"]["network"]


def equal(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


def without_seconds(run):
    return [line.rsplit(",", 1)[0] for line in (run.path / "metrics.csv").read_text().splitlines()]
