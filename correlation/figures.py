"""Figures of affinities and sparse formats: data in, Plotly figure out.

Backgrounds are transparent and lines mid grey, so that the figures stand on light and dark pages;
colours are Cividis and Okabe and Ito's, which colour-blind readers can tell apart.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from correlation.curve import BudgetCurve
from correlation.matrix import AffinityMatrix
from correlation.scores import Score
from correlation.stability import CurveSpread, Stability
from datasets.formats import LandmarkFormat, SparseFormat

Floats = NDArray[np.float64]

SCALE = "Cividis"
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#7A68A6")
ACCENT = "#D55E00"
GREY = "#8A8F98"

_CLEAR = "rgba(0,0,0,0)"
_FAINT = "rgba(138,143,152,0.45)"
_AROUND = 0.02  # of affinity, above and below a curve
_COLOUR_BAR = {"orientation": "h", "y": 1, "yanchor": "bottom", "thickness": 10}
_MOST_NUMBERS = 70  # more numbers than this hide each other and the shape


def affinity_heatmap(affinity: AffinityMatrix) -> go.Figure:
    """The affinity matrix, landmark names on hover, components side by side and separated."""
    known = affinity.format
    order, blocks = component_order(known)
    names = [known.landmarks[i] for i in order]
    heatmap = go.Heatmap(
        z=affinity.values[np.ix_(order, order)],
        x=names,
        y=names,
        zmin=0,
        zmax=1,
        colorscale=SCALE,
        colorbar=_COLOUR_BAR | {"title": {"text": "affinity", "side": "top"}},
        hovertemplate="%{y}<br>%{x}<br>affinity %{z:.3f}<extra></extra>",
    )
    figure = go.Figure(heatmap)
    # All at once: Plotly copies every line there is for each that is added.
    figure.update_layout(shapes=_separators([start - 0.5 for _, start, _ in blocks[1:]]))
    middles = [names[(start + end - 1) // 2] for _, start, end in blocks]
    figure.update_xaxes(tickangle=-45)
    figure.update_yaxes(autorange="reversed", scaleanchor="x", constraintoward="top")
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        axis.update(type="category", constrain="domain", showgrid=False, nticks=12)
        if blocks:
            axis.update(tickvals=middles, ticktext=[label for label, _, _ in blocks])
    return _laid_out(figure, height=600)


def _separators(places: Sequence[float]) -> list[dict[str, object]]:
    """Lines across the whole figure, downwards and sideways, at each of these places."""
    line = {"type": "line", "line": {"color": "white", "width": 1}}
    return [
        {**line, "xref": xref, "yref": yref, **ends}
        for at in places
        for xref, yref, ends in (
            ("x", "y domain", {"x0": at, "x1": at, "y0": 0, "y1": 1}),
            ("x domain", "y", {"x0": 0, "x1": 1, "y0": at, "y1": at}),
        )
    ]


def component_order(known: LandmarkFormat) -> tuple[list[int], list[tuple[str, int, int]]]:
    """Landmarks ordered by component, and each component's label, start and end in that order.

    Landmarks of no component come last as "other". Without components the order stays, and
    there is no block.
    """
    order: list[int] = []
    blocks: list[tuple[str, int, int]] = []
    for component in known.components:
        members = [i for i in component.indices if i not in order]
        if members:
            label = component.name.replace("_", " ")
            blocks.append((label, len(order), len(order) + len(members)))
            order += members
    rest = [i for i in range(len(known)) if i not in set(order)]
    if blocks and rest:
        blocks.append(("other", len(order), len(known)))
    return order + rest, blocks


def affinity_on_shape(
    mean_shape: Floats, affinity: AffinityMatrix, landmark: int, other: int | None = None
) -> go.Figure:
    """The mean shape, coloured by affinity to one landmark; a line to another if given.

    The scale of colours is that of `affinity_heatmap`, beside which it stands.

    Parameters
    ----------
    mean_shape
        float64 (M, D), y down; of three dimensions the first two are drawn.
    affinity
        The affinity matrix.
    landmark, other
        Indices.
    """
    known, values = affinity.format, affinity.values[landmark]
    figure = _contours(mean_shape, known)
    if other is not None:
        ends = mean_shape[[landmark, other]]
        figure.add_trace(_line(ends, ACCENT, width=2))
        figure.add_annotation(
            x=float(ends[:, 0].mean()),
            y=float(ends[:, 1].mean()),
            text=f"{values[other]:.3f}",
            font={"color": "white"},
            bgcolor=ACCENT,
            showarrow=False,
        )
    marker = {
        "color": values,
        "cmin": 0,
        "cmax": 1,
        "colorscale": SCALE,
        "size": 11,
        "line": {"color": GREY, "width": 1},
    }
    texts = [f"{v:.3f}" for v in values]
    figure.add_trace(_landmarks(mean_shape, known, range(len(known)), marker, texts))
    ring = {"size": 20, "symbol": "circle-open", "color": ACCENT, "line": {"width": 3}}
    marked = [landmark] if other is None else [landmark, other]
    rings = _landmarks(mean_shape, known, marked, ring, [texts[i] for i in marked])
    figure.add_trace(rings.update(mode="markers"))
    return _shape_layout(figure)


def sparse_on_shape(mean_shape: Floats, sparse: SparseFormat) -> go.Figure:
    """The mean shape: chosen landmarks large, every other linked to the one it is inferred from.

    Parameters
    ----------
    mean_shape
        float64 (M, D), y down; of three dimensions the first two are drawn.
    sparse
        The chosen landmarks, and who represents whom.
    """
    known = sparse.dense
    figure = _contours(mean_shape, known)
    colours = {j: PALETTE[place % len(PALETTE)] for place, j in enumerate(sparse.chosen)}
    for j, colour in colours.items():
        served = [i for i in sparse.rest if sparse.represented_by[i] == j]
        figure.add_trace(_line(_links(mean_shape, j, served), colour, width=1))
    rest = list(sparse.rest)
    small = {"size": 7, "color": [colours[sparse.represented_by[i]] for i in rest]}
    by = [f"represented by {known.landmarks[sparse.represented_by[i]]}" for i in rest]
    figure.add_trace(_landmarks(mean_shape, known, rest, small, by))
    large = {
        "size": 20,
        "color": list(colours.values()),
        "symbol": "square",
        "line": {"color": "white", "width": 1.5},
    }
    chosen = list(sparse.chosen)
    trace = _landmarks(mean_shape, known, chosen, large, ["chosen"] * len(chosen))
    inside = {"textposition": "middle center", "textfont": {"size": 10, "color": "white"}}
    figure.add_trace(trace.update(mode="markers+text", **inside))
    return _shape_layout(figure)


def budget_figure(
    curve: BudgetCurve,
    predefined: dict[str, Score],
    current: Score | None = None,
    spread: CurveSpread | None = None,
) -> go.Figure:
    """Best c against the budget m, predefined formats as single points (Yan 2020, fig. 5.16).

    Large points are the budgets that pay; bars are the standard deviation over resamples.
    """
    selections, pays = curve.selections, curve.worthwhile
    bars = None if spread is None else {"array": spread.deviation, "thickness": 1, "width": 2}
    figure = go.Figure(
        go.Scatter(
            x=list(curve.budgets),
            y=list(curve.min_correlations),
            mode="lines+markers",
            name="searched",
            line={"color": PALETTE[0], "width": 2},
            error_y=bars,
            marker={
                "symbol": ["circle" if s.proven else "circle-open" for s in selections],
                "size": [9 if m in pays else 5 for m in curve.budgets],
            },
            customdata=["proven" if s.proven else f"at most {s.bound:.4f}" for s in selections],
            hovertemplate="m = %{x}<br>c = %{y:.4f}, %{customdata}<extra></extra>",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[len(s.sparse) for s in predefined.values()],
            y=[s.min_correlation for s in predefined.values()],
            mode="markers+text",
            name="predefined",
            # Below, where the curve never is; every other a line lower, beside its neighbours.
            text=[("", "<br>")[i % 2] + name for i, name in enumerate(predefined)],
            textposition="bottom center",
            customdata=list(predefined),
            marker={"symbol": "diamond", "size": 11, "color": PALETTE[1]},
            hovertemplate="%{customdata}<br>m = %{x}<br>c = %{y:.4f}<extra></extra>",
            cliponaxis=False,
        )
    )
    if current is not None:
        ring = {"symbol": "circle-open", "size": 18, "color": ACCENT, "line": {"width": 3}}
        figure.add_trace(
            go.Scatter(
                x=[len(current.sparse)],
                y=[current.min_correlation],
                mode="markers",
                name="this choice",
                marker=ring,
                hovertemplate="m = %{x}<br>c = %{y:.4f}<extra></extra>",
            )
        )
    figure.update_xaxes(title="m, landmarks to mark")
    figure.update_yaxes(title="c, smallest affinity", range=[0, 1.03])
    figure.update_layout(legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0})
    return _laid_out(figure, height=420)


def frequency_on_shape(mean_shape: Floats, stability: Stability) -> go.Figure:
    """The mean shape: how often resamples choose each landmark; what all shapes choose is ringed.

    Parameters
    ----------
    mean_shape
        float64 (M, D), y down; of three dimensions the first two are drawn.
    stability
        Of the same landmarks.
    """
    known, share = stability.format, stability.frequency
    figure = _contours(mean_shape, known)
    marker = {
        "color": share,
        "cmin": 0,
        "cmax": 1,
        "colorscale": [[0, _FAINT], [1, PALETTE[0]]],
        "colorbar": _COLOUR_BAR | {"title": {"text": "draws", "side": "top"}, "tickformat": ".0%"},
        "size": 6 + 14 * share / max(float(share.max()), 1e-9),
        "line": {"color": GREY, "width": 1},
    }
    texts = [f"in {s:.0%} of the draws" for s in share]
    figure.add_trace(_landmarks(mean_shape, known, range(len(known)), marker, texts))
    ring = {"size": 24, "symbol": "circle-open", "color": ACCENT, "line": {"width": 2}}
    chosen = list(stability.chosen)
    rings = _landmarks(mean_shape, known, chosen, ring, [texts[i] for i in chosen])
    figure.add_trace(rings.update(mode="markers"))
    return _shape_layout(figure)


def sizes_figure(rows: Sequence[Mapping[str, Any]], best: float, unit: str) -> go.Figure:
    """What sets that n subjects choose are worth: how many a stable choice needs.

    Parameters
    ----------
    rows
        See `correlation.stability.how_many_shapes`.
    best
        c that all subjects choose.
    unit
        What is drawn, such as subjects.
    """
    used = [row for row in rows if row["draws"]]
    sizes = [row["subjects"] for row in used]
    worth = [row["min_correlation"] for row in used]
    seen = [row["min_correlation"] + row["optimism"] for row in used]
    figure = go.Figure()
    for name, values, colour, dash in (
        ("on all", worth, PALETTE[0], "solid"),
        ("on the draw", seen, PALETTE[1], "dot"),
    ):
        line = {"color": colour, "width": 2, "dash": dash}
        hover = f"n = %{{x}}<br>c {name} %{{y:.3f}}<extra></extra>"
        figure.add_scatter(x=sizes, y=values, name=name, line=line, hovertemplate=hover)
    figure.add_hline(best, line={"color": GREY, "width": 1, "dash": "dash"})
    ticks = [n for n, after in zip(sizes, [*sizes[1:], math.inf], strict=True) if after > 1.2 * n]
    figure.update_traces(mode="lines+markers")
    figure.update_xaxes(
        type="log", title=f"n, {unit} drawn", tickvals=ticks, ticktext=[str(n) for n in ticks]
    )
    ends = [best, *worth, *seen]
    low, high = min(ends) - _AROUND, max(ends) + _AROUND
    figure.update_yaxes(title="c, smallest affinity", range=[low, high])
    figure.update_layout(legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0})
    return _laid_out(figure, height=500)


def _contours(shape: Floats, known: LandmarkFormat) -> go.Figure:
    figure = go.Figure()
    for contour in known.contours:
        ends = [contour.indices[0]] if contour.closed else []
        figure.add_trace(_line(shape[[*contour.indices, *ends]], _FAINT, width=2))
    return figure


def _line(points: Floats, colour: str, width: int) -> go.Scatter:
    return go.Scatter(
        x=points[:, 0],
        y=points[:, 1],
        mode="lines",
        line={"color": colour, "width": width},
        hoverinfo="skip",
    )


def _links(shape: Floats, hub: int, served: Sequence[int]) -> Floats:
    """Lines from one landmark to several as one broken line, NaN between them."""
    gap = np.full(shape.shape[1], np.nan)
    pieces = [point for i in served for point in (shape[hub], shape[i], gap)]
    return np.array(pieces).reshape(-1, shape.shape[1])


def _landmarks(
    shape: Floats,
    known: LandmarkFormat,
    indices: Sequence[int],
    marker: dict[str, object],
    texts: Sequence[str],
) -> go.Scatter:
    """Landmarks with name and number on hover; `customdata` is their index."""
    where = list(indices)
    numbered = len(known) <= _MOST_NUMBERS
    opaque = {"marker": {"opacity": 1}}  # Plotly fades what is not selected
    return go.Scatter(
        x=shape[where, 0],
        y=shape[where, 1],
        mode="markers+text" if numbered else "markers",
        text=[str(i) for i in where],
        textposition="top center",
        textfont={"size": 9, "color": GREY},
        marker={"opacity": 1, **marker},
        customdata=where,
        hovertext=[f"{i} {known.landmarks[i]}<br>{t}" for i, t in zip(where, texts, strict=True)],
        hovertemplate="%{hovertext}<extra></extra>",
        selected=opaque,
        unselected=opaque,
    )


def _shape_layout(figure: go.Figure) -> go.Figure:
    figure.update_xaxes(visible=False, constrain="domain")
    figure.update_yaxes(visible=False, autorange="reversed", scaleanchor="x")
    figure.update_layout(showlegend=False, dragmode="pan")
    return _laid_out(figure, height=500)


def _laid_out(figure: go.Figure, height: int) -> go.Figure:
    return figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        paper_bgcolor=_CLEAR,
        plot_bgcolor=_CLEAR,
    )
