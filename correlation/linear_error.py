"""The error to expect of a choice of landmarks, measured on shapes that were held out.

Whoever clicks the chosen landmarks of a shape gets the others from a shape model; this is the
error of those on shapes that the model has not seen, before anybody clicks.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import GroupKFold

from correlation.demands import indices_of
from datasets.errors import SelectionError, ShapeMismatchError
from datasets.metrics import BOX, normalised_errors, span_lengths
from datasets.progress import Progress, ignore_progress
from datasets.shape_model import ShapeModel
from datasets.shapes import ShapeSet

MOST_JUDGED = 400
_FEWEST = 8

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ExpectedError:
    """What error to expect of chosen landmarks.

    Parameters
    ----------
    per_landmark
        float64 (M,): mean error of each landmark in parts of the span. That of a chosen one is
        the error of its click, 0 where clicks are exact.
    nme
        The mean over all M landmarks.
    nme_rest
        The mean over those that are not chosen; NaN where all are.
    spread
        Standard error of `nme`, with all shapes of a subject as one draw.
    n_shapes
        How many shapes were completed.
    folds
        How many models took part, each without the shapes that it completed.
    span
        The unit.

    Raises
    ------
    ShapeMismatchError
        If an error is negative or there are none.
    """

    per_landmark: Array
    nme: float
    nme_rest: float
    spread: float
    n_shapes: int
    folds: int
    span: str

    def __post_init__(self) -> None:
        """Check that these can be errors."""
        if self.per_landmark.ndim != 1 or not (self.per_landmark >= 0).all():
            raise ShapeMismatchError("expected M errors that are not negative")
        if self.n_shapes < 1 or not self.nme >= 0:
            raise ShapeMismatchError(f"no error follows from {self.n_shapes} shapes")


def table_from_expected(expected: ExpectedError | None) -> dict[str, Any]:
    """An expected error as plain values, fit for TOML and JSON."""
    if expected is None:
        return {}
    rest = None if np.isnan(expected.nme_rest) else expected.nme_rest
    return {
        "expected_nme": expected.nme,
        "expected_nme_rest": rest,
        "standard_error": expected.spread,
        "span": expected.span,
        "judged_shapes": expected.n_shapes,
        "expected_errors": [round(float(e), 6) for e in expected.per_landmark],
    }


@dataclass(frozen=True, slots=True, eq=False)
class ErrorForecast:
    """Models without a fold each, and the shapes of that fold to judge choices by.

    Parameters
    ----------
    models
        One for each fold, learnt from the complete shapes of all others.
    shapes
        n complete shapes: all, or `MOST_JUDGED` drawn ones. The models rest on all.
    fold, subject
        int64 (n,): the fold in which a shape is held out, and whose it is. A subject's shapes
        are in one fold.
    span
        The unit of errors.
    seed
        Of the clicks' errors: the same for every choice.
    n_learnt, n_passed_over
        How many shapes were complete, and how many were not and therefore do not count.

    Raises
    ------
    ShapeMismatchError
        If formats or numbers differ, a shape is not complete, or a subject is in two folds.
    """

    models: tuple[ShapeModel, ...]
    shapes: ShapeSet
    fold: NDArray[np.int64]
    subject: NDArray[np.int64]
    span: str
    seed: int
    n_learnt: int
    n_passed_over: int

    def __post_init__(self) -> None:
        """Check that shapes, folds and models fit together."""
        n = len(self.shapes)
        if self.fold.shape != (n,) or self.subject.shape != (n,):
            raise ShapeMismatchError(f"expected a fold and a subject for each of {n} shapes")
        if not self.shapes.complete.all():
            raise ShapeMismatchError("shapes to judge by must be complete")
        if n and not 0 <= self.fold.min() <= self.fold.max() < len(self.models):
            raise ShapeMismatchError(f"folds are counted 0 to {len(self.models) - 1}")
        pairs = np.unique(np.stack([self.subject, self.fold]), axis=1)
        if len(np.unique(self.subject)) != pairs.shape[1]:
            raise ShapeMismatchError("a subject's shapes must be in one fold")
        if any(m.format.landmarks != self.shapes.format.landmarks for m in self.models):
            raise ShapeMismatchError(f"the models are not of {self.shapes.format.name}")

    @classmethod
    def fit(
        cls,
        shapes: ShapeSet | ArrayLike,
        *,
        rng: np.random.Generator,
        subjects: Sequence[str | None] | None = None,
        span: str | None = None,
        folds: int = 5,
        on_progress: Progress | None = None,
    ) -> "ErrorForecast":
        """Learn a model for every fold.

        Parameters
        ----------
        shapes
            (N, M, D) in pixels, NaN = absent; only complete shapes count.
        rng
            Draws the folds, the shapes to judge by and the clicks' errors.
        subjects
            N names of who is seen; a missing one stands for somebody of his own. All are of
            their own when left out.
        span
            See `datasets.metrics.span_lengths`.
        folds
            How many; fewer where there are fewer subjects.
        on_progress
            Told the number of models learnt.

        Raises
        ------
        ShapeMismatchError
            If fewer than 8 shapes are complete, they are of one subject, a subject leaves
            fewer than 2 shapes to learn from, `subjects` are not N, or a span has no length.
        UnknownNameError
            If the format has no such span.
        ValueError
            If there are fewer than two folds.
        """
        if folds < 2:
            raise ValueError(f"expected two folds at least, got {folds}")
        shapes = shapes if isinstance(shapes, ShapeSet) else ShapeSet.from_points(shapes)
        subject = subject_numbers(subjects, len(shapes))[shapes.complete]
        usable = shapes.take(shapes.complete)
        require_enough(usable, subject, len(shapes))
        span_lengths(usable, span)
        fold = drawn_folds(subject, folds, rng)
        models = _models(usable, fold, on_progress or ignore_progress)
        judged = np.sort(rng.permutation(len(usable))[:MOST_JUDGED])
        return cls(
            models=models,
            shapes=usable.take(judged),
            fold=fold[judged],
            subject=subject[judged],
            span=span or shapes.format.default_span or BOX,
            seed=int(rng.integers(2**32)),
            n_learnt=len(usable),
            n_passed_over=len(shapes) - len(usable),
        )

    def of(self, chosen: Iterable[int | str], noise: ArrayLike = 0.0) -> ExpectedError:
        """The error of all landmarks when the chosen ones are clicked and the others completed.

        Every shape is completed by the model that has not seen it (`ShapeModel.complete`).
        Shapes whose chosen landmarks are all in one place cannot be completed and are left out;
        `ExpectedError.n_shapes` tells how many were not.

        Parameters
        ----------
        chosen
            Landmarks by index or name.
        noise
            Standard deviation of a click in x and in y, in parts of the span: one number, or one
            for each landmark.

        Raises
        ------
        SelectionError
            If nothing is chosen or a landmark is not known.
        ShapeMismatchError
            If no shape can be completed.
        ValueError
            If `noise` is negative or not finite, or there are not M of it.
        """
        index, rows, errors = self._held_out(chosen, noise)
        per_landmark = errors.mean(axis=0)
        rest = np.setdiff1d(np.arange(len(per_landmark)), index)
        return ExpectedError(
            per_landmark=per_landmark,
            nme=float(per_landmark.mean()),
            nme_rest=float(per_landmark[rest].mean()) if rest.size else float("nan"),
            spread=_standard_error(errors.mean(axis=1), self.subject[rows]),
            n_shapes=len(rows),
            folds=len(self.models),
            span=self.span,
        )

    def within(
        self, chosen: Iterable[int | str], confidence: float = 0.9, noise: ArrayLike = 0.0
    ) -> Array:
        """How near the true place lies to a completed landmark, with this confidence: (M,).

        The `conformal_quantile` of the held-out errors. The models are of the folds, that which
        completes is of all shapes, so the promise holds as nearly as these are alike.

        Parameters
        ----------
        chosen, noise
            See `of`; so are the errors.
        confidence
            In (0, 1).

        Returns
        -------
        float64 (M,) in parts of the span; infinite where there are too few shapes to tell.
        """
        _, _, errors = self._held_out(chosen, noise)
        return conformal_quantile(errors, confidence)

    def _held_out(
        self, chosen: Iterable[int | str], noise: ArrayLike
    ) -> tuple[list[int], NDArray[np.intp], Array]:
        """What is chosen, the shapes that can be completed from it, and their errors (n, M)."""
        index = list(indices_of(self.shapes.format, chosen))
        if not index:
            raise SelectionError("no landmark is chosen")
        clicked = self._clicked(np.asarray(noise, dtype=np.float64)).keep(index)
        rows = np.flatnonzero(_has_extent(clicked.points[:, index]))
        if not rows.size:
            raise ShapeMismatchError("the chosen landmarks are in one place in every shape")
        return index, rows, self._errors(clicked, rows)

    def _clicked(self, noise: Array) -> ShapeSet:
        points, M = self.shapes.points, len(self.shapes.format)
        if noise.shape not in ((), (M,)) or not ((noise >= 0) & np.isfinite(noise)).all():
            problem = f"noise must be finite and not negative, one number or {M} of them"
            raise ValueError(f"{problem}, got {noise}")
        each = np.broadcast_to(noise, M)
        if not each.any():
            return self.shapes
        draws = np.random.default_rng(self.seed).standard_normal(points.shape)
        sizes = span_lengths(self.shapes, self.span)[:, None] * each
        return ShapeSet(
            self.shapes.format, points + sizes[:, :, None] * draws, self.shapes.visibility
        )

    def _errors(self, clicked: ShapeSet, rows: NDArray[np.intp]) -> Array:
        """Errors (len(rows), M) in parts of the span."""
        errors = np.empty(self.shapes.points.shape[:2])
        for fold, model in enumerate(self.models):
            own = rows[self.fold[rows] == fold]
            completed = model.complete(clicked.take(own))
            errors[own] = normalised_errors(completed, self.shapes.take(own), self.span)
        return errors[rows]


def conformal_quantile(errors: Array, confidence: float) -> Array:
    """What the next error stays below with this confidence, (M,), by errors (n, M) of its kind.

    Of n errors, rising, the one at place ceil((n + 1) confidence) (Papadopoulos et al. 2002);
    infinite where there are too few to tell.

    Raises
    ------
    ValueError
        If the confidence is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, got {confidence}")
    place = math.ceil((len(errors) + 1) * confidence) - 1
    if place >= len(errors):
        return np.full(errors.shape[1], np.inf)
    return np.asarray(np.sort(errors, axis=0)[place])


