"""The expected error of a choice: against a hold-out computed by other means, and its edges."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import correlation.linear_error as module
from correlation.linear_error import ErrorForecast, ExpectedError
from datasets.errors import SelectionError, ShapeMismatchError, UnknownNameError
from datasets.formats import landmark_format
from datasets.shapes import ShapeSet

SHARED = Path(__file__).parents[3].parent / "shared" / "data" / "annotations"
needs_shared = pytest.mark.skipif(not SHARED.exists(), reason="no shared data beside the checkout")
M = 9


def population(N, seed=0, D=2, spread=0.08):
    fixed = np.random.default_rng(99)
    base, bends = fixed.normal(size=(M, D)), fixed.normal(size=(4, M, D))
    rng = np.random.default_rng(seed)
    shapes = base + spread * np.einsum("nk,kmd->nmd", rng.normal(size=(N, 4)), bends)
    return 100 * shapes + rng.uniform(0, 500, (N, 1, D))


def forecast_of(shapes, seed=0, **options):
    return ErrorForecast.fit(shapes, rng=np.random.default_rng(seed), **options)


@pytest.fixture(scope="module")
def forecast():
    return forecast_of(population(60))


# An independent hold-out: the plane as complex numbers, completion by normal equations.


def brought(z, target):
    """Complex shape z brought to the target by the best similarity, and that map (a, b)."""
    one = np.ones_like(z)
    (a, b), *_ = np.linalg.lstsq(np.stack([z, one], axis=1), target, rcond=None)
    return a * z + b, a, b


def procrustes_mean(shapes):
    mean = shapes[0] - shapes[0].mean()
    for _ in range(200):
        mean = mean / np.linalg.norm(mean)
        aligned = np.array([turned(z, mean) for z in shapes])
        mean = aligned.mean(axis=0)
    size = np.linalg.norm(mean - mean.mean())
    return (aligned - mean.mean()) / size


def turned(z, mean):
    return brought(z, mean)[0]


def stacked(z):
    return np.stack([z.real, z.imag], axis=-1).reshape(*z.shape[:-1], -1)


def learnt(shapes):
    """Mean and prior covariance, by the formula of `regularised_covariance` and its defaults."""
    aligned = procrustes_mean(shapes)
    mean, n = aligned.mean(axis=0), len(shapes)
    sample = np.cov(stacked(aligned).T)
    variance = np.trace(sample) / (2 * M)
    reach = 0.9 * np.linalg.norm(mean) / np.sqrt(M)
    near = np.exp(-np.square(np.abs(mean[:, None] - mean)) / reach**2 / 2)
    weight = 5 / (n + 5)
    covariance = (1 - weight) * sample + weight * variance * np.kron(near, np.eye(2))
    covariance += 0.01 * variance * np.eye(2 * M)
    modes = [stacked(f * one) for one in (np.ones(M, complex), mean) for f in (1, 1j)]
    return mean, covariance + sum(np.outer(mode, mode) for mode in modes)


def completed(z, chosen, mean, prior):
    """The most likely shape given clicks, by the normal equations, in the frame where it rests."""
    rows = (2 * np.array(chosen)[:, None] + [0, 1]).ravel()
    precision = np.linalg.inv(prior)
    clicks = np.zeros((2 * M, 2 * M))
    clicks[rows, rows] = 1 / (0.04**2 / M)
    whole, (_, a, b) = np.full(M, np.nan, complex), brought(z[chosen], mean[chosen])
    for _ in range(60):
        offset = np.zeros(2 * M)
        offset[rows] = stacked(a * z[chosen] + b - mean[chosen])
        moves = np.linalg.solve(precision + clicks, clicks @ offset).reshape(M, 2)
        whole = (mean + moves @ [1, 1j] - b) / a
        _, a, b = brought(whole, mean)
    whole[chosen] = z[chosen]
    return whole


@pytest.mark.parametrize("chosen", [[0, 4], [1, 3, 8], [0, 2, 5, 6, 7]])
def test_it_is_the_error_of_completing_shapes_that_were_held_out(chosen):
    shapes = population(24)
    forecast = forecast_of(shapes, folds=3)
    z = shapes @ [1, 1j]
    errors = np.full((24, M), np.nan)
    for number in range(3):
        mean, prior = learnt(z[forecast.fold != number])
        for row in np.flatnonzero(forecast.fold == number):
            sides = np.ptp(shapes[row], axis=0)
            distances = np.abs(completed(z[row], chosen, mean, prior) - z[row])
            errors[row] = distances / np.sqrt(sides.prod())
    found = forecast.of(chosen)
    np.testing.assert_allclose(found.per_landmark, errors.mean(axis=0), rtol=1e-3, atol=1e-7)
    rest = np.setdiff1d(np.arange(M), chosen)
    assert found.nme == pytest.approx(errors.mean(), rel=1e-4)
    assert found.nme_rest == pytest.approx(errors[:, rest].mean(), rel=1e-4)
    expected = errors.mean(axis=1).std(ddof=1) / np.sqrt(24)
    assert found.spread == pytest.approx(expected, rel=1e-3)
    assert (found.n_shapes, found.folds, found.span) == (24, 3, "box")


def test_chosen_landmarks_have_no_error_and_all_of_them_leave_none(forecast):
    some, all_ = forecast.of([0, 3, 5]), forecast.of(range(M))
    assert (some.per_landmark[[0, 3, 5]] == 0).all()
    assert (np.delete(some.per_landmark, [0, 3, 5]) > 0).all()
    assert all_.nme == 0
    assert np.isnan(all_.nme_rest)


def test_a_click_that_errs_counts_with_its_own_error(forecast):
    found = forecast.of([0, 3, 5], noise=0.02)
    rayleigh = 0.02 * np.sqrt(np.pi / 2)
    np.testing.assert_allclose(found.per_landmark[[0, 3, 5]], rayleigh, rtol=0.3)
    assert found.nme > forecast.of([0, 3, 5]).nme
    assert forecast.of(range(M), noise=0.02).nme == pytest.approx(rayleigh, rel=0.1)


def test_clicks_err_alike_whatever_is_chosen(forecast):
    first, second = forecast.of([0, 3], noise=0.02), forecast.of([0, 5, 7], noise=0.02)
    assert first.per_landmark[0] == second.per_landmark[0]
    assert first.nme == forecast.of([0, 3], noise=0.02).nme


def test_landmarks_may_be_clicked_with_precisions_of_their_own(forecast):
    alike = forecast.of([0, 3], noise=np.full(M, 0.02))
    np.testing.assert_array_equal(alike.per_landmark, forecast.of([0, 3], noise=0.02).per_landmark)
    noise = np.zeros(M)
    noise[3], noise[5] = 0.02, 9.0  # 5 is not clicked
    found = forecast.of([0, 3], noise=noise)
    assert found.per_landmark[0] == 0
    assert found.per_landmark[3] == alike.per_landmark[3]


def test_a_single_landmark_tells_little(forecast):
    one, three = forecast.of([2]), forecast.of([2, 4, 6])
    assert one.nme > three.nme > 0
    assert one.n_shapes == 60


def test_the_same_seed_gives_the_same_forecast():
    first, second = (forecast_of(population(60), seed=3) for _ in range(2))
    assert first.of([1, 4], noise=0.01).nme == second.of([1, 4], noise=0.01).nme
    np.testing.assert_array_equal(first.fold, second.fold)
    assert (first.fold != forecast_of(population(60), seed=4).fold).any()


def test_folds_are_of_equal_size(forecast):
    assert np.bincount(forecast.fold).tolist() == [12] * 5


def test_a_subjects_shapes_are_held_out_together():
    names = [f"s{i // 4}" for i in range(60)]
    forecast = forecast_of(population(60), subjects=names)
    for name in set(names):
        assert len({forecast.fold[i] for i in range(60) if names[i] == name}) == 1
    errors = forecast.of([0, 4, 8])
    assert errors.folds == 5
    twins = forecast_of(np.repeat(population(20), 3, axis=0), subjects=np.repeat(np.arange(20), 3))
    alone = forecast_of(np.repeat(population(20), 3, axis=0))
    assert twins.of([0, 4, 8]).spread > 1.4 * alone.of([0, 4, 8]).spread
    assert twins.of([0, 4, 8]).nme > alone.of([0, 4, 8]).nme  # nobody was seen before


def test_who_has_no_name_is_somebody_of_his_own():
    names = [None, np.nan, *["a"] * 5, *["b"] * 5]
    forecast = forecast_of(population(12), subjects=names)
    assert len(np.unique(forecast.subject)) == 4
    assert forecast.of([0, 4]).folds == 4


def test_shapes_that_are_not_complete_do_not_count_and_are_told():
    shapes = population(40)
    shapes[[3, 7, 20], 2] = np.nan
    names = np.array([f"s{i // 4}" for i in range(40)])
    forecast = forecast_of(shapes, subjects=list(names))
    assert (forecast.n_learnt, forecast.n_passed_over) == (37, 3)
    whole = np.delete(np.arange(40), [3, 7, 20])
    same = forecast_of(shapes[whole], subjects=list(names[whole]))
    assert forecast.of([0, 4]).nme == same.of([0, 4]).nme


def test_of_many_shapes_some_are_drawn_to_judge_by(monkeypatch):
    monkeypatch.setattr(module, "MOST_JUDGED", 20)
    forecast = forecast_of(population(60))
    assert (len(forecast.shapes), forecast.n_learnt) == (20, 60)
    assert forecast.of([0, 4]).n_shapes == 20


def test_a_fold_without_a_shape_to_judge_is_passed_over(monkeypatch):
    monkeypatch.setattr(module, "MOST_JUDGED", 2)
    found = forecast_of(population(60)).of([0, 4])
    assert found.n_shapes == 2
    assert found.nme > 0
    monkeypatch.setattr(module, "MOST_JUDGED", 1)
    assert np.isnan(forecast_of(population(60)).of([0, 4]).spread)


def test_shapes_whose_chosen_landmarks_coincide_are_left_out():
    shapes = population(20)
    shapes[:5, 1] = shapes[:5, 0]
    forecast = forecast_of(shapes)
    assert forecast.of([0, 1]).n_shapes == 15
    assert forecast.of([0, 1, 2]).n_shapes == 20
    shapes[:, 1] = shapes[:, 0]
    with pytest.raises(ShapeMismatchError, match="in one place in every shape"):
        forecast_of(shapes).of([0, 1])


def test_errors_are_in_parts_of_the_span():
    face = landmark_format("mafl-5")
    points = 20 * np.random.default_rng(0).normal(size=(30, 5, 2)) + 100 * np.eye(5)[:, :2]
    shapes = ShapeSet.from_points(points, face)
    by_eyes, by_box = forecast_of(shapes), forecast_of(shapes, span="box")
    assert by_eyes.span == face.default_span != by_box.span
    assert by_eyes.of(["0", 4]).nme != by_box.of([0, 4]).nme
    assert by_eyes.of([0, 4]).span == face.default_span
    with pytest.raises(UnknownNameError, match="no span 'nose'"):
        forecast_of(shapes, span="nose")


def test_shapes_in_space_have_a_forecast():
    found = forecast_of(population(30, D=3)).of([0, 3, 5, 8])
    assert 0 < found.nme < 0.2


def test_progress_tells_the_folds():
    seen = []
    forecast_of(population(20), on_progress=lambda done, total=None: seen.append((done, total)))
    assert seen == [(k, 5) for k in range(6)]


@pytest.mark.parametrize(
    ("shapes", "options", "problem"),
    [
        (population(7), {}, "expected 8 shapes with all 9 landmarks at least, found 7 among 7"),
        (np.full((20, M, 2), np.nan), {}, "found 0 among 20"),
        (population(9), {"subjects": ["a"] * 9}, "9 of the 9 complete shapes are of one subject"),
        (population(9), {"subjects": ["a"] * 8 + ["b"]}, "leaves too few to learn from"),
        (population(9), {"subjects": ["a"] * 8}, "expected 9 subjects, one a shape, got 8"),
        (np.zeros((9, M)), {}, "must be"),
    ],
)
def test_what_gives_no_forecast_is_explained(shapes, options, problem):
    with pytest.raises(ShapeMismatchError, match=problem):
        forecast_of(shapes, **options)


def test_arguments_out_of_range_are_refused(forecast):
    with pytest.raises(ValueError, match="two folds at least"):
        forecast_of(population(20), folds=1)
    for noise in (-0.1, np.nan, np.inf, np.ones(M - 1), np.full(M, np.nan)):
        with pytest.raises(ValueError, match="noise must be finite"):
            forecast.of([0], noise=noise)
    with pytest.raises(SelectionError, match="no landmark is chosen"):
        forecast.of([])
    with pytest.raises(SelectionError, match="counted 0 to 8"):
        forecast.of([9])


@pytest.mark.parametrize(
    "changes",
    [
        {"fold": np.zeros(3, dtype=int)},
        {"subject": np.zeros(3, dtype=int)},
        {"fold": np.full(60, 5)},
        {"fold": np.full(60, -1)},
        {"subject": np.zeros(60, dtype=int)},
        {"shapes": ShapeSet.from_points(np.full((60, M, 2), np.nan))},
        {"shapes": ShapeSet.from_points(np.ones((60, 5, 2)))},
    ],
)
def test_a_forecast_that_contradicts_itself_is_refused(forecast, changes):
    with pytest.raises(ShapeMismatchError):
        replace(forecast, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"per_landmark": np.array([0.1, -0.1])},
        {"per_landmark": np.array([0.1, np.nan])},
        {"per_landmark": np.zeros((2, 2))},
        {"n_shapes": 0},
        {"nme": np.nan},
    ],
)
def test_an_error_that_cannot_be_true_is_refused(changes):
    error = ExpectedError(np.array([0.1, 0.2]), 0.15, 0.2, 0.01, 3, 2, "box")
    with pytest.raises(ShapeMismatchError):
        replace(error, **changes)


@needs_shared
def test_on_real_faces_the_residual_variance_ranks_formats_by_their_error():
    from correlation.residual_variance import residual_variance
    from datasets.shape_model import ShapeModel

    with np.load(SHARED / "300w_valid_68.npz") as fields:
        points = fields["points"].astype(np.float64)
    shapes = ShapeSet.from_points(points, landmark_format("300w-68"))
    forecast, model = forecast_of(shapes), ShapeModel.fit(shapes)
    rng = np.random.default_rng(0)
    drawn = [rng.permutation(68)[:10] for _ in range(30)]
    errors = [forecast.of(chosen).nme for chosen in drawn]
    variances = [residual_variance(model, chosen) for chosen in drawn]
    ranks = np.argsort(np.argsort([errors, variances], axis=1), axis=1)
    assert np.corrcoef(ranks)[0, 1] > 0.8
