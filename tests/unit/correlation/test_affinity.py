"""Affinity matrices against independent routes to canonical correlations."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf
from sklearn.cross_decomposition import CCA

from correlation.affinity import (
    FewmarkWarning,
    affinity,
    affinity_from_moments,
    affinity_of_groups,
    shrunk_moments,
)
from datasets.alignment import align
from datasets.errors import ShapeMismatchError, UnknownNameError
from datasets.formats import landmark_format
from datasets.moments import Moments, moments_of
from datasets.shapes import ShapeSet

SHARED = Path(__file__).parents[3].parent / "shared" / "data"


def related_points(N, M, D, seed=0):
    """Points that all depend on a few common variables, each with noise of its own."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(N, 4)) @ rng.normal(size=(4, M * D))
    return (common + rng.normal(size=(N, M * D))).reshape(N, M, D)


def by_qr(points, i, j):
    """Mean canonical correlation by orthonormal bases of the two landmarks' samples."""
    a, b = (np.linalg.qr(points[:, k] - points[:, k].mean(axis=0))[0] for k in (i, j))
    return np.linalg.svd(a.T @ b, compute_uv=False).mean()


@pytest.mark.parametrize("D", [2, 3])
def test_values_equal_canonical_correlations_by_qr(D):
    points = related_points(200, 6, D)
    moments = Moments.from_points(points)
    found = affinity_from_moments(moments).values
    expected = [[by_qr(points, i, j) for j in range(6)] for i in range(6)]
    np.testing.assert_allclose(found, expected, atol=1e-8)
    without = affinity_from_moments(moments, ridge=0.0).values
    np.testing.assert_allclose(without, expected, atol=1e-12)


def test_values_equal_those_of_scikit_learn():
    points = related_points(300, 3, 2)
    found = affinity_from_moments(Moments.from_points(points)).values
    for i, j in ((0, 1), (0, 2), (1, 2)):
        a, b = CCA(n_components=2, max_iter=5000, tol=1e-12).fit_transform(
            points[:, i], points[:, j]
        )
        both = [np.corrcoef(a[:, k], b[:, k])[0, 1] for k in range(2)]
        assert found[i, j] == pytest.approx(np.mean(both), abs=1e-8)


def test_affinity_aligns_and_says_how():
    points = related_points(100, 5, 2) + np.linspace(0, 40, 10).reshape(5, 2)
    found = affinity(points, "box")
    assert (found.alignment, found.n_shapes) == ("box", 100)
    np.testing.assert_array_equal(
        found.values, affinity_from_moments(moments_of([points], "box")).values
    )
    assert affinity(points).alignment == "centroid-rms"
    assert "100 shapes" in found.caption
    assert "box" in found.caption


def test_a_linear_map_of_one_landmark_leaves_its_affinities():
    points = related_points(80, 4, 2)
    mapped = points.copy()
    mapped[:, 1] = points[:, 1] @ np.array([[2.0, 1.0], [0.5, -3.0]]) + 7.0
    a, b = (affinity_from_moments(Moments.from_points(p)).values for p in (points, mapped))
    np.testing.assert_allclose(a, b, atol=1e-7)


def test_absent_landmarks_are_used_pair_by_pair():
    points = related_points(150, 3, 2)
    points[:50, 2] = np.nan
    found = affinity_from_moments(Moments.from_points(points))
    assert found.n_shapes == 100
    assert found.values[0, 1] == pytest.approx(by_qr(points, 0, 1), abs=1e-8)
    assert not np.isnan(found.values).any()


def test_a_shape_set_keeps_its_format():
    points = related_points(60, 5, 2)
    assert affinity(ShapeSet.from_points(points, landmark_format("mafl-5"))).format.name == "mafl-5"
    assert affinity(points).format.name == "points-5"


def test_a_constant_landmark_has_no_affinity_and_is_named():
    points = related_points(50, 5, 2)
    points[:, 3] = [10.0, 20.0]
    known = landmark_format("mafl-5")
    with pytest.warns(FewmarkWarning, match=known.landmarks[3]):
        found = affinity_from_moments(Moments.from_points(points), landmark_format=known)
    np.testing.assert_array_equal(found.values[3], [0, 0, 0, 1, 0])
    assert known.landmarks[3] in found.cautions[0]


