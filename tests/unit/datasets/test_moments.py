import numpy as np
import pandas as pd
import pytest

from datasets.alignment import ALIGNMENTS, align, similarity
from datasets.errors import ShapeMismatchError, UnknownNameError
from datasets.moments import Moments, chunk_moments, moments_of
from datasets.shapes import ShapeSet


def shapes_with_gaps(N: int = 60, M: int = 5, D: int = 2, share: float = 0.2) -> np.ndarray:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(M, D)) + 0.3 * rng.normal(size=(N, M, D))
    points[rng.random((N, M)) < share] = np.nan
    return points


@pytest.mark.parametrize("D", [2, 3])
def test_the_covariance_is_that_of_pandas_pair_by_pair(D):
    points = shapes_with_gaps(D=D)
    expected = pd.DataFrame(points.reshape(len(points), -1)).cov().to_numpy()
    found = Moments.from_points(points).covariance.reshape(expected.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-14)


def test_counts_and_means_are_those_of_the_shapes_that_have_both():
    points = shapes_with_gaps()
    moments = Moments.from_points(points)
    present = ~np.isnan(points[:, :, 0])
    for i in range(5):
        np.testing.assert_allclose(moments.mean[i], points[present[:, i], i].mean(axis=0))
        for j in range(5):
            both = present[:, i] & present[:, j]
            assert moments.count[i, j] == both.sum()
            np.testing.assert_allclose(moments.pair_mean[i, j], points[both, i].mean(axis=0))
    assert moments.n_shapes == 60
    assert moments.count.dtype == np.int64


def test_shapes_far_from_the_origin_lose_no_digits():
    rng = np.random.default_rng(0)
    grid = rng.integers(-512, 512, size=(400, 4, 2)) / 1024  # exact also when moved far away
    near = Moments.from_points(grid)
    far = Moments.from_points(grid + 2.0**30)
    np.testing.assert_allclose(far.covariance, near.covariance, rtol=1e-12, atol=1e-15)


def test_parts_far_from_the_origin_merge_without_losing_digits():
    grid = np.random.default_rng(0).integers(-512, 512, size=(400, 4, 2)) / 1024
    parts = [Moments.from_points(grid[k : k + 50] + 2.0**30) for k in range(0, 400, 50)]
    total = parts[0]
    for part in parts[1:]:
        total = total.merged(part)
    expected = Moments.from_points(grid)
    digits_of_the_means = 2.0**30 * np.finfo(float).eps
    np.testing.assert_allclose(total.covariance, expected.covariance, atol=digits_of_the_means)


def test_merging_a_part_where_a_landmark_is_always_absent_is_exact():
    points = shapes_with_gaps()
    points[:30, 2] = np.nan
    first, second = Moments.from_points(points[:30]), Moments.from_points(points[30:])
    whole = Moments.from_points(points)
    for merged in (first.merged(second), second.merged(first)):
        np.testing.assert_array_equal(merged.count, whole.count)
        np.testing.assert_allclose(merged.pair_mean, whole.pair_mean, rtol=1e-12)
        np.testing.assert_allclose(merged.scatter, whole.scatter, rtol=1e-9, atol=1e-12)


def test_a_pair_seen_in_too_few_shapes_is_named():
    points = shapes_with_gaps(share=0)
    points[1:30, 1], points[30:, 3] = np.nan, np.nan
    with pytest.raises(ShapeMismatchError, match=r"landmarks 1 and 3 are .* in 1 of 60 shapes"):
        _ = Moments.from_points(points).covariance


def test_a_landmark_that_is_never_there_is_named():
    points = shapes_with_gaps(share=0)
    points[:, 2] = np.nan
    moments = Moments.from_points(points)
    assert np.isnan(moments.mean[2]).all()
    assert np.isnan(moments.pair_mean[2, 0]).all()
    assert (moments.scatter[2] == 0).all()
    with pytest.raises(ShapeMismatchError, match="present in 0 of 60 shapes"):
        _ = moments.covariance


