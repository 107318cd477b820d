"""Hair of the head and the beard, and what is worn on the head."""

import numpy as np

from datasets.demo_faces.canvas import Canvas, Layer
from datasets.demo_faces.geometry import Head, Points, ellipse, mix, ribbon, spline
from datasets.demo_faces.look import Look, Moment

_CURLS = 14  # bumps around the outline of curly hair


def draw_back_hair(canvas: Canvas, head: Head, look: Look, rng: np.random.Generator) -> None:
    """What hangs behind the head: long hair, a bun, a scarf."""
    dark = 0.55 * look.hair
    crown = head.swollen(head.skull, look.volume + 0.06)
    if look.hairstyle == "long":
        fall = rng.uniform(3.4, 4.6)
        outline = _hanging(crown, 0.12, 0.22, fall)
        canvas.area(outline, dark)
        cover = canvas.mask(outline)
        x = np.linspace(crown[-1, 0] - 0.3, crown[0, 0] + 0.3, 60) + rng.normal(0, 0.03, 60)
        strands = [
            spline(np.array([[a, head.top], [a + 0.1, 0.2], [a - 0.05, 1.2], [a, 2.6]])) for a in x
        ]
        canvas.strokes(strands[::2], look.hair, 0.5, cover)
        canvas.strokes(strands[1::2], 0.5 * dark, 0.5, cover)
    elif look.hairstyle == "bun":
        place = np.array([head.temples[:, 0].mean() - 0.5 * head.turned, head.top - 0.2])
        canvas.area(ellipse(place, 0.42, 0.36), dark)
        canvas.area(ellipse(place + [-0.06, -0.06], 0.28, 0.22), look.hair, 0.6, soft=0.06)
    elif look.hairstyle == "scarf":
        canvas.area(_hanging(crown, 0.1, -0.1, 3.0), 0.75 * look.cloth)
        jaw = head.points[[2, 5, 8, 11, 14]] * [1.1, 1.0] + [0, 0.16]
        canvas.line(spline(jaw), 0.10, 0.5 * look.cloth, 0.6, soft=0.04)


def _hanging(crown: Points, spread: float, end_spread: float, fall: float) -> Points:
    """Closed outline of the crown and of what hangs from its ends, right and left."""
    right, left = crown[0], crown[-1]
    sides = [left + [-spread, 0.8], left + [-end_spread, fall]]
    sides += [right + [end_spread, fall], right + [spread, 0.8]]
    return spline(np.concatenate([crown, np.array(sides)]), closed=True)


def draw_side_hair(canvas: Canvas, head: Head, look: Look, rng: np.random.Generator) -> None:
    """Long hair that falls over the shoulders, beside the face."""
    if look.hairstyle != "long":
        return
    fall = rng.uniform(2.2, 3.4)
    for side, temple in zip((-1, 1), head.temples, strict=True):
        root = temple + [side * 0.02, -0.2]
        waves = rng.normal(0, 0.06, 3)
        path = spline(np.array([
            root, [temple[0] + side * 0.14 + waves[0], 0.1],
            [temple[0] + side * 0.10 + waves[1], 1.1], [temple[0] + side * 0.02 + waves[2], fall],
        ]))  # fmt: skip
        widths = 0.48 * np.sin(np.linspace(0.5, 1.9, len(path)))
        cover = canvas.mask(ribbon(path, widths))
        canvas.fill(cover, 0.66 * look.hair)
        shifts = rng.uniform(-0.22, 0.22, 20)
        strands = [path + np.outer(np.linspace(0.5, 1, len(path)), [shift, 0]) for shift in shifts]
        canvas.strokes(strands[:10], np.minimum(1.2 * look.hair, 1), 0.45, cover)
        canvas.strokes(strands[10:], 0.4 * look.hair, 0.5, cover)


def draw_front_hair(
    canvas: Canvas, head: Head, look: Look, moment: Moment, rng: np.random.Generator
) -> None:
    """What lies over the head: hair of every style, or a cap, or a scarf."""
    if look.hairstyle == "bald":
        return
    if look.hairstyle == "shaved":
        cover = canvas.mask(_region(head, look, 0.0), soft=0.05)
        canvas.fill(0.62 * cover * _grain(canvas, rng, 0.35), look.hair)
        return
    colour = look.cloth if look.hairstyle == "scarf" else look.hair
    region = _region(head, look, look.volume)
    if look.hairstyle == "curly":
        region = _bumpy(region, rng)
    cover = canvas.mask(region, soft=0.018)
    canvas.line(head.hairline(look.hairline, look.parting), 0.10, 0.35 * look.skin, 0.35, soft=0.05)
    canvas.fill(cover, 0.72 * colour)
    canvas.hide(cover)
    _draw_strands(canvas, head, look, cover, rng)
    _shine(canvas, head, colour, cover, moment)
    if look.hairstyle == "fringe":
        _draw_fringe(canvas, head, look, rng)
    elif look.hairstyle == "cap":
        _draw_cap(canvas, head, look)


