"""Many writers at once and connections that die: nothing is lost and nothing is doubled."""

import dataclasses
import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from annotate.labelling import placed
from annotate.store import (
    AnnotationStore,
    ConflictError,
    Draft,
    Project,
    Revision,
    Status,
    open_store,
)
from datasets.errors import StoreError
from tests.store.postgres_server import PostgresServer

KILL = sa.text(
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def draft(item: int, sequence: int = 1, **changes: object) -> Draft:
    points = (placed(float(sequence), 0.0), None)
    made = Draft(item, "ann", "tab-1", sequence, 0, points, Status.OPEN)
    return dataclasses.replace(made, **changes)


def at_once(*works: Callable[[], object]) -> None:
    """Run all of them at the same time; the first error of any is raised."""
    errors: list[BaseException] = []
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        try:
            gate.wait(timeout=30)
            work()
        except BaseException as error:  # noqa: BLE001 - it is raised below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    if errors:
        raise errors[0]


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    return postgres.new_database()


def test_of_two_writers_on_one_item_one_is_saved_and_the_other_hears_of_it(
    store: AnnotationStore, project: Project, store_url: str
) -> None:
    """Two servers of one store, not only two threads of one."""
    other = open_store(store_url)

    def save(server: AnnotationStore, name: str, item: int) -> Revision | ConflictError:
        points = (placed(float(name == "bea"), 1.0), None)
        try:
            return server.save(draft(item, writer=name, annotator=name, points=points))
        except ConflictError as error:
            return error

    for item in (item.id for item in store.items(project)):
        answers: dict[str, Revision | ConflictError] = {}
        at_once(
            lambda item=item, answers=answers: answers.update(ann=save(store, "ann", item)),
            lambda item=item, answers=answers: answers.update(bea=save(other, "bea", item)),
        )
        [saved] = store.revisions(item)
        loser = answers["bea" if saved.annotator == "ann" else "ann"]
        assert answers[saved.annotator] == saved
        assert isinstance(loser, ConflictError)
        assert loser.current == saved
    other.close()


def test_batches_of_the_same_items_in_opposite_order_do_not_block_each_other(
    store: AnnotationStore, project: Project
) -> None:
    items = [item.id for item in store.items(project)]

    def save(order: list[int], first: int) -> None:
        for sequence in range(first, first + 15):
            saved = store.save_all([draft(item, sequence) for item in order])
            assert [revision.item for revision in saved] == order

    at_once(lambda: save(items, 1), lambda: save(items[::-1], 1))
    for item in items:
        sequences = [revision.sequence for revision in store.revisions(item)]
        assert sequences == list(range(1, 16))


def test_a_store_that_is_opened_twice_at_once_is_made_once(store_url: str) -> None:
    ids: list[str] = []

    def work() -> None:
        opened = open_store(store_url)
        ids.append(opened.id)
        opened.close()

    at_once(*[work] * 4)
    assert len(ids) == 4
    assert len(set(ids)) == 1


def test_connections_that_died_while_idle_are_replaced(postgres_url: str) -> None:
    store = open_store(postgres_url)
    before = store.id
    killer = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with killer.connect() as connection:
        assert connection.scalar(KILL) >= 1
    assert store.id == before
    killer.dispose()
    store.close()


def test_saves_whose_connection_is_killed_are_sent_again_and_counted_once(
    postgres_url: str, make_project: Callable[..., Project]
) -> None:
    """As the canvas does it: what is not acknowledged is sent again, word for word."""
    store = open_store(postgres_url)
    items = [item.id for item in store.items(make_project(store))]
    killer = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    killed: list[int] = []
    last = 20

    def save(item: int) -> None:
        for sequence in range(1, last + 1):
            while True:
                try:
                    saved = store.save(draft(item, sequence))
                except StoreError:
                    continue
                assert saved.sequence == sequence
                break
            if item == items[0]:  # the others are in the middle of something
                with killer.connect() as connection:
                    killed.append(connection.scalar(KILL) or 0)

    at_once(*[lambda item=item: save(item) for item in items])
    assert sum(killed) > 0
    for item in items:
        found = store.revisions(item)
        assert [revision.sequence for revision in found] == list(range(1, last + 1))
        assert [revision.number for revision in found] == list(range(1, last + 1))
    killer.dispose()
    store.close()


def test_a_save_that_finds_all_connections_busy_fails_as_the_store_does(
    store: AnnotationStore, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the server says that it cannot save now, and the canvas keeps the labels."""
    pool = store.engine.pool
    assert isinstance(pool, sa.QueuePool)
    monkeypatch.setattr(pool, "_timeout", 0.01)
    item = store.items(project)[0].id
    reading = store.engine.execution_options(reads_only=True)
    busy = [reading.connect() for _ in range(pool.size() + pool._max_overflow)]
    with pytest.raises(StoreError, match="all connections to it are busy"):
        store.save(draft(item))
    for connection in busy:
        connection.close()
    assert store.save(draft(item)).number == 1
