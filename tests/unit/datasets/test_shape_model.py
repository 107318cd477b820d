import json

import numpy as np
import pytest

from datasets.alignment import align
from datasets.errors import FileFormatError, ShapeMismatchError
from datasets.formats import landmark_format
from datasets.shape_model import ShapeModel
from datasets.shapes import ShapeSet

M = 12


def population(N: int, seed: int, D: int = 2, spread: float = 0.05, modes: int = 3) -> np.ndarray:
    """Upright shapes of about 100 px that bend in a few ways, each in a place of its own."""
    fixed = np.random.default_rng(99)
    base, bends = fixed.normal(size=(M, D)), fixed.normal(size=(modes, M, D))
    rng = np.random.default_rng(seed)
    shapes = base + spread * np.einsum("nk,kmd->nmd", rng.normal(size=(N, modes)), bends)
    return 100 * shapes + rng.uniform(0, 500, (N, 1, D))


def known_only(shape: np.ndarray, landmarks) -> np.ndarray:
    known = np.full(shape.shape, np.nan)
    known[list(landmarks)] = shape[list(landmarks)]
    return known


@pytest.fixture(scope="module")
def model() -> ShapeModel:
    return ShapeModel.fit(population(200, seed=0))


def test_the_mean_has_unit_centroid_size_and_the_covariance_is_positive_definite(model):
    np.testing.assert_allclose(model.mean.mean(axis=0), 0, atol=1e-12)
    assert np.linalg.norm(model.mean) == pytest.approx(1)
    assert np.linalg.eigvalsh(model.covariance.reshape(2 * M, 2 * M)).min() > 0


def test_without_prior_and_ridge_the_covariance_is_that_of_the_aligned_shapes():
    shapes = population(50, seed=1)
    model = ShapeModel.fit(shapes, ridge=0, prior_shapes=0)
    expected = np.cov(align(shapes, "procrustes").reshape(50, -1).T)
    np.testing.assert_allclose(model.covariance.reshape(expected.shape), expected, atol=1e-10)


def test_the_size_is_the_typical_centroid_size_in_pixels(model):
    shapes = population(200, seed=0)
    sizes = np.linalg.norm(shapes - shapes.mean(axis=1, keepdims=True), axis=(1, 2))
    assert model.size_px == pytest.approx(np.exp(np.log(sizes).mean()), rel=0.03)


@pytest.mark.parametrize("D", [2, 3])
def test_shapes_that_bend_in_few_ways_are_completed_from_few_landmarks(D):
    few = ShapeModel.fit(population(100, 0, D), ridge=1e-6, prior_shapes=0, noise=0)
    truth = population(20, 1, D)
    completed = few.complete(ShapeSet.from_points(truth).keep([0, 3, 5, 8, 10]))
    error = np.linalg.norm(completed.points - truth, axis=2).mean()
    assert error < 2  # of about 100 px


def test_it_agrees_with_universal_kriging_where_bends_are_small():
    """Cressie 1993, sec. 3.4: unknown shifts, scale and turn are trends (Lagrange multipliers)."""
    model = ShapeModel.fit(population(200, 0, spread=1e-4), ridge=0.05, prior_shapes=20, noise=0)
    shape = population(1, 5, spread=1e-4)[0]
    known = np.array([1, 4, 6, 9])
    mean, spread = model.condition(known_only(shape, known))

    turned = model.mean @ np.array([[0.0, 1], [-1, 0]])
    ones = np.ones(M)
    trends = np.stack(
        [np.outer(ones, [1, 0]), np.outer(ones, [0, 1]), model.mean, turned], axis=-1
    ).reshape(2 * M, 4)
    covariance = model.covariance.reshape(2 * M, 2 * M)
    k = (2 * known[:, None] + [0, 1]).ravel()
    zero = np.zeros((4, 4))
    system = np.block([[covariance[np.ix_(k, k)], trends[k]], [trends[k].T, zero]])
    right = np.vstack([covariance[k], trends.T])
    weights = np.linalg.solve(system, right)
    # Its weights reproduce any similarity of the mean exactly, so pixels go straight in.
    scale = model.size_px
    moved = (shape[known] - shape[known].mean(axis=0)) / scale
    expected = model.mean.ravel() + weights[: len(k)].T @ (moved - model.mean[known]).ravel()
    expected = expected.reshape(M, 2) * scale + shape[known].mean(axis=0)
    np.testing.assert_allclose(mean, expected, atol=0.01)
    kriging = covariance - right.T @ weights
    sd = np.sqrt(np.diag(spread.reshape(2 * M, 2 * M)))
    np.testing.assert_allclose(sd, np.sqrt(np.maximum(np.diag(kriging), 0)) * scale, atol=0.01)


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_the_covariance_tells_the_error_that_happens(model, noise):
    rng = np.random.default_rng(0)
    known = [0, 2, 5, 7, 11]
    judge = ShapeModel(model.format, model.mean, model.covariance, 1.0, noise)
    truth = align(judge.sample(3000, rng), "procrustes")
    clicks = truth + noise / np.sqrt(M) * rng.normal(size=truth.shape)
    completed = judge.complete(ShapeSet.from_points(clicks).keep(known)).points
    rest = np.setdiff1d(np.arange(M), known)
    squared = np.square(completed - truth)[:, rest].sum(axis=2).mean(axis=0)
    expected = np.einsum("idid->i", judge.spread_given(known))[rest]
    np.testing.assert_allclose(squared, expected, rtol=0.25)
    assert squared.sum() == pytest.approx(expected.sum(), rel=0.1)


