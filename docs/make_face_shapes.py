"""Compute the shape model of the demo faces from landmark annotations.

    python docs/make_face_shapes.py SHAPES.npz FACES.csv datasets/demo_faces/shape_model.npz

SHAPES.npz has `points` (N, 68, 2) of faces in the wild, one a person: mean, pose and modes are
theirs. FACES.csv has columns ``identity, x0, y0, ... x67, y67`` with many pictures a person: how
much of each mode belongs to the person (one-way analysis of variance) is theirs. Only statistics
of all faces together are kept, rounded to 32 bits.

The model. Faces and their mirror images are aligned by similarity to their mean (generalised
Procrustes; Gower 1975) and projected to its tangent space. Turning a head moves its landmarks on
a curve, not on a line; so the two leading modes, yaw t and pitch s, enter by a quadratic
polynomial (least squares), and principal components are taken of what it leaves.
"""

import sys

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.alignment import align, similarity
from datasets.demo_faces.shapes import pose_terms
from datasets.formats import landmark_format

MODES = 30
MIRROR = np.array(landmark_format("300w-68").mirror)

Array = NDArray[np.float64]


def mirror_images(shapes: Array) -> Array:
    """Mirrored shapes (N, 68, 2) about the vertical axis, landmarks in their right order."""
    return shapes[:, MIRROR] * [-1.0, 1.0]


def aligned_to(mean: Array, shapes: Array) -> tuple[Array, Array]:
    """Shapes moved onto `mean`, and the angle (N,) in radians by which each was turned from it."""
    moves = similarity(shapes, mean)
    turned = -np.arctan2(moves.rotation[:, 1, 0], moves.rotation[:, 0, 0])
    moved = moves.apply(shapes)
    size = np.einsum("nmd,md->n", moved, mean) / np.sum(mean * mean)
    return moved / size[:, None, None], turned


def symmetric_mean(shapes: Array, rounds: int = 10) -> Array:
    """Mean (68, 2) of shapes and their mirror images, centred, of RMS radius 1."""
    both = np.concatenate([shapes, mirror_images(shapes)])
    mean = shapes[0]
    for _ in range(rounds):
        mean = aligned_to(mean, both)[0].mean(axis=0)
        mean = align(((mean + mirror_images(mean[None])[0]) / 2)[None], "centroid-rms")[0]
    return mean


def leading_direction(rows: Array) -> Array:
    """Direction in which uncentred rows vary most."""
    return np.linalg.eigh(rows.T @ rows)[1][:, -1]


def fit(shapes: Array) -> dict[str, Array]:
    """Mean, directions of yaw and pitch, polynomial of the pose, and modes."""
    mean = symmetric_mean(align(shapes, "centroid-rms"))
    moved, turned = aligned_to(mean, align(shapes, "centroid-rms"))
    flat = np.concatenate([moved, mirror_images(moved)]).reshape(-1, mean.size)
    centred = flat - flat.mean(axis=0)
    mirrored = mirror_images(centred.reshape(-1, 68, 2)).reshape(centred.shape)
    yaw = leading_direction(centred - mirrored)
    t = centred @ yaw
    curve = np.stack([np.ones_like(t), t, t * t], axis=1)
    straight = flat - curve @ np.linalg.lstsq(curve, flat)[0]
    pitch = leading_direction(straight)
    s = straight @ pitch
    terms = pose_terms(t / t.std(), s / s.std())
    pose = np.linalg.lstsq(terms, flat)[0]
    left = flat - terms @ pose
    variance, vectors = np.linalg.eigh(left.T @ left / len(left))
    order = np.argsort(-variance)[:MODES]
    return {
        "pose": pose.reshape(-1, 68, 2),
        "modes": (vectors[:, order] * np.sqrt(variance[order])).T.reshape(-1, 68, 2),
        "roll_sd_rad": turned.std(),
    }


def identity_share(scores: Array, people: NDArray[np.int64]) -> Array:
    """Share (K,) of the variance of each score that lies between people, in [0, 1]."""
    counts = np.bincount(people)
    means = np.stack([np.bincount(people, column) / counts for column in scores.T], axis=1)
    within = np.sum((scores - means[people]) ** 2, axis=0) / (len(scores) - len(counts))
    between = np.maximum(means.var(axis=0, ddof=1) - within * np.mean(1 / counts), 0)
    return between / (between + within)


def scores_in(model: dict[str, Array], shapes: Array) -> Array:
    """Scores (N, 1 + K) of shapes for pitch and each mode, the yaw's curve taken away."""
    pose, modes = (model[name].reshape(-1, 136) for name in ("pose", "modes"))
    moved = aligned_to(pose[0].reshape(68, 2), align(shapes, "centroid-rms"))[0].reshape(-1, 136)
    directions = np.concatenate([pose[[1, 3]], modes])
    t, *_ = np.linalg.lstsq(directions.T, (moved - moved.mean(axis=0)).T)
    curve = np.stack([np.ones_like(t[0]), t[0], t[0] ** 2], axis=1)
    return t[1:].T - curve @ np.linalg.lstsq(curve, t[1:].T)[0]


def main(shapes_path: str, faces_path: str, target: str) -> None:
    """Fit the model and write it."""
    with np.load(shapes_path, allow_pickle=False) as stored:
        model = fit(stored["points"].astype(np.float64))
    faces = pd.read_csv(faces_path)
    columns = [f"{axis}{i}" for i in range(68) for axis in "xy"]
    shapes = faces[columns].to_numpy(dtype=np.float64).reshape(-1, 68, 2)
    share = identity_share(scores_in(model, shapes), pd.factorize(faces["identity"])[0])
    stored = {name: np.asarray(values, dtype=np.float32) for name, values in model.items()}
    np.savez_compressed(target, identity_share=share.astype(np.float32), **stored)
    print(f"identity share of pitch and modes: {np.round(share, 2)}")
    print(f"roll: {np.degrees(model['roll_sd_rad']):.1f} degrees")


if __name__ == "__main__":
    main(*sys.argv[1:4])
