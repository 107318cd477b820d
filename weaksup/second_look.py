"""Completed data sets, moved by what their pictures show (`weaksup.refinement`)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from datasets.dataset import LandmarkDataset
from datasets.errors import ShapeMismatchError
from datasets.progress import Progress, ignore_progress
from datasets.shapes import ShapeSet
from weaksup.completion import filled_choices
from weaksup.refinement import MOST_SEEN, Refinement

MOST_CHOICES = 8
"""Choices of clicked landmarks that are learnt for; shapes of rarer ones stay as they are."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SecondLook:
    """What came of looking at the pictures.

    Parameters
    ----------
    dataset
        The completed shapes; moved where that helps.
    held_out_errors
        For choices of clicked landmarks, bool (M,) as bytes: errors float64 (n, M) of dense shapes
        of other subjects in parts of the format's span, where such shapes were moved.
    moved
        How many shapes were.
    """

    dataset: LandmarkDataset
    held_out_errors: Mapping[bytes, Array]
    moved: int


def require_pictures(*datasets: LandmarkDataset) -> None:
    """Refuse data sets whose shapes cannot be looked at.

    Raises
    ------
    ShapeMismatchError
        If a shape has no picture or is not of two dimensions.
    """
    for dataset in datasets:
        if dataset.shapes.points.shape[2] != 2:
            raise ShapeMismatchError("shapes of three dimensions do not lie in a picture")
        missing = np.flatnonzero(dataset.samples["image"].isna())
        if dataset.root is None or missing.size:
            dataset.image_path(int(missing[0]) if missing.size else 0)


def look_again(
    clicked: LandmarkDataset,
    completed: LandmarkDataset,
    dense: LandmarkDataset,
    *,
    seed: int = 0,
    on_progress: Progress = ignore_progress,
) -> SecondLook:
    """Move completed landmarks by what the pictures show, where that is found to help.

    Parameters
    ----------
    clicked, completed, dense
        As `weaksup.completion.complete` took them and gave them.
    seed
        Draws folds and errors of clicks.
    on_progress
        Told how many pictures were looked at.

    Raises
    ------
    ShapeMismatchError
        If a shape has no picture, or the dense shapes are too few to hold some out.
    FileFormatError
        If a picture is missing or broken.
    """
    dense = dense.take(dense.shapes.complete)
    choices = filled_choices(clicked, completed)
    require_pictures(*(clicked.take(rows) for _, rows in choices), dense)
    choices = choices[:MOST_CHOICES]
    total = len(choices) * min(len(dense), MOST_SEEN) + sum(len(rows) for _, rows in choices)
    points, errors, moved, done = completed.shapes.points.copy(), {}, 0, 0

    def told(count: int, _total: int | None = None, /) -> None:
        on_progress(done + count, total)

    with threadpool_limits(1, "blas"):  # for so small matrices threads only wait for each other
        for choice, rows in choices:
            rng = np.random.default_rng(seed)
            refinement = Refinement.fit(dense, choice, rng, told)
            done += len(refinement.held_out_errors)
            if refinement.helps:
                better = refinement.refine(completed.take(rows), told)
                points[rows] = better.shapes.points
                errors[choice.tobytes()] = refinement.held_out_errors
                moved += len(rows)
            done += len(rows)
    on_progress(total, total)
    shapes = ShapeSet(completed.format, points, completed.shapes.visibility)
    return SecondLook(completed.with_shapes(shapes), errors, moved)
