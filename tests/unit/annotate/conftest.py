"""A store with a small project, and a data set whose every landmark is known."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from annotate.exchange import create_project
from annotate.store import AnnotationStore, Project, open_store
from datasets.dataset import LandmarkDataset
from datasets.formats import SparseFormat, landmark_format
from datasets.samples import sample_table
from datasets.shapes import ShapeSet


@pytest.fixture
def sparse() -> SparseFormat:
    return SparseFormat(landmark_format("mafl-5"), (0, 2, 4), (0, 0, 2, 2, 4))


@pytest.fixture
def truth(tmp_path: Path, sparse: SparseFormat) -> LandmarkDataset:
    """Six complete faces, 40 x 30 pictures in two folders, the sizes not written down."""
    rng = np.random.default_rng(0)
    face = np.array([[10.0, 10], [20, 10], [15, 15], [11, 20], [19, 20]])
    points = face + rng.normal(size=(6, 5, 2))
    names = [f"{'ab'[i % 2]}/{i}.png" for i in range(6)]
    for name in names:
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((40, 30, 3), 90, np.uint8))
    samples = sample_table(
        [f"id-{i}" for i in range(6)], names,
        box_x_min=[5.0] * 3 + [np.nan] * 3, box_y_min=[5.0] * 3 + [np.nan] * 3,
        box_x_max=[25.0] * 3 + [np.nan] * 3, box_y_max=[25.0] * 3 + [np.nan] * 3,
        split=["train"] * 4 + [None] * 2, subject=[None, *"pqrst"],
    )  # fmt: skip
    return LandmarkDataset(ShapeSet.from_points(points, sparse.dense), samples, tmp_path / "images")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AnnotationStore]:
    opened = open_store(str(tmp_path / "workspace" / "labels.sqlite"))
    yield opened
    opened.close()


@pytest.fixture
def project(store: AnnotationStore, sparse: SparseFormat, truth: LandmarkDataset) -> Project:
    return create_project(store, "faces", sparse, truth)
