"""Between data sets and the store."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from annotate.exchange import (
    MOST_LANDMARKS,
    create_project,
    export_dataset,
    import_dataset,
    mean_guide,
)
from annotate.labelling import ABSENT, placed
from annotate.requests import MAX_BODY
from annotate.simulation import simulate_labels
from annotate.store import AnnotationStore, Draft, Project, Status
from annotate.tasks import documents, first_unlabelled
from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError, FileFormatError, ShapeMismatchError, StoreError
from datasets.formats import SparseFormat, landmark_format
from datasets.shapes import ShapeSet, Visibility, empty_shapes


def label(store: AnnotationStore, project: Project, position: int, *points: object) -> None:
    item = store.items(project)[position].id
    status = Status.OPEN if None in points else Status.DONE
    store.save(Draft(item, "ann", "tab", 1, 0, points, status))


def test_a_project_has_an_item_for_every_row_with_its_size_from_the_picture(
    store: AnnotationStore, project: Project
) -> None:
    contents = [item.content for item in store.items(project)]
    assert [content.shape_id for content in contents] == [f"id-{i}" for i in range(6)]
    assert {(content.height_px, content.width_px) for content in contents} == {(40, 30)}
    assert all(content.image.is_absolute() and content.image.is_file() for content in contents)
    assert contents[0].box == (5.0, 5.0, 25.0, 25.0)
    assert contents[5].box is None
    assert (contents[1].split, contents[1].subject) == ("train", "p")
    assert (contents[5].split, contents[0].subject) == (None, None)
    assert all(document.revision is None for document in documents(store, project))


def test_a_project_of_another_format_or_without_pictures_is_refused(
    store: AnnotationStore, sparse: SparseFormat, truth: LandmarkDataset
) -> None:
    other = LandmarkDataset(empty_shapes(landmark_format("points-5"), 6), truth.samples, truth.root)
    with pytest.raises(ShapeMismatchError, match="points-5"):
        create_project(store, "x", sparse, other)
    without = dataclasses.replace(truth, root=None)
    with pytest.raises(ShapeMismatchError, match="no picture"):
        create_project(store, "x", sparse, without)
    moved = dataclasses.replace(truth, root=Path("/nowhere"))
    with pytest.raises(FileFormatError, match="no such picture"):
        create_project(store, "x", sparse, moved)
    sized = truth.samples.assign(height_px=40, width_px=30).astype(truth.samples.dtypes)
    with pytest.raises(FileFormatError, match="no such picture"):
        create_project(store, "x", sparse, LandmarkDataset(truth.shapes, sized, Path("/nowhere")))
    assert store.projects() == []


def test_a_project_of_more_landmarks_than_can_be_saved_is_refused(
    store: AnnotationStore, truth: LandmarkDataset
) -> None:
    """They would be marked, and no save would ever pass."""
    point = {"x": -32750.123456789012, "y": -32750.123456789012, "v": 2, "src": "corrected"}
    points = [{**point, "ms": 2**31 - 1}] * MOST_LANDMARKS
    assert len(json.dumps(points, separators=(",", ":"))) < MAX_BODY - 2000
    dense = landmark_format(f"points-{MOST_LANDMARKS + 1}")
    places = tuple(range(len(dense)))
    dataset = LandmarkDataset(empty_shapes(dense, len(truth)), truth.samples, truth.root)
    with pytest.raises(StoreError, match="2501 landmarks in a picture, and people can mark 2500"):
        create_project(store, "large", SparseFormat(dense, places, places), dataset)


def test_labels_are_exported_in_the_dense_format_with_the_rest_absent(
    store: AnnotationStore, project: Project, truth: LandmarkDataset, tmp_path: Path
) -> None:
    label(store, project, 3, placed(1.0, 2.0), ABSENT, placed(3.5, 4.25, Visibility.OCCLUDED))
    label(store, project, 0, placed(7.0, 8.0), None, None)
    exported = export_dataset(store, project)
    assert exported.format.landmarks == truth.format.landmarks
    assert list(exported.samples["shape_id"]) == ["id-0", "id-3"]
    assert exported.shapes.visibility.tolist() == [[2, 0, 0, 0, 0], [2, 0, 0, 0, 1]]
    assert exported.shapes.points[1, [0, 4]].tolist() == [[1.0, 2.0], [3.5, 4.25]]
    assert exported.box(0) == (5.0, 5.0, 25.0, 25.0)
    assert exported.box(1) is None
    assert exported.image_path(1) == truth.image_path(3)
    again = LandmarkDataset.load(exported.save(tmp_path / "out"))
    assert_allclose(again.shapes.points, exported.shapes.points)
    assert again.image_path(1).resolve() == truth.image_path(3).resolve()


def test_exported_labels_join_with_the_data_set_they_came_from(
    store: AnnotationStore, project: Project, truth: LandmarkDataset
) -> None:
    label(store, project, 2, placed(1.0, 2.0), placed(5.0, 5.0), placed(3.0, 4.0))
    joined = export_dataset(store, project).joined(truth)
    assert len(joined) == len(truth)
    assert joined.shapes.complete.all()
    assert joined.shapes.points[0, 0].tolist() == [1.0, 2.0]


def test_skipped_empty_and_unfinished_items_are_left_out(
    store: AnnotationStore, project: Project
) -> None:
    with pytest.raises(StoreError, match="nothing to export"):
        export_dataset(store, project)
    label(store, project, 0, placed(1, 1), None, None)
    label(store, project, 1, ABSENT, ABSENT, ABSENT)
    label(store, project, 2, placed(1, 1), ABSENT, placed(2, 2))
    item = store.items(project)[3].id
    points = (placed(1, 1), None, None)
    store.save(Draft(item, "ann", "tab", 1, 0, points, Status.SKIPPED))
    assert list(export_dataset(store, project).samples["shape_id"]) == ["id-0", "id-2"]
    only_done = export_dataset(store, project, done_only=True)
    assert list(only_done.samples["shape_id"]) == ["id-2"]


def test_known_landmarks_are_imported_as_first_labels_but_never_over_others(
    store: AnnotationStore, project: Project, truth: LandmarkDataset
) -> None:
    label(store, project, 0, placed(1, 1), None, None)
    points = truth.shapes.points.copy()
    points[1, 4] = np.nan  # not known: it stays undecided
    points[2] = np.nan  # nothing known: no labels
    known = truth.with_shapes(ShapeSet.from_points(points, truth.format))
    made = import_dataset(store, project, known.take(np.arange(5)), annotator="earlier")
    assert (made.saved, made.labelled_before, made.unknown) == (3, 1, 0)
    found = documents(store, project)
    assert found[0].points(3)[0] == placed(1, 1)
    assert found[1].status is Status.OPEN
    assert found[1].points(3)[2] is None
    assert found[2].revision is None
    assert found[3].status is Status.DONE
    assert found[3].revision.annotator == "earlier"
    x, y = truth.shapes.points[3, 2]
    assert found[3].points(3)[1] == placed(x, y)
    assert first_unlabelled(store, project) == 0
    assert import_dataset(store, project, known).saved == 1


@pytest.mark.parametrize("name", ["", " ann", "a\nb", "a\u202eb", "a" * 101])
def test_labels_are_not_imported_in_a_name_that_cannot_be_shown(
    store: AnnotationStore, project: Project, truth: LandmarkDataset, name: str
) -> None:
    with pytest.raises(StoreError, match="no good name for an annotator"):
        import_dataset(store, project, truth, annotator=name)
    assert store.counts(project).open == 6


def test_a_data_set_of_another_format_is_not_imported(
    store: AnnotationStore, project: Project, truth: LandmarkDataset
) -> None:
    other = LandmarkDataset(empty_shapes(landmark_format("points-5"), 6), truth.samples, truth.root)
    with pytest.raises(ShapeMismatchError, match="points-5"):
        import_dataset(store, project, other)
    with pytest.raises(ShapeMismatchError, match="points-5"):
        simulate_labels(store, project, other, np.random.default_rng(0))


def test_rows_that_no_item_has_are_counted(
    store: AnnotationStore, sparse: SparseFormat, truth: LandmarkDataset
) -> None:
    small = create_project(store, "small", sparse, truth.take([0, 1]))
    assert import_dataset(store, small, truth).unknown == 4


def test_simulated_clicks_are_as_noisy_as_asked(
    store: AnnotationStore, sparse: SparseFormat, truth: LandmarkDataset
) -> None:
    many = np.tile(np.arange(6), 50)
    samples = truth.samples.iloc[many].assign(shape_id=[f"s{i}" for i in range(300)])
    faces = LandmarkDataset(truth.shapes.take(many), samples.reset_index(drop=True), truth.root)
    project = create_project(store, "many", sparse, faces)
    made = simulate_labels(store, project, faces, np.random.default_rng(1), noise=0.02, leave=20)
    assert (made.saved, made.labelled_before, made.unknown) == (280, 0, 0)
    clicked = export_dataset(store, project).shapes.points[:, sparse.chosen]
    exact = faces.shapes.points[:280, sparse.chosen]
    spans = np.linalg.norm(faces.shapes.points[:280, 0] - faces.shapes.points[:280, 1], axis=1)
    scaled = (clicked - exact) / spans[:, None, None]
    assert_allclose(scaled.std(), 0.02, rtol=0.06)
    assert_allclose(scaled.mean(), 0.0, atol=0.002)
    assert first_unlabelled(store, project) == 280
    assert {d.revision.annotator for d in documents(store, project, 0, 280)} == {"simulated"}


def test_simulation_repeats_with_its_seed_and_respects_what_is_there(
    store: AnnotationStore, sparse: SparseFormat, truth: LandmarkDataset
) -> None:
    places = []
    for name in ("one", "two"):
        project = create_project(store, name, sparse, truth)
        simulate_labels(store, project, truth, np.random.default_rng(5))
        places.append(export_dataset(store, project).shapes.points)
    assert_allclose(places[0], places[1])
    again = simulate_labels(store, project, truth, np.random.default_rng(6))
    assert (again.saved, again.labelled_before) == (0, 6)


def test_simulation_needs_complete_truth_and_sensible_numbers(
    store: AnnotationStore, project: Project, truth: LandmarkDataset
) -> None:
    rng = np.random.default_rng(0)
    nothing = truth.with_shapes(empty_shapes(truth.format, 6))
    assert simulate_labels(store, project, nothing, rng).unknown == 6
    for numbers in ({"noise": -0.1}, {"leave": -1}):
        with pytest.raises(FewmarkError, match="must not be negative"):
            simulate_labels(store, project, truth, rng, **numbers)
    assert simulate_labels(store, project, truth, rng, leave=100).saved == 0


def test_the_guide_is_the_mean_of_equally_large_centred_shapes(truth: LandmarkDataset) -> None:
    points = truth.shapes.points
    expected = np.zeros((5, 2))
    for shape in points:
        centred = shape - shape.mean(axis=0)
        expected += centred / np.sqrt(np.mean(np.sum(centred**2, axis=1))) / len(points)
    scales = np.array([1, 10, 3, 2, 5, 7.0])[:, None, None]
    guide = mean_guide(ShapeSet.from_points(points * scales + 40, truth.format))
    assert_allclose(guide, expected)


def test_the_guide_uses_complete_shapes_only_and_may_be_missing(truth: LandmarkDataset) -> None:
    holes = truth.shapes.points.copy()
    holes[1:, 0] = np.nan
    one = mean_guide(ShapeSet.from_points(holes, truth.format))
    assert_allclose(one, mean_guide(truth.shapes.take([0])))
    assert mean_guide(empty_shapes(truth.format, 3)) is None
    assert mean_guide(ShapeSet.from_points(np.ones((2, 5, 2)), truth.format)) is None


def test_data_sets_without_a_shape_in_common_are_refused_with_a_name_of_each(
    store: AnnotationStore, project: Project, truth: LandmarkDataset
) -> None:
    samples = truth.samples.assign(shape_id=[f"train/{name}" for name in truth.samples["shape_id"]])
    other = LandmarkDataset(truth.shapes, samples, truth.root)
    with pytest.raises(ShapeMismatchError, match=r"no shape is in both.*the data set 'train/"):
        import_dataset(store, project, other)
    with pytest.raises(ShapeMismatchError, match="no shape is in both"):
        simulate_labels(store, project, other, np.random.default_rng(0))
    assert store.counts(project).open == 6
