"""Figures of progress: data in, Plotly figure out."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from annotate.progress import Slice

# Okabe and Ito's, 3:1 and more on light and dark; more people than these share the last one.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#8560D0", "#C2408A", "#9A7B00")
_MOST_PEOPLE = 8
_ROW_PX = 22
_OTHERS = "others"
_HOUR = timedelta(hours=1)


def throughput_figure(slices: Sequence[Slice]) -> go.Figure:
    """Pictures finished, a bar for each day or hour, and whose they are."""
    total: dict[str, int] = {}
    for one in slices:
        total[one.annotator] = total.get(one.annotator, 0) + one.pictures
    named = sorted(total, key=lambda name: -total[name])[:_MOST_PEOPLE]
    figure = go.Figure()
    for number, name in enumerate([*named, *([_OTHERS] if len(total) > len(named) else [])]):
        own = [one for one in slices if _shown(one, named) == name]
        figure.add_bar(
            x=[one.start for one in own],
            y=[one.pictures for one in own],
            name=name,
            customdata=[round(one.points_per_hour) for one in own],
            marker={
                "color": _COLOURS[number % len(_COLOURS)],
                "pattern": {"shape": "/" if number >= len(_COLOURS) else ""},
            },
            hovertemplate="%{x}<br>%{y} pictures, %{customdata} points an hour"
            "<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(barmode="stack", bargap=0.15, showlegend=len(total) > 1)
    figure.update_yaxes(title="pictures finished", rangemode="tozero")
    starts = {one.start for one in slices}
    if len(starts) == 1:  # else it would be as wide as the figure, and the axis tell microseconds
        (hour,) = starts
        figure.update_traces(width=_HOUR.total_seconds() * 1000)
        figure.update_xaxes(range=[hour - 6 * _HOUR, hour + 6 * _HOUR])
    return _laid_out(figure, height=320)


def gold_figure(rows: Sequence[Mapping[str, Any]], unit: str) -> go.Figure:
    """The error of every answer to a gold picture over time, a line for each annotator."""
    figure = go.Figure()
    for number, name in enumerate(sorted({str(row["annotator"]) for row in rows})):
        own = [row for row in rows if row["annotator"] == name and row["nme_percent"] is not None]
        colour = _COLOURS[number % len(_COLOURS)]
        figure.add_scatter(
            x=[row["time"] for row in own],
            y=[row["nme_percent"] for row in own],
            name=name,
            mode="lines+markers",
            line={"color": colour, "dash": "dot" if number >= len(_COLOURS) else "solid"},
            hovertemplate="%{x}<br>%{y:.2f} %<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(showlegend=True)
    figure.update_yaxes(title=f"error, % of {unit}", rangemode="tozero")
    return _laid_out(figure, height=300)


def _shown(one: Slice, named: Sequence[str]) -> str:
    return one.annotator if one.annotator in named else _OTHERS


def landmark_figure(
    names: Sequence[str], values: NDArray[np.float64], title: str, unit: str
) -> go.Figure:
    """One bar for each landmark, in the order in which they are marked, the first at the top."""
    figure = go.Figure(
        go.Bar(
            x=values,
            y=list(names),
            orientation="h",
            marker={"color": _COLOURS[0]},
            hovertemplate="%{y}<br>%{x:.2f} " + unit + "<extra></extra>",
        )
    )
    figure.update_xaxes(title=title, rangemode="tozero")
    figure.update_yaxes(autorange="reversed", automargin=True)
    return _laid_out(figure, height=90 + _ROW_PX * len(names)).update_layout(margin={"t": 5})


def _laid_out(figure: go.Figure, height: int) -> go.Figure:
    return figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
    )
