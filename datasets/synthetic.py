"""The embedded demo: faces drawn by us, with 68 landmarks that are exact.

Shapes come from a statistical model of real faces, so their landmarks correlate as real ones do;
looks, light, background and camera are drawn at random. A picture depends on the seed, its
subject and its number within the subject alone: a longer demo begins with the shorter one.
"""

import math
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datasets.dataset import LandmarkDataset
from datasets.demo_faces.drawing import draw_picture
from datasets.demo_faces.look import Look, draw_look, draw_moment
from datasets.demo_faces.shapes import Points, draw_identity, draw_shape, placed
from datasets.errors import FewmarkError, ShapeMismatchError
from datasets.files import is_empty, named_errors, replacing_folder
from datasets.formats import landmark_format
from datasets.images import Image, write_image
from datasets.progress import Progress, ignore_progress
from datasets.samples import sample_table
from datasets.shapes import ShapeSet

FORMAT = "300w-68"
_IMAGES = "images"
_LEAST_SIZE_PX = 32
_MOST_SIZE_PX = 2048
_OF_SUBJECT, _OF_PICTURE = 0, 1  # streams of random numbers


class DemoError(FewmarkError, ValueError):
    """A demo cannot be made as asked."""


@dataclass(frozen=True, slots=True, eq=False)
class DemoFace:
    """One picture of the demo.

    Parameters
    ----------
    image
        uint8 (size_px, size_px, 3), red green blue.
    points
        float64 (68, 2) in pixels of the picture.
    visibility
        uint8 (68,): 1 where something was painted over the landmark, else 2.
    """

    image: Image
    points: Points
    visibility: NDArray[np.uint8]


def make_demo(  # noqa: PLR0913, PLR0917 - a demo's every choice has a default
    folder: str | Path,
    n_images: int = 400,
    size_px: int = 128,
    seed: int = 0,
    valid_share: float = 0.25,
    images_per_subject: int = 5,
    on_progress: Progress | None = None,
) -> LandmarkDataset:
    """Draw faces into a new folder: JPEG pictures and the data set that describes them.

    Parameters
    ----------
    folder
        Must not exist or be empty; gets ``images/``, ``shapes.parquet`` and ``dataset.toml``.
    n_images
        How many pictures.
    size_px
        Their height and width, 32 to 2048.
    seed
        Not negative; equal seeds give equal files.
    valid_share
        Share of the subjects in split ``"valid"``, in [0, 1); the others are ``"train"``.
    images_per_subject
        How many pictures show the same person.
    on_progress
        Called after every picture.

    Raises
    ------
    DemoError
        If the folder has something in it, or a number is out of range.
    """
    folder = Path(folder)
    _require_numbers(n_images, size_px, seed, images_per_subject)
    if not 0 <= valid_share < 1:
        raise DemoError(f"the share of subjects to validate on lies in [0, 1), got {valid_share}")
    with named_errors(folder, "written"):
        if folder.exists() and not (folder.is_dir() and is_empty(folder)):
            problem = "expected a new or empty folder, but there is something already"
            raise DemoError(f"{folder}: {problem}")
        folder.mkdir(parents=True, exist_ok=True)
    on_progress = on_progress or ignore_progress
    faces = [divmod(row, images_per_subject) for row in range(n_images)]
    names = [f"s{subject:03d}-{number}" for subject, number in faces]
    images = [f"{_IMAGES}/{name}.jpg" for name in names]
    points, visibility = np.empty((n_images, 68, 2)), np.empty((n_images, 68), dtype=np.uint8)
    split = ["valid" if _validates(subject, valid_share) else "train" for subject, _ in faces]
    subjects, sizes = [name.split("-")[0] for name in names], [size_px] * n_images
    samples = sample_table(
        names, images, height_px=sizes, width_px=sizes, split=split, subject=subjects
    )
    with replacing_folder(folder / _IMAGES) as pictures:
        for row, (subject, number) in enumerate(faces):
            face = demo_face(subject, number, size_px=size_px, seed=seed)
            write_image(pictures / f"{names[row]}.jpg", face.image)
            points[row], visibility[row] = face.points, face.visibility
            on_progress(row + 1, n_images)
    shapes = ShapeSet(landmark_format(FORMAT), points, visibility)
    dataset = LandmarkDataset(shapes, samples, folder)
    try:
        dataset.save(folder)  # last: whoever finds a data set finds its pictures
    except BaseException:
        shutil.rmtree(folder / _IMAGES)
        raise
    return dataset


