"""Figures of training and of its results: data in, figure or picture out."""

import itertools
from collections.abc import Iterator, Mapping

import cv2
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from datasets.dataset import LandmarkDataset
from datasets.images import Image, cut, frame_of, read_image
from datasets.metrics import ced, span_words
from weaksup.evaluation import Evaluation

TRUE, PREDICTED, BOUND = "#2dd4bf", "#fb923c", "#fde68a"
_COLOURS = ("#128a84", "#c2570c", "#8560d0", "#c2408a")  # 3:1 and more on light and dark
# Steps between the powers of ten: the fewest that put numbers enough beside a logarithmic axis.
_STEPS = ((1,), (1, 2, 5), range(1, 10), np.arange(1, 10, 0.5), np.arange(1, 10, 0.1))
_FEWEST_TICKS = 3
_MARGIN = 1.25
_BITS = 4  # cv2 draws at fractions of a pixel, counted in 1/16

Points = NDArray[np.float64]


def _finish(figure: go.Figure, x_title: str, y_title: str) -> go.Figure:
    figure.update_layout(
        height=340, margin={"l": 10, "r": 10, "t": 30, "b": 10}, hovermode="x unified",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
    )  # fmt: skip
    figure.update_xaxes(title=x_title)
    figure.update_yaxes(title=y_title)
    return figure


def loss_figure(metrics: pd.DataFrame) -> go.Figure:
    """Loss over the epochs of all stages, beside what the mean shape would have had."""
    figure = go.Figure()
    place = pd.Series(np.arange(1, len(metrics) + 1), index=metrics.index)
    for number, (stage, rows) in enumerate(metrics.groupby("stage", sort=False)):
        colour = _COLOURS[number % len(_COLOURS)]
        figure.add_scatter(
            x=place[rows.index], y=rows["loss"], name=str(stage), line={"color": colour}
        )
        figure.add_scatter(
            x=place[rows.index], y=rows["mean_shape_loss"], name=f"{stage}: mean shape",
            line={"color": colour, "dash": "dot", "width": 1}, showlegend=False,
        )  # fmt: skip
    _make_logarithmic(figure)
    return _finish(figure, "epoch, all stages", "loss (dotted: the mean shape's)")


def validation_figure(metrics: pd.DataFrame, mean_shape_nme: float | None, span: str) -> go.Figure:
    """Error on the validation images over the epochs, in percent of the span."""
    figure = go.Figure()
    place = np.arange(1, len(metrics) + 1)
    for column, name, colour in (
        ("valid_nme", "all landmarks", _COLOURS[0]),
        ("valid_nme_sparse", "landmarks of the sparse format", _COLOURS[1]),
    ):
        known = metrics[column].notna().to_numpy()
        values = 100 * metrics.loc[known, column]
        figure.add_scatter(
            x=place[known], y=values, name=name, mode="lines+markers", line={"color": colour}
        )
    if mean_shape_nme is not None:
        figure.add_hline(
            y=100 * mean_shape_nme, line={"dash": "dot", "color": "#888"},
            annotation_text="mean shape", annotation_position="bottom right",
        )  # fmt: skip
    figure.update_yaxes(rangemode="tozero")
    return _finish(figure, "epoch, all stages", f"validation NME, % of {span}")


def runs_figure(metrics: Mapping[str, pd.DataFrame], column: str, y_title: str) -> go.Figure:
    """One column of the metrics of several runs over the epochs, a line a run.

    Errors are in percent, losses as they are and on a logarithmic axis.
    """
    figure = go.Figure()
    of_errors = column.startswith("valid")
    for (name, rows), line in zip(metrics.items(), _lines(), strict=False):
        known = rows[column].notna().to_numpy()
        values = rows.loc[known, column] * (100 if of_errors else 1)
        figure.add_scatter(
            x=np.arange(1, len(rows) + 1)[known], y=values, name=name, line=line,
            mode="lines+markers" if of_errors else "lines", showlegend=True,
        )  # fmt: skip
    if of_errors:
        figure.update_yaxes(rangemode="tozero")
    else:
        _make_logarithmic(figure)
    return _finish(figure, "epoch, all stages", y_title)


def _make_logarithmic(figure: go.Figure) -> None:
    """Losses may lie within one power of ten for long: numbers between these are told, too."""
    values = np.concatenate([np.asarray(line.y, dtype=np.float64) for line in figure.data])
    values = values[np.isfinite(values) & (values > 0)]
    figure.update_yaxes(type="log", tickformat=".3~g")
    if values.size:
        figure.update_yaxes(tickvals=_ticks(float(values.min()), float(values.max())))


def _ticks(low: float, high: float) -> list[float]:
    powers = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    for steps in _STEPS:
        ticks = np.outer(powers, steps).ravel()
        ticks = ticks[(ticks >= low) & (ticks <= high)]
        if len(ticks) >= _FEWEST_TICKS:
            return list(ticks)
    return [low, high]


def _lines() -> Iterator[dict[str, str]]:
    """Lines that can be told apart, without end: colours, then the same ones dashed otherwise."""
    for dash in itertools.cycle(("solid", "dash", "dot", "dashdot")):
        yield from ({"color": colour, "dash": dash} for colour in _COLOURS)