def _region(head: Head, look: Look, volume: float) -> Points:
    """Closed outline between the swollen skull and the hairline, sideburns included."""
    crown = head.swollen(head.skull, volume)
    long = look.hairstyle in ("long", "curly")
    right_end = mix(head.points[16], head.points[15], 0.9 if long else 0.35)
    left_end = mix(head.points[0], head.points[1], 0.9 if long else 0.35)
    out = np.array([0.03, 0.0])
    hairline = head.hairline(look.hairline, look.parting)
    return np.concatenate([(right_end + out)[None], crown, (left_end - out)[None], hairline])


def _bumpy(region: Points, rng: np.random.Generator) -> Points:
    region = _resampled(region, 8 * len(region))
    middle = region.mean(axis=0)
    steps = np.linspace(0, 2 * np.pi * _CURLS, len(region))
    amount = 1 + 0.035 * np.abs(np.sin(steps + rng.uniform(0, 6)))
    return np.asarray(middle + (region - middle) * amount[:, None])


def _draw_strands(
    canvas: Canvas, head: Head, look: Look, cover: Layer, rng: np.random.Generator
) -> None:
    crown = head.swollen(head.skull, look.volume + 0.03)[::-1]
    line = head.hairline(look.hairline, look.parting)
    combed = look.hairstyle in ("side", "long", "bun", "scarf")
    if look.hairstyle == "curly":
        _draw_curls(canvas, look, cover, rng)
        return
    tones = [factor * look.hair for factor in (0.35, 0.55, 1.15, 1.5)]
    if look.hairstyle == "scarf":
        tones = [factor * look.cloth for factor in (0.5, 0.6, 0.85, 0.95)]
    ends = (_resampled(crown), _resampled(line))
    for tone in tones:
        if combed:  # along the hairline, from ear to ear
            strands = [mix(*ends, share) for share in rng.random(22)]
        else:
            roots, tips = (end[rng.integers(0, len(end), 22)] for end in ends[::-1])
            bends = mix(roots, tips, 0.5) + rng.normal(0, 0.10, (22, 2))
            strands = [spline(np.stack(path)) for path in zip(roots, bends, tips, strict=True)]
        canvas.strokes(strands, np.clip(tone, 0, 1), 0.4, cover)


def _draw_curls(canvas: Canvas, look: Look, cover: Layer, rng: np.random.Generator) -> None:
    rows, columns = np.nonzero(cover[::4, ::4] > 0.5)
    if not len(rows):
        return
    picks = rng.integers(0, len(rows), 220)
    for tone, some in ((0.45, picks[::2]), (1.35, picks[1::2])):
        places = 4 * np.stack([columns[some], rows[some]], axis=1).astype(np.float64)
        centres = canvas.frame.from_picture(places) + rng.normal(0, 0.03, places.shape)
        arcs = [
            ellipse(c, 0.07, 0.06, rng.uniform(0, 6), 12)[: rng.integers(6, 11)] for c in centres
        ]
        canvas.strokes(arcs, np.minimum(tone * look.hair + 0.02, 1), 0.6, cover)


def _resampled(path: Points, count: int = 24) -> Points:
    """The path (count, 2) with its corners spread evenly over those of the given one."""
    place = np.linspace(0, len(path) - 1, count)
    steps = np.arange(len(path))
    return np.stack([np.interp(place, steps, path[:, axis]) for axis in (0, 1)], axis=1)


def _shine(canvas: Canvas, head: Head, colour: Points, cover: Layer, moment: Moment) -> None:
    canvas.clip = cover
    place = np.array([head.temples[:, 0].mean(), 0.7 * head.top + 0.3 * head.brow_y])
    towards = np.array([0.9 * moment.light[0], 0.1])
    canvas.dab(place + towards, 0.5, np.minimum(1.5 * colour + 0.08, 1), 0.45)
    canvas.dab(place - 1.3 * towards, 0.6, 0.3 * colour, 0.4)
    canvas.clip = None


