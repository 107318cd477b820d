"""Figures of an experiment."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from weaksup.experiments.recipes import Entry

_COLOURS = ("#128a84", "#c2570c", "#8560d0", "#c2408a")
_DASHES = ("solid", "dash", "dot", "dashdot")


def correlation_figure(entries: Sequence[Entry]) -> go.Figure | None:
    """Errors against c of the sparse format (Yan 2020, fig. 5.17), a line a format and ratio.

    c is that on the shapes which formats are searched on, the mean over seeds; bars are the
    deviation between seeds. Of methods, the first that has several sizes is drawn. None where no
    format has.
    """
    lines: dict[tuple[str, str, float], list[Entry]] = {}
    for entry in entries:
        cell = entry.cell
        if cell.format:
            lines.setdefault((cell.method, cell.format, cell.ratio), []).append(entry)
    lines = {name: points for name, points in lines.items() if len(points) > 1}
    if not lines:
        return None
    first = next(iter(lines))[0]
    shown = {(name, ratio): p for (method, name, ratio), p in lines.items() if method == first}
    formats, ratios = ([*dict.fromkeys(values)] for values in zip(*shown, strict=True))
    figure = go.Figure()
    for (name, ratio), points in shown.items():
        points.sort(key=lambda entry: entry.cell.m)
        figure.add_scatter(
            x=[entry.mean_of("c_found") for entry in points],
            y=[100 * entry.nme for entry in points],
            error_y={"array": np.nan_to_num([100 * e.deviation for e in points]), "width": 2},
            text=[f"{e.cell.m}" for e in points], textposition="top center",
            mode="lines+markers+text", name=f"{name}, {100 * ratio:g} %",
            line={"color": _COLOURS[formats.index(name) % len(_COLOURS)],
                  "dash": _DASHES[ratios.index(ratio) % len(_DASHES)], "width": 1.5},
        )  # fmt: skip
    figure.update_layout(height=480, title=f"{first}: m at every point")
    figure.update_xaxes(title="c of the sparse format, on the shapes that it was searched on")
    figure.update_yaxes(title="NME on other people, %")
    return figure
