"""Dense landmarks without a network: from the landmarks that people clicked, or from none.

A landmark of a picture whose m points were clicked follows from those clicks far better than
from any small network, so completing clicked pictures is a job of its own.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from datasets.dataset import LandmarkDataset
from datasets.errors import ShapeMismatchError
from datasets.images import Frame, read_image
from datasets.shape_model import ShapeModel
from datasets.shapes import ShapeSet
from weaksup.samples import frame_of_row

_DEFAULT_MARGIN = 1.25

Mask = NDArray[np.bool_]


def complete(clicked: LandmarkDataset, dense: LandmarkDataset) -> LandmarkDataset:
    """Every absent landmark from the present ones, by the shape model of the dense shapes.

    Parameters
    ----------
    clicked
        Shapes of which some landmarks are present; those are kept exactly. Shapes without any, or
        with all in one place, stay as they are: nothing follows from that.
    dense
        Shapes of the same format; those with all landmarks make the model.

    Raises
    ------
    ShapeMismatchError
        If the formats differ, or fewer than two dense shapes have all landmarks.
    """
    if not isinstance(clicked, LandmarkDataset) or not isinstance(dense, LandmarkDataset):
        found = f"{type(clicked).__name__} and {type(dense).__name__}"
        raise TypeError(f"expected two LandmarkDatasets, got {found}")
    model = ShapeModel.fit(_dense_shapes(clicked, dense))
    begun = _tell_something(clicked.shapes)
    points, visibility = clicked.shapes.points.copy(), clicked.shapes.visibility.copy()
    done = model.complete(clicked.shapes.take(begun))
    points[begun], visibility[begun] = done.points, done.visibility
    shapes = ShapeSet(clicked.format, points, visibility)
    return replace(clicked, shapes=shapes, inferred=True)


def filled_choices(
    clicked: LandmarkDataset, completed: LandmarkDataset
) -> list[tuple[Mask, NDArray[np.intp]]]:
    """What was clicked of filled in shapes, bool (M,), and their rows; the most frequent first."""
    rows = np.flatnonzero(completed.shapes.complete & ~clicked.shapes.complete)
    choices, group = np.unique(clicked.shapes.present[rows], axis=0, return_inverse=True)
    parts = [(choice, rows[group.ravel() == k]) for k, choice in enumerate(choices)]
    return sorted(parts, key=lambda part: -len(part[1]))


def mean_shape_prediction(
    dense: LandmarkDataset, dataset: LandmarkDataset, margin: float = _DEFAULT_MARGIN
) -> LandmarkDataset:
    """The mean shape of the dense pictures' frames in every picture's frame: the level to beat.

    Parameters
    ----------
    dense
        Shapes with all landmarks.
    dataset
        Where to place it; only boxes and pictures' sizes are looked at.
    margin
        See `weaksup.config.TrainingConfig`.

    Raises
    ------
    ShapeMismatchError
        If fewer than two dense shapes have all landmarks, they are not of two dimensions, or a
        picture's size is not known.
    """
    shapes = _dense_shapes(dataset, dense)
    if shapes.points.shape[2] != 2:
        raise ShapeMismatchError("the dense shapes are not of two dimensions")
    rows = np.flatnonzero(dense.shapes.complete)
    units = [
        _frame(dense, int(row), margin).to_unit(points)
        for row, points in zip(rows, shapes.points, strict=True)
    ]
    mean = np.mean(units, axis=0)
    placed = [_frame(dataset, row, margin).from_unit(mean) for row in range(len(dataset))]
    return dataset.with_shapes(ShapeSet.from_points(np.stack(placed), dataset.format))


def _tell_something(shapes: ShapeSet) -> Mask:
    """Where shapes have one landmark, or more that are not all in one place: bool (N,)."""
    present, points = shapes.present, shapes.points
    first = points[np.arange(len(points)), present.argmax(axis=1)]
    apart = (present & (points != first[:, None]).any(axis=2)).any(axis=1)
    return np.asarray(apart | (present.sum(axis=1) == 1))


def _dense_shapes(other: LandmarkDataset, dense: LandmarkDataset) -> ShapeSet:
    if other.format.landmarks != dense.format.landmarks:
        problem = f"the dense shapes are {dense.format.name}, the others {other.format.name}"
        raise ShapeMismatchError(problem)
    shapes = dense.shapes.take(dense.shapes.complete)
    if len(shapes) < 2:
        problem = f"expected shapes with all {len(dense.format)} landmarks, two at least; found "
        raise ShapeMismatchError(f"{problem}{len(shapes)} among the {len(dense)} dense ones")
    return shapes


def _frame(dataset: LandmarkDataset, row: int, margin: float) -> Frame:
    size = dataset.samples[["height_px", "width_px"]].iloc[row]
    if dataset.box(row) is None and size.isna().any():
        return frame_of_row(dataset, row, read_image(dataset.image_path(row)).shape, margin)
    return frame_of_row(dataset, row, tuple(size.fillna(0).astype(int)), margin)
