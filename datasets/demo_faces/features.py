"""The parts that carry landmarks inside the face: brows, eyes, nose and mouth."""

import numpy as np

from datasets.demo_faces.canvas import Canvas
from datasets.demo_faces.geometry import (
    BROWS,
    EYES,
    OUTER_LIPS,
    Head,
    Points,
    cornered,
    ellipse,
    mix,
    ribbon,
    spline,
)
from datasets.demo_faces.look import Look, Moment

_IRIS_SHARE = 0.235  # radius of the iris in widths of the eye's opening


def draw_features(
    canvas: Canvas, head: Head, look: Look, moment: Moment, rng: np.random.Generator
) -> None:
    """Brows, eyes, nose and mouth, each through its landmarks."""
    draw_nose(canvas, head, look)
    draw_mouth(canvas, head, look, rng)
    for eye in EYES:
        draw_eye(canvas, head.points[list(eye)], look, moment)
    for brow in BROWS:
        draw_brow(canvas, head.points[list(brow)], look, rng)


def draw_brow(canvas: Canvas, brow: Points, look: Look, rng: np.random.Generator) -> None:
    """A brow whose middle line goes through its five landmarks, outer end first."""
    path = spline(brow)
    place = np.linspace(0, 1, len(path))
    widths = look.brow_width * np.clip(2.4 * place + 0.25, 0, 1) * np.clip(3.2 - 2.6 * place, 0, 1)
    canvas.line(path, 0.8 * widths, look.brow, alpha=0.72, soft=0.012)
    cover = canvas.mask(ribbon(path, 1.25 * widths + 0.02))
    outwards = path[0] - path[-1]
    slant = 0.11 * outwards / np.linalg.norm(outwards)
    hairs = []
    for i in rng.integers(0, len(path), 26):
        root = path[i] + [0, rng.uniform(-0.4, 0.6) * widths[i]]
        tip = root + slant * rng.uniform(0.6, 1.2) + [0, rng.uniform(-0.06, 0.0)]
        hairs.append(np.stack([root, tip]))
    canvas.strokes(hairs[:18], 0.6 * look.brow, 0.6, cover)
    canvas.strokes(hairs[18:], look.brow + 0.12, 0.35, cover)


def draw_eye(canvas: Canvas, eye: Points, look: Look, moment: Moment) -> None:
    """An eye with its corners and lids at the six landmarks: outer corner, over the top, back."""
    outer, inner = eye[0], eye[3]
    upper, lower = spline(eye[:4]), spline(eye[[3, 4, 5, 0]])
    width = float(np.linalg.norm(inner - outer))
    opening = float(eye[4:, 1].mean() - eye[1:3, 1].mean())
    for path, away, alpha in ((upper, -0.06 - 0.35 * opening, 0.5), (lower, 0.10, 0.22)):
        crease = path + [0, away] * np.sin(np.linspace(0.15, np.pi - 0.15, len(path)))[:, None]
        canvas.line(crease, 0.035, 0.55 * look.skin, alpha * (0.7 + 0.5 * look.age), soft=0.015)
    canvas.area(ribbon(upper, 0.16), 0.75 * look.skin, 0.3, soft=0.04)
    outline = cornered(eye[:4], eye[[3, 4, 5, 0]])
    canvas.area(outline, [0.93, 0.92, 0.90])
    canvas.clip = canvas.mask(outline)
    _draw_eyeball(canvas, eye, width, look, moment)
    canvas.clip = None
    ends = np.sin(np.linspace(0, np.pi, len(upper)))
    lash = 0.15 * look.skin
    canvas.line(upper, 0.03 + 0.032 * ends, lash, 0.92)
    canvas.line(lower, 0.016 + 0.01 * ends, 0.45 * look.skin, 0.6)
    direction = (outer - inner) / width
    flick = np.stack([outer - 0.06 * direction, outer + 0.04 * direction + [0, -0.02]])
    canvas.line(flick, 0.025, lash, 0.6)


def _draw_eyeball(canvas: Canvas, eye: Points, width: float, look: Look, moment: Moment) -> None:
    opening = float(eye[4:, 1].mean() - eye[1:3, 1].mean())
    radius = max(_IRIS_SHARE * width, min(0.10, 0.62 * opening))
    middle = mix(eye[0], eye[3], 0.52) * 0.35 + eye.mean(axis=0) * 0.65
    centre = middle + moment.gaze * [0.14 * width, 0.05 * width] + [0, -0.06 * radius]
    canvas.dab(eye[3], 0.035, [0.80, 0.45, 0.42], 0.8)
    canvas.area(ellipse(centre, radius, radius), 0.45 * look.iris, soft=0.004)
    canvas.area(ellipse(centre + [0, 0.12 * radius], 0.8 * radius, 0.76 * radius), look.iris)
    canvas.spot(centre, 0.42 * radius, [0.02, 0.02, 0.02])
    shadow = spline(eye[:4]) + [0, 0.015]
    canvas.line(shadow, 0.07, [0.12, 0.08, 0.07], 0.3, soft=0.02)
    towards = moment.light[:2] / max(np.hypot(*moment.light[:2]), 1e-9)
    canvas.spot(centre + 0.42 * radius * towards, 0.26 * radius, [1.3, 1.3, 1.3], 0.9)


