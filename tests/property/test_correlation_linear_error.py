"""Laws of the expected error for any shapes and choices."""

import functools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from correlation.linear_error import ErrorForecast

M = 8
seeds = st.integers(0, 2**32 - 1)


def population(N, D, seed):
    rng = np.random.default_rng(seed)
    base, bends = rng.normal(size=(M, D)), rng.normal(size=(3, M, D))
    return 100 * (base + 0.08 * np.einsum("nk,kmd->nmd", rng.normal(size=(N, 3)), bends))


@functools.cache
def forecast_of(D):
    return ErrorForecast.fit(population(40, D, D), rng=np.random.default_rng(D))


@given(
    names=st.lists(st.sampled_from([*"abcdefgh", None]), min_size=12, max_size=40),
    folds=st.integers(2, 6),
    seed=seeds,
)
@settings(max_examples=40, deadline=None)
def test_no_subject_is_in_two_folds_and_every_shape_in_one(names, folds, seed):
    known = {name for name in names if name is not None}
    if max((names.count(name) for name in known), default=0) > len(names) - 2:
        return
    forecast = ErrorForecast.fit(
        population(len(names), 2, 0), subjects=names, folds=folds, rng=np.random.default_rng(seed)
    )
    for name in known:
        assert len({f for f, other in zip(forecast.fold, names, strict=True) if other == name}) == 1
    assert set(forecast.fold) == set(range(len(forecast.models)))
    assert len(forecast.models) == min(folds, len(known) + names.count(None))


@given(
    D=st.sampled_from([2, 3]),
    order=st.permutations(range(M)),
    m=st.integers(1, M),
    noise=st.sampled_from([0.0, 0.01]),
)
@settings(max_examples=60, deadline=None)
def test_the_parts_of_an_error_fit_together(D, order, m, noise):
    chosen, rest = order[:m], order[m:]
    error = forecast_of(D).of(chosen, noise)
    assert np.isclose(error.nme, error.per_landmark.mean())
    assert np.isfinite(error.spread)
    if rest:
        assert np.isclose(error.nme_rest, error.per_landmark[rest].mean())
    assert ((error.per_landmark[chosen] == 0) == (noise == 0)).all()
    assert error.nme == forecast_of(D).of(sorted(chosen), noise).nme


@given(order=st.permutations(range(M)), m=st.integers(3, M - 1), seed=seeds)
@settings(max_examples=25, deadline=None)
def test_moving_scaling_and_turning_the_shapes_leaves_the_error(order, m, seed):
    shapes, rng = population(20, 2, 1), np.random.default_rng(seed)
    turns = np.linalg.qr(rng.normal(size=(20, 2, 2)))[0]
    turns[:, :, 0] *= np.linalg.det(turns)[:, None]
    sizes = np.exp(rng.normal(size=(20, 1, 1)))
    moved = sizes * shapes @ turns + 1000 * rng.normal(size=(20, 1, 2))
    judged = (0, 1)  # the box turns not with the shape, a distance does
    first, second = (
        ErrorForecast.fit(points, rng=np.random.default_rng(0)) for points in (shapes, moved)
    )
    by_length = []
    for forecast, points in ((first, shapes), (second, moved)):
        errors = forecast._errors(forecast.shapes.keep(order[:m]), np.arange(20))
        extent = np.sqrt(np.ptp(points, axis=1).prod(axis=1))
        length = np.linalg.norm(points[:, judged[0]] - points[:, judged[1]], axis=1)
        by_length.append(errors * (extent / length)[:, None])
    np.testing.assert_allclose(by_length[0], by_length[1], rtol=0.01, atol=1e-4)
