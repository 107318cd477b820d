"""Review: accepting, fixing, sending back, and comments."""

import pytest

from annotate.labelling import Point, placed
from annotate.store import (
    AnnotationStore,
    ConflictError,
    Draft,
    NotReviewableError,
    Project,
    ReviewedError,
    ReviewProgress,
    Revision,
    Status,
    UnknownEntryError,
    Verdict,
)
from datasets.errors import StoreError

POINTS = (placed(1.0, 2.0), placed(3.0, 4.0))


def mark(
    store: AnnotationStore,
    project: Project,
    position: int = 0,
    who: str = "ann",
    points: tuple[Point | None, ...] = POINTS,
) -> Revision:
    item = store.items(project, position, 1)[0]
    base = len(store.revisions(item.id))
    status = Status.OPEN if None in points else Status.DONE
    return store.save(Draft(item.id, who, who, base + 1, base, points, status))


def test_a_revision_is_accepted_until_it_is_changed(
    store: AnnotationStore, project: Project
) -> None:
    saved = mark(store, project)
    review = store.reviews.accept(saved.item, "rev", saved.number)
    assert (review.number, review.verdict, review.revision) == (1, Verdict.ACCEPTED, 1)
    assert store.reviews.current(store.items(project)) == {saved.item: review}
    assert review.stands(saved)
    assert not review.stands(mark(store, project, points=(POINTS[1], POINTS[0])))


def test_a_review_of_what_was_changed_meanwhile_is_refused(
    store: AnnotationStore, project: Project
) -> None:
    first = mark(store, project)
    second = mark(store, project, points=(POINTS[1], POINTS[0]))
    with pytest.raises(ConflictError) as refused:
        store.reviews.accept(first.item, "rev", first.number)
    assert refused.value.current == second
    with pytest.raises(ConflictError):
        store.reviews.send_back(first.item, "rev", first.number, "no")
    assert store.reviews.history(project) == ([], [])


def test_what_has_no_labels_cannot_be_reviewed(store: AnnotationStore, project: Project) -> None:
    item = store.items(project)[0].id
    with pytest.raises(NotReviewableError, match="no labels to review"):
        store.reviews.accept(item, "rev", 0)
    with pytest.raises(UnknownEntryError, match="no item 999"):
        store.reviews.accept(999, "rev", 1)


def test_a_fix_is_a_new_revision_that_is_reviewed(store: AnnotationStore, project: Project) -> None:
    saved = mark(store, project)
    better = (placed(1.5, 2.0), POINTS[1])
    draft = Draft(saved.item, "rev", "tab-rev", 1, saved.number, better, Status.DONE)
    revision, review = store.reviews.fix(draft)
    assert (revision.number, revision.annotator, revision.points) == (2, "rev", better)
    assert (review.verdict, review.revision, review.reviewer) == (Verdict.FIXED, 2, "rev")
    assert store.reviews.fix(draft) == (revision, review)  # sent twice
    assert store.revisions(saved.item) == [saved, revision]


def test_a_fix_of_what_was_changed_meanwhile_leaves_nothing(
    store: AnnotationStore, project: Project
) -> None:
    saved = mark(store, project)
    draft = Draft(saved.item, "rev", "tab-rev", 1, 0, (POINTS[1], POINTS[0]), Status.DONE)
    with pytest.raises(ConflictError):
        store.reviews.fix(draft)
    assert store.reviews.history(project) == ([], [])


def test_a_fix_that_comes_late_reviews_nothing(store: AnnotationStore, project: Project) -> None:
    saved = mark(store, project)
    draft = Draft(saved.item, "rev", "tab-rev", 1, 1, (POINTS[1], POINTS[0]), Status.DONE)
    _, fixed = store.reviews.fix(draft)
    later = store.save(Draft(saved.item, "bea", "tab-bea", 1, 2, (POINTS[0], None), Status.OPEN))
    assert store.reviews.fix(draft) == (later, fixed)
    assert store.reviews.current(store.items(project)) == {saved.item: fixed}
    assert not fixed.stands(later)


def test_a_verdict_that_was_taken_back_waits_again_and_keeps_its_comment(
    store: AnnotationStore, project: Project
) -> None:
    saved = mark(store, project)
    with pytest.raises(NotReviewableError, match="no verdict to take back"):
        store.reviews.withdraw(saved.item, "rev", saved.number)
    store.reviews.send_back(saved.item, "rev", saved.number, "hm")
    assert store.reviews.progress(project, "ann") == ReviewProgress(0, 0, 1, (0,))
    withdrawn = store.reviews.withdraw(saved.item, "rev", saved.number, 1)
    assert (withdrawn.number, withdrawn.stands(saved)) == (2, False)
    assert store.reviews.waiting(project) == (0,)
    assert store.leases.claim(project, "ann", 1).next_open == (1,)
    assert len(store.reviews.comments(store.items(project))[saved.item]) == 1
    store.reviews.accept(saved.item, "rev", saved.number, 2)
    assert store.reviews.progress(project, "ann") == ReviewProgress(0, 1, 0)


