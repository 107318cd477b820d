"""Gold pictures: who gets which when, that nothing else counts them, and that truths stay."""

from collections.abc import Callable, Iterator

import pytest

from annotate.labelling import placed
from annotate.store import (
    AnnotationStore,
    Draft,
    GoldPlan,
    OthersGoldError,
    Project,
    Status,
    open_store,
)
from datasets.errors import StoreError
from tests.store.old_stores import make_old_store

TRUTH = (placed(10, 10), placed(20, 20))


class Clock:
    """Time that passes with every look at it."""

    now = 1_000_000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def store(store_url: str) -> Iterator[AnnotationStore]:
    opened = open_store(store_url, clock=Clock())
    yield opened
    opened.close()


@pytest.fixture
def project(store: AnnotationStore, make_project: Callable[..., Project]) -> Project:
    """Ten pictures, of which an expert has marked the last two."""
    made = make_project(store, 10)
    for position in (8, 9):
        mark(store, made, position, "expert")
    return made


def mark(
    store: AnnotationStore, project: Project, position: int, who: str, x: float = 11.0,
    status: Status = Status.DONE,
) -> int:  # fmt: skip
    item = store.items(project, position, 1)[0]
    base = max((r.number for r in store.revisions(item.id)), default=0)
    draft = Draft(item.id, who, f"tab-{who}", base + 1, base, (placed(x, 10), TRUTH[1]), status)
    store.save(draft, at_work=True)
    return item.id


def golds(store: AnnotationStore, project: Project, every: int = 3) -> None:
    store.golds.set(project, every, {"face-8": TRUTH, "face-9": TRUTH})


def walk(store: AnnotationStore, project: Project, who: str, steps: int) -> list[int]:
    """The positions somebody is led to who marks each picture and goes on."""
    here: int | None = None
    seen = []
    for _ in range(steps):
        claim = store.leases.claim(project, who, 2, after=here)
        nexts = claim.next_open if here is None else claim.way
        if not nexts:
            break
        here = nexts[0]
        seen.append(here)
        mark(store, project, here, who)
    return seen


def test_every_third_picture_is_a_gold_one_not_seen_before(
    store: AnnotationStore, project: Project
) -> None:
    golds(store, project)
    assert store.golds.plan(project) == GoldPlan(3, 2)
    seen = walk(store, project, "ann", 10)
    assert seen == [0, 1, 10, 2, 3, 11, 4, 5, 6, 7]  # there are but two
    copies = store.items(project, 10)
    assert {item.content.shape_id for item in copies} == {"face-8", "face-9"}
    assert [item.copy for item in copies] == [-1, -1]
    assert [item.is_gold for item in store.items(project, 9, 2)] == [False, True]


def test_each_person_has_copies_of_their_own(store: AnnotationStore, project: Project) -> None:
    golds(store, project)
    assert walk(store, project, "ann", 3) == [0, 1, 10]
    assert walk(store, project, "bea", 3) == [4, 5, 11]  # ann holds 2 and 3
    assert [answer.annotator for answer in store.golds.answers(project)] == ["ann", "bea"]
    assert [answer.annotator for answer in store.golds.answers(project, "bea")] == ["bea"]


def test_who_made_the_truth_gets_no_gold_picture(store: AnnotationStore, project: Project) -> None:
    golds(store, project, every=2)
    assert walk(store, project, "expert", 8) == list(range(8))


def test_signs_of_life_make_no_second_one_and_it_waits(
    store: AnnotationStore, project: Project
) -> None:
    golds(store, project, every=2)
    mark(store, project, 0, "ann")
    for _ in range(3):
        claim = store.leases.claim(project, "ann", 2, after=1)
        assert (claim.next_open[0], claim.way[0]) == (10, 10)
    assert len(store.items(project)) == 11
    store.leases.claim(project, "ann", 2, after=2)  # somebody passed it by
    claim = store.leases.claim(project, "ann", 2, after=2)
    assert (claim.next_open[0], claim.way[0]) == (10, 3)
    claim = store.leases.claim(project, "ann", 2, after=10)
    assert claim.way[0] == 2  # on from the picture it follows
    assert 10 not in claim.next_open


def test_nobody_is_led_to_the_gold_picture_of_another(
    store: AnnotationStore, project: Project
) -> None:
    golds(store, project, every=2)
    store.leases.claim(project, "ann", 2, after=0)
    claim = store.leases.claim(project, "bea", 20)
    assert claim.next_open == (3, 4, 5, 6, 7)  # ann holds 0, 1 and 2
    assert 10 not in claim.way


def test_nobody_marks_the_gold_picture_of_another(store: AnnotationStore, project: Project) -> None:
    golds(store, project, every=2)
    store.leases.claim(project, "ann", 2, after=0)
    item = store.items(project, 10, 1)[0]
    draft = Draft(item.id, "bea", "tab-bea", 1, 0, TRUTH, Status.DONE)
    with pytest.raises(OthersGoldError, match="for somebody else"):
        store.save(draft, at_work=True)
    with pytest.raises(OthersGoldError, match="for somebody else"):
        store.reviews.fix(draft)
    assert store.golds.show(item.id, "ann") is None  # it is not finished
    mark(store, project, 10, "ann")
    assert store.golds.show(item.id, "ann") is not None


