"""Who works on which item: leases that end by themselves, so that two people never get the same.

A queue is the items of a project in their order, the copies of a shape beside each other. Where
pictures have a priority, those with the highest come first. Whoever asks for the next open items
holds them for a while; every save and every sign of life of the
canvas renews that. A lease that ended tells, for an item that is done, whose work it was.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from annotate.store import tables
from annotate.store.engine import Database, insert_or_update
from annotate.store.gold_turns import gold_turn, ordinary_position
from annotate.store.records import Item, Project, Status

LEASE_S = 15 * 60.0
"""How long an item is held after the last sign of life."""

_WAY = 24
"""How many items of the way are told at a time."""

Place = tuple[float | None, int, int]
"""A place in the queue: the priority and position of a shape's first copy, and which copy."""

_first = tables.item.alias("first")
_shape_position = _first.c.position.label("shape_position")
_rank = (_first.c.priority, _shape_position, tables.item.c.copy)
_order = (sa.nulls_last(_first.c.priority.desc()), _first.c.position, tables.item.c.copy)
# In this order, and with conditions on the first copy, databases go along the order of the
# project and stop where they have enough.
_queue = (
    _first.join(
        tables.item,
        sa.and_(
            tables.item.c.project_id == _first.c.project_id,
            tables.item.c.shape_id == _first.c.shape_id,
        ),
    )
    .outerjoin(tables.latest, tables.latest.c.item_id == tables.item.c.id)
    .outerjoin(tables.lease, tables.lease.c.item_id == tables.item.c.id)
)
_is_open = sa.or_(tables.latest.c.status.is_(None), tables.latest.c.status == Status.OPEN)


@dataclass(frozen=True, slots=True)
class Claim:
    """Items that are an annotator's, as positions in their project.

    Parameters
    ----------
    next_open
        What to mark next, in this order, and held for the annotator now: what a reviewer sent back
        to them, then what is open.
    way
        The way on from where the annotator is: those of `next_open` that follow, and between them
        what is done already, but not what is somebody else's.
    is_end
        Whether nothing follows the end of `way`.
    """

    next_open: tuple[int, ...]
    way: tuple[int, ...]
    is_end: bool


@dataclass(frozen=True, slots=True)
class _Asker:
    project: int
    annotator: str
    most_copies: int
    has_copies: bool


