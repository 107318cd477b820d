"""Looks: what a person brings along (skin, hair, glasses) and what the moment adds (light)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Colour = NDArray[np.float64]

_SKINS = np.array([
    [0.98, 0.85, 0.76], [0.95, 0.78, 0.66], [0.88, 0.70, 0.56], [0.79, 0.58, 0.43],
    [0.66, 0.45, 0.32], [0.53, 0.36, 0.26], [0.42, 0.28, 0.20],
])  # fmt: skip
_HAIRS = np.array([
    [0.06, 0.05, 0.05], [0.13, 0.09, 0.07], [0.24, 0.15, 0.10], [0.38, 0.25, 0.15],
    [0.55, 0.38, 0.20], [0.78, 0.62, 0.36], [0.58, 0.26, 0.12], [0.62, 0.61, 0.60],
])  # fmt: skip
_IRISES = np.array([[0.22, 0.13, 0.07], [0.34, 0.21, 0.10], [0.35, 0.38, 0.20], [0.28, 0.42, 0.55]])
_HAIRSTYLES = ("bald", "shaved", "short", "side", "fringe", "long", "curly", "bun", "cap", "scarf")
_HAIRSTYLE_SHARES = (0.06, 0.08, 0.17, 0.15, 0.12, 0.18, 0.08, 0.06, 0.05, 0.05)
_BEARDS = ("none", "stubble", "moustache", "goatee", "full")
_BEARD_SHARES = (0.62, 0.14, 0.05, 0.07, 0.12)
_LONG_HAIRED = ("long", "bun", "scarf", "fringe")


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """How a person looks, apart from the shape of the face.

    Parameters
    ----------
    skin, hair, brow, iris, lips, cloth
        Colours (3,) in [0, 1].
    hairstyle, beard, glasses
        Names; glasses are ``"none"``, ``"thin"``, ``"thick"`` or ``"dark"``.
    hairline
        Share of the forehead that is bare.
    volume
        How far the hair stands off the head, relative to its size.
    parting
        Where the hair parts, in [-1, 1].
    brow_width
        In RMS radii of the face.
    age, blush, freckles
        In [0, 1].
    """

    skin: Colour
    hair: Colour
    brow: Colour
    iris: Colour
    lips: Colour
    cloth: Colour
    hairstyle: str
    beard: str
    glasses: str
    hairline: float
    volume: float
    parting: float
    brow_width: float
    age: float
    blush: float
    freckles: float


def draw_look(rng: np.random.Generator) -> Look:
    """The look of a new person."""
    tone = (len(_SKINS) - 1) * rng.random() ** 1.5
    skin, dark = _between(_SKINS, tone) * rng.uniform(0.96, 1.04, 3), tone / (len(_SKINS) - 1)
    hair = _HAIRS[int(len(_HAIRS) * rng.random() * (1 - 0.6 * dark))] * rng.uniform(0.8, 1.2)
    hairstyle = str(rng.choice(_HAIRSTYLES, p=_HAIRSTYLE_SHARES))
    beard = str(rng.choice(_BEARDS, p=_BEARD_SHARES))
    made_up = hairstyle in _LONG_HAIRED and rng.random() < 0.5
    rose = np.array([0.72, 0.28, 0.30]) if made_up else skin * [0.88, 0.60, 0.61]
    return Look(
        skin=skin,
        hair=hair,
        brow=0.75 * hair if hair.mean() < 0.5 else 0.62 * hair,
        iris=_IRISES[0 if dark > 0.6 else rng.integers(len(_IRISES))] * rng.uniform(0.8, 1.2),
        lips=0.6 * rose + 0.4 * skin * [0.84, 0.60, 0.60],
        cloth=muted(rng.uniform(0.05, 0.95, 3), rng.uniform(0.2, 0.8)),
        hairstyle=hairstyle,
        beard="none" if hairstyle in _LONG_HAIRED else beard,
        glasses=str(rng.choice(("none", "thin", "thick", "dark"), p=(0.8, 0.09, 0.08, 0.03))),
        hairline=rng.uniform(0.42, 0.62) + (0.14 if hairstyle == "shaved" else 0.0),
        volume=rng.uniform(0.05, 0.13) + (0.12 if hairstyle == "curly" else 0.0),
        parting=rng.uniform(-1, 1),
        brow_width=rng.uniform(0.09, 0.16),
        age=rng.random() ** 2,
        blush=rng.random(),
        freckles=max(0.0, rng.uniform(-3, 1)) * (1 - dark),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """What changes from picture to picture of one person.

    Parameters
    ----------
    light
        Unit vector (3,) towards the light: x right, y down, z to the viewer.
    ambient
        Share of the light that comes from everywhere, in (0, 1).
    tint
        Colour (3,) of the light, around 1.
    gaze
        (2,): where the eyes look, in [-1, 1].
    occluder
        ``"none"``, ``"hand"`` or ``"lock"``, a lock of hair.
    """

    light: Colour
    ambient: float
    tint: Colour
    gaze: Colour
    occluder: str


def draw_moment(rng: np.random.Generator) -> Moment:
    """A new moment."""
    light = np.array([rng.uniform(-0.8, 0.8), rng.uniform(-0.9, 0.1), rng.uniform(0.55, 1.0)])
    warm = rng.uniform(-0.08, 0.08)
    return Moment(
        light=light / np.linalg.norm(light),
        ambient=rng.uniform(0.35, 0.65),
        tint=np.array([1 + warm, 1.0, 1 - warm]) * rng.uniform(0.92, 1.1),
        gaze=np.clip(rng.normal(0, 0.4, 2), -1, 1),
        occluder=str(rng.choice(("none", "hand", "lock"), p=(0.9, 0.05, 0.05))),
    )


def muted(colour: Colour, share: float) -> Colour:
    """The colour (..., 3) with a share of its saturation."""
    grey = colour.mean(axis=-1, keepdims=True)
    return np.asarray(grey + share * (colour - grey))


def _between(colours: Colour, place: float) -> Colour:
    low = min(int(place), len(colours) - 2)
    return np.asarray((low + 1 - place) * colours[low] + (place - low) * colours[low + 1])
