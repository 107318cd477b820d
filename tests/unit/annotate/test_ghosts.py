"""Predictions offered as ghosts: which become some, where they are found, and the command."""

from pathlib import Path

import numpy as np
import pytest

from annotate.exchange import export_dataset
from annotate.ghosts import predictions_of, set_ghosts
from annotate.labelling import placed
from annotate.store import AnnotationStore, Project
from annotate.tasks import document_to_json, documents, haunted
from datasets.dataset import LandmarkDataset
from datasets.errors import ShapeMismatchError, StoreError
from datasets.formats import landmark_format
from datasets.shapes import ShapeSet, empty_shapes
from datasets.workspace import Workspace


def test_ghosts_are_the_chosen_landmarks_of_the_shapes_of_the_same_name(
    store: AnnotationStore, project: Project, truth: LandmarkDataset
) -> None:
    points = truth.shapes.points.copy()
    points[1, 2] = np.nan
    points[2, 4] = 400.0, 10.0  # far outside the 30 x 40 picture
    points[3] = np.nan
    predicted = truth.with_shapes(ShapeSet.from_points(points, truth.format)).take([5, 1, 2, 3])
    made = set_ghosts(store, project, predicted.joined(truth.prefixed("x-")), "net")
    assert (made.pictures, made.without, made.unknown) == (3, 3, 6)
    found = haunted(store, documents(store, project))
    assert [document.ghosts is None for document in found] == [
        True,
        False,
        False,
        True,
        True,
        False,
    ]
    assert found[1].ghosts[1] is None
    assert found[2].ghosts[2] is None
    assert found[5].ghosts == tuple(placed(*truth.shapes.points[5, i]) for i in (0, 2, 4))
    assert document_to_json(found[1], 3, "x")["ghosts"][1] is None
    assert document_to_json(found[0], 3, "x")["ghosts"] is None


def test_every_copy_of_a_picture_has_its_ghosts(
    store: AnnotationStore, project: Project, truth: LandmarkDataset
) -> None:
    store.add_copies(project, 2)
    made = set_ghosts(store, project, truth.joined(truth.prefixed("x-")), "net")
    assert (made.pictures, made.without, made.unknown) == (12, 0, 6)


def test_ghosts_are_no_labels(
    store: AnnotationStore, project: Project, truth: LandmarkDataset
) -> None:
    set_ghosts(store, project, truth, "net")
    assert store.counts(project).open == 6
    with pytest.raises(StoreError, match="nothing to export"):
        export_dataset(store, project)


def test_predictions_that_do_not_fit_are_refused_and_change_nothing(
    store: AnnotationStore, project: Project, truth: LandmarkDataset
) -> None:
    set_ghosts(store, project, truth, "net")
    other = LandmarkDataset(empty_shapes(landmark_format("points-5"), 6), truth.samples, truth.root)
    with pytest.raises(ShapeMismatchError, match="net2 has landmarks of points-5"):
        set_ghosts(store, project, other, "net2")
    with pytest.raises(ShapeMismatchError, match="no shape is in both"):
        set_ghosts(store, project, truth.prefixed("x-"), "net2")
    with pytest.raises(StoreError, match="none of the 3 landmarks"):
        set_ghosts(store, project, truth.with_shapes(empty_shapes(truth.format, 6)), "net2")
    assert store.ghost_source(project).name == "net"


def test_predictions_of_runs_are_proposed_first_and_broken_or_other_data_sets_not(
    tmp_path: Path, truth: LandmarkDataset
) -> None:
    workspace = Workspace(tmp_path / "w")
    truth.save(workspace.data / "faces")
    truth.save(workspace.runs / "net" / "predictions" / "faces--valid")
    (workspace.runs / "net" / "config.toml").write_text("")
    other = LandmarkDataset(empty_shapes(landmark_format("points-5"), 6), truth.samples, truth.root)
    other.save(workspace.data / "other")
    (workspace.data / "broken").mkdir()
    (workspace.data / "broken" / "dataset.toml").write_text("?")
    found = predictions_of(workspace, truth.format)
    assert list(found) == ["net: faces--valid", "faces"]
    assert found["faces"] == workspace.data / "faces"
