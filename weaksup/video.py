"""Videos: their frames one after the other, and the landmarks in them."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError, ShapeMismatchError
from datasets.images import Frame, Image, cut, frame_of, require_in_picture
from datasets.io.samples import unique_ids
from datasets.progress import Progress, ignore_progress
from datasets.samples import BOX_COLUMNS, Box, sample_table
from weaksup.config import TrainingConfig
from weaksup.inference import Finder
from weaksup.run_folder import RunFolder

VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm"})

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # our errors say what its lines would

BoxesOf = Callable[[str, Image], Sequence[Box | None]]
"""The boxes in a frame, by its name and its pixels; None is the whole frame."""


def whole_frame(_name: str, _image: Image) -> Sequence[Box | None]:
    """The frame itself is the only box: the default."""
    return (None,)


@dataclass(frozen=True, slots=True)
class Watched:
    """What was found in a video.

    Parameters
    ----------
    dataset
        A shape for every box, named by the frame: ``clip.mp4#000123``, frames counted from 0.
        It has no pictures: frames are not written.
    frames
        How many frames were looked at.
    without
        Names of those in which there was no box.
    unread
        How many frames the video says it has, but could not be read.
    """

    dataset: LandmarkDataset
    frames: int
    without: tuple[str, ...]
    unread: int


class Video:
    """A video file that is read from its beginning.

    Raises
    ------
    FileFormatError
        If it is missing, or OpenCV cannot read it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FileFormatError(self.path, None, "there is no such video")
        self._capture = cv2.VideoCapture(str(self.path))
        if not self._capture.isOpened():
            raise FileFormatError(self.path, None, "not a video that can be read")
        self.told = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        self.passed = 0

    def frames(self, every: int = 1) -> Iterator[tuple[str, Image]]:
        """Names and pixels of every `every`-th frame, the first one first.

        Raises
        ------
        FileFormatError
            If there is no frame.
        """
        while self._capture.grab():
            if self.passed % every == 0:
                whole, image = self._capture.retrieve()
                if not whole:
                    break
                name = f"{self.path.name}#{self.passed:06d}"
                yield name, np.ascontiguousarray(image[:, :, ::-1])
            self.passed += 1
        if self.passed == 0:
            raise FileFormatError(self.path, None, "there is no frame in it that can be read")


def infer_video(
    run: RunFolder | str | Path,
    path: str | Path,
    *,
    every: int = 1,
    boxes_of: BoxesOf = whole_frame,
    on_progress: Progress = ignore_progress,
) -> Watched:
    """The network's landmarks in the frames of a video; memory does not grow with its length.

    Parameters
    ----------
    run
        A run with a checkpoint.
    path
        Of the video.
    every
        Look at every so many frames.
    boxes_of
        Tells the boxes in a frame.
    on_progress
        Called with frames done.

    Raises
    ------
    TrainingError
        If the run cannot be used.
    FileFormatError
        If the video cannot be read.
    ShapeMismatchError
        If there is no box in any frame.
    """
    finder, video = Finder.of(run), Video(path)
    watch = _Watch(video, every, boxes_of, on_progress)
    points = finder.find(watch.cuts(finder.config))
    if len(points) == 0:
        raise ShapeMismatchError(f"{video.path}: there is no box in any of {watch.frames} frames")
    dataset = LandmarkDataset(finder.shapes(points), watch.samples(), inferred=True)
    unread = max(0, video.told - video.passed)
    return Watched(dataset, watch.frames, tuple(watch.without), unread)


class _Watch:
    """Goes through a video and remembers what was in it."""

    def __init__(self, video: Video, every: int, boxes_of: BoxesOf, on_progress: Progress) -> None:
        self._video, self._every = video, every
        self._boxes_of, self._on_progress = boxes_of, on_progress
        self._names: list[str] = []
        self._boxes: list[Box] = []
        self._size_px: tuple[int, ...] = (0, 0)
        self.without: list[str] = []
        self.frames = 0

    def cuts(self, config: TrainingConfig) -> Iterator[tuple[Image, Frame]]:
        """Crop and frame of every box."""
        total = -(-self._video.told // self._every) or None
        for name, image in self._video.frames(self._every):
            self._size_px = image.shape[:2]
            boxes = self._boxes_of(name, image)
            for box in boxes:
                frame = _frame_in(name, box, image, config)
                yield cut(image, frame, config.image_size_px), frame
                self._names.append(name)
                self._boxes.append(box or (np.nan,) * 4)
            if not boxes:
                self.without.append(name)
            self.frames += 1
            self._on_progress(self.frames, total)

    def samples(self) -> pd.DataFrame:
        """The table of the shapes that were found."""
        H, W = self._size_px
        edges = dict(zip(BOX_COLUMNS, zip(*self._boxes, strict=True), strict=True))
        N = len(self._names)
        return sample_table(unique_ids(self._names), height_px=[H] * N, width_px=[W] * N, **edges)


def _frame_in(name: str, box: Box | None, image: Image, config: TrainingConfig) -> Frame:
    H, W = image.shape[:2]
    try:
        require_in_picture(box, H, W)
        return frame_of(box, H, W, 1.0 if box is None else config.margin)
    except ShapeMismatchError as error:
        raise ShapeMismatchError(f"{name}: {error}") from error
