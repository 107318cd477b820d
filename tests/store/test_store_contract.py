"""What every store must do, whatever database is below it."""

import dataclasses
import threading
from pathlib import Path

import pytest

from annotate.labelling import ABSENT, placed
from annotate.store import (
    AnnotationStore,
    ConflictError,
    Draft,
    NewItem,
    Project,
    Status,
    UnknownEntryError,
    open_store,
)
from datasets.errors import StoreError
from datasets.formats import SparseFormat, landmark_format
from datasets.shapes import Visibility

SPARSE = SparseFormat(landmark_format("mafl-5"), (0, 2), (0, 0, 2, 2, 2))


def draft(item: int, sequence: int = 1, **changes: object) -> Draft:
    points = (placed(1.0, 2.0 + sequence), None)
    made = Draft(item, "ann", "tab-1", sequence, 0, points, Status.OPEN)
    return dataclasses.replace(made, **changes)


def first_item(store: AnnotationStore, project: Project) -> int:
    return store.items(project)[0].id


def test_a_project_is_read_back_as_it_was_made(store: AnnotationStore) -> None:
    item = NewItem("a", Path("/x/a.png"), 10, 20, (1.0, 2.0, 3.0, 4.5), "train", "anna")
    guide = [(0.0, float(i)) for i in range(5)]
    made = store.create_project("faces", SPARSE, [item], guide)
    again = store.project("faces")
    assert again == made
    assert again.sparse == SPARSE
    assert again.sparse.dense.spans == SPARSE.dense.spans
    assert again.guide == tuple(guide)
    assert store.project(made.id) == made
    assert [found.content for found in store.items(made)] == [item]


def test_ghosts_are_copies_for_one_project_and_replace_each_other(
    store: AnnotationStore, project: Project
) -> None:
    items = store.items(project)
    other = store.create_project("other", SPARSE, [items[0].content])
    assert store.ghost_source(project) is None
    assert store.ghosts(items) == {}
    store.set_ghosts(other, "elsewhere", {store.items(other)[0].id: (placed(9, 9), None)})
    store.set_ghosts(project, "run", {items[i].id: (placed(i, 1), None) for i in range(3)})
    assert store.ghosts(items[1:]) == {items[i].id: (placed(i, 1), None) for i in (1, 2)}
    store.set_ghosts(project, "better", {items[3].id: (None, placed(7, 8, Visibility.OCCLUDED))})
    assert store.ghosts(items) == {items[3].id: (None, placed(7, 8, Visibility.OCCLUDED))}
    source = store.ghost_source(project)
    assert (source.name, source.pictures) == ("better", 1)
    store.set_ghosts(project, "", {})
    assert store.ghost_source(project) is None
    assert store.ghost_source(other).name == "elsewhere"
    assert store.current(items) == {}
    assert store.ghosts([]) == {}


def test_a_project_needs_a_free_name_and_pictures_that_differ(
    store: AnnotationStore, project: Project
) -> None:
    item = NewItem("a", Path("/x/a.png"), 10, 20)
    with pytest.raises(StoreError, match="already"):
        store.create_project(project.name, SPARSE, [item])
    with pytest.raises(StoreError, match="name"):
        store.create_project("  ", SPARSE, [item])
    with pytest.raises(StoreError, match="at least one picture"):
        store.create_project("empty", SPARSE, [])
    with pytest.raises(StoreError, match="does not fit"):
        store.create_project("twice", SPARSE, [item, item])
    with pytest.raises(StoreError, match="the guide has 2 points"):
        store.create_project("guided", SPARSE, [item], [(0.0, 0.0)] * 2)
    assert [found.name for found in store.projects()] == ["faces"]


def test_unknown_projects_and_items_are_named(store: AnnotationStore, project: Project) -> None:
    with pytest.raises(UnknownEntryError, match="'cats'; projects are: faces"):
        store.project("cats")
    with pytest.raises(UnknownEntryError, match="no item 999"):
        store.item(999)
    with pytest.raises(UnknownEntryError, match="no item 999"):
        store.save(draft(999))
    assert store.item(first_item(store, project)).content.shape_id == "face-0"


