"""Progress of a project: who finished what how fast, and what is told of it."""

import csv
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from annotate.cli import main
from annotate.exchange import first_draft
from annotate.labelling import placed
from annotate.progress import Finished, finished_pictures, progress_of, throughput
from annotate.progress_tables import csv_text
from annotate.simulation import simulate_labels
from annotate.store import AnnotationStore, Draft, Project, Status, Work
from datasets.dataset import LandmarkDataset

HERE = placed(10.0, 10.0)
NOON = time.mktime((2026, 3, 2, 12, 0, 0, 0, 0, -1))


def mark(
    store: AnnotationStore, project: Project, position: int, who: str, seconds: tuple[float, ...],
    status: Status = Status.DONE,
) -> None:  # fmt: skip
    """Mark a whole picture in one revision, with so many seconds for each landmark."""
    item = store.items(project, position, 1)[0].id
    points = tuple(replace(HERE, x=10.0 + k, ms=round(1000 * s)) for k, s in enumerate(seconds))
    ms = round(1000 * sum(seconds))
    store.save(Draft(item, who, f"tab-{who}", 1, 0, points, status, active_ms=ms))


def test_a_picture_counts_for_who_finished_it_first_by_hand() -> None:
    work = [
        Work(1, "ann", 5.0, 20.0), Work(1, "bea", 3.0, 30.0), Work(2, "imported", 0.0, 1.0),
        Work(2, "ann", 9.0, 40.0), Work(3, "bea", 2.0, None), Work(4, "bea", 7.0, 10.0),
    ]  # fmt: skip
    assert finished_pictures(work) == [Finished(4, "bea", 10.0, 7.0), Finished(1, "ann", 20.0, 5.0)]


def test_paces_are_told_for_all_and_each(store: AnnotationStore, project: Project) -> None:
    mark(store, project, 0, "ann", (2.0, 2.0, 2.0))
    mark(store, project, 1, "ann", (4.0, 4.0, 4.0))
    mark(store, project, 2, "bea", (1.0, 2.0, 3.0))
    mark(store, project, 3, "bea", (1.0, 1.0, 1.0), Status.SKIPPED)
    store.save(first_draft(store.items(project)[4].id, "imported", (HERE,) * 3))
    found = progress_of(store, project, time.time())
    assert (found.states.done, found.states.skipped, found.states.open) == (4, 1, 1)
    assert (found.everybody.pictures, found.timed_pictures) == (3, 3)
    assert found.everybody.hours == pytest.approx(27 / 3600)
    assert found.everybody.seconds_per_picture == pytest.approx(8.0)
    assert found.everybody.points_per_hour == pytest.approx(3600 * 9 / 24)
    assert_allclose(found.seconds_per_landmark, [2.0, 2.0, 3.0])
    assert {pace.annotator: pace.seconds_per_picture for pace in found.annotators} == {
        "ann": 9.0, "bea": 6.0,
    }  # fmt: skip
    assert found.hours_left is None
    assert "3 pictures were marked by hand so far" in (found.too_little or "")


def test_one_person_sees_their_own_numbers(store: AnnotationStore, project: Project) -> None:
    mark(store, project, 0, "ann", (2.0, 2.0, 2.0))
    mark(store, project, 2, "bea", (1.0, 2.0, 3.0))
    found = progress_of(store, project, time.time(), "bea")
    assert found.states.done == 2
    assert [pace.annotator for pace in found.annotators] == ["bea"]
    assert found.everybody.seconds_per_picture == 6.0
    assert_allclose(found.seconds_per_landmark, [1.0, 2.0, 3.0])
    assert [one.annotator for one in found.throughput] == ["bea"]


def test_nothing_done_is_no_pace(store: AnnotationStore, project: Project) -> None:
    found = progress_of(store, project, time.time())
    assert (found.everybody.points_per_hour, found.everybody.last, found.annotators) == (
        None, None, (),
    )  # fmt: skip
    assert np.isnan(found.seconds_per_landmark).all()


def test_throughput_is_by_the_hour_first_and_then_by_the_day() -> None:
    one = [Finished(k, "ann", NOON + 1200 * k, 30.0) for k in range(4)]
    hours = throughput(one, 10)
    assert [(slice_.start.hour, slice_.pictures) for slice_ in hours] == [(12, 3), (13, 1)]
    assert hours[0].points_per_hour == pytest.approx(3600 * 10 / 30)
    days = throughput([*one, Finished(9, "bea", NOON + 3 * 86_400, 10.0)], 10)
    assert [(s.start.day, s.start.hour, s.annotator, s.pictures) for s in days] == [
        (2, 0, "ann", 4), (5, 0, "bea", 1),
    ]  # fmt: skip
    assert throughput([], 10) == []


def test_the_command_tells_the_same_and_writes_what_select_reads(
    store: AnnotationStore, project: Project, truth: LandmarkDataset, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    url = str(store.engine.url.database)
    mark(store, project, 0, "ann", (2.0, 2.0, 2.0))
    main(["project", "progress", url, "faces", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (told["done"], told["finish"], told["hours_left"]) == (1, None, None)
    assert [row["annotator"] for row in told["rows"]] == ["ann"]
    store.add_copies(project, 2)
    simulate_labels(store, project, truth, np.random.default_rng(1), noise=0.05)
    out = tmp_path / "out"
    main(["project", "progress", url, "faces", "--landmarks", "--out", str(out), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert [row["landmark"] for row in told["rows"]] == list(project.sparse.names)
    assert told["marked_by_several"] == 6
    with (out / "precision.csv").open() as file:
        rows = list(csv.DictReader(file))
    sigma = {row["landmark"]: row["sigma_percent"] for row in told["rows"]}
    assert {row["landmark"]: float(row["percent"]) for row in rows} == pytest.approx(
        sigma, abs=1e-4
    )
    assert {path.name for path in out.iterdir()} == {
        "annotators.csv", "landmarks.csv", "precision.csv",
    }  # fmt: skip


def test_no_name_of_a_person_becomes_a_formula() -> None:
    assert csv_text([{"annotator": "=1+1", "pictures": 2}]) == "annotator,pictures\n'=1+1,2\n"
