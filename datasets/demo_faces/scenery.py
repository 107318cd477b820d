"""What is behind the person, and what the camera makes of it all."""

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.demo_faces.canvas import FINER, Layer
from datasets.demo_faces.look import Moment, muted

_COARSE = 96  # backgrounds are out of focus: they are drawn at this size and enlarged

_EXPOSURE = 0.46  # mean brightness that the camera aims at


def draw_background(size_px: int, rng: np.random.Generator) -> Layer:
    """Clutter float32 (S, S, 3) in [0, 1]: a gradient, things in front of it, out of focus."""
    image = _gradient(rng)
    kind = rng.integers(4)
    if kind == 0:
        _add_things(image, rng, count=18)
    elif kind == 1:
        _add_stripes(image, rng)
        _add_things(image, rng, count=6)
    elif kind == 2:
        _add_text(image, rng)
    else:
        noise = muted(rng.random((9, 9, 3)), 0.25).astype(np.float32)
        image += 0.5 * (cv2.resize(noise, (_COARSE, _COARSE), interpolation=cv2.INTER_CUBIC) - 0.5)
        _add_things(image, rng, count=8)
    cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 3.0), dst=image)
    image += rng.normal(0, 0.02, image.shape).astype(np.float32)
    large = cv2.resize(image, (size_px, size_px), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(large, 0, 1), dtype=np.float32)


def _gradient(rng: np.random.Generator) -> Layer:
    corners = rng.random((1, 1, 3)) * 0.7 + rng.normal(0, 0.16, (2, 2, 3)) + 0.12
    corners = muted(corners, rng.uniform(0.05, 0.6))
    small = np.clip(corners, 0, 1).astype(np.float32)
    return np.asarray(cv2.resize(small, (_COARSE, _COARSE)), dtype=np.float32)


def _add_things(image: Layer, rng: np.random.Generator, count: int) -> None:
    for _ in range(count):
        colour = muted(rng.random(3), rng.uniform(0, 0.8)) * rng.uniform(0.3, 1)
        x, y = (int(v) for v in rng.integers(-8, _COARSE + 8, 2))
        a, b = (int(v) for v in rng.integers(3, 26, 2))
        if rng.random() < 0.5:
            turn = rng.uniform(0, 180)
            cv2.ellipse(image, (x, y), (a, b), turn, 0, 360, colour.tolist(), -1, cv2.LINE_AA)
        else:
            corners = rng.integers(-22, 22, (4, 2)) + [x, y]
            cv2.fillPoly(image, [corners.astype(np.int32)], colour.tolist(), cv2.LINE_AA)


def _add_stripes(image: Layer, rng: np.random.Generator) -> None:
    place = np.arange(_COARSE)
    angle, period = rng.uniform(0, np.pi), rng.uniform(5, 18)
    phase = place[None] * np.cos(angle) + place[:, None] * np.sin(angle)
    wave = np.clip(3 * np.sin(2 * np.pi * phase / period), -1, 1).astype(np.float32)
    image += wave[:, :, None] * muted(rng.normal(0, 0.16, 3), 0.4).astype(np.float32)


def _add_text(image: Layer, rng: np.random.Generator) -> None:
    ink = muted(rng.random(3) * 0.9, 0.5).tolist()
    for y in range(4, _COARSE, int(rng.integers(6, 11))):
        x = int(rng.integers(0, 8))
        while x < _COARSE:
            end = x + int(rng.integers(2, 13))
            cv2.line(image, (x, y), (end, y), ink, int(rng.integers(1, 4)))
            x = end + int(rng.integers(2, 5))


def photograph(pixels: Layer, moment: Moment, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The canvas as the camera sees it: uint8 (size, size, 3), with its faults."""
    size = len(pixels) // FINER
    image = cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.9) * size / 128)
    image *= np.sqrt(_EXPOSURE / max(float(image.mean()), 0.05))  # as a camera does, by half
    contrast, brightness = rng.uniform(0.8, 1.12), rng.uniform(-0.06, 0.06)
    image = (image * moment.tint.astype(np.float32) - 0.5) * contrast + 0.5 + brightness
    if rng.random() < 0.05:
        image = np.repeat(image @ np.array([[0.3], [0.59], [0.11]], dtype=np.float32), 3, axis=2)
    noise = rng.standard_normal(image.shape, dtype=np.float32) * rng.uniform(0, 0.025)
    return np.asarray(np.clip((image + noise) * 255 + 0.5, 0, 255), dtype=np.uint8)