def test_a_saved_draft_becomes_the_first_revision(store: AnnotationStore, project: Project) -> None:
    points = (placed(1.5, -2.25, Visibility.OCCLUDED), ABSENT)
    sent = draft(
        first_item(store, project), points=points, status=Status.DONE, flag=True, active_ms=1234
    )
    saved = store.save(sent)
    assert saved.number == 1
    assert (saved.points, saved.status, saved.flag) == (points, Status.DONE, True)
    assert (saved.annotator, saved.writer, saved.active_ms) == ("ann", "tab-1", 1234)
    assert store.revisions(sent.item) == [saved]


def test_revisions_are_only_ever_added(store: AnnotationStore, project: Project) -> None:
    item = first_item(store, project)
    saved = [store.save(draft(item, sequence)) for sequence in (1, 2, 3)]
    assert [revision.number for revision in saved] == [1, 2, 3]
    assert store.revisions(item) == saved
    assert store.current(store.items(project)) == {item: saved[-1]}


def test_sending_again_changes_nothing(store: AnnotationStore, project: Project) -> None:
    item = first_item(store, project)
    first = store.save(draft(item))
    assert store.save(draft(item)) == first
    assert len(store.revisions(item)) == 1


def test_what_arrives_late_from_the_same_writer_is_dropped(
    store: AnnotationStore, project: Project
) -> None:
    item = first_item(store, project)
    newest = store.save(draft(item, 7))
    assert store.save(draft(item, 6)) == newest
    assert store.revisions(item) == [newest]


def test_the_same_writer_need_not_have_heard_of_its_own_revision(
    store: AnnotationStore, project: Project
) -> None:
    item = first_item(store, project)
    store.save(draft(item, 1, base=0))
    assert store.save(draft(item, 2, base=0)).number == 2


def test_another_writer_must_have_seen_the_current_revision(
    store: AnnotationStore, project: Project
) -> None:
    item = first_item(store, project)
    current = store.save(draft(item))
    other = draft(item, 5, writer="tab-2", annotator="bea", base=0)
    with pytest.raises(ConflictError, match="changed by ann") as refused:
        store.save(other)
    assert refused.value.current == current
    assert store.revisions(item) == [current]
    assert store.save(dataclasses.replace(other, base=1)).number == 2


def test_a_writer_that_was_overtaken_is_refused_too(
    store: AnnotationStore, project: Project
) -> None:
    item = first_item(store, project)
    store.save(draft(item, 1))
    theirs = store.save(draft(item, 9, writer="tab-2", base=1))
    with pytest.raises(ConflictError) as refused:
        store.save(draft(item, 2, base=1))
    assert refused.value.current == theirs


def test_the_same_labels_from_two_writers_are_no_conflict(
    store: AnnotationStore, project: Project
) -> None:
    item = first_item(store, project)
    first = store.save(draft(item))
    assert store.save(draft(item, writer="tab-2")) == first


@pytest.mark.parametrize("writer", ["tab-1", "tab-2"])
def test_what_is_late_stays_out_though_it_was_undone_meanwhile(
    store: AnnotationStore, project: Project, writer: str
) -> None:
    """An edit is overtaken by the undo that follows it, which leaves the labels as they were."""
    item = first_item(store, project)
    before = store.save(draft(item))
    undone = store.save(draft(item, 3, writer=writer, base=1, points=before.points))
    assert undone.points == before.points
    assert store.save(draft(item, 2, writer=writer, base=1)).points == before.points
    assert store.current(store.items(project))[item].points == before.points


def test_a_first_save_of_the_same_labels_adds_nothing(
    store: AnnotationStore, project: Project
) -> None:
    item = first_item(store, project)
    saved = store.save(draft(item))
    assert store.save(draft(item, writer="tab-2", base=1, points=saved.points)) == saved
    assert store.save(draft(item, 5, writer="tab-3", base=0, points=saved.points)) == saved
    assert store.revisions(item) == [saved]


