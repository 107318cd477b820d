"""What marking faces takes: 12 points, 12 with ghosts, and all 68, in a real browser.

    python tests/benchmark/bench_session.py LANDMARKS.csv PREDICTIONS.npz [--faces 20] [--speed 1]

A scripted annotator marks the same pictures again and again, as fast as the keystroke-level model
says that people are (Card, Moran and Newell 1980): 1.1 s to point, 0.2 s to click, 0.28 s a key,
1.35 s to look before each picture and before each ghost that is off. It knows the labels: it takes
a ghost by the space bar where it lies within a tolerance of its label, and else clicks the label.
Seconds are told twice: summed from the model, and as the tool's own stopwatch has them in its
store. LANDMARKS.csv has pictures, subjects and the splits train and valid.
"""

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))

from annotate.exchange import create_project, mean_guide
from annotate.ghosts import set_ghosts
from annotate.store import AnnotationStore, Project, open_store
from annotate.timing import marked_pictures
from correlation.affinity import affinity
from correlation.residual_variance import least_variance
from correlation.scores import score
from datasets.dataset import LandmarkDataset
from datasets.io.registry import read
from datasets.metrics import span_lengths
from datasets.shape_model import ShapeModel
from datasets.shapes import empty_shapes
from tests.browser.conftest import FLAGS, Server

M_CLICKED = 12
TOLERANCES = 0.05, 0.1  # in parts of the inter-ocular distance
SECONDS = {"point": 1.1, "click": 0.2, "key": 0.28, "look": 1.35}


@dataclass
class Hand:
    """A scripted annotator's mouse and keyboard, as slow as people's; it counts what it does."""

    page: Page
    speed: float
    done: Counter[str] = field(default_factory=Counter)

    def take(self, *what: str) -> None:
        """Let the time of some operators pass."""
        self.done.update(what)
        self.page.wait_for_timeout(1e3 * sum(SECONDS[name] for name in what) / self.speed)

    @property
    def seconds(self) -> float:
        """By the keystroke-level model."""
        return sum(SECONDS[name] * count for name, count in self.done.items() if name in SECONDS)

    def click(self, place: tuple[float, float]) -> None:
        self.take("point", "click")
        self.page.mouse.click(*place)
        self.done["actions"] += 1

    def key(self, key: str) -> None:
        self.take("key")
        self.page.keyboard.press(key)
        self.done["actions"] += 1


def on_screen(page: Page, size: tuple[int, int], points: np.ndarray) -> list[tuple[float, float]]:
    """Places on the screen of positions (m, 2) in a picture of this height and width."""
    page.evaluate("new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")
    left, top, width, height = page.locator(".stage img").evaluate(
        "e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; }"
    )
    scale = np.array([width / size[1], height / size[0]])
    return [tuple(place) for place in (points + 0.5) * scale + (left, top)]


def mark(page: Page, hand: Hand, store: AnnotationStore, project: Project, truth: LandmarkDataset,
         ghosts: LandmarkDataset | None, tolerance: float) -> None:  # fmt: skip
    """Mark every picture of a project."""
    rows = {name: k for k, name in enumerate(truth.samples["shape_id"])}
    spans, chosen = span_lengths(truth.shapes), list(project.sparse.chosen)
    for position, item in enumerate(store.items(project)):
        page.wait_for_selector(f'.annotator[data-position="{position}"]', timeout=300_000)
        row = rows[item.content.shape_id]
        wanted = truth.shapes.points[row][chosen]
        places = on_screen(page, (item.content.height_px, item.content.width_px), wanted)
        hand.take("look")
        for k, place in enumerate(places):
            if ghosts is None:
                hand.click(place)
                continue
            off = np.linalg.norm(ghosts.shapes.points[row, chosen[k]] - wanted[k]) / spans[row]
            if off <= tolerance:
                hand.key("Space")
            else:
                hand.take("look")
                hand.click(place)
                hand.done["off"] += 1
        page.wait_for_selector('.annotator[data-status="done"]', timeout=60_000)
        page.wait_for_selector('.annotator[data-saving="saved"]', timeout=60_000)
        hand.key("d")


