"""Stores on which the whole suite runs: one entry for each kind of database.

Step by step: `FEWMARK_TEST_STORE` adds the URL of an empty database of another kind.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotate.store import AnnotationStore, NewItem, Project, open_store
from datasets.formats import SparseFormat, landmark_format

KINDS = ["sqlite", *(["other"] if os.environ.get("FEWMARK_TEST_STORE") else [])]


@pytest.fixture(params=KINDS)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'labels.sqlite'}"
    return os.environ["FEWMARK_TEST_STORE"]


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