class Leases:
    """The leases of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(
        self,
        project: Project,
        annotator: str,
        count: int = 8,
        after: int | None = None,
        *,
        holds: bool = True,
    ) -> Claim:
        """Hold the next open items that nobody else holds, and tell the way to them.

        Of the copies of a shape one person gets one. Where the end of the project is reached, open
        items from its beginning follow.

        Parameters
        ----------
        count
            How many items at most.
        after
            Position at which the annotator is, who holds that item too where it is open and free;
            None before the first item.
        holds
            False for who only looks: nothing becomes theirs, and they get no gold pictures.
        """
        with self._database.writing() as connection:
            lock_project(connection, project.id)
            who = _asker(connection, project.id, annotator)
            now = self._database.clock()
            gold = gold_turn(connection, project.id, annotator, after, now) if holds else None
            base = ordinary_position(connection, project.id, after)
            place = _place(connection, project.id, base)
            found = self._free(connection, who, place, count)
            here = [] if after is None else _open_at(connection, project.id, after)
            golds = [] if gold is None else [gold.item]
            wanted = [*here, *golds, *(row.id for row in found)]
            taken = self.take(connection, wanted, annotator) if holds else set(wanted)
            claimed = [row.position for row in found if row.id in taken]
            way, is_end = self._way(connection, who, place)
            if gold is not None and gold.position != after:
                back = taken.intersection(_returned_to(connection, who))
                ahead = [row.position for row in found if row.id in back]  # these come first
                claimed = [*ahead, gold.position, *claimed[len(ahead) :]]
                way = [gold.position, *way] if gold.after == after else way
        return Claim(tuple(claimed), tuple(way), is_end)

    def take(self, connection: sa.Connection, items: Sequence[int], annotator: str) -> set[int]:
        """Hold items unless somebody else does; returns those that are held, by number."""
        if not items:
            return set()
        now = self._database.clock()
        insert = insert_or_update(connection, tables.lease)
        is_free = sa.or_(
            tables.lease.c.holder == insert.excluded.holder, tables.lease.c.expires <= now
        )
        changed = {"holder": insert.excluded.holder, "expires": insert.excluded.expires}
        upsert = insert.on_conflict_do_update(
            index_elements=["item_id"], set_=changed, where=is_free
        )
        taken = set()
        for item in sorted(items):  # in one order, so that two never wait for each other
            row = {"item_id": item, "holder": annotator, "expires": now + LEASE_S}
            if connection.scalar(upsert.values(row).returning(tables.lease.c.item_id)) is not None:
                taken.add(item)
        return taken

    def renew(self, item: int, annotator: str) -> bool:
        """Hold an item on, or take it where it is free; False where somebody else holds it."""
        with self._database.writing() as connection:
            return bool(self.take(connection, [item], annotator))

    def release(self, project: Project, annotator: str) -> None:
        """Give back everything that an annotator holds or held."""
        items = sa.select(tables.item.c.id).where(tables.item.c.project_id == project.id)
        gone = sa.delete(tables.lease).where(
            tables.lease.c.holder == annotator, tables.lease.c.item_id.in_(items)
        )
        with self._database.writing() as connection:
            connection.execute(gone)

    def holders(self, items: Sequence[Item]) -> dict[int, str]:
        """Who works on each of these items now or, where it is done, whose work it was."""
        if not items:
            return {}
        positions = [item.position for item in items]
        is_live = tables.lease.c.expires > self._database.clock()
        query = (
            sa.select(tables.lease.c.item_id, tables.lease.c.holder)
            .join(tables.item, tables.item.c.id == tables.lease.c.item_id)
            .outerjoin(tables.latest, tables.latest.c.item_id == tables.item.c.id)
            .where(
                tables.item.c.project_id == items[0].project,
                tables.item.c.position.between(min(positions), max(positions)),
                sa.or_(is_live, ~_is_open),
            )
        )
        with self._database.reading() as connection:
            return {row.item_id: row.holder for row in connection.execute(query)}

    def _free(
        self, connection: sa.Connection, who: _Asker, place: Place | None, count: int
    ) -> list[Any]:
        """Items that the annotator may have to mark: what was sent back, then what is open.

        Both in the order of the queue, from a place on.
        """
        one_of_each: dict[int, Any] = {}
        waits = sa.and_(_is_open, self._may_have(who))
        parts = [sa.and_(_is_after(place), waits), sa.and_(~_is_after(place), waits)]
        returned = _returned_to(connection, who)
        if returned:
            parts.insert(0, sa.and_(tables.item.c.id.in_(returned), ~self._is_held(who)))
        for part in parts:
            query = (
                sa.select(tables.item.c.id, tables.item.c.position, *_rank)
                .select_from(_queue)
                .where(_of(who.project), part)
                .order_by(*_order)
                .limit(count * who.most_copies)
            )
            if len(one_of_each) < count:
                for row in connection.execute(query):
                    one_of_each.setdefault(row.shape_position, row)
        return list(one_of_each.values())[:count]

    def _may_have(self, who: _Asker) -> sa.ColumnElement[bool]:
        """Whether an open item can be the annotator's."""
        if not who.has_copies:
            return ~self._is_held(who)
        return ~self._is_held(who) & ~self._has_a_copy(who.annotator)

    def _is_held(self, who: _Asker) -> sa.ColumnElement[bool]:
        """Whether somebody else holds an item."""
        is_live = tables.lease.c.expires > self._database.clock()
        held = sa.and_(tables.lease.c.holder != who.annotator, is_live)
        return sa.func.coalesce(held, sa.false())

    def _has_a_copy(self, annotator: str) -> sa.ColumnElement[bool]:
        """Whether the annotator works or worked on another copy of the item's shape."""
        other = tables.item.alias("other")
        is_other = sa.and_(
            other.c.project_id == tables.item.c.project_id,
            other.c.shape_id == tables.item.c.shape_id,
            other.c.id != tables.item.c.id,
        )
        marked = sa.exists().where(
            is_other,
            tables.revision.c.item_id == other.c.id,
            tables.revision.c.annotator == annotator,
        )
        lease = tables.lease.alias("other_lease")
        held = sa.exists().where(
            is_other,
            lease.c.item_id == other.c.id,
            lease.c.holder == annotator,
            lease.c.expires > self._database.clock(),
        )
        return sa.or_(marked, held)

    def _way(
        self, connection: sa.Connection, who: _Asker, place: Place | None
    ) -> tuple[list[int], bool]:
        """What follows a place and is not somebody else's, up to what is open and not held.

        Also whether that is the end of the queue.
        """
        others_work = sa.and_(tables.lease.c.holder != who.annotator, ~_is_open)
        query = (
            sa.select(
                tables.item.c.position, _is_open.label("is_open"), tables.lease.c.holder, *_rank
            )
            .select_from(_queue)
            .where(
                _of(who.project),
                _is_after(place),
                ~sa.func.coalesce(others_work, sa.false()),
                ~sa.and_(_is_open, ~self._may_have(who)),
            )
            .order_by(*_order)
            .limit(_WAY)
        )
        rows = connection.execute(query).all()
        sure = list(
            itertools.takewhile(lambda row: not row.is_open or row.holder == who.annotator, rows)
        )
        return [row.position for row in sure], len(sure) == len(rows) < _WAY


