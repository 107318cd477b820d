"""A store as one file, which can be made a store of either database again.

The file is a zip of ``store.json``, which says what it is, and one file for each table with a row
of JSON on each line. It is taken in one transaction: people may go on marking meanwhile.
"""

import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from annotate.store import tables
from annotate.store.annotation_store import AnnotationStore, open_store
from annotate.store.engine import clear_errors, home_of, url_of
from annotate.store.migrations import MIGRATIONS
from datasets.errors import FileFormatError, StoreError
from datasets.files import named_errors

_KIND = "fewmark annotation store"
_BATCH = 1000
_SQLITE = b"SQLite format 3\0"
"""How every file of this kind begins."""

# Whatever a table refers to stands before it.
TABLES = (
    tables.about,
    tables.project,
    tables.member,
    tables.item,
    tables.ghost,
    tables.revision,
    tables.lease,
    tables.review,
    tables.comment,
    tables.gold_plan,
    tables.gold,
    tables.gold_answer,
)
# As JSON has them; columns of other types may have anything.
_TYPES: Mapping[type, tuple[type, ...]] = {
    sa.Text: (str,),
    sa.Integer: (int,),
    sa.BigInteger: (int,),
    sa.Double: (float, int),
    sa.Boolean: (bool,),
}
# Numbers that the database gives: PostgreSQL must be told from where to count on.
_NUMBERED = ("project", "item", "comment")


def backup(store: AnnotationStore, path: Path) -> int:
    """Write everything in a store to a file that appears whole; returns how many revisions.

    Raises
    ------
    FileFormatError
        If the file cannot be written.
    StoreError
        If the store cannot be read, or a database lies at `path`.
    """
    _require_no_database(path)
    home = home_of(store.engine.url)
    header = {"kind": _KIND, "step": len(MIGRATIONS), "home": None if home is None else str(home)}
    part = path.with_name(f".{path.name}.part")
    counts = {}
    with named_errors(path, "written"):
        try:
            with (
                clear_errors(),
                _snapshot(store.engine) as connection,
                zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive,
            ):
                archive.writestr("store.json", json.dumps(header))
                for table in TABLES:
                    counts[table.name] = _write_table(connection, table, archive)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return counts["revision"]


def _require_no_database(path: Path) -> None:
    """Refuse to replace an SQLite file, which would be a store with all its labels."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        if file.read(len(_SQLITE)) == _SQLITE:
            problem = "is a database, maybe the store itself; a backup does not replace it"
            raise StoreError(f"{path}: {problem}, choose another file")


def restore(path: Path, url: str) -> AnnotationStore:
    """Make a new store of a `backup`.

    Pictures that were below the folder of the old store are looked for below the new one, and
    where they are not there, at their old place.

    Raises
    ------
    FileFormatError
        If the file is not a backup of this version.
    StoreError
        If there are projects at `url` already.
    """
    with _opened(path) as archive:
        header = _header(path, archive)
        store = open_store(url)
        try:
            if store.projects():
                raise StoreError(f"{url}: there are projects already; restore into a new store")
            with clear_errors(), store.engine.begin() as connection:
                connection.execute(sa.delete(tables.about))
                for table in TABLES:
                    for rows in _batches(path, archive, table):
                        if table is tables.item:
                            rows = [_placed(row, header["home"], url) for row in rows]  # noqa: PLW2901
                        connection.execute(sa.insert(table), rows)
                _count_on(connection)
        except (StoreError, FileFormatError):
            store.close()
            raise
    return store


def _snapshot(engine: sa.Engine) -> Any:  # noqa: ANN401 - a context of SQLAlchemy's
    """A transaction in which the store does not change; SQLite's are like that anyway."""
    options: dict[str, Any] = {"reads_only": True}
    if engine.dialect.name == "postgresql":
        options["isolation_level"] = "REPEATABLE READ"
    return engine.execution_options(**options).begin()


def _write_table(connection: sa.Connection, table: sa.TableClause, archive: zipfile.ZipFile) -> int:
    count = 0
    rows = connection.execution_options(yield_per=_BATCH).execute(sa.select(table))
    with archive.open(f"{table.name}.jsonl", "w", force_zip64=True) as file:
        for row in rows:
            file.write(json.dumps(dict(row._mapping), ensure_ascii=False).encode() + b"\n")
            count += 1
    return count


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise FileFormatError(path, None, "not a backup of an annotation store") from error


def _header(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        header = json.loads(archive.read("store.json"))
        is_ours = header["kind"] == _KIND
        step, _home = int(header["step"]), header["home"]
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        raise FileFormatError(path, None, "not a backup of an annotation store") from error
    if not is_ours or step != len(MIGRATIONS):
        problem = f"a backup of step {step} of the schema, this version of Fewmark has "
        advice = "restore it with the version that wrote it, and open that store with this one"
        if step > len(MIGRATIONS):
            advice = "use a newer version"
        raise FileFormatError(path, None, f"{problem}{len(MIGRATIONS)}; {advice}")
    return dict(header)


def _batches(
    path: Path, archive: zipfile.ZipFile, table: sa.TableClause
) -> Iterator[list[dict[str, Any]]]:
    types = {column.name: _TYPES.get(type(column.type)) for column in table.columns}
    batch: list[dict[str, Any]] = []
    try:
        with archive.open(f"{table.name}.jsonl") as file:
            for number, line in enumerate(file, start=1):
                row = json.loads(line)
                if not isinstance(row, dict) or not _is_row(row, types):
                    problem = f"{table.name}.jsonl, line {number}: not a row of {table.name}"
                    raise FileFormatError(path, None, problem)
                batch.append(row)
                if len(batch) == _BATCH:
                    yield batch
                    batch = []
    except (KeyError, RecursionError, ValueError, zipfile.BadZipFile, EOFError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(path, None, f"{table.name}.jsonl is missing or damaged") from error
    if batch:
        yield batch


def _is_row(row: dict[str, Any], types: Mapping[str, tuple[type, ...] | None]) -> bool:
    """Whether a row has just these columns and values of their types: SQLite would take any."""
    return row.keys() == types.keys() and all(
        value is None or (known := types[name]) is None or type(value) in known
        for name, value in row.items()
    )


def _placed(row: dict[str, Any], old_home: str | None, url: str) -> dict[str, Any]:
    """An item whose picture is found from the new store."""
    image, home = Path(row["image"]), home_of(url_of(url))
    if image.is_absolute() or old_home is None or (home is not None and (home / image).is_file()):
        return row
    return {**row, "image": Path(os.path.normpath(Path(old_home) / image)).as_posix()}


def _count_on(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        for name in _NUMBERED:
            sequence = sa.func.pg_get_serial_sequence(name, "id")
            table = sa.table(name, sa.column("id", sa.Integer))
            last = sa.select(sa.func.max(table.c.id))
            connection.execute(sa.select(sa.func.setval(sequence, last.scalar_subquery())))
