"""Shapes of the demo faces, drawn from a statistical model of 68 landmarks.

A face is ``mean + pose(t, s) + sum_k z_k mode_k``, with yaw t, pitch s and every z_k standard
normal, cut off where faces stop to look like faces. The pose is a quadratic polynomial, since
landmarks move on curves when a head turns. Of each z_k a share belongs to the person, the rest to
the moment (expression), so that pictures of one person resemble each other.

``shape_model.npz`` holds statistics only, and ``docs/make_face_shapes.py`` computes them: mean,
pose and modes of the 689 faces of the 300-W test set (Sagonas et al. 2013), shares of the person
from 3,023 video frames of 247 people (YouTube Faces, Wolf et al. 2011, in the landmarks of
Udacity's P1_Facial_Keypoints). No single face can be read from them.
"""

import functools
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Vector = NDArray[np.float64]

_LIMIT = 2.2  # standard deviations; beyond, faces look deformed
_HEAD_SHARE = 1 / 1.5  # of the picture's side: the longer side of the landmarks' box
_SCALE_RANGE = 0.1  # relative
_SHIFT_RANGE = 0.06  # of the picture's side
_DAMPING = 0.85
_LID_GAP, _LIP_WIDTH = 0.02, 0.06  # least values, in RMS radii of the face
_LIPS_APART = ((61, 67), (62, 66), (63, 65))  # inner edges: upper, lower
_LIDS_APART = ((37, 41), (38, 40), (43, 47), (44, 46))
_UPPER_LIP = ((50, 61), (51, 62), (52, 63))  # outer edge, inner edge
_LOWER_LIP = ((67, 58), (66, 57), (65, 56))  # inner edge, outer edge


@dataclass(frozen=True, slots=True, eq=False)
class FaceModel:
    """Statistics of face shapes in RMS radii of the face, x to the right, y down.

    Parameters
    ----------
    pose
        (6, 68, 2): factors of `pose_terms`.
    modes
        (K, 68, 2): one standard deviation of each mode.
    identity_share
        (1 + K,), in [0, 1]: share of the person in the variance of pitch and of each mode.
    roll_sd_rad
        Standard deviation of the angle in the picture's plane.
    """

    pose: Points
    modes: Points
    identity_share: Vector
    roll_sd_rad: float


@functools.cache
def face_model() -> FaceModel:
    """The model that comes with the package."""
    source = resources.files("datasets.demo_faces").joinpath("shape_model.npz")
    with source.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        values = {name: stored[name].astype(np.float64) for name in stored.files}
    roll = float(values.pop("roll_sd_rad"))
    return FaceModel(**values, roll_sd_rad=roll)


def pose_terms(t: Vector, s: Vector) -> Points:
    """Terms (N, 6) of the pose's polynomial in yaw t and pitch s, both of unit variance."""
    return np.stack([np.ones_like(t), t, t * t, s, t * s, s * s], axis=-1)


def draw_identity(rng: np.random.Generator) -> Vector:
    """What is a person's own: standard normal (1 + K,)."""
    return rng.standard_normal(1 + len(face_model().modes))


def draw_shape(identity: Vector, rng: np.random.Generator) -> Points:
    """One shape (68, 2) of a person, upright, in RMS radii around its centroid (y down)."""
    model = face_model()
    yaw = rng.standard_normal()
    moment = rng.standard_normal(len(identity))
    share = model.identity_share
    scores = np.sqrt(share) * identity + np.sqrt(1 - share) * moment
    yaw, scores = np.clip(yaw, -_LIMIT, _LIMIT), np.clip(scores, -_LIMIT, _LIMIT)
    shape = mended(shape_of(yaw, scores))
    while not is_sound(shape):
        yaw, scores = _DAMPING * yaw, _DAMPING * scores
        shape = mended(shape_of(yaw, scores))
    return shape


def shape_of(yaw: float, scores: Vector) -> Points:
    """The model's shape (68, 2) for a yaw and the scores (1 + K,) of pitch and modes."""
    model = face_model()
    terms = pose_terms(np.array(yaw), scores[0])
    return np.asarray(np.tensordot(terms, model.pose, 1) + np.tensordot(scores[1:], model.modes, 1))


def mended(shape: Points) -> Points:
    """The shape with lids and lips that do not cross: pairs too close are moved apart."""
    shape = shape.copy()
    for pairs, least in ((_LIPS_APART, 0.0), (_LIDS_APART, _LID_GAP)):
        for upper, lower in pairs:
            lack = _lack(shape, upper, lower, least)
            shape[upper, 1] -= lack / 2
            shape[lower, 1] += lack / 2
    for upper, lower in _UPPER_LIP:
        shape[upper, 1] -= _lack(shape, upper, lower, _LIP_WIDTH)
    for upper, lower in _LOWER_LIP:
        shape[lower, 1] += _lack(shape, upper, lower, _LIP_WIDTH)
    return shape


def _lack(shape: Points, upper: int, lower: int, least: float) -> float:
    return max(least - float(shape[lower, 1] - shape[upper, 1]), 0.0)


def is_sound(shape: Points) -> bool:
    """Whether the parts of a face are where faces have them."""
    x, y = shape[:, 0], shape[:, 1]
    steps = np.diff(shape[:17], axis=0)
    turns = steps[:-1, 0] * steps[1:, 1] - steps[:-1, 1] * steps[1:, 0]
    bends = turns / np.prod(np.linalg.norm(np.stack([steps[:-1], steps[1:]]), axis=2), axis=0)
    inner, margin = slice(36, 68), 0.08
    return bool(
        bends.max() < 0.2  # a jaw that bends outwards at no corner
        and x[inner].min() > x[:17].min() + margin
        and x[inner].max() < x[:17].max() - margin
        and y[8] - y[57] > 3 * margin  # a chin below the mouth
        and y[48:68].min() > y[31:36].mean() + margin / 2  # a mouth below the nose
        and y[36:42].min() - y[17:22].mean() > margin  # brows above the eyes
        and y[42:48].min() - y[22:27].mean() > margin
        and x[39] + margin < x[27] < x[42] - margin  # the bridge between the eyes
    )


def placed(shape: Points, size_px: int, rng: np.random.Generator) -> Points:
    """A shape (68, 2) turned, scaled and shifted into a square picture of `size_px`, in pixels."""
    model = face_model()
    roll = np.clip(rng.standard_normal(), -_LIMIT, _LIMIT) * model.roll_sd_rad
    cos, sin = np.cos(roll), np.sin(roll)
    turned = shape @ np.array([[cos, sin], [-sin, cos]])
    low, high = turned.min(axis=0), turned.max(axis=0)
    scale = size_px * _HEAD_SHARE / (high - low).max()
    scale *= 1 + rng.uniform(-_SCALE_RANGE, _SCALE_RANGE)
    middle = (size_px - 1) / 2 + size_px * rng.uniform(-_SHIFT_RANGE, _SHIFT_RANGE, 2)
    return np.asarray((turned - (low + high) / 2) * scale + middle)
