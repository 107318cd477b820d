"""Use of a trained network: the dense landmarks of pictures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from datasets.dataset import LandmarkDataset
from datasets.errors import TrainingError
from datasets.progress import Progress, ignore_progress
from datasets.shapes import ShapeSet
from weaksup.checkpoints import read_checkpoint
from weaksup.config import TrainingConfig
from weaksup.devices import cpu_threads
from weaksup.network import TwoBranchResNet
from weaksup.run_folder import RunFolder
from weaksup.samples import cut_crops
from weaksup.validation import predict_crops

_AT_ONCE = 256  # pictures in memory


def load_network(run: RunFolder) -> TwoBranchResNet:
    """The network of a run as its last checkpoint has it, in `eval`.

    Raises
    ------
    TrainingError
        If the run has no checkpoint yet, or its files do not fit together.
    """
    saved = read_checkpoint(run)
    sparse, width = run.sparse, run.config.width
    # Places are loaded below; only the number of landmarks matters here.
    network = TwoBranchResNet(sparse.chosen, torch.zeros(len(sparse.dense), 2), width)
    try:
        network.load_state_dict(saved["learner"]["network"])
    except (RuntimeError, LookupError, TypeError) as error:
        problem = f"{run.path}: the checkpoint does not fit config.toml and sparse.toml"
        raise TrainingError(problem) from error
    return network.eval()


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
        Called with pictures done.

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
    folder = run if isinstance(run, RunFolder) else RunFolder(run)
    config, network = folder.require().config, load_network(folder)
    points = np.empty((len(dataset), len(folder.sparse.dense), 2))
    with cpu_threads(config.cpu_threads):
        for start in range(0, len(dataset), _AT_ONCE):
            rows = np.arange(start, min(start + _AT_ONCE, len(dataset)))
            points[rows] = _infer_part(network, dataset.take(rows), config)
            on_progress(int(rows[-1]) + 1, len(dataset))
    shapes = ShapeSet.from_points(points, folder.sparse.dense)
    return replace(dataset, shapes=shapes, inferred=True)


def _infer_part(
    network: TwoBranchResNet, dataset: LandmarkDataset, config: TrainingConfig
) -> NDArray[np.float64]:
    crops = cut_crops(dataset, config)
    units = predict_crops(network, crops.images)
    placed = [frame.from_unit(unit) for frame, unit in zip(crops.frames, units, strict=True)]
    return np.stack(placed)
