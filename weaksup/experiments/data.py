"""The data of an experiment: who is learnt from and measured on, and what is dense."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.dataset import LandmarkDataset
from datasets.errors import TrainingError
from datasets.formats import index_map, landmark_format
from datasets.io.registry import read
from weaksup.experiments.grid import Grid


@dataclass(frozen=True, slots=True, eq=False)
class ExperimentData:
    """Images to learn from, all of them dense, and images of other people to measure on.

    Parameters
    ----------
    pool, valid
        Of one format.
    images
        N, how many of the pool a seed takes.
    """

    pool: LandmarkDataset
    valid: LandmarkDataset
    images: int

    @classmethod
    def read(cls, grid: Grid) -> "ExperimentData":
        """Read what a grid names.

        Raises
        ------
        FewmarkError
            If something cannot be read, people are in both, or shapes are not complete.
        """
        pool = _restricted(grid.data, grid.split, grid)
        valid = _restricted(grid.valid or grid.data, grid.valid_split, grid)
        for column, what in (("shape_id", "images"), ("subject", "people")):
            shared = set(pool.samples[column].dropna()) & set(valid.samples[column].dropna())
            if shared:
                problem = f"{len(shared)} {what} are both learnt from and measured on"
                raise TrainingError(f"{problem}, such as {min(shared)!r}: split them by person")
        if not pool.shapes.complete.all():
            gaps = int((~pool.shapes.complete).sum())
            problem = f"an experiment hides landmarks of complete shapes; {gaps} of {len(pool)} "
            raise TrainingError(f"{problem}are not complete")
        if grid.images > len(pool):
            raise TrainingError(f"expected {grid.images} images to learn from, found {len(pool)}")
        return cls(pool, valid, grid.images or len(pool))

    @property
    def digest(self) -> str:
        """Hash of names and landmarks."""
        digest = hashlib.sha256()
        for dataset in (self.pool, self.valid):
            digest.update("\0".join(dataset.samples["shape_id"]).encode())
            digest.update(dataset.shapes.points.tobytes())
        return digest.hexdigest()

    def rows(self, seed: int) -> NDArray[np.int64]:
        """The N rows of the pool that a seed takes, in the order in which they become dense."""
        drawn = np.random.default_rng(seed).permutation(len(self.pool))[: self.images]
        return np.asarray(drawn, dtype=np.int64)

    def dense(self, seed: int, ratio: float) -> LandmarkDataset:
        """The n images that are dense; those of a smaller ratio come first."""
        return self.pool.take(self.rows(seed)[: self.count(ratio)])

    def count(self, ratio: float) -> int:
        """How many images are dense: n of N, two at least."""
        return min(self.images, max(2, round(ratio * self.images)))


def _restricted(path: str, split: str, grid: Grid) -> LandmarkDataset:
    known = landmark_format(grid.landmark_format) if grid.landmark_format else None
    dataset = read(path, landmark_format=known)
    if split and dataset.splits:
        dataset = dataset.split(split)
    if not grid.part:
        return dataset
    part = landmark_format(grid.part)
    inside = index_map(part, dataset.format)
    if inside is None:
        raise TrainingError(f"{part.name} is no known part of {dataset.format.name}")
    return dataset.with_shapes(dataset.shapes.subset(part, inside))
