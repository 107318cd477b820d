"""The copies of a project's shapes: what several people marked, put side by side."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotate.agreement import Agreement, agreement, consensus
from annotate.labelling import arrays_from_points
from annotate.store import AnnotationStore, Project, Status
from annotate.tasks import Document, documents
from datasets.errors import StoreError
from datasets.formats import LandmarkFormat


@dataclass(frozen=True, slots=True)
class ProjectAgreement:
    """Agreement on the project's m landmarks.

    Parameters
    ----------
    shapes
        How many shapes were marked by more than one person.
    unit
        What is 100 percent: the name of a span of the format, or ``"box"``.
    """

    shapes: int
    unit: str
    landmarks: Agreement


def agreement_of(store: AnnotationStore, project: Project) -> ProjectAgreement:
    """How far people agree on the shapes that more than one of them marked.

    The length that counts is the format's first span where both its ends are marked, between their
    places by consensus; else the square root of the area of the picture's box, or where it has none
    of the consensus' box.

    Raises
    ------
    StoreError
        If no shape was marked by two.
    """
    dense, chosen = project.sparse.dense, list(project.sparse.chosen)
    span = dense.spans.get(dense.default_span or "")
    unit = dense.default_span if span is not None and set(span) <= set(chosen) else None
    groups = [group for group in _by_shape(store, project) if len(group) > 1]
    K = max((len(group) for group in groups), default=0)
    points = np.full((K, len(groups), len(chosen), 2), np.nan)
    decided = np.zeros(points.shape[:3], bool)
    lengths = np.full(len(groups), np.nan)
    for row, group in enumerate(groups):
        for copy, document in enumerate(group):
            place, _ = arrays_from_points(document.points(len(chosen)), chosen, len(dense))
            points[copy, row] = place[chosen]
            decided[copy, row] = _decided(document, len(chosen))
        lengths[row] = _length(group, dense, chosen, unit)
    usable = lengths > 0
    if not usable.any():
        raise StoreError(f"{project.name}: no shape was marked by two people yet")
    found = agreement(points[:, usable], lengths[usable], decided[:, usable])
    return ProjectAgreement(int(usable.sum()), unit or "box", found)


def agreed(
    group: list[Document], dense: LandmarkFormat, chosen: list[int]
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """The consensus of the copies of a shape, as a dense shape: (M, 2) and (M,)."""
    arrays = [arrays_from_points(d.points(len(chosen)), chosen, len(dense)) for d in group]
    decided = np.zeros((len(group), len(dense)), bool)
    for copy, document in enumerate(group):
        decided[copy, chosen] = _decided(document, len(chosen))
    return consensus(np.stack([a for a, _ in arrays]), np.stack([b for _, b in arrays]), decided)


def _by_shape(store: AnnotationStore, project: Project) -> list[list[Document]]:
    groups: dict[str, list[Document]] = {}
    for document in documents(store, project, count=None):
        if document.labelled and document.status is not Status.SKIPPED:
            groups.setdefault(document.item.content.shape_id, []).append(document)
    return list(groups.values())


def _decided(document: Document, m: int) -> list[bool]:
    return [point is not None for point in document.points(m)]


def _length(
    group: list[Document], dense: LandmarkFormat, chosen: list[int], unit: str | None
) -> float:
    """100 percent for the copies of a shape, in pixels; NaN where nothing tells."""
    place, _ = agreed(group, dense, chosen)
    if unit is not None:
        start, end = dense.spans[unit]
        return float(np.linalg.norm(place[start] - place[end]))
    box = group[0].item.content.box
    if box is not None:
        x_min, y_min, x_max, y_max = box
        return float(np.sqrt((x_max - x_min) * (y_max - y_min)))
    found = place[np.isfinite(place).all(axis=1)]
    return float(np.sqrt(np.prod(np.ptp(found, axis=0)))) if len(found) else float("nan")
