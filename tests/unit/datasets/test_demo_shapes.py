from pathlib import Path

import numpy as np
import pytest

from datasets.alignment import align
from datasets.demo_faces.shapes import (
    draw_identity,
    draw_shape,
    face_model,
    is_sound,
    mended,
    pose_terms,
    shape_of,
)
from datasets.formats import landmark_format
from datasets.shapes import ShapeSet
from datasets.synthetic import sample_faces

FORMAT = landmark_format("300w-68")
REAL = Path(__file__).parents[4] / "shared" / "data" / "annotations" / "300w_valid_68.npz"
PAIRS = ~np.eye(68, dtype=bool)


def canonical_affinity(points):
    """Mean canonical correlation of each pair, by QR instead of by whitening (Bjorck, Golub)."""
    aligned = align(points, "centroid-rms")
    centred = (aligned - aligned.mean(axis=0)).transpose(1, 0, 2)
    q = np.linalg.qr(centred)[0]
    products = np.einsum("ina,jnb->ijab", q, q, optimize=True)
    return np.linalg.svd(products, compute_uv=False).mean(axis=2)


def affinity_of_covariance(covariance):
    """The same from a covariance (68, 2, 68, 2): geometric means by closed forms for 2 x 2."""
    own = [np.linalg.inv(np.linalg.cholesky(covariance[i, :, i])) for i in range(68)]
    result = np.empty((68, 68))
    for i in range(68):
        for j in range(68):
            a, b, c, d = (own[i] @ covariance[i, :, j] @ own[j].T).ravel()
            # s1 + s2 of a 2 x 2 matrix: the root of its squared norm and twice its determinant
            both = np.sqrt(a * a + b * b + c * c + d * d + 2 * abs(a * d - b * c))
            result[i, j] = both / 2
    return result


@pytest.fixture(scope="module")
def faces() -> ShapeSet:
    return sample_faces(2000, seed=3, images_per_subject=1)


@pytest.fixture(scope="module")
def affinity(faces):
    return canonical_affinity(faces.points)


def test_the_affinity_of_the_samples_is_that_of_the_models_covariance(affinity):
    model = face_model()
    mean = model.pose[0] + model.pose[2] + model.pose[5]
    turned = model.roll_sd_rad * np.stack([-mean[:, 1], mean[:, 0]], axis=1)
    # t, s and every mode have unit variance; the squares of t and s have variance 2
    weights = np.sqrt([1.0, 2.0, 1.0, 1.0, 2.0])[:, None, None]
    parts = np.concatenate([weights * model.pose[1:], model.modes, turned[None]])
    expected = affinity_of_covariance(np.einsum("kia,kjb->iajb", parts, parts))
    assert np.corrcoef(affinity[PAIRS], expected[PAIRS])[0, 1] > 0.97
    assert np.abs(affinity - expected)[PAIRS].mean() < 0.05


@pytest.mark.skipif(not REAL.exists(), reason="needs the real faces beside the checkout")
def test_the_affinity_of_the_samples_resembles_that_of_real_faces(affinity):
    with np.load(REAL, allow_pickle=False) as stored:
        real = canonical_affinity(stored["points"].astype(np.float64))
    assert np.corrcoef(affinity[PAIRS], real[PAIRS])[0, 1] > 0.95
    assert np.abs(affinity - real)[PAIRS].mean() < 0.05


def test_landmarks_of_one_part_correlate_more_than_those_of_different_parts(affinity):
    part = np.empty(68, dtype=int)
    for number, component in enumerate(FORMAT.components):
        part[list(component.indices)] = number
    same = part[:, None] == part
    assert affinity[same & PAIRS].mean() > 1.3 * affinity[~same].mean()


def test_the_affinity_is_that_of_the_mirrored_faces(affinity):
    mirror = np.array(FORMAT.mirror)
    assert np.abs(affinity - affinity[mirror][:, mirror]).mean() < 0.03


def test_the_mean_shape_is_a_bad_guess_so_that_there_is_something_to_learn(faces):
    points = faces.points
    distances = np.linalg.norm(points - points.mean(axis=0), axis=2)
    span = np.linalg.norm(points[:, 36] - points[:, 45], axis=1)
    assert 0.15 < np.mean(distances / span[:, None]) < 0.26


