"""Detectors: their predictions beside true shapes, and how much of a difference is chance."""

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from correlation.affinity import FewmarkWarning, affinity
from correlation.comparison import Comparison, compare
from correlation.matrix import AffinityMatrix
from datasets.dataset import LandmarkDataset
from datasets.errors import ShapeMismatchError
from datasets.formats import index_map
from datasets.progress import Progress, ignore_progress
from datasets.shapes import ShapeSet


def matched(
    predicted: LandmarkDataset, truth: LandmarkDataset
) -> tuple[LandmarkDataset, LandmarkDataset]:
    """The shapes and landmarks that both data sets have, in the order of the truth.

    Shapes are the same where their ``shape_id`` is. Where one format is part of the other, its
    landmarks are taken. A landmark that is absent in one shape is made absent in the other, and
    shapes without two common landmarks are left out.

    Raises
    ------
    ShapeMismatchError
        If the formats have no known landmarks in common, dimensions differ, or no shape is in both.
    """
    predicted, truth = _in_one_format(predicted, truth)
    place = {name: i for i, name in enumerate(predicted.samples["shape_id"])}
    matches = np.array([place.get(name, -1) for name in truth.samples["shape_id"]], dtype=int)
    both = np.flatnonzero(matches >= 0)
    if both.size == 0:
        ours, theirs = (" and ".join(d.samples["shape_id"].head(2)) for d in (predicted, truth))
        problem = f"no shape is in both: predictions are named {ours}, true ones {theirs}"
        raise ShapeMismatchError(problem)
    predicted, truth = predicted.take(matches[both]), truth.take(both)
    if predicted.shapes.points.shape != truth.shapes.points.shape:
        D, other = (d.shapes.points.shape[2] for d in (predicted, truth))
        raise ShapeMismatchError(f"predictions have {D} dimensions, true shapes {other}")
    common = predicted.shapes.present & truth.shapes.present
    useful = common.sum(axis=1) >= 2
    if not useful.any():
        raise ShapeMismatchError("no shape has two landmarks both predicted and true")
    pair = (d.with_shapes(_masked(d.shapes, common)).take(useful) for d in (predicted, truth))
    return next(pair), next(pair)


def compare_shapes(
    predicted: LandmarkDataset, truth: LandmarkDataset, alignment: str = "centroid-rms"
) -> Comparison:
    """Affinity errors of predictions on the shapes that both data sets have, see `matched`.

    Parameters
    ----------
    predicted, truth
        What a detector found, and the labels.
    alignment
        How both are aligned, see `datasets.alignment.align`.

    Raises
    ------
    ShapeMismatchError
        If the data sets do not fit together, or have too little in common.
    UnknownNameError
        If the alignment is not known.
    """
    ours, theirs = matched(predicted, truth)
    comparison = compare(affinity_of(ours.shapes, alignment), affinity_of(theirs.shapes, alignment))
    cautions = list(comparison.cautions)
    if truth.inferred:
        cautions.append("A model placed what is taken for true: differences say as much of it.")
    left_out = len(truth) - len(theirs)
    if left_out:
        text = f"{left_out:,} of {len(truth):,} true shapes have no prediction and are left out."
        cautions.append(text)
    return replace(comparison, cautions=tuple(cautions))


def resampled_errors(
    predicted: LandmarkDataset,
    truth: LandmarkDataset,
    repeats: int,
    rng: np.random.Generator,
    *,
    alignment: str = "centroid-rms",
    on_progress: Progress = ignore_progress,
) -> dict[str, NDArray[np.float64]]:
    """Mean signed errors of the groups of `Comparison.summary` on bootstrap samples.

    Subjects are drawn with replacement (Efron and Tibshirani 1993, ch. 6), each with all its
    shapes; a shape without a subject counts as one of its own. Predictions and true shapes are
    drawn together.

    Parameters
    ----------
    predicted, truth
        As for `compare_shapes`; subjects are those of the truth.
    repeats
        R, the number of samples.
    rng
        Chooses the subjects.
    alignment
        See `compare_shapes`.
    on_progress
        Called with samples done and R.

    Returns
    -------
    Name of the group to float64 (R,).

    Raises
    ------
    ShapeMismatchError
        If the data sets do not fit together, or a sample has too few shapes.
    """
    ours, theirs = matched(predicted, truth)
    members = _members(theirs)
    errors: dict[str, list[float]] = {}
    for done in range(repeats):
        drawn = rng.integers(len(members), size=len(members))
        rows = np.concatenate([members[k] for k in drawn])
        a, b = (affinity_of(d.shapes.take(rows), alignment) for d in (ours, theirs))
        for group in Comparison(a, b).summary():
            errors.setdefault(group.name, []).append(group.error)
        on_progress(done + 1, repeats)
    return {name: np.array(values) for name, values in errors.items()}


def _in_one_format(
    predicted: LandmarkDataset, truth: LandmarkDataset
) -> tuple[LandmarkDataset, LandmarkDataset]:
    ours, theirs = predicted.format, truth.format
    if ours.landmarks == theirs.landmarks:
        return predicted.with_shapes(_renamed(predicted.shapes, truth.shapes)), truth
    inside = index_map(ours, theirs)
    if inside is not None:
        return predicted, truth.with_shapes(truth.shapes.subset(ours, inside))
    inside = index_map(theirs, ours)
    if inside is not None:
        return predicted.with_shapes(predicted.shapes.subset(theirs, inside)), truth
    problem = f"predictions are {ours.name}, true shapes {theirs.name}: "
    raise ShapeMismatchError(problem + "no map between these formats is known")


def _renamed(shapes: ShapeSet, like: ShapeSet) -> ShapeSet:
    return ShapeSet(like.format, shapes.points, shapes.visibility)


def _masked(shapes: ShapeSet, kept: NDArray[np.bool_]) -> ShapeSet:
    points = np.where(kept[:, :, None], shapes.points, np.nan)
    return ShapeSet(shapes.format, points, np.where(kept, shapes.visibility, 0).astype(np.uint8))


def _members(dataset: LandmarkDataset) -> Sequence[NDArray[np.int64]]:
    """Rows of every subject."""
    subjects = dataset.samples["subject"]
    own = ("shape " + dataset.samples["shape_id"].astype(str)).to_numpy(dtype=object)
    known = ("subject " + subjects.astype(str)).to_numpy(dtype=object)
    names = np.where(subjects.isna().to_numpy(dtype=bool), own, known)
    numbers, _ = pd.factorize(names)
    return [np.flatnonzero(numbers == number) for number in range(numbers.max() + 1)]


def affinity_of(shapes: ShapeSet, alignment: str) -> AffinityMatrix:
    """The affinity matrix of shapes; what makes it doubtful stays in its cautions alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewmarkWarning)
        return affinity(shapes, alignment)
