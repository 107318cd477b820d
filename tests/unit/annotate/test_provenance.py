"""Where points come from and how long they took, from the browser to the exported table."""

import dataclasses

import pandas as pd
import pytest

from annotate.labelling import (
    ABSENT,
    LabelError,
    Point,
    Source,
    placed,
    point_from_json,
    point_to_json,
    points_from_json,
)
from annotate.provenance import LABELS_FILE, export_labels
from annotate.store import AnnotationStore, Draft, Project, Status
from datasets.dataset import LandmarkDataset
from datasets.shapes import Visibility

ACCEPTED = Point(1.0, 2.0, Visibility.VISIBLE, Source.ACCEPTED, 120)


def test_points_of_older_revisions_are_human_and_of_unknown_time() -> None:
    old = point_from_json({"x": 1.0, "y": 2.0, "v": 2})
    assert (old.source, old.ms) == (Source.HUMAN, None)
    assert point_to_json(old) == {"x": 1.0, "y": 2.0, "v": 2}


@pytest.mark.parametrize(
    "point", [ACCEPTED, dataclasses.replace(ABSENT, ms=40), placed(3, 4), None]
)
def test_provenance_is_read_as_it_was_written(point: Point | None) -> None:
    again = point_from_json(point_to_json(point))
    assert again == point
    assert point is None or (again.source, again.ms) == (point.source, point.ms)
    assert points_from_json([point_to_json(point)], ["eye"]) == (point,)


def test_points_are_equal_where_they_say_the_same_of_the_picture() -> None:
    assert placed(1, 2) == ACCEPTED
    assert len({placed(1, 2), ACCEPTED}) == 1
    assert placed(1, 3) != ACCEPTED
    assert dataclasses.replace(ABSENT, ms=5) == ABSENT


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"src": "robot"}, "eye: expected src human, accepted, corrected, copied, found 'robot'"),
        ({"src": None}, "eye: expected src"), ({"src": ["human"]}, "eye: expected src"),
        ({"ms": -1}, "eye: expected ms"), ({"ms": 1.5}, "eye: expected ms"),
        ({"ms": True}, "eye: expected ms"), ({"ms": 2**31}, "eye: expected ms"),
    ],
)  # fmt: skip
def test_a_wrong_provenance_is_refused_by_name(more: dict[str, object], problem: str) -> None:
    with pytest.raises(LabelError, match=problem):
        points_from_json([{"x": 1, "y": 2, "v": 2, **more}], ["eye"])


def test_the_store_keeps_provenance_and_exports_it_beside_the_shapes(
    store: AnnotationStore, project: Project, tmp_path
) -> None:
    item = store.items(project)[1]
    points = (ACCEPTED, dataclasses.replace(ABSENT, ms=30), placed(5, 6))
    store.save(Draft(item.id, "ann", "tab", 1, 0, points, Status.DONE))
    saved = store.current([item])[item.id].points
    assert [(p.source, p.ms) for p in saved] == [("accepted", 120), ("human", 30), ("human", None)]
    export_labels(store, project, tmp_path / "out")
    assert len(LandmarkDataset.load(tmp_path / "out")) == 1
    table = pd.read_csv(tmp_path / "out" / LABELS_FILE)
    assert list(table["shape_id"]) == [item.content.shape_id] * 3
    assert list(table["landmark"]) == list(project.sparse.names)
    assert list(table["source"]) == ["accepted", "human", "human"]
    assert table["ms"].fillna(-1).tolist() == [120, 30, -1]
    assert table["visibility"].tolist() == [2, 0, 2]
    assert table["x"].isna().tolist() == [False, True, False]
    assert set(table["annotator"]) == {"ann"}


def test_no_name_in_the_table_of_labels_is_a_formula(
    store: AnnotationStore, project: Project, tmp_path
) -> None:
    item = store.items(project)[0]
    store.save(Draft(item.id, "=cmd()", "tab", 1, 0, (placed(1, 2), None, None), Status.OPEN))
    export_labels(store, project, tmp_path / "out")
    assert "'=cmd()" in (tmp_path / "out" / LABELS_FILE).read_text()


def test_the_same_labels_from_elsewhere_are_no_conflict_and_keep_what_they_were(
    store: AnnotationStore, project: Project
) -> None:
    item = store.items(project)[0].id
    first = Draft(item, "ann", "tab", 1, 0, (ACCEPTED, ABSENT, ABSENT), Status.DONE)
    store.save(first)
    same = (placed(1, 2), ABSENT, ABSENT)
    answer = store.save(Draft(item, "bob", "other", 1, 0, same, Status.DONE))
    assert (answer.number, answer.points[0].source) == (1, Source.ACCEPTED)