def draw_nose(canvas: Canvas, head: Head, look: Look) -> None:
    """Bridge, tip, wings, nostrils and lower edge through the nine landmarks of the nose."""
    p, skin = head.points, look.skin
    width = float(np.linalg.norm(p[35] - p[31]))
    bridge = spline(p[27:31])
    canvas.line(bridge, 0.05, np.minimum(1.25 * skin, 1), 0.32, soft=0.025)
    away = float(np.sign(head.turned)) if abs(head.turned) > 0.12 else 0.0
    if away:  # the far flank of a turned nose is an edge against the cheek
        flank = bridge + [away * 0.07, 0] * np.linspace(0.4, 1.2, len(bridge))[:, None]
        canvas.line(flank, 0.05, 0.5 * skin, min(0.35, 0.8 * abs(head.turned)), soft=0.025)
    base = spline(p[31:36])
    canvas.line(base + [0, 0.025], 0.07, 0.45 * skin, 0.55, soft=0.028)
    for wing, toward in ((p[31], p[32]), (p[35], p[34])):
        out = np.sign(wing[0] - p[33, 0]) * 0.045
        arc = np.array([wing + [0.2 * out, -0.21], wing + [out, -0.10], wing, toward])
        canvas.line(spline(arc), 0.04, 0.42 * skin, 0.62, soft=0.01)
        nostril = mix(toward, wing, 0.25) + [0, -0.025]
        canvas.area(ellipse(nostril, 0.15 * width, 0.028), 0.14 * skin, 0.88, soft=0.008)
    canvas.line(base, 0.028, 0.32 * skin, 0.6)
    canvas.dab(p[30] + [0, -0.03], 0.05, [1, 1, 1], 0.16)
    groove = np.stack([p[33] + [0, 0.04], mix(p[33], p[51], 0.85)])
    canvas.line(groove, 0.05, 0.7 * skin, 0.35, soft=0.02)


def draw_mouth(canvas: Canvas, head: Head, look: Look, rng: np.random.Generator) -> None:
    """Lips between the outer and the inner landmarks; teeth and tongue where they part."""
    p, skin, lips = head.points, look.skin, look.lips
    outer = cornered(p[48:55], p[[54, 55, 56, 57, 58, 59, 48]])
    inner = cornered(p[60:65], p[[64, 65, 66, 67, 60]])
    canvas.area(ribbon(spline(p[[59, 58, 57, 56, 55]]) + [0, 0.06], 0.06), 0.6 * skin, 0.4, 0.03)
    canvas.area(outer, lips, 0.94)
    upper = np.concatenate([spline(p[48:55]), spline(p[60:65])[::-1]])
    canvas.area(upper, 0.72 * lips, 0.55, soft=0.008)
    for edge, inside in ((56, 65), (57, 66), (58, 67)):
        canvas.dab(mix(p[edge], p[inside], 0.5), 0.05, np.minimum(1.5 * lips, 1), 0.3)
    canvas.line(spline(p[list(OUTER_LIPS)], closed=True), 0.02, 0.55 * skin, 0.4)
    gap = float((p[65:68, 1] - p[[63, 62, 61], 1]).mean())
    if gap > 0.03:
        _draw_inside(canvas, inner, p, gap, rng)
    canvas.line(spline(p[60:65]), 0.03, 0.28 * lips, 0.85)
    canvas.line(spline(p[[64, 65, 66, 67, 60]]), 0.02, 0.4 * lips, 0.6)
    for corner in (p[48], p[54]):
        canvas.dab(corner, 0.035, 0.35 * lips, 0.6)


def _draw_inside(
    canvas: Canvas, inner: Points, p: Points, gap: float, rng: np.random.Generator
) -> None:
    canvas.area(inner, [0.30, 0.09, 0.09])
    canvas.clip = canvas.mask(inner)
    width = float(p[64, 0] - p[60, 0])
    height = min(0.95 * gap, 0.15 + 0.12 * gap) * rng.uniform(0.85, 1.1)
    edge = spline(p[60:65])
    flat = 0.35 * edge + 0.65 * np.linspace(p[60], p[64], len(edge))  # teeth bend less than lips
    flat += [0, height - 0.65 * float((flat - edge)[:, 1].max())]
    teeth = np.concatenate([edge - [0, 0.05], np.maximum(flat, edge)[::-1]])
    canvas.area(teeth, [0.90, 0.88, 0.82], 0.95, soft=0.01)
    middle = (p[60] + p[64]) / 2
    for u in np.linspace(-0.32, 0.32, 7):
        x = middle[0] + u * width
        y = float(np.interp(x, edge[:, 0], edge[:, 1]))
        canvas.line(np.array([[x, y], [x, y + height]]), 0.012, [0.45, 0.38, 0.34], 0.35)
    if gap > 0.2:
        tongue = mix(p[66], middle, 0.15)
        canvas.area(ellipse(tongue, 0.3 * width, 0.35 * gap), [0.68, 0.30, 0.32], 0.8, soft=0.03)
    canvas.line(edge, 0.06, [0.1, 0.03, 0.03], 0.5, soft=0.025)
    canvas.clip = None
