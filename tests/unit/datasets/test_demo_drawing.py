"""Are parts drawn where their landmarks are? A part is found by drawing it in two colours."""

import dataclasses

import cv2
import numpy as np
import pytest

from datasets.demo_faces.drawing import draw_picture
from datasets.demo_faces.geometry import Frame, Head, ellipse, ribbon, spline
from datasets.demo_faces.look import draw_look, draw_moment
from datasets.errors import ShapeMismatchError
from datasets.synthetic import demo_face, draw_face, sample_faces

SIZE = 128
RED, GREEN = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])


def plain_scene(seed):
    rng = np.random.default_rng(seed)
    look = dataclasses.replace(
        draw_look(rng), beard="none", glasses="none", hairstyle="bald", age=0.0
    )
    moment = dataclasses.replace(draw_moment(rng), occluder="none")
    return sample_faces(1, SIZE, seed).points[0], look, moment


def changed(seed, part):
    """Landmarks, and how much each pixel changes when one part changes its colour."""
    points, look, moment = plain_scene(seed)
    images = []
    for colour in (RED, GREEN):
        painted = dataclasses.replace(look, **{part: colour})
        rng = np.random.default_rng(seed)
        images.append(draw_picture(points, painted, moment, SIZE, rng)[0].astype(np.float32))
    return points, np.abs(images[0] - images[1]).max(axis=2)


def sampled(image, places):
    x, y = places.astype(np.float32).T[:, None].copy()
    return cv2.remap(image, x, y, cv2.INTER_LINEAR)[0]


def normal_at(points, before, after):
    along = points[after] - points[before]
    return np.array([-along[1], along[0]]) / np.linalg.norm(along)


STEPS = np.arange(-2.5, 2.5, 0.05)


def outward_edge(image, place, inwards):
    """Distance in pixels from a place to where the part begins, along a line into it."""
    values = sampled(image, place + STEPS[:, None] * inwards)
    return STEPS[np.argmax(values > values.max() / 2)]


def test_lips_begin_at_their_outer_landmarks():
    offsets = []
    for seed in range(12):
        points, change = changed(seed, "lips")
        middle = points[48:68].mean(axis=0)
        for i in (49, 50, 51, 52, 53, 55, 56, 57, 58, 59):
            inwards = normal_at(points, i - 1, 48 if i == 59 else i + 1)
            inwards = inwards * np.sign(inwards @ (middle - points[i]))
            offsets.append(outward_edge(change, points[i], inwards))
    assert np.abs(offsets).mean() < 0.5


def test_brows_have_their_landmarks_in_their_middle():
    offsets = []
    for seed in range(12):
        points, change = changed(seed, "brow")
        for i in (18, 19, 20, 23, 24, 25):
            places = points[i] + 2 * STEPS[:, None] * normal_at(points, i - 1, i + 1)
            values = sampled(change, places)
            offsets.append((2 * STEPS * values).sum() / values.sum())
    assert np.abs(offsets).mean() < 0.5


def test_the_iris_lies_between_the_lids():
    for seed in range(12):
        points, change = changed(seed, "iris")
        ys, xs = np.nonzero(change > 0.5 * change.max())
        found = np.stack([xs, ys], axis=1).astype(np.float32)
        for eye in (points[36:42], points[42:48]):
            contour = eye.astype(np.float32).reshape(-1, 1, 2)
            near = found[np.linalg.norm(found - eye.mean(axis=0), axis=1) < 12]
            inside = [cv2.pointPolygonTest(contour, tuple(map(float, p)), True) for p in near]
            assert len(inside) == 0 or min(inside) > -1.6


def test_skin_ends_at_the_jaw():
    """The strongest step of brightness across the jaw line is at its landmarks."""
    offsets = []
    for seed in range(25):
        points, look, moment = plain_scene(seed)
        image = draw_picture(points, look, moment, SIZE, np.random.default_rng(seed))[0]
        grey = image.astype(np.float32).mean(axis=2)
        steps = np.arange(-3, 3.05, 0.1)
        for i in range(3, 14):
            normal = normal_at(points, i - 1, i + 1)
            values = sampled(grey, points[i] + steps[:, None] * normal)
            rise = np.abs(values[10:] - values[:-10])  # over one pixel
            if rise.max() > 12:  # skin before a wall of its colour has no edge
                offsets.append(steps[np.argmax(rise) + 5])
    assert len(offsets) > 150
    assert np.abs(offsets).mean() < 0.7


def test_lashes_are_dark_at_the_upper_lids():
    """Brightness across the upper lid is lowest close to its landmarks."""
    offsets = []
    for seed in range(25):
        points, look, moment = plain_scene(seed)
        image = draw_picture(points, look, moment, SIZE, np.random.default_rng(seed))[0]
        grey = image.astype(np.float32).mean(axis=2)
        steps = np.arange(-2, 1.25, 0.05)  # not as far as the iris
        for i in (37, 38, 43, 44):
            normal = normal_at(points, i - 1, i + 1)
            values = sampled(grey, points[i] + steps[:, None] * normal * np.sign(normal[1]))
            offsets.append(steps[np.argmin(values)])
    assert np.abs(offsets).mean() < 0.7


def test_eyes_behind_dark_glasses_are_occluded_and_nothing_else_is():
    points, look, moment = plain_scene(0)
    dark = dataclasses.replace(look, glasses="dark")
    image, visibility = draw_picture(points, dark, moment, SIZE, np.random.default_rng(0))
    assert (visibility[36:48] == 1).all()
    assert (visibility[[*range(17), *range(48, 68)]] == 2).all()
    eyes = np.round(points[36:48].mean(axis=0)).astype(int)
    assert image.shape == (SIZE, SIZE, 3)
    assert 0 <= eyes.min() <= eyes.max() < SIZE
    plain = draw_picture(points, look, moment, SIZE, np.random.default_rng(0))[1]
    assert (plain == 2).all()


