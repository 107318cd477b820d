"""Errors and affinities on the validation images while training."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from correlation.detectors import affinity_of
from correlation.matrix import AffinityMatrix
from datasets.dataset import LandmarkDataset
from datasets.errors import ShapeMismatchError, TrainingError
from datasets.formats import SparseFormat
from datasets.metrics import nme, span_lengths
from datasets.shapes import ShapeSet
from weaksup.augmentation import normalise
from weaksup.config import TrainingConfig
from weaksup.network import TwoBranchResNet
from weaksup.samples import cut_crops

ALIGNMENT = "centroid-rms"
"""Of the affinities that are kept."""

_BATCH = 128


def predict_crops(network: TwoBranchResNet, images: Tensor) -> NDArray[np.float64]:
    """Landmarks (N, M, 2) in [-1, 1] of crops, uint8 (N, 3, S, S); the network is in `eval`."""
    device = network.order.device
    with torch.inference_mode():
        parts = [
            network(normalise(part.to(device)).contiguous(memory_format=torch.channels_last))
            for part in torch.split(images, _BATCH)
        ]
    return torch.cat(parts).cpu().double().numpy()


class Validation:
    """Validation images, cut once.

    Raises
    ------
    TrainingError
        If errors cannot be measured on them.
    """

    def __init__(
        self, dataset: LandmarkDataset, sparse: SparseFormat, config: TrainingConfig
    ) -> None:
        try:
            spans = span_lengths(dataset.shapes)
        except ShapeMismatchError as error:
            raise TrainingError(f"cannot measure on the validation data: {error}") from error
        self._crops = cut_crops(dataset, config)
        sides = np.array([frame.side for frame in self._crops.frames])
        self._truth = self._crops.points.double().numpy()
        self._scale = (sides / 2 / spans)[:, np.newaxis]  # from half a frame to spans
        self._sparse = sparse

    def predict(self, network: TwoBranchResNet) -> NDArray[np.float64]:
        """Landmarks (N, M, 2) of every image in [-1, 1] across its crop."""
        return predict_crops(network, self._crops.images)

    def errors(self, predicted: NDArray[np.float64]) -> NDArray[np.float64]:
        """Errors (N, M) in parts of the span; a shape (M, 2) stands for one in every image."""
        distances = np.linalg.norm(predicted - self._truth, axis=2)
        return np.asarray(distances * self._scale)

    def nme(self, predicted: NDArray[np.float64]) -> tuple[float, float | None]:
        """NME over all landmarks and over those of the main branch, None if none is there."""
        errors = self.errors(predicted)
        main = errors[:, list(self._sparse.chosen)]
        return nme(errors), None if np.isnan(main).all() else nme(main)

    def nme_of_shape(self, shape: Tensor) -> float:
        """NME over all landmarks if every image had this shape, (M, 2) in [-1, 1]."""
        return nme(self.errors(shape.double().numpy()))

    def affinity(self, predicted: NDArray[np.float64]) -> AffinityMatrix:
        """Affinities of the predictions; crops are squares, so they are those in the pictures.

        Raises
        ------
        ShapeMismatchError
            If there are too few images, or a prediction is no shape.
        """
        return affinity_of(ShapeSet.from_points(predicted, self._sparse.dense), ALIGNMENT)
