"""Landmark formats, shapes, data sets, images, file types, metrics: what everything stands on."""

import os

# Asked for by the other packages: a foreign distribution called `datasets` does not have it.
SUITE = "fewmark"

# A file of a few bytes may claim any size. OpenCV asks this when it is loaded; 268 million pixels.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**28))

from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError
from datasets.formats import LandmarkFormat, SparseFormat, landmark_format
from datasets.io.registry import read, write
from datasets.metrics import auc, ced, failure_rate, landmark_failure_rate, nme, normalised_errors
from datasets.moments import Moments
from datasets.shape_model import ShapeModel
from datasets.shapes import ShapeSet, Visibility
from datasets.synthetic import make_demo

__all__ = [
    "SUITE",
    "FewmarkError",
    "LandmarkDataset",
    "LandmarkFormat",
    "Moments",
    "ShapeModel",
    "ShapeSet",
    "SparseFormat",
    "Visibility",
    "auc",
    "ced",
    "failure_rate",
    "landmark_failure_rate",
    "landmark_format",
    "make_demo",
    "nme",
    "normalised_errors",
    "read",
    "write",
]
