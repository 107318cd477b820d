"""Ghosts in the database: what a model predicted for the items of a project, copied.

They are copies, so that the data set they came from may change or go; a project has those of one
data set at a time.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from annotate.labelling import Point, point_from_json, point_to_json
from annotate.store import tables
from annotate.store.records import Item

Points = tuple[Point | None, ...]


@dataclass(frozen=True, slots=True)
class GhostSource:
    """Which predictions a project shows: their name, for how many pictures, and since when."""

    name: str
    pictures: int
    created: float


def replace_ghosts(
    connection: sa.Connection, project: int, name: str, ghosts: Mapping[int, Points]
) -> None:
    """Put these ghosts in the place of all that a project has; none are put where there are none.

    Parameters
    ----------
    project
        Number of the project.
    name
        Of the predictions.
    ghosts
        By the item's number: m entries, None = no ghost.
    """
    ours = sa.select(tables.item.c.id).where(tables.item.c.project_id == project)
    connection.execute(sa.delete(tables.ghost).where(tables.ghost.c.item_id.in_(ours)))
    created = time.time()
    rows = [
        {
            "item_id": item,
            "source": name,
            "points": [point_to_json(point) for point in points],
            "created": created,
        }
        for item, points in ghosts.items()
    ]
    if rows:
        connection.execute(sa.insert(tables.ghost), rows)


def read_ghosts(connection: sa.Connection, items: Sequence[Item]) -> dict[int, Points]:
    """The ghosts of these items of one project that have some, by the item's number."""
    positions = [item.position for item in items]
    query = (
        sa.select(tables.ghost)
        .join(tables.item, tables.item.c.id == tables.ghost.c.item_id)
        .where(
            tables.item.c.project_id == items[0].project,
            tables.item.c.position.between(min(positions), max(positions)),
        )
    )
    asked = {item.id for item in items}
    return {
        row.item_id: tuple(point_from_json(value) for value in row.points)
        for row in connection.execute(query)
        if row.item_id in asked
    }


def read_source(connection: sa.Connection, project: int) -> GhostSource | None:
    """Where the ghosts of a project come from; None where it has none."""
    query = (
        sa.select(tables.ghost.c.source, sa.func.count(), sa.func.max(tables.ghost.c.created))
        .join(tables.item, tables.item.c.id == tables.ghost.c.item_id)
        .where(tables.item.c.project_id == project)
        .group_by(tables.ghost.c.source)
    )
    row = connection.execute(query).first()
    return None if row is None else GhostSource(row[0], int(row[1]), float(row[2]))
