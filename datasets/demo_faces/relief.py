"""Light on a face: a coarse height map of its parts, and Lambert's law on its normals."""

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.demo_faces.canvas import Canvas, Layer
from datasets.demo_faces.geometry import EYES, Head, Points, mix
from datasets.demo_faces.look import Moment

_CELLS = 96  # the map's side: relief is smooth, so it need not be finer
_SHADE_TINT = (0.84, 1.0, 1.1)  # light that has passed through skin is red, so shade is warm

Bump = tuple[Points, float, float]  # where, how high, how wide (units of the face's frame)


def light_on_face(canvas: Canvas, head: Head, moment: Moment) -> Layer:
    """Factor (S, S, 3), around 1, by which the skin's colour is multiplied."""
    height = height_map(canvas, head)
    cell = _CELLS / canvas.size_px * canvas.frame.scale  # cells for each unit of the face
    dy, dx = np.gradient(height * cell)
    length = np.sqrt(dx * dx + dy * dy + 1)
    lx, ly, lz = moment.light
    lambert = np.maximum((lz - lx * dx - ly * dy) / length, 0)
    hollow = cv2.GaussianBlur(height, (0, 0), 0.16 * cell) - height
    shade = moment.ambient + (1 - moment.ambient) * 1.25 * lambert
    shade = shade * (1 - np.clip(1.6 * hollow, 0, 0.35))
    gloss = 0.35 * np.clip(lambert - 0.86, 0, None) ** 1.5
    tinted = np.maximum(1 + (shade[:, :, None] - 1) * np.array(_SHADE_TINT), 0.05)
    coarse = (tinted + gloss[:, :, None]).astype(np.float32)
    fine = cv2.resize(coarse, (canvas.size_px, canvas.size_px), interpolation=cv2.INTER_CUBIC)
    return np.asarray(fine, dtype=np.float32)


def height_map(canvas: Canvas, head: Head) -> Layer:
    """Heights (96, 96) over the picture in units of the face's frame."""
    share = _CELLS / canvas.size_px
    scale = canvas.frame.scale * share
    place = (canvas.frame.to_picture(head.outline) + 0.5) * share - 0.5
    inside = np.zeros((_CELLS, _CELLS), dtype=np.uint8)
    cv2.fillPoly(inside, [np.round(place).astype(np.int32)], 255)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5) / scale
    dome = np.sqrt(np.clip(1 - (1 - np.minimum(depth / 1.0, 1)) ** 2, 0, 1))
    height: Layer = np.zeros((_CELLS, _CELLS), dtype=np.float32)
    height += cv2.GaussianBlur(0.8 * dome.astype(np.float32), (0, 0), 0.16 * scale)
    ridge = np.zeros_like(height)
    for bump in nose_bumps(head.points):
        np.maximum(ridge, _gaussian(canvas, bump, share), out=ridge)
    height += ridge
    for bump in face_bumps(head.points):
        height += _gaussian(canvas, bump, share)
    return np.asarray(height, dtype=np.float32)


def nose_bumps(p: Points) -> list[Bump]:
    """The nose: a ridge that rises to its tip, and two wings."""
    bumps = []
    for u in np.linspace(0, 1, 9):
        centre = mix(p[27], p[30], u)
        bumps.append((centre, 0.06 + 0.30 * u**1.3, 0.10 + 0.05 * u))
    bumps += [(mix(p[i], p[30], 0.2), 0.22, 0.10) for i in (31, 35)]
    return bumps


def face_bumps(p: Points) -> list[Bump]:
    """Sockets, eyeballs, brows, cheeks, folds, lips and chin."""
    bumps: list[Bump] = []
    for side, eye in enumerate(EYES):
        centre = p[list(eye)].mean(axis=0)
        corner, jaw = p[(48, 54)[side]], p[(3, 13)[side]]
        cheek = mix(mix(centre, corner, 0.5), jaw, 0.25)
        wing = p[(31, 35)[side]]
        bumps += [(centre, -0.20, 0.26), (centre, 0.10, 0.14), (cheek, 0.14, 0.30)]
        bumps += [(mix(wing, corner, u), -0.035, 0.06) for u in (0.2, 0.45, 0.7)]
        bumps += [(corner, -0.05, 0.08)]
    bumps += [(p[i], 0.05, 0.12) for i in range(17, 27)]
    bumps += [(p[i], 0.05, 0.09) for i in (50, 52, 56, 57, 58)]
    bumps += [(mix(p[57], p[8], 0.3), -0.08, 0.13), (mix(p[57], p[8], 0.72), 0.14, 0.22)]
    return bumps


def _gaussian(canvas: Canvas, bump: Bump, share: float) -> NDArray[np.float32]:
    centre, height, width = bump
    x, y = (canvas.frame.to_picture(centre) + 0.5) * share - 0.5
    sigma = width * canvas.frame.scale * share
    cells = np.arange(_CELLS)
    across = np.exp(-0.5 * ((cells - x) / sigma) ** 2)
    down = height * np.exp(-0.5 * ((cells - y) / sigma) ** 2)
    return np.outer(down, across).astype(np.float32)
