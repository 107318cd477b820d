"""A small data set with gaps and odd names, and when two are the same."""

from pathlib import Path

import numpy as np
import pandas as pd

from datasets.dataset import LandmarkDataset
from datasets.samples import sample_table
from datasets.shapes import ShapeSet


def small(N: int = 5, root: Path | None = None, D: int = 2) -> LandmarkDataset:
    points = np.random.default_rng(0).normal(50, 20, (N, 3, D))
    points[0, 1] = np.nan
    images = None if root is None else [f"pictures/{i}.png" for i in range(N)]
    samples = sample_table(
        [f"row {i} é漢" for i in range(N)],
        images,
        height_px=[None, *range(100, 99 + N)],
        width_px=[200] * N,
        box_x_min=[np.nan] + [1.5] * (N - 1),
        box_y_min=[2.0] * N,
        box_x_max=[30.0] * N,
        box_y_max=[40.0] * N,
        split=["train", "valid", "train", None, "valid"][:N],
        subject=["Ása", None, "Ása", "B", "C"][:N],
    )
    return LandmarkDataset(ShapeSet.from_points(points), samples, root)


def assert_same(a: LandmarkDataset, b: LandmarkDataset) -> None:
    assert a.format == b.format
    np.testing.assert_array_equal(a.shapes.points, b.shapes.points)
    np.testing.assert_array_equal(a.shapes.visibility, b.shapes.visibility)
    pd.testing.assert_frame_equal(a.samples, b.samples)
    assert a.root == b.root
