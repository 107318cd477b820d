"""The pixel convention: (x, y), the centre of the top-left pixel is (0, 0)."""

import cv2
import numpy as np
import pytest

from datasets.formats import landmark_format
from datasets.pixels import (
    from_corner_origin,
    from_one_based,
    mirrored,
    resized,
    to_corner_origin,
    to_one_based,
)

POINTS = np.array([[0.0, 0.0], [3.5, 7.25], [np.nan, np.nan]])


def picture_with_dot(x: int, y: int, size: tuple[int, int] = (8, 12)) -> np.ndarray:
    picture = np.zeros(size, np.float32)
    picture[y, x] = 1.0
    return picture


def brightest(picture: np.ndarray) -> list[int]:
    y, x = np.unravel_index(picture.argmax(), picture.shape)
    return [int(x), int(y)]


def centroid(picture: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    return np.array([(x * picture).sum(), (y * picture).sum()]) / picture.sum()


def test_convention_the_first_pixel_counted_from_1_is_0():
    np.testing.assert_array_equal(from_one_based(np.array([[1.0, 1.0]])), [[0.0, 0.0]])
    np.testing.assert_array_equal(to_one_based(from_one_based(POINTS)), POINTS)


def test_convention_the_middle_of_the_first_pixel_in_a_browser_is_half():
    np.testing.assert_array_equal(from_corner_origin(np.array([[0.5, 0.5]])), [[0.0, 0.0]])
    np.testing.assert_array_equal(to_corner_origin(from_corner_origin(POINTS)), POINTS)


def test_convention_mirroring_moves_a_point_with_its_pixel():
    flipped = picture_with_dot(2, 5)[:, ::-1]
    np.testing.assert_array_equal(mirrored(np.array([[2.0, 5.0]]), 12), [brightest(flipped)])


def test_convention_mirroring_twice_is_nothing_and_leaves_its_input():
    before = POINTS.copy()
    np.testing.assert_array_equal(mirrored(mirrored(POINTS, 12), 12), POINTS)
    np.testing.assert_array_equal(POINTS, before)


def test_convention_mirroring_needs_the_format_too():
    face = landmark_format("300w-68")
    shape = np.zeros((68, 2))
    shape[36], shape[45] = (10, 5), (30, 5)
    turned = mirrored(shape, 41)[list(face.mirror)]
    np.testing.assert_array_equal(turned[[36, 45]], shape[[36, 45]])


@pytest.mark.parametrize("scale", [2, 3, 5])
def test_convention_resizing_moves_a_point_with_its_pixel(scale):
    larger = np.kron(picture_with_dot(7, 2), np.ones((scale, scale)))
    np.testing.assert_allclose(resized(np.array([7.0, 2.0]), scale), centroid(larger))


@pytest.mark.parametrize("scale", [0.5, 1.5, 2.25])
def test_convention_resizing_is_that_of_opencv(scale):
    y, x = np.mgrid[:64, :64]
    spot = np.exp(-((x - 30.3) ** 2 + (y - 33.6) ** 2) / 50)
    scaled = cv2.resize(spot, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(resized(np.array([30.3, 33.6]), scale), centroid(scaled), atol=0.02)


def test_convention_the_edges_of_a_picture_stay_its_edges():
    edges = np.array([[-0.5, -0.5], [11.5, 7.5]])
    np.testing.assert_allclose(resized(edges, 4), [[-0.5, -0.5], [47.5, 31.5]])
