import csv

import numpy as np
import pytest

from annotate.priority import read_scores
from correlation.linear_error import ErrorForecast
from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError, ShapeMismatchError
from datasets.formats import landmark_format
from datasets.metrics import span_lengths
from datasets.plausibility import SCORES_FILE, rarity
from datasets.samples import sample_table
from datasets.shape_model import ShapeModel
from datasets.shapes import ShapeSet
from tests.unit.weaksup.near_copies import near_copies
from weaksup.bounds import BOUNDS_FILE, completion_bounds, read_radii
from weaksup.completion import complete

KNOWN = landmark_format("lfw-10")
CHOSEN = [0, 2, 3, 5, 6, 7]


def faces(N, seed, prefix="f"):
    """Shapes of one kind: a mean, four ways to move, and a little of each landmark's own."""
    ways = np.random.default_rng(0).normal(size=(5, len(KNOWN) * 2))
    rng = np.random.default_rng(seed)
    flat = 100 + 30 * ways[0] + 6 * rng.normal(size=(N, 4)) @ ways[1:]
    points = (flat + rng.normal(scale=1.5, size=flat.shape)).reshape(N, len(KNOWN), 2)
    samples = sample_table([f"{prefix}{i}" for i in range(N)])
    return LandmarkDataset(ShapeSet.from_points(points, KNOWN), samples)


def bounded(truth, dense, confidence=0.9):
    clicked = truth.with_shapes(truth.shapes.keep(CHOSEN))
    completed = complete(clicked, dense)
    return completed, completion_bounds(clicked, completed, dense, confidence=confidence)


@pytest.mark.parametrize("confidence", [0.8, 0.9])
def test_true_places_lie_within_their_bounds_as_often_as_promised(confidence):
    """Of new shapes, on average over ten sets to learn from: one of 100 shapes gives +-3 %."""
    truth, rest = faces(500, 1), [i for i in range(len(KNOWN)) if i not in CHOSEN]
    coverages = []
    for seed in range(10):
        completed, bounds = bounded(truth, faces(100, 100 + seed, "d"), confidence)
        distance = np.linalg.norm(completed.shapes.points - truth.shapes.points, axis=2)
        coverages.append((distance <= bounds.radius_px)[:, rest].mean())
        assert (bounds.radius_px[:, CHOSEN] == 0).all()
    assert np.mean(coverages) == pytest.approx(confidence, abs=0.02)


def test_the_radius_is_the_conformal_quantile_of_the_held_out_errors():
    dense = faces(60, 3)
    forecast = ErrorForecast.fit(dense.shapes, rng=np.random.default_rng(0))
    whole = np.stack([forecast.within(CHOSEN, c) for c in np.arange(1, 61) / 61])
    assert (np.diff(whole, axis=0) >= 0).all()  # every error once, rising
    assert whole.mean() == pytest.approx(forecast.of(CHOSEN).nme)
    np.testing.assert_array_equal(forecast.within(CHOSEN, 0.9), whole[54])  # ceil(61 * 0.9) = 55
    assert np.isinf(forecast.within(CHOSEN, 0.99)).all()  # the 61st of 60
    with pytest.raises(ValueError, match="between 0 and 1, got 1"):
        forecast.within(CHOSEN, 1)


def test_shapes_with_a_slip_come_first():
    truth, dense = faces(400, 4), faces(200, 5, "d")
    points = truth.shapes.points.copy()
    points[::10, CHOSEN[0]] += 40  # a slip
    slipped = truth.with_shapes(ShapeSet.from_points(points, KNOWN))
    _, bounds = bounded(slipped, dense)
    first = np.argsort(-bounds.score)[:40]
    assert len(set(first) & set(range(0, 400, 10))) > 30


def test_the_score_is_how_rare_the_clicks_are():
    truth, dense = faces(30, 4), faces(60, 5, "d")
    _, bounds = bounded(truth, dense)
    expected = rarity(ShapeModel.fit(dense.shapes), truth.shapes.keep(CHOSEN).points)
    np.testing.assert_array_equal(bounds.score, expected)


