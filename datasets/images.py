"""Pictures: reading them, and cutting square crops in which landmarks keep their exact place."""

import math
import os
import struct
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.errors import FileFormatError, ShapeMismatchError
from datasets.files import files_below, named_errors, note_hidden
from datasets.samples import Box

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})

Image = NDArray[np.uint8]

_TOO_LARGE = "CV_IO_MAX_IMAGE_PIXELS"  # stands in OpenCV's error
_NO_MEMORY = -4
_PNG = b"\x89PNG\r\n\x1a\n"

_LARGEST_SIDE_PX = 16_384  # of a square that is cut out; it is sampled pixel by pixel


def read_image(path: str | Path) -> Image:
    """Read a picture as uint8 (H, W, 3), red green blue, turned as its EXIF orientation says.

    Greyscale becomes three equal channels; 16 bits become 8.

    Raises
    ------
    FileFormatError
        If the file is missing, not a picture, or one of more pixels than are unpacked
        (``OPENCV_IO_MAX_IMAGE_PIXELS``, see `datasets`).
    """
    path = Path(path)
    if not path.is_file():
        raise FileFormatError(path, None, "there is no such picture")
    with named_errors(path, "read"):
        data = np.fromfile(path, dtype=np.uint8)
    _require_few_pixels(path, data)
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error as error:
        raise FileFormatError(path, None, _why_not(error)) from error
    if image is None:
        raise FileFormatError(path, None, "not a picture that can be read")
    return np.ascontiguousarray(image[:, :, ::-1]).astype(np.uint8, copy=False)


def _require_few_pixels(path: Path, data: Image) -> None:
    """Refuse a PNG by its header: of all types it unpacks the most from the least.

    OpenCV refuses the others, but with our limit only where nobody loaded it before us.
    """
    if bytes(data[:8]) != _PNG or data.size < 24:
        return
    width, height = struct.unpack(">II", bytes(data[16:24]))
    if width * height > _most_pixels():
        raise FileFormatError(path, None, _too_large(f"{width:,} x {height:,}"))


def _why_not(error: cv2.error) -> str:
    """What OpenCV found wrong, in words."""
    if error.code == _NO_MEMORY:
        return "there is not enough memory to unpack this picture"
    return _too_large("more") if _TOO_LARGE in str(error) else "not a picture that can be read"


def _too_large(found: str) -> str:
    most = f"{_most_pixels():,}"
    return f"expected a picture of at most {most} pixels, found {found}; make it smaller"


def _most_pixels() -> int:
    return int(os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"])  # set in `datasets`


def write_image(path: str | Path, image: Image) -> None:
    """Write uint8 (H, W, 3), red green blue; the suffix names the type.

    Raises
    ------
    FileFormatError
        If the suffix names no type that can be written.
    """
    path = Path(path)
    jpeg = path.suffix.lower() in {".jpg", ".jpeg"}  # others warn of a quality
    quality = [cv2.IMWRITE_JPEG_QUALITY, 92] if jpeg else []
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        known = ", ".join(sorted(IMAGE_SUFFIXES))
        raise FileFormatError(path, None, f"expected one of {known}, got {path.suffix!r}")
    _, data = cv2.imencode(path.suffix, image[:, :, ::-1], quality)
    with named_errors(path, "written"):
        path.write_bytes(data.tobytes())  # unlike tofile, it says why it failed


def find_images(folder: str | Path) -> list[Path]:
    """Pictures in a folder and below it, by their suffix, in order; no hidden ones."""
    found, hidden = files_below(Path(folder), IMAGE_SUFFIXES)
    note_hidden(Path(folder), hidden)
    return found


@dataclass(frozen=True, slots=True)
class Frame:
    """A square of the picture that is cut out: its left and upper edges and its side in pixels."""

    x_min: float
    y_min: float
    side: float

    def to_unit(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Picture positions (..., 2) as positions in [-1, 1] across the square."""
        corner = np.array([self.x_min, self.y_min])
        return np.asarray(2.0 * (points - corner) / self.side - 1.0)

    def from_unit(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Inverse of `to_unit`."""
        corner = np.array([self.x_min, self.y_min])
        return np.asarray(corner + (points + 1.0) * self.side / 2.0)


def frame_of(box: Box | None, height_px: int, width_px: int, margin: float = 1.0) -> Frame:
    """The square around the centre of a box whose side is `margin` times the box's longer side.

    Without a box the whole picture is the box.

    Raises
    ------
    ShapeMismatchError
        If the box has no extent, or one that no picture has.
    """
    if box is None:
        box = (-0.5, -0.5, width_px - 0.5, height_px - 0.5)
    x_min, y_min, x_max, y_max = box
    side = margin * max(x_max - x_min, y_max - y_min)
    if not 0 < side <= _LARGEST_SIDE_PX:
        edges = ", ".join(f"{edge:g}" for edge in box)
        problem = f"expected a box of at most {_LARGEST_SIDE_PX} pixels, x and y growing"
        raise ShapeMismatchError(f"{problem}; got {edges}")
    return Frame((x_min + x_max - side) / 2, (y_min + y_max - side) / 2, side)


def require_in_picture(box: Box | None, height_px: int, width_px: int) -> None:
    """Refuse a box that has nothing of the picture in it.

    Raises
    ------
    ShapeMismatchError
        If it lies outside.
    """
    if box is None:
        return
    x_min, y_min, x_max, y_max = box
    across = x_min < width_px - 0.5 and x_max > -0.5
    if not (across and y_min < height_px - 0.5 and y_max > -0.5):
        edges = ", ".join(f"{edge:g}" for edge in box)
        problem = f"its box ({edges}) lies outside the picture of {width_px} x {height_px} pixels"
        raise ShapeMismatchError(problem)


def cut(image: Image, frame: Frame, size_px: int) -> Image:
    """Cut a square out of a picture as uint8 (size_px, size_px, 3); black where outside.

    A position ``u`` of [-1, 1] across the frame lies at ``(u + 1) / 2 * size_px - 0.5``.
    """
    factor = max(1, math.ceil(frame.side / size_px))  # sampled finer, then averaged: no aliasing
    fine = size_px * factor
    step = frame.side / fine
    offset = np.array([frame.x_min, frame.y_min]) + step / 2
    matrix = np.array([[step, 0.0, offset[0]], [0.0, step, offset[1]]])
    crop = cv2.warpAffine(
        image, matrix, (fine, fine), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    if factor > 1:
        crop = cv2.resize(crop, (size_px, size_px), interpolation=cv2.INTER_AREA)
    return np.asarray(crop, dtype=np.uint8)
