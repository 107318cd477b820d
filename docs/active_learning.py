"""Which clicked pictures first: chosen by their scores, or by chance; prints two tables.

    python docs/active_learning.py LANDMARKS.csv

LANDMARKS.csv is any file `fewmark convert` reads, with subjects and the splits `train` and
`valid`. Of `train` 400 pictures are clicked, and 40 of the others labelled densely, three draws;
formats by expected error, clicks exact. The first table: pictures are looked at and mended until
their landmarks are true. The second: clicked pictures are labelled densely and learnt from.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from correlation.residual_variance import least_variance
from datasets.dataset import LandmarkDataset
from datasets.io.registry import read
from datasets.metrics import span_lengths
from datasets.plausibility import implausibility, rarity
from datasets.shape_model import ShapeModel
from weaksup.clicks import complete_clicks
from weaksup.intervals import MeanInterval, bootstrap_interval

DRAWS, POOL, DENSE = 3, 400, 40
SHARES = (0.05, 0.1, 0.2, 0.4)
MORE = (40, 80, 160)
CHANCES = 2  # random choices beside each choice by score

Array = NDArray[np.float64]


class Told(NamedTuple):
    """Of N completed pictures: errors in parts of the span, and by what they can be ranked."""

    errors: Array
    rarity: Array
    implausibility: Array


def told(dense: LandmarkDataset, true: LandmarkDataset, chosen: list[int]) -> Told:
    """Complete pictures of which some landmarks are clicked."""
    clicked = true.with_shapes(true.shapes.keep(chosen))
    completed = complete_clicks(clicked, dense).dataset
    distance = np.linalg.norm(completed.shapes.points - true.shapes.points, axis=2).mean(axis=1)
    model = ShapeModel.fit(dense.shapes)
    return Told(
        distance / span_lengths(true.shapes),
        rarity(model, clicked.shapes.points),
        implausibility(model, clicked.shapes.points),
    )


def starts(train: LandmarkDataset, m: int) -> Iterator[tuple[LandmarkDataset, list[int]]]:
    """Dense pictures and the landmarks to click, draw by draw."""
    for seed in range(DRAWS):
        dense = train.draw(DENSE / len(train), np.random.default_rng(seed))
        yield dense, list(least_variance(ShapeModel.fit(dense.shapes), m).chosen)


def review(draws: list[Told], subjects: list[str], where: str, m: int) -> None:
    """Print what is left of the error when a share of the pictures is mended."""
    errors, *scores = (np.stack(values) for values in zip(*draws, strict=True))
    mean = errors.mean()
    for share in SHARES:
        first = round(share * errors.shape[1])
        cells = []
        for ranking in (*scores, errors):  # by the errors themselves: nothing is better
            mended = np.argsort(np.argsort(-ranking, axis=1), axis=1) < first
            cells.append(f"{100 * (1 - (mended * errors).mean() / mean):.1f} %")
            if ranking is not errors:  # beside chance, of which the mean over all draws is exact
                apart = (mended - mended.mean()) * (errors - errors.mean(axis=1, keepdims=True))
                cells[-1] += f" ({_ends(_interval(-100 * apart / mean, subjects))})"
        print(f"| {where} | {m} | {100 * share:.0f} % | {100 - 100 * share:.0f} % | "
              + " | ".join(cells) + " |", flush=True)  # fmt: skip


def learning(
    pool: LandmarkDataset, valid: LandmarkDataset, found: list[Told],
    begun: list[tuple[LandmarkDataset, list[int]]], m: int,
) -> None:  # fmt: skip
    """Print the errors of `valid` when clicked pictures are learnt from, too."""
    for more in MORE:
        by: dict[str, list[Array]] = {"chance": [], "rarity": [], "implausibility": []}
        for seed, ((dense, chosen), draw) in enumerate(zip(begun, found, strict=True)):
            rng = np.random.default_rng(seed)

            def errors(
                rows: NDArray[np.intp], dense: LandmarkDataset = dense, chosen: list[int] = chosen
            ) -> Array:
                return told(dense.joined(pool.take(np.sort(rows))), valid, chosen).errors

            chances = [errors(rng.permutation(len(pool))[:more]) for _ in range(CHANCES)]
            by["chance"].append(np.mean(chances, axis=0))
            by["rarity"].append(errors(np.argsort(-draw.rarity)[:more]))
            by["implausibility"].append(errors(np.argsort(-draw.implausibility)[:more]))
        values = {name: 100 * np.stack(each) for name, each in by.items()}
        subjects = list(valid.samples["subject"])
        ends = {k: _ends(_interval(values[k] - values["chance"], subjects), 2) for k in values}
        cells = [f"{values[k].mean():.2f} ({ends[k]})" for k in ("rarity", "implausibility")]
        print(f"| {m} | {more} | {values['chance'].mean():.2f} | " + " | ".join(cells) + " |",
              flush=True)  # fmt: skip


def _interval(values: Array, subjects: list[str]) -> MeanInterval:
    return bootstrap_interval(values, subjects, rng=np.random.default_rng(0))


def _ends(interval: MeanInterval, digits: int = 1) -> str:
    return f"{interval.low:+.{digits}f} to {interval.high:+.{digits}f}"


def main(path: Path) -> None:
    """Print the tables."""
    whole = read(path, landmark_format="300w-68")
    train, valid = whole.split("train"), whole.split("valid")
    order = np.random.default_rng(0).permutation(len(train))
    pool, train = train.take(np.sort(order[:POOL])), train.take(np.sort(order[POOL:]))
    begun = {m: list(starts(train, m)) for m in (10, 5)}
    found: dict[int, list[Told]] = {}
    print("| pictures | m | looked at | by chance | by rarity | by implausibility | by errors |")
    print("|---|---|---|---|---|---|---|")
    for m, draws in begun.items():
        found[m] = [told(dense, pool, chosen) for dense, chosen in draws]
        review(found[m], list(pool.samples["subject"]), "clicked", m)
        others = [told(dense, valid, chosen) for dense, chosen in draws]
        review(others, list(valid.samples["subject"]), "other people", m)
        print(f"{100 * np.mean([draw.errors.mean() for draw in others]):.2f} % at the start")
    print("\n| m | more dense | by chance, % | by rarity, % | by implausibility, % |")
    print("|---|---|---|---|---|")
    for m, draws in begun.items():
        learning(pool, valid, found[m], draws, m)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
