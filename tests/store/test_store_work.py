"""Sums over a project: states of pictures, who worked how long, and the copies that have labels."""

import pytest

from annotate.labelling import placed
from annotate.store import AnnotationStore, Draft, Project, States, Status, Work

HERE = (placed(1, 2), placed(3, 4))


def save(
    store: AnnotationStore,
    project: Project,
    position: int,
    who: str = "ann",
    status: Status = Status.DONE,
    *,
    flag: bool = False,
    ms: int = 0,
    x: float = 1.0,
) -> int:
    """Save a next revision; returns its number."""
    item = store.items(project, position, 1)[0]
    base = max((r.number for r in store.revisions(item.id)), default=0)
    points = (placed(x, base), HERE[1])
    draft = Draft(item.id, who, f"tab-{who}", base + 1, base, points, status, flag, ms)
    return store.save(draft).number


def test_an_untouched_project_is_open(store: AnnotationStore, project: Project) -> None:
    assert store.worklog.states(project) == States(4, 4, 0, 0, 0, 0, 0)
    assert store.worklog.work(project) == []
    assert store.worklog.shared(project) == []
    assert store.worklog.history_of([]) == []


def test_states_are_those_of_the_latest_labels(store: AnnotationStore, project: Project) -> None:
    save(store, project, 0, status=Status.OPEN, flag=True)
    save(store, project, 0)
    save(store, project, 1, flag=True)
    save(store, project, 2, status=Status.SKIPPED)
    assert store.worklog.states(project) == States(4, 1, 2, 1, flagged=1, reviewed=0, returned=0)


def test_reviews_count_as_long_as_they_stand(store: AnnotationStore, project: Project) -> None:
    items = [item.id for item in store.items(project)]
    for position in range(4):
        save(store, project, position)
    store.reviews.accept(items[0], "rev", 1)
    store.reviews.accept(items[1], "rev", 1)
    store.reviews.send_back(items[2], "rev", 1, "look again")
    store.reviews.send_back(items[3], "rev", 1, "look again")
    states = store.worklog.states(project)
    assert (states.reviewed, states.returned) == (2, 2)
    save(store, project, 1)  # changed since
    save(store, project, 2, status=Status.OPEN)  # not finished anew
    save(store, project, 3)
    states = store.worklog.states(project)
    assert (states.reviewed, states.returned, states.open) == (1, 1, 1)
    store.reviews.send_back(items[0], "rev", 1, "on second thoughts")
    states = store.worklog.states(project)
    assert (states.reviewed, states.returned) == (0, 2)


def test_work_is_summed_by_picture_and_person(store: AnnotationStore, project: Project) -> None:
    save(store, project, 0, status=Status.OPEN, ms=1500)
    save(store, project, 0, ms=500)
    save(store, project, 0, "bea", ms=250)
    save(store, project, 1, "bea", Status.SKIPPED, ms=1000)
    first, second = (item.id for item in store.items(project, 0, 2))
    found = {(one.item, one.annotator): one for one in store.worklog.work(project)}
    done = {key: one.done for key, one in found.items()}
    created = [revision.created for revision in store.revisions(first)]
    assert done == {(first, "ann"): created[1], (first, "bea"): created[2], (second, "bea"): None}
    assert [found[key].active_s for key in sorted(found)] == [2.0, 0.25, 1.0]


def test_time_since_the_same_base_counts_once(store: AnnotationStore, project: Project) -> None:
    """The answer to the first save was lost: the second is since the same base."""
    item = store.items(project)[0].id
    for sequence, ms in ((1, 4000), (2, 7000)):
        points = (placed(sequence, 1), HERE[1])
        store.save(Draft(item, "ann", "tab", sequence, 0, points, Status.DONE, active_ms=ms))
    (found,) = store.worklog.work(project)
    assert isinstance(found, Work)
    assert found.active_s == 7.0


def test_histories_of_chosen_items_are_whole(store: AnnotationStore, project: Project) -> None:
    for position in (0, 1, 1, 2):
        save(store, project, position)
    items = [item.id for item in store.items(project)]
    found = store.worklog.history_of([items[1], items[3], items[2]])
    assert found == [*store.revisions(items[1]), *store.revisions(items[2])]


def test_shared_are_the_copies_of_which_two_have_labels(
    store: AnnotationStore, project: Project
) -> None:
    store.add_copies(project, 2)
    for position, who in ((0, "ann"), (1, "ann"), (4, "bea"), (5, "bea"), (2, "ann")):
        save(store, project, position, who)
    found = store.worklog.shared(project)
    assert [item.position for item, _ in found] == [0, 1, 4, 5]
    assert [revision.annotator for _, revision in found] == ["ann", "ann", "bea", "bea"]
    some = store.worklog.shared(project, most_shapes=1)
    assert [item.position for item, _ in some] == [1, 5]


@pytest.mark.parametrize("count", [1, 3])
def test_projects_are_told_apart(store: AnnotationStore, project: Project, count: int) -> None:
    items = [item.content for item in store.items(project, 0, count)]
    other = store.create_project("other", project.sparse, items)
    save(store, project, 0, ms=1000)
    assert store.worklog.states(other).open == count
    assert store.worklog.work(other) == []
