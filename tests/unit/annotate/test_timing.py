"""Measured times: which pictures count, what adds up, and what is told apart."""

import pytest

from annotate.exchange import first_draft
from annotate.labelling import ABSENT, placed
from annotate.store import AnnotationStore, Draft, Project, Status
from annotate.timing import Marked, marked_pictures, timing_of
from datasets.errors import StoreError

HERE = placed(10.0, 10.0)


def saved(
    store: AnnotationStore, project: Project, position: int, *steps: tuple[int, float],
    by: str = "ann", status: Status | None = None, begin: int = 0,
) -> None:  # fmt: skip
    """Save a picture step by step: so many points are there after so many seconds more."""
    item = store.items(project, position, 1)[0].id
    m = len(project.sparse)
    for number, (points, seconds) in enumerate(steps, start=1):
        is_done = Status.DONE if points == m else Status.OPEN
        # Moved with every step: a draft that says nothing new is no revision.
        labels = (placed(float(number), 1.0), *[HERE] * (points - 1))[:points]
        store.save(
            Draft(
                item, by, f"tab-{by}", number, begin + number - 1,
                (*labels, *[None] * (m - points)), status or is_done,
                active_ms=round(1000 * seconds),
            )
        )  # fmt: skip


def test_times_add_up_over_the_revisions_of_a_picture(
    store: AnnotationStore, project: Project
) -> None:
    saved(store, project, 0, (1, 5.0), (2, 2.0), (3, 1.5), (3, 0.5))
    assert marked_pictures(store, project) == [Marked("ann", 9.0, 3, 5.0, 1)]


def test_what_is_no_marking_by_hand_does_not_count(
    store: AnnotationStore, project: Project
) -> None:
    saved(store, project, 0, (1, 4.0), (2, 2.0))  # not finished
    saved(store, project, 1, (3, 0.0))  # no time
    saved(store, project, 2, (1, 4.0), (3, 2.0), status=Status.SKIPPED)
    items = store.items(project)
    store.save(first_draft(items[3].id, "imported", (HERE, HERE, HERE)))
    saved(store, project, 3, (3, 60.0), by="bea", begin=1)  # a correction of what was imported
    absent = (ABSENT, ABSENT, ABSENT)
    store.save(Draft(items[4].id, "ann", "tab", 1, 0, absent, Status.DONE, active_ms=3000))
    assert marked_pictures(store, project) == []
    with pytest.raises(StoreError, match="no picture was marked by hand"):
        timing_of([])


def test_a_review_by_somebody_else_is_not_marking(store: AnnotationStore, project: Project) -> None:
    saved(store, project, 0, (1, 5.0), (3, 4.0))
    saved(store, project, 0, (3, 30.0), by="bea", begin=2)
    assert marked_pictures(store, project) == [Marked("ann", 9.0, 3, 5.0, 1)]


def test_time_since_the_same_base_counts_once(store: AnnotationStore, project: Project) -> None:
    """The answer to the first save was lost: the second is since the same base."""
    item = store.items(project)[0].id
    for number, (points, ms) in enumerate([((HERE, None, None), 4000), ((HERE,) * 3, 7000)], 1):
        status = Status.DONE if None not in points else Status.OPEN
        store.save(Draft(item, "ann", "tab", number, 0, points, status, active_ms=ms))
    assert marked_pictures(store, project) == [Marked("ann", 7.0, 3, 4.0, 1)]


def test_points_and_pictures_are_told_apart_by_the_first_point() -> None:
    pictures = [Marked("ann", 4 + 10 * s, 10, 4 + s, 1) for s in (1.0, 2.0, 3.0)]
    found = timing_of([*pictures, Marked("bea", 24.0, 10, 6.0, 1)])
    assert found.seconds_per_point == pytest.approx(2)
    assert found.seconds_per_image == pytest.approx(4)
    assert found.seconds_per_picture == pytest.approx(24)
    assert (found.pictures, found.annotators) == (4, 2)


def test_one_picture_that_was_forgotten_moves_nothing() -> None:
    usual = [Marked("ann", 24.0, 10, 6.0, 1)] * 4
    assert timing_of([*usual, Marked("ann", 900.0, 10, 300.0, 1)]) == timing_of([*usual, usual[0]])


def test_pictures_that_were_saved_at_once_have_no_time_of_their_own() -> None:
    found = timing_of([Marked("ann", 24.0, 10, 24.0, 10), Marked("ann", 12.0, 10, 12.0, 10)])
    assert found.seconds_per_point == pytest.approx(1.8)
    assert found.seconds_per_image is None


def test_a_quick_first_point_makes_no_negative_time() -> None:
    assert timing_of([Marked("ann", 19.0, 10, 1.0, 1)]).seconds_per_image == 0
