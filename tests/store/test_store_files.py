"""Opening stores: places, wrong files, schema steps, and what a killed process leaves."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from annotate.store import NewItem, open_store, tables
from annotate.store.engine import connect, url_of
from annotate.store.migrations import MIGRATIONS, migrate
from datasets.errors import StoreError
from datasets.formats import SparseFormat, landmark_format


def test_a_path_and_a_url_name_the_same_store(tmp_path: Path) -> None:
    path = tmp_path / "new" / "labels.sqlite"
    first = open_store(str(path))
    second = open_store(f"sqlite:///{path}")
    assert first.id == second.id
    first.close()
    second.close()


def test_a_missing_store_is_not_made_when_it_must_exist(tmp_path: Path) -> None:
    path = tmp_path / "labels.sqlite"
    with pytest.raises(StoreError, match="there is no annotation store"):
        open_store(str(path), must_exist=True)
    assert not path.exists()


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.sqlite"
    path.write_text("these are not the labels you are looking for " * 50)
    with pytest.raises(StoreError, match="cannot be used"):
        open_store(str(path))


def test_the_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "places.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(StoreError, match=r"places.sqlite: is no annotation store.*'bookmarks'"):
        open_store(str(path))
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]


@pytest.mark.parametrize(
    ("url", "problem"), [("nonsense://x/y", "no driver"), ("://", "neither a file nor the URL")]
)
def test_other_urls_are_refused_with_a_reason(url: str, problem: str) -> None:
    with pytest.raises(StoreError, match=problem):
        open_store(url)


def test_postgresql_urls_are_understood() -> None:
    url = url_of("postgresql+psycopg://me@db/labels")
    assert (url.get_backend_name(), url.database) == ("postgresql", "labels")


def test_sqlite_keeps_every_acknowledged_save_through_power_cuts(tmp_path: Path) -> None:
    engine = connect(str(tmp_path / "labels.sqlite"))
    with engine.begin() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    full = 2
    assert settings == {
        "journal_mode": "wal", "synchronous": full, "foreign_keys": 1, "busy_timeout": 30_000,
    }  # fmt: skip


def test_migrations_run_once_each_and_the_schema_is_what_queries_expect(tmp_path: Path) -> None:
    engine = connect(str(tmp_path / "labels.sqlite"))
    ran: list[str] = []
    later = (*MIGRATIONS, lambda _connection: ran.append("later"))
    migrate(engine)
    migrate(engine, later)
    migrate(engine, later)
    assert ran == ["later"]
    found = sa.inspect(engine)
    for table in (
        tables.about,
        tables.project,
        tables.item,
        tables.revision,
        tables.lease,
        tables.review,
        tables.comment,
        tables.gold_plan,
        tables.gold,
        tables.gold_answer,
    ):
        columns = {column["name"] for column in found.get_columns(table.name)}
        assert columns == {column.name for column in table.columns}
    engine.dispose()


def test_a_failing_migration_leaves_nothing_behind(tmp_path: Path) -> None:
    engine = connect(str(tmp_path / "labels.sqlite"))

    def broken(connection: sa.Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE half (x INTEGER)")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        migrate(engine, (*MIGRATIONS, broken))
    assert "half" not in sa.inspect(engine).get_table_names()
    migrate(engine)
    engine.dispose()


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.sqlite"
    open_store(str(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO migration VALUES (999, 0.0)")
    connection.close()
    with pytest.raises(StoreError, match="use a newer version"):
        open_store(str(path))


SAVER = """
import sys
from annotate.labelling import placed
from annotate.store import Draft, Status, open_store

store = open_store(sys.argv[1])
item = store.items(store.project("faces"))[0].id
for sequence in range(1, 1_000_000):
    points = (placed(float(sequence), 0.0), None)
    store.save(Draft(item, "ann", "tab", sequence, 0, points, Status.OPEN))
    print(sequence, flush=True)
"""


def test_every_acknowledged_save_outlives_a_killed_process(tmp_path: Path) -> None:
    path = str(tmp_path / "labels.sqlite")
    store = open_store(path)
    sparse = SparseFormat(landmark_format("mafl-5"), (0, 2), (0, 0, 2, 2, 2))
    project = store.create_project("faces", sparse, [NewItem("a", Path("/a.png"), 9, 9)])
    saver = subprocess.Popen(
        [sys.executable, "-c", SAVER, path],
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert saver.stdout is not None
    acknowledged = [int(saver.stdout.readline()) for _ in range(25)]
    os.kill(saver.pid, signal.SIGKILL)
    acknowledged += [int(line) for line in saver.stdout.read().split("\n")[:-1] if line]
    saver.stdout.close()
    saver.wait()
    store.close()
    again = open_store(path)
    found = {r.sequence: r for r in again.revisions(again.items(project)[0].id)}
    assert set(acknowledged) <= set(found)
    assert len(found) <= len(acknowledged) + 1  # one may have been saved but not yet reported
    assert all(revision.points[0].x == sequence for sequence, revision in found.items())
    again.close()


def test_pictures_below_the_store_are_found_after_the_folder_was_moved(tmp_path: Path) -> None:
    sparse = SparseFormat(landmark_format("mafl-5"), (0, 2), (0, 0, 2, 2, 2))
    before, after = tmp_path / "before", tmp_path / "after"
    store = open_store(str(before / "labels.sqlite"))
    inside, outside = before / "data" / "faces" / "1.png", Path("/elsewhere/2.png")
    items = [NewItem("a", inside, 8, 8), NewItem("b", outside, 8, 8)]
    project = store.create_project("faces", sparse, items)
    assert [item.content.image for item in store.items(project)] == [inside, outside]
    store.close()
    before.rename(after)
    moved = open_store(str(after / "labels.sqlite"), must_exist=True)
    found = [item.content.image for item in moved.items(moved.project("faces"))]
    moved.close()
    assert found == [after / "data" / "faces" / "1.png", outside]


def test_a_store_of_the_first_version_is_brought_up_to_date_in_place(tmp_path: Path) -> None:
    path = tmp_path / "labels.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript((Path(__file__).parent / "store_step_1.sql").read_text("utf-8"))
        before = connection.execute("SELECT * FROM revision ORDER BY item_id, number").fetchall()
        items = connection.execute("SELECT * FROM item ORDER BY id").fetchall()
    connection.close()
    store = open_store(str(path))
    project = store.project("faces")
    assert (store.id, store.secret) == ("ad8cc15fad0d92c5", "secret-of-the-tests")
    assert [r.annotator for r in store.history(project)] == ["ann", "ann", "bea"]
    assert store.items(project)[1].content.box == (1.0, 2.0, 70.0, 90.0)
    assert [item.copy for item in store.items(project)] == [1, 1, 1]
    assert store.add_copies(project, 2) == 3
    assert store.leases.claim(project, "cy").next_open == (3, 4, 2)
    store.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        after = connection.execute("SELECT * FROM revision ORDER BY item_id, number").fetchall()
        kept = connection.execute("SELECT * FROM item WHERE copy = 1 ORDER BY id").fetchall()
    connection.close()
    assert after == before
    assert [row[: len(items[0])] for row in kept] == items
