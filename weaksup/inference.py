"""Use of a trained network: the dense landmarks of pictures."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from datasets.dataset import LandmarkDataset
from datasets.errors import TrainingError
from datasets.formats import SparseFormat
from datasets.images import Frame, Image, cut, read_image
from datasets.progress import Progress, ignore_progress
from datasets.shapes import ShapeSet
from weaksup.checkpoints import read_checkpoint
from weaksup.config import TrainingConfig
from weaksup.devices import choose_device, cpu_threads
from weaksup.network import TwoBranchResNet
from weaksup.run_folder import RunFolder
from weaksup.samples import frame_of_row
from weaksup.start import Start
from weaksup.validation import predict_crops

logger = logging.getLogger(__name__)

_AT_ONCE = 256  # crops in memory


def load_network(run: RunFolder) -> TwoBranchResNet:
    """The network of a run as its last checkpoint has it, in `eval`.

    Raises
    ------
    TrainingError
        If the run has no checkpoint yet, or its files do not fit together.
    """
    saved, config, sparse = read_checkpoint(run), run.config, run.sparse
    for name, value in saved.get("learnt_with", {}).items():  # runs of before do not tell
        if getattr(config, name) != value:
            found = f"config.toml says {name} = {getattr(config, name)}"
            raise TrainingError(f"{run.path}: {found}, but the network learnt with {value}")
    if saved["stage"] < len(config.stages):
        done = f"{saved['epochs_done']} of {config.epochs} epochs"
        logger.warning("%s is not finished: its network has learnt for %s", run.path, done)
    # Places are loaded below; only the number of landmarks matters here.
    network = TwoBranchResNet(sparse.chosen, torch.zeros(len(sparse.dense), 2), config.width)
    try:
        network.load_state_dict(saved["learner"]["network"])
    except (RuntimeError, LookupError, TypeError) as error:
        problem = f"{run.path}: the checkpoint does not fit config.toml and sparse.toml"
        raise TrainingError(problem) from error
    return network.eval()


def read_start(run: RunFolder | str | Path) -> Start:
    """The network of a run, for another one to begin with.

    Raises
    ------
    TrainingError
        If there is no run or it has no network yet.
    FileFormatError
        If a file of it is broken.
    """
    folder = run if isinstance(run, RunFolder) else RunFolder(run)
    weights = load_network(folder.require()).state_dict()
    return Start(folder.sparse, folder.config.width, weights)


def infer(
    run: RunFolder | str | Path,
    dataset: LandmarkDataset,
    *,
    on_progress: Progress = ignore_progress,
) -> LandmarkDataset:
    """The network's landmarks for every picture of a data set.

    Parameters
    ----------
    run
        A run with a checkpoint.
    dataset
        Pictures and boxes; its landmarks are not looked at, and its format may be another one.
    on_progress
        Called with shapes done.

    Returns
    -------
    LandmarkDataset
        The same samples with all M landmarks of the run's dense format, in pixels of the pictures.

    Raises
    ------
    TrainingError
        If the run cannot be used.
    FileFormatError
        If a picture is missing or broken.
    """
    finder = Finder.of(run)
    points = finder.find(_cuts(dataset, finder.config, on_progress))
    return replace(dataset, shapes=finder.shapes(points), inferred=True)


@dataclass(frozen=True, slots=True)
class Finder:
    """A trained network, and what it was told.

    Parameters
    ----------
    network
        In `eval`.
    config, sparse
        Of its run.
    """

    network: TwoBranchResNet
    config: TrainingConfig
    sparse: SparseFormat

    @classmethod
    def of(cls, run: RunFolder | str | Path) -> Self:
        """The network of a run, on the fastest device of this machine.

        Raises
        ------
        TrainingError
            If the run cannot be used.
        """
        folder = (run if isinstance(run, RunFolder) else RunFolder(run)).require()
        network = load_network(folder).to(choose_device("auto", "32-true"))
        return cls(network, folder.config, folder.sparse)

    def find(self, cuts: Iterable[tuple[Image, Frame]]) -> NDArray[np.float64]:
        """Landmarks (N, M, 2) in pixels of the pictures, from crops and where they were cut.

        Only a few hundred crops are in memory at a time.
        """
        parts, rest = [np.empty((0, len(self.sparse.dense), 2))], iter(cuts)
        with cpu_threads(self.config.cpu_threads):
            while part := list(islice(rest, _AT_ONCE)):
                crops = np.stack([crop.transpose(2, 0, 1) for crop, _ in part])
                units = predict_crops(self.network, torch.from_numpy(crops))
                frames = (frame for _, frame in part)
                placed = [frame.from_unit(one) for frame, one in zip(frames, units, strict=True)]
                parts.append(np.stack(placed))
        return np.concatenate(parts)

    def shapes(self, points: NDArray[np.float64]) -> ShapeSet:
        """Points (N, M, 2) as shapes of the run's dense format."""
        return ShapeSet.from_points(points, self.sparse.dense)


def _cuts(
    dataset: LandmarkDataset, config: TrainingConfig, on_progress: Progress
) -> Iterator[tuple[Image, Frame]]:
    """Crop and frame of every row; rows of one picture that follow each other read it once."""
    before: Path | None = None
    for row in range(len(dataset)):
        path = dataset.image_path(row)
        if path != before:
            image, before = read_image(path), path
        frame = frame_of_row(dataset, row, image.shape, config.margin)
        yield cut(image, frame, config.image_size_px), frame
        on_progress(row + 1, len(dataset))
