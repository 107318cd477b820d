"""Connections: everything that is different from one database to another is in this module."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from datasets.errors import StoreError

_BUSY_TIMEOUT_S = 30
_SCHEMA_LOCK = 0x4665776D61726B  # "Fewmark": any number that no other program is likely to take


def url_of(store: str) -> sa.URL:
    """The URL of a store given as a URL or as the path of an SQLite file.

    Examples
    --------
    >>> url_of("labels.sqlite").drivername
    'sqlite'
    """
    if "://" not in store:
        return sa.URL.create("sqlite", database=str(Path(store).absolute()))
    try:
        return sa.make_url(store)
    except sa.exc.ArgumentError as error:
        raise StoreError(f"{store!r} is neither a file nor the URL of a store") from error


def home_of(url: sa.URL) -> Path | None:
    """The folder of an SQLite file; None where the database is not a file."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    return Path(url.database).absolute().parent


def connect(store: str) -> sa.Engine:
    """An engine whose transactions are safe against other threads and processes.

    Raises
    ------
    StoreError
        If there is no such kind of database or its driver is not installed.
    """
    url = url_of(store)
    try:
        if url.get_backend_name() == "sqlite":
            return _sqlite(url)
        return sa.create_engine(url, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        extra = "; pip install 'fewmark[postgres]'" if "psycopg" in url.drivername else ""
        raise StoreError(f"no driver for a store of the kind {url.drivername!r}{extra}") from error
    except sa.exc.NoSuchModuleError as error:
        raise StoreError(f"no driver for a store of the kind {url.drivername!r}") from error


def _sqlite(url: sa.URL) -> sa.Engine:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_S})
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    raw: Any = connection
    raw.isolation_level = None  # we begin transactions ourselves, see below
    # synchronous=FULL: what was acknowledged outlives a power cut, not only a crash of ours.
    for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        raw.execute(f"PRAGMA {setting}")


def _begin_sqlite(connection: sa.Connection) -> None:
    """Take the write lock at once: two savers queue up instead of failing half-way."""
    reads_only = connection.get_execution_options().get("reads_only", False)
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")


def lock_schema(connection: sa.Connection) -> None:
    """Hold the schema until the transaction ends: of servers that start together, one changes it.

    SQLite has one writer at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SCHEMA_LOCK)))


def insert_or_update(connection: sa.Connection, table: sa.TableClause) -> postgresql.Insert:
    """An insert that can say what to do with a row that is there; both databases write it alike."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)  # type: ignore[return-value]  # of the same methods


class Database:
    """Transactions of a database, with its errors turned into ours, the time, and its `home_of`.

    Parameters
    ----------
    clock
        Seconds since 1970.
    """

    def __init__(self, engine: sa.Engine, clock: Callable[[], float] = time.time) -> None:
        self.engine = engine
        self.clock = clock
        self.home = home_of(engine.url)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that changes nothing."""
        engine = self.engine.execution_options(reads_only=True)
        with clear_errors(), engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that is kept where nothing goes wrong in it."""
        with clear_errors(), self.engine.begin() as connection:
            yield connection


@contextlib.contextmanager
def clear_errors() -> Iterator[None]:
    """Turn the database's errors into ours."""
    try:
        yield
    except sa.exc.IntegrityError as error:
        raise StoreError(f"the store refused what does not fit: {error.orig}") from error
    except sa.exc.DBAPIError as error:
        raise StoreError(f"the annotation store cannot be used: {error.orig}") from error
    except sa.exc.TimeoutError as error:
        raise StoreError(
            "the annotation store cannot be used: all connections to it are busy"
        ) from error