def test_moments_of_different_things_do_not_merge():
    points = shapes_with_gaps(share=0)
    moments = Moments.from_points(points)
    with pytest.raises(ShapeMismatchError, match="cannot merge"):
        moments.merged(Moments.from_points(points[:, :4]))
    with pytest.raises(ShapeMismatchError, match=r"cannot merge .* None with .* box"):
        moments.merged(Moments.from_points(points, "box"))


def test_shape_sets_are_taken_as_readily_as_arrays():
    points = shapes_with_gaps()
    from_shapes = Moments.from_points(ShapeSet.from_points(points))
    np.testing.assert_array_equal(from_shapes.scatter, Moments.from_points(points).scatter)
    streamed = moments_of([ShapeSet.from_points(points)], "box")
    np.testing.assert_array_equal(streamed.scatter, moments_of([points], "box").scatter)


@pytest.mark.parametrize("alignment", ["centroid-rms", "box"])
def test_streamed_moments_are_those_of_all_shapes_aligned(alignment):
    points = shapes_with_gaps(share=0.1)
    streamed = moments_of((points[k : k + 7] for k in range(0, 60, 7)), alignment)
    whole = Moments.from_points(align(points, alignment))
    np.testing.assert_allclose(streamed.covariance, whole.covariance, rtol=1e-9, atol=1e-12)
    assert streamed.alignment == alignment
    assert streamed.n_shapes == 60


def test_one_chunk_by_procrustes_is_generalised_procrustes():
    points = shapes_with_gaps(share=0.1)
    whole = Moments.from_points(align(points, "procrustes"))
    np.testing.assert_array_equal(moments_of([points], "procrustes").scatter, whole.scatter)


