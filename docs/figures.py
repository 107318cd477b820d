"""Draw the figures of docs/results.md from real annotations.

    python docs/figures.py ANNOTATIONS docs/images

ANNOTATIONS is a folder of .npz files as `fewmark convert` reads them. Affinities of two face
formats, and the best c against m of four formats with ten resamples (Yan 2020, fig. 5.16).
"""

import argparse
import shutil
import time
import warnings
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from playwright.sync_api import sync_playwright
from plotly.offline import get_plotlyjs
from screenshots import keep

from correlation import affinity, budget_curve
from correlation.figures import affinity_heatmap, budget_figure
from correlation.scores import predefined_scores
from correlation.stability import curve_spread
from datasets import ShapeSet, landmark_format, read
from datasets.formats import index_map

FILES = {
    "300w-68": "300w_valid_68.npz",
    "wflw-98": "wflw_test_part1_98.npz",
    "cofw-29": "cofw_test_29.npz",
}
WHOLE, INNER = "300w-68", "300w-inner-41"
RESAMPLES = 10
PAGE = """<html><head><meta charset="utf-8"><script>{script}</script><style>
body {{ margin: 0; background: white; font: 15px sans-serif; }}
.grid {{ display: grid; grid-template-columns: repeat({columns}, 640px); }}
h3 {{ font-weight: 600; margin: 12px 12px 0; }}
</style></head><body><div class="grid">{cells}</div></body></html>"""


def shapes_of(annotations: Path) -> dict[str, ShapeSet]:
    """Shapes of every format: three that are annotated, and the inner points of one of them."""
    known = {name: landmark_format(name) for name in (*FILES, INNER)}
    found = {
        name: read(annotations / file, landmark_format=known[name]).shapes
        for name, file in FILES.items()
    }
    inside = index_map(known[INNER], known[WHOLE])
    assert inside is not None
    return {**found, INNER: found[WHOLE].subset(known[INNER], inside)}


def curve(shapes: ShapeSet) -> go.Figure:
    """Best c for every m, beside predefined formats; prints the budgets that pay."""
    matrix = affinity(shapes)
    began = time.process_time()
    found = budget_curve(matrix, ties=False)
    seconds = time.process_time() - began
    rng = np.random.default_rng(0)
    spread = curve_spread(shapes, found.budgets, rng, resamples=RESAMPLES)
    more = time.process_time() - began - seconds
    pays = ", ".join(str(m) for m in found.worthwhile if m <= 30)
    print(
        f"{shapes.format.name}: {len(matrix)} budgets {seconds:.1f} s, {RESAMPLES} resamples "
        f"{more:.1f} s; widest deviation {max(spread.deviation):.3f}; pay up to 30: {pays}"
    )
    return budget_figure(found, predefined_scores(matrix), None, spread)


def draw(figures: dict[str, go.Figure], columns: int, path: Path) -> None:
    """Figures side by side under their names, as one PNG."""
    cells = [
        f"<div><h3>{name}</h3>{figure.to_html(full_html=False, include_plotlyjs=False)}</div>"
        for name, figure in figures.items()
    ]
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 640 * columns, "height": 400})
        page.set_content(
            PAGE.format(script=get_plotlyjs(), columns=columns, cells="".join(cells)),
            wait_until="load",
        )
        page.wait_for_function(f"document.querySelectorAll('.main-svg').length >= {len(figures)}")
        keep(page.screenshot(full_page=True), path)
        browser.close()


def main() -> None:
    """Write ``affinities.png`` and ``curves.png``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("annotations", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    shapes = shapes_of(options.annotations)
    heatmaps = {
        f"{name}, {len(shapes[name]):,} faces": affinity_heatmap(affinity(shapes[name]))
        for name in FILES
        if name != "cofw-29"
    }
    draw(heatmaps, 2, options.out / "affinities.png")
    draw({name: curve(one) for name, one in shapes.items()}, 2, options.out / "curves.png")


if __name__ == "__main__":
    main()
