"""Backups go from either database to either; the doctor sees what is wrong."""

import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import sqlalchemy as sa

from annotate.audit import events
from annotate.labelling import ABSENT, placed
from annotate.store import (
    AnnotationStore,
    Draft,
    NewItem,
    Project,
    Status,
    backup,
    faults,
    open_store,
    restore,
)
from annotate.store.backup import TABLES
from datasets.errors import FileFormatError, StoreError
from datasets.formats import SparseFormat, landmark_format
from tests.store.postgres_server import PostgresServer

SPARSE = SparseFormat(landmark_format("mafl-5"), (0, 2), (0, 0, 2, 2, 2))


def fill(store: AnnotationStore, project: Project) -> None:
    store.add_copies(project, 2, 0.5)
    store.leases.claim(project, "ann", 2)
    one, two, *_ = [item.id for item in store.items(project)]
    store.save(Draft(one, "änn", "tab", 1, 0, (placed(1.125, -2), ABSENT), Status.DONE, True, 7))
    store.save(Draft(two, "bea", "tab", 1, 0, (None, None), Status.SKIPPED))
    store.reviews.send_back(one, "rev", 1, "zu weit links", 0)
    store.reviews.resolve(store.reviews.comment(two, "cy", "blurred").id, "rev")


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_a_backup_restores_everything_into_either_database(
    store: AnnotationStore, project: Project, tmp_path: Path, target: str, postgres: PostgresServer
) -> None:
    fill(store, project)
    file = tmp_path / "labels.zip"
    assert backup(store, file) == 2
    is_file = target == "sqlite"
    url = str(tmp_path / "new" / "labels.sqlite") if is_file else postgres.new_database()
    again = restore(file, url)
    assert (again.id, again.secret) == (store.id, store.secret)
    assert again.projects() == store.projects()
    assert again.items(project) == store.items(project)
    assert again.history(project) == store.history(project)
    assert again.reviews.history(project) == store.reviews.history(project)
    assert (
        again.leases.claim(project, "bea").next_open == store.leases.claim(project, "bea").next_open
    )
    more = again.create_project("more", SPARSE, [NewItem("a", Path("/a.png"), 9, 9)])
    assert more.id > project.id
    assert again.reviews.comment(again.items(more)[0].id, "cy", "x").id > 2
    again.close()


