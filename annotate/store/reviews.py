"""Review: what somebody else thinks of the labels, and comments on a picture or a landmark.

Reviews are only ever added, as revisions are; each is about one revision. Sending back lasts until
the annotator has finished the picture anew; accepting lasts until it is changed.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from annotate.store import review_queue, rows, tables
from annotate.store.engine import Database
from annotate.store.gold_turns import require_own_gold
from annotate.store.records import (
    ConflictError,
    Draft,
    Item,
    Project,
    Revision,
    UnknownEntryError,
)
from annotate.store.review_records import (
    Comment,
    NotReviewableError,
    Review,
    ReviewedError,
    ReviewProgress,
    Verdict,
)
from annotate.store.saving import lock_item, save_draft
from datasets.errors import StoreError


class Reviews:
    """The reviews and comments of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def accept(self, item: int, reviewer: str, revision: int, seen: int | None = None) -> Review:
        """Find a revision good.

        Parameters
        ----------
        seen
            Number of the item's last review that the reviewer knows of, 0 for none; None: any.

        Raises
        ------
        ConflictError
            If it is not the current one any more.
        ReviewedError
            If there is a review that the reviewer has not seen, unless it is this very one.
        NotReviewableError
            If there are no labels yet.
        """
        with self._database.writing() as connection:
            return self._judge(connection, item, reviewer, Verdict.ACCEPTED, revision, seen)

    def send_back(
        self,
        item: int,
        reviewer: str,
        revision: int,
        text: str,
        landmark: int | None = None,
        *,
        seen: int | None = None,
    ) -> Review:
        """Ask the annotator of a revision to mend it; it comes first in their queue.

        Raises
        ------
        ConflictError, ReviewedError, NotReviewableError
            As `accept`.
        StoreError
            If the text is empty or there is no such landmark.
        """
        with self._database.writing() as connection:
            review = self._judge(connection, item, reviewer, Verdict.RETURNED, revision, seen)
            self._comment(connection, item, reviewer, text, landmark)
        return review

    def withdraw(self, item: int, reviewer: str, revision: int, seen: int | None = None) -> Review:
        """Take back what was decided: the item waits for review again. Comments stay.

        Raises
        ------
        ConflictError, ReviewedError, NotReviewableError
            As `accept`.
        """
        with self._database.writing() as connection:
            if self._last(connection, item) is None:
                raise NotReviewableError(f"item {item}: there is no verdict to take back")
            return self._judge(connection, item, reviewer, Verdict.WITHDRAWN, revision, seen)

    def fix(self, draft: Draft) -> tuple[Revision, Review | None]:
        """Save a reviewer's own labels as the next revision, which is thereby reviewed.

        Where the draft comes too late to count, nothing is reviewed by it.

        Raises
        ------
        ConflictError, OthersGoldError
            As `AnnotationStore.save`.
        """
        with self._database.writing() as connection:
            require_own_gold(connection, draft.item, draft.annotator)
            revision = save_draft(connection, draft, self._database.clock())
            if not revision.same_labels(draft):
                return revision, self._last(connection, draft.item)
            number = revision.number
            review = self._judge(connection, draft.item, draft.annotator, Verdict.FIXED, number)
        return revision, review

    def comment(self, item: int, author: str, text: str, landmark: int | None = None) -> Comment:
        """Add a remark on the picture, or on one of its m landmarks.

        Saying again what its author said there and what still waits is harmless.

        Raises
        ------
        StoreError
            If the text is empty or there is no such item or landmark.
        """
        with self._database.writing() as connection:
            return self._comment(connection, item, author, text, landmark)

    def resolve(self, comment: int, who: str, *, resolved: bool = True) -> Comment:
        """Settle a comment, or open it again.

        Raises
        ------
        UnknownEntryError
            If there is none.
        """
        now = self._database.clock() if resolved else None
        change = (
            sa.update(tables.comment)
            .where(tables.comment.c.id == comment)
            .values(resolved=now, resolved_by=who if resolved else None)
        )
        query = sa.select(tables.comment).where(tables.comment.c.id == comment)
        with self._database.writing() as connection:
            connection.execute(change)
            row = connection.execute(query).first()
        if row is None:
            raise UnknownEntryError(f"there is no comment {comment}")
        return _comment(row)

    def waiting(
        self, project: Project, after: int | None = None, count: int = 8
    ) -> tuple[int, ...]:
        """Positions of what is done and waits for review, from a position on, going round.

        The picture at `after` itself comes last.
        """
        with self._database.reading() as connection:
            return review_queue.waiting(connection, project.id, after, count)

    def progress(self, project: Project, annotator: str) -> ReviewProgress:
        """How far the review has come, and what was sent back to this annotator."""
        with self._database.reading() as connection:
            return review_queue.progress(connection, project.id, annotator)

    def item_of(self, comment: int) -> int:
        """Number of the item that a comment is about.

        Raises
        ------
        UnknownEntryError
            If there is none.
        """
        query = sa.select(tables.comment.c.item_id).where(tables.comment.c.id == comment)
        with self._database.reading() as connection:
            found = connection.execute(query).scalar()
        if found is None:
            raise UnknownEntryError(f"there is no comment {comment}")
        return int(found)

    def current(self, items: Sequence[Item]) -> dict[int, Review]:
        """The last review of each of these items that has one, by the item's number."""
        found = self._among(items, tables.review, (tables.review.c.number,))
        return {row.item_id: _review(row) for row in found}

    def comments(self, items: Sequence[Item]) -> dict[int, list[Comment]]:
        """The comments of each of these items that has any, oldest first."""
        by_item: dict[int, list[Comment]] = {}
        for row in self._among(items, tables.comment, (tables.comment.c.id,)):
            by_item.setdefault(row.item_id, []).append(_comment(row))
        return by_item

    def history(self, project: Project) -> tuple[list[Review], list[Comment]]:
        """Every review and every comment of a project, oldest first."""
        queries = (
            sa.select(table)
            .join(tables.item, tables.item.c.id == table.c.item_id)
            .where(tables.item.c.project_id == project.id)
            .order_by(table.c.created)
            for table in (tables.review, tables.comment)
        )
        with self._database.reading() as connection:
            reviews, comments = (connection.execute(query).all() for query in queries)
        return [_review(row) for row in reviews], [_comment(row) for row in comments]

    def _among(
        self,
        items: Sequence[Item],
        table: sa.TableClause,
        order: tuple[sa.ColumnElement[int], ...],
    ) -> list[sa.Row[Any]]:
        if not items:
            return []
        positions = [item.position for item in items]
        query = (
            sa.select(table)
            .join(tables.item, tables.item.c.id == table.c.item_id)
            .where(
                tables.item.c.project_id == items[0].project,
                tables.item.c.position.between(min(positions), max(positions)),
            )
            .order_by(*order)
        )
        asked = {item.id for item in items}
        with self._database.reading() as connection:
            return [row for row in connection.execute(query) if row.item_id in asked]

    def _judge(
        self,
        connection: sa.Connection,
        item: int,
        reviewer: str,
        verdict: Verdict,
        revision: int,
        seen: int | None = None,
    ) -> Review:
        lock_item(connection, item)
        query = sa.select(tables.latest).where(tables.latest.c.item_id == item)
        row = connection.execute(query).first()
        if row is None:
            raise NotReviewableError(f"item {item}: there are no labels to review yet")
        if row.number != revision:
            raise ConflictError(rows.revision_from_row(row))
        before = self._last(connection, item)
        said = (reviewer, verdict, revision)
        if before is not None and (before.reviewer, before.verdict, before.revision) == said:
            return before
        if seen is not None and seen != (0 if before is None else before.number):
            raise ReviewedError(item, before)
        number = 1 if before is None else before.number + 1
        review = Review(item, number, reviewer, verdict, revision, self._database.clock())
        values = {
            "item_id": item,
            "number": number,
            "reviewer": reviewer,
            "verdict": verdict.value,
            "revision": revision,
            "created": review.created,
        }
        connection.execute(sa.insert(tables.review), values)
        return review

    def _last(self, connection: sa.Connection, item: int) -> Review | None:
        query = sa.select(tables.review).where(tables.review.c.item_id == item)
        row = connection.execute(query.order_by(tables.review.c.number.desc()).limit(1)).first()
        return None if row is None else _review(row)

    def _comment(
        self, connection: sa.Connection, item: int, author: str, text: str, landmark: int | None
    ) -> Comment:
        if not text.strip():
            raise StoreError("a comment needs a text")
        m = lock_item(connection, item)
        if landmark is not None and not 0 <= landmark < m:
            raise StoreError(f"item {item}: there is no landmark {landmark}, only 0 to {m - 1}")
        known = self._same_comment(connection, item, author, text.strip(), landmark)
        if known is not None:
            return known
        values = {
            "item_id": item,
            "landmark": landmark,
            "author": author,
            "text": text.strip(),
            "created": self._database.clock(),
        }
        insert = sa.insert(tables.comment).values(values).returning(*tables.comment.c)
        return _comment(connection.execute(insert).one())

    def _same_comment(
        self, connection: sa.Connection, item: int, author: str, text: str, landmark: int | None
    ) -> Comment | None:
        """The same comment where it still waits: its answer may have been lost on the way."""
        query = sa.select(tables.comment).where(
            tables.comment.c.item_id == item,
            tables.comment.c.author == author,
            tables.comment.c.text == text,
            tables.comment.c.landmark.is_not_distinct_from(landmark),
            tables.comment.c.resolved.is_(None),
        )
        row = connection.execute(query.limit(1)).first()
        return None if row is None else _comment(row)


def _review(row: sa.Row[Any]) -> Review:
    verdict = Verdict(row.verdict)
    return Review(row.item_id, row.number, row.reviewer, verdict, row.revision, row.created)


def _comment(row: sa.Row[Any]) -> Comment:
    columns = dict(row._mapping)
    return Comment(item=columns.pop("item_id"), **columns)
