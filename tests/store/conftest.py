"""Stores on which the whole suite runs: one entry for each kind of database.

PostgreSQL is started once for each test process. Where it cannot be, its tests are skipped, except
where the environment says CI: there they fail.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from annotate.store import AnnotationStore, NewItem, Project, open_store
from datasets.formats import SparseFormat, landmark_format
from tests.store.postgres_server import NoServerError, PostgresServer, running_server

KINDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    try:
        with running_server() as server:
            yield server
    except NoServerError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no PostgreSQL: {error}")


@pytest.fixture(params=KINDS)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'labels.sqlite'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def store(store_url: str) -> Iterator[AnnotationStore]:
    opened = open_store(store_url)
    yield opened
    opened.close()


@pytest.fixture
def make_project() -> Callable[..., Project]:
    """Makes a project of two of five landmarks, in four pictures unless told otherwise."""

    def make(store: AnnotationStore, count: int = 4) -> Project:
        sparse = SparseFormat(landmark_format("mafl-5"), (0, 2), (0, 0, 2, 2, 2))
        items = [NewItem(f"face-{i}", Path(f"/faces/{i}.png"), 100, 80) for i in range(count)]
        return store.create_project("faces", sparse, items)

    return make


@pytest.fixture
def project(store: AnnotationStore, make_project: Callable[..., Project]) -> Project:
    return make_project(store)
