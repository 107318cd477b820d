"""Which pictures come first: a number for each, the highest first, none last."""

from collections.abc import Mapping

import sqlalchemy as sa

from annotate.store import tables


def replace_priorities(
    connection: sa.Connection, project: int, priorities: Mapping[int, float]
) -> None:
    """Put these priorities, by the item's number, in the place of all that a project has."""
    item = tables.item
    ours = item.c.project_id == project
    connection.execute(
        sa.update(item).where(ours, item.c.priority.is_not(None)).values(priority=None)
    )
    rows = [{"number": number, "value": float(value)} for number, value in priorities.items()]
    if rows:
        change = sa.update(item).where(ours, item.c.id == sa.bindparam("number"))
        connection.execute(change.values(priority=sa.bindparam("value")), rows)


def count_priorities(connection: sa.Connection, project: int) -> int:
    """How many pictures of a project have a priority."""
    item = tables.item
    query = sa.select(sa.func.count()).select_from(item)
    has_one = item.c.priority.is_not(None)
    return int(connection.scalar(query.where(item.c.project_id == project, has_one)) or 0)
