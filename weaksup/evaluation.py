"""How good predicted landmarks are, against true ones of the same pictures."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.correspondence import common_landmarks, translated
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
from datasets.shapes import Visibility
from weaksup.intervals import MeanInterval, bootstrap_interval

THRESHOLDS = (0.08, 0.1)
FEWEST_SUBJECTS = 6  # five that differ all to one side do so by chance in 1 of 16 cases


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Errors of N predicted shapes.

    Parameters
    ----------
    truth, predicted
        The N shapes that both data sets have, in one order and in the format of the truth.
    span
        What errors are parts of.
    errors
        float64 (N, M); NaN where a landmark is absent in either.
    unpredicted
        How many more shapes the truth has, which were not predicted and are not judged.
    common
        Indices of the truth's landmarks that the predicted format has, too; only these are judged.
    predicted_format
        Its name.
    """

    truth: LandmarkDataset
    predicted: LandmarkDataset
    span: str
    errors: NDArray[np.float64]
    unpredicted: int
    common: tuple[int, ...]
    predicted_format: str

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

    @property
    def per_visibility(self) -> dict[str, NDArray[np.float64]]:
        """Errors of visible and of occluded landmarks, both (N, M); empty where none is occluded.

        What the truth says counts.
        """
        seen = self.truth.shapes.visibility
        kinds = {"visible": Visibility.VISIBLE, "occluded": Visibility.OCCLUDED}
        parts = {name: np.where(seen == kind, self.errors, np.nan) for name, kind in kinds.items()}
        judged = {name: part for name, part in parts.items() if not np.isnan(part).all()}
        return judged if "occluded" in judged else {}

    def intervals(self, rng: np.random.Generator) -> dict[str, MeanInterval]:
        """How far NME, FR^I and AUC can be trusted: 95 % intervals over subjects, by name."""
        subjects = self.truth.samples["subject"].tolist()
        return {
            name: bootstrap_interval(values, subjects, rng=rng)
            for name, values in image_rates(self.errors).items()
        }

    @property
    def caution(self) -> str | None:
        """Why `intervals` may be too narrow, in a sentence; None where nothing speaks against."""
        judged = ~np.isnan(self.per_image)
        named = self.truth.samples["subject"][judged].dropna()
        unnamed = int(judged.sum()) - len(named)
        if unnamed > 1:
            return (
                f"{unnamed:,} of {judged.sum():,} images name no subject: each counts as somebody "
                "of their own, so intervals are too narrow if people are seen several times."
            )
        if (subjects := named.nunique() + unnamed) < FEWEST_SUBJECTS:
            return f"the images show {subjects} subjects: so few make intervals too narrow."
        return None

    def summary(self) -> dict[str, Any]:
        """What was judged, what was not predicted, span and `rates`, fit for JSON.

        ``share_of_landmarks_predicted`` is out of the true landmarks of the judged images that the
        predicted format has: below 1, errors are of what a detector chose to give.
        """
        judged = ~np.isnan(self.per_image)
        empty = int((~self.predicted.shapes.present.any(axis=1)).sum())
        true = self.truth.shapes.present[judged][:, list(self.common)]
        given = true & self.predicted.shapes.present[judged][:, list(self.common)]
        counts: dict[str, Any] = {"images": int(judged.sum())}
        counts |= {"without_prediction": self.unpredicted + empty}
        counts |= {"format": self.truth.format.name, "landmarks": len(self.common)}
        if self.predicted_format != self.truth.format.name:
            counts |= {"predicted_format": self.predicted_format}
        share = float(given.sum() / max(true.sum(), 1))
        counts |= {"share_of_landmarks_predicted": share}
        return {**counts, "span": self.span, **rates(self.errors)}


def rates(errors: NDArray[np.float64]) -> dict[str, float]:
    """NME, and FR^I, FR^L and AUC at 8 and 10 % (Yan 2020, sec. 3.6.2 and 4.3), by name."""
    result = {"nme": nme(errors)}
    for threshold in THRESHOLDS:
        name = f"{100 * threshold:g}"
        result[f"failure_rate_{name}"] = failure_rate(errors, threshold)
        result[f"landmark_failure_rate_{name}"] = landmark_failure_rate(errors, threshold)
        result[f"auc_{name}"] = auc(errors, threshold)
    return result


def image_rates(errors: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Of each image what NME, FR^I and AUC are the means of, (N,), by the names of `rates`."""
    per_image = image_errors(errors)
    result = {"nme": per_image}
    for threshold in THRESHOLDS:
        name, failed = f"{100 * threshold:g}", (per_image > threshold).astype(np.float64)
        result[f"failure_rate_{name}"] = np.where(np.isnan(per_image), np.nan, failed)
        result[f"auc_{name}"] = 1.0 - np.minimum(per_image, threshold) / threshold
    return result


def evaluate(
    predicted: LandmarkDataset,
    truth: LandmarkDataset,
    span: str | None = None,
    *,
    altered: bool = False,
) -> Evaluation:
    """Compare the shapes that two data sets share by their ``shape_id``.

    Parameters
    ----------
    predicted, truth
        Data sets; `truth` gives the order of the result and its format. Of another format those
        landmarks are judged that are known to be the truth's, too.
    span
        Of the truth's format; see `datasets.metrics.span_lengths`.
    altered
        The pictures may be altered copies of the truth's, with every landmark in its place.

    Raises
    ------
    ShapeMismatchError
        If no shape or no landmark is in both, shapes of one name show other pictures or have
        boxes apart from each other, or a true shape lacks the span.
    """
    common, predicted_format = common_landmarks(predicted.format, truth.format)[1], predicted.format
    predicted = translated(predicted, truth.format)
    matches = _places(truth, predicted)
    both = np.flatnonzero(matches >= 0)
    if both.size == 0:
        firsts = (d.samples["shape_id"].head(2).tolist() for d in (predicted, truth))
        ours, theirs = (names or "nothing" for names in firsts)
        problem = f"no shape is in both data sets: names here are like {ours}, there like {theirs}"
        raise ShapeMismatchError(problem)
    predicted, truth = predicted.take(matches[both]), truth.take(both)
    if not altered:
        _require_unaltered(predicted, truth)
    _require_same_objects(predicted, truth)
    errors = normalised_errors(predicted.shapes, truth.shapes, span)
    name = span or truth.format.default_span or BOX
    unpredicted = int((matches < 0).sum())
    return Evaluation(truth, predicted, name, errors, unpredicted, common, predicted_format.name)


def _require_unaltered(predicted: LandmarkDataset, truth: LandmarkDataset) -> None:
    try:
        require_same_pictures(predicted, truth)
    except ShapeMismatchError as error:
        problem = f"{error}; copies that `fewmark occlude` made are judged with --altered"
        raise ShapeMismatchError(problem) from error


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