def test_heads_fill_the_picture_as_real_crops_do(faces):
    longer = np.ptp(faces.points, axis=1).max(axis=1) / 128
    assert longer.min() >= 0.9 / 1.5 - 1e-9
    assert longer.max() <= 1.1 / 1.5 + 1e-9
    middle = (faces.points.min(axis=1) + faces.points.max(axis=1)) / 2
    assert np.abs(middle - 63.5).max() <= 0.06 * 128
    assert np.abs(middle - 63.5).max() > 0.05 * 128


def test_heads_are_turned_in_the_picture_by_up_to_twenty_degrees(faces):
    across = faces.points[:, 45] - faces.points[:, 36]
    roll = np.degrees(np.arctan2(across[:, 1], across[:, 0]))
    assert 6 < roll.std() < 12
    assert abs(roll.mean()) < 1


def test_every_sample_is_sound_and_nothing_crosses():
    rng = np.random.default_rng(0)
    for _ in range(200):
        shape = draw_shape(draw_identity(rng), rng)
        assert is_sound(shape)
        assert (shape[[67, 66, 65], 1] >= shape[[61, 62, 63], 1]).all()
        assert (shape[[41, 40, 47, 46], 1] > shape[[37, 38, 43, 44], 1]).all()
        assert (shape[[61, 62, 63], 1] > shape[[50, 51, 52], 1]).all()
        assert (shape[[58, 57, 56], 1] > shape[[67, 66, 65], 1]).all()


def test_a_shape_without_fault_is_not_mended():
    K = len(face_model().modes)
    mean = shape_of(0.0, np.zeros(1 + K))
    np.testing.assert_array_equal(mended(mean), mean)


def test_lips_that_cross_are_closed_in_the_middle():
    shape = shape_of(0.0, np.zeros(1 + len(face_model().modes)))
    shape[62, 1], shape[66, 1] = 0.9, 0.7
    closed = mended(shape)
    assert closed[62, 1] == pytest.approx(0.8)
    assert closed[66, 1] == pytest.approx(0.8)


def test_a_head_turned_beyond_the_model_is_not_sound():
    assert not is_sound(mended(shape_of(4.0, np.zeros(1 + len(face_model().modes)))))


def test_yaw_moves_the_nose_against_the_jaw_and_opposite_yaws_mirror_each_other():
    scores = np.zeros(1 + len(face_model().modes))
    left, right = shape_of(-1.5, scores), shape_of(1.5, scores)
    place = [(s[30, 0] - s[0, 0]) / (s[16, 0] - s[0, 0]) for s in (left, right)]
    assert abs(place[0] - place[1]) > 0.2
    mirrored = right[list(FORMAT.mirror)] * [-1.0, 1.0]
    np.testing.assert_allclose(left, mirrored, atol=0.02)


def test_pictures_of_one_person_resemble_each_other_more_than_those_of_two():
    shapes = sample_faces(600, seed=1, images_per_subject=6).points
    # the shape of the face without the head's pose: relative widths that turning hardly changes
    eyes = np.linalg.norm(shapes[:, 36] - shapes[:, 39], axis=1)
    eyes = eyes + np.linalg.norm(shapes[:, 42] - shapes[:, 45], axis=1)
    brows = np.linalg.norm(shapes[:, 17] - shapes[:, 36], axis=1)
    brows = brows + np.linalg.norm(shapes[:, 26] - shapes[:, 45], axis=1)
    ratio = (brows / eyes).reshape(100, 6)
    between, within = ratio.mean(axis=1).var(ddof=1), ratio.var(axis=1, ddof=1).mean()
    assert between > 1.5 * within / 6  # it would be about 1 without identities


def test_the_shares_of_identity_are_shares():
    model = face_model()
    assert model.identity_share.shape == (1 + len(model.modes),)
    assert (model.identity_share > 0).all()
    assert (model.identity_share < 1).all()


def test_pose_terms_are_the_monomials_up_to_degree_two():
    np.testing.assert_allclose(
        pose_terms(np.array([2.0]), np.array([3.0])), [[1.0, 2.0, 4.0, 3.0, 6.0, 9.0]]
    )
