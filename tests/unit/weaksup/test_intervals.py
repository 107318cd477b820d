import itertools

import numpy as np
import pytest

from datasets.errors import ShapeMismatchError
from weaksup.intervals import bootstrap_interval


def rng():
    return np.random.default_rng(0)


def test_ends_are_quantiles_of_all_samples_that_could_be_drawn():
    values = np.array([0.0, 1.0, 5.0, 7.0])
    means = [np.mean(drawn) for drawn in itertools.product(values, repeat=4)]
    found = bootstrap_interval(values, None, rng=rng(), confidence=0.8, draws=100_000)
    assert found.mean == values.mean()
    expected = np.quantile(means, (0.1, 0.9))
    np.testing.assert_allclose((found.low, found.high), expected, atol=0.26)  # a step of the means


def test_a_subject_is_drawn_with_all_its_images():
    values = np.array([0.0, 0.0, 0.0, 8.0])
    together = bootstrap_interval(values, ["a", "a", "a", "b"], rng=rng())
    assert (together.mean, together.low, together.high) == (2.0, 0.0, 8.0)
    assert together.subjects == 2
    apart = bootstrap_interval(values, [None] * 4, rng=rng())
    assert apart.subjects == 4
    assert apart.high < 8.0


def test_runs_that_differ_widen_the_interval():
    same, other = np.full(20, 1.0), np.full(20, 3.0)
    assert bootstrap_interval([same, same], None, rng=rng()).high == 1.0
    found = bootstrap_interval([same, other], None, rng=rng())
    assert (found.mean, found.low, found.high, found.repeats) == (2.0, 1.0, 3.0, 2)


def test_images_without_a_value_count_nowhere():
    found = bootstrap_interval([1.0, np.nan, 3.0], ["a", "gone", "b"], rng=rng())
    assert (found.mean, found.subjects) == (2.0, 2)


def test_the_interval_holds_the_true_mean_as_often_as_it_says():
    draws, inside = np.random.default_rng(1), 0
    for _ in range(200):
        people = draws.normal(size=40).repeat(5)
        values = people + draws.normal(size=200)
        names = [str(i) for i in np.arange(40).repeat(5)]
        found = bootstrap_interval(values, names, rng=draws, confidence=0.9, draws=400)
        inside += found.low <= 0 <= found.high
    assert 165 <= inside <= 194  # 180 +- 3 standard deviations, a little lower for 40 people


def test_nothing_to_average_is_refused():
    with pytest.raises(ShapeMismatchError, match="no value"):
        bootstrap_interval([np.nan], None, rng=rng())
    with pytest.raises(ShapeMismatchError, match="expected 1 subjects"):
        bootstrap_interval([1.0], ["a", "b"], rng=rng())
    with pytest.raises(ValueError, match="confidence"):
        bootstrap_interval([1.0], None, rng=rng(), confidence=1.0)
