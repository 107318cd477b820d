"""Rows of the tables as values, and back."""

import tomllib
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import tomli_w

from annotate.labelling import point_from_json, point_to_json
from annotate.store.records import Draft, Item, NewItem, Project, Revision, Status
from datasets.errors import StoreError
from datasets.formats import SparseFormat, format_from_table, table_from_format

Row = sa.Row[Any]


def row_from_sparse(sparse: SparseFormat) -> dict[str, Any]:
    """The three columns that hold a sparse format."""
    return {
        "format": tomli_w.dumps(table_from_format(sparse.dense)),
        "chosen": list(sparse.chosen),
        "represented_by": list(sparse.represented_by),
    }


def project_from_row(row: Row) -> Project:
    """A row of ``project``."""
    try:
        dense = format_from_table(tomllib.loads(row.format))
        sparse = SparseFormat(dense, tuple(row.chosen), tuple(row.represented_by))
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"project {row.name!r}: its landmarks are damaged: {error}") from error
    guide = None if row.guide is None else tuple((float(x), float(y)) for x, y in row.guide)
    return Project(row.id, row.name, sparse, guide, bool(row.archived), row.created)


def row_from_item(content: NewItem, home: Path | None) -> dict[str, Any]:
    """The columns of ``item`` that do not come from its place in a project.

    A picture below `home`, the folder of the store, is kept relative to it: the folder may move.
    """
    image = content.image
    if home is not None and image.is_relative_to(home):
        image = image.relative_to(home)
    return {
        "shape_id": content.shape_id,
        "image": image.as_posix(),
        "height_px": content.height_px,
        "width_px": content.width_px,
        "box": None if content.box is None else list(content.box),
        "split": content.split,
        "subject": content.subject,
    }


def item_from_row(row: Row, home: Path | None) -> Item:
    """A row of ``item``; see `row_from_item`."""
    box = None if row.box is None else tuple(float(edge) for edge in row.box)
    content = NewItem(
        shape_id=row.shape_id,
        image=Path(row.image) if home is None else home / row.image,
        height_px=row.height_px,
        width_px=row.width_px,
        box=box,  # type: ignore[arg-type]  # four edges, as written by row_from_item
        split=row.split,
        subject=row.subject,
    )
    return Item(row.id, row.project_id, row.position, content, row.copy)


def row_from_draft(draft: Draft, number: int, created: float) -> dict[str, Any]:
    """The row of ``revision`` that a draft becomes."""
    return {
        "item_id": draft.item,
        "number": number,
        "annotator": draft.annotator,
        "writer": draft.writer,
        "sequence": draft.sequence,
        "base": draft.base,
        "points": [point_to_json(point) for point in draft.points],
        "status": draft.status.value,
        "flag": draft.flag,
        "active_ms": draft.active_ms,
        "created": created,
    }


def revision_from_row(row: Row) -> Revision:
    """A row of ``revision``."""
    return Revision(
        item=row.item_id,
        number=row.number,
        annotator=row.annotator,
        writer=row.writer,
        sequence=row.sequence,
        base=row.base,
        points=tuple(point_from_json(value) for value in row.points),
        status=Status(row.status),
        flag=bool(row.flag),
        active_ms=row.active_ms,
        created=row.created,
    )
