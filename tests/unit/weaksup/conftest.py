"""Small pictures that can be learnt in seconds: five coloured spots on noise."""

from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.dataset import LandmarkDataset
from datasets.formats import Component, Contour, LandmarkFormat, SparseFormat
from datasets.images import write_image
from datasets.samples import sample_table
from datasets.shapes import ShapeSet
from weaksup.config import TrainingConfig
from weaksup.presets import preset
from weaksup.run_folder import RunFolder
from weaksup.samples import TrainingData
from weaksup.training import train

SPOTS = LandmarkFormat(
    "spots-5",
    ("left", "right", "middle", "bottom", "top"),
    mirror=(1, 0, 2, 3, 4),
    spans={"width": (0, 1)},
    components=(Component("row", (0, 2, 1)), Component("column", (4, 2, 3))),
    contours=(Contour("row", (0, 2, 1), closed=False),),
)
_PLACES = np.array([[9.0, 16.0], [23.0, 16.0], [16.0, 16.0], [16.0, 24.0], [16.0, 8.0]])
_COLOURS = np.array([[255, 0, 0], [0, 0, 255], [0, 255, 0], [255, 255, 0], [255, 0, 255]])


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def draw_spots(folder: Path, N: int, seed: int, prefix: str) -> LandmarkDataset:
    """N pictures of 32 px; spots 3 and 4 follow from 0 and 1, spot 2 nearly so."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    points = np.repeat(_PLACES[None], N, axis=0) + rng.uniform(-4, 4, (N, 1, 2))
    tilt = rng.uniform(-3, 3, N)
    points[:, 0, 1] += tilt
    points[:, 1, 1] -= tilt
    points[:, 3, 0] += tilt
    points[:, 4, 0] -= tilt
    grid = np.stack(np.meshgrid(np.arange(32), np.arange(32)), axis=-1)
    names = []
    for number, shape in enumerate(points):
        image = rng.uniform(60, 120, (32, 32, 3))
        for place, colour in zip(shape, _COLOURS, strict=True):
            weight = np.exp(-((grid - place) ** 2).sum(-1) / 4)[..., None]
            image = (1 - weight) * image + weight * colour
        names.append(f"{prefix}{number:03}")
        write_image(folder / f"{names[-1]}.png", image.astype(np.uint8))
    samples = sample_table(
        names, [f"{n}.png" for n in names], height_px=[32] * N, width_px=[32] * N
    )
    return LandmarkDataset(ShapeSet.from_points(points, SPOTS), samples, folder)


@pytest.fixture(scope="session")
def sparse() -> SparseFormat:
    return SparseFormat(SPOTS, (0, 1), (0, 1, 0, 0, 1))


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> tuple[LandmarkDataset, LandmarkDataset]:
    """All labels of 48 pictures to learn from, and of 24 others."""
    folder = tmp_path_factory.mktemp("spots")
    return draw_spots(folder / "a", 48, 0, "a"), draw_spots(folder / "b", 24, 1, "b")


@pytest.fixture(scope="session")
def data(pictures, sparse) -> TrainingData:
    """The first 12 pictures dense, the others with the sparse landmarks alone."""
    learn, valid = pictures
    dense = learn.take(np.arange(12))
    rest = learn.take(np.arange(12, 48))
    return TrainingData(
        dense.joined(rest.with_shapes(rest.shapes.keep(sparse.chosen))), sparse, valid
    )


def tiny_config() -> TrainingConfig:
    """A few epochs of a very narrow network; a checkpoint after every one."""
    return (
        preset("quick")
        .scaled(0.1)
        .changed(
            image_size_px=32, width=0.0625, threads=1, validate_every=2, checkpoint_every_s=0.0
        )
    )


@pytest.fixture
def tiny() -> TrainingConfig:
    return tiny_config()


@pytest.fixture(scope="session")
def trained(data, tmp_path_factory) -> RunFolder:
    """A run that has learnt the spots."""
    config = preset("quick").changed(
        image_size_px=32, width=0.125, threads=1, rotation_deg=5.0, scaling=0.05, shift=0.06
    )
    return train(config, tmp_path_factory.mktemp("runs") / "trained", data)


@pytest.fixture(scope="session")
def unbroken(data, tmp_path_factory) -> RunFolder:
    """The tiny run, from beginning to end."""
    return train(tiny_config(), tmp_path_factory.mktemp("runs") / "unbroken", data)