def told(name: str, hand: Hand, store: AnnotationStore, project: Project,
         truth: LandmarkDataset) -> None:  # fmt: skip
    """One line of the table; the labels are read back and held against the truth."""
    pictures = len(store.items(project))
    current = store.current(store.items(project))
    marked = marked_pictures(store, project)
    rows = {shape: k for k, shape in enumerate(truth.samples["shape_id"])}
    spans, chosen = span_lengths(truth.shapes), list(project.sparse.chosen)
    errors = []
    for item in store.items(project):
        revision, row = current[item.id], rows[item.content.shape_id]
        assert all(revision.points), "a point is missing"
        places = np.array([(p.x, p.y) for p in revision.points])
        true = truth.shapes.points[row][chosen]
        errors.append(np.linalg.norm(places - true, axis=1).mean() / spans[row])
    stopwatch = sum(p.seconds for p in marked) * hand.speed / len(marked)
    print(f"| {name} | {len(chosen)} | {hand.done['actions'] / pictures:.1f} | "
          f"{hand.done['off'] / pictures:.1f} | {hand.seconds / pictures:.1f} | "
          f"{stopwatch:.1f} | {100 * np.mean(errors):.2f} |", flush=True)  # fmt: skip


def faces(options: argparse.Namespace) -> tuple[LandmarkDataset, LandmarkDataset, LandmarkDataset]:
    """Shapes of others to learn from, faces to mark, and what a detector says of these."""
    whole = read(options.landmarks, landmark_format="300w-68")
    guesses = read(options.predictions, landmark_format="300w-68")
    seen = guesses.take(guesses.shapes.complete)
    valid = whole.split("valid")
    found = set(seen.samples["shape_id"])
    usable = valid.take(valid.samples["shape_id"].isin(found).to_numpy(dtype=bool))
    first = ~usable.samples["subject"].duplicated().to_numpy(dtype=bool)
    chosen = usable.take(np.flatnonzero(first)[: options.faces])
    place = {name: k for k, name in enumerate(seen.samples["shape_id"])}
    rows = np.array([place[name] for name in chosen.samples["shape_id"]])
    return whole.split("train"), chosen, seen.take(rows)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("landmarks", type=Path)
    parser.add_argument("predictions", type=Path)
    parser.add_argument("--faces", type=int, default=20)
    parser.add_argument("--speed", type=float, default=1.0, help="times as fast; for a first look")
    options = parser.parse_args()
    others, truth, guesses = faces(options)
    model = ShapeModel.fit(others.shapes.take(others.shapes.complete))
    matrix = affinity(others.shapes)
    choices = least_variance(model, M_CLICKED).chosen, range(len(truth.format))
    few, everything = (score(matrix, chosen).sparse for chosen in choices)
    kinds = [("12 points", few, None, 0.0), ("68 points", everything, None, 0.0)]
    kinds[1:1] = [(f"12 points, ghosts within {t:.0%}", few, guesses, t) for t in TOLERANCES]
    with tempfile.TemporaryDirectory(prefix="fewmark-session-") as place:
        workspace = Path(place) / "workspace"
        (workspace / "formats").mkdir(parents=True)
        few.save(workspace / "formats" / "few.toml")
        server = Server(workspace, Path(place) / "server.log")
        store = open_store(server.store_url)
        server.start()
        try:
            session(server.url, store, kinds, truth, mean_guide(others.shapes), options.speed)
        finally:
            server.kill()
            store.close()


def session(url: str, store: AnnotationStore, kinds: list, truth: LandmarkDataset, guide: list,
            speed: float) -> None:  # fmt: skip
    """Mark the pictures in every way, and print the table."""
    unmarked = LandmarkDataset(empty_shapes(truth.format, len(truth)), truth.samples, truth.root)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    print("| | points | actions | ghosts off | s, model | s, stopwatch | off, % |")
    print("|---|---|---|---|---|---|---|")
    with sync_playwright() as web, web.chromium.launch(
        executable_path=chromium, args=FLAGS
    ) as browser:  # fmt: skip
        for k, (name, sparse, ghosts, tolerance) in enumerate(kinds):
            project = create_project(store, f"session-{k}", sparse, unmarked, guide=guide)
            if ghosts is not None:
                set_ghosts(store, project, ghosts, "predictions")
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(f"{url}/annotate?project={project.name}")
            hand = Hand(page, speed)
            mark(page, hand, store, project, truth, ghosts, tolerance)
            told(name, hand, store, project, truth)
            page.close()


if __name__ == "__main__":
    main()
