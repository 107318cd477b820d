import numpy as np
import pytest

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError, ShapeMismatchError
from datasets.formats import landmark_format
from datasets.images import write_image
from datasets.metrics import normalised_errors
from datasets.samples import sample_table
from datasets.shapes import ShapeSet
from tests.unit.weaksup.near_copies import near_copies
from weaksup.appearance import describe
from weaksup.bounds import completion_bounds
from weaksup.completion import complete
from weaksup.refinement import Earned, Refinement
from weaksup.second_look import look_again

POINTS = landmark_format("points-5")
CLICKED = [0, 1, 2]
_MEAN = np.array([[-12.0, -10.0], [12.0, -10.0], [0.0, 0.0], [-9.0, 12.0], [9.0, 12.0]])


def picture(shape, rng, size=64):
    """Spots on noise; each lights what is to its right more, so that a gradient tells its side."""
    x, y = np.meshgrid(np.arange(size), np.arange(size))
    grey = rng.uniform(100, 110, (size, size))
    for px, py in shape:
        grey += 90 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / 8)
    return np.repeat(np.clip(grey, 0, 255)[..., None], 3, axis=2).astype(np.uint8)


def spots(folder, N, seed, *, told=True):
    """Shapes whose landmarks 3 and 4 move by themselves; their pictures show it, or others' do."""
    rng = np.random.default_rng(seed)
    folder.mkdir()
    turn = rng.uniform(-0.3, 0.3, N)
    rotation = np.stack([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    own = rng.normal(scale=0.3, size=(N, 5, 2))
    own[:, 3:] = rng.normal(scale=2.0, size=(N, 2, 2))
    points = np.einsum("dcn,nmc->nmd", rotation, _MEAN + own) + 32
    names = [f"{folder.name}{i}" for i in range(N)]
    shown = points if told else rng.permutation(points)
    for name, shape in zip(names, shown, strict=True):
        write_image(folder / f"{name}.png", picture(shape, rng))
    samples = sample_table(names, [f"{name}.png" for name in names])
    return LandmarkDataset(ShapeSet.from_points(points, POINTS), samples, folder)


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """Dense shapes, and new ones."""
    root = tmp_path_factory.mktemp("seen")
    return spots(root / "dense", 60, 0), spots(root / "new", 60, 1)


def judged(truth, dense):
    clicked = truth.with_shapes(truth.shapes.keep(CLICKED))
    completed = complete(clicked, dense)
    return clicked, completed, look_again(clicked, completed, dense)


def errors(found, truth):
    return normalised_errors(found.shapes, truth.shapes)[:, 3:].mean()


def test_what_the_picture_shows_and_the_clicks_do_not_tell_is_found(seen):
    dense, truth = seen
    clicked, completed, look = judged(truth, dense)
    assert look.moved == len(truth)
    assert errors(look.dataset, truth) < 0.6 * errors(completed, truth)
    kept, given = (d.shapes.points[:, CLICKED] for d in (look.dataset, clicked))
    assert np.array_equal(kept, given)
    assert np.array_equal(look.dataset.shapes.visibility, completed.shapes.visibility)


def test_held_out_errors_are_those_of_new_shapes(seen):
    dense, truth = seen
    clicked, _, look = judged(truth, dense)
    (held_out,) = look.held_out_errors.values()
    found = errors(look.dataset, truth)
    assert held_out[:, 3:].mean() == pytest.approx(found, rel=0.25)
    bounds = completion_bounds(clicked, look.dataset, dense, held_out_errors=look.held_out_errors)
    distance = np.linalg.norm(look.dataset.shapes.points - truth.shapes.points, axis=2)
    assert (distance <= bounds.radius_px)[:, 3:].mean() == pytest.approx(0.9, abs=0.08)
    alone = completion_bounds(clicked, look.dataset, dense)
    assert bounds.expected_nme < 0.75 * alone.expected_nme


def test_pictures_that_tell_nothing_are_found_not_to_help(tmp_path):
    """By chance some noise may seem to help; in this draw the held-out errors rise by 3 %."""
    dense = spots(tmp_path / "dense", 16, 1, told=False)
    truth = spots(tmp_path / "new", 8, 2, told=False)
    _, completed, look = judged(truth, dense)
    assert look.moved == 0
    assert look.held_out_errors == {}
    assert np.array_equal(look.dataset.shapes.points, completed.shapes.points)


def test_a_person_is_not_known_from_other_pictures_of_the_same_person(tmp_path):
    people = spots(tmp_path / "dense", 12, 0, told=False)
    clicked = np.isin(np.arange(5), CLICKED)
    held_out, leaked = (
        Refinement.fit(near_copies(people, named=named), clicked, np.random.default_rng(0))
        for named in (True, False)
    )
    assert held_out.held_out_errors.mean() > 2 * leaked.held_out_errors.mean()
    assert held_out.plain_errors.mean() > leaked.plain_errors.mean()


def test_shapes_are_described_alike_however_they_lie_in_the_picture():
    rng = np.random.default_rng(0)
    shape, angle = _MEAN + 32, 0.5
    turn = 2 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = _MEAN @ turn.T + 64
    first, second = (
        describe(picture(s, rng, size), s, _MEAN) for s, size in ((shape, 64), (moved, 128))
    )
    other = describe(picture(shape + [4.0, 0.0], rng), shape, _MEAN)
    assert np.abs(first - other).mean() > 2 * np.abs(first - second).mean()


def test_what_is_taken_of_a_prediction_is_the_share_that_is_true():
    rng = np.random.default_rng(0)
    true = rng.normal(size=(4000, 1, 2)) * [1.0, 3.0]
    noise = rng.normal(size=true.shape) * [1.0, 3.0]
    earned = Earned.fit(true + noise, true)  # half of the prediction's variance is noise
    np.testing.assert_allclose(earned.shares, [0.5, 0.5], atol=0.03)
    assert Earned.fit(-true, true).of(true) == pytest.approx(np.zeros_like(true))


def test_rare_choices_of_landmarks_stay_as_the_clicks_have_them(seen, monkeypatch):
    dense, truth = seen
    monkeypatch.setattr("weaksup.second_look.MOST_CHOICES", 1)
    points = truth.shapes.keep(CLICKED).points.copy()
    points[0, 2] = np.nan
    clicked = truth.with_shapes(ShapeSet.from_points(points, POINTS))
    completed = complete(clicked, dense)
    look = look_again(clicked, completed, dense)
    assert look.moved == len(truth) - 1
    assert np.array_equal(look.dataset.shapes.points[0], completed.shapes.points[0])


def test_shapes_without_pictures_or_with_broken_ones_are_told(seen, tmp_path):
    dense, truth = seen
    bare = LandmarkDataset(dense.shapes, sample_table([f"b{i}" for i in range(len(dense))]))
    with pytest.raises(ShapeMismatchError, match="b0 has no picture"):
        judged(truth, bare)
    again = spots(tmp_path / "again", 20, 2)
    again.image_path(3).write_bytes(b"")
    with pytest.raises(FileFormatError, match=r"again3\.png"):
        judged(truth, again)


def test_too_few_dense_shapes_are_told(seen):
    few, clicked = seen[0].take(np.arange(7)), np.isin(np.arange(5), CLICKED)
    with pytest.raises(ShapeMismatchError, match="expected 8 shapes with all 5 landmarks"):
        Refinement.fit(few, clicked, np.random.default_rng(0))