@pytest.mark.parametrize("D", [2, 3])
def test_a_landmark_on_a_line_has_one_direction_that_counts(D):
    points = related_points(50, 3, D)
    points[:, 0, 1:] = 5.0
    with pytest.warns(FewmarkWarning, match="do not vary"):
        found = affinity_from_moments(Moments.from_points(points))
    line = points[:, 0, 0] - points[:, 0, 0].mean()
    other = points[:, 1] - points[:, 1].mean(axis=0)
    fitted = other @ np.linalg.lstsq(other, line, rcond=None)[0]
    multiple_correlation = np.sqrt((fitted @ fitted) / (line @ line))
    assert found.values[0, 1] == pytest.approx(multiple_correlation / D, abs=1e-7)
    assert found.values[0, 0] == 1


def test_shapes_that_are_all_equal_are_named_not_nan():
    with pytest.warns(FewmarkWarning, match="0, 1, 2"):
        found = affinity(np.tile([[0.0, 0], [1, 0], [0, 1]], (10, 1, 1)))
    np.testing.assert_array_equal(found.values, np.eye(3))


def test_hardly_any_shapes_bring_a_caution():
    (caution,) = affinity(related_points(4, 6, 2)).cautions
    assert "1 by arithmetic" in caution
    assert affinity(related_points(40, 6, 2)).cautions == ()


def test_pairs_without_three_shapes_are_refused_by_name():
    with pytest.raises(ShapeMismatchError, match=r"present in 2 of 2 shapes.*3 at least"):
        affinity(related_points(2, 4, 2))
    points = related_points(20, 4, 2)
    points[:10, 1], points[10:, 3] = np.nan, np.nan
    with pytest.raises(ShapeMismatchError, match=r"'1' and '3' together: present in 0 of 20"):
        affinity(points)
    points[10:, 1] = np.nan
    with pytest.raises(ShapeMismatchError, match=r"^landmark '1': present in 0 of 20"):
        affinity(points)


def test_shapes_without_a_pair_are_passed_over_and_counted():
    points = related_points(30, 4, 2)
    lone = np.full((2, 4, 2), np.nan)
    lone[1, 0] = 3.0
    found = affinity(np.concatenate([points, lone]))
    np.testing.assert_array_equal(found.values, affinity(points).values)
    assert found.cautions == ("2 shapes with fewer than two landmarks were passed over.",)
    with pytest.raises(ShapeMismatchError, match="no shape"):
        affinity(lone)
    with pytest.raises(ShapeMismatchError, match=r"\(N, M, D\)"):
        affinity(points[0])


def test_incomplete_shapes_bring_a_caution_unless_aligned_to_a_mean():
    points = related_points(40, 6, 2)
    points[:10, 2] = np.nan
    assert "10 shapes lack landmarks" in affinity(points).cautions[0]
    assert affinity(points, "procrustes").cautions == ()


def test_an_unknown_alignment_is_refused():
    with pytest.raises(UnknownNameError, match="centroid-rms"):
        affinity(related_points(20, 4, 2), "none")


def canonical_mean(a, b):
    """Mean of the min(p, q) canonical correlations of two samples, by orthonormal bases."""
    a, b = (np.linalg.qr(x - x.mean(axis=0))[0] for x in (a, b))
    return np.linalg.svd(a.T @ b, compute_uv=False).mean()


def test_groups_of_different_dimensions_have_the_mean_of_the_smaller_number():
    rng = np.random.default_rng(0)
    common = rng.normal(size=(200, 3))
    sizes = (4, 2, 3, 2, 1)  # a box, landmarks, a joint in space, a score
    groups = [common @ rng.normal(size=(3, d)) + 0.5 * rng.normal(size=(200, d)) for d in sizes]
    groups[2] = 1e-3 * groups[2] + 1e4  # in another unit, far away
    found = affinity_of_groups(groups).values
    expected = [[canonical_mean(a, b) for b in groups] for a in groups]
    np.testing.assert_allclose(found, expected, atol=1e-7)


@pytest.mark.parametrize("D", [1, 2, 3])
def test_groups_of_one_dimension_are_landmarks(D):
    points = related_points(80, 5, D)
    found = affinity_of_groups(points, landmark_format=landmark_format("mafl-5"))
    expected = affinity_from_moments(Moments.from_points(points)).values
    np.testing.assert_allclose(found.values, expected, atol=1e-12)
    assert found.format.name == "mafl-5"
    assert (found.n_shapes, found.alignment) == (80, None)


