import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datasets.metrics import auc, ced, failure_rate, image_errors, nme, normalised_errors
from datasets.shapes import ShapeSet

seeds = st.integers(0, 2**32 - 1)
thresholds = st.floats(0.01, 1.0)


def random_errors(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    errors = rng.gamma(2.0, 0.05, (int(rng.integers(1, 30)), int(rng.integers(1, 8))))
    errors[rng.random(errors.shape) < 0.2] = np.nan
    errors[0, 0] = 0.05
    return errors


@given(seed=seeds, threshold=thresholds)
def test_the_area_is_the_integral_of_the_distribution(seed, threshold):
    errors = random_errors(seed)
    steps = 20_000
    middles = (np.arange(steps) + 0.5) * threshold / steps
    np.testing.assert_allclose(auc(errors, threshold), ced(errors, middles).mean(), atol=2e-4)


@given(seed=seeds, threshold=thresholds)
def test_what_does_not_fail_is_in_the_distribution(seed, threshold):
    errors = random_errors(seed)
    np.testing.assert_allclose(failure_rate(errors, threshold), 1 - ced(errors, [threshold])[0])


@given(seed=seeds)
def test_the_distribution_climbs_from_0_to_1(seed):
    errors = random_errors(seed)
    shares = ced(errors, np.linspace(0, np.nanmax(errors), 50))
    assert (np.diff(shares) >= 0).all()
    assert shares[-1] == 1


@given(seed=seeds)
def test_the_mean_error_is_the_area_above_the_distribution(seed):
    errors = random_errors(seed)
    largest = float(np.nanmax(image_errors(errors)))
    np.testing.assert_allclose(nme(errors), largest * (1 - auc(errors, largest)), rtol=1e-9)


@given(seed=seeds, threshold=thresholds)
def test_the_order_of_shapes_does_not_matter(seed, threshold):
    errors = random_errors(seed)
    mixed = np.random.default_rng(seed).permutation(errors)
    for judge in (nme, lambda e: failure_rate(e, threshold), lambda e: auc(e, threshold)):
        np.testing.assert_allclose(judge(errors), judge(mixed))


@given(seed=seeds, scale=st.floats(0.01, 100.0))
def test_errors_do_not_depend_on_the_size_of_the_picture(seed, scale):
    truth, predicted = np.random.default_rng(seed).normal(size=(2, 5, 4, 2))
    here = normalised_errors(ShapeSet.from_points(predicted), ShapeSet.from_points(truth))
    there = normalised_errors(
        ShapeSet.from_points(scale * predicted + 9), ShapeSet.from_points(scale * truth + 9)
    )
    np.testing.assert_allclose(there, here, rtol=1e-6)
