"""Pictures with something in front of the object: how a detector fares when it sees less.

The protocol of Yan 2020, ch. 4: a black ellipse of random size and place in each test picture, of
medium or large size.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datasets.dataset import LandmarkDataset
from datasets.errors import UnknownNameError
from datasets.files import named_errors
from datasets.images import Image, read_image, write_image
from datasets.progress import Progress, ignore_progress
from datasets.samples import Box
from datasets.shapes import Visibility

# Axes from end to end, in parts of the longer side of the object's box. The thesis names the
# protocols and no sizes; these are ours.
PROTOCOLS = {"medium": (0.25, 0.5), "large": (0.5, 0.75)}
IMAGES_FOLDER = "images"


@dataclass(frozen=True, slots=True)
class Ellipse:
    """A filled ellipse: centre and semi-axes in pixels, and the angle of the first axis to x."""

    centre: tuple[float, float]
    semi_axes: tuple[float, float]
    angle_rad: float

    def holds(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether positions (..., 2) lie within; NaN does not."""
        cos, sin = np.cos(self.angle_rad), np.sin(self.angle_rad)
        along = (points - np.array(self.centre)) @ np.array([[cos, -sin], [sin, cos]])
        return np.asarray(((along / np.array(self.semi_axes)) ** 2).sum(axis=-1) <= 1)


def draw_ellipse(box: Box, protocol: str, rng: np.random.Generator) -> Ellipse:
    """An ellipse of random size and angle whose centre is anywhere in a box.

    Raises
    ------
    UnknownNameError
        If there is no such protocol.
    """
    least, most = _axes_of(protocol)
    x_min, y_min, x_max, y_max = box
    centre = rng.uniform((x_min, y_min), (x_max, y_max))
    side = max(x_max - x_min, y_max - y_min)
    axes = side * rng.uniform(least, most, 2) / 2
    return Ellipse(tuple(centre.tolist()), tuple(axes.tolist()), float(rng.uniform(0, np.pi)))


def occlude(
    dataset: LandmarkDataset,
    folder: str | Path,
    protocol: str,
    rng: np.random.Generator,
    *,
    on_progress: Progress = ignore_progress,
) -> LandmarkDataset:
    """Put a black ellipse in front of every object, and write pictures and shapes to a folder.

    Its box is that of its landmarks, else the one in the table, else the picture. In a picture of
    several objects all ellipses are in front of all of them.

    Parameters
    ----------
    dataset
        Pictures; landmarks may be absent.
    folder
        Becomes a data set's folder, with the pictures in `IMAGES_FOLDER`.
    protocol
        A name of `PROTOCOLS`.
    rng
        Draws the ellipses, in the order of the rows.
    on_progress
        Called with pictures done.

    Returns
    -------
    LandmarkDataset
        What was written: the same landmarks in the same places; those behind an ellipse are
        marked as occluded.

    Raises
    ------
    UnknownNameError
        If there is no such protocol.
    FileFormatError
        If a picture is missing or broken, or nothing can be written.
    """
    _axes_of(protocol)  # before anything is written
    images = Path(folder) / IMAGES_FOLDER
    samples, visibility = dataset.samples.copy(), dataset.shapes.visibility.copy()
    pictures = list(samples.groupby("image", sort=False, dropna=False).indices.values())
    paths = [dataset.image_path(int(rows[0])) for rows in pictures]
    with named_errors(images, "written"):
        images.mkdir(parents=True, exist_ok=True)
    for number, (path, rows) in enumerate(zip(paths, pictures, strict=True)):
        image = read_image(path)
        boxes = [_box(dataset, int(row), image) for row in rows]
        ellipses = [draw_ellipse(box, protocol, rng) for box in boxes]
        name = f"{number:05}-{path.stem}.png"
        write_image(images / name, _covered(image, ellipses))
        samples.loc[rows, "image"] = name
        points = dataset.shapes.points[rows][..., :2]
        hidden = np.any([ellipse.holds(points) for ellipse in ellipses], axis=0)
        visibility[rows] = np.where(
            hidden, np.minimum(visibility[rows], Visibility.OCCLUDED), visibility[rows]
        )
        on_progress(number + 1, len(pictures))
    shapes = replace(dataset.shapes, visibility=visibility)
    occluded = replace(dataset, shapes=shapes, samples=samples, root=images)
    occluded.save(folder)
    return occluded


def _axes_of(protocol: str) -> tuple[float, float]:
    if protocol not in PROTOCOLS:
        known = ", ".join(PROTOCOLS)
        raise UnknownNameError(f"there is no protocol {protocol!r} of occlusion; known are {known}")
    return PROTOCOLS[protocol]


def _box(dataset: LandmarkDataset, row: int, image: Image) -> Box:
    """Where the object is: the box of its landmarks, else the table's, else the picture."""
    points = dataset.shapes.points[row][dataset.shapes.present[row]][:, :2]
    if len(points) and np.ptp(points, axis=0).all():
        (x_min, y_min), (x_max, y_max) = points.min(axis=0), points.max(axis=0)
        return float(x_min), float(y_min), float(x_max), float(y_max)
    return dataset.box(row) or (-0.5, -0.5, image.shape[1] - 0.5, image.shape[0] - 0.5)


def _covered(image: Image, ellipses: Sequence[Ellipse]) -> Image:
    """The picture with these ellipses in black: every pixel whose centre lies in one."""
    covered = image.copy()
    for ellipse in ellipses:
        centre, reach = np.array(ellipse.centre), max(ellipse.semi_axes)
        x_min, y_min = np.maximum(np.floor(centre - reach), 0).astype(int)
        x_max, y_max = np.maximum(np.ceil(centre + reach) + 1, 0).astype(int)
        part = covered[y_min:y_max, x_min:x_max]
        y, x = np.indices(part.shape[:2])
        part[ellipse.holds(np.stack([x + x_min, y + y_min], axis=-1))] = 0
    return covered
