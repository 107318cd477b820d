"""Crops and landmarks in memory: pictures are read and cut once, before training begins."""

import math
import os
import tempfile
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datasets.dataset import VALID, LandmarkDataset
from datasets.errors import FileFormatError, ShapeMismatchError, TrainingError
from datasets.files import named_errors
from datasets.formats import LandmarkFormat, SparseFormat
from datasets.images import Frame, cut, frame_of, read_image, require_in_picture
from datasets.progress import Progress, ignore_progress
from weaksup.config import TrainingConfig
from weaksup.parts import MAIN, SECONDARY
from weaksup.stage import Stage
from weaksup.start import Start

_FEWEST_TO_SPLIT = 4  # two to learn from, two to hold out
_BORDER_SHARE = 0.125  # of the crop, on each side: what augmentation may bring into view

_IN_MEMORY = 2**31  # bytes of crops; more lie in a temporary file, mapped


@dataclass(frozen=True, slots=True)
class Crops:
    """N square crops and the landmarks in them.

    Parameters
    ----------
    images
        uint8 (N, 3, S, S), S = `size_px` + 2 * `border_px`.
    points
        float32 (N, M, 2) in [-1, 1] across the frame, that is without the border; NaN is absent.
    frames
        N frames.
    border_px
        Pixels around the frame on each side.
    mirror
        That of the landmark format; None where it has none (`mirror_of`).
    """

    images: Tensor
    points: Tensor
    frames: tuple[Frame, ...]
    border_px: int
    mirror: tuple[int, ...] | None

    def mean_shape(self, rows: NDArray[np.int64]) -> Tensor:
        """Mean place of each landmark over these rows, float32 (M, 2).

        Without rows it is taken over all crops; a landmark that none has is at the centre.
        """
        points = self.points[torch.from_numpy(rows)] if len(rows) else self.points
        return points.double().nanmean(dim=0).nan_to_num().float()

    def take(self, rows: NDArray[np.int64], counted: NDArray[np.bool_]) -> "Crops":
        """The crops of some rows, with the landmarks that are true in `counted`, (rows, M)."""
        points = self.points[torch.from_numpy(rows)]
        points[~torch.from_numpy(counted)] = torch.nan
        frames = tuple(self.frames[row] for row in rows)
        images = self.images[torch.from_numpy(rows)]
        return Crops(images, points, frames, self.border_px, self.mirror)


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What a run learns from and is measured on.

    Parameters
    ----------
    images
        Data set in the dense format; rows with all M landmarks are dense, any other is sparse.
    sparse
        The m landmarks of the main branch.
    valid
        Data set that errors are measured on while training, or None.
    start
        The network to begin with; None for first weights by chance.
    crops
        Those of the images, where they were cut before, with a border and as the config says.

    Raises
    ------
    TrainingError
        If the formats differ or are not of two dimensions, or a data set is empty.
    """

    images: LandmarkDataset
    sparse: SparseFormat
    valid: LandmarkDataset | None = None
    start: Start | None = None
    crops: Crops | None = None

    def __post_init__(self) -> None:
        """Check that everything speaks of the same landmarks."""
        for name, dataset in (("training", self.images), ("validation", self.valid)):
            if dataset is None:
                continue
            if dataset.format.landmarks != self.sparse.dense.landmarks:
                problem = f"the {name} data are {dataset.format.name}, "
                raise TrainingError(
                    f"{problem}but the sparse format is one of {self.sparse.dense.name}"
                )
            if dataset.shapes.points.shape[2] != 2:
                raise TrainingError(f"the {name} data are not of two dimensions")
            if len(dataset) == 0:
                raise TrainingError(f"the {name} data are empty")

    def require_pictures(self) -> None:
        """Look whether every picture is there, without reading it.

        Raises
        ------
        FileFormatError
            If one is missing.
        ShapeMismatchError
            If a row has none.
        """
        for dataset in (self.images, *([] if self.valid is None else [self.valid])):
            for row in range(len(dataset)):
                path = dataset.image_path(row)
                if not path.is_file():
                    raise FileFormatError(path, None, "there is no such picture")

    def dense_rows(self) -> NDArray[np.int64]:
        """Rows of the training data that have all M landmarks."""
        return np.flatnonzero(self.images.shapes.complete)

    def held_out(self, stage: Stage, seed: int) -> NDArray[np.int64]:
        """Rows with all M landmarks that a stage does not learn from: whole subjects, two at least.

        Raises
        ------
        TrainingError
            If there are too few.
        """
        rows = self.dense_rows()
        if stage.hold_out == 0:
            return rows[:0]
        if len(rows) < _FEWEST_TO_SPLIT:
            problem = f"stage {stage.name!r} holds images with all {len(self.sparse.dense)} "
            need = f"landmarks out: it needs at least {_FEWEST_TO_SPLIT}, found {len(rows)}"
            raise TrainingError(problem + need)
        share = max(stage.hold_out, 2 / len(rows))
        try:
            split = self.images.take(rows).held_out(share, np.random.default_rng(seed)).samples
        except ShapeMismatchError as error:
            raise TrainingError(f"stage {stage.name!r}: {error}") from error
        return rows[(split["split"] == VALID).to_numpy()]

    def counted(self, stage: Stage) -> NDArray[np.bool_]:
        """Bool (N, M): the landmarks that count in the loss of a stage, image by image."""
        counts = self.images.shapes.present.copy()
        if stage.images == "dense":
            counts &= self.images.shapes.complete[:, np.newaxis]
        if MAIN not in stage.loss_on:
            counts[:, list(self.sparse.chosen)] = False
        if SECONDARY not in stage.loss_on:
            counts[:, list(self.sparse.rest)] = False
        return counts


def mirror_of(known: LandmarkFormat) -> tuple[int, ...] | None:
    """Which landmark each becomes in the mirrored picture; None where the format does not tell.

    A format in which each stays itself is one that does not tell: so are formats without names.
    """
    return None if known.mirror == tuple(range(len(known))) else known.mirror


def frame_of_row(
    dataset: LandmarkDataset, row: int, size_px: tuple[int, ...], margin: float
) -> Frame:
    """The square that the network sees: `margin` times the box; without a box, the picture.

    `size_px` is the picture's (H, W), or more dimensions after those.

    Raises
    ------
    ShapeMismatchError
        If the box is none, or lies outside the picture.
    """
    box = dataset.box(row)
    try:
        if size_px[0] and size_px[1]:  # 0 where the size is not known
            require_in_picture(box, size_px[0], size_px[1])
        return frame_of(box, size_px[0], size_px[1], 1.0 if box is None else margin)
    except ShapeMismatchError as error:
        raise ShapeMismatchError(f"{dataset.samples['shape_id'].iloc[row]}: {error}") from error


def cut_crops(
    dataset: LandmarkDataset,
    config: TrainingConfig,
    *,
    border: bool = False,
    on_progress: Progress = ignore_progress,
) -> Crops:
    """Read every picture and cut its crop, with room for augmentation around if `border`.

    Raises
    ------
    FileFormatError
        If a picture is missing or broken.
        Or if there is no room for the crops.
    ShapeMismatchError
        If a row has no picture.
    """
    size = config.image_size_px
    border_px = round(_BORDER_SHARE * size) if border else 0
    whole = size + 2 * border_px
    images = _room((len(dataset), 3, whole, whole))
    points = np.empty((*dataset.shapes.points.shape[:2], 2), dtype=np.float32)
    frames = []
    for row in range(len(dataset)):
        image = read_image(dataset.image_path(row))
        frame = frame_of_row(dataset, row, image.shape, config.margin)
        images[row] = cut(image, _widened(frame, whole / size), whole).transpose(2, 0, 1)
        points[row] = frame.to_unit(dataset.shapes.points[row, :, :2])
        frames.append(frame)
        on_progress(row + 1, len(dataset))
    return Crops(
        torch.from_numpy(images),
        torch.from_numpy(points),
        tuple(frames),
        border_px,
        mirror_of(dataset.format),
    )


def _room(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Bytes to write to: in memory, or in a temporary file that goes when they go."""
    count = math.prod(shape)
    if count <= _IN_MEMORY:
        return np.empty(shape, dtype=np.uint8)
    with (
        named_errors(tempfile.gettempdir(), "written"),
        tempfile.TemporaryFile(prefix="fewmark-crops-") as file,
    ):
        if hasattr(os, "posix_fallocate"):  # else a full disk would kill the process later
            os.posix_fallocate(file.fileno(), 0, count)
        return np.memmap(file, dtype=np.uint8, mode="w+", shape=shape)


def _widened(frame: Frame, factor: float) -> Frame:
    more = (factor - 1) * frame.side / 2
    return Frame(frame.x_min - more, frame.y_min - more, factor * frame.side)
