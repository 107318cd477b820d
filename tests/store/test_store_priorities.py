"""Priorities: the queue hands out the highest first, and goes on downwards from where one is."""

from collections.abc import Callable

from annotate.labelling import placed
from annotate.store import AnnotationStore, Draft, Project, Status, open_store
from tests.store.old_stores import make_old_store

SCORES = {3: 0.9, 5: 0.1, 1: 0.5}


def prioritise(store: AnnotationStore, project: Project) -> list[int]:
    """Give `SCORES` to positions; returns the numbers of all items."""
    items = [item.id for item in store.items(project)]
    store.set_priorities(project, {items[position]: score for position, score in SCORES.items()})
    return items


def mark(store: AnnotationStore, item: int, who: str, status: Status = Status.DONE) -> None:
    base = max((r.number for r in store.revisions(item)), default=0)
    points = (placed(base, 1), placed(3, 4))
    store.save(Draft(item, who, who, base + 1, base, points, status), at_work=True)


def test_scores_go_before_positions(
    store: AnnotationStore, make_project: Callable[..., Project]
) -> None:
    project = make_project(store, 7)
    prioritise(store, project)
    assert store.priorities(project) == 3
    claim = store.leases.claim(project, "ann", 5)
    assert claim.next_open == (3, 1, 5, 0, 2)
    assert claim.way == (3, 1, 5, 0, 2)
    assert store.leases.claim(project, "bea", 5).next_open == (4, 6)


def test_the_way_goes_on_downwards_and_round(
    store: AnnotationStore, make_project: Callable[..., Project]
) -> None:
    project = make_project(store, 7)
    items = prioritise(store, project)
    mark(store, items[3], "ann")
    mark(store, items[5], "bea")
    assert store.leases.claim(project, "ann", 3).next_open == (1, 0, 2)
    claim = store.leases.claim(project, "ann", 3, after=1)
    assert (claim.next_open, claim.way) == ((0, 2, 4), (0, 2, 4))
    claim = store.leases.claim(project, "ann", 3, after=6)
    assert (claim.next_open, claim.way, claim.is_end) == ((1, 0, 2), (), True)


def test_what_was_sent_back_goes_before_every_score(
    store: AnnotationStore, make_project: Callable[..., Project]
) -> None:
    project = make_project(store, 7)
    items = prioritise(store, project)
    mark(store, items[6], "ann")
    store.reviews.send_back(items[6], "rev", 1, "look again")
    assert store.leases.claim(project, "ann", 3).next_open == (6, 3, 1)


def test_equal_scores_keep_the_order_of_the_project(
    store: AnnotationStore, make_project: Callable[..., Project]
) -> None:
    project = make_project(store, 5)
    items = [item.id for item in store.items(project)]
    store.set_priorities(project, dict.fromkeys(reversed(items[1:]), 0.25))
    assert store.leases.claim(project, "ann", 9).next_open == (1, 2, 3, 4, 0)
    assert store.leases.claim(project, "ann", 9, after=2).way == (3, 4, 0)


def test_copies_are_where_the_first_of_them_is(
    store: AnnotationStore, make_project: Callable[..., Project]
) -> None:
    project = make_project(store, 4)
    items = [item.id for item in store.items(project)]
    store.set_priorities(project, {items[2]: 1.0})
    store.add_copies(project, 2)
    assert store.leases.claim(project, "ann", 1).next_open == (2,)
    assert store.leases.claim(project, "bea", 2).next_open == (6, 0)


def test_new_priorities_take_the_place_of_the_old_in_one_project_alone(
    store: AnnotationStore, make_project: Callable[..., Project]
) -> None:
    project = make_project(store, 7)
    items = prioritise(store, project)
    contents = [item.content for item in store.items(project)]
    other = store.create_project("other", project.sparse, contents)
    store.set_priorities(other, {items[0]: 1.0})  # not an item of that project
    assert (store.priorities(project), store.priorities(other)) == (3, 0)
    store.set_priorities(project, {items[4]: -1.0})
    assert store.leases.claim(project, "ann", 2).next_open == (4, 0)
    store.set_priorities(project, {})
    assert store.priorities(project) == 0


def test_a_store_without_priorities_is_brought_up_to_date_in_place(store_url: str) -> None:
    make_old_store(store_url, steps=5)
    opened = open_store(store_url)
    project = opened.project("faces")
    assert opened.leases.claim(project, "bea").next_open == (0, 2)
    opened.set_priorities(project, {3: 1.0})
    assert opened.leases.claim(project, "bea").next_open == (2, 0)
    assert [revision.annotator for revision in opened.history(project)] == ["ann"]
    opened.close()
