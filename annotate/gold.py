"""Gold pictures: where their true points come from, and how far an answer lies from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotate.labelling import arrays_from_points, points_from_arrays
from annotate.overlap import length_of, measure_of
from annotate.store import AnnotationStore, GoldAnswer, GoldPlan, Project, Status, Verdict
from annotate.store.copies import evenly_spread
from annotate.tasks import documents
from datasets.dataset import LandmarkDataset
from datasets.errors import ShapeMismatchError, StoreError

_GOOD = (Verdict.ACCEPTED, Verdict.FIXED)


@dataclass(frozen=True, slots=True, eq=False)
class Feedback:
    """How far an answer lies from the true points.

    Parameters
    ----------
    px, percent
        float64 (m,), distance on each landmark in pixels and in percent of `unit`; NaN where
        either has no place.
    unit
        What is 100 percent: a span of the format, or ``"box"``.
    """

    px: NDArray[np.float64]
    percent: NDArray[np.float64]
    unit: str

    @property
    def nme_percent(self) -> float | None:
        """Mean over the landmarks; None where none can be compared."""
        known = self.percent[np.isfinite(self.percent)]
        return float(known.mean()) if len(known) else None


def feedback(project: Project, answer: GoldAnswer) -> Feedback:
    """How far an answer lies from the true points, in the unit in which agreement is told."""
    dense, chosen = project.sparse.dense, list(project.sparse.chosen)
    truth, _ = arrays_from_points(answer.truth, chosen, len(dense))
    found, _ = arrays_from_points(answer.labels.points, chosen, len(dense))
    px = np.linalg.norm(found - truth, axis=1)[chosen]
    unit = measure_of(project.sparse)
    length = length_of(answer.item, truth, dense, unit)
    percent = px / length * 100 if length > 0 else np.full(len(px), np.nan)
    return Feedback(px, percent, unit)


def gold_from_project(
    store: AnnotationStore,
    project: Project,
    every: int,
    pictures: int,
    *,
    reviewed: bool = False,
    shapes: Sequence[str] = (),
) -> GoldPlan:
    """Make finished pictures of a project gold.

    Parameters
    ----------
    every
        Every so many pictures people get one.
    pictures
        How many, evenly spread over the project; those that are gold already are not counted.
    reviewed
        Only pictures that a reviewer accepted or mended.
    shapes
        Names of these shapes instead; `pictures` does not count then.

    Raises
    ------
    StoreError
        If there are no such pictures, or `every` makes no sense.
    """
    finished = {
        document.item.content.shape_id: document.points(len(project.sparse))
        for document in documents(store, project, count=None)
        if document.status is Status.DONE and document.labelled and document.item.copy == 1
        and (not reviewed or (document.review is not None and document.review.verdict in _GOOD))
    }  # fmt: skip
    what = "accepted by a reviewer" if reviewed else "finished"
    missing = sorted(set(shapes) - set(finished))
    if missing:
        raise StoreError(f"{project.name}: {missing[0]!r} is no picture that is {what}")
    if not finished:
        way_out = "; take finished pictures or a data set instead" if reviewed else ""
        raise StoreError(f"{project.name}: no picture is {what} yet{way_out}")
    names = list(shapes) or _some(list(finished), pictures)
    return store.golds.set(project, every, {name: finished[name] for name in names})


def gold_from_dataset(
    store: AnnotationStore, project: Project, every: int, pictures: int, truth: LandmarkDataset
) -> GoldPlan:
    """Make pictures gold whose landmarks are known: complete shapes of a data set, by their names.

    Raises
    ------
    ShapeMismatchError
        If the landmark formats differ.
    StoreError
        If no complete shape is in the project, or `every` makes no sense.
    """
    dense = project.sparse.dense
    if truth.format.landmarks != dense.landmarks:
        problem = f"the true points are of {truth.format.name}, the project's of {dense.name}"
        raise ShapeMismatchError(problem)
    place = {
        str(name): row
        for row, name in enumerate(truth.samples["shape_id"])
        if truth.shapes.complete[row]
    }
    ours = [item.content.shape_id for item in store.items(project) if item.copy == 1]
    common = [name for name in ours if name in place]
    if not common:
        problem = f"{project.name}: no picture is a complete shape of the data set"
        raise StoreError(f"{problem}, which has names like {next(iter(place), 'nothing')!r}")
    shapes, chosen = truth.shapes, project.sparse.chosen
    rows = {name: place[name] for name in _some(common, pictures)}
    points = {
        name: points_from_arrays(shapes.points[row, :, :2], shapes.visibility[row], chosen)
        for name, row in rows.items()
    }
    return store.golds.set(project, every, points)


def _some(names: list[str], count: int) -> list[str]:
    return [names[place] for place in evenly_spread(len(names), min(count, len(names)))]