def test_saving_many_is_all_or_nothing(store: AnnotationStore, project: Project) -> None:
    one, two, *_ = [item.id for item in store.items(project)]
    with pytest.raises(UnknownEntryError):
        store.save_all([draft(one), draft(two), draft(999)])
    assert store.revisions(one) == []
    assert [revision.item for revision in store.save_all([draft(one), draft(two)])] == [one, two]


def test_labels_of_another_format_are_refused(store: AnnotationStore, project: Project) -> None:
    with pytest.raises(StoreError, match="expected 2 landmarks, found 1"):
        store.save(draft(first_item(store, project), points=(None,)))


def test_the_history_of_a_project_is_all_its_revisions_item_by_item(
    store: AnnotationStore, project: Project
) -> None:
    other = store.create_project("other", SPARSE, [NewItem("a", Path("/a.png"), 9, 9)])
    one, two, *_ = [item.id for item in store.items(project)]
    assert store.history(project) == []
    store.save(draft(two, 1, active_ms=700))
    store.save(draft(one, 1))
    store.save(draft(two, 2, base=1))
    store.save(draft(first_item(store, other)))
    found = store.history(project)
    assert [(r.item, r.number) for r in found] == [(one, 1), (two, 1), (two, 2)]
    assert found == store.revisions(one) + store.revisions(two)
    assert [r.active_ms for r in found] == [0, 700, 0]


def test_counts_and_the_first_open_item_follow_the_latest_revisions(
    store: AnnotationStore, project: Project
) -> None:
    items = [item.id for item in store.items(project)]
    assert store.first_open(project) == 0
    store.save(draft(items[0], status=Status.DONE))
    store.save(draft(items[1], status=Status.SKIPPED))
    counts = store.counts(project)
    assert (counts.total, counts.done, counts.skipped, counts.open) == (4, 1, 1, 2)
    assert store.first_open(project) == 2
    assert store.first_open(project, 3) == 3
    store.save(draft(items[0], 2, status=Status.OPEN))
    assert store.counts(project).done == 0
    for item in items:
        store.save(draft(item, 9, status=Status.DONE))
    assert store.first_open(project) is None


def test_items_come_in_batches_in_their_order(store: AnnotationStore, project: Project) -> None:
    names = [item.content.shape_id for item in store.items(project, 1, 2)]
    assert names == ["face-1", "face-2"]
    assert store.items(project, 4) == []
    assert store.current([]) == {}


def test_projects_can_be_put_away_and_taken_out(store: AnnotationStore, project: Project) -> None:
    store.set_archived(project, archived=True)
    assert store.project(project.name).archived
    store.set_archived(project, archived=False)
    assert not store.project(project.name).archived


def test_reopening_finds_everything_and_the_same_store(
    store: AnnotationStore, project: Project, store_url: str
) -> None:
    saved = store.save(draft(first_item(store, project)))
    again = open_store(store_url)
    assert again.id == store.id
    assert again.revisions(saved.item) == [saved]
    again.close()


def test_threads_of_different_writers_never_overwrite_each_other(
    store: AnnotationStore, project: Project
) -> None:
    """Every acknowledged save is a revision of its own; every other one was a conflict."""
    item = first_item(store, project)
    acknowledged: list[int] = []
    conflicts: list[ConflictError] = []

    def work(writer: str) -> None:
        for sequence in range(1, 21):
            base = max((r.number for r in store.revisions(item)), default=0)
            points = (placed(float(sequence), float(writer)), None)
            try:
                saved = store.save(draft(item, sequence, writer=writer, base=base, points=points))
                acknowledged.append(saved.number)
            except ConflictError as error:
                conflicts.append(error)

    threads = [threading.Thread(target=work, args=(str(k),)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(acknowledged) + len(conflicts) == 80
    numbers = [revision.number for revision in store.revisions(item)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert sorted(acknowledged) == numbers


def test_threads_on_different_items_all_succeed(store: AnnotationStore, project: Project) -> None:
    items = [item.id for item in store.items(project)]

    def work(item: int) -> None:
        for sequence in range(1, 16):
            store.save(draft(item, sequence))

    threads = [threading.Thread(target=work, args=(item,)) for item in items]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(store.revisions(item)) for item in items] == [15] * 4