def test_the_more_is_known_the_less_is_open(model):
    spreads = [
        np.trace(model.spread_given(np.arange(m)).reshape(2 * M, 2 * M)) for m in range(M + 1)
    ]
    assert (np.diff(spreads) < 0).all()
    assert spreads[-1] == 0


def test_known_landmarks_are_given_by_index_or_by_mask(model):
    mask = np.zeros(M, dtype=bool)
    mask[[2, 7]] = True
    np.testing.assert_array_equal(model.spread_given(mask), model.spread_given([7, 2]))
    assert model.spread_given([]).shape == (M, 2, M, 2)


def test_known_landmarks_stay_exactly_and_are_certain(model):
    shape = population(1, 3)[0]
    known = [1, 5, 8]
    mean, spread = model.condition(known_only(shape, known))
    np.testing.assert_array_equal(mean[known], shape[known])
    assert (spread[known] == 0).all()
    assert (spread[:, :, known] == 0).all()
    flat = spread.reshape(2 * M, 2 * M)
    np.testing.assert_allclose(flat, flat.T)
    assert np.linalg.eigvalsh(flat).min() > -1e-9 * flat.max()


def test_from_one_landmark_follows_the_upright_mean_of_usual_size(model):
    shape = population(1, 3)[0]
    mean, spread = model.condition(known_only(shape, [4]))
    expected = shape[4] + model.size_px * (model.mean - model.mean[4])
    np.testing.assert_allclose(mean, expected, atol=1e-6)
    error = np.sqrt(np.einsum("idid->i", spread))
    assert (error[np.arange(M) != 4] > 10).all()


def test_two_landmarks_give_place_size_and_orientation(model):
    turn = np.array([[0.0, -1], [1, 0]])
    shape = 300 * model.mean @ turn.T + [40, -70]
    mean, _ = model.condition(known_only(shape, [0, 1]))
    np.testing.assert_allclose(mean, shape, atol=1e-6)


def test_all_landmarks_known_are_returned(model):
    shape = population(1, 3)[0]
    mean, spread = model.condition(shape)
    np.testing.assert_array_equal(mean, shape)
    assert (spread == 0).all()


def test_completing_many_is_completing_each(model):
    truth = population(30, 4)
    rng = np.random.default_rng(0)
    gaps = np.where(rng.random((30, M, 1)) < 0.5, np.nan, truth)
    gaps[:, 0], gaps[3] = truth[:, 0], truth[3]
    shapes = ShapeSet.from_points(gaps)
    completed = model.complete(shapes)
    assert completed.complete.all()
    for row in range(30):
        np.testing.assert_allclose(completed.points[row], model.condition(gaps[row])[0], atol=1e-3)
    np.testing.assert_array_equal(completed.points[shapes.present], gaps[shapes.present])


def test_what_was_marked_occluded_stays_so_and_what_is_filled_in_is_visible(model):
    shapes = ShapeSet.from_points(population(1, 4)).keep([0, 1, 2, 3])
    seen = shapes.visibility.copy()
    seen[0, 1] = 1
    completed = model.complete(ShapeSet(shapes.format, shapes.points, seen))
    assert completed.visibility[0].tolist() == [2, 1] + [2] * (M - 2)


def test_no_shapes_are_completed_to_none(model):
    assert len(model.complete(ShapeSet.from_points(np.zeros((0, M, 2))))) == 0


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (np.full((M, 2), np.nan), "shape 1 cannot be completed: no landmark is known"),
        (np.full((M, 2), 8.0), "shape 1 cannot be completed: all known ones are in one place"),
    ],
)
def test_a_shape_that_cannot_be_completed_is_named_by_its_row(model, broken, problem):
    shapes = np.stack([population(1, 4)[0], broken])
    with pytest.raises(ShapeMismatchError, match=problem):
        model.complete(ShapeSet.from_points(shapes))
    with pytest.raises(ShapeMismatchError, match=problem.removeprefix("shape 1 ")):
        model.condition(broken)


def test_what_the_model_does_not_know_is_refused(model):
    with pytest.raises(ShapeMismatchError, match="cannot complete points-5"):
        model.complete(ShapeSet.from_points(np.zeros((1, 5, 2))))
    with pytest.raises(ShapeMismatchError, match=r"expected \(12, 2\)"):
        model.complete(ShapeSet.from_points(np.zeros((1, M, 3))))
    with pytest.raises(ShapeMismatchError, match=r"expected \(12, 2\)"):
        model.condition(np.zeros((5, 2)))