def test_two_reviewers_do_not_overrule_each_other_unseen(
    store: AnnotationStore, project: Project
) -> None:
    saved = mark(store, project)
    accepted = store.reviews.accept(saved.item, "rev", saved.number, 0)
    with pytest.raises(ReviewedError, match="'accepted' by rev") as refused:
        store.reviews.send_back(saved.item, "rex", saved.number, "no", seen=0)
    assert refused.value.review == accepted
    assert store.reviews.history(project) == ([accepted], [])
    back = store.reviews.send_back(saved.item, "rex", saved.number, "no", seen=1)
    assert (back.number, back.verdict) == (2, Verdict.RETURNED)


def test_what_is_done_and_has_no_verdict_as_it_is_waits_for_review(
    store: AnnotationStore, project: Project
) -> None:
    assert store.reviews.waiting(project) == ()
    done = [mark(store, project, position) for position in (0, 1, 3)]
    mark(store, project, 2, points=(POINTS[0], None))
    assert store.reviews.waiting(project) == (0, 1, 3)
    assert store.reviews.waiting(project, after=1) == (3, 0, 1)
    assert store.reviews.waiting(project, after=1, count=1) == (3,)
    store.reviews.accept(done[0].item, "rev", 1)
    store.reviews.send_back(done[1].item, "rev", 1, "off")
    assert store.reviews.progress(project, "ann") == ReviewProgress(1, 1, 1, (1,))
    assert store.reviews.progress(project, "bea").yours == ()
    mark(store, project, 1, points=(POINTS[1], None))  # sent back until it is finished anew
    assert store.reviews.progress(project, "ann").yours == (1,)
    mark(store, project, 1, points=(POINTS[1], POINTS[0]))
    mark(store, project, 0, points=(POINTS[1], POINTS[0]))
    assert store.reviews.progress(project, "ann") == ReviewProgress(3, 0, 0)


def test_what_was_sent_back_comes_first_in_its_annotators_queue(
    store: AnnotationStore, project: Project
) -> None:
    bea, ann = mark(store, project, 0, "bea"), mark(store, project, 1, "ann")
    store.reviews.send_back(ann.item, "rev", ann.number, "the left eye is off", 1)
    assert store.leases.claim(project, "ann", 2, after=2).next_open == (1, 3)
    store.leases.release(project, "ann")
    assert store.leases.claim(project, "bea", 3).next_open == (2, 3)
    store.leases.release(project, "bea")
    store.reviews.accept(bea.item, "rev", bea.number)
    half = mark(store, project, 1, points=(POINTS[1], None))
    [review] = [r for r in store.reviews.current(store.items(project)).values() if r.item == 2]
    assert review.stands(half)
    assert store.leases.claim(project, "ann", 2).next_open[0] == 1
    done = mark(store, project, 1, points=(POINTS[1], POINTS[0]))
    assert not review.stands(done)
    assert store.leases.claim(project, "ann", 2).next_open == (2, 3)


def test_accepting_ends_sending_back(store: AnnotationStore, project: Project) -> None:
    saved = mark(store, project)
    store.reviews.send_back(saved.item, "rev", saved.number, "hm")
    store.reviews.accept(saved.item, "rev", saved.number)
    assert store.leases.claim(project, "ann", 1).next_open == (1,)


def test_sending_back_twice_is_one_review_and_one_comment(
    store: AnnotationStore, project: Project
) -> None:
    saved = mark(store, project)
    for _ in range(2):
        store.reviews.send_back(saved.item, "rev", saved.number, "the left eye is off", 1)
    store.reviews.send_back(saved.item, "rev", saved.number, "and the chin")
    reviews, comments = store.reviews.history(project)
    assert [review.verdict for review in reviews] == [Verdict.RETURNED]
    said = [("rev", "the left eye is off", 1), ("rev", "and the chin", None)]
    assert [(c.author, c.text, c.landmark) for c in comments] == said


def test_sending_back_needs_a_reason(store: AnnotationStore, project: Project) -> None:
    saved = mark(store, project)
    with pytest.raises(StoreError, match="needs a text"):
        store.reviews.send_back(saved.item, "rev", saved.number, "  ")
    assert store.reviews.history(project) == ([], [])


def test_comments_are_on_the_picture_or_a_landmark_and_can_be_settled(
    store: AnnotationStore, project: Project
) -> None:
    items = store.items(project)
    one = store.reviews.comment(items[0].id, "ann", " blurred ")
    two = store.reviews.comment(items[0].id, "bea", "pupil or centre?", 0)
    store.reviews.comment(items[3].id, "bea", "twins")
    assert (one.text, one.landmark, one.resolved) == ("blurred", None, None)
    settled = store.reviews.resolve(two.id, "rev")
    assert (settled.resolved_by, settled.resolved is not None) == ("rev", True)
    assert store.reviews.comments(items[:2]) == {items[0].id: [one, settled]}
    assert store.reviews.resolve(two.id, "rev", resolved=False) == two
    for landmark in (-1, 2):
        with pytest.raises(StoreError, match="no landmark"):
            store.reviews.comment(items[0].id, "ann", "x", landmark)
    with pytest.raises(UnknownEntryError, match="no comment 999"):
        store.reviews.resolve(999, "rev")
    assert store.reviews.comments([]) == {}
