"""The order in which a face is drawn: from the background to the camera."""

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.demo_faces.canvas import FINER, Canvas
from datasets.demo_faces.extras import draw_glasses, draw_occluder
from datasets.demo_faces.features import draw_features
from datasets.demo_faces.geometry import Frame, Head, Points
from datasets.demo_faces.hair import draw_back_hair, draw_beard, draw_front_hair, draw_side_hair
from datasets.demo_faces.head import draw_body, draw_ears, draw_skin, skin_texture
from datasets.demo_faces.look import Look, Moment
from datasets.demo_faces.relief import light_on_face
from datasets.demo_faces.scenery import draw_background, photograph
from datasets.pixels import resized
from datasets.shapes import Visibility


def draw_picture(
    points: Points, look: Look, moment: Moment, size_px: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Picture (size_px, size_px, 3) of a face and the visibility (68,) of its landmarks.

    `points` (68, 2) are in pixels of the picture; a landmark is occluded where hair, a hand, a
    cap's brim or dark glasses were painted over it.
    """
    fine = resized(points, FINER)
    frame = Frame.of(fine)
    head = Head(frame.from_picture(fine))
    canvas = Canvas(FINER * size_px, frame)
    canvas.pixels = draw_background(canvas.size_px, rng)
    draw_back_hair(canvas, head, look, rng)
    draw_body(canvas, head, look, rng)
    draw_ears(canvas, head, look)
    draw_side_hair(canvas, head, look, rng)
    scene, canvas.pixels = canvas.pixels, np.empty_like(canvas.pixels)
    draw_skin(canvas, head, look, rng)
    draw_beard(canvas, head, look, rng)
    draw_features(canvas, head, look, moment, rng)
    face = canvas.pixels * light_on_face(canvas, head, moment)
    face *= skin_texture(canvas.size_px, rng)
    canvas.pixels = scene
    canvas.fill(canvas.mask(head.outline), face)
    draw_front_hair(canvas, head, look, moment, rng)
    draw_glasses(canvas, head, look, rng)
    draw_occluder(canvas, head, look, moment, rng)
    return photograph(canvas.pixels, moment, rng), _visibility(canvas, fine)


def _visibility(canvas: Canvas, fine: Points) -> NDArray[np.uint8]:
    x, y = fine.astype(np.float32).T[:, None]
    cover = cv2.remap(canvas.hidden, x, y, cv2.INTER_LINEAR)[0]
    seen = np.where(cover > 0.5, Visibility.OCCLUDED, Visibility.VISIBLE)
    return np.asarray(seen, dtype=np.uint8)
