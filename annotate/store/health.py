"""What can be wrong in a store, found by looking at everything in it."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from annotate.labelling import is_complete, within_reach
from annotate.store.annotation_store import AnnotationStore
from annotate.store.engine import clear_errors
from annotate.store.records import Item, Project, Revision, Status
from datasets.errors import FileFormatError, StoreError
from datasets.images import read_image
from datasets.shapes import Visibility


def faults(store: AnnotationStore) -> Iterator[str]:
    """One line for each fault: the database, revisions, points, picture files."""
    yield from _database_faults(store.engine)
    for project in store.projects():
        revisions: dict[int, list[Revision]] = {}
        for revision in store.history(project):
            revisions.setdefault(revision.item, []).append(revision)
        for item in store.items(project):
            place = f"{project.name}, picture {item.position + 1} ({item.content.shape_id})"
            for fault in _item_faults(project, item, revisions.get(item.id, ())):
                yield f"{place}: {fault}"


def _database_faults(engine: sa.Engine) -> Iterator[str]:
    if engine.dialect.name != "sqlite":
        return
    with clear_errors(), engine.begin() as connection:
        for (text,) in connection.exec_driver_sql("PRAGMA integrity_check"):
            if text != "ok":
                yield f"database: {text}"
        for row in connection.exec_driver_sql("PRAGMA foreign_key_check"):
            yield f"database: row {row[1]} of {row[0]} belongs to no {row[2]}"


def _item_faults(project: Project, item: Item, revisions: Sequence[Revision]) -> Iterator[str]:
    numbers = [revision.number for revision in revisions]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"revisions are numbered {numbers}, expected 1 to {len(numbers)}"
    for revision in revisions:
        for fault in _revision_faults(project, item, revision):
            yield f"revision {revision.number}: {fault}"
    picture_fault = _picture_fault(item)
    if picture_fault is not None:
        yield picture_fault


def _revision_faults(project: Project, item: Item, revision: Revision) -> Iterator[str]:
    names = project.sparse.names
    if len(revision.points) != len(names):
        yield f"has {len(revision.points)} points, expected {len(names)}"
        return
    size = item.content.height_px, item.content.width_px
    for name, point in zip(names, revision.points, strict=True):
        if point is None or point.visibility is Visibility.ABSENT:
            continue
        if not within_reach(point.x, point.y, *size):
            yield f"{name} at ({point.x:g}, {point.y:g}) is too far outside the picture"
    if revision.status is Status.DONE and not is_complete(revision.points):
        yield "is called done and has undecided landmarks"


def _picture_fault(item: Item) -> str | None:
    image = item.content.image
    try:
        height_px, width_px = read_image(image).shape[:2]
    except (FileFormatError, StoreError, OSError):
        return f"{image}: {'cannot be read' if image.is_file() else 'is missing'}"
    was = item.content.height_px, item.content.width_px
    if (height_px, width_px) != was:
        now = f"{width_px} x {height_px}"
        return f"{image}: has {now} pixels, was {was[1]} x {was[0]} when the project was made"
    return None
