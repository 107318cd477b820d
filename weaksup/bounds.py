"""How far completed landmarks may be off, and which pictures to look at first.

The bounds are conformal, by cross-validation over subjects: they rest on the errors of shapes whose
subjects the models had not seen. They are not proven to hold, for pictures of one person are alike,
and how pictures are looked at was fitted to the same errors. On average over the landmarks they are
measured to: 89.6 to 91.5 % at 90 % (docs/results.md, "Bounds of completed clicks").
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from correlation.error_selection import forecast_of
from correlation.linear_error import conformal_quantile
from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError, ShapeMismatchError
from datasets.files import replacing
from datasets.formats import LandmarkFormat
from datasets.io.text import cell_from_text, numbered_lines, text_from_cell
from datasets.metrics import span_lengths
from datasets.plausibility import SCORES_FILE, rarity
from datasets.shape_model import ShapeModel
from weaksup.completion import filled_choices

BOUNDS_FILE = "bounds.csv"
CONFIDENCE = 0.9

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CompletionBounds:
    """What is known of the errors of completed shapes before anybody looks.

    Parameters
    ----------
    format
        The landmark format (M landmarks).
    names
        N names of shapes.
    radius_px
        float64 (N, M): with `confidence`, on average over the landmarks, the true place lies as
        near to the completed one; 0 where it was clicked, NaN where nothing was completed.
    score
        float64 (N,): how rare the clicks are (`datasets.plausibility.rarity`); shapes with a higher
        one are completed worse on average. NaN where fewer than three were clicked.
    confidence
        See `radius_px`.
    n_shapes
        Held-out shapes behind the radii.
    expected_nme
        Error to expect, over all landmarks of the shapes that were completed; NaN without any.
    span
        Its unit.

    Raises
    ------
    ShapeMismatchError
        If dimensions do not fit.
    """

    format: LandmarkFormat
    names: tuple[str, ...]
    radius_px: Array
    score: Array
    confidence: float
    n_shapes: int
    expected_nme: float
    span: str

    def __post_init__(self) -> None:
        """Check dimensions."""
        N, M = len(self.names), len(self.format)
        if self.radius_px.shape != (N, M) or self.score.shape != (N,):
            found = f"{self.radius_px.shape} and {self.score.shape}"
            raise ShapeMismatchError(f"expected bounds {(N, M)} and scores {(N,)}, got {found}")

    @property
    def median_px(self) -> float | None:
        """The median radius of what was completed; None where nothing was, or nothing is known."""
        radii = self.radius_px[np.isfinite(self.radius_px) & (self.radius_px > 0)]
        return float(np.median(radii)) if radii.size else None

    def save(self, folder: str | Path) -> None:
        """Write `BOUNDS_FILE`, radii with a column a landmark, and `SCORES_FILE`, for a queue."""
        names = [cell_from_text(name) for name in self.names]
        radii = [[_cell(value) for value in row] for row in self.radius_px.tolist()]
        columns = ["image", *(cell_from_text(name) for name in self.format.landmarks)]
        rows = [[name, *row] for name, row in zip(names, radii, strict=True)]
        _write(Path(folder) / BOUNDS_FILE, [columns, *rows])
        scores = [
            [name, f"{score:.4f}"]
            for name, score in zip(names, self.score.tolist(), strict=True)
            if np.isfinite(score)
        ]
        _write(Path(folder) / SCORES_FILE, [["image", "score"], *scores])


def read_radii(folder: str | Path, dataset: LandmarkDataset) -> Array | None:
    """The radii that `CompletionBounds.save` wrote beside a data set; None where it did not.

    Returns
    -------
    float64 (N, M), in pixels, for the shapes of the data set; NaN where none is told.

    Raises
    ------
    FileFormatError
        If the file is broken or about other landmarks.
    """
    path = Path(folder) / BOUNDS_FILE
    if not path.is_file():
        return None
    lines = numbered_lines(path)
    header = next(csv.reader(line for _, line in lines), [])
    if [text_from_cell(cell) for cell in header] != ["image", *dataset.format.landmarks]:
        problem = f"expected the columns image and the landmarks of {dataset.format.name}"
        raise FileFormatError(path, 1, problem)
    place = {name: row for row, name in enumerate(dataset.samples["shape_id"])}
    radii = np.full((len(dataset), len(dataset.format)), np.nan)
    for number, cells in enumerate(csv.reader(line for _, line in lines), start=2):
        row = place.get(text_from_cell(cells[0]) if cells else "")
        if row is not None:
            radii[row] = _radii(path, number, cells[1:], len(dataset.format))
    return radii


def _radii(path: Path, number: int, cells: list[str], M: int) -> list[float]:
    try:
        values = [float(cell) if cell else np.nan for cell in cells]
    except ValueError as error:
        raise FileFormatError(path, number, f"expected numbers of pixels, {error}") from error
    if len(values) != M:
        raise FileFormatError(path, number, f"expected {M} numbers, got {len(values)}")
    return values


def completion_bounds(
    clicked: LandmarkDataset,
    completed: LandmarkDataset,
    dense: LandmarkDataset,
    *,
    held_out_errors: Mapping[bytes, Array] = MappingProxyType({}),
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> CompletionBounds:
    """Bounds of shapes that `weaksup.completion.complete` made of clicks.

    Parameters
    ----------
    clicked, completed, dense
        As it took them and gave them.
    held_out_errors
        Where pictures were looked at, `weaksup.second_look.SecondLook.held_out_errors`.
    confidence
        Of the radii, in (0, 1).
    seed
        Draws the folds.

    Raises
    ------
    ShapeMismatchError
        If fewer than eight dense shapes are complete, or all are of one subject.
    """
    forecast = forecast_of(dense.shapes, dense.samples["subject"], seed)
    present = clicked.shapes.present
    radius, expected = np.where(present, 0.0, np.nan), np.full(len(present), np.nan)
    for choice, rows in filled_choices(clicked, completed):
        errors = held_out_errors.get(choice.tobytes())
        if errors is None:
            chosen = np.flatnonzero(choice)
            within, nme = forecast.within(chosen, confidence), forecast.of(chosen).nme
        else:
            within, nme = conformal_quantile(errors, confidence), float(errors.mean())
        spans = span_lengths(completed.shapes.take(rows), forecast.span)
        radius[rows] = spans[:, None] * np.where(choice, 0.0, within)
        expected[rows] = nme
    model = ShapeModel.fit(dense.shapes.take(dense.shapes.complete))
    return CompletionBounds(
        clicked.format,
        tuple(clicked.samples["shape_id"]),
        radius,
        rarity(model, clicked.shapes.points),
        confidence,
        len(forecast.shapes),
        float(np.nanmean(expected)) if np.isfinite(expected).any() else float("nan"),
        forecast.span,
    )


def _cell(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else ""


def _write(path: Path, rows: list[list[str]]) -> None:
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
