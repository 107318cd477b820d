"""How good predicted landmarks are, against true ones of the same pictures."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.dataset import LandmarkDataset, require_same_pictures
from datasets.errors import ShapeMismatchError
from datasets.metrics import (
    BOX,
    auc,
    failure_rate,
    image_errors,
    landmark_failure_rate,
    nme,
    normalised_errors,
)
from datasets.samples import BOX_COLUMNS

THRESHOLDS = (0.08, 0.1)


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Errors of N predicted shapes.

    Parameters
    ----------
    truth, predicted
        The N shapes that both data sets have, in one order.
    span
        What errors are parts of.
    errors
        float64 (N, M); NaN where a landmark is absent in either.
    unpredicted
        How many more shapes the truth has, which were not predicted and are not judged.
    """

    truth: LandmarkDataset
    predicted: LandmarkDataset
    span: str
    errors: NDArray[np.float64]
    unpredicted: int = 0

    @property
    def per_image(self) -> NDArray[np.float64]:
        """NME of each image, (N,); NaN where it has no landmark to judge."""
        return image_errors(self.errors)

    @property
    def per_landmark(self) -> NDArray[np.float64]:
        """Mean error of each landmark over the images, (M,); NaN where no image has it."""
        return image_errors(self.errors.T)

    @property
    def per_component(self) -> dict[str, NDArray[np.float64]]:
        """Errors of each component of the format, (N, its landmarks), where there are any."""
        parts = {c.name: self.errors[:, list(c.indices)] for c in self.truth.format.components}
        return {name: part for name, part in parts.items() if not np.isnan(part).all()}

    def summary(self) -> dict[str, Any]:
        """What was judged, what was not predicted, span and `rates`, fit for JSON.

        ``landmarks_predicted`` is the share of the true landmarks of the judged images: below 1,
        errors are those of the landmarks that a detector chose to give.
        """
        judged = ~np.isnan(self.per_image)
        empty = int((~self.predicted.shapes.present.any(axis=1)).sum())
        true = self.truth.shapes.present[judged]
        given = true & self.predicted.shapes.present[judged]
        counts = {"images": int(judged.sum()), "without_prediction": self.unpredicted + empty}
        share = float(given.sum() / max(true.sum(), 1))
        return {**counts, "landmarks_predicted": share, "span": self.span, **rates(self.errors)}


def rates(errors: NDArray[np.float64]) -> dict[str, float]:
    """NME, and FR^I, FR^L and AUC at 8 and 10 % (Yan 2020, sec. 3.6.2 and 4.3), by name."""
    result = {"nme": nme(errors)}
    for threshold in THRESHOLDS:
        name = f"{100 * threshold:g}"
        result[f"failure_rate_{name}"] = failure_rate(errors, threshold)
        result[f"landmark_failure_rate_{name}"] = landmark_failure_rate(errors, threshold)
        result[f"auc_{name}"] = auc(errors, threshold)
    return result


def evaluate(
    predicted: LandmarkDataset, truth: LandmarkDataset, span: str | None = None
) -> Evaluation:
    """Compare the shapes that two data sets share by their ``shape_id``.

    Parameters
    ----------
    predicted, truth
        Data sets of one format; `truth` gives the order of the result.
    span
        See `datasets.metrics.span_lengths`.

    Raises
    ------
    ShapeMismatchError
        If no shape is in both, the formats differ, shapes of one name show other pictures
        or have boxes apart from each other, or a true shape lacks the span.
    """
    matches = _places(truth, predicted)
    both = np.flatnonzero(matches >= 0)
    if both.size == 0:
        firsts = (d.samples["shape_id"].head(2).tolist() for d in (predicted, truth))
        ours, theirs = (names or "nothing" for names in firsts)
        problem = f"no shape is in both data sets: names here are like {ours}, there like {theirs}"
        raise ShapeMismatchError(problem)
    predicted, truth = predicted.take(matches[both]), truth.take(both)
    require_same_pictures(predicted, truth)
    _require_same_objects(predicted, truth)
    errors = normalised_errors(predicted.shapes, truth.shapes, span)
    name = span or truth.format.default_span or BOX
    return Evaluation(truth, predicted, name, errors, int((matches < 0).sum()))


def without(truth: LandmarkDataset, learnt: LandmarkDataset) -> LandmarkDataset:
    """The shapes of a data set that are not in another, such as what was learnt from.

    Raises
    ------
    ShapeMismatchError
        If none is left, or shapes of one name show other pictures.
    """
    matches = _places(truth, learnt)
    require_same_pictures(truth.take(matches >= 0), learnt.take(matches[matches >= 0]))
    if (matches >= 0).all():
        problem = f"all {len(truth)} shapes are among those to leave out: none is left to judge"
        raise ShapeMismatchError(problem)
    return truth.take(matches < 0)


def _places(ours: LandmarkDataset, theirs: LandmarkDataset) -> NDArray[np.int64]:
    """For each of our shapes the row of theirs that has its name; -1 where none has."""
    place = {name: i for i, name in enumerate(theirs.samples["shape_id"])}
    rows = [place.get(name, -1) for name in ours.samples["shape_id"]]
    return np.array(rows, dtype=np.int64)


def _require_same_objects(a: LandmarkDataset, b: LandmarkDataset) -> None:
    """Refuse shapes that share a name by chance: their boxes must overlap where both have one."""
    ours, theirs = (d.samples[list(BOX_COLUMNS)].to_numpy(dtype=float) for d in (a, b))
    low, high = np.maximum(ours, theirs)[:, :2], np.minimum(ours, theirs)[:, 2:]
    apart = (low >= high).any(axis=1)  # false where a box is not known
    if apart.any():
        name = b.samples["shape_id"].iloc[int(np.argmax(apart))]
        problem = f"{name!r} is another object in each data set: their boxes do not overlap"
        raise ShapeMismatchError(problem)
