"""Two affinity matrices and their difference, such as a detector's errors (Yan 2020, sec. 5.4)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tomli_w
from numpy.typing import ArrayLike, NDArray

from correlation.matrix import AffinityMatrix, landmark_table
from datasets.errors import ShapeMismatchError
from datasets.files import replacing
from datasets.formats import LandmarkFormat, table_from_format

Floats = NDArray[np.float64]
Pairs = NDArray[np.int64]

EVERYTHING = "all pairs"
MIRROR_PAIRS = "mirror pairs"
_OUTLINES = ("contour", "jaw")
_OTHER = "other"


@dataclass(frozen=True, slots=True)
class PairError:
    """The affinity error of landmarks `first` and `second`, given by index and by name."""

    first: int
    second: int
    names: tuple[str, str]
    predicted: float
    truth: float

    @property
    def difference(self) -> float:
        """Predicted minus true affinity."""
        return self.predicted - self.truth


@dataclass(frozen=True, slots=True)
class GroupError:
    """Mean affinities of a group of pairs of landmarks.

    Parameters
    ----------
    name
        Such as ``"nose"`` for the pairs within it, or ``"nose with left eye"``.
    pairs
        How many there are; with none of them the means are NaN.
    predicted, truth
        Mean affinities.
    error, absolute
        Mean of the signed errors, and of their absolute values.
    """

    name: str
    pairs: int
    predicted: float
    truth: float
    error: float
    absolute: float


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Affinities of predictions beside the true ones; `compare` makes it.

    Any two matrices of one format may stand here, such as those of two data sets.

    Parameters
    ----------
    predicted, truth
        Affinity matrices of one format and alignment.
    cautions
        Sentences about what makes the errors doubtful.
    names
        What figures call the first and the second matrix.
    any_alignment
        Whether the alignments may differ: then what they do is part of the difference.

    Raises
    ------
    ShapeMismatchError
        If the matrices cannot be compared.
    """

    predicted: AffinityMatrix
    truth: AffinityMatrix
    cautions: tuple[str, ...] = ()
    names: tuple[str, str] = field(default=("predicted", "true"), kw_only=True)
    any_alignment: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        """Check that both speak of the same landmarks in the same way."""
        require_comparable(self.predicted, self.truth, any_alignment=self.any_alignment)

    @property
    def format(self) -> LandmarkFormat:
        """The landmark format."""
        return self.truth.format

    @property
    def error(self) -> Floats:
        """A_pred - A_truth, float64 (M, M): above zero where the detector over-correlates."""
        return self.predicted.values - self.truth.values

    @property
    def mean(self) -> float:
        """Mean signed error of two different landmarks; NaN for a single one."""
        return self._group(EVERYTHING, self._all_pairs()).error

    @property
    def mean_absolute(self) -> float:
        """Mean absolute error of two different landmarks; NaN for a single one."""
        return self._group(EVERYTHING, self._all_pairs()).absolute

    @property
    def largest(self) -> float:
        """Largest absolute error; 0 for a single landmark."""
        return float(np.abs(self.error).max())

    @property
    def caption(self) -> str:
        """What stands below every figure of it: numbers of shapes and alignment."""
        ours, theirs = (
            "an unknown number of" if m.n_shapes is None else f"{m.n_shapes:,}"
            for m in (self.predicted, self.truth)
        )
        shapes = (
            f"{ours} predicted and {theirs} true shapes" if ours != theirs else f"{ours} shapes"
        )
        return f"{self.truth.method} over {shapes}, alignment: {self.truth.alignment or 'unknown'}"

    def ranked(self, count: int = 10, sign: int | None = 1) -> tuple[PairError, ...]:
        """The pairs of the largest errors, the largest first.

        Parameters
        ----------
        count
            At most so many; there may be fewer of this sign.
        sign
            1 for over-correlated pairs, -1 for under-correlated ones, None for both.
        """
        if sign not in (1, -1, None):
            raise ValueError(f"sign must be 1, -1 or None, got {sign!r}")
        i, j = self._all_pairs()
        errors = np.abs(self.error[i, j]) if sign is None else sign * self.error[i, j]
        order = np.argsort(-errors, kind="stable")[: max(count, 0)]
        return tuple(self.pair(int(i[k]), int(j[k])) for k in order if errors[k] > 0)

    def pair(self, first: int, second: int) -> PairError:
        """The error of one pair of landmarks."""
        names = self.format.landmarks[first], self.format.landmarks[second]
        values = (float(m.values[first, second]) for m in (self.predicted, self.truth))
        return PairError(first, second, names, *values)

    def summary(self) -> tuple[GroupError, ...]:
        """All pairs; contour and inner landmarks, within and between; mirror pairs.

        The contour is a component of the format with that name or "jaw". What the format does not
        have is left out.
        """
        known = self.format
        groups = [(EVERYTHING, self._all_pairs())]
        outline = next((c for c in known.components if c.name in _OUTLINES), None)
        if outline is not None:
            inner = [i for i in range(len(known)) if i not in set(outline.indices)]
            name = outline.name
            groups += [
                (name, _pairs(outline.indices, outline.indices)),
                ("inner", _pairs(inner, inner)),
                (f"{name} with inner", _pairs(outline.indices, inner)),
            ]
        sides = np.array([(i, j) for i, j in enumerate(known.mirror) if i < j], dtype=np.int64)
        groups.append((MIRROR_PAIRS, sides.reshape(-1, 2).T))
        return tuple(self._group(name, pairs) for name, pairs in groups if pairs.size)

    def components(self) -> tuple[GroupError, ...]:
        """The pairs within every component of the format, and between every two components.

        Landmarks of no component are "other"; a format without components has no groups.
        """
        parts = list(_components(self.format))
        groups = []
        for place, (name, indices) in enumerate(parts):
            groups.append((name, _pairs(indices, indices)))
            groups += [
                (f"{name} with {o}", _pairs(indices, rest)) for o, rest in parts[place + 1 :]
            ]
        return tuple(self._group(name, pairs) for name, pairs in groups if pairs.size)

    def save(self, path: str | Path) -> None:
        """Write both matrices and the errors as NumPy archive (.npz)."""
        with replacing(Path(path)) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                error=self.error,
                predicted=self.predicted.values,
                truth=self.truth.values,
                format=np.array(tomli_w.dumps(table_from_format(self.format))),
                alignment=np.array(self.truth.alignment or ""),
                cautions=np.array(self.cautions, dtype=np.str_),
            )

    def save_csv(self, path: str | Path) -> None:
        """Write the table of `csv`."""
        with replacing(Path(path)) as temporary:
            temporary.write_text(self.csv(), encoding="utf-8", newline="\n")

    def csv(self) -> str:
        """The errors as a table with landmark names in the first row and column."""
        return landmark_table(self.format, self.error)

    def _all_pairs(self) -> Pairs:
        return np.array(np.triu_indices(len(self.format), 1))

    def _group(self, name: str, pairs: Pairs) -> GroupError:
        i, j = pairs
        ours, theirs = self.predicted.values[i, j], self.truth.values[i, j]
        error = ours - theirs
        means = (_mean(values) for values in (ours, theirs, error, np.abs(error)))
        return GroupError(name, len(i), *means)


