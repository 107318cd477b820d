"""Gold pictures: some whose true points are known are marked again, to learn how exact people are.

Every so many pictures, the queue gives an annotator a copy of a gold picture that they have not
seen. The copy is an item of its own at the end of the project, theirs alone, numbered from -1
downwards where ordinary copies are numbered from 1 upwards. Neither the true points nor the labels
they came from are ever changed by an answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from annotate.labelling import Point, point_from_json, point_to_json
from annotate.store import rows, tables
from annotate.store.engine import Database
from annotate.store.gold_turns import plan_of, read_plan
from annotate.store.records import Item, Project, Revision, Status
from annotate.store.saving import lock_item
from datasets.errors import StoreError

Points = tuple[Point | None, ...]


@dataclass(frozen=True, slots=True)
class GoldPlan:
    """Every how many pictures people get a gold one, and how many there are of those."""

    every: int
    pictures: int


@dataclass(frozen=True, slots=True)
class GoldAnswer:
    """How somebody marked a gold picture.

    Parameters
    ----------
    item
        The copy they marked.
    annotator
        Who it was.
    truth
        m true points; None where a landmark is not known.
    labels
        What counts: the revision they were shown the true points for or, where they were not yet,
        the latest.
    is_shown
        Whether they have seen the true points.
    """

    item: Item
    annotator: str
    truth: Points
    labels: Revision
    is_shown: bool


class Golds:
    """The gold pictures of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(self, project: Project, every: int, truths: Mapping[str, Points]) -> GoldPlan:
        """Have every so many pictures be a gold one, and add to them; those there are stay.

        Parameters
        ----------
        every
            2: every second one.
        truths
            m points by the name of the shape.

        Raises
        ------
        StoreError
            If the numbers make no sense, there is no gold picture, or a shape is not the project's.
        """
        if every < 2:
            raise StoreError(f"expected a gold picture every 2 pictures or more, found {every}")
        now = self._database.clock()
        with self._database.writing() as connection:
            connection.execute(sa.delete(tables.gold_plan).where(plan_of(project.id)))
            added = {"project_id": project.id, "every": every, "created": now}
            connection.execute(sa.insert(tables.gold_plan), added)
            _add_truths(connection, project, truths, now)
            plan = read_plan(connection, project.id)
            if plan is None or plan.pictures == 0:
                raise StoreError(f"{project.name}: there is no gold picture to hand out")
        return GoldPlan(plan.every, plan.pictures)

    def stop(self, project: Project) -> None:
        """Hand out no more gold pictures; the answers there are stay."""
        with self._database.writing() as connection:
            connection.execute(sa.delete(tables.gold_plan).where(plan_of(project.id)))

    def plan(self, project: Project) -> GoldPlan | None:
        """How gold pictures are handed out; None: they are not."""
        with self._database.reading() as connection:
            row = read_plan(connection, project.id)
        return None if row is None else GoldPlan(row.every, row.pictures)

    def answers(self, project: Project, annotator: str | None = None) -> list[GoldAnswer]:
        """Gold pictures that were finished, of all or one, in the order of getting them."""
        query = _answers().where(tables.item.c.project_id == project.id)
        if annotator is not None:
            query = query.where(tables.gold_answer.c.annotator == annotator)
        with self._database.reading() as connection:
            return self._read(connection, query)

    def show(self, item: int, annotator: str) -> GoldAnswer | None:
        """The answer in an item, once it is finished: from now on it is what counts.

        None where this is no finished gold picture of this annotator's.
        """
        query = _answers().where(
            tables.gold_answer.c.item_id == item, tables.gold_answer.c.annotator == annotator
        )
        with self._database.writing() as connection:
            lock_item(connection, item)
            found = self._read(connection, query)
            if found and not found[0].is_shown:
                counts = sa.update(tables.gold_answer).where(tables.gold_answer.c.item_id == item)
                connection.execute(counts.values(revision=found[0].labels.number))
        return found[0] if found else None

    def _read(self, connection: sa.Connection, query: sa.Select[Any]) -> list[GoldAnswer]:
        found, item, revision = query.subquery("found"), tables.item, tables.revision
        items = sa.select(item).join(found, found.c.item_id == item.c.id)
        counts = sa.and_(found.c.item_id == revision.c.item_id, found.c.number == revision.c.number)
        home = self._database.home
        contents = {row.id: rows.item_from_row(row, home) for row in connection.execute(items)}
        labels = {
            row.item_id: rows.revision_from_row(row)
            for row in connection.execute(sa.select(revision).join(found, counts))
        }
        return [
            GoldAnswer(
                contents[row.item_id],
                row.annotator,
                tuple(point_from_json(value) for value in row.truth),
                labels[row.item_id],
                row.shown is not None,
            )
            for row in connection.execute(query.order_by(tables.gold_answer.c.created, item.c.id))
        ]


def _add_truths(
    connection: sa.Connection, project: Project, truths: Mapping[str, Points], now: float
) -> None:
    m = len(project.sparse)
    ours = sa.select(tables.item.c.shape_id).where(tables.item.c.project_id == project.id)
    shapes = set(connection.scalars(ours))
    there = set(
        connection.scalars(
            sa.select(tables.gold.c.shape_id).where(tables.gold.c.project_id == project.id)
        )
    )
    for shape, points in truths.items():
        if shape not in shapes:
            raise StoreError(f"{project.name} has no picture {shape!r}")
        if len(points) != m:
            raise StoreError(f"{shape}: expected {m} true points, found {len(points)}")
    values = [
        {
            "project_id": project.id,
            "shape_id": shape,
            "points": [point_to_json(point) for point in points],
            "created": now,
        }
        for shape, points in truths.items()
        if shape not in there
    ]
    if values:
        connection.execute(sa.insert(tables.gold), values)


def _answers() -> sa.Select[Any]:
    """Answers that are finished, with the number of the revision that counts."""
    answer, item, gold, latest = tables.gold_answer, tables.item, tables.gold, tables.latest
    return (
        sa.select(
            answer.c.item_id,
            answer.c.annotator,
            answer.c.revision.label("shown"),
            sa.func.coalesce(answer.c.revision, latest.c.number).label("number"),
            gold.c.points.label("truth"),
        )
        .join(item, item.c.id == answer.c.item_id)
        .join(
            gold,
            sa.and_(gold.c.project_id == item.c.project_id, gold.c.shape_id == item.c.shape_id),
        )
        .join(latest, latest.c.item_id == answer.c.item_id)
        .where(
            gold.c.shape_id == item.c.shape_id,
            sa.or_(latest.c.status == Status.DONE, answer.c.revision.is_not(None)),
        )
    )
