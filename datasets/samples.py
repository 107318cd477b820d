"""The table of samples: which picture each shape is in, of what size, where in it, and whose."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from datasets.errors import ShapeMismatchError, UnknownNameError
from datasets.shapes import LARGEST_PX

BOX_COLUMNS = ("box_x_min", "box_y_min", "box_x_max", "box_y_max")
TEXT_COLUMNS = ("shape_id", "image", "split", "subject")
SIZE_COLUMNS = ("height_px", "width_px")
COLUMNS = ("shape_id", "image", *SIZE_COLUMNS, *BOX_COLUMNS, "split", "subject")

_UNWRITABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

Box = tuple[float, float, float, float]


def sample_table(
    shape_ids: Sequence[str], images: Sequence[str | None] | None = None, **columns: ArrayLike
) -> pd.DataFrame:
    """Table of N samples with every column of `LandmarkDataset`; what is not given is missing.

    Parameters
    ----------
    shape_ids
        N unique names.
    images
        N picture paths relative to the data set's root, with forward slashes.
    **columns
        Any of ``height_px, width_px, box_x_min, box_y_min, box_x_max, box_y_max, split, subject``.

    Raises
    ------
    UnknownNameError
        If a column is not one of these.
    ShapeMismatchError
        If a height or width is not a whole number of pixels, a box has no extent or is larger
        than `LARGEST_PX`, a picture lies outside the root, or a text has control characters or
        half a character, which no file type keeps.
    """
    unknown = set(columns) - set(COLUMNS)
    if unknown:
        problem = f"unknown column {min(unknown)!r}; known are {', '.join(COLUMNS)}"
        raise UnknownNameError(problem)
    values: dict[str, Any] = {"shape_id": list(shape_ids), "image": images, **columns}
    N = len(values["shape_id"])
    table = pd.DataFrame(index=pd.RangeIndex(N))
    for name in COLUMNS:
        given = values.get(name)
        if name in TEXT_COLUMNS:
            texts = [None] * N if given is None else list(given)
            table[name] = pd.Series(texts, dtype="object", index=table.index)
        elif name in SIZE_COLUMNS:
            sizes = [None] * N if given is None else _sizes(name, given)
            table[name] = pd.Series(sizes, dtype="Int64", index=table.index)
        else:
            table[name] = np.full(N, np.nan) if given is None else np.asarray(given, dtype=float)
    for name in TEXT_COLUMNS:
        _require_writable(name, table[name])
    for image in table["image"].dropna():
        require_inside(str(image))
    _require_boxes(table)
    return table


def require_inside(image: str) -> None:
    """Refuse a picture's name that leads out of the folder of the pictures.

    Raises
    ------
    ShapeMismatchError
        If it is absolute or goes up.
    """
    if image.startswith("/") or ".." in image.split("/"):
        raise ShapeMismatchError(f"the picture {image!r} lies outside its folder")


def _require_writable(name: str, texts: "pd.Series[Any]") -> None:
    if not _UNWRITABLE.search("".join(str(text) for text in texts.dropna())):
        return
    row, text = next((i, t) for i, t in enumerate(texts) if _UNWRITABLE.search(str(t)))
    problem = f"{name} of row {row}: expected a text without control characters or broken ones, "
    raise ShapeMismatchError(f"{problem}got {text[:40]!r}")


def _require_boxes(table: pd.DataFrame) -> None:
    """Refuse edges that cannot be; those that are not known pass."""
    boxes = table[list(BOX_COLUMNS)].to_numpy(dtype=float)
    beyond = np.abs(boxes) > LARGEST_PX
    flat = boxes[:, :2] >= boxes[:, 2:]
    if not beyond.any() and not flat.any():
        return
    row = int((beyond.any(axis=1) | flat.any(axis=1)).argmax())
    if beyond[row].any():
        edge = int(beyond[row].argmax())
        problem = f"{BOX_COLUMNS[edge]} is {boxes[row, edge]:g}, beyond any picture"
    else:
        edge = int(flat[row].argmax())
        low, high = BOX_COLUMNS[edge], BOX_COLUMNS[edge + 2]
        problem = f"{low} {boxes[row, edge]:g} is not below {high} {boxes[row, edge + 2]:g}"
    raise ShapeMismatchError(f"row {row} ({table['shape_id'].iloc[row]!r}): {problem}")


def _sizes(name: str, given: Any) -> list[int | None]:  # noqa: ANN401 - any column of numbers
    sizes = [None if pd.isna(value) else value for value in given]
    for size in sizes:
        if size is not None and not (0 < size <= LARGEST_PX and size % 1 == 0):
            problem = f"{name}: expected a whole number of pixels, got {size}"
            raise ShapeMismatchError(problem)
    return [None if size is None else int(size) for size in sizes]