def test_a_group_that_does_not_vary_is_named():
    points = related_points(40, 3, 2)
    points[:, 1, 0] = 4.0
    found = affinity_of_groups(points)
    assert "do not vary in every direction: 1." in found.cautions[0]
    assert found.values[0, 1] == pytest.approx(
        affinity_of_groups([points[:, 0], points[:, 1, 1:]]).values[0, 1] / 2, abs=1e-7
    )


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([], "arrays"),
        ([np.zeros(4)], "arrays"),
        ([np.zeros((4, 0))], "arrays"),
        ([np.zeros((4, 2)), np.zeros((5, 2))], "same N"),
        (np.zeros((2, 3, 2)), "3 at least"),
        ([np.full((4, 2), np.nan)], "finite"),
    ],
)
def test_groups_that_do_not_fit_are_refused(groups, message):
    with pytest.raises(ShapeMismatchError, match=message):
        affinity_of_groups(groups)


def test_a_shrunk_covariance_is_that_of_scikit_learn():
    points = related_points(20, 8, 2) + np.linspace(0, 40, 16).reshape(8, 2)
    fitted = LedoitWolf().fit(align(points).reshape(20, 16))
    moments, share = shrunk_moments(points)
    assert share == pytest.approx(fitted.shrinkage_)
    covariance = moments.covariance.reshape(16, 16) * 19 / 20  # theirs divides by N
    np.testing.assert_allclose(covariance, fitted.covariance_, rtol=1e-9, atol=1e-12)
    found = affinity(points, shrinkage=True)
    assert found.mean < affinity(points).mean
    assert f"shrunk by {share:.3f}" in found.caption
    points[0, 0] = np.nan
    with pytest.raises(ShapeMismatchError, match="complete"):
        affinity(points, shrinkage=True)


def turned(points, angles):
    c, s = np.cos(angles), np.sin(angles)
    return points @ np.array([[c, -s], [s, c]]).transpose(2, 0, 1)


@pytest.mark.parametrize("alignment", ["centroid-rms", "box"])
def test_pictures_turned_at_will_bring_a_caution_that_proposes_procrustes(alignment):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(12, 2)) + 0.05 * rng.normal(size=(400, 12, 2))
    assert affinity(points, alignment).cautions == ()
    for spread in (0.5, 10.0):
        shapes = turned(points, rng.normal(0, spread, 400))
        (caution,) = affinity(shapes, alignment).cautions
        assert "alignment procrustes" in caution
        assert affinity(shapes, "procrustes").cautions == ()


def test_space_has_three_turns():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(12, 3)) + 0.05 * rng.normal(size=(400, 12, 3))
    for plane in ([0, 1], [1, 2], [0, 2]):
        points[:, :, plane] = turned(points[:, :, plane], rng.normal(0, 0.5, 400))
    assert "Turns" in affinity(points).cautions[0]


def test_digits_that_rounding_made_are_no_variance():
    points = related_points(50, 4, 2)
    points[:, 2] = [0.1, 1 / 3]
    far = np.concatenate([points + 1e7, points[:1] + 1e7])
    with pytest.warns(FewmarkWarning, match="direction: 2"):
        affinity_from_moments(Moments.from_points(far))


@pytest.mark.skipif(not SHARED.exists(), reason="no shared data beside the checkout")
@pytest.mark.parametrize(("alignment", "mean"), [("centroid-rms", 0.46), ("box", 0.56)])
def test_alignment_changes_the_mean_affinity_of_300w(alignment, mean):
    with np.load(SHARED / "annotations" / "300w_valid_68.npz") as stored:
        shapes = ShapeSet.from_points(stored["points"], landmark_format("300w-68"))
    matrix = affinity(shapes, alignment)
    assert matrix.mean == pytest.approx(mean, abs=0.005)
    inside = matrix.values[36:42, 36:42].mean()  # one eye
    assert inside > matrix.values[36:42, 48:68].mean() + 0.2  # against the mouth


@pytest.mark.skipif(not SHARED.exists(), reason="no shared data beside the checkout")
@pytest.mark.parametrize(
    ("name", "turned_pictures"),
    [("300w_valid_68", False), ("wflw_test_part1_98", False), ("cofw_test_29", False),
     ("dogflw_train_46", False), ("grapevine_leaves_21", True)],
)  # fmt: skip
def test_leaves_are_told_to_be_turned_and_faces_are_not(name, turned_pictures):
    with np.load(SHARED / "annotations" / f"{name}.npz") as stored:
        cautions = affinity(stored["points"]).cautions
    assert ["Turns" in text for text in cautions] == [True] * turned_pictures
