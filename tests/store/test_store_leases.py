"""Leases: two people never get the same picture, unless copies of it are asked for."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from annotate.labelling import placed
from annotate.store import (
    LEASE_S,
    AnnotationStore,
    CopyError,
    Draft,
    NewItem,
    Project,
    Status,
    open_store,
)
from datasets.errors import StoreError
from datasets.formats import SparseFormat, landmark_format


class Clock:
    """Time that passes when a test says so."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(store_url: str, clock: Clock) -> Iterator[AnnotationStore]:
    opened = open_store(store_url, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def project(store: AnnotationStore, make_project: Callable[..., Project]) -> Project:
    return make_project(store, 10)


def mark(
    store: AnnotationStore,
    project: Project,
    position: int,
    who: str,
    status: Status = Status.DONE,
) -> None:
    item = store.items(project, position, 1)[0]
    numbers = [revision.number for revision in store.revisions(item.id)]
    points = (placed(1.0 + len(numbers), 2.0), placed(3, 4))
    base = max(numbers, default=0)
    drafted = Draft(item.id, who, f"tab-{who}", base + 1, base, points, status)
    store.save(drafted, at_work=True)


def test_a_claim_gives_the_next_open_items_in_their_order(
    store: AnnotationStore, project: Project
) -> None:
    mark(store, project, 1, "ann")
    claim = store.leases.claim(project, "ann", 3)
    assert claim.next_open == (0, 2, 3)
    assert claim.way == (0, 1, 2, 3)
    assert not claim.is_end


def test_two_people_never_get_the_same(store: AnnotationStore, project: Project) -> None:
    assert store.leases.claim(project, "ann", 3).next_open == (0, 1, 2)
    bea = store.leases.claim(project, "bea", 3)
    assert (bea.next_open, bea.way) == ((3, 4, 5), (3, 4, 5))
    assert store.leases.claim(project, "ann", 3).next_open == (0, 1, 2)


def test_the_way_leads_past_what_is_somebody_elses(
    store: AnnotationStore, project: Project, clock: Clock
) -> None:
    store.leases.claim(project, "ann", 3)
    mark(store, project, 0, "ann")
    store.leases.claim(project, "bea", 2)
    mark(store, project, 3, "bea")
    claim = store.leases.claim(project, "ann", 3, after=0)
    assert (claim.next_open, claim.way) == ((1, 2, 5), (1, 2, 5))
    clock.now += LEASE_S + 1  # what bea did stays hers, what she only held does not
    items = store.items(project)
    assert store.leases.holders(items) == {items[0].id: "ann", items[3].id: "bea"}
    claim = store.leases.claim(project, "ann", 3, after=2)
    assert (claim.next_open, claim.way) == ((4, 5, 6), (4, 5, 6))


def test_one_person_alone_walks_through_everything(
    store: AnnotationStore, project: Project
) -> None:
    for position in (0, 1, 4):
        mark(store, project, position, "imported")
    store.leases.release(project, "imported")  # as imports do not sit at a picture
    seen = [0]
    while True:
        claim = store.leases.claim(project, "ann", 2, after=seen[-1])
        seen += claim.way[:1]
        if not claim.way:
            break
    assert claim.is_end
    assert seen == list(range(10))


def test_the_queue_goes_round(store: AnnotationStore, project: Project) -> None:
    assert store.leases.claim(project, "ann", 4, after=7).next_open == (8, 9, 0, 1)
    claim = store.leases.claim(project, "ann", 4, after=9)
    assert (claim.way, claim.is_end) == ((), True)


def test_a_lease_ends_by_itself_and_is_renewed_by_a_save_and_a_sign_of_life(
    store: AnnotationStore, project: Project, clock: Clock
) -> None:
    store.leases.claim(project, "ann", 3)
    items = [item.id for item in store.items(project)]
    clock.now += LEASE_S - 1
    mark(store, project, 0, "ann", Status.OPEN)
    assert store.leases.renew(items[1], "ann")
    assert not store.leases.renew(items[1], "bea")
    clock.now += 2
    assert store.leases.claim(project, "bea", 2).next_open == (2, 3)
    assert store.leases.holders(store.items(project))[items[0]] == "ann"


def test_saving_what_somebody_else_holds_is_possible_and_leaves_it_to_them(
    store: AnnotationStore, project: Project
) -> None:
    store.leases.claim(project, "ann", 1)
    mark(store, project, 0, "bea", Status.OPEN)
    item = store.items(project)[0].id
    assert store.leases.holders(store.items(project)) == {item: "ann"}
    assert [revision.annotator for revision in store.revisions(item)] == ["bea"]


def test_what_is_given_back_is_free(store: AnnotationStore, project: Project) -> None:
    store.leases.claim(project, "ann", 3)
    store.leases.release(project, "ann")
    assert store.leases.holders(store.items(project)) == {}
    assert store.leases.claim(project, "bea", 3).next_open == (0, 1, 2)


def test_many_people_at_once_get_different_pictures(
    store: AnnotationStore, project: Project
) -> None:
    got: dict[str, tuple[int, ...]] = {}
    gate = threading.Barrier(5)

    def work(name: str) -> None:
        gate.wait(timeout=30)
        got[name] = store.leases.claim(project, name, 2).next_open

    threads = [threading.Thread(target=work, args=(f"p{k}",)) for k in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(position for positions in got.values() for position in positions) == list(
        range(10)
    )


def test_projects_do_not_share_leases(store: AnnotationStore, project: Project) -> None:
    sparse = SparseFormat(landmark_format("mafl-5"), (0, 2), (0, 0, 2, 2, 2))
    other = store.create_project("other", sparse, [NewItem("face-0", Path("/a.png"), 9, 9)])
    assert store.leases.claim(other, "ann", 5).next_open == (0,)
    assert store.leases.claim(project, "bea", 2).next_open == (0, 1)


def test_copies_are_spread_evenly_and_added_once(store: AnnotationStore, project: Project) -> None:
    assert store.add_copies(project, 2, 0.3) == 3
    added = store.items(project, 10)
    assert [(i.content.shape_id, i.copy, i.position) for i in added] == [
        ("face-1", 2, 10), ("face-5", 2, 11), ("face-8", 2, 12),
    ]  # fmt: skip
    assert store.add_copies(project, 2, 0.3) == 0
    assert store.add_copies(project, 3, 0.3) == 3
    assert store.counts(project).total == 16
    with pytest.raises(StoreError, match="0 < share <= 1"):
        store.add_copies(project, 2, 1.5)
    with pytest.raises(StoreError, match=r"expected 1 to 100 copies .* found 1000000"):
        store.add_copies(project, 1_000_000)


def test_copies_have_the_ghosts_of_their_picture(store: AnnotationStore, project: Project) -> None:
    ghosts = (placed(3, 4), None)
    store.set_ghosts(project, "net", {store.items(project, 5, 1)[0].id: ghosts})
    store.add_copies(project, 2)
    items = store.items(project)
    assert store.ghosts(items) == {items[5].id: ghosts, items[15].id: ghosts}


def test_one_person_never_gets_two_copies_of_a_shape(
    store: AnnotationStore, project: Project
) -> None:
    store.add_copies(project, 2)
    shapes = {item.position: item.content.shape_id for item in store.items(project)}
    seen: dict[str, list[str]] = {"ann": [], "bea": []}
    for k in range(10):
        for name in ("ann", "bea"):
            claim = store.leases.claim(project, name, 3)
            assert len({shapes[position] for position in claim.next_open}) == min(3, 10 - k)
            mark(store, project, claim.next_open[0], name)
            seen[name].append(shapes[claim.next_open[0]])
    for name in ("ann", "bea"):
        assert sorted(seen[name]) == sorted(set(shapes.values()))
    assert store.counts(project).open == 0


def test_copies_stand_beside_each_other_in_the_queue(
    store: AnnotationStore, project: Project
) -> None:
    store.add_copies(project, 2, 0.1)  # face-5 again, at position 10
    store.leases.claim(project, "ann", 6)
    claim = store.leases.claim(project, "bea", 3)
    assert (claim.next_open, claim.way) == ((10, 6, 7), (10, 6, 7))
    mark(store, project, 10, "bea")
    assert store.leases.claim(project, "bea", 2, after=10).way == (6, 7)


def test_a_person_who_marked_one_copy_is_not_led_to_the_other(
    store: AnnotationStore, project: Project
) -> None:
    store.add_copies(project, 2, 0.1)
    for position in range(10):
        mark(store, project, position, "ann")
    claim = store.leases.claim(project, "ann", 3, after=5)
    assert (claim.next_open, claim.way, claim.is_end) == ((), (6, 7, 8, 9), True)


def test_a_copy_is_refused_to_who_marked_another_copy_of_it(
    store: AnnotationStore, project: Project
) -> None:
    store.add_copies(project, 2, 0.1)  # face-5 again, at position 10
    mark(store, project, 5, "ann")
    mark(store, project, 5, "ann")  # their own they may mend
    items = store.items(project)
    assert store.marked_copies(items, "ann") == {items[10].id: 1}
    assert store.marked_copies(items, "bea") == {}
    with pytest.raises(CopyError, match="ann has marked copy 1 of this picture"):
        mark(store, project, 10, "ann")
    assert store.revisions(items[10].id) == []
    mark(store, project, 10, "bea")
    assert store.marked_copies(items, "bea") == {items[5].id: 2}


def test_who_marked_both_copies_before_that_was_refused_may_mend_both(
    store: AnnotationStore, project: Project
) -> None:
    store.add_copies(project, 2, 0.1)
    items = store.items(project)
    for item in (items[5], items[10]):
        store.save(Draft(item.id, "ann", "old", 1, 0, (placed(1, 2), None), Status.OPEN))
    assert store.marked_copies(items, "ann") == {}
    mark(store, project, 10, "ann")
