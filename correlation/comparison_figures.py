"""Figures of affinity errors and series: data in, Plotly figure out.

They are the figures of `correlation.figures` with other numbers in them. Errors are orange where
landmarks are over-correlated, blue where under-correlated, and light grey at zero.
"""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from correlation.comparison import Comparison
from correlation.figures import (
    GREY,
    PALETTE,
    SCALE,
    affinity_heatmap,
    affinity_on_shape,
    component_order,
)
from correlation.matrix import AffinityMatrix
from correlation.series import Series

Floats = NDArray[np.float64]

OVER, UNDER = "#D55E00", "#0072B2"
SIGNED = [[0.0, UNDER], [0.5, "#EDEDED"], [1.0, OVER]]

_CLEAR = "rgba(0,0,0,0)"
_LEAST_LIMIT = 0.01  # errors smaller than this are not painted as if they were large
_MOST_DETAILS = 120  # of more landmarks, the numbers on hover would be heavier than the figure


def error_heatmap(comparison: Comparison, title: str = "error") -> go.Figure:
    """The signed errors, zero in the middle of the scale; names and both affinities on hover."""
    figure = change_heatmap(comparison.truth, comparison.error, title)
    if len(comparison.format) <= _MOST_DETAILS:
        order, _ = component_order(comparison.format)
        both = np.stack([comparison.predicted.values, comparison.truth.values], axis=-1)
        first, second = comparison.names
        figure.update_traces(
            customdata=both[np.ix_(order, order)],
            hovertemplate=f"%{{y}}<br>%{{x}}<br>{title} %{{z:+.3f}}: "
            f"{first} %{{customdata[0]:.3f}}, {second} %{{customdata[1]:.3f}}<extra></extra>",
        )
    return figure


def change_heatmap(matrix: AffinityMatrix, change: Floats, title: str) -> go.Figure:
    """Signed differences (M, M) of affinities, in the order of `affinity_heatmap`."""
    limit = _limit(change)
    figure = _with_values(matrix, change, title, "+.3f")
    return figure.update_traces(zmin=-limit, zmax=limit, colorscale=SIGNED)


def deviation_heatmap(matrix: AffinityMatrix, deviation: Floats) -> go.Figure:
    """Standard deviations (M, M) of affinities, in the order of `affinity_heatmap`."""
    figure = _with_values(matrix, deviation, "deviation", ".3f")
    return figure.update_traces(zmin=0, zmax=_limit(deviation), colorscale=SCALE)


def error_on_shape(
    mean_shape: Floats, comparison: Comparison, first: int, second: int
) -> go.Figure:
    """A pair on the mean shape; every landmark is coloured by its error with the first one.

    Parameters
    ----------
    mean_shape
        float64 (M, D), y down; of three dimensions the first two are drawn.
    comparison
        The errors; the scale of colours is that of `error_heatmap`.
    first, second
        Indices; where they are the same, no pair is drawn.
    """
    errors, limit = comparison.error[first], _limit(comparison.error)
    other = None if first == second else second
    figure = affinity_on_shape(mean_shape, comparison.truth, first, other)
    colour = OVER if errors[second] >= 0 else UNDER
    every, rings = figure.data[-2:]
    names = comparison.format.landmarks
    texts = [f"{i} {name}<br>error {errors[i]:+.3f}" for i, name in enumerate(names)]
    every.update(hovertext=texts)
    every.marker.update(color=errors, cmin=-limit, cmax=limit, colorscale=SIGNED)
    rings.update(hovertext=[texts[i] for i in rings.customdata], marker_color=colour)
    if other is not None:
        figure.data[-3].line.color = colour
        figure.update_annotations(text=f"{errors[second]:+.3f}", bgcolor=colour)
    return figure


def path_figure(series: Series, first: int, second: int, truth: float | None = None) -> go.Figure:
    """The affinity of one pair over a series, beside the true one if given."""
    names = series.format.landmarks
    line = go.Scatter(
        x=list(series.positions),
        y=series.path(first, second),
        mode="lines+markers",
        name="predicted",
        line={"color": PALETTE[0], "width": 2},
        hovertemplate="epoch %{x}<br>affinity %{y:.3f}<extra></extra>",
    )
    figure = go.Figure(line)
    if truth is not None:
        figure.add_hline(
            truth,
            line={"color": OVER, "dash": "dash", "width": 2},
            annotation={"text": f"true: {truth:.3f}", "font": {"color": OVER}},
            annotation_position="top left",
        )
    figure.update_xaxes(title="epoch, over all stages")
    figure.update_yaxes(title="affinity", range=[0, 1.03])
    return figure.update_layout(
        title={"text": f"{names[first]} and {names[second]}", "font": {"size": 14}},
        height=420,
        margin={"l": 10, "r": 10, "t": 40, "b": 10},
        paper_bgcolor=_CLEAR,
        plot_bgcolor=_CLEAR,
        showlegend=False,
    )


def _with_values(matrix: AffinityMatrix, values: Floats, title: str, digits: str) -> go.Figure:
    order, _ = component_order(matrix.format)
    figure = affinity_heatmap(matrix)
    figure.update_shapes(line={"color": GREY})
    return figure.update_traces(
        z=values[np.ix_(order, order)],
        colorbar={"title": {"text": title}},
        hovertemplate="%{y}<br>%{x}<br>" + f"{title} %{{z:{digits}}}<extra></extra>",
    )


def _limit(values: Floats) -> float:
    return max(float(np.abs(values).max()), _LEAST_LIMIT)
