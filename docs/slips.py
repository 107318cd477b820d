"""How well the canvas tells slips: false alarms on correct labels, and slips caught.

    python docs/slips.py 300w_valid_68.npz --format 300w-68 --m 10

The archive has ``points`` (N, M, 2). The model learns from one half of the shapes, the other half
is marked, by the canvas' own modules in a Chromium.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, Route, sync_playwright

from annotate.expectation import model_to_json
from annotate.server import FRONTEND
from correlation import affinity, select
from datasets.formats import SparseFormat, landmark_format
from datasets.shape_model import ShapeModel

MEASURE = """
async ({ model, shapes, faults, limits }) => {
  const { ShapeModel, preview } = await import("http://canvas/preview.js");
  const { slips } = await import("http://canvas/slips.js");
  const own = new ShapeModel(model);
  const points = (shape) => shape.map((place) => place && { x: place[0], y: place[1], v: 2 });
  const found = (shape, limit) => slips(own, points(shape), limit);
  const share = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const result = {};
  for (const limit of limits) {
    const row = {};
    row.alarms = share(shapes.map((shape) => found(shape, limit).length));
    row.alarmed = share(shapes.map((shape) => found(shape, limit).length > 0));
    const isAlarmedUnderway = (shape) => shape.some((_, k) => (
      found(shape.map((place, i) => (i <= k ? place : null)), limit).length > 0));
    if (shapes[0].length <= 30) row.alarmed_underway = share(shapes.map(isAlarmedUnderway));
    for (const [name, list] of Object.entries(faults)) {
      const told = list.map(({ shape, wrong }) => found(shape, limit)
        .map(({ kind, k, other }) => [kind, wrong.includes(k) || wrong.includes(other)]));
      row[name] = share(told.map((list) => list.some(([, isRight]) => isRight)));
      row[`${name}: kinds`] = told.flat().reduce((sum, [kind, isRight]) => {
        const key = isRight ? kind : `wrong ${kind}`;
        return { ...sum, [key]: (sum[key] ?? 0) + 1 };
      }, {});
    }
    result[limit] = row;
  }
  const timed = (work) => {
    const start = performance.now();
    shapes.forEach((shape) => work(points(shape)));
    return (performance.now() - start) / shapes.length;
  };
  timed((shape) => preview(own, shape));
  result.preview_ms = timed((shape) => preview(own, shape));
  result.slips_ms = timed((shape) => slips(own, shape));
  const swap = faults["any swap"].map(({ shape }) => shape);
  const start = performance.now();
  swap.forEach((shape) => slips(own, points(shape)));
  result.slips_with_swap_ms = (performance.now() - start) / swap.length;
  return result;
}
"""


def make_faults(
    shapes: np.ndarray, sizes: np.ndarray, sparse: SparseFormat, rng: np.random.Generator
) -> dict[str, list[dict[str, Any]]]:
    """One fault of each kind in every shape; `wrong` are the landmarks that it concerns."""
    m = shapes.shape[1]
    places = {index: k for k, index in enumerate(sparse.chosen)}
    mirror = [places.get(sparse.dense.mirror[index]) for index in sparse.chosen]
    pairs = [(i, j) for i, j in enumerate(mirror) if j is not None and i < j]
    faults: dict[str, list[dict[str, Any]]] = {}

    def add(name: str, shape: np.ndarray, wrong: list[int]) -> None:
        faults.setdefault(name, []).append({"shape": shape.tolist(), "wrong": wrong})

    for shape, size in zip(shapes, sizes, strict=True):
        for name, choice in (("left-right swap", pairs), ("any swap", None)):
            if choice == []:
                continue
            pair = list(rng.choice(m, 2, replace=False) if choice is None else rng.choice(choice))
            swapped = shape.copy()
            swapped[pair] = shape[pair[::-1]]
            add(name, swapped, [int(k) for k in pair])
        for share in (0.05, 0.1, 0.2):
            k, angle = int(rng.integers(m)), rng.uniform(0, 2 * np.pi)
            moved = shape.copy()
            moved[k] += share * size * np.array([np.cos(angle), np.sin(angle)])
            add(f"{share:.0%} of the face off", moved, [k])
    return faults


def measured(page: Page, points: np.ndarray, name: str, m: int, limits: list[float]) -> Any:  # noqa: ANN401
    """The figures of one data set."""
    rng = np.random.default_rng(0)
    order = rng.permutation(len(points))
    half = len(points) // 2
    learnt, held_out = points[order[:half]], points[order[half:]][:300]
    dense = landmark_format(name)
    if m < len(dense):
        sparse = select(affinity(learnt), m).sparse
        sparse = SparseFormat(dense, sparse.chosen, sparse.represented_by)
    else:
        sparse = SparseFormat(dense, tuple(range(m)), tuple(range(m)))
    model = model_to_json(ShapeModel.fit(learnt), sparse)
    extent = held_out.max(axis=1) - held_out.min(axis=1)
    sizes = np.sqrt(extent.prod(axis=1))
    shapes = held_out[:, list(sparse.chosen)]
    faults = make_faults(shapes, sizes, sparse, rng)
    other = held_out[:, [dense.mirror[index] for index in sparse.chosen]]
    faults["all sides"] = [{"shape": s.tolist(), "wrong": list(range(m))} for s in other]
    kilobytes = len(json.dumps(model)) / 1000
    sent = {"model": model, "shapes": shapes.tolist(), "faults": faults, "limits": limits}
    return {"chosen": sparse.names, "kB": kilobytes, **page.evaluate(MEASURE, sent)}


def main() -> None:
    """Run the measurement and print it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--format", required=True)
    parser.add_argument("--m", type=int, default=10)
    parser.add_argument("--limits", type=float, nargs="+", default=[5.0])
    options = parser.parse_args()
    points = np.load(options.archive)["points"].astype(float)

    def answer(route: Route) -> None:
        path = FRONTEND / Path(route.request.url).name
        text = path.read_text("utf-8") if path.suffix == ".js" else "<title>canvas</title>"
        kind = "text/javascript" if path.suffix == ".js" else "text/html"
        route.fulfill(body=text, content_type=kind)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=["--no-sandbox"],
        )
        page = browser.new_page()
        page.route("http://canvas/**", answer)
        page.goto("http://canvas/")
        found = measured(page, points, options.format, options.m, options.limits)
        browser.close()
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