@pytest.mark.usefixtures("project")
def test_nothing_is_restored_over_projects_or_from_other_files(
    store: AnnotationStore, store_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "labels.zip"
    backup(store, file)
    with pytest.raises(StoreError, match="projects already"):
        restore(file, store_url)
    (tmp_path / "text.zip").write_text("no zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("store.json", "{}")
    for name in ("text.zip", "other.zip"):
        with pytest.raises(FileFormatError, match="not a backup"):
            restore(tmp_path / name, str(tmp_path / "new.sqlite"))
    for broken, problem in (("{}\n", "not a row"), ("{", "damaged")):
        with zipfile.ZipFile(file) as whole, zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
            for name in whole.namelist():
                archive.writestr(name, broken if name == "item.jsonl" else whole.read(name))
        with pytest.raises(FileFormatError, match=problem):
            restore(tmp_path / "b.zip", str(tmp_path / "b.sqlite"))
        unharmed = open_store(str(tmp_path / "b.sqlite"))
        assert unharmed.projects() == []
        unharmed.close()
    for step, advice in ((99, "use a newer version"), (1, "with the version that wrote it")):
        with zipfile.ZipFile(file) as whole, zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
            header = json.loads(whole.read("store.json"))
            archive.writestr("store.json", json.dumps({**header, "step": step}))
        with pytest.raises(FileFormatError, match=f"step {step} of the schema.*{advice}"):
            restore(tmp_path / "b.zip", str(tmp_path / "c.sqlite"))
    assert not (tmp_path / "c.sqlite").exists()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("part", "broken", "problem"),
    [
        ("store.json", '{"kind": "fewmark annotation store", "step": 7}', "not a backup"),
        ("store.json", "[" * 100_000, "not a backup"),
        ("item.jsonl", "[" * 100_000, "item.jsonl is missing or damaged"),
        ("lease.jsonl", '{"item_id": "x", "holder": "a", "expires": 1}\n', "not a row of lease"),
        ("project.jsonl", None, "project 'faces': its landmarks are damaged"),
    ],
)
def test_damaged_backups_are_told_in_one_line(
    store: AnnotationStore, tmp_path: Path, part: str, broken: str | None, problem: str
) -> None:
    backup(store, tmp_path / "whole.zip")
    with (
        zipfile.ZipFile(tmp_path / "whole.zip") as whole,
        zipfile.ZipFile(tmp_path / "b.zip", "w") as archive,
    ):
        for name in whole.namelist():
            data = whole.read(name).decode()
            if name == part:
                data = data.replace('"format": "', '"format": "[') if broken is None else broken
            archive.writestr(name, data)
    with pytest.raises((FileFormatError, StoreError), match=problem):
        restore(tmp_path / "b.zip", str(tmp_path / "new.sqlite")).projects()


def test_a_backup_has_every_table_of_the_schema(store: AnnotationStore) -> None:
    known = set(sa.inspect(store.engine).get_table_names())
    assert {table.name for table in TABLES} == known - {"migration"}


def test_a_moved_backup_finds_its_pictures(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    store = open_store(str(old / "labels.sqlite"))
    names = ["here.png", "there.png"]
    store.create_project("faces", SPARSE, [NewItem(n, old / n, 9, 9) for n in names])
    backup(store, tmp_path / "b.zip")
    store.close()
    new.mkdir()
    (new / "here.png").touch()
    again = restore(tmp_path / "b.zip", str(new / "labels.sqlite"))
    images = [item.content.image for item in again.items(again.project("faces"))]
    assert images == [new / "here.png", old / "there.png"]
    again.close()


@pytest.mark.usefixtures("project")
def test_a_backup_does_not_replace_a_store(store: AnnotationStore, tmp_path: Path) -> None:
    file = tmp_path / "own.sqlite"
    open_store(str(file)).close()
    before = file.read_bytes()
    link = tmp_path / "link.zip"
    link.symlink_to(file)
    for path in (file, link):
        with pytest.raises(StoreError, match="does not replace it"):
            backup(store, path)
    assert file.read_bytes() == before


def test_a_backup_that_fails_leaves_the_old_one(store: AnnotationStore, tmp_path: Path) -> None:
    file = tmp_path / "labels.zip"
    backup(store, file)
    before = file.read_bytes()
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE comment")
    with pytest.raises(StoreError, match="cannot be used"):
        backup(store, file)
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.glob("*labels.zip*")] == ["labels.zip"]


def test_a_place_that_takes_no_backup_is_named(store: AnnotationStore, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"away/labels.zip: cannot be written"):
        backup(store, tmp_path / "away" / "labels.zip")


@pytest.fixture
def pictured(store: AnnotationStore, tmp_path: Path) -> Project:
    items = []
    for name in "abc":
        path = tmp_path / f"{name}.png"
        cv2.imwrite(str(path), np.zeros((40, 30, 3), np.uint8))
        items.append(NewItem(name, path, 40, 30))
    return store.create_project("faces", SPARSE, items)


def test_the_doctor_finds_nothing_in_a_healthy_store(
    store: AnnotationStore, pictured: Project
) -> None:
    fill(store, pictured)
    assert list(faults(store)) == []


def test_the_doctor_names_every_fault(
    store: AnnotationStore, pictured: Project, tmp_path: Path
) -> None:
    fill(store, pictured)
    (tmp_path / "b.png").unlink()
    cv2.imwrite(str(tmp_path / "c.png"), np.zeros((4, 3, 3), np.uint8))
    points = '[{"x": 500, "y": 1, "v": 2}, null]'
    with store.engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE revision SET number = 3, points = :points WHERE item_id = 1"),
            {"points": points},
        )
    found = list(faults(store))
    assert [fault.split(": ", 1)[0] for fault in found][:3] == ["faces, picture 1 (a)"] * 3
    text = "\n".join(found)
    for part in (
        "numbered [3]", "right_pupil at (500, 1) is too far", "called done", "b.png: is missing",
        "c.png: has 3 x 4 pixels, was 30 x 40",
    ):  # fmt: skip
        assert part in text


def test_the_history_tells_who_did_what(store: AnnotationStore, project: Project) -> None:
    fill(store, project)
    told = [(event.who, event.shape, event.what) for event in events(store, project)]
    assert ("änn", "face-0", "saved revision 1: 2 of 2 landmarks, done, flagged") in told
    assert ("rev", "face-0", "returned revision 1") in told
    assert ("rev", "face-0", "comment on right_pupil: zu weit links") in told
    assert told[-1] == ("rev", "face-1", "settled comment on the picture")
    assert events(store, project)[0].time.endswith("+00:00")