def sample_faces(
    n_images: int, size_px: int = 128, seed: int = 0, images_per_subject: int = 5
) -> ShapeSet:
    """The shapes that `make_demo` draws, without drawing: all landmarks count as visible.

    Raises
    ------
    DemoError
        If a number is out of range.

    Examples
    --------
    >>> sample_faces(2).points.shape
    (2, 68, 2)
    """
    _require_numbers(n_images, size_px, seed, images_per_subject)
    shapes = []
    for row in range(n_images):
        subject, number = divmod(row, images_per_subject)
        identity = draw_identity(_stream(seed, subject, _OF_SUBJECT))
        rng = _stream(seed, subject, _OF_PICTURE, number)
        shapes.append(placed(draw_shape(identity, rng), size_px, rng))
    return ShapeSet.from_points(shapes, landmark_format(FORMAT))


def demo_face(subject: int, number: int, *, size_px: int = 128, seed: int = 0) -> DemoFace:
    """One picture of one subject, as `make_demo` draws it (before JPEG compression)."""
    person = _stream(seed, subject, _OF_SUBJECT)
    identity, look = draw_identity(person), draw_look(person)
    rng = _stream(seed, subject, _OF_PICTURE, number)
    points = placed(draw_shape(identity, rng), size_px, rng)
    image, visibility = draw_picture(points, look, draw_moment(rng), size_px, rng)
    return DemoFace(image, points, visibility)


def draw_face(
    points: Points, rng: np.random.Generator, *, look: Look | None = None, size_px: int = 128
) -> Image:
    """Picture uint8 (size_px, size_px, 3) of a face with these landmarks.

    Parameters
    ----------
    points
        float64 (68, 2) in pixels of the picture, in the order of ``300w-68``.
    rng
        Decides light, background and camera, and the look where it is left out.
    look
        Skin, hair and the like.
    size_px
        Height and width.

    Raises
    ------
    ShapeMismatchError
        If there are not 68 finite points.
    """
    if points.shape != (68, 2) or not np.isfinite(points).all():
        raise ShapeMismatchError(f"a face needs 68 finite points (68, 2), got {points.shape}")
    if look is None:
        look = draw_look(rng)
    return draw_picture(points, look, draw_moment(rng), size_px, rng)[0]


def _stream(*key: int) -> np.random.Generator:
    return np.random.default_rng(key)


def _validates(subject: int, share: float) -> bool:
    """Spread the subjects of the split evenly: the first is never in it, the second always."""
    phase = max(1 - 2 * share, 0.0) + 1e-9  # against rounding just below a whole number
    return math.floor((subject + 1) * share + phase) > math.floor(subject * share + phase)


def _require_numbers(n_images: int, size_px: int, seed: int, images_per_subject: int) -> None:
    ranges: dict[str, tuple[int, int, float]] = {
        "number of images": (n_images, 1, 1_000_000),
        "size in pixels": (size_px, _LEAST_SIZE_PX, _MOST_SIZE_PX),
        "seed": (seed, 0, math.inf),
        "number of images per subject": (images_per_subject, 1, math.inf),
    }
    for name, (value, least, most) in ranges.items():
        if value < least:
            raise DemoError(f"the {name} must be at least {least}, got {value}")
        if value > most:
            raise DemoError(f"the {name} must be at most {most}, got {value}")
