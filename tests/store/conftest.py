"""Stores on which the whole suite runs: one entry for each kind of database."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from annotate.store import AnnotationStore, NewItem, Project, open_store
from datasets.formats import SparseFormat, landmark_format

# Name of the kind, and a function that gives the URL of an empty database of it.
EMPTY: dict[str, Callable[[Path], str]] = {
    "sqlite": lambda folder: f"sqlite:///{folder / 'labels.sqlite'}",
}


@pytest.fixture(params=EMPTY)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return EMPTY[request.param](tmp_path)


@pytest.fixture
def store(store_url: str) -> Iterator[AnnotationStore]:
    opened = open_store(store_url)
    yield opened
    opened.close()


@pytest.fixture
def project(store: AnnotationStore) -> Project:
    """Two of five landmarks, in four pictures."""
    sparse = SparseFormat(landmark_format("mafl-5"), (0, 2), (0, 0, 2, 2, 2))
    items = [NewItem(f"face-{i}", Path(f"/faces/{i}.png"), 100, 80) for i in range(4)]
    return store.create_project("faces", sparse, items)
