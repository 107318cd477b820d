"""The schema, as numbered steps that are never changed once released, only added to.

Each step runs in one transaction with the note that it ran, so a store is at one step or the
next, never between.
"""

import secrets
import time
from collections.abc import Callable

import sqlalchemy as sa

from annotate.store.engine import lock_schema
from datasets.errors import StoreError

Migration = Callable[[sa.Connection], None]

_STEPS = sa.MetaData()
_step = sa.Table(
    "migration",
    _STEPS,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("created", sa.Double, nullable=False),
)


def _first(connection: sa.Connection) -> None:
    """Projects, items and revisions; `about` has the store's random name and its secret.

    The primary key of `revision` is what keeps two savers from making the same number, and its
    second key what makes repeated sending harmless, whatever the code does.
    """
    schema = sa.MetaData()
    about = sa.Table(
        "about",
        schema,
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    sa.Table(
        "project",
        schema,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("chosen", sa.JSON, nullable=False),
        sa.Column("represented_by", sa.JSON, nullable=False),
        sa.Column("guide", sa.JSON),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
    )
    sa.Table(
        "item",
        schema,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("project_id", sa.ForeignKey("project.id"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("shape_id", sa.Text, nullable=False),
        sa.Column("image", sa.Text, nullable=False),
        sa.Column("height_px", sa.Integer, nullable=False),
        sa.Column("width_px", sa.Integer, nullable=False),
        sa.Column("box", sa.JSON),
        sa.Column("split", sa.Text),
        sa.Column("subject", sa.Text),
        sa.UniqueConstraint("project_id", "position"),
        sa.UniqueConstraint("project_id", "shape_id"),
    )
    sa.Table(
        "revision",
        schema,
        sa.Column("item_id", sa.ForeignKey("item.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("annotator", sa.Text, nullable=False),
        sa.Column("writer", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("base", sa.Integer, nullable=False),
        sa.Column("points", sa.JSON, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("flag", sa.Boolean, nullable=False),
        sa.Column("active_ms", sa.BigInteger, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.UniqueConstraint("item_id", "writer", "sequence"),
    )
    schema.create_all(connection, checkfirst=False)
    facts = {"id": secrets.token_hex(8), "secret": secrets.token_urlsafe(32)}
    rows = [{"name": name, "value": value} for name, value in facts.items()]
    connection.execute(sa.insert(about), rows)


def _members(connection: sa.Connection) -> None:
    """Who has which role; without a project it is their role in the whole store.

    In SQL no NULL equals another, so the roles in the whole store need a key of their own.
    """
    schema = sa.MetaData()
    sa.Table("project", schema, sa.Column("id", sa.Integer, primary_key=True))  # as it is already
    member = sa.Table(
        "member",
        schema,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("project_id", sa.ForeignKey("project.id")),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.UniqueConstraint("person", "project_id"),
    )
    everywhere = member.c.project_id.is_(None)
    sa.Index(
        "member_of_store",
        member.c.person,
        unique=True,
        sqlite_where=everywhere,
        postgresql_where=everywhere,
    )
    member.create(connection)


def _ghosts(connection: sa.Connection) -> None:
    """What a model predicted for an item; the item's foreign key was made by the first step."""
    schema = sa.MetaData()
    sa.Table("item", schema, sa.Column("id", sa.Integer, primary_key=True))
    ghost = sa.Table(
        "ghost",
        schema,
        sa.Column("item_id", sa.ForeignKey("item.id"), primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("points", sa.JSON, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
    )
    ghost.create(connection, checkfirst=False)


def _leases(connection: sa.Connection) -> None:
    """Leases, and copies of an item: several people mark the same shape of the same picture.

    A shape's name is unique in its project together with the number of the copy from here on.
    """
    if connection.dialect.name == "sqlite":
        _remake_item(connection)
    else:
        for change in (
            "ALTER TABLE item ADD COLUMN copy INTEGER NOT NULL DEFAULT 1",
            "ALTER TABLE item DROP CONSTRAINT item_project_id_shape_id_key",
            "ALTER TABLE item ADD UNIQUE (project_id, shape_id, copy)",
        ):
            connection.exec_driver_sql(change)
    schema = sa.MetaData()
    sa.Table("item", schema, sa.Column("id", sa.Integer, primary_key=True))
    lease = sa.Table(
        "lease",
        schema,
        sa.Column("item_id", sa.ForeignKey("item.id"), primary_key=True, autoincrement=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
    )
    lease.create(connection, checkfirst=False)


def _remake_item(connection: sa.Connection) -> None:
    """SQLite cannot change a table's keys: the rows move to a new table of the same name.

    Revisions refer to items all the while; that is checked where the transaction ends.
    """
    for step in (
        "PRAGMA defer_foreign_keys = ON",
        "CREATE TEMPORARY TABLE old_item AS SELECT * FROM item",
        "DROP TABLE item",
        """CREATE TABLE item (
            id INTEGER NOT NULL PRIMARY KEY,
            project_id INTEGER NOT NULL REFERENCES project (id),
            position INTEGER NOT NULL,
            shape_id TEXT NOT NULL,
            image TEXT NOT NULL,
            height_px INTEGER NOT NULL,
            width_px INTEGER NOT NULL,
            box JSON,
            split TEXT,
            subject TEXT,
            copy INTEGER NOT NULL DEFAULT 1,
            UNIQUE (project_id, position),
            UNIQUE (project_id, shape_id, copy)
        )""",
        "INSERT INTO item SELECT *, 1 FROM old_item",
        "DROP TABLE old_item",
    ):
        connection.exec_driver_sql(step)


def _reviews(connection: sa.Connection) -> None:
    """Reviews, numbered for each item, and comments."""
    schema = sa.MetaData()
    sa.Table("item", schema, sa.Column("id", sa.Integer, primary_key=True))
    review = sa.Table(
        "review",
        schema,
        sa.Column("item_id", sa.ForeignKey("item.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("reviewer", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
    )
    comment = sa.Table(
        "comment",
        schema,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("item_id", sa.ForeignKey("item.id"), nullable=False, index=True),
        sa.Column("landmark", sa.Integer),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("resolved", sa.Double),
        sa.Column("resolved_by", sa.Text),
    )
    review.create(connection, checkfirst=False)
    comment.create(connection, checkfirst=False)


def _priorities(connection: sa.Connection) -> None:
    """Which pictures come first; the index has the order of the queue, so that it is not sorted.

    SQLite takes NULL for less than any number, PostgreSQL for more; the queue has it last.
    """
    last = "NULLS LAST" if connection.dialect.name == "postgresql" else ""
    for step in (
        "ALTER TABLE item ADD COLUMN priority DOUBLE PRECISION",
        f"CREATE INDEX item_by_priority ON item (project_id, priority DESC {last}, position)",
    ):
        connection.exec_driver_sql(step)


def _golds(connection: sa.Connection) -> None:
    """Gold pictures: their true points, how often people get one, and which items are answers.

    The index on revisions tells what somebody did lately without a look at everything.
    """
    schema = sa.MetaData()
    sa.Table("project", schema, sa.Column("id", sa.Integer, primary_key=True))
    sa.Table("item", schema, sa.Column("id", sa.Integer, primary_key=True))
    plan = sa.Table(
        "gold_plan",
        schema,
        sa.Column("project_id", sa.ForeignKey("project.id"), primary_key=True, autoincrement=False),
        sa.Column("every", sa.Integer, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
    )
    gold = sa.Table(
        "gold",
        schema,
        sa.Column("project_id", sa.ForeignKey("project.id"), primary_key=True, autoincrement=False),
        sa.Column("shape_id", sa.Text, primary_key=True),
        sa.Column("points", sa.JSON, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
    )
    answer = sa.Table(
        "gold_answer",
        schema,
        sa.Column("item_id", sa.ForeignKey("item.id"), primary_key=True, autoincrement=False),
        sa.Column("annotator", sa.Text, nullable=False, index=True),
        sa.Column("after", sa.Integer),
        sa.Column("revision", sa.Integer),
        sa.Column("created", sa.Double, nullable=False),
    )
    for table in (plan, gold, answer):
        table.create(connection, checkfirst=False)
    connection.exec_driver_sql("CREATE INDEX revision_of ON revision (annotator, created)")


MIGRATIONS: tuple[Migration, ...] = (
    _first, _members, _ghosts, _leases, _reviews, _priorities, _golds,
)  # fmt: skip


def migrate(engine: sa.Engine, migrations: tuple[Migration, ...] = MIGRATIONS) -> None:
    """Bring a store to the newest step.

    Raises
    ------
    StoreError
        If the store was made by a newer version of Fewmark, or an SQLite file is no store.
    """
    with engine.begin() as connection:
        lock_schema(connection)
        _require_ours(connection)
        _STEPS.create_all(connection)
    for number, step in enumerate(migrations, start=1):
        with engine.begin() as connection:
            lock_schema(connection)
            if number > _newest(connection):
                step(connection)
                connection.execute(sa.insert(_step).values(number=number, created=time.time()))
    with engine.begin() as connection:
        newest = _newest(connection)
    if newest > len(migrations):
        raise StoreError(
            f"the store is at step {newest} of its schema, this version of Fewmark knows "
            f"{len(migrations)}; use a newer version"
        )


def _require_ours(connection: sa.Connection) -> None:
    """Refuse the SQLite file of another program; a PostgreSQL database may hold more than ours."""
    if connection.dialect.name != "sqlite":
        return
    names = sa.inspect(connection).get_table_names()
    if names and _step.name not in names:
        problem = f"is no annotation store but another database, with a table {names[0]!r}"
        raise StoreError(f"{connection.engine.url.database}: {problem}")


def _newest(connection: sa.Connection) -> int:
    return int(connection.scalar(sa.select(sa.func.max(_step.c.number))) or 0)
