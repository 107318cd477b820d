"""Formats by both criteria, predefined and random ones, on many data sets: for docs/results.md.

    python docs/choosing.py ANNOTATIONS [--random 100] [--seed 0]

ANNOTATIONS is a folder of .npz files as `fewmark convert` reads them. Of each set (2,000 shapes at
most), half of the shapes choose and learn, the other half judge. Printed are c on the learning
half and the error of the linear map on the judging half, from exact clicks.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np

from correlation import affinity, score, select
from correlation.error_selection import select_for_error
from correlation.residual_variance import residual_variance
from datasets import ShapeModel, ShapeSet, normalised_errors, read
from datasets.formats import landmark_format, predefined_formats

FORMATS = {"300w_valid_68": "300w-68", "wflw_test_part1_98": "wflw-98", "cofw_test_29": "cofw-29"}
MOST = 2000


def halves(shapes: ShapeSet, seed: int) -> tuple[ShapeSet, ShapeSet]:
    """Complete shapes that learn, and others that judge."""
    whole = shapes.take(shapes.complete)
    rows = np.random.default_rng(seed).permutation(len(whole))[:MOST]
    middle = len(rows) // 2
    return whole.take(rows[:middle]), whole.take(rows[middle:])


def error(model: ShapeModel, judge: ShapeSet, chosen: tuple[int, ...]) -> float:
    """NME over all landmarks of shapes completed from the chosen ones, in parts of the span."""
    completed = model.complete(judge.keep(list(chosen)))
    return float(np.nanmean(normalised_errors(completed, judge)))


def spearman(a: list[float], b: list[float]) -> float:
    """Rank correlation."""
    ranks = [np.argsort(np.argsort(values)).astype(float) for values in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1])


def judged(shapes: ShapeSet, budgets: tuple[int, ...], options: argparse.Namespace) -> None:
    """Rows of the table for one data set."""
    learn, judge = halves(shapes, options.seed)
    matrix, model = affinity(learn), ShapeModel.fit(learn)
    rng = np.random.default_rng(options.seed)
    M = len(shapes.format)
    known = {len(indices): name for name, indices in predefined_formats(shapes.format).items()}
    for m in sorted({*budgets, *(m for m in known if m < M and m <= 29)}):
        worst = select(matrix, m)
        least = select_for_error(learn, m, affinity=matrix)
        cells = [f"{m}"]
        for chosen in (worst.sparse.chosen, least.sparse.chosen):
            c = score(matrix, chosen).min_correlation
            cells.append(f"{c:.3f} / {100 * error(model, judge, chosen):.2f}")
        if m in known:
            chosen = tuple(predefined_formats(shapes.format)[known[m]])
            c = score(matrix, chosen).min_correlation
            cells.append(f"{known[m]} {c:.3f} / {100 * error(model, judge, chosen):.2f}")
        else:
            cells.append("")
        drawn = [tuple(sorted(rng.permutation(M)[:m].tolist())) for _ in range(options.random)]
        errors = [error(model, judge, chosen) for chosen in drawn]
        cs = [score(matrix, chosen).min_correlation for chosen in drawn]
        variances = [residual_variance(model, chosen) for chosen in drawn]
        cells.append(f"{100 * np.mean(errors):.2f} ({100 * min(errors):.2f})")
        cells += [f"{spearman(cs, errors):+.2f}", f"{spearman(variances, errors):+.2f}"]
        print("| " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    """Print a table for every set."""
    parser = argparse.ArgumentParser()
    parser.add_argument("annotations", type=Path)
    parser.add_argument("--random", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for path in sorted(options.annotations.glob("*.npz")):
        known = FORMATS.get(path.stem)
        shapes = read(path, landmark_format=landmark_format(known) if known else None).shapes
        M = len(shapes.format)
        print(f"\n{path.stem}: {int(shapes.complete.sum())} complete of {len(shapes)}, M = {M}")
        print("| m | smallest affinity: c / % | expected error: c / % | predefined: c / % | "
              "random: mean (best) % | Spearman c | Spearman variance |")  # fmt: skip
        print("|---|---|---|---|---|---|---|")
        judged(shapes, (5, 10) if M > 30 else (5, 8), options)


if __name__ == "__main__":
    main()