def test_later_chunks_by_procrustes_are_aligned_to_the_first_ones_mean():
    points = shapes_with_gaps(share=0)
    first = align(points[:40], "procrustes")
    later = similarity(points[40:], first.mean(axis=0)).apply(points[40:])
    whole = Moments.from_points(np.concatenate([first, later]))
    streamed = moments_of([points[:40], points[40:45], points[45:]], "procrustes")
    np.testing.assert_allclose(streamed.covariance, whole.covariance, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_empty_chunks_are_passed_over(alignment):
    points = shapes_with_gaps(share=0)
    empty = np.zeros((0, 5, 2))
    with_empty = moments_of([empty, points, empty], alignment)
    np.testing.assert_array_equal(with_empty.scatter, moments_of([points], alignment).scatter)


def test_no_shapes_have_no_moments():
    with pytest.raises(ShapeMismatchError, match="no shape"):
        moments_of([])
    with pytest.raises(ShapeMismatchError, match="no shape"):
        moments_of([np.zeros((0, 5, 2))])


def test_a_wrong_alignment_is_refused_before_anything_is_read():
    def chunks():
        pytest.fail("was read")
        yield

    with pytest.raises(UnknownNameError, match="'none'"):
        moments_of(chunks(), "none")


def test_points_of_one_shape_alone_are_refused():
    with pytest.raises(ShapeMismatchError, match=r"\(N, M, D\)"):
        Moments.from_points(np.zeros((5, 2)))


@pytest.mark.parametrize("alignment", [None, *ALIGNMENTS])
def test_complete_shapes_among_others_count_as_if_all_went_the_same_way(alignment):
    """More shapes than one block holds, a few of them with gaps, against pandas."""
    points = shapes_with_gaps(N=30_000, share=0)
    points[[3, 700, 29_999], [1, 4, 0]] = np.nan
    aligned = points if alignment is None else align(points, alignment)
    flat = pd.DataFrame(aligned.reshape(len(points), -1))
    taken = Moments.from_points(points) if alignment is None else moments_of([points], alignment)
    expected = flat.cov().to_numpy().reshape(5, 2, 5, 2)
    np.testing.assert_allclose(taken.covariance, expected, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(taken.mean.ravel(), flat.mean(), rtol=1e-12, atol=1e-14)
    assert (taken.n_shapes, taken.n_incomplete) == (30_000, 3)
    assert (np.diagonal(taken.count) == [29_999, 29_999, 30_000, 30_000, 29_999]).all()


@pytest.mark.parametrize("alignment", ["centroid-rms", "box"])
def test_alignment_far_from_the_origin_loses_no_more_than_the_data(alignment):
    rng = np.random.default_rng(0)
    points = rng.integers(0, 2**12, size=(500, 6, 2)) / 2**4  # exact also when moved
    near, far = (moments_of([p], alignment) for p in (points, points + 1e7))
    np.testing.assert_allclose(far.covariance, near.covariance, atol=1e-9)
    plain = Moments.from_points(points + 1e7).covariance
    np.testing.assert_allclose(plain, Moments.from_points(points).covariance, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("share", [0.0, 0.3])
@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_whole_weights_are_shapes_repeated(alignment, share):
    points = shapes_with_gaps(share=share)
    points[:, :2] = shapes_with_gaps(share=0)[:, :2]
    weights = np.random.default_rng(1).integers(0, 4, len(points))
    if alignment == "procrustes":  # the mean to align to is that of the shapes, once each
        points = align(points, alignment)
        weighted = Moments.from_points(points, alignment, weights=weights)
        repeated = Moments.from_points(np.repeat(points, weights, axis=0), alignment)
    else:
        chunks = [points[:25], points[25:]]
        weighted = moments_of(chunks, alignment, weights)
        repeated = moments_of([np.repeat(points, weights, axis=0)], alignment)
    np.testing.assert_array_equal(weighted.count, repeated.count)
    np.testing.assert_allclose(weighted.pair_mean, repeated.pair_mean, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(weighted.covariance, repeated.covariance, rtol=1e-9, atol=1e-12)
    assert weighted.n_shapes == 60
    assert weighted.count.dtype == np.float64


def test_weights_must_be_one_number_a_shape():
    points = shapes_with_gaps(share=0)
    for wrong in (np.ones(59), np.ones(61), np.ones((60, 1)), np.full(60, -1), np.full(60, np.nan)):
        with pytest.raises(ShapeMismatchError, match="weights"):
            Moments.from_points(points, weights=wrong)
        with pytest.raises(ShapeMismatchError, match="weights"):
            moments_of([points[:30], points[30:]], weights=wrong)


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_shapes_that_hold_no_pair_are_passed_over_and_counted_on_demand(alignment):
    points = shapes_with_gaps(share=0)
    points[7, 2] = np.nan
    lone = np.full((3, 5, 2), np.nan)
    lone[0, 1] = 4.0
    found = moments_of([lone, points[:50], lone, points[50:]], alignment, pass_over=True)
    expected = moments_of([points[:50], points[50:]], alignment)
    np.testing.assert_array_equal(found.scatter, expected.scatter)
    assert (found.n_shapes, found.n_incomplete, found.n_passed_over) == (60, 1, 6)
    weighted = moments_of([lone, points], alignment, np.ones(63), pass_over=True)
    np.testing.assert_array_equal(weighted.count, expected.count)
    with pytest.raises(ShapeMismatchError, match="no shape"):
        moments_of([lone], alignment, pass_over=True)
    with pytest.raises(ShapeMismatchError, match="shape 0 cannot be aligned"):
        moments_of([lone], alignment)


@pytest.mark.parametrize("alignment", ["centroid-rms", "box"])
def test_a_shape_that_cannot_be_aligned_is_named_by_its_place_in_the_chunk(alignment):
    points = shapes_with_gaps(N=30_000, share=0)
    points[20_000] = 5.0
    with pytest.raises(ShapeMismatchError, match=r"shape 20000 cannot be aligned: .*extent"):
        moments_of([points], alignment)
    points[10_000, 1:] = np.nan
    with pytest.raises(ShapeMismatchError, match=r"shape 10000 cannot be aligned: .*1 of two"):
        moments_of([points], alignment)
    with pytest.raises(ShapeMismatchError, match="shape 0 cannot be aligned"):
        moments_of([np.ones((3, 1, 2))], alignment)


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_moments_of_chunks_taken_apart_merge_to_those_of_the_stream(alignment):
    points = shapes_with_gaps(share=0.1)
    first = chunk_moments(points[:30], alignment)
    merged = first.merged(chunk_moments(points[30:], alignment, first.mean))
    streamed = moments_of([points[:30], points[30:]], alignment)
    np.testing.assert_array_equal(merged.scatter, streamed.scatter)
    assert chunk_moments(points[:0], alignment).n_shapes == 0
