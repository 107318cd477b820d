"""The head and what carries it: skin, ears, neck and clothes."""

import cv2
import numpy as np

from datasets.demo_faces.canvas import Canvas, Layer
from datasets.demo_faces.geometry import EYES, Head, ellipse, mix, spline
from datasets.demo_faces.look import Look


def draw_body(canvas: Canvas, head: Head, look: Look, rng: np.random.Generator) -> None:
    """Neck, shoulders and clothes, below the chin."""
    chin_y, half = head.points[8, 1], 0.29 * head.width
    middle = (head.points[0, 0] + head.points[16, 0]) / 2 - 0.16 * head.turned * head.width
    shoulder_y = chin_y + rng.uniform(0.45, 0.7)
    _draw_neck(canvas, head, look, middle, shoulder_y)
    right = [
        [half * 0.7, 0.22],
        [half * 1.35, 0.0],
        [1.35 * head.width, 0.75],
        [1.9 * head.width, 2.5],
    ]
    left = [[-x, y] for x, y in reversed(right)]
    edge = spline(np.array([*left, [0.0, rng.uniform(0.25, 0.7)], *right]) + [middle, shoulder_y])
    canvas.area(edge, look.cloth)
    canvas.line(edge[12:-12], 0.09, 0.7 * look.cloth, 0.8, soft=0.015)


def _draw_neck(canvas: Canvas, head: Head, look: Look, middle: float, shoulder_y: float) -> None:
    chin_y, half, shade = head.points[8, 1], 0.29 * head.width, 0.62 * look.skin
    right = [[half, head.points[[1, 15], 1].mean()], [0.95 * half, chin_y + 0.25]]
    right += [[1.3 * half, shoulder_y + 0.3], [0.9 * half, shoulder_y + 0.9]]
    left = [[-x, y] for x, y in reversed(right)]
    neck = np.array([*right, *left]) + [middle, 0.0]
    canvas.area(neck, shade)
    for side in (-1, 1):
        tendon = [[middle + side * half * 0.8, chin_y + 0.1], [middle, shoulder_y + 0.25]]
        canvas.line(np.array(tendon), 0.10, 0.8 * shade, 0.4, soft=0.06)
    canvas.clip = canvas.mask(neck)  # the chin's shadow falls on nothing else
    under = head.jaw[18:-18]
    shadow = np.concatenate([under, (under + [-0.05 * head.turned * head.width, 0.42])[::-1]])
    canvas.area(shadow, 0.30 * look.skin, 0.75, soft=0.10)
    canvas.clip = None


def draw_ears(canvas: Canvas, head: Head, look: Look) -> None:
    """The ears that the turn of the head leaves to be seen, beside the jaw's upper ends."""
    if look.hairstyle == "scarf":
        return
    for side, ids in ((-1, (0, 1, 2)), (1, (16, 15, 14))):
        a, b, c = head.points[list(ids)]
        seen = float(np.clip(1 - 2.2 * side * head.turned, 0, 1.9))
        if seen < 0.15:
            continue
        half = 0.5 * float(np.linalg.norm(c - a))
        centre = mix(a, b, 0.5) + [side * 0.05 * seen, -0.02]
        turn = side * 0.2
        canvas.area(ellipse(centre, 0.125 * seen, 0.95 * half, turn), 0.82 * look.skin)
        inner = centre + [side * 0.015 * seen, -0.02]
        canvas.area(ellipse(inner, 0.08 * seen, 0.66 * half, turn), 0.55 * look.skin, 0.6, 0.02)
        canvas.area(ellipse(inner, 0.04 * seen, 0.4 * half, turn), 0.85 * look.skin, 0.6, 0.02)


def draw_skin(canvas: Canvas, head: Head, look: Look, rng: np.random.Generator) -> None:
    """Skin all over the canvas, not yet lit, with its colours, folds and spots."""
    canvas.pixels[:] = look.skin
    _flush(canvas, head, look)
    _wrinkle(canvas, head, look)
    _freckle(canvas, head, look, rng)
    canvas.line(head.jaw, 0.03, 0.42 * look.skin, 0.4)  # half of it lies within the face


def _flush(canvas: Canvas, head: Head, look: Look) -> None:
    p = head.points
    red = look.skin * [1.02, 0.66, 0.64]
    for side, eye in enumerate(EYES):
        centre = p[list(eye)].mean(axis=0)
        cheek = mix(mix(centre, p[(48, 54)[side]], 0.5), p[(3, 13)[side]], 0.25)
        canvas.dab(cheek, 0.26, red, 0.15 + 0.35 * look.blush)
        canvas.dab(centre + [0, 0.2], 0.13, 0.72 * look.skin, 0.2 + 0.35 * look.age)
        canvas.dab(centre + [0, -0.05], 0.24, look.skin * [0.82, 0.74, 0.74], 0.35)
    canvas.dab(p[30], 0.14, red, 0.15 + 0.25 * look.blush)
    canvas.dab(p[8] + [0, -0.15], 0.2, red, 0.18)


def _wrinkle(canvas: Canvas, head: Head, look: Look) -> None:
    p, dark = head.points, 0.55 * look.skin
    smile = 1.0 if p[60:65:4, 1].mean() < p[62, 1] + 0.05 else 0.5
    for side, (wing, corner) in ((-1, (31, 48)), (1, (35, 54))):
        start, end = p[wing] + [side * 0.08, -0.04], p[corner] + [side * 0.13, 0.02]
        bow = mix(start, end, 0.5) + [side * 0.08, 0.0]
        fold = spline(np.array([start, bow, end]))
        canvas.line(fold, 0.04, dark, (0.12 + 0.5 * look.age) * smile, soft=0.02)
    if look.age < 0.35:
        return
    for row in range(3):
        y = head.brow_y - 0.22 - 0.14 * row
        x = np.linspace(p[18, 0], p[25, 0], 6)
        crease = np.stack([x, y + 0.03 * np.cos(np.linspace(-2, 2, 6))], axis=1)
        canvas.line(spline(crease), 0.025, dark, 0.35 * look.age, soft=0.012)


def _freckle(canvas: Canvas, head: Head, look: Look, rng: np.random.Generator) -> None:
    colour = look.skin * [0.78, 0.62, 0.52]
    middle, spread = head.points[29], np.array([0.5, 0.22])
    for _ in range(int(60 * look.freckles)):
        canvas.spot(middle + spread * rng.standard_normal(2), rng.uniform(0.008, 0.02), colour, 0.6)
    if look.freckles == 0 and rng.random() < 0.3:  # a mole
        place = mix(head.points[2], head.points[33], rng.uniform(0.3, 0.8))
        canvas.spot(place, 0.022, 0.35 * look.skin, 0.8)


def skin_texture(size_px: int, rng: np.random.Generator) -> Layer:
    """Unevenness (S, S, 1) of skin around 1, in two sizes."""
    coarse = rng.standard_normal((12, 12), dtype=np.float32) * 0.018
    fine = rng.standard_normal((64, 64), dtype=np.float32) * 0.022
    whole = (size_px, size_px)
    noise = cv2.resize(coarse, whole, interpolation=cv2.INTER_CUBIC) + cv2.resize(fine, whole)
    return np.asarray(1 + noise[:, :, None], dtype=np.float32)