def compare(predicted: AffinityMatrix, truth: AffinityMatrix) -> Comparison:
    """The affinity errors of predictions, A_pred - A_truth (Yan 2020, sec. 5.4).

    Parameters
    ----------
    predicted, truth
        Affinities of what a detector found, and of the labels, of one format and alignment; best
        over the same shapes, as `correlation.detectors.compare_shapes` takes them.

    Raises
    ------
    ShapeMismatchError
        If the formats, alignments or methods differ.

    Examples
    --------
    >>> truth = AffinityMatrix.from_values([[1.0, 0.5], [0.5, 1.0]])
    >>> predicted = AffinityMatrix.from_values([[1.0, 0.7], [0.7, 1.0]])
    >>> round(compare(predicted, truth).mean, 3)
    0.2
    """
    texts = [f"Predictions: {text}" for text in predicted.cautions]
    texts += [f"Truth: {text}" for text in truth.cautions]
    if predicted.n_shapes != truth.n_shapes:
        ours, theirs = (
            "an unknown number" if m.n_shapes is None else f"{m.n_shapes:,}"
            for m in (predicted, truth)
        )
        texts.append(
            f"The affinities are of different shapes: {ours} predicted, {theirs} true ones. "
            "Part of the difference is chance."
        )
    if predicted.alignment is None or truth.alignment is None:
        texts.append("It is not known that both were aligned in the same way.")
    return Comparison(predicted, truth, tuple(texts))


def require_comparable(
    matrix: AffinityMatrix, other: AffinityMatrix, *, any_alignment: bool = False
) -> None:
    """Refuse two matrices whose difference would say nothing.

    Raises
    ------
    ShapeMismatchError
        If landmarks, alignments or methods differ; an unknown alignment passes, and any where
        all may.
    """
    a, b = matrix.format, other.format
    if a.landmarks != b.landmarks:
        raise ShapeMismatchError(f"cannot compare affinities of {a.name} with those of {b.name}")
    known = None not in (matrix.alignment, other.alignment)
    if known and matrix.alignment != other.alignment and not any_alignment:
        problem = f"cannot compare affinities of the alignment {matrix.alignment} with those of "
        raise ShapeMismatchError(f"{problem}{other.alignment}; align both in the same way")
    if matrix.method != other.method:
        raise ShapeMismatchError(f"cannot compare a {matrix.method} with a {other.method}")


def _components(known: LandmarkFormat) -> Iterator[tuple[str, tuple[int, ...]]]:
    taken: set[int] = set()
    for component in known.components:
        taken |= set(component.indices)
        yield component.name, component.indices
    rest = tuple(i for i in range(len(known)) if i not in taken)
    if taken and rest:
        yield _OTHER, rest


def _pairs(one: ArrayLike, other: ArrayLike) -> Pairs:
    """Every pair of different landmarks with one in each group, once: int64 (2, number)."""
    i, j = np.meshgrid(np.asarray(one, np.int64), np.asarray(other, np.int64), indexing="ij")
    pairs = np.sort(np.stack([i.ravel(), j.ravel()]), axis=0)
    return np.asarray(np.unique(pairs[:, pairs[0] != pairs[1]], axis=1))


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else float("nan")
