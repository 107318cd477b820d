"""The model that the canvas gets: from which data sets, and that it is the shape model's."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from annotate.exchange import create_project
from annotate.expectation import ENOUGH, expectation, model_to_json
from annotate.store import AnnotationStore, Project
from datasets.dataset import LandmarkDataset
from datasets.formats import SparseFormat, landmark_format
from datasets.samples import sample_table
from datasets.shape_model import ShapeModel
from datasets.shapes import ShapeSet
from datasets.workspace import Workspace


def dense_set(count: int, sparse: SparseFormat, seed: int = 0) -> LandmarkDataset:
    rng = np.random.default_rng(seed)
    face = np.array([[10.0, 10], [20, 10], [15, 15], [11, 20], [19, 20]])
    points = face + rng.normal(size=(count, 5, 2))
    shapes = ShapeSet.from_points(points, sparse.dense)
    return LandmarkDataset(shapes, sample_table([f"f{i}" for i in range(count)]), None)


def test_the_model_is_learnt_from_the_dense_shapes_of_the_format(
    tmp_path: Path, project: Project
) -> None:
    workspace, sparse = Workspace(tmp_path / "w"), project.sparse
    assert expectation(workspace, project) is None
    dense_set(ENOUGH - 1, sparse).save(workspace.data / "few")
    assert expectation(workspace, project) is None
    dense_set(ENOUGH - 1, sparse).save(workspace.data / "the same again")
    assert expectation(workspace, project) is None
    dense_set(ENOUGH, sparse, seed=1).save(workspace.data / "few")
    found = expectation(workspace, project)
    assert (len(found["mean"]), len(found["cross"]), found["chosen"]) == (10, 60, [0, 2, 4])
    assert found["mirror"] == [1, 2, 3]


def test_other_formats_and_broken_folders_are_passed_by(tmp_path: Path, project: Project) -> None:
    workspace = Workspace(tmp_path / "w")
    (workspace.data / "broken").mkdir(parents=True)
    (workspace.data / "broken" / "dataset.toml").write_text("?")
    other = SparseFormat(landmark_format("points-5"), (0,), (0,) * 5)
    dense_set(ENOUGH, other).save(workspace.data / "other")
    assert expectation(workspace, project) is None
    dense_set(ENOUGH, project.sparse).save(workspace.data / "halved")
    (workspace.data / "halved" / "shapes.parquet").write_bytes(b"?")
    assert expectation(workspace, project) is None


def test_what_is_sent_predicts_as_the_shape_model_does(sparse: SparseFormat) -> None:
    model = ShapeModel.fit(dense_set(50, sparse).shapes)
    sent = model_to_json(model, sparse)
    cross = np.reshape(sent["cross"], (10, 6))
    columns = [0, 1, 4, 5, 8, 9]
    system = cross[columns] + sent["noise"] * np.eye(6)
    known = np.array([True, False, True, False, True])
    spread = np.diagonal(model.spread_given(known).reshape(10, 10))
    left = np.asarray(sent["variance"]) - np.einsum(
        "ij,ji->i", cross, np.linalg.solve(system, cross.T)
    )
    assert_allclose(left[[2, 3, 6, 7]], spread[[2, 3, 6, 7]], rtol=1e-5)


@pytest.mark.parametrize("count", [150])
def test_a_model_too_large_for_a_browser_is_not_sent(
    tmp_path: Path, store: AnnotationStore, truth: LandmarkDataset, count: int
) -> None:
    dense = landmark_format(f"points-{count}")
    sparse = SparseFormat(dense, tuple(range(count)), tuple(range(count)))
    points = np.random.default_rng(0).uniform(0, 30, (6, count, 2))
    whole = truth.with_shapes(ShapeSet.from_points(points, dense))
    made = create_project(store, "large", sparse, whole)
    assert expectation(Workspace(tmp_path / "w"), made) is None
