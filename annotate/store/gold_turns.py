"""Whose turn it is for a gold picture: when, which one, and the copy that is made of it.

Everything here happens while the project is held: see `lock_project`.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from annotate.store import tables
from annotate.store.records import OthersGoldError, Status


@dataclass(frozen=True, slots=True)
class Turn:
    """A gold picture that waits for an annotator: number and position of its item.

    `after` is the position of the ordinary picture that it follows; None: it is the first.
    """

    item: int
    position: int
    after: int | None


def gold_turn(
    connection: sa.Connection, project: int, annotator: str, after: int | None, now: float
) -> Turn | None:
    """The gold picture that waits for somebody who is at `after`, made where it is their turn."""
    plan = read_plan(connection, project)
    if plan is None:
        return None
    last = _last_answer(connection, project, annotator)
    if last is not None and last.finished is None:
        return Turn(last.item_id, last.position, last.after)
    since = plan.created if last is None else max(plan.created, last.finished)
    seen = _finished_since(connection, project, annotator, since)
    here = _ordinary_at(connection, project, after)
    if len(seen | here) < plan.every - 1:
        return None
    shape = _next_shape(connection, project, annotator, now)
    if shape is None:
        return None
    follows = next(iter(_positions(connection, here)), None)
    return _new_copy(connection, project, shape, annotator, follows, now)


def ordinary_position(connection: sa.Connection, project: int, position: int | None) -> int | None:
    """The same position, or of a gold picture that of the ordinary one it follows."""
    query = (
        sa.select(tables.gold_answer.c.after)
        .join(tables.item, tables.item.c.id == tables.gold_answer.c.item_id)
        .where(tables.item.c.project_id == project, tables.item.c.position == position)
    )
    row = None if position is None else connection.execute(query).first()
    return position if row is None else row.after


def require_own_gold(connection: sa.Connection, item: int, annotator: str) -> None:
    """Refuse the copy of a gold picture to everybody but who got it: it tells how exact they are.

    Raises
    ------
    OthersGoldError
        If somebody else got it.
    """
    query = sa.select(tables.gold_answer.c.annotator).where(tables.gold_answer.c.item_id == item)
    if connection.scalar(query) not in {None, annotator}:
        raise OthersGoldError(item)


def plan_of(project: int) -> sa.ColumnElement[bool]:
    """Whether a row of ``gold_plan`` is that of a project."""
    return tables.gold_plan.c.project_id == project


def read_plan(connection: sa.Connection, project: int) -> sa.Row[Any] | None:
    """The plan of a project with its number of gold pictures; None where none are handed out."""
    pictures = (
        sa.select(sa.func.count())
        .select_from(tables.gold)
        .where(tables.gold.c.project_id == project)
        .scalar_subquery()
        .label("pictures")
    )
    query = sa.select(tables.gold_plan, pictures).where(plan_of(project))
    return connection.execute(query).first()


def _last_answer(connection: sa.Connection, project: int, annotator: str) -> Any:  # noqa: ANN401 - a row, or None
    """The gold picture somebody got last, and when they finished or skipped it."""
    answer, item, revision = tables.gold_answer, tables.item, tables.revision
    finished = (
        sa.select(sa.func.min(revision.c.created))
        .where(revision.c.item_id == answer.c.item_id, revision.c.status != Status.OPEN)
        .scalar_subquery()
        .label("finished")
    )
    query = (
        sa.select(answer.c.item_id, answer.c.after, item.c.position, finished)
        .join(item, item.c.id == answer.c.item_id)
        .where(item.c.project_id == project, answer.c.annotator == annotator)
        .order_by(item.c.position.desc())
        .limit(1)
    )
    return connection.execute(query).first()


def _finished_since(
    connection: sa.Connection, project: int, annotator: str, since: float
) -> set[int]:
    """Ordinary items that somebody finished or skipped since then, by number."""
    revision, item = tables.revision, tables.item
    query = (
        sa.select(revision.c.item_id)
        .join(item, item.c.id == revision.c.item_id)
        .where(
            revision.c.annotator == annotator,
            revision.c.created > since,
            revision.c.status != Status.OPEN,
            item.c.project_id == project,
            item.c.copy > 0,
        )
        .distinct()
    )
    return set(connection.scalars(query))


def _ordinary_at(connection: sa.Connection, project: int, position: int | None) -> set[int]:
    item = tables.item
    here = (item.c.project_id == project, item.c.position == position, item.c.copy > 0)
    return set() if position is None else set(connection.scalars(sa.select(item.c.id).where(*here)))


def _positions(connection: sa.Connection, items: set[int]) -> list[int]:
    query = sa.select(tables.item.c.position).where(tables.item.c.id.in_(items))
    return list(connection.scalars(query)) if items else []


def _next_shape(connection: sa.Connection, project: int, annotator: str, now: float) -> str | None:
    """A gold shape of which somebody has neither marked nor holds a copy, in an order of their own.

    Drawn by a hash, so that people do not get the same one after another.
    """
    gold, item, revision, lease = tables.gold, tables.item, tables.revision, tables.lease
    copies = sa.and_(item.c.project_id == gold.c.project_id, item.c.shape_id == gold.c.shape_id)
    marked = sa.exists().where(
        copies, revision.c.item_id == item.c.id, revision.c.annotator == annotator
    )
    is_theirs = sa.and_(lease.c.holder == annotator, lease.c.expires > now)
    held = sa.exists().where(copies, lease.c.item_id == item.c.id, is_theirs)
    query = sa.select(gold.c.shape_id).where(gold.c.project_id == project, ~marked, ~held)

    def drawn(shape: str) -> bytes:
        return hashlib.sha256(f"{annotator}\0{shape}".encode()).digest()

    return min(connection.scalars(query), key=drawn, default=None)


def _new_copy(
    connection: sa.Connection,
    project: int,
    shape: str,
    annotator: str,
    after: int | None,
    now: float,
) -> Turn:
    item, ghost = tables.item, tables.ghost
    ours = item.c.project_id == project
    copies = sa.select(item).where(ours, item.c.shape_id == shape).order_by(item.c.copy)
    found = connection.execute(copies).all()
    first = next(row for row in found if row.copy > 0)
    last = connection.scalar(sa.select(sa.func.max(item.c.position)).where(ours)) or 0
    columns = {name: value for name, value in first._mapping.items() if name != "id"}
    columns |= {"copy": min(0, found[0].copy) - 1, "position": last + 1, "priority": None}
    number = connection.scalar(sa.insert(item).values(columns).returning(item.c.id))
    answer = {"item_id": number, "annotator": annotator, "after": after, "created": now}
    connection.execute(sa.insert(tables.gold_answer), {**answer, "revision": None})
    ghosts = connection.execute(sa.select(ghost).where(ghost.c.item_id == first.id)).first()
    if ghosts is not None:  # without them it would not look like the others
        connection.execute(sa.insert(ghost), {**ghosts._mapping, "item_id": number})
    return Turn(int(number or 0), last + 1, after)
