"""Which pictures wait for a reviewer, and how far the review of a project has come."""

from collections import Counter

import sqlalchemy as sa

from annotate.store import tables
from annotate.store.records import Status
from annotate.store.review_records import ReviewProgress, Verdict

_later = tables.review.alias("later_verdict")
_last = (
    sa.select(tables.review)
    .where(
        ~sa.exists().where(
            _later.c.item_id == tables.review.c.item_id,
            _later.c.number > tables.review.c.number,
        )
    )
    .subquery("last_review")
)
_judged = tables.revision.alias("judged_labels")
_ACCEPTED, _RETURNED, _WAITING = "accepted", "returned", "waiting"


def _state() -> sa.ColumnElement[str | None]:
    """What became of an item in review; `Review.stands` says the same of one verdict."""
    is_open = tables.latest.c.status == Status.OPEN
    is_of_these = _last.c.revision == tables.latest.c.number
    is_returned = _last.c.verdict == Verdict.RETURNED
    is_good = _last.c.verdict.in_([Verdict.ACCEPTED, Verdict.FIXED])
    return sa.case(
        (sa.and_(is_returned, sa.or_(is_of_these, is_open)), _RETURNED),
        (sa.and_(is_good, is_of_these, ~is_open), _ACCEPTED),
        (tables.latest.c.status == Status.DONE, _WAITING),
        else_=None,
    )


_items = (
    tables.item.join(tables.latest, tables.latest.c.item_id == tables.item.c.id)
    .outerjoin(_last, _last.c.item_id == tables.item.c.id)
    .outerjoin(
        _judged,
        sa.and_(
            _judged.c.item_id == _last.c.item_id,
            _judged.c.number == _last.c.revision,
        ),
    )
)


def _is_reviewed(project: int) -> sa.ColumnElement[bool]:
    """The pictures of a project; of gold ones it is known already how good the labels are."""
    return sa.and_(tables.item.c.project_id == project, tables.item.c.copy > 0)


def waiting(
    connection: sa.Connection, project: int, after: int | None, count: int
) -> tuple[int, ...]:
    """Positions of what waits for review: those after a position, then, going round, the others."""
    position = tables.item.c.position
    is_round = position <= (-1 if after is None else after)
    query = (
        sa.select(position)
        .select_from(_items)
        .where(_is_reviewed(project), _state() == _WAITING)
        .order_by(is_round, position)
        .limit(count)
    )
    return tuple(connection.scalars(query))


def progress(connection: sa.Connection, project: int, annotator: str) -> ReviewProgress:
    """How far the review of a project has come; `annotator` is who asks."""
    in_project = _is_reviewed(project)
    state = _state().label("state")
    count = sa.select(state, sa.func.count()).select_from(_items).where(in_project)
    number = Counter(
        {row[0]: row[1] for row in connection.execute(count.group_by(sa.text("state")))}
    )
    theirs = (
        sa.select(tables.item.c.position)
        .select_from(_items)
        .where(in_project, _state() == _RETURNED, _judged.c.annotator == annotator)
        .order_by(tables.item.c.position)
    )
    yours = tuple(connection.scalars(theirs))
    return ReviewProgress(number[_WAITING], number[_ACCEPTED], number[_RETURNED], yours)
