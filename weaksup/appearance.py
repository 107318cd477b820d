"""What a picture looks like around the landmarks of a shape: gradients, in the shape's own frame.

Each landmark is described by histograms of the gradient's direction at places around it, as by
DAISY (Tola et al. 2010); from such descriptions Xiong and De la Torre (2013) move landmarks.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.alignment import Similarity, similarity
from datasets.images import Frame, Image, cut

_RADIUS_PX = 32.0  # of the shape (root mean square) in the square that is looked at
_DIRECTIONS = 8
_PLACES_PX = np.arange(-2, 3) * 4.0  # around the landmark, in x and in y
_BLUR_PX = 2.0
_CALM = 0.3  # length that is added where descriptions are made equally long: flat parts stay short
_BORDER_PX = 16

Array = NDArray[np.float64]
Described = NDArray[np.float32]


def describe(image: Image, shape: Array, mean: Array) -> Described:
    """Describe the surroundings of every landmark.

    Parameters
    ----------
    image
        uint8 (H, W, 3).
    shape
        float64 (M, 2) in pixels, complete.
    mean
        float64 (M, 2), centred at the origin: the frame that the picture is turned and scaled to.

    Returns
    -------
    float32 (M, F).
    """
    scale = _RADIUS_PX / math.sqrt(np.square(mean).sum(axis=1).mean())
    half = math.ceil(scale * np.abs(mean).max()) + _BORDER_PX
    frame = similarity(shape, mean)
    maps = _directions(_upright(image, frame, scale, half))
    around = np.stack(np.meshgrid(_PLACES_PX, _PLACES_PX), axis=-1).reshape(1, -1, 2)
    places = (scale * frame.apply(shape) + half)[:, None] + around
    x, y = (places[..., axis].astype(np.float32) for axis in (0, 1))
    seen = [cv2.remap(m, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for m in maps]
    found = np.stack(seen, axis=-1).reshape(len(shape), -1)
    length = np.linalg.norm(found, axis=1, keepdims=True)
    calm = np.float32(_CALM * math.sqrt(around.shape[1]))
    return np.asarray(found / (length + calm), dtype=np.float32)


def _upright(image: Image, frame: Similarity, scale: float, half: int) -> NDArray[np.float32]:
    """The grey square of 2 half pixels a side whose pixel c is the frame's (c - half) / scale.

    Cut first, which averages where the picture is finer, and then turned.
    """
    back = frame.inverse()
    side = math.ceil(2 * half * math.sqrt(2))
    picture_px = float(back.scale) / scale  # of one pixel of the square
    x_min, y_min = back.shift - side * picture_px / 2
    square = Frame(x_min, y_min, side * picture_px)
    grey = cv2.cvtColor(cut(image, square, side), cv2.COLOR_RGB2GRAY)
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    there = (square.to_unit(back.apply((corners - half) / scale)) + 1) / 2 * side - 0.5
    matrix = np.stack([there[1] - there[0], there[2] - there[0], there[0]], axis=1)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    turned = cv2.warpAffine(grey, matrix, (2 * half, 2 * half), flags=flags)
    return np.asarray(turned, dtype=np.float32) / np.float32(255)


def _directions(grey: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """For each direction of the gradient, how strong it is there, (H, W)."""
    x, y = (cv2.Sobel(grey, cv2.CV_32F, dx, 1 - dx, ksize=3) for dx in (1, 0))
    strength = np.hypot(x, y)
    place = np.arctan2(y, x) * (_DIRECTIONS / (2 * np.pi)) % _DIRECTIONS
    maps = []
    for direction in range(_DIRECTIONS):
        apart = np.abs((place - direction + _DIRECTIONS / 2) % _DIRECTIONS - _DIRECTIONS / 2)
        share = np.maximum(1 - apart, 0).astype(np.float32)
        maps.append(cv2.GaussianBlur(strength * share, (0, 0), _BLUR_PX))
    return maps