def _of(project: int) -> sa.ColumnElement[bool]:
    """The queue of a project; gold pictures are not in it, they come in between."""
    return sa.and_(_first.c.project_id == project, _first.c.copy == 1, tables.item.c.copy > 0)


def _returned_to(connection: sa.Connection, who: _Asker) -> list[int]:
    """Items whose labels, the annotator's, were sent back and not finished anew since then."""
    review, later = tables.review, tables.review.alias("later_review")
    judged = tables.revision.alias("judged")
    anew, newer = tables.revision.alias("anew"), tables.revision.alias("newer")
    has_later = sa.exists().where(
        later.c.item_id == review.c.item_id, later.c.number > review.c.number
    )
    is_last = ~sa.exists().where(newer.c.item_id == anew.c.item_id, newer.c.number > anew.c.number)
    is_finished_anew = sa.exists().where(
        anew.c.item_id == review.c.item_id,
        anew.c.number > review.c.revision,
        anew.c.status != Status.OPEN,
        is_last,
    )
    query = (
        sa.select(review.c.item_id)
        .join(
            judged,
            sa.and_(
                judged.c.item_id == review.c.item_id,
                judged.c.number == review.c.revision,
                judged.c.annotator == who.annotator,
            ),
        )
        .join(tables.item, tables.item.c.id == review.c.item_id)
        .where(
            tables.item.c.project_id == who.project,
            review.c.verdict == "returned",
            ~has_later,
            ~is_finished_anew,
        )
    )
    return list(connection.scalars(query))


def _is_after(place: Place | None) -> sa.ColumnElement[bool]:
    if place is None:
        return sa.true()
    priority, position, copy = place
    is_later_copy = sa.and_(_first.c.position == position, tables.item.c.copy > copy)
    is_later = sa.and_(
        _first.c.position >= position, sa.or_(_first.c.position > position, is_later_copy)
    )
    has_none = _first.c.priority.is_(None)
    if priority is None:
        return sa.and_(has_none, is_later)
    is_as_high = sa.and_(_first.c.priority == priority, is_later)
    return sa.or_(has_none, _first.c.priority < priority, is_as_high)


def _place(connection: sa.Connection, project: int, after: int | None) -> Place | None:
    """Place of a position in the queue; None: before all."""
    if after is None:
        return None
    query = sa.select(*_rank).select_from(_queue)
    row = connection.execute(query.where(_of(project), tables.item.c.position == after)).first()
    return (None, after, 0) if row is None else (row[0], row[1], row[2])


def _open_at(connection: sa.Connection, project: int, position: int) -> list[int]:
    query = sa.select(tables.item.c.id).select_from(_queue)
    here = (_of(project), tables.item.c.position == position, _is_open)
    return list(connection.scalars(query.where(*here)))


def _asker(connection: sa.Connection, project: int, annotator: str) -> _Asker:
    copy = tables.item.c.copy
    ends = sa.select(sa.func.min(copy), sa.func.max(copy))
    first, last = connection.execute(ends.where(tables.item.c.project_id == project)).one()
    return _Asker(project, annotator, last or 1, has_copies=(first, last) != (1, 1))


def lock_project(connection: sa.Connection, project: int) -> None:
    """Hold a project until the transaction ends: what gives out its items happens one by one."""
    row = sa.select(tables.project.c.id).where(tables.project.c.id == project)
    connection.execute(row.with_for_update(key_share=True))
