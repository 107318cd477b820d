"""The shape model of a project: what the canvas needs to expect landmarks from others."""

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotate.store import Project
from datasets.dataset import LandmarkDataset
from datasets.deformations import similarity_modes
from datasets.errors import FewmarkError
from datasets.formats import LandmarkFormat, SparseFormat
from datasets.shape_model import ShapeModel
from datasets.storage import HEADER_FILE, SHAPES_FILE, read_header
from datasets.workspace import Workspace

ENOUGH = 30
"""Dense shapes from which on a model is worth something."""

_MOST_SHAPES = 1000
_MOST_NUMBERS = 60_000  # of the covariance that is sent to the browser

Stamp = tuple[str, int, int]


def expectation(workspace: Workspace, project: Project) -> dict[str, Any] | None:
    """The model of a project for its canvas, fitted to the dense shapes of the workspace.

    Those are the complete shapes of the data sets that have the project's dense format and were
    not made by a model.

    Returns
    -------
    dict or None
        See `model_to_json`; None where there are fewer than `ENOUGH` shapes, or too many landmarks.
    """
    sparse = project.sparse
    if 4 * len(sparse) * len(sparse.dense) > _MOST_NUMBERS:
        return None
    model = shape_model_of(workspace, sparse.dense)
    return None if model is None else model_to_json(model, sparse)


def shape_model_of(workspace: Workspace, dense: LandmarkFormat) -> ShapeModel | None:
    """The model of a format by the dense shapes of a workspace; None where they are too few."""
    return _fitted(_dense_sets(workspace, dense))


def _dense_sets(workspace: Workspace, dense: LandmarkFormat) -> tuple[Stamp, ...]:
    """The data sets that are learnt from, with what changes when they are written anew."""
    found = []
    for folder in (workspace.data / name for name in workspace.dataset_names()):
        try:
            header = read_header(folder)
            header_ns, shapes_ns = (
                (folder / name).stat().st_mtime_ns for name in (HEADER_FILE, SHAPES_FILE)
            )
        except (FewmarkError, OSError):
            continue  # the Data page says what is wrong with it
        if header.format.landmarks == dense.landmarks and not header.inferred:
            found.append((str(folder), header_ns, shapes_ns))
    return tuple(found)


@functools.lru_cache(maxsize=8)
def _fitted(sets: tuple[Stamp, ...]) -> ShapeModel | None:
    shapes = _complete_shapes(Path(folder) for folder, *_ in sets)
    if len(shapes) < ENOUGH:
        return None
    rows = np.linspace(0, len(shapes) - 1, min(len(shapes), _MOST_SHAPES)).astype(int)
    try:
        return ShapeModel.fit(shapes[rows])
    except FewmarkError:
        return None  # shapes without extent: nothing follows from them


def _complete_shapes(folders: Iterable[Path]) -> NDArray[np.float64]:
    """The different complete shapes of data sets: one may be part of another."""
    found = []
    for folder in folders:
        try:
            shapes = LandmarkDataset.load(folder).shapes
        except FewmarkError:
            continue
        found.append(shapes.points[shapes.complete][:, :, :2])
    return np.unique(np.concatenate(found), axis=0) if found else np.zeros((0, 0, 2))


def model_to_json(model: ShapeModel, sparse: SparseFormat) -> dict[str, Any]:
    """The part of a shape model that predicts all landmarks from the marked ones.

    Returns
    -------
    dict
        ``mean`` (2 M numbers), ``cross`` (2 M x 2 m, row by row: covariance of all coordinates
        with the marked ones, modes of similarity included), ``variance`` (2 M), ``noise``
        (variance of a click), all in the frame of the mean; ``chosen`` (m), and ``mirror`` (m):
        which landmark of the format is on the other side of each.
    """
    modes = similarity_modes(model.mean)
    prior = model.covariance.reshape(model.mean.size, -1) + modes @ modes.T
    chosen = np.asarray(sparse.chosen)
    columns = np.stack([2 * chosen, 2 * chosen + 1], axis=1).ravel()
    return {
        "mean": _rounded(model.mean),
        "cross": _rounded(prior[:, columns]),
        "variance": _rounded(np.diagonal(prior)),
        "noise": model.noise**2 / len(model.mean),
        "chosen": list(sparse.chosen),
        "mirror": [sparse.dense.mirror[index] for index in sparse.chosen],
    }


def _rounded(values: NDArray[np.float64]) -> list[float]:
    """To nine digits: three times as short, and far more exact than any click."""
    return [float(f"{value:.9g}") for value in values.ravel()]
