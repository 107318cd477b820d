"""Two predictions of the same shapes against each other: what differs, and whether it is shown."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from datasets.errors import ShapeMismatchError
from datasets.metrics import image_errors, span_words
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
        unit = f"% of the {span_words(self.span)}, with {found.confidence:.0%} confidence"
        if low <= 0 <= high:
            return f"no difference is shown: the NME is {low:+.2f} to {high:+.2f} {unit}"
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


def difference(ours: Evaluation, theirs: Evaluation, rng: np.random.Generator) -> Difference:
    """Join two evaluations of one truth by shape and landmark, and compare.

    Parameters
    ----------
    ours, theirs
        In the format and the span of the same truth.
    rng
        Draws the intervals, see `weaksup.intervals.bootstrap_interval`.

    Raises
    ------
    ShapeMismatchError
        If nothing was judged in both, or format or span differ.
    """
    if ours.truth.format.landmarks != theirs.truth.format.landmarks or ours.span != theirs.span:
        raise ShapeMismatchError("two evaluations are compared by one format and one span")
    place = {name: row for row, name in enumerate(theirs.truth.samples["shape_id"])}
    ids = ours.truth.samples["shape_id"]
    rows = [row for row, name in enumerate(ids) if name in place]
    first, second = ours.errors[rows], theirs.errors[[place[ids[row]] for row in rows]]
    both = ~np.isnan(first) & ~np.isnan(second)
    if not both.any():
        raise ShapeMismatchError("no landmark of any shape was judged in both")
    first, second = np.where(both, first, np.nan), np.where(both, second, np.nan)
    subjects = ours.truth.samples["subject"].iloc[rows].tolist()
    pairs = zip(image_rates(first).items(), image_rates(second).values(), strict=True)
    change = image_errors(first) - image_errors(second)
    judged = ~np.isnan(change)
    a, b = image_errors(first.T), image_errors(second.T)
    names = ours.truth.format.landmarks
    return Difference(
        rates(first),
        rates(second),
        {name: bootstrap_interval(x - y, subjects, rng=rng) for (name, x), y in pairs},
        {names[i]: (float(a[i]), float(b[i])) for i in np.flatnonzero(both.any(axis=0))},
        int(judged.sum()),
        float((change[judged] < 0).mean()),
        ours.span,
    )
