"""Completed landmarks moved by what the picture shows: clicks and picture together.

Where the clicks leave a landmark open, its surroundings tell more. How far a completed landmark
lies from the true place is learnt from dense pictures: each is completed by a shape model that has
not seen its subject, described around its landmarks, and the errors are regressed on that. Of the
prediction that is taken, mode by mode of the errors, which cross-validation finds to be true. This
is ours, beyond the thesis.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from correlation.linear_error import drawn_folds, require_enough, subject_numbers
from datasets.alignment import similarity
from datasets.dataset import LandmarkDataset
from datasets.images import read_image
from datasets.metrics import normalised_errors
from datasets.progress import Progress, ignore_progress
from datasets.shape_model import ShapeModel
from datasets.shapes import ShapeSet
from weaksup.appearance import Described, describe
from weaksup.local_ridge import Surroundings, predict, solve

MOST_SEEN = 1000
"""Dense pictures that are learnt from; of more, these are drawn."""

_FOLDS = 5
_COPIES = 3  # of each picture: once with its clicks exact, then off by the shape model's noise
_PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3)
_AT_ONCE = 256

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Earned:
    """What of predicted moves is to be taken, by principal modes of the true ones.

    Parameters
    ----------
    modes
        float64 (K, 2 R), orthonormal.
    shares
        float64 (K,) in [0, 1].
    """

    modes: Array
    shares: Array

    @classmethod
    def fit(cls, predicted: Array, true: Array) -> "Earned":
        """Of each mode the share, by least squares, that held-out predictions (S, R, 2) earn."""
        flat = true.reshape(len(true), -1)
        modes = np.linalg.svd(flat, full_matrices=False)[2]
        told, came = predicted.reshape(len(true), -1) @ modes.T, flat @ modes.T
        power = np.square(told).sum(axis=0)
        shares = (told * came).sum(axis=0) / np.where(power > 0, power, 1.0)
        return cls(modes, np.clip(shares, 0.0, 1.0))

    def of(self, predicted: Array) -> Array:
        """The part of moves (S, R, 2) that is taken."""
        told = predicted.reshape(len(predicted), -1) @ self.modes.T
        return np.asarray((told * self.shares @ self.modes).reshape(predicted.shape))


@dataclass(frozen=True, slots=True, eq=False)
class Refinement:
    """How completed landmarks are moved where some were clicked.

    Parameters
    ----------
    mean
        float64 (M, 2): the frame in which they are moved.
    rest
        The R landmarks that are moved.
    surroundings, coefficients, earned
        From what is seen to their moves.
    held_out_errors, plain_errors
        float64 (n, M): errors of n dense shapes in parts of the format's span, clicks exact; each
        moved by what was learnt from other subjects, and not moved at all.
    """

    mean: Array
    rest: tuple[int, ...]
    surroundings: Surroundings
    coefficients: Array
    earned: Earned
    held_out_errors: Array
    plain_errors: Array

    @property
    def helps(self) -> bool:
        """Whether errors on held-out subjects are smaller with the picture than without."""
        return bool(self.held_out_errors.mean() < self.plain_errors.mean())

    @classmethod
    def fit(
        cls,
        dense: LandmarkDataset,
        clicked: Mask,
        rng: np.random.Generator,
        on_progress: Progress = ignore_progress,
    ) -> "Refinement":
        """Learn from dense shapes and their pictures.

        Parameters
        ----------
        dense
            Those with all landmarks count.
        clicked
            bool (M,): the landmarks that are clicked, some but not all.
        rng
            Draws folds, pictures and the errors of clicks.
        on_progress
            Told how many pictures were looked at.

        Raises
        ------
        ShapeMismatchError
            If fewer than eight shapes are complete, all are of one subject, or a row has no
            picture.
        FileFormatError
            If a picture is missing or broken.
        """
        usable = dense.take(dense.shapes.complete)
        usable = usable.take(np.sort(rng.permutation(len(usable))[:MOST_SEEN]))
        subject = subject_numbers(list(usable.samples["subject"]), len(usable))
        require_enough(usable.shapes, subject, len(dense))
        fold = drawn_folds(subject, _FOLDS, rng)
        mean = ShapeModel.fit(usable.shapes).mean
        begun = _completed_by_folds(usable.shapes, clicked, fold, rng)
        described = _described_copies(usable, begun, mean, on_progress)
        rest = tuple(np.flatnonzero(~clicked).tolist())
        moves = np.concatenate([_moves(p, usable.shapes.points, mean) for p in begun])[:, rest]
        surroundings = Surroundings.fit(described, mean, rest)
        told, folds = surroundings.told(described), np.tile(fold, _COPIES)
        penalty, held = _best_penalty(told, moves, folds)
        kept = _kept_by_folds(held, moves, folds)[: len(usable)]
        whole = begun[0].copy()
        plain = _errors(whole, usable.shapes)
        whole[:, rest] = _moved(whole, mean, rest, kept)
        held_out = _errors(whole, usable.shapes)
        coefficients = solve(told, moves, [penalty])[0]
        return cls(mean, rest, surroundings, coefficients, Earned.fit(held, moves), held_out, plain)

    def refine(
        self, completed: LandmarkDataset, on_progress: Progress = ignore_progress
    ) -> LandmarkDataset:
        """The completed shapes, moved.

        Raises
        ------
        FileFormatError, ShapeMismatchError
            If a picture is missing or broken, or a row has none.
        """
        points = completed.shapes.points.copy()
        for start in range(0, len(completed), _AT_ONCE):
            rows = np.arange(start, min(start + _AT_ONCE, len(completed)))
            told = self.surroundings.told(_described(completed, rows, points[rows], self.mean))
            moves = self.earned.of(predict(told, self.coefficients))
            moved = _moved(points[rows], self.mean, self.rest, moves)
            points[rows[:, np.newaxis], np.array(self.rest)] = moved
            on_progress(int(rows[-1]) + 1, len(completed))
        shapes = ShapeSet(completed.format, points, completed.shapes.visibility)
        return completed.with_shapes(shapes)


def _completed_by_folds(
    shapes: ShapeSet, clicked: Mask, fold: NDArray[np.int64], rng: np.random.Generator
) -> list[Array]:
    """Shapes completed from their clicked landmarks by models of the other folds, copy by copy."""
    copies = [np.empty_like(shapes.points) for _ in range(_COPIES)]
    radius = np.sqrt(shapes.points.var(axis=1).sum(axis=1))[:, None, None]
    for number in range(int(fold.max()) + 1):
        rows = fold == number
        model = ShapeModel.fit(shapes.take(~rows))
        for copy, points in enumerate(copies):
            noise = model.noise * radius[rows] if copy else 0.0
            noisy = shapes.points[rows] + noise * rng.standard_normal(points[rows].shape)
            seen = np.where(clicked[:, None], noisy, np.nan)
            points[rows] = model.complete(ShapeSet.from_points(seen, shapes.format)).points
    return copies


def _described_copies(
    dataset: LandmarkDataset, copies: list[Array], mean: Array, on_progress: Progress
) -> Described:
    """Descriptions (copies n, M, F); each picture is read once."""
    found: list[list[Described]] = [[] for _ in copies]
    for row in range(len(dataset)):
        image = read_image(dataset.image_path(row))
        for copy, points in enumerate(copies):
            found[copy].append(describe(image, points[row], mean))
        on_progress(row + 1, len(dataset))
    return np.stack([one for copy in found for one in copy])


def _described(
    dataset: LandmarkDataset, rows: NDArray[np.intp], points: Array, mean: Array
) -> Described:
    images = (read_image(dataset.image_path(int(row))) for row in rows)
    return np.stack([describe(i, p, mean) for i, p in zip(images, points, strict=True)])


def _best_penalty(told: Array, moves: Array, folds: NDArray[np.int64]) -> tuple[float, Array]:
    """The penalty of the smallest held-out error after `Earned`, and what it predicts there."""
    predicted = np.empty((len(_PENALTIES), *moves.shape))
    for number in range(int(folds.max()) + 1):
        out = folds == number
        for index, coefficients in enumerate(solve(told[:, ~out], moves[~out], _PENALTIES)):
            predicted[index, out] = predict(told[:, out], coefficients)
    left = [np.square(moves - Earned.fit(p, moves).of(p)).sum() for p in predicted]
    best = int(np.argmin(left))
    return _PENALTIES[best], predicted[best]


def _kept_by_folds(held: Array, moves: Array, folds: NDArray[np.int64]) -> Array:
    """Held-out predictions, of which that is taken which the other folds have earned."""
    kept = np.empty_like(held)
    for number in range(int(folds.max()) + 1):
        out = folds == number
        kept[out] = Earned.fit(held[~out], moves[~out]).of(held[out])
    return kept


def _moves(points: Array, truth: Array, mean: Array) -> Array:
    """From shapes (S, M, 2) to the true ones, in the frame of the mean."""
    frame = similarity(points, mean)
    return np.asarray(frame.apply(truth) - frame.apply(points))


def _moved(points: Array, mean: Array, rest: tuple[int, ...], moves: Array) -> Array:
    """The landmarks `rest` of shapes (S, M, 2), moved in the frame of the mean, (S, R, 2)."""
    frame = similarity(points, mean)
    return frame.inverse().apply(frame.apply(points)[:, rest] + moves)


def _errors(points: Array, truth: ShapeSet) -> Array:
    return normalised_errors(ShapeSet.from_points(points, truth.format), truth)
