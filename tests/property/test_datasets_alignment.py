import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.alignment import ALIGNMENTS, Similarity, align, similarity

seeds = st.integers(0, 2**32 - 1)
dimensions = st.sampled_from([2, 3])


def random_similarities(N: int, D: int, rng: np.random.Generator) -> Similarity:
    rotation, _ = np.linalg.qr(rng.normal(size=(N, D, D)))
    rotation[:, :, 0] *= np.linalg.det(rotation)[:, None]
    return Similarity(np.exp(rng.normal(size=N)), rotation, 100 * rng.normal(size=(N, D)))


def random_shapes(rng: np.random.Generator, D: int, gaps: float = 0.0) -> np.ndarray:
    N, M = int(rng.integers(2, 12)), int(rng.integers(4, 9))
    points = rng.normal(size=(M, D)) + 0.15 * rng.normal(size=(N, M, D))
    absent = rng.random((N, M)) < gaps
    absent[:, :3] = absent[0] = False
    points[absent] = np.nan
    return points


@pytest.mark.parametrize("method", ["centroid-rms", "box"])
@given(seed=seeds, D=dimensions)
def test_place_and_size_do_not_matter(method, seed, D):
    rng = np.random.default_rng(seed)
    shapes = random_shapes(rng, D, gaps=0.2)
    scale, shift = (
        np.exp(rng.normal(size=(len(shapes), 1, 1))),
        rng.normal(size=(len(shapes), 1, D)),
    )
    moved = align(scale * shapes + 50 * shift, method)
    np.testing.assert_allclose(moved, align(shapes, method), atol=1e-9)


@pytest.mark.parametrize("method", ALIGNMENTS)
@given(seed=seeds, D=dimensions)
def test_aligning_again_changes_nothing(method, seed, D):
    once = align(random_shapes(np.random.default_rng(seed), D), method)
    np.testing.assert_allclose(align(once, method), once, atol=1e-6)


@given(seed=seeds, D=dimensions)
def test_by_procrustes_place_size_and_orientation_do_not_matter(seed, D):
    rng = np.random.default_rng(seed)
    shapes = random_shapes(rng, D, gaps=0.2)
    moved = random_similarities(len(shapes), D, rng).apply(shapes)
    before, after = align(shapes, "procrustes"), align(moved, "procrustes")
    present = ~np.isnan(shapes)
    assert np.isclose(spread(before), spread(after), rtol=1e-4, atol=1e-9)
    np.testing.assert_array_equal(np.isnan(after), ~present)


def spread(aligned: np.ndarray) -> float:
    """What no common rotation changes: the sum of squares around the mean shape."""
    return float(np.nansum(np.square(aligned - np.nanmean(aligned, axis=0))))


@given(seed=seeds, D=dimensions)
def test_a_similarity_is_found_whatever_it_is(seed, D):
    rng = np.random.default_rng(seed)
    source = random_shapes(rng, D, gaps=0.2)
    known = random_similarities(len(source), D, rng)
    found = similarity(source, known.apply(source))
    np.testing.assert_allclose(found.apply(source), known.apply(source), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found.inverse().apply(known.apply(source)), source, atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(found.rotation), 1)
    assert (found.scale > 0).all()