@pytest.mark.parametrize("occluder", ["hand", "lock"])
def test_what_is_held_before_the_face_hides_some_landmarks_but_never_all(occluder):
    hidden = 0
    for seed in range(8):
        points, look, moment = plain_scene(seed)
        look = dataclasses.replace(look, hairstyle="short")
        moment = dataclasses.replace(moment, occluder=occluder)
        rng = np.random.default_rng(seed)
        visibility = draw_picture(points, look, moment, SIZE, rng)[1]
        hidden += (visibility == 1).sum()
        assert (visibility == 2).sum() > 34
    assert hidden > 0


@pytest.mark.parametrize(
    "hairstyle",
    ["bald", "shaved", "short", "side", "fringe", "long", "curly", "bun", "cap", "scarf"],
)
@pytest.mark.parametrize("beard", ["none", "stubble", "moustache", "goatee", "full"])
def test_every_look_can_be_drawn_and_differs(hairstyle, beard):
    points, look, moment = plain_scene(5)
    look = dataclasses.replace(look, glasses="thick", age=0.9, freckles=1.0)
    other = dataclasses.replace(look, hairstyle=hairstyle, beard=beard)
    images = [
        draw_picture(points, each, moment, 64, np.random.default_rng(1))[0].astype(float)
        for each in (look, other)
    ]
    same = hairstyle == "bald" and beard == "none"
    assert (np.abs(images[0] - images[1]).mean() > 0.1) != same


@pytest.mark.parametrize("size_px", [64, 256])
def test_faces_of_other_sizes_have_the_same_shape(size_px):
    face = demo_face(3, 1, size_px=size_px)
    usual = demo_face(3, 1, size_px=128)
    assert face.image.shape == (size_px, size_px, 3)
    assert face.image.dtype == np.uint8
    scaled = (usual.points + 0.5) * size_px / 128 - 0.5
    np.testing.assert_allclose(face.points, scaled, atol=1e-9)


def test_people_look_different_and_pictures_have_contrast():
    images = np.stack([demo_face(s, 0, size_px=64).image for s in range(24)]).astype(float)
    assert images.std(axis=0).mean() > 30
    assert images.std(axis=(1, 2, 3)).min() > 10


def test_draw_face_draws_what_it_is_given():
    points = sample_faces(1).points[0]
    image = draw_face(points, np.random.default_rng(0))
    again = draw_face(points, np.random.default_rng(0))
    np.testing.assert_array_equal(image, again)
    other = draw_face(points, np.random.default_rng(0), look=draw_look(np.random.default_rng(9)))
    assert np.abs(image.astype(float) - other).mean() > 5


@pytest.mark.parametrize("points", [np.zeros((67, 2)), np.full((68, 2), np.nan)])
def test_draw_face_refuses_what_is_no_face(points):
    with pytest.raises(ShapeMismatchError, match="68 finite points"):
        draw_face(points, np.random.default_rng(0))


def test_a_face_that_leaves_the_picture_can_be_drawn():
    points = sample_faces(1).points[0]
    image = draw_face(points + 90.0, np.random.default_rng(0))
    far = draw_face(points + 1000.0, np.random.default_rng(0))
    assert image.shape == far.shape == (128, 128, 3)


def test_the_frame_of_a_face_follows_its_place_size_and_turn():
    points = sample_faces(1).points[0]
    angle = np.radians(25)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = 1.7 * points @ turn.T + [30.0, -12.0]
    own, other = Frame.of(points), Frame.of(moved)
    np.testing.assert_allclose(own.from_picture(points), other.from_picture(moved), atol=1e-12)
    np.testing.assert_allclose(own.to_picture(own.from_picture(points)), points, atol=1e-12)


def test_splines_go_through_their_points():
    points = np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 2.0], [4.0, -1.0]])
    np.testing.assert_allclose(spline(points)[::6], points)
    np.testing.assert_allclose(spline(points, closed=True)[::6], points)


def test_a_spline_of_points_on_a_line_stays_on_it():
    path = spline(np.stack([np.arange(5.0), 2 * np.arange(5.0)], axis=1))
    np.testing.assert_allclose(path[:, 1], 2 * path[:, 0])


def test_a_ribbon_has_the_area_of_its_path():
    path = np.stack([np.linspace(0, 10, 21), np.zeros(21)], axis=1)
    assert cv2.contourArea(ribbon(path, 0.5).astype(np.float32)) == pytest.approx(5.0)


def test_an_ellipse_has_its_axes():
    outline = ellipse(np.array([1.0, 2.0]), 3.0, 0.5, corners=400)
    np.testing.assert_allclose(np.ptp(outline, axis=0), [6.0, 1.0], rtol=1e-3)
    turned = ellipse(np.array([1.0, 2.0]), 3.0, 0.5, np.pi / 2, corners=400)
    np.testing.assert_allclose(np.ptp(turned, axis=0), [1.0, 6.0], rtol=1e-3)


def test_brows_and_eyes_lie_within_the_drawn_head():
    for points in sample_faces(60, images_per_subject=1).points:
        head = Head(Frame.of(points).from_picture(points))
        outline = head.outline.astype(np.float32).reshape(-1, 1, 2)
        for i in range(17, 68):
            place = tuple(float(v) for v in head.points[i])
            assert cv2.pointPolygonTest(outline, place, False) >= 0
