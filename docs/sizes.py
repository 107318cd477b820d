"""Draw what an experiment over sizes of sparse formats found: docs/experiments/sizes.toml.

    fewmark experiment OUT --config docs/experiments/sizes.toml --data LANDMARKS.csv
    python docs/sizes.py OUT docs/images

Errors of the network against c (Yan 2020, fig. 5.17), and of completed clicks against m.
"""

import sys
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
from figures import draw

COLOURS = {"k-center": "#128a84", "expected-error": "#c2570c"}
DASHES = {"recommended": "solid", "clicked": "dot", "completed": "solid"}


def panel(table: pd.DataFrame, methods: tuple[str, ...], across: str, title: str) -> go.Figure:
    """NME of these methods, a line a format; m stands at every point."""
    figure = go.Figure()
    for method in methods:
        for name, colour in COLOURS.items():
            rows = table[(table["format"] == name) & (table["method"] == method)].sort_values("m")
            figure.add_scatter(
                x=rows[across], y=rows["nme"], text=rows["m"].astype(int).astype(str),
                error_y={"array": rows["sd"].fillna(0), "width": 0, "thickness": 0.7},
                mode="markers+text" if across != "m" else "lines+markers",
                textposition="middle right", name=f"{name}, {method}", marker={"size": 5},
                line={"color": colour, "dash": DASHES[method], "width": 1.5},
            )  # fmt: skip
    figure.update_xaxes(title=title)
    figure.update_yaxes(title="NME on other people, %")
    legend = {"x": 1, "xanchor": "right", "y": 1}
    return figure.update_layout(height=420, legend=legend, margin={"t": 20, "r": 20})


def main(out: Path, images: Path) -> None:
    """Write ``sizes.png``."""
    table = pd.read_csv(out / "table.csv")
    table = table[table["ratio"] == table["ratio"].min()]
    found = {
        "the network alone, preset recommended": panel(
            table, ("recommended",), "c_found", "c of the sparse format; m at every point"
        ),
        "clicked pictures, completed": panel(table, ("clicked", "completed"), "m", "m"),
    }
    draw(found, 2, images / "sizes.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
