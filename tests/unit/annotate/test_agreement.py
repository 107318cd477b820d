"""Agreement and consensus against simple routes, and through a project."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from annotate.agreement import agreement, consensus
from annotate.cli import main
from annotate.exchange import export_dataset
from annotate.labelling import ABSENT, placed
from annotate.overlap import agreement_of
from annotate.simulation import simulate_labels
from annotate.store import AnnotationStore, Draft, Project, Status
from datasets.dataset import LandmarkDataset
from datasets.errors import StoreError
from datasets.metrics import span_lengths


def test_sigma_is_that_of_the_clicks() -> None:
    rng = np.random.default_rng(0)
    scale = np.array([[1.0], [3.0]])
    points = 100 + rng.normal(size=(3, 20_000, 2, 2)) * scale
    found = agreement(points, np.full(20_000, 200.0))
    assert_allclose(found.sigma_percent, [0.5, 1.5], rtol=0.02)
    # The distance of two such clicks is Rayleigh-distributed: mean sigma sqrt(pi).
    assert_allclose(found.distance_percent, np.sqrt(np.pi) * np.array([0.5, 1.5]), rtol=0.02)
    assert found.pairs.tolist() == [60_000, 60_000]


def test_absent_landmarks_are_compared_by_presence_alone() -> None:
    points = np.zeros((2, 3, 2, 2))
    points[0, 0, 0] = np.nan
    points[:, 1, 0] = np.nan
    points[:, :, 1] = np.nan
    decided = np.ones((2, 3, 2), bool)
    decided[:, :, 1] = False
    found = agreement(points, np.ones(3), decided)
    assert found.pairs.tolist() == [1, 0]
    assert found.presence[0] == pytest.approx(2 / 3)
    assert np.isnan([found.presence[1], found.distance_percent[1], found.sigma_percent[1]]).all()


def test_the_consensus_is_the_median_and_what_most_say() -> None:
    points = np.array([[[0.0, 5], [1, 1], [np.nan] * 2], [[2, 9], [np.nan] * 2, [np.nan] * 2],
                       [[9, 6], [np.nan] * 2, [4, 4]]])  # fmt: skip
    visibility = np.array([[2, 1, 0], [1, 0, 0], [1, 0, 2]], np.uint8)
    decided = np.array([[1, 1, 0], [1, 1, 0], [1, 1, 1]], bool)
    place, agreed = consensus(points, visibility, decided)
    assert_allclose(place, [[2, 6], [np.nan, np.nan], [4, 4]])
    assert agreed.tolist() == [1, 0, 2]


def label(store: AnnotationStore, item: int, who: str, x: float) -> None:
    points = (placed(x, 10.0), ABSENT if x > 12 else placed(20, 10), placed(15, 20))
    store.save(Draft(item, who, who, 1, 0, points, Status.DONE))


def test_a_project_exports_the_consensus_or_every_copy(
    store: AnnotationStore, project: Project
) -> None:
    store.add_copies(project, 3, 0.1)
    twins = [item for item in store.items(project) if item.content.shape_id == "id-3"]
    for item, x in zip(twins, (10.0, 11.0, 15.0), strict=True):
        label(store, item.id, f"p{x:.0f}", x)
    agreed = export_dataset(store, project)
    assert list(agreed.samples["shape_id"]) == ["id-3"]
    assert_allclose(agreed.shapes.points[0, [0, 2, 4]], [[11, 10], [20, 10], [15, 20]])
    every = export_dataset(store, project, all_copies=True)
    assert list(every.samples["shape_id"]) == ["id-3", "id-3#2", "id-3#3"]
    assert_allclose(every.shapes.points[:, 0, 0], [10, 11, 15])


def test_the_agreement_of_a_project_is_told_by_landmark(
    store: AnnotationStore, project: Project, truth: LandmarkDataset,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    with pytest.raises(StoreError, match="no shape was marked by two people yet"):
        agreement_of(store, project)
    url = str(store.engine.url.database)
    main(["project", "overlap", url, "faces", "--share", "1", "--json"])
    assert json.loads(capsys.readouterr().out)["added"] == 6
    simulate_labels(store, project, truth, np.random.default_rng(1), noise=0.05)
    names = {revision.annotator for revision in store.history(project)}
    assert names == {"simulated", "simulated-2"}
    main(["project", "agreement", url, "faces", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["shapes"] == 6
    assert [row["landmark"] for row in told["rows"]] == list(project.sparse.names)
    every = export_dataset(store, project, all_copies=True)
    assert (told["percent_of"], [row["pairs"] for row in told["rows"]]) == ("box", [6, 6, 6])
    lengths = span_lengths(export_dataset(store, project).shapes, "box")
    lengths[:3] = 20.0  # the first three have boxes of 20 x 20
    points = every.shapes.points
    distance = np.linalg.norm(points[:6] - points[6:], axis=2) / lengths[:, None] * 100
    expected = distance.mean(axis=0)[list(project.sparse.chosen)]
    assert_allclose([row["distance_percent"] for row in told["rows"]], expected)
