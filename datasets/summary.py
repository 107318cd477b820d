"""What a data set holds, in numbers."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from datasets.dataset import LandmarkDataset
from datasets.shapes import Visibility


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of a data set.

    Parameters
    ----------
    format, landmarks, dimensions
        Name of the landmark format, M and D.
    shapes, dense, sparse, empty
        N; of these with all M landmarks, with some, with none.
    present, occluded
        Shares of all N x M landmarks that have a place, and that have one but are hidden.
    splits
        Number of shapes in each split.
    subjects
        Number of subjects; 0 where unknown.
    pictures, missing_pictures
        Number of different pictures named, and of those that are not there.
    sizes_px
        Smallest and largest ``(height, width)`` by area; empty where unknown.
    """

    format: str
    landmarks: int
    dimensions: int
    shapes: int
    dense: int
    sparse: int
    empty: int
    present: float
    occluded: float
    splits: dict[str, int]
    subjects: int
    pictures: int
    missing_pictures: int
    sizes_px: tuple[tuple[int, int], ...]

    def as_table(self) -> dict[str, Any]:
        """Plain values, fit for JSON."""
        return asdict(self)


def summary(dataset: LandmarkDataset) -> Summary:
    """Count what a data set holds; looks whether each picture is there, but opens none."""
    shapes, samples = dataset.shapes, dataset.samples
    per_shape = shapes.present.sum(axis=1)
    N, M, D = shapes.points.shape
    dense, empty = int((per_shape == M).sum()), int((per_shape == 0).sum())
    names = samples["image"].dropna().unique()
    root = dataset.root
    missing = len(names) if root is None else sum(not (root / name).is_file() for name in names)
    return Summary(
        format=dataset.format.name,
        landmarks=M,
        dimensions=D,
        shapes=N,
        dense=dense,
        sparse=N - dense - empty,
        empty=empty,
        present=float(shapes.present.mean()) if N else 0.0,
        occluded=float((shapes.visibility == Visibility.OCCLUDED).mean()) if N else 0.0,
        splits={str(k): int(v) for k, v in samples["split"].value_counts(sort=False).items()},
        subjects=int(samples["subject"].nunique()),
        pictures=len(names),
        missing_pictures=missing,
        sizes_px=_extremes(dataset),
    )


def _extremes(dataset: LandmarkDataset) -> tuple[tuple[int, int], ...]:
    sizes = dataset.samples[["height_px", "width_px"]].dropna().to_numpy(dtype=np.int64)
    if not len(sizes):
        return ()
    areas = sizes.prod(axis=1)
    ends = (sizes[areas.argmin()], sizes[areas.argmax()])
    return tuple((int(height), int(width)) for height, width in ends)
