"""Completed clicks and their bounds on people who were not learnt from; prints a table.

    python docs/completing.py LANDMARKS.csv [expected-error | k-center]

LANDMARKS.csv is any file `fewmark convert` reads, with subjects and the splits `train` and
`valid`. Of n shapes of `train`, three draws each; formats by expected error, clicks exact.
"""

import sys
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from correlation.residual_variance import least_variance
from datasets.dataset import LandmarkDataset
from datasets.io.registry import read
from datasets.metrics import span_lengths
from datasets.shape_model import ShapeModel
from weaksup.clicks import complete_clicks
from weaksup.completion import complete

DRAWS = 3


def measured(dense: LandmarkDataset, valid: LandmarkDataset, m: int) -> list[float]:
    """What was promised, and what came of it."""
    chosen = list(least_variance(ShapeModel.fit(dense.shapes), m).chosen)
    rest = [i for i in range(len(valid.format)) if i not in chosen]
    clicked = valid.with_shapes(valid.shapes.keep(chosen))
    plain, done = complete(clicked, dense), complete_clicks(clicked, dense)
    completed, bounds = done.dataset, done.bounds()
    distance = np.linalg.norm(completed.shapes.points - valid.shapes.points, axis=2)
    covered = (distance <= bounds.radius_px)[:, rest].mean(axis=0)
    spans = span_lengths(valid.shapes)[:, None]
    errors = (distance / spans).mean(axis=1)
    alone = np.linalg.norm(plain.shapes.points - valid.shapes.points, axis=2) / spans
    first = np.argsort(-bounds.score)[: len(errors) // 10]
    return [
        100 * bounds.expected_nme, 100 * errors.mean(), 100 * alone.mean(),
        100 * covered.mean(), 100 * covered.min(),
        spearmanr(bounds.score, errors)[0], errors[first].mean() / errors.mean(),
    ]  # fmt: skip


def main(path: Path) -> None:
    """Print the table."""
    whole = read(path, landmark_format="300w-68")
    train, valid = whole.split("train"), whole.split("valid")
    columns = ("n", "m", "promised, %", "error, %", "clicks alone, %", "within 90 %",
               "least landmark", "rank", "first tenth")  # fmt: skip
    print("| " + " | ".join(columns) + " |")
    print("|---|---|---|---|---|---|---|---|---|")
    for n in (40, 80, 160):
        for m in (5, 10, 19):
            draws = [
                measured(train.draw(n / len(train), np.random.default_rng(seed)), valid, m)
                for seed in range(DRAWS)
            ]
            told, came, alone, covered, least, rank, tenth = np.mean(draws, axis=0)
            print(f"| {n} | {m} | {told:.2f} | {came:.2f} | {alone:.2f} | {covered:.1f} % "
                  f"| {least:.0f} % | {rank:+.2f} | {tenth:.2f} x |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]))