def ced_figure(
    errors: Mapping[str, NDArray[np.float64]], span: str, limit: float = 0.3
) -> go.Figure:
    """Cumulative error distributions, one for each name."""
    thresholds = np.linspace(0, limit, 121)
    figure = go.Figure()
    for (name, values), line in zip(errors.items(), _lines(), strict=False):
        shares = 100 * ced(values, thresholds)
        figure.add_scatter(x=100 * thresholds, y=shares, name=name, line=line, showlegend=True)
    return _finish(figure, f"NME of an image, % of {span}", "images at most so, %")


def landmark_error_figure(evaluation: Evaluation) -> go.Figure:
    """The mean true shape, each landmark as large and as warm as its mean error."""
    shape = mean_outline(evaluation.truth)
    percent = 100 * evaluation.per_landmark
    names, words = evaluation.truth.format.landmarks, span_words(evaluation.span)
    figure = go.Figure()
    for contour in evaluation.truth.format.contours:
        indices = [*contour.indices, *(contour.indices[:1] if contour.closed else ())]
        figure.add_scatter(
            x=shape[indices, 0], y=shape[indices, 1], mode="lines", hoverinfo="skip",
            line={"color": "rgba(128,128,128,0.4)", "width": 1},
        )  # fmt: skip
    largest = np.nanmax(percent)
    figure.add_scatter(
        x=shape[:, 0], y=shape[:, 1], mode="markers",
        text=[f"{n}: {p:.2f} %" for n, p in zip(names, percent, strict=True)], hoverinfo="text",
        marker={
            "size": 6 + 14 * np.nan_to_num(percent / largest), "color": percent,
            "colorscale": "YlOrRd", "showscale": True, "line": {"width": 1, "color": "#444"},
            "colorbar": {"title": {"text": f"NME, % of {words}", "side": "right"}},
        },
    )  # fmt: skip
    figure.update_layout(height=420, margin={"l": 0, "r": 0, "t": 10, "b": 0}, showlegend=False)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, autorange="reversed", scaleanchor="x")
    return figure


def mean_outline(dataset: LandmarkDataset) -> Points:
    """Mean of the shapes, each in its own box: (M, 2) without unit; NaN where none has a place."""
    points = dataset.shapes.points
    known = ~np.isnan(points)
    low = np.nanmin(points, axis=1, keepdims=True)
    scaled = (points - low) / np.nanmax(points - low, axis=(1, 2), keepdims=True)
    sums = np.where(known, scaled, 0.0).sum(axis=0)
    counts = known.sum(axis=0)
    mean = np.full(sums.shape, np.nan)
    np.divide(sums, counts, out=mean, where=counts > 0)
    return mean


def comparison_tile(
    dataset: LandmarkDataset,
    row: int,
    predicted: Points | None,
    size_px: int = 300,
    within_px: NDArray[np.float64] | None = None,
) -> Image:
    """A picture with its true landmarks and the predicted ones, joined by lines.

    Parameters
    ----------
    dataset
        Pictures and true landmarks.
    row
        Which one.
    predicted
        (M, D) in pixels, of which x and y are shown; None shows the true ones alone.
    size_px
        Side of the result, uint8 (size_px, size_px, 3).
    within_px
        float64 (M,), in pixels of the picture: circles around the predicted ones; none where it is
        0 or not finite.

    Raises
    ------
    FileFormatError
        If the picture is missing or broken.
    """
    image = read_image(dataset.image_path(row))
    box = dataset.box(row)
    frame = frame_of(box, image.shape[0], image.shape[1], _MARGIN if box else 1.0)
    tile = cut(image, frame, size_px)
    true = (frame.to_unit(dataset.shapes.points[row, :, :2]) + 1) / 2 * size_px - 0.5
    radius = max(1.2, size_px / 120)
    if predicted is not None:
        other = (frame.to_unit(predicted[:, :2]) + 1) / 2 * size_px - 0.5
        for a, b in zip(true, other, strict=True):
            if not np.isnan([a, b]).any():
                cv2.line(tile, _fixed(a), _fixed(b), (255, 255, 255), 1, cv2.LINE_AA, _BITS)
        if within_px is not None:
            _circles(tile, other, within_px * size_px / frame.side)
        _dots(tile, other, radius, PREDICTED)
    _dots(tile, true, radius, TRUE)
    return tile


def _circles(tile: Image, places: Points, radii: NDArray[np.float64]) -> None:
    shown = np.isfinite(places).all(axis=1) & np.isfinite(radii) & (radii > 0)
    for place, radius in zip(places[shown], radii[shown], strict=True):
        extent = round(min(float(radius), 1e4) * 2**_BITS)
        cv2.circle(tile, _fixed(place), extent, _paint(BOUND), 1, cv2.LINE_AA, _BITS)


def _paint(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue


def _dots(tile: Image, places: Points, radius: float, colour: str) -> None:
    for place in places[~np.isnan(places).any(axis=1)]:
        extent = round(radius * 2**_BITS)
        cv2.circle(tile, _fixed(place), extent, _paint(colour), -1, cv2.LINE_AA, _BITS)


def _fixed(place: Points) -> tuple[int, int]:
    x, y = (round(float(np.clip(v, -1e4, 1e4)) * 2**_BITS) for v in place)
    return x, y
