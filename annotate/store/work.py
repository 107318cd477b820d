"""How far the pictures of a project have come, and whose work that was: sums, not labels.

What is counted for a dashboard is summed by the database, so that a project of many thousand
pictures answers at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from annotate.store import rows, tables
from annotate.store.copies import evenly_spread
from annotate.store.engine import Database
from annotate.store.records import Item, Project, Revision, Status

_AT_ONCE = 5000
_ACCEPTED, _RETURNED = ("accepted", "fixed"), "returned"


@dataclass(frozen=True, slots=True)
class States:
    """How many pictures of a project are in which state.

    Parameters
    ----------
    total
        ``open + done + skipped``.
    flagged
        Those of any state with a flag.
    reviewed, returned
        Those whose current labels a reviewer accepted or mended, and those that were sent back
        and are not finished anew.
    """

    total: int
    open: int
    done: int
    skipped: int
    flagged: int
    reviewed: int
    returned: int


@dataclass(frozen=True, slots=True)
class Work:
    """What one person did in one picture.

    Parameters
    ----------
    item, annotator
        Which and who.
    active_s
        Time at work, in seconds.
    done
        When they first saved it as done, in seconds since 1970; None: never.
    """

    item: int
    annotator: str
    active_s: float
    done: float | None


class Worklog:
    """Who did how much in the projects of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def states(self, project: Project) -> States:
        """How many pictures are in which state, copies included."""
        latest, item = tables.latest, tables.item
        verdict = _last_verdicts()
        stands = verdict.c.revision == latest.c.number
        query = (
            sa.select(
                latest.c.status,
                latest.c.flag,
                sa.case((stands, verdict.c.verdict)).label("now"),
                verdict.c.verdict,
                sa.func.count().label("number"),
            )
            .select_from(
                item.outerjoin(latest, latest.c.item_id == item.c.id).outerjoin(
                    verdict, verdict.c.item_id == item.c.id
                )
            )
            .where(item.c.project_id == project.id, item.c.copy > 0)
            .group_by(sa.text("1, 2, 3, 4"))
        )
        with self._database.reading() as connection:
            found = connection.execute(query).all()
        return _summed(found)

    def work(self, project: Project) -> list[Work]:
        """What each person did in each picture, in no order.

        Time is counted since a revision's base: of two revisions of one writer with one base, the
        answer to the first was lost, and the second includes its time.
        """
        revision, item = tables.revision, tables.item
        is_done = revision.c.status == Status.DONE
        since_a_base = (
            sa.select(
                revision.c.item_id,
                revision.c.annotator,
                sa.func.max(revision.c.active_ms).label("active_ms"),
                sa.func.min(sa.case((is_done, revision.c.created))).label("done"),
            )
            .join(item, item.c.id == revision.c.item_id)
            .where(item.c.project_id == project.id, item.c.copy > 0)
            .group_by(revision.c.item_id, revision.c.annotator, revision.c.writer, revision.c.base)
            .subquery()
        )
        each = since_a_base.c
        query = sa.select(
            each.item_id, each.annotator, sa.func.sum(each.active_ms), sa.func.min(each.done)
        ).group_by(each.item_id, each.annotator)
        with self._database.reading() as connection:
            found = connection.execute(query).all()
        return [Work(number, who, float(ms) / 1000, done) for number, who, ms, done in found]

    def history_of(self, items: Sequence[int]) -> list[Revision]:
        """Everything ever saved for some items, given by number: item by item, oldest first."""
        revision = tables.revision
        query = (
            sa.select(revision)
            .where(revision.c.item_id.in_(list(items)))
            .order_by(revision.c.item_id, revision.c.number)
        )
        with self._database.reading() as connection:
            return [rows.revision_from_row(row) for row in connection.execute(query)]

    def shared(
        self, project: Project, most_shapes: int | None = None
    ) -> list[tuple[Item, Revision]]:
        """Pictures with labels that are copies of shapes of which two have labels, in their order.

        Parameters
        ----------
        most_shapes
            Of no more shapes than these, evenly spread; None: of all.
        """
        item, latest = tables.item, tables.latest
        labelled = item.join(latest, latest.c.item_id == item.c.id)
        ours = sa.and_(item.c.project_id == project.id, item.c.copy > 0)
        has_copies = item.c.shape_id.in_(
            sa.select(item.c.shape_id).where(ours, item.c.copy > 1).distinct()
        )
        several = (
            sa.select(item.c.shape_id)
            .select_from(labelled)
            .where(ours, has_copies)
            .group_by(item.c.shape_id)
            .having(sa.func.count() > 1)
            .order_by(sa.func.min(item.c.position))
        )
        found = []
        with self._database.reading() as connection:
            shapes = list(connection.scalars(several))
            if most_shapes is not None and len(shapes) > most_shapes:
                shapes = [shapes[place] for place in evenly_spread(len(shapes), most_shapes)]
            for start in range(0, len(shapes), _AT_ONCE):
                here = item.c.shape_id.in_(shapes[start : start + _AT_ONCE])
                found += self._labelled(connection, sa.and_(ours, here))
        return sorted(found, key=lambda pair: pair[0].position)

    def _labelled(
        self, connection: sa.Connection, which: sa.ColumnElement[bool]
    ) -> list[tuple[Item, Revision]]:
        item, latest = tables.item, tables.latest
        items = connection.execute(sa.select(item).where(which)).all()
        asked = sa.select(latest).join(item, item.c.id == latest.c.item_id).where(which)
        current = {row.item_id: rows.revision_from_row(row) for row in connection.execute(asked)}
        home = self._database.home
        return [
            (rows.item_from_row(row, home), current[row.id]) for row in items if row.id in current
        ]


def _last_verdicts() -> sa.Subquery:
    review, later = tables.review, tables.review.alias("later")
    has_later = sa.exists().where(
        later.c.item_id == review.c.item_id, later.c.number > review.c.number
    )
    return sa.select(review).where(~has_later).subquery("verdict")


def _summed(
    found: Sequence[sa.Row[tuple[str | None, bool, str | None, str | None, int]]],
) -> States:
    def count(*, where: Sequence[bool]) -> int:
        return sum(row.number for row, counts in zip(found, where, strict=True) if counts)

    is_open = [row.status in {None, Status.OPEN} for row in found]
    returned = [
        row.now == _RETURNED or (row.verdict == _RETURNED and waits)
        for row, waits in zip(found, is_open, strict=True)
    ]
    return States(
        total=count(where=[True] * len(found)),
        open=count(where=is_open),
        done=count(where=[row.status == Status.DONE for row in found]),
        skipped=count(where=[row.status == Status.SKIPPED for row in found]),
        flagged=count(where=[bool(row.flag) for row in found]),
        reviewed=count(where=[row.now in _ACCEPTED for row in found]),
        returned=count(where=returned),
    )