def subject_numbers(names: Sequence[str | None] | None, N: int) -> NDArray[np.int64]:
    """A number for every shape, the same for the same subject."""
    if names is None:
        return np.arange(N)
    if len(names) != N:
        raise ShapeMismatchError(f"expected {N} subjects, one a shape, got {len(names)}")
    numbers: dict[str, int] = {}
    own = iter(range(N, 2 * N))
    return np.array(
        [
            next(own) if pd.isna(name) else numbers.setdefault(str(name), len(numbers))
            for name in names
        ],
        dtype=np.int64,
    )


def require_enough(usable: ShapeSet, subject: NDArray[np.int64], N: int) -> None:
    """Refuse complete shapes, of N, that are too few to hold some out and learn from others."""
    if len(usable) < _FEWEST:
        problem = f"expected {_FEWEST} shapes with all {len(usable.format)} landmarks at least"
        raise ShapeMismatchError(f"{problem}, found {len(usable)} among {N}")
    _, counts = np.unique(subject, return_counts=True)
    if len(usable) - counts.max() < 2:
        problem = f"{counts.max()} of the {len(usable)} complete shapes are of one subject"
        raise ShapeMismatchError(f"{problem}: held out, it leaves too few to learn from")


def drawn_folds(
    subject: NDArray[np.int64], folds: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """The fold in which each shape is held out; folds of nearly equal size, drawn."""
    _, groups = np.unique(subject, return_inverse=True)
    drawn = rng.permutation(int(groups.max()) + 1)
    fold = np.empty(len(subject), dtype=np.int64)
    splits = GroupKFold(min(folds, len(drawn))).split(fold, groups=drawn[groups])
    for number, (_, held_out) in enumerate(splits):
        fold[held_out] = number
    return fold


def _models(
    usable: ShapeSet, fold: NDArray[np.int64], on_progress: Progress
) -> tuple[ShapeModel, ...]:
    models: list[ShapeModel] = []
    count = int(fold.max()) + 1
    for number in range(count):
        on_progress(number, count)
        models.append(ShapeModel.fit(usable.take(fold != number)))
    on_progress(count, count)
    return tuple(models)


def _has_extent(points: Array) -> NDArray[np.bool_]:
    """Where shapes (n, m, D) do not lie in one place; a single landmark may."""
    single = points.shape[1] == 1
    return np.asarray((np.ptp(points, axis=1) > 0).any(axis=1) | single)


def _standard_error(errors: Array, subject: NDArray[np.int64]) -> float:
    """Of a mean over shapes that come in clusters (Cameron and Miller 2015, eq. 11); NaN for one.

    With every shape of its own this is the standard deviation over the root of n.
    """
    _, cluster = np.unique(subject, return_inverse=True)
    sums = np.bincount(cluster, weights=errors - errors.mean())
    G = len(sums)
    if G < 2:
        return float("nan")
    return float(np.sqrt(G / (G - 1) * np.square(sums).sum()) / len(errors))
