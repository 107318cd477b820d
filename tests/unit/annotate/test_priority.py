"""Scores of pictures: read, told by ghosts, and given to a project by page and command."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from annotate.cli import main
from annotate.expectation import model_to_json
from annotate.ghosts import set_ghosts
from annotate.priority import (
    implausibility,
    order_by_ghosts,
    order_by_predictions,
    order_by_scores,
    read_scores,
)
from annotate.store import AnnotationStore, Project
from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError, StoreError
from datasets.formats import SparseFormat, landmark_format
from datasets.shape_model import ShapeModel
from datasets.shapes import ShapeSet, empty_shapes
from datasets.workspace import Workspace

FACE = np.array([[10.0, 10], [20, 10], [15, 15], [11, 20], [19, 20]])


def faces(count: int, seed: int = 0) -> np.ndarray:
    return FACE + 0.5 * np.random.default_rng(seed).normal(size=(count, 5, 2))


MODEL = ShapeModel.fit(ShapeSet.from_points(faces(60), landmark_format("mafl-5")))


def test_a_point_out_of_place_is_implausible() -> None:
    shapes = faces(200, seed=1)
    usual = implausibility(MODEL, shapes)
    assert 0.3 < np.median(usual) < 3
    shapes[:, 3] += (6.0, -4.0)
    assert (implausibility(MODEL, shapes) > 2 * usual).mean() > 0.9


def test_residuals_are_those_of_leaving_one_out() -> None:
    """Against what the model the canvas gets tells of each landmark by the others."""
    sparse = SparseFormat(MODEL.format, (0, 1, 2, 3, 4), (0, 1, 2, 3, 4))
    sent = model_to_json(MODEL, sparse)
    system = np.reshape(sent["cross"], (10, 10)) + sent["noise"] * np.eye(10)
    shape = MODEL.mean + 0.02 * np.random.default_rng(2).normal(size=(5, 2))
    centred = shape - shape.mean(axis=0)
    # The similarity to the mean, in complex numbers: an independent route.
    z, w = centred @ [1, 1j], MODEL.mean @ [1, 1j]
    aligned = (z.conj() @ w) / (z.conj() @ z) * z
    offset = (np.stack([aligned.real, aligned.imag], axis=1) - MODEL.mean).ravel()
    total = 0.0
    for k in range(5):
        own = [2 * k, 2 * k + 1]
        rest = [i for i in range(10) if i not in own]
        gain = system[np.ix_(own, rest)] @ np.linalg.inv(system[np.ix_(rest, rest)])
        residual = offset[own] - gain @ offset[rest]
        spread = system[np.ix_(own, own)] - gain @ system[np.ix_(rest, own)]
        total += residual @ np.linalg.solve(spread, residual)
    assert_allclose(implausibility(MODEL, shape[None]), [np.sqrt(total / 10)], rtol=1e-5)


@given(st.integers(0, 99), st.floats(0, 6.3), st.floats(0.1, 50), st.floats(-500, 500))
def test_place_size_and_turn_say_nothing(seed: int, turn: float, scale: float, x: float) -> None:
    shapes = faces(1, seed)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = scale * shapes @ rotation.T + (x, -x)
    assert_allclose(implausibility(MODEL, moved), implausibility(MODEL, shapes), rtol=1e-5)


def test_too_few_points_and_points_in_one_place_have_no_score() -> None:
    shapes = faces(4)
    shapes[0, 2:] = np.nan
    shapes[1] = np.nan
    shapes[2] = 7.0
    shapes[3, 4] = np.nan
    assert np.isfinite(implausibility(MODEL, shapes)).tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("image,value\na,1\n", "expected the columns image,score, found image,value"),
        ("image,score\na,1\na,2\n", ":3: a has a second score"),
        ("image,score\na,1\nb,many\n", ":3: expected a finite number as score, found 'many'"),
        ("image,score\na,inf\n", "found 'inf'"),
        ("image,score\n", "no score in it"),
        ("image,score\na\n", "expected 2 cells"),
    ],
)
def test_broken_scores_are_refused_with_the_line(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=problem):
        read_scores(path)


def test_scores_are_of_shapes_or_of_pictures(store: AnnotationStore, project: Project) -> None:
    made = order_by_scores(store, project, {"id-4": 1.0, "2.png": 2.0, "elsewhere": 9.0})
    assert (made.pictures, made.without, made.unknown) == (2, 4, 1)
    assert store.leases.claim(project, "ann", 3).next_open == (2, 4, 0)
    with pytest.raises(StoreError, match="names like 'id-0'; the scores have 'elsewhere'"):
        order_by_scores(store, project, {"elsewhere": 9.0})
    assert store.priorities(project) == 2


def haunt(store: AnnotationStore, project: Project, truth: LandmarkDataset) -> None:
    """Ghosts of the true landmarks; those of the fifth picture are wrong."""
    points = truth.shapes.points.copy()
    points[4, 2] += (9.0, -8.0)
    set_ghosts(store, project, truth.with_shapes(ShapeSet.from_points(points, truth.format)), "net")


def test_the_least_plausible_ghosts_come_first(
    store: AnnotationStore, project: Project, truth: LandmarkDataset
) -> None:
    with pytest.raises(StoreError, match="no picture has ghosts of 3 landmarks or more"):
        order_by_ghosts(store, project, MODEL)
    haunt(store, project, truth)
    with pytest.raises(StoreError, match="takes 30 shapes with all landmarks of mafl-5"):
        order_by_ghosts(store, project, None)
    assert order_by_ghosts(store, project, MODEL).pictures == 6
    assert store.leases.claim(project, "ann", 1).next_open == (4,)


def test_the_scores_of_the_predictions_go_before_the_ghosts(
    store: AnnotationStore, project: Project, truth: LandmarkDataset, tmp_path: Path
) -> None:
    haunt(store, project, truth)
    (tmp_path / "scores.csv").write_text("image,score\nid-1,0.5\nid-2,0.75\n")
    workspace = Workspace(tmp_path / "w")
    assert order_by_predictions(store, project, workspace, tmp_path).pictures == 2
    assert store.leases.claim(project, "ann", 2).next_open == (2, 1)
    with pytest.raises(StoreError, match="takes 30 shapes"):
        order_by_predictions(store, project, workspace, tmp_path / "images")


def test_the_command_orders_by_scores_or_ghosts_and_takes_it_back(
    store: AnnotationStore, project: Project, truth: LandmarkDataset, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    url = str(store.engine.url.database)
    scores = tmp_path / "s.csv"
    scores.write_text("image,score\nid-3,1\n")
    main(["project", "order", url, "faces", "--scores", str(scores), "--json"])
    assert json.loads(capsys.readouterr().out)["pictures_with_a_score"] == 1
    haunt(store, project, truth)
    shapes = ShapeSet.from_points(faces(40), truth.format)
    samples = truth.samples.iloc[[0] * 40].reset_index(drop=True)
    samples["shape_id"] = [f"d{k}" for k in range(40)]
    LandmarkDataset(shapes, samples, truth.root).save(tmp_path / "dense")
    main(["project", "order", url, "faces", "--dense", str(tmp_path / "dense"), "--json"])
    assert json.loads(capsys.readouterr().out)["pictures_with_a_score"] == 6
    assert store.leases.claim(project, "ann", 1).next_open == (4,)
    main(["project", "order", url, "faces", "--remove"])
    assert store.priorities(project) == 0
    with pytest.raises(SystemExit):
        main(["project", "order", url, "faces"])
    assert "one of them alone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("format_name", "problem"),
    [("points-5", "dense: has landmarks of points-5, the project of mafl-5"),
     ("mafl-5", "dense: 0 of 6 shapes have all landmarks")],
)  # fmt: skip
def test_shapes_that_tell_nothing_of_ghosts_are_refused(
    store: AnnotationStore, project: Project, truth: LandmarkDataset, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], format_name: str, problem: str,
) -> None:  # fmt: skip
    haunt(store, project, truth)
    nothing = empty_shapes(landmark_format(format_name), 6)
    LandmarkDataset(nothing, truth.samples, truth.root).save(tmp_path / "dense")
    url, dense = str(store.engine.url.database), str(tmp_path / "dense")
    with pytest.raises(SystemExit):
        main(["project", "order", url, "faces", "--dense", dense])
    assert problem in capsys.readouterr().err
