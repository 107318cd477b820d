"""Between data sets and the store: projects from pictures, labels in, labels out."""

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotate.labelling import Point, points_from_arrays
from annotate.overlap import agreed
from annotate.store import AnnotationStore, Draft, Item, NewItem, Project
from annotate.tasks import Document, documents, status_of
from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError, ShapeMismatchError, StoreError
from datasets.formats import SparseFormat
from datasets.io.samples import with_sizes
from datasets.progress import Progress, ignore_progress
from datasets.samples import sample_table
from datasets.shapes import ShapeSet

_LONGEST_NAME = 100
MOST_LANDMARKS = 2500
"""More do not fit into what a browser may send of one picture, see `annotate.requests.MAX_BODY`."""

_WRITER = "fewmark"
"""Writer of what commands save; people's browsers draw random names."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the rows of a data set that was brought into a project."""

    saved: int
    labelled_before: int
    unknown: int


def create_project(
    store: AnnotationStore,
    name: str,
    sparse: SparseFormat,
    dataset: LandmarkDataset,
    *,
    guide: NDArray[np.float64] | None = None,
    on_progress: Progress | None = None,
) -> Project:
    """A project with one item for every row of a data set; its landmarks are not taken over.

    Parameters
    ----------
    store
        Where it is added.
    name
        Unique in the store, see `require_project_name`.
    sparse
        What is marked.
    dataset
        Rows with pictures; of its shapes only the format matters.
    guide
        float64 (M, 2), a typical shape shown to annotators, y down, in any scale
        (see `mean_guide`).

    Raises
    ------
    ShapeMismatchError
        If the data set's format is not the sparse format's dense one, or a row has no picture.
    FileFormatError
        If a picture is missing or cannot be read.
    StoreError
        If the name is not good or taken, or there is no row.
    """
    require_project_name(name)
    return add_project(store, name, sparse, new_items(sparse, dataset, on_progress), guide)


def require_project_name(name: str) -> None:
    """Refuse a project's name that cannot be shown in one line.

    Raises
    ------
    StoreError
        If it is empty or long, or has spaces around it or control characters.
    """
    _require_plain(name, "a project")


def free_project_name(store: AnnotationStore, like: str | None = None) -> str:
    """A name to propose, which no project has: like this one, or any."""
    taken = {project.name for project in store.projects()}
    numbered = (f"{like or 'project'}-{k}" for k in itertools.count(1))
    first = [] if like is None else [like]
    return next(name for name in itertools.chain(first, numbered) if name not in taken)


def _require_plain(name: str, what: str) -> None:
    if not (0 < len(name) <= _LONGEST_NAME and name.isprintable() and name == name.strip()):
        problem = f"expected 1 to {_LONGEST_NAME} letters, digits and signs, spaces only between"
        raise StoreError(f"{name[:40]!r} is no good name for {what}: {problem}")


def new_items(
    sparse: SparseFormat, dataset: LandmarkDataset, on_progress: Progress | None = None
) -> list[NewItem]:
    """The items of a project to be: everything about it that can be wrong before it is stored.

    Raises
    ------
    FewmarkError
        As `create_project`, but for the name.
    """
    if len(dataset) == 0:
        raise StoreError("a project needs at least one picture, and none is left to mark in")
    if dataset.format.landmarks != sparse.dense.landmarks:
        problem = f"the data set has landmarks of {dataset.format.name}, "
        raise ShapeMismatchError(problem + f"the sparse format of {sparse.dense.name}")
    if len(sparse) > MOST_LANDMARKS:
        problem = f"{len(sparse)} landmarks in a picture, and people can mark {MOST_LANDMARKS}"
        raise StoreError(f"{problem}; choose fewer of the {len(sparse.dense)}")
    sized = with_sizes(dataset, on_progress or ignore_progress)
    return [_new_item(sized, row) for row in range(len(sized))]


def add_project(
    store: AnnotationStore,
    name: str,
    sparse: SparseFormat,
    items: Sequence[NewItem],
    guide: NDArray[np.float64] | None = None,
) -> Project:
    """Store a project of `new_items`; see `create_project`."""
    points = None if guide is None else [(float(x), float(y)) for x, y in guide]
    return store.create_project(name, sparse, items, points)


