"""Things in front of the face: glasses, a hand, a lock of hair."""

import numpy as np

from datasets.demo_faces.canvas import Canvas
from datasets.demo_faces.geometry import EYES, Head, Points, ellipse, mix, ribbon, spline
from datasets.demo_faces.look import Look, Moment

_FINGER = 0.20  # width of a finger, in RMS radii of the face


def draw_glasses(canvas: Canvas, head: Head, look: Look, rng: np.random.Generator) -> None:
    """Two rims around the eyes, a bridge over the nose, and arms to the ears that are seen."""
    if look.glasses == "none":
        return
    p, colour = head.points, rng.uniform(0.02, 0.3, 3)
    width = 0.035 if look.glasses == "thin" else 0.075
    rims = []
    for eye in EYES:
        corners = p[list(eye)]
        half = 0.5 * float(np.linalg.norm(corners[3] - corners[0])) + 0.13
        rims.append(_rounded(corners.mean(axis=0) + [0, 0.06], half, min(0.34, 0.95 * half)))
    for rim in rims:
        _draw_lens(canvas, rim, look)
        canvas.line(np.concatenate([rim, rim[:2]]), width, colour)
    y = p[27, 1]
    arc = [[rims[0][:, 0].max(), y + 0.05], [p[27, 0], y - 0.02], [rims[1][:, 0].min(), y + 0.05]]
    canvas.line(spline(np.array(arc)), width, colour)
    for side, rim, end in ((-1, rims[0], p[0]), (1, rims[1], p[16])):
        hinge = rim[np.argmax(side * rim[:, 0])]
        if side * (end[0] - hinge[0]) > 0.05:
            canvas.line(np.array([hinge, end + [0, -0.05]]), width, colour, 0.9)


def _draw_lens(canvas: Canvas, rim: Points, look: Look) -> None:
    if look.glasses == "dark":
        cover = canvas.mask(rim)
        canvas.fill(0.93 * cover, [0.05, 0.05, 0.06])
        canvas.hide(cover)
    canvas.area(rim + [0, 0.04], 0.4 * look.skin, 0.12, soft=0.03)
    centre = rim.mean(axis=0)
    glare = ribbon(np.array([centre + [-0.12, 0.18], centre + [0.12, -0.18]]), 0.09)
    canvas.area(glare, [1, 1, 1], 0.16, soft=0.01)


def _rounded(centre: Points, half_width: float, half_height: float) -> Points:
    angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    bend = 0.62  # between a rectangle (0) and an ellipse (1)
    x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** bend * half_width
    y = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** bend * half_height
    return np.asarray(centre + np.stack([x, y], axis=1))


def draw_occluder(
    canvas: Canvas, head: Head, look: Look, moment: Moment, rng: np.random.Generator
) -> None:
    """A hand at the cheek or chin, or a lock of hair across the face."""
    if moment.occluder == "hand":
        _draw_hand(canvas, head, look, rng)
    elif moment.occluder == "lock" and look.hairstyle not in {"bald", "shaved", "cap", "scarf"}:
        _draw_lock(canvas, head, look, rng)


def _draw_hand(canvas: Canvas, head: Head, look: Look, rng: np.random.Generator) -> None:
    p, side = head.points, int(rng.choice((-1, 1)))
    knuckles = p[5 if side < 0 else 11] + [side * 0.35, 0.35]
    aim = mix(p[48 if side < 0 else 54], p[2 if side < 0 else 14], 0.5)
    along = (aim - knuckles) / np.linalg.norm(aim - knuckles)
    across = _FINGER * np.array([-along[1], along[0]])
    wrist = np.stack([knuckles - 0.3 * along, knuckles + [side * 0.5, 2.2]])
    outlines = [ribbon(wrist, 0.6), ellipse(knuckles - 0.35 * along, 0.42, 0.42)]
    for place in (-1.5, -0.5, 0.5, 1.5):
        root = knuckles + place * across
        tip = root + along * (0.70 - 0.05 * place**2) + 0.25 * place * across
        outlines += [ribbon(np.stack([root - 0.2 * along, tip]), 0.92 * _FINGER)]
        outlines += [ellipse(tip, 0.46 * _FINGER, 0.46 * _FINGER)]
    for outline in outlines:
        canvas.area(outline + [0, 0.05], 0.3 * look.skin, 0.35, soft=0.05)
    cover = canvas.mask(*outlines)
    canvas.fill(cover, 0.90 * look.skin)
    canvas.hide(cover)
    for place in (-1.0, 0.0, 1.0):
        gap = knuckles + place * across
        line = np.stack([gap - 0.1 * along, gap + 0.55 * along])
        canvas.line(line, 0.035, 0.5 * look.skin, 0.7, soft=0.01)


def _draw_lock(canvas: Canvas, head: Head, look: Look, rng: np.random.Generator) -> None:
    side = rng.choice((-1, 1))
    start = np.array([head.temples[:, 0].mean(), 0.65 * head.top + 0.35 * head.brow_y])
    cheek = head.points[2 if side < 0 else 14]
    brow = head.points[18 if side < 0 else 25]
    path = spline(np.array([start, brow + [0, -0.1], mix(brow, cheek, 0.5), cheek + [0, 0.3]]))
    widths = 0.26 * np.sin(np.linspace(0.5, np.pi - 0.1, len(path)))
    outline = ribbon(path, widths)
    cover = canvas.mask(outline)
    canvas.area(outline + [0.03, 0.04], 0.3 * look.skin, 0.35, soft=0.04)
    canvas.fill(cover, 0.7 * look.hair)
    canvas.hide(cover)
    offsets = rng.uniform(-0.45, 0.45, 14)
    strands = [path + [0.24 * offset, 0] for offset in offsets]
    canvas.strokes(strands[:7], 0.4 * look.hair, 0.5, cover)
    canvas.strokes(strands[7:], np.minimum(1.3 * look.hair, 1), 0.5, cover)
