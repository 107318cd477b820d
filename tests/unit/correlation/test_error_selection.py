"""The second criterion as a selection: what it tells, keeps and refuses."""

import tomllib

import numpy as np
import pytest

import correlation.error_selection as module
from correlation.affinity import affinity
from correlation.demands import Demands, demands_of
from correlation.error_selection import forecast_of, select_for_error
from correlation.residual_variance import least_variance
from correlation.scores import score
from correlation.selection import select
from datasets.errors import SelectionError, ShapeMismatchError
from datasets.formats import SparseFormat, landmark_format
from datasets.shape_model import ShapeModel
from datasets.shapes import ShapeSet


@pytest.fixture(scope="module")
def shapes():
    """Forty shapes that bend smoothly, in the format of LFW's ten."""
    rng = np.random.default_rng(3)
    base = rng.uniform(20, 100, (10, 2))
    modes = rng.normal(size=(3, 10, 2)).cumsum(axis=1)
    points = base + np.einsum("nk,kmd->nmd", rng.normal(size=(40, 3)), modes)
    points += rng.normal(scale=0.2, size=points.shape)
    return ShapeSet.from_points(points, landmark_format("lfw-10"))


def test_the_choice_is_that_of_the_least_variance_with_its_c(shapes):
    matrix = affinity(shapes)
    found = select_for_error(shapes, 4, affinity=matrix)
    expected = least_variance(ShapeModel.fit(shapes), 4)
    assert found.sparse.chosen == expected.chosen
    assert (found.variance, found.bound) == (expected.variance, expected.bound)
    assert found.min_correlation == score(matrix, expected.chosen).min_correlation
    assert found.min_correlation <= select(matrix, 4).min_correlation
    assert found.n_shapes == 40
    assert found.expected is None


def test_demands_are_obeyed_and_told(shapes):
    demands = demands_of(shapes.format, include=[2], exclude=[0], pairs=True)
    found = select_for_error(shapes, 5, demands, affinity=affinity(shapes))
    assert demands.allow(found.sparse.chosen)
    assert found.details()["include"] == [shapes.format.landmarks[2]]
    with pytest.raises(SelectionError, match="cannot choose 11 of the 10"):
        select_for_error(shapes, 11, affinity=affinity(shapes))


def test_the_error_to_expect_is_kept_beside_the_format(shapes, tmp_path):
    forecast = forecast_of(shapes, seed=1)
    found = select_for_error(shapes, 4, affinity=affinity(shapes), forecast=forecast)
    found.save(tmp_path / "m4.toml")
    assert SparseFormat.load(tmp_path / "m4.toml") == found.sparse
    details = tomllib.loads((tmp_path / "m4.toml").read_text())["details"]
    assert details["criterion"] == "expected-error"
    assert details["expected_nme"] == forecast.of(found.sparse.chosen).nme
    assert len(details["expected_errors"]) == 10
    assert details["proven_within"] == pytest.approx(found.variance / found.bound - 1)
    whole = select_for_error(shapes, 10, affinity=affinity(shapes), forecast=forecast)
    assert "expected_nme_rest" not in whole.details()


def test_incomplete_shapes_do_not_count_and_two_are_needed(shapes):
    points = shapes.points.copy()
    points[1:, 3] = np.nan
    with pytest.raises(ShapeMismatchError, match="two complete shapes at least, found 1 among 40"):
        select_for_error(points, 4, Demands(), affinity=affinity(shapes))


def test_a_forecast_keeps_subjects_together_and_learns_from_so_many_shapes(shapes, monkeypatch):
    names = [f"p{i // 4}" for i in range(40)]
    assert len(np.unique(forecast_of(shapes, names).subject)) == 10
    assert len(np.unique(forecast_of(shapes, [None] * 40).subject)) == 40
    monkeypatch.setattr(module, "_MOST_LEARNT", 24)
    assert forecast_of(shapes, names).n_learnt == 24