def _draw_fringe(canvas: Canvas, head: Head, look: Look, rng: np.random.Generator) -> None:
    """Hair down to just above the brows, in pointed strands."""
    line = head.hairline(look.hairline + 0.08, look.parting)
    inner = line[(line[:, 1] < head.temples[0, 1] + 0.05)]
    ends = head.brow_y - 0.10 + 0.05 * rng.standard_normal(len(inner))
    ends -= 0.10 * np.cos(np.linspace(-1.3, 1.3, len(inner)))
    tips = np.stack([inner[:, 0] + 0.06 * look.parting, np.maximum(ends, inner[:, 1])], axis=1)
    outline = np.concatenate([inner + [0, -0.1], tips[::-1]])
    cover = canvas.mask(outline)
    canvas.area(outline + [0.0, 0.05], 0.4 * look.skin, 0.35, soft=0.04)
    canvas.fill(cover, 0.75 * look.hair)
    canvas.hide(cover)
    for tone in (0.45, 1.2):
        picks = rng.integers(0, len(inner), 24)
        strands = [
            np.stack([inner[i] + [rng.normal(0, 0.05), -0.1], tips[i] + [rng.normal(0, 0.04), 0]])
            for i in picks
        ]
        canvas.strokes(strands, np.minimum(tone * look.hair, 1), 0.45, cover)


def _draw_cap(canvas: Canvas, head: Head, look: Look) -> None:
    crown = head.swollen(head.skull, 0.07 + look.volume)
    edge_y = head.brow_y - 0.24
    keep = crown[crown[:, 1] < edge_y + 0.25]
    middle = head.temples[:, 0].mean() + 0.45 * head.turned * head.width
    band = spline(np.array([keep[-1], [middle, edge_y - 0.12], keep[0]]))
    canvas.area(np.concatenate([keep, band]), look.cloth)
    top = np.array([[middle, head.top], [middle, edge_y]])
    canvas.line(top + [0.35, 0], 0.03, 0.7 * look.cloth, 0.6, soft=0.01)
    canvas.line(top - [0.35, 0], 0.03, 0.7 * look.cloth, 0.6, soft=0.01)
    canvas.line(band, 0.05, 0.6 * look.cloth, 0.7, soft=0.01)
    reach = 0.24 * np.sin(np.linspace(0, np.pi, len(band)))[:, None] * [0.0, 1.0]
    brim = np.concatenate([band, (band + reach)[::-1]])
    canvas.area(brim + [0, 0.09], 0.25 * look.skin, 0.45, soft=0.05)
    canvas.area(brim, 0.8 * look.cloth)
    canvas.hide(canvas.mask(brim))


def draw_beard(canvas: Canvas, head: Head, look: Look, rng: np.random.Generator) -> None:
    """Stubble, moustache, goatee or a full beard, within the jaw line."""
    if look.beard == "none":
        return
    p = head.points
    lips = canvas.mask(spline(p[48:60], closed=True))
    cover = canvas.mask(*_beard_outlines(p, look.beard), soft=0.05) * (1 - lips)
    strength = 0.30 if look.beard == "stubble" else 0.88
    canvas.fill(strength * cover * _grain(canvas, rng, 0.5), 0.85 * look.hair)
    if look.beard != "stubble":
        root = p[8] + (rng.random((160, 2)) - [0.5, 0.85]) * [head.width, 1.4]
        hairs = [np.stack([r, r + [rng.normal(0, 0.03), 0.12]]) for r in root]
        canvas.strokes(hairs[:80], np.minimum(1.5 * look.hair + 0.03, 1), 0.35, cover)
        canvas.strokes(hairs[80:], 0.5 * look.hair, 0.5, cover)


def _beard_outlines(p: Points, beard: str) -> list[Points]:
    middle, tilt = mix(p[33], p[51], 0.62), np.array([0.0, 0.03])
    ends = np.array([p[48] + [-0.06, 0.02], mix(p[31], p[49], 0.6), middle, mix(p[35], p[53], 0.6),
                     p[54] + [0.06, 0.02]])  # fmt: skip
    moustache = ribbon(spline(ends) + tilt, 0.17)
    chin = ellipse(mix(p[57], p[8], 0.62), 0.24 * (p[54, 0] - p[48, 0]) + 0.12, 0.3)
    if beard == "moustache":
        return [moustache]
    if beard == "goatee":
        return [moustache, chin]
    jaw = spline(p[2:15])
    right = [mix(p[14], p[54], 0.22), mix(p[13], p[54], 0.62), p[54] + [0.12, -0.08]]
    left = [p[48] + [-0.12, -0.08], mix(p[3], p[48], 0.62), mix(p[2], p[48], 0.22)]
    cheeks = [*right, mix(p[35], p[52], 0.6), middle, mix(p[31], p[50], 0.6), *left]
    return [np.concatenate([jaw, spline(np.array(cheeks))])]


def _grain(canvas: Canvas, rng: np.random.Generator, amount: float) -> Layer:
    """Noise (S, S) between 1 - amount and 1."""
    half = (canvas.size_px // 2 + 1,) * 2
    noise = rng.random(half, dtype=np.float32)
    large = noise.repeat(2, axis=0).repeat(2, axis=1)[: canvas.size_px, : canvas.size_px]
    return np.asarray(1 - amount * large, dtype=np.float32)