def test_answers_count_nowhere_else(store: AnnotationStore, project: Project) -> None:
    golds(store, project)
    before = store.counts(project)
    walk(store, project, "ann", 3)
    after = store.counts(project)
    assert (after.total, after.done) == (before.total, before.done + 2)
    assert store.extent(project) == 11
    assert store.worklog.states(project).total == 10
    assert len(store.worklog.work(project)) == 4
    assert store.first_open(project) == 2
    assert store.worklog.shared(project) == []
    assert store.add_copies(project, 2, 0.1) == 1
    assert store.items(project)[-1].copy == 2
    assert store.items(project)[-1].position == 11


def test_what_was_shown_is_what_counts_and_the_truth_stays(
    store: AnnotationStore, project: Project
) -> None:
    golds(store, project)
    item = store.items(project, walk(store, project, "ann", 3)[-1], 1)[0]
    assert store.golds.show(item.id, "bea") is None
    assert store.golds.show(store.items(project)[0].id, "ann") is None
    mark(store, project, item.position, "ann", x=12.0)
    (found,) = store.golds.answers(project)
    assert (found.labels.number, found.is_shown, found.truth) == (2, False, TRUTH)
    shown = store.golds.show(item.id, "ann")
    assert shown is not None
    assert shown.labels.points[0] == placed(12, 10)
    mark(store, project, item.position, "ann", x=10.0)  # now that they know
    mark(store, project, 8, "expert", x=50.0)  # the picture the truth came from is changed
    (found,) = store.golds.answers(project)
    assert (found.labels.number, found.is_shown, found.truth) == (2, True, TRUTH)
    store.golds.set(project, 5, {"face-8": (placed(1, 1), placed(2, 2))})
    assert store.golds.answers(project)[0].truth == TRUTH


def test_an_unfinished_answer_is_none(store: AnnotationStore, project: Project) -> None:
    golds(store, project, every=2)
    position = store.leases.claim(project, "ann", 2, after=0).way[0]
    item = mark(store, project, position, "ann", status=Status.OPEN)
    assert store.golds.answers(project) == []
    assert store.golds.show(item, "ann") is None
    mark(store, project, position, "ann", status=Status.SKIPPED)
    assert store.golds.answers(project) == []
    assert store.leases.claim(project, "ann", 2, after=1).way[0] == 11  # the next one's turn


def test_ghosts_go_with_the_copy(store: AnnotationStore, project: Project) -> None:
    items = store.items(project)
    store.set_ghosts(project, "net", {item.id: TRUTH for item in items})
    golds(store, project, every=2)
    position = store.leases.claim(project, "ann", 2, after=0).way[0]
    assert len(store.ghosts(store.items(project, position, 1))) == 1


def test_what_was_sent_back_comes_before_a_gold_picture(
    store: AnnotationStore, project: Project
) -> None:
    golds(store, project, every=2)
    store.reviews.send_back(mark(store, project, 3, "ann"), "rev", 1, "look again")
    assert store.leases.claim(project, "ann", 3).next_open == (3, 10, 0, 1)
    mark(store, project, 3, "ann")
    assert store.leases.claim(project, "ann", 3).next_open == (10, 0, 1, 2)


def test_no_more_are_handed_out_when_stopped(store: AnnotationStore, project: Project) -> None:
    golds(store, project, every=2)
    store.golds.stop(project)
    assert store.golds.plan(project) is None
    assert walk(store, project, "ann", 9) == list(range(8))


def test_what_makes_no_sense_is_refused_and_changes_nothing(
    store: AnnotationStore, project: Project
) -> None:
    for every, truths, problem in (
        (1, {"face-8": TRUTH}, "every 2 pictures or more, found 1"),
        (3, {}, "no gold picture to hand out"),
        (3, {"elsewhere": TRUTH}, "has no picture 'elsewhere'"),
        (3, {"face-8": TRUTH[:1]}, "expected 2 true points, found 1"),
    ):
        with pytest.raises(StoreError, match=problem):
            store.golds.set(project, every, truths)
    assert store.golds.plan(project) is None


def test_a_store_without_golds_is_brought_up_to_date_in_place(store_url: str) -> None:
    make_old_store(store_url, steps=6)
    opened = open_store(store_url, clock=Clock())
    project = opened.project("faces")
    opened.golds.set(project, 2, {"f1": TRUTH})
    assert opened.leases.claim(project, "bea", after=0).way == (3, 1, 2)
    mark(opened, project, 3, "bea")
    assert [answer.annotator for answer in opened.golds.answers(project)] == ["bea"]
    assert [revision.annotator for revision in opened.history(project)] == ["ann", "bea"]
    opened.close()
