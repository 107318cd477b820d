"""Copies of items: the same shape marked by several people, to learn how far they agree."""

import sqlalchemy as sa

from annotate.store import tables
from annotate.store.leases import lock_project
from annotate.store.records import CopyError
from datasets.errors import StoreError

_MOST_COPIES = 100
"""Nothing is ever deleted: a slip must not fill the store with copies for nobody."""


def add_copies(connection: sa.Connection, project: int, copies: int, share: float) -> int:
    """Add what is missing so that a share of the shapes has so many copies; returns how many.

    Copies have the ghosts of their picture: else people would differ by what they were shown.

    Raises
    ------
    StoreError
        If the numbers make no sense.
    """
    if not 1 <= copies <= _MOST_COPIES or not 0 < share <= 1:
        expected = f"1 to {_MOST_COPIES} copies and 0 < share <= 1"
        problem = f"expected {expected}, found {copies} and {share:g}"
        raise StoreError(problem)
    lock_project(connection, project)
    query = sa.select(tables.item).where(tables.item.c.project_id == project)
    found = connection.execute(query.order_by(tables.item.c.position)).all()
    known = {(row.shape_id, row.copy) for row in found}
    originals = [row for row in found if row.copy == 1]
    chosen = evenly_spread(len(originals), max(1, round(share * len(originals))))
    wanted = [(originals[place], copy) for copy in range(2, copies + 1) for place in chosen]
    missing = [(row, copy) for row, copy in wanted if (row.shape_id, copy) not in known]
    added = []
    for position, (row, copy) in enumerate(missing, start=len(found)):
        columns = {name: value for name, value in row._mapping.items() if name != "id"}
        added.append({**columns, "copy": copy, "position": position})
    if added:
        connection.execute(sa.insert(tables.item), added)
        _haunt(connection, project, start=len(found))
    return len(added)


def _haunt(connection: sa.Connection, project: int, start: int) -> None:
    """Give copies, from a position on, the ghosts of the picture that they are copies of."""
    item, ghost, original = tables.item, tables.ghost, tables.item.alias()
    is_copy = sa.and_(
        original.c.project_id == item.c.project_id,
        original.c.shape_id == item.c.shape_id,
        original.c.copy == 1,
    )
    columns = item.c.id, ghost.c.source, ghost.c.points, ghost.c.created
    ghosts = (
        sa.select(*columns)
        .select_from(item.join(original, is_copy).join(ghost, ghost.c.item_id == original.c.id))
        .where(item.c.project_id == project, item.c.position >= start)
    )
    names = ["item_id", *(column.name for column in columns[1:])]
    connection.execute(sa.insert(ghost).from_select(names, ghosts))


def marked_copies(
    connection: sa.Connection, annotator: str, which: sa.ColumnElement[bool]
) -> dict[int, int]:
    """Of these items, those of which somebody has marked another copy and not this one.

    Returns
    -------
    dict
        Number of the item -> which copy they marked.
    """
    other, own = tables.item.alias("other"), tables.revision.alias("own")
    is_copy = sa.and_(
        other.c.project_id == tables.item.c.project_id,
        other.c.shape_id == tables.item.c.shape_id,
        other.c.id != tables.item.c.id,
        sa.and_(other.c.copy > 0, tables.item.c.copy > 0),  # gold ones are none
    )
    marked = sa.and_(
        tables.revision.c.item_id == other.c.id, tables.revision.c.annotator == annotator
    )
    is_own = sa.exists().where(own.c.item_id == tables.item.c.id, own.c.annotator == annotator)
    query = (
        sa.select(tables.item.c.id, sa.func.min(other.c.copy))
        .select_from(tables.item.join(other, is_copy).join(tables.revision, marked))
        .where(which, ~is_own)
        .group_by(tables.item.c.id)
    )
    return {row[0]: int(row[1]) for row in connection.execute(query)}


def require_no_other_copy(connection: sa.Connection, item: int, annotator: str) -> None:
    """Refuse an item to who marked another copy of it: nobody's clicks tell how far two agree.

    Raises
    ------
    CopyError
        If they did, and have not marked this one as well.
    """
    found = marked_copies(connection, annotator, tables.item.c.id == item)
    if found:
        raise CopyError(item, annotator, found[item])


def evenly_spread(count: int, chosen: int) -> list[int]:
    """So many of the places from 0 to `count`, at equal distances.

    Examples
    --------
    >>> evenly_spread(10, 3)
    [1, 5, 8]
    """
    return [(2 * k + 1) * count // (2 * chosen) for k in range(chosen)]
