"""Ghosts: predicted points that are offered to annotators, and are no labels until accepted."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from annotate.exchange import require_common
from annotate.labelling import Point, points_from_arrays, within_reach
from annotate.store import AnnotationStore, Item, Project
from annotate.tasks import documents
from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError, ShapeMismatchError, StoreError
from datasets.formats import LandmarkFormat
from datasets.storage import HEADER_FILE, Header, read_header
from datasets.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Haunted:
    """What became of predictions: pictures with ghosts and without, and rows of no picture."""

    pictures: int
    without: int
    unknown: int


def set_ghosts(
    store: AnnotationStore, project: Project, predictions: LandmarkDataset, name: str
) -> Haunted:
    """Offer the predictions of a data set as ghosts, in the place of those that were there.

    They are joined by ``shape_id`` and copied: the data set may change or go later. Every copy of a
    picture has the same. What lies far outside the picture is no ghost. Labels are not touched.

    Parameters
    ----------
    predictions
        Shapes of the project's dense format.
    name
        What people call them.

    Raises
    ------
    ShapeMismatchError
        If the landmark formats differ or no shape is in both.
    StoreError
        If they have none of the landmarks that are marked.
    """
    dense = project.sparse.dense
    if predictions.format.landmarks != dense.landmarks:
        problem = f"{name} has landmarks of {predictions.format.name}, the project {dense.name}"
        raise ShapeMismatchError(problem)
    found = documents(store, project, count=None)
    require_common(found, predictions)
    place = {str(shape): row for row, shape in enumerate(predictions.samples["shape_id"])}
    ghosts = {}
    for item in (document.item for document in found):  # copies and gold pictures look like others
        row = place.get(item.content.shape_id)
        if row is not None:
            points = _ghosts(predictions, row, item, project.sparse.chosen)
            if any(point is not None for point in points):
                ghosts[item.id] = points
    if not ghosts:
        raise StoreError(f"{name} has none of the {len(project.sparse)} landmarks that are marked")
    store.set_ghosts(project, name, ghosts)
    pictures = [document.item for document in found if not document.item.is_gold]
    haunted = sum(item.id in ghosts for item in pictures)
    unknown = place.keys() - {document.item.content.shape_id for document in found}
    return Haunted(haunted, len(pictures) - haunted, len(unknown))


def _ghosts(
    predictions: LandmarkDataset, row: int, item: Item, chosen: Sequence[int]
) -> tuple[Point | None, ...]:
    shapes, content = predictions.shapes, item.content
    xy, seen = shapes.points[row, :, :2], shapes.visibility[row].copy()
    size = content.height_px, content.width_px
    seen[[not (np.isfinite(p).all() and within_reach(p[0], p[1], *size)) for p in xy]] = 0
    return points_from_arrays(xy, seen, chosen)


def predictions_of(workspace: Workspace, dense: LandmarkFormat) -> dict[str, Path]:
    """Data sets of a workspace that can be ghosts of a format, by the name people know them by.

    What runs predicted comes first, then data sets that a model made, then the others.
    """
    runs = {
        f"{path.parent.parent.parent.name}: {path.parent.name}": path.parent
        for run in workspace.run_names()
        for path in sorted((workspace.runs / run / "predictions").glob(f"*/{HEADER_FILE}"))
    }
    sets = {name: workspace.data / name for name in workspace.dataset_names()}
    headers = {name: _header(path) for name, path in (runs | sets).items()}
    fitting = {
        name: header
        for name, header in headers.items()
        if header is not None and header.format.landmarks == dense.landmarks
    }
    ordered = sorted(fitting, key=lambda name: (name not in runs, not fitting[name].inferred))
    return {name: (runs | sets)[name] for name in ordered}


def _header(folder: Path) -> Header | None:
    try:
        return read_header(folder)
    except FewmarkError:
        return None  # the Data page says what is wrong with it