def test_every_pattern_of_clicks_has_bounds_of_its_own():
    truth, dense = faces(6, 6), faces(80, 7, "d")
    kept = truth.shapes.keep(CHOSEN).points.copy()
    kept[1:3, CHOSEN[0]] = np.nan
    kept[4] = np.nan
    clicked = truth.with_shapes(ShapeSet.from_points(kept, KNOWN))
    completed = complete(clicked, dense)
    bounds = completion_bounds(clicked, completed, dense)
    assert np.isnan(bounds.radius_px[4]).all()
    assert np.isnan(bounds.score[4])
    relative = (
        bounds.radius_px[[0, 1, 2, 3]] / span_lengths(completed.shapes.take([0, 1, 2, 3]))[:, None]
    )
    np.testing.assert_allclose(relative[0], relative[3])
    np.testing.assert_allclose(relative[1], relative[2])
    assert relative[1].sum() > relative[0].sum()


def test_files_have_a_row_a_shape_and_scores_the_queue_can_read(tmp_path):
    truth, dense = faces(5, 8, "=f"), faces(80, 9, "d")
    _, bounds = bounded(truth, dense)
    bounds.save(tmp_path)
    with (tmp_path / BOUNDS_FILE).open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["image", *KNOWN.landmarks]
    assert [row[0] for row in rows[1:]] == [f"'=f{i}" for i in range(5)]
    np.testing.assert_allclose(
        np.array([row[1:] for row in rows[1:]], dtype=float), bounds.radius_px, atol=0.005
    )
    scores = read_scores(tmp_path / SCORES_FILE)
    np.testing.assert_allclose(list(scores.values()), bounds.score, atol=1e-4)
    assert list(scores) == list(truth.samples["shape_id"])


def test_bounds_do_not_rest_on_people_who_were_learnt_from():
    truth, people = faces(5, 1), faces(12, 0, "d")
    (_, held_out), (_, leaked) = (
        bounded(truth, near_copies(people, named=named)) for named in (True, False)
    )
    assert held_out.expected_nme > 1.6 * leaked.expected_nme
    assert held_out.median_px > 1.6 * leaked.median_px


def test_shapes_of_which_nothing_follows_have_no_bounds_but_others_have():
    truth, dense = faces(6, 6), faces(80, 7, "d")
    kept = truth.shapes.keep(CHOSEN).points.copy()
    kept[2, CHOSEN] = 7.0  # all in one place
    clicked = truth.with_shapes(ShapeSet.from_points(kept, KNOWN))
    bounds = completion_bounds(clicked, complete(clicked, dense), dense)
    known = np.isin(np.arange(len(KNOWN)), CHOSEN)
    assert (bounds.radius_px[2, known] == 0).all()
    assert np.isnan(bounds.radius_px[2, ~known]).all()
    assert np.isfinite(bounds.radius_px[[0, 1, 3, 4, 5]]).all()


def test_too_few_dense_shapes_tell_no_bounds():
    truth, dense = faces(3, 10), faces(6, 11, "d")
    with pytest.raises(ShapeMismatchError, match="expected 8 shapes"):
        bounded(truth, dense)


def test_radii_are_read_as_they_were_written_for_the_shapes_that_are_asked_for(tmp_path):
    completed, bounds = bounded(faces(6, 1), faces(60, 2, "d"))
    assert read_radii(tmp_path, completed) is None
    bounds.save(tmp_path)
    rows = [4, 0]
    np.testing.assert_allclose(
        read_radii(tmp_path, completed.take(rows)), bounds.radius_px[rows], atol=0.006
    )
    others = faces(1, 1, "unknown")
    assert np.isnan(read_radii(tmp_path, others)).all()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("image,", "name,", r"bounds\.csv:1: expected the columns image"),
        ("f0,", "f0,much,", r"bounds\.csv:2: expected numbers of pixels"),
        ("f0,", "f0,1,", r"bounds\.csv:2: expected 10 numbers, got 11"),
    ],
)
def test_broken_bounds_are_refused_with_the_place(tmp_path, old, new, message):
    completed, bounds = bounded(faces(3, 1), faces(60, 2, "d"))
    bounds.save(tmp_path)
    file = tmp_path / BOUNDS_FILE
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(FileFormatError, match=message):
        read_radii(tmp_path, completed)
