"""Boxes that are given or detected: every box of a picture becomes a shape to infer."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError, ShapeMismatchError
from datasets.images import Image, read_image
from datasets.io.samples import unique_ids
from datasets.io.text import csv_header, csv_records, numbers, text_from_cell
from datasets.progress import Progress, ignore_progress
from datasets.samples import BOX_COLUMNS, Box
from datasets.shapes import empty_shapes

COLUMNS = ("image", "x_min", "y_min", "x_max", "y_max")

Boxes = Mapping[str, Sequence[Box]]
"""Boxes by the picture's path as the data set has it, or by the frame's name."""


@dataclass(frozen=True, slots=True)
class Boxed:
    """A data set with a shape for every box.

    Parameters
    ----------
    dataset
        In the order of the pictures.
    without
        Pictures that have no box, which are left out.
    """

    dataset: LandmarkDataset
    without: tuple[str, ...]


def read_boxes(path: str | Path) -> Boxes:
    """Read a csv with the columns image, x_min, y_min, x_max, y_max, a row a box.

    Raises
    ------
    FileFormatError
        If it is missing, a column is, or a row is no box of our convention.
    """
    path = Path(path)
    missing = [name for name in COLUMNS if name not in csv_header(path)]
    if missing:
        problem = f"expected the columns {', '.join(COLUMNS)}; {missing[0]!r} is missing"
        raise FileFormatError(path, 1, problem)
    found: dict[str, list[Box]] = {}
    for line, row in csv_records(path):
        x_min, y_min, x_max, y_max = numbers([row[name] for name in COLUMNS[1:]], path, line)
        if not (x_min < x_max and y_min < y_max):
            problem = f"expected x and y to grow, got {x_min:g}, {y_min:g}, {x_max:g}, {y_max:g}"
            raise FileFormatError(path, line, problem)
        name = text_from_cell(row["image"].strip())
        found.setdefault(name, []).append((x_min, y_min, x_max, y_max))
    if not found:
        raise FileFormatError(path, None, "there is no box in it")
    return found


def require_known(boxes: Boxes, names: Iterable[str], path: Path) -> None:
    """Refuse boxes of pictures that are not there: they are hardly meant to be passed over.

    Raises
    ------
    FileFormatError
        If a box is in a picture that is not among `names`.
    """
    strange = sorted(set(boxes) - set(names))
    if strange:
        problem = f"{strange[0]!r} is not among the pictures ({len(strange)} of {len(boxes)}); "
        hint = "names are relative to their folder, frames are like clip.mp4#000123"
        raise FileFormatError(path, None, problem + hint)


def detected(
    dataset: LandmarkDataset,
    detect: Callable[[Image], Sequence[Box]],
    on_progress: Progress = ignore_progress,
) -> Boxes:
    """What a detector finds in the pictures of a data set, each read once.

    Raises
    ------
    FileFormatError
        If a picture is missing or broken.
    ShapeMismatchError
        If a row has no picture.
    """
    rows = _first_rows(dataset)
    found = {}
    for done, (name, row) in enumerate(rows.items(), start=1):
        found[name] = detect(read_image(dataset.image_path(row)))
        on_progress(done, len(rows))
    return found


def with_boxes(dataset: LandmarkDataset, boxes: Boxes) -> Boxed:
    """The pictures of a data set with a shape for every box, instead of its own shapes.

    The first box of a picture keeps the name of its shape, so that it can be judged; more are
    ``#2``, ``#3``...

    Raises
    ------
    ShapeMismatchError
        If no picture has a box.
    """
    rows = _first_rows(dataset)
    pairs = [(row, box) for name, row in rows.items() for box in boxes.get(name, ())]
    without = tuple(name for name in rows if not boxes.get(name))
    if not pairs:
        raise ShapeMismatchError(f"there is no box in any of the {len(rows)} pictures")
    samples = dataset.samples.iloc[[row for row, _ in pairs]].reset_index(drop=True)
    samples["shape_id"] = unique_ids(samples["shape_id"])
    for column, edges in zip(
        BOX_COLUMNS, zip(*(box for _, box in pairs), strict=True), strict=True
    ):
        samples[column] = list(edges)
    shapes = empty_shapes(dataset.format, len(pairs))
    return Boxed(replace(dataset, shapes=shapes, samples=samples), without)


def _first_rows(dataset: LandmarkDataset) -> dict[str, int]:
    """The first row of every picture, by the picture's path."""
    rows: dict[str, int] = {}
    for row, name in enumerate(dataset.samples["image"]):
        dataset.image_path(row)  # which refuses a row without a picture
        rows.setdefault(str(name), row)
    return rows