def test_landmarks_may_be_absent_in_what_is_learned():
    shapes = population(200, 0)
    gaps = np.where(np.random.default_rng(1).random((200, M, 1)) < 0.1, np.nan, shapes)
    truth = ShapeSet.from_points(population(50, 1))

    def error(learned: np.ndarray) -> float:
        completed = ShapeModel.fit(learned).complete(truth.keep([0, 3, 5, 8, 10]))
        return float(np.linalg.norm(completed.points - truth.points, axis=2).mean())

    assert error(gaps) < 1.3 * error(shapes)


def test_a_few_shapes_suffice():
    model = ShapeModel.fit(population(6, 0))
    truth = ShapeSet.from_points(population(50, 1))
    completed = model.complete(truth.keep([0, 3, 5, 8, 10]))
    rigid = ShapeModel(model.format, model.mean, 1e-9 * model.covariance, model.size_px)
    errors = [
        np.linalg.norm(m.points - truth.points, axis=2).mean()
        for m in (completed, rigid.complete(truth.keep([0, 3, 5, 8, 10])))
    ]
    assert errors[0] < 0.8 * errors[1]


def test_shapes_that_are_all_the_same_are_a_model_too():
    shape = population(1, 0)[0]
    model = ShapeModel.fit(np.stack([shape] * 4), noise=0)
    mean, _ = model.condition(known_only(2 * shape, [0, 5, 7]))
    np.testing.assert_allclose(mean, 2 * shape, atol=1e-3)


def test_too_few_shapes_are_refused():
    with pytest.raises(ShapeMismatchError, match="present in 1 of 1 shapes"):
        ShapeModel.fit(population(1, 0))
    with pytest.raises(ShapeMismatchError, match="present in 0 of 0 shapes"):
        ShapeModel.fit(np.zeros((0, M, 2)))


@pytest.mark.parametrize(
    "changes",
    [
        {"mean": np.zeros((M - 1, 2))},
        {"covariance": np.zeros((M, 2, M, 3))},
        {"mean": np.full((M, 2), np.nan)},
        {"size_px": 0.0},
        {"size_px": np.nan},
        {"noise": -0.1},
    ],
)
def test_a_model_that_contradicts_itself_is_refused(model, changes):
    fields = {
        "format": model.format,
        "mean": model.mean,
        "covariance": model.covariance,
        "size_px": 1.0,
        "noise": 0.1,
    }
    with pytest.raises(ShapeMismatchError):
        ShapeModel(**{**fields, **changes})


def test_samples_have_the_models_moments(model):
    draws = model.sample(40_000, np.random.default_rng(0))
    np.testing.assert_allclose(draws.mean(axis=0), model.mean, atol=2e-3)
    found = np.cov(draws.reshape(len(draws), -1).T)
    expected = model.covariance.reshape(2 * M, 2 * M)
    assert np.abs(found - expected).max() < 0.03 * expected.max()


def test_samples_are_the_same_for_the_same_seed(model):
    first, second = (model.sample(3, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert model.sample(0, np.random.default_rng(7)).shape == (0, M, 2)


def test_a_model_survives_its_file(tmp_path):
    face = landmark_format("mafl-5")
    shapes = ShapeSet.from_points(np.random.default_rng(0).normal(size=(9, 5, 2)), face)
    before = ShapeModel.fit(shapes, noise=0.07)
    before.save(tmp_path / "face.model")
    after = ShapeModel.load(tmp_path / "face.model")
    assert after.format == face
    np.testing.assert_array_equal(after.mean, before.mean)
    np.testing.assert_array_equal(after.covariance, before.covariance)
    assert (after.size_px, after.noise) == (before.size_px, before.noise)


def test_a_broken_model_file_is_refused_by_name(tmp_path, model):
    path = tmp_path / "m.npz"
    with pytest.raises(FileFormatError, match=r"m\.npz"):
        ShapeModel.load(path)
    model.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileFormatError, match="not a shape model"):
        ShapeModel.load(path)
    for content in (b"", b"hello"):
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match="not a shape model"):
            ShapeModel.load(path)


@pytest.mark.parametrize("field", ["format", "mean", "covariance", "size_px", "noise"])
@pytest.mark.parametrize("value", [None, np.array("text"), np.array([None])])
def test_a_model_file_with_a_broken_field_is_refused(tmp_path, model, field, value):
    path = tmp_path / "m.npz"
    model.save(path)
    fields = dict(np.load(path))
    fields[field] = value
    np.savez(path, **{k: v for k, v in fields.items() if v is not None})
    with pytest.raises(FileFormatError, match="not a shape model"):
        ShapeModel.load(path)


def test_a_model_file_whose_format_lacks_a_field_is_refused(tmp_path, model):
    path = tmp_path / "m.npz"
    model.save(path)
    fields = dict(np.load(path))
    for wrong in ({"landmarks": ["a"]}, ["a"], 3, {"name": "x", "landmarks": ["a"]}):
        np.savez(path, **{**fields, "format": json.dumps(wrong)})
        with pytest.raises(FileFormatError, match="not a shape model"):
            ShapeModel.load(path)
