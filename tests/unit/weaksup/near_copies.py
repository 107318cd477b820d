"""People of whom there are five pictures nearly alike: whoever saw one knows the others."""

import numpy as np

from datasets.dataset import LandmarkDataset
from datasets.shapes import ShapeSet

_COPIES = 5


def near_copies(dataset, *, named):
    """Each shape five times, with errors of 0.1 px; with the names of the people, or without."""
    rows = np.repeat(np.arange(len(dataset)), _COPIES)
    points = dataset.shapes.points[rows]
    points = points + np.random.default_rng(0).normal(scale=0.1, size=points.shape)
    people = dataset.samples["shape_id"].to_numpy()[rows]
    samples = dataset.samples.iloc[rows].reset_index(drop=True)
    samples["shape_id"] = [f"{name}-{number}" for number, name in enumerate(people)]
    samples["subject"] = people if named else None
    return LandmarkDataset(ShapeSet.from_points(points, dataset.format), samples, dataset.root)
