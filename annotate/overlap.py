"""The copies of a project's shapes: what several people marked, put side by side."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotate.agreement import Agreement, agreement, consensus
from annotate.labelling import arrays_from_points
from annotate.store import AnnotationStore, Item, Project, Status
from annotate.tasks import Document
from datasets.errors import StoreError
from datasets.formats import LandmarkFormat, SparseFormat
from datasets.metrics import BOX


@dataclass(frozen=True, slots=True)
class ProjectAgreement:
    """Agreement on the project's m landmarks.

    Parameters
    ----------
    shapes
        How many shapes that were marked by more than one person it is taken from.
    unit
        What is 100 percent: the name of a span of the format, or ``"box"``.
    """

    shapes: int
    unit: str
    landmarks: Agreement


def agreement_of(
    store: AnnotationStore, project: Project, most_shapes: int | None = None
) -> ProjectAgreement:
    """How far people agree on the shapes that more than one of them marked.

    The length that counts is the format's first span where both its ends are marked, between their
    places by consensus; else the square root of the area of the picture's box, or where it has none
    of the consensus' box.

    Parameters
    ----------
    most_shapes
        Look at no more than these, evenly spread over the project; None: at all.

    Raises
    ------
    StoreError
        If no shape was marked by two.
    """
    dense, chosen = project.sparse.dense, list(project.sparse.chosen)
    unit = measure_of(project.sparse)
    groups = _groups(store, project, most_shapes)
    K = max((len(group) for group in groups), default=0)
    points = np.full((K, len(groups), len(chosen), 2), np.nan)
    visibility = np.zeros(points.shape[:3], np.uint8)
    decided = np.zeros(points.shape[:3], bool)
    for row, group in enumerate(groups):
        for copy, document in enumerate(group):
            place, seen = arrays_from_points(document.points(len(chosen)), chosen, len(dense))
            points[copy, row], visibility[copy, row] = place[chosen], seen[chosen]
            decided[copy, row] = _decided(document, len(chosen))
    agreed_on = np.full((len(groups), len(dense), 2), np.nan)
    agreed_on[:, chosen], _ = consensus(points, visibility, decided)
    lengths = np.array(
        [
            length_of(g[0].item, place, dense, unit)
            for g, place in zip(groups, agreed_on, strict=True)
        ]
    )
    usable = lengths > 0
    if not usable.any():
        raise StoreError(f"{project.name}: no shape was marked by two people yet")
    found = agreement(points[:, usable], lengths[usable], decided[:, usable])
    return ProjectAgreement(int(usable.sum()), unit, found)


def measure_of(sparse: SparseFormat) -> str:
    """What is 100 percent: the format's first span where both its ends are marked, or the box."""
    name = sparse.dense.default_span
    span = sparse.dense.spans.get(name or "")
    return name if name and span is not None and set(span) <= set(sparse.chosen) else BOX


def agreed(
    group: list[Document], dense: LandmarkFormat, chosen: list[int]
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """The consensus of the copies of a shape, as a dense shape: (M, 2) and (M,)."""
    arrays = [arrays_from_points(d.points(len(chosen)), chosen, len(dense)) for d in group]
    decided = np.zeros((len(group), len(dense)), bool)
    for copy, document in enumerate(group):
        decided[copy, chosen] = _decided(document, len(chosen))
    return consensus(np.stack([a for a, _ in arrays]), np.stack([b for _, b in arrays]), decided)


def _groups(
    store: AnnotationStore, project: Project, most_shapes: int | None
) -> list[list[Document]]:
    """The labelled copies of each shape that has several."""
    by_shape: dict[str, list[Document]] = {}
    for item, revision in store.worklog.shared(project, most_shapes):
        document = Document(item, revision)
        if document.labelled and document.status is not Status.SKIPPED:
            by_shape.setdefault(item.content.shape_id, []).append(document)
    return [group for group in by_shape.values() if len(group) > 1]


def _decided(document: Document, m: int) -> list[bool]:
    return [point is not None for point in document.points(m)]


def length_of(item: Item, place: NDArray[np.float64], dense: LandmarkFormat, unit: str) -> float:
    """100 percent in pixels, for a dense shape (M, 2) in the picture; NaN where nothing tells."""
    if unit != BOX:
        start, end = dense.spans[unit]
        return float(np.linalg.norm(place[start] - place[end]))
    box = item.content.box
    if box is not None:
        x_min, y_min, x_max, y_max = box
        return float(np.sqrt((x_max - x_min) * (y_max - y_min)))
    found = place[np.isfinite(place).all(axis=1)]
    return float(np.sqrt(np.prod(np.ptp(found, axis=0)))) if len(found) else float("nan")
