import numpy as np
import pytest

from datasets.alignment import (
    ALIGNMENTS,
    Similarity,
    align,
    mean_shape,
    present_landmarks,
    require_alignment,
    similarity,
)
from datasets.errors import ShapeMismatchError, UnknownNameError


def random_shapes(N: int = 30, M: int = 7, D: int = 2, spread: float = 0.1) -> np.ndarray:
    rng = np.random.default_rng(N + M + D)
    return rng.normal(size=(M, D)) + spread * rng.normal(size=(N, M, D))


def random_rotation(D: int, rng: np.random.Generator) -> np.ndarray:
    q, _ = np.linalg.qr(rng.normal(size=(D, D)))
    q[:, 0] *= np.linalg.det(q)
    return q


@pytest.mark.parametrize("D", [2, 3])
def test_by_centroid_the_mean_is_0_and_the_root_mean_square_distance_is_1(D):
    aligned = align(random_shapes(D=D) * 40 + 500)
    np.testing.assert_allclose(aligned.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(np.square(aligned).sum(axis=2).mean(axis=1), 1)


@pytest.mark.parametrize("D", [2, 3])
def test_by_box_the_middle_is_0_and_the_volume_is_1(D):
    aligned = align(random_shapes(D=D) * 40 + 500, "box")
    low, high = aligned.min(axis=1), aligned.max(axis=1)
    np.testing.assert_allclose(low + high, 0, atol=1e-12)
    np.testing.assert_allclose((high - low).prod(axis=1), 1)


@pytest.mark.parametrize("D", [2, 3])
def test_by_procrustes_the_mean_has_unit_centroid_size(D):
    mean = align(random_shapes(D=D) * 40 + 500, "procrustes").mean(axis=0)
    np.testing.assert_allclose(mean.mean(axis=0), 0, atol=1e-12)
    assert np.linalg.norm(mean) == pytest.approx(1)


def test_by_procrustes_shapes_lie_closest_to_their_mean():
    aligned = align(random_shapes(), "procrustes")
    mean = aligned.mean(axis=0)
    left = np.square(aligned - mean).sum()
    for turn in (-0.01, 0.01):
        c, s = np.cos(turn), np.sin(turn)
        turned = aligned.copy()
        turned[3] = turned[3] @ np.array([[c, -s], [s, c]])
        assert np.square(turned - mean).sum() > left


def test_by_procrustes_two_shapes_agree_with_complex_regression():
    """In the plane the best similarity is a complex regression coefficient (Kent 1994)."""
    rng = np.random.default_rng(1)
    base = rng.normal(size=(9, 2))
    pair = np.stack([base + 0.2 * rng.normal(size=(9, 2)), base])
    aligned = align(pair, "procrustes")
    z = aligned[..., 0] + 1j * aligned[..., 1]
    z = z - z.mean(axis=1, keepdims=True)
    mean = z.mean(axis=0)
    first, second = (np.vdot(shape, mean) / np.vdot(shape, shape) for shape in z)
    assert first == pytest.approx(second)
    assert 0.9 < first.real <= 1
    assert first.imag == pytest.approx(0, abs=1e-9)


def test_by_procrustes_upright_shapes_stay_upright():
    rng = np.random.default_rng(2)
    shapes = random_shapes(200) @ random_rotation(2, rng).T
    turns = similarity(shapes, mean_shape(align(shapes, "procrustes"))).rotation
    angles = np.arctan2(turns[:, 1, 0], turns[:, 0, 0])
    assert abs(angles.mean()) < 0.02


def test_by_procrustes_opposite_orientations_do_not_cancel_out():
    shape = random_shapes(1)[0]
    aligned = align(np.stack([shape, -shape]), "procrustes")
    np.testing.assert_allclose(aligned[0], aligned[1], atol=1e-9)


@pytest.mark.parametrize("method", ALIGNMENTS)
def test_absent_landmarks_stay_absent_and_move_nobody_else(method):
    shapes = random_shapes()
    shapes[4, 2] = np.nan
    shapes[5, 3, 0] = np.nan
    aligned = align(shapes, method)
    absent = ~present_landmarks(shapes)
    assert absent.sum() == 2
    np.testing.assert_array_equal(np.isnan(aligned).all(axis=2), absent)
    np.testing.assert_array_equal(np.isnan(aligned).any(axis=2), absent)


def test_a_shape_with_gaps_is_aligned_by_the_landmarks_it_has():
    shapes = random_shapes(1)
    gaps = shapes.copy()
    gaps[0, 1] = np.nan
    np.testing.assert_allclose(align(gaps)[:, 2:], align(np.delete(shapes, 1, axis=1))[:, 1:])


@pytest.mark.parametrize("method", ALIGNMENTS)
def test_a_landmark_that_no_shape_has_is_left_out(method):
    shapes = random_shapes()
    without = align(np.delete(shapes, 3, axis=1), method)
    shapes[:, 3] = np.nan
    np.testing.assert_allclose(np.delete(align(shapes, method), 3, axis=1), without)


@pytest.mark.parametrize("method", ALIGNMENTS)
@pytest.mark.parametrize("broken", ["one", "none", "same"])
def test_a_shape_that_cannot_be_aligned_is_named_by_its_row(method, broken):
    shapes = random_shapes(6)
    if broken == "same":
        shapes[4] = 7.0
    else:
        shapes[4, (1 if broken == "one" else 0) :] = np.nan
    with pytest.raises(ShapeMismatchError, match="shape 4 cannot be aligned"):
        align(shapes, method)


def test_a_line_has_no_box():
    shapes = random_shapes(3)
    shapes[1, :, 1] = 5.0
    with pytest.raises(ShapeMismatchError, match=r"shape 1 .* without extent"):
        align(shapes, "box")


def test_points_of_one_shape_alone_are_refused():
    with pytest.raises(ShapeMismatchError, match=r"\(N, M, D\)"):
        align(np.zeros((5, 2)))


def test_an_unknown_alignment_is_refused_and_known_ones_are_listed():
    assert [require_alignment(name) for name in ALIGNMENTS] == list(ALIGNMENTS)
    with pytest.raises(UnknownNameError, match="'rms'; known are centroid-rms, box, procrustes"):
        align(random_shapes(), "rms")


@pytest.mark.parametrize("method", ALIGNMENTS)
def test_no_shapes_are_aligned_to_none(method):
    assert align(np.zeros((0, 5, 2)), method).shape == (0, 5, 2)


@pytest.mark.parametrize("D", [2, 3])
def test_a_known_similarity_is_found(D):
    rng = np.random.default_rng(D)
    source = rng.normal(size=(6, D))
    known = Similarity(np.array(2.5), random_rotation(D, rng), rng.normal(size=D))
    found = similarity(source, known.apply(source))
    assert float(found.scale) == pytest.approx(2.5)
    np.testing.assert_allclose(found.rotation, known.rotation, atol=1e-12)
    np.testing.assert_allclose(found.shift, known.shift, atol=1e-12)
    np.testing.assert_allclose(found.inverse().apply(found.apply(source)), source)


@pytest.mark.parametrize("D", [2, 3])
def test_no_similarity_nearby_is_better(D):
    rng = np.random.default_rng(D)
    source, target = rng.normal(size=(2, 8, D))
    best = similarity(source, target)
    left = np.square(best.apply(source) - target).sum()
    for _ in range(50):
        near = Similarity(
            best.scale * (1 + 0.05 * rng.normal()),
            best.rotation @ near_identity(D, rng),
            best.shift + 0.05 * rng.normal(size=D),
        )
        assert np.square(near.apply(source) - target).sum() >= left


def near_identity(D: int, rng: np.random.Generator) -> np.ndarray:
    skew = 0.05 * rng.normal(size=(D, D))
    skew = skew - skew.T
    return np.linalg.solve(np.eye(D) + skew, np.eye(D) - skew)  # Cayley: exactly a rotation


@pytest.mark.parametrize("D", [2, 3])
def test_a_mirrored_shape_is_not_mirrored_back(D):
    source = np.random.default_rng(D).normal(size=(6, D))
    mirrored = source * np.array([-1.0] + [1.0] * (D - 1))
    assert np.linalg.det(similarity(source, mirrored).rotation) == pytest.approx(1)


def test_a_batch_of_similarities_is_that_of_each():
    shapes = random_shapes(5)
    shapes[2, 1] = np.nan
    together = similarity(shapes, shapes[0])
    for i, shape in enumerate(shapes):
        alone = similarity(shape, shapes[0])
        np.testing.assert_allclose(together.apply(shapes)[i], alone.apply(shape))
    np.testing.assert_allclose(together.inverse().apply(together.apply(shapes)), shapes)


def test_landmarks_missing_on_either_side_are_left_out():
    source, target = np.random.default_rng(0).normal(size=(2, 6, 2))
    part = similarity(source[2:5], target[2:5])
    source[:2], target[5] = np.nan, np.nan
    np.testing.assert_allclose(similarity(source, target).rotation, part.rotation)


def test_what_cannot_be_mapped_is_refused():
    line = np.array([[0.0, 0], [1, 0], [2, 0]])
    with pytest.raises(ShapeMismatchError, match=r"\(3, 2\) with points \(4, 2\)"):
        similarity(line, np.zeros((4, 2)))
    with pytest.raises(ShapeMismatchError, match="without extent"):
        similarity(line, np.zeros((3, 2)))
    with pytest.raises(ShapeMismatchError, match="it has 1 of two landmarks"):
        similarity(line, np.where([[True], [False], [False]], line, np.nan))
    with pytest.raises(ShapeMismatchError, match="cannot align"):
        similarity([1.0, 2.0], [1.0, 2.0])


def test_the_mean_of_a_landmark_is_over_the_shapes_that_have_it():
    shapes = np.array([[[0.0, 0], [1, 1]], [[2, 4], [np.nan, np.nan]]])
    np.testing.assert_array_equal(mean_shape(shapes), [[1, 2], [1, 1]])
    shapes[:, 1] = np.nan
    np.testing.assert_array_equal(mean_shape(shapes), [[1, 2], [np.nan, np.nan]])
