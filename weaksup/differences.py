"""Predictions of the same shapes against each other: what differs, and whether it is shown."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from datasets.errors import ShapeMismatchError
from datasets.metrics import span_words
from weaksup.evaluation import FEWEST_SUBJECTS, Evaluation, image_rates, rates
from weaksup.intervals import MeanInterval, bootstrap_interval


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """What one prediction's errors are minus another's.

    Parameters
    ----------
    ours, theirs
        `weaksup.evaluation.rates` of the landmarks that both predictions were judged on.
    intervals
        Of the differences of the rates that are means over images, by name; paired, over subjects.
    per_landmark
        Our mean error and theirs of each landmark that was judged, by name.
    images
        How many both were judged on.
    better
        Share of these in which our NME is the smaller one.
    span
        What errors are parts of.
    """

    ours: dict[str, float]
    theirs: dict[str, float]
    intervals: dict[str, MeanInterval]
    per_landmark: dict[str, tuple[float, float]]
    images: int
    better: float
    span: str

    @property
    def verdict(self) -> str:
        """What the interval of the NME's difference shows, in words, and no more than that."""
        found = self.intervals["nme"]
        low, high = 100 * found.low, 100 * found.high
        if found.subjects < FEWEST_SUBJECTS:
            problem = f"of {found.subjects} subjects, at least {FEWEST_SUBJECTS} are needed"
            return f"no difference can be shown: the images are {problem}"
        unit = f"% of the {span_words(self.span)}, with {100 * found.confidence:.0f} % confidence"
        if low <= 0 <= high:
            return f"no difference of the NME is shown: {low:+.2f} to {high:+.2f} {unit}"
        word = "higher" if low > 0 else "lower"
        least, most = sorted((abs(low), abs(high)))
        return f"the NME is {word}, by {least:.2f} to {most:.2f} {unit}"

    def rows(self, *, landmarks: bool = False) -> list[dict[str, Any]]:
        """Each rate of both with the difference and its interval, fit for JSON.

        Landmarks come without intervals: of many, some would be beyond theirs by chance.
        """
        rates_of_both = {n.replace("_", " "): (v, self.theirs[n]) for n, v in self.ours.items()}
        ends = {n.replace("_", " "): (i.low, i.high) for n, i in self.intervals.items()}
        both = rates_of_both | (self.per_landmark if landmarks else {})
        rows = []
        for name, (ours, theirs) in both.items():
            low, high = ends.get(name, (None, None))
            change = {"difference": ours - theirs, "low": low, "high": high}
            rows.append({"what": name, "ours": ours, "theirs": theirs, **change})
        return rows


def matched(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """The evaluations, each reduced to the shapes and landmarks that all of them judge.

    Parameters
    ----------
    evaluations
        Of one truth, in its format and by one span; shapes are joined by their names.

    Returns
    -------
    list of Evaluation
        As many, all with the shapes in the order of the first one's.

    Raises
    ------
    ShapeMismatchError
        If no shape or no landmark is judged in all, or formats or spans differ.
    """
    if len({(e.truth.format.landmarks, e.span) for e in evaluations}) != 1:
        raise ShapeMismatchError("evaluations are compared by one format and one span")
    places = [
        {name: row for row, name in enumerate(e.truth.samples["shape_id"])} for e in evaluations
    ]
    names = [name for name in places[0] if all(name in place for place in places)]
    if not names:
        judged = "; ".join(f"{len(place):,} such as {next(iter(place))}" for place in places)
        raise ShapeMismatchError(f"no shape is judged in all predictions, but {judged}")
    rows = [[place[name] for name in names] for place in places]
    parts = [e.errors[index] for e, index in zip(evaluations, rows, strict=True)]
    known = ~np.isnan(np.stack(parts)).any(axis=0)
    if not known.any():
        raise ShapeMismatchError("no landmark of any shape is judged in all predictions")
    return [
        replace(
            e,
            truth=e.truth.take(index),
            predicted=e.predicted.take(index),
            errors=np.where(known, part, np.nan),
            unpredicted=e.unpredicted + len(e.errors) - len(index),
        )
        for e, index, part in zip(evaluations, rows, parts, strict=True)
    ]


def difference(ours: Evaluation, theirs: Evaluation, rng: np.random.Generator) -> Difference:
    """Compare two evaluations of one truth, on what both judge.

    Parameters
    ----------
    ours, theirs
        See `matched`.
    rng
        Draws the intervals, see `weaksup.intervals.bootstrap_interval`.

    Raises
    ------
    ShapeMismatchError
        As `matched`.
    """
    ours, theirs = matched([ours, theirs])
    pairs = zip(image_rates(ours.errors).items(), image_rates(theirs.errors).values(), strict=True)
    subjects = ours.truth.samples["subject"].tolist()
    change = ours.per_image - theirs.per_image
    change = change[~np.isnan(change)]
    ends = zip(ours.per_landmark.tolist(), theirs.per_landmark.tolist(), strict=True)
    of_landmarks = zip(ours.truth.format.landmarks, ends, strict=True)
    return Difference(
        rates(ours.errors),
        rates(theirs.errors),
        {name: bootstrap_interval(x - y, subjects, rng=rng) for (name, x), y in pairs},
        {name: each for name, each in of_landmarks if not np.isnan(each).any()},
        len(change),
        float((change < 0).mean()),
        ours.span,
    )
