"""Figure of plans: every m and n, the error to expect and the hours."""

from collections.abc import Sequence

import plotly.graph_objects as go

from correlation.figures import ACCENT, GREY
from correlation.planning import Plan

# From little to much error; light throughout, as dark text stands on it in both themes.
_SCALE = ((0.0, "#FCE98B"), (1.0, "#7FA6CE"))
_INK = "#1A1A1A"
_CLEAR = "rgba(0,0,0,0)"
_ROW_PX = 44
_AXES_PX = 90


def plan_figure(
    plans: Sequence[Plan], measured: int, marked: Sequence[Plan | None] = ()
) -> go.Figure:
    """A heat map over n and m: expected NME in percent, and below it the hours.

    Parameters
    ----------
    plans
        One for every m and n of a grid.
    measured
        Errors beyond this n are extrapolated, and shown with a ``~``.
    marked
        Plans to frame.
    """
    cells = {(p.m, p.n): p for p in plans}
    budgets, sizes = (sorted({key[axis] for key in cells}) for axis in (0, 1))
    grid = [[cells[m, n] for n in sizes] for m in budgets]
    heatmap = go.Heatmap(
        z=[[None if p.expected_nme is None else 100 * p.expected_nme for p in row] for row in grid],
        x=[f"{n:,}" for n in sizes],
        y=[str(m) for m in budgets],
        text=[[_text(p, measured) for p in row] for row in grid],
        texttemplate="%{text}",
        textfont={"size": 11, "color": _INK},
        customdata=[[[p.points, p.points_saved, p.cost] for p in row] for row in grid],
        hovertemplate=(
            "m = %{y}, n = %{x}<br>NME %{z:.2f} %<br>%{customdata[0]:,} points to mark, "
            "%{customdata[1]:,} saved<br>cost %{customdata[2]:,.0f}<extra></extra>"
        ),
        colorscale=_SCALE,
        colorbar={"title": {"text": "NME, %"}, "thickness": 12},
        xgap=2,
        ygap=2,
    )
    figure = go.Figure(heatmap)
    for plan in marked:
        if plan is not None:
            x, y = sizes.index(plan.n), budgets.index(plan.m)
            frame = {"x0": x - 0.5, "x1": x + 0.5, "y0": y - 0.5, "y1": y + 0.5}
            figure.add_shape(type="rect", **frame, line={"color": ACCENT, "width": 4})
    axis = {"type": "category", "showgrid": False, "zeroline": False, "color": GREY}
    figure.update_xaxes(title="n, images marked densely", **axis)
    figure.update_yaxes(title="m, landmarks on the others", **axis)
    return figure.update_layout(
        height=_AXES_PX + _ROW_PX * len(budgets),
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        paper_bgcolor=_CLEAR,
        plot_bgcolor=_CLEAR,
    )


def _text(plan: Plan, measured: int) -> str:
    hours = f"{plan.hours:,.0f} h" if plan.hours >= 100 else f"{plan.hours:,.1f} h"
    if plan.expected_nme is None:
        return f"?<br>{hours}"
    about = "~" if plan.n > measured and plan.points_saved else ""
    return f"{about}{100 * plan.expected_nme:.2f} %<br>{hours}"