def _new_item(dataset: LandmarkDataset, row: int) -> NewItem:
    path = Path(os.path.normpath(dataset.image_path(row).absolute()))
    if not path.is_file():
        raise FileFormatError(path, None, "there is no such picture")
    sample = dataset.samples.iloc[row]
    return NewItem(
        shape_id=str(sample["shape_id"]),
        image=path,
        height_px=int(sample["height_px"]),
        width_px=int(sample["width_px"]),
        box=dataset.box(row),
        split=_text(sample["split"]),
        subject=_text(sample["subject"]),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def mean_guide(shapes: ShapeSet) -> NDArray[np.float64] | None:
    """A typical shape to show to annotators: the mean of the complete shapes, each scaled alike.

    Every shape is centred and divided by its root mean square distance from its centre, so that
    large pictures weigh no more than small ones.

    Returns
    -------
    float64 (M, 2) without unit, y down, or None where no shape is complete.
    """
    points = shapes.points[shapes.complete][:, :, :2]
    if not len(points):
        return None
    centred = points - points.mean(axis=1, keepdims=True)
    size = np.sqrt((centred**2).sum(axis=2).mean(axis=1))
    usable = size > 0
    if not usable.any():
        return None
    return np.asarray((centred[usable] / size[usable, None, None]).mean(axis=0))


def import_dataset(
    store: AnnotationStore,
    project: Project,
    dataset: LandmarkDataset,
    *,
    annotator: str = "imported",
) -> Imported:
    """Take over the landmarks of a data set as first labels, joined by ``shape_id``.

    An item that has labels keeps them. Landmarks that are absent in the data set are left
    undecided, as it does not say whether they cannot be seen or were never marked.

    Raises
    ------
    ShapeMismatchError
        If the landmark formats differ or no shape is in both.
    StoreError
        If the annotator's name cannot be shown in one line.
    """
    _require_plain(annotator, "an annotator")
    dense = project.sparse.dense
    if dataset.format.landmarks != dense.landmarks:
        raise ShapeMismatchError(f"cannot import {dataset.format.name} into {dense.name}")
    items = documents(store, project, count=None)
    require_common(items, dataset)
    place = {str(name): row for row, name in enumerate(dataset.samples["shape_id"])}
    drafts, before = [], 0
    for document in items:
        row = place.pop(document.item.content.shape_id, None)
        if row is None:
            continue
        if document.revision is not None:
            before += 1
            continue
        position = dataset.shapes.points[row, :, :2]
        points = points_from_arrays(position, dataset.shapes.visibility[row], project.sparse.chosen)
        if any(point is not None for point in points):
            drafts.append(first_draft(document.item.id, annotator, points))
    store.save_all(drafts)
    return Imported(len(drafts), before, len(place))


def require_common(items: Sequence[Document], dataset: LandmarkDataset) -> None:
    """Refuse to join a project and a data set that have no shape in common by its name.

    Raises
    ------
    ShapeMismatchError
        With a name of each side.
    """
    ours = [document.item.content.shape_id for document in items]
    theirs = [str(name) for name in dataset.samples["shape_id"]]
    if set(ours).isdisjoint(theirs):
        here, there = (repr(names[0]) if names else "nothing" for names in (ours, theirs))
        problem = f"no shape is in both: the project has names like {here}, the data set {there}"
        raise ShapeMismatchError(problem)


def first_draft(item: int, annotator: str, points: tuple[Point | None, ...]) -> Draft:
    """The first labels of an item, as a command saves them."""
    return Draft(item, annotator, f"{_WRITER}-{annotator}", 1, 0, points, status_of(points))


def exported_documents(
    store: AnnotationStore, project: Project, *, done_only: bool = False
) -> list[Document]:
    """The documents whose labels `export_dataset` takes: answers to gold pictures are none."""
    wanted = {"done"} if done_only else {"done", "open"}
    return [
        document
        for document in documents(store, project, count=None)
        if document.labelled and document.status in wanted and not document.item.is_gold
    ]


def _exported_name(item: Item, *, all_copies: bool) -> str:
    shape_id = item.content.shape_id
    return f"{shape_id}#{item.copy}" if all_copies and item.copy > 1 else shape_id


def export_dataset(
    store: AnnotationStore,
    project: Project,
    *,
    done_only: bool = False,
    all_copies: bool = False,
) -> LandmarkDataset:
    """The labels of a project as a data set in its dense format; what nobody marked is absent.

    Of a shape that several people marked there is one row, their consensus (see
    `annotate.agreement.consensus`), or with `all_copies` one for each, named ``shape#2`` from the
    second on.

    Items without a placed landmark are left out, skipped ones too; `done_only` leaves out those
    that are not complete as well.

    Raises
    ------
    StoreError
        If there is nothing to export.
    """
    found = exported_documents(store, project, done_only=done_only)
    if not found:
        raise StoreError(
            f"{project.name}: no picture is labelled yet, so there is nothing to export"
        )
    dense, chosen = project.sparse.dense, project.sparse.chosen
    groups: dict[str, list[Document]] = {}
    for document in found:
        groups.setdefault(_exported_name(document.item, all_copies=all_copies), []).append(document)
    arrays = [agreed(group, dense, list(chosen)) for group in groups.values()]
    shapes = ShapeSet(dense, np.stack([a for a, _ in arrays]), np.stack([b for _, b in arrays]))
    contents = [group[0].item.content for group in groups.values()]
    root = Path(os.path.commonpath([content.image.parent for content in contents]))
    boxes = np.array([content.box or (np.nan,) * 4 for content in contents])
    splits: list[Any] = [content.split for content in contents]
    subjects: list[Any] = [content.subject for content in contents]
    samples = sample_table(
        list(groups),
        [content.image.relative_to(root).as_posix() for content in contents],
        height_px=[content.height_px for content in contents],
        width_px=[content.width_px for content in contents],
        box_x_min=boxes[:, 0],
        box_y_min=boxes[:, 1],
        box_x_max=boxes[:, 2],
        box_y_max=boxes[:, 3],
        split=splits,
        subject=subjects,
    )
    return LandmarkDataset(shapes, samples, root)
