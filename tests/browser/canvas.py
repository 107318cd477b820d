"""What the canvas' tests share: a small project, and a hand on the mouse.

Positions are computed from where the browser says the picture is on the screen, not by the
canvas' own arithmetic.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import Page

from annotate.exchange import create_project
from annotate.store import AnnotationStore, Project, Revision
from datasets.dataset import LandmarkDataset
from datasets.formats import SparseFormat, landmark_format
from datasets.samples import sample_table
from datasets.shapes import empty_shapes

SPARSE = SparseFormat(landmark_format("mafl-5"), (0, 2, 4), (0, 0, 2, 2, 4))
HEIGHT, WIDTH = 96, 128
PIXEL = (90, 31)
EXACT = 1e-3
Run = Callable[..., Any]  # see the fixture `run`


def new_project(workspace: Path, store: AnnotationStore, folder: Path) -> Project:
    """A project of its own with three pictures: dark, with one white pixel at `PIXEL`."""
    number = len(store.projects())
    images = folder / f"images-{number}"
    images.mkdir()
    for name in range(3):
        picture = np.full((HEIGHT, WIDTH, 3), 40 + 10 * name, np.uint8)
        picture[PIXEL[1], PIXEL[0]] = 255
        cv2.imwrite(str(images / f"{name}.png"), picture)
    samples = sample_table(["a", "b", "c"], ["0.png", "1.png", "2.png"])
    dataset = LandmarkDataset(empty_shapes(SPARSE.dense, 3), samples, images)
    SPARSE.save(workspace / "formats" / "three.toml")
    return create_project(store, f"project-{number}", SPARSE, dataset)


def open_canvas(page: Page, url: str, position: int = 0) -> None:
    page.goto(f"{url}/annotate")
    wait_for(page, position=position)


def wait_for(page: Page, **state: object) -> None:
    """Wait until the canvas says so of itself."""
    wanted = "".join(f'[data-{name}="{value}"]' for name, value in state.items())
    page.wait_for_selector(f".annotator{wanted}", timeout=60_000)


def frames(page: Page) -> None:
    """Let the canvas paint what it has been told."""
    page.evaluate(
        "() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))"
    )


def picture_edges(page: Page) -> tuple[float, float, float, float]:
    """Left, top, width and height of the whole picture on the screen."""
    frames(page)
    found = page.locator(".stage img").evaluate(
        "e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; }"
    )
    return tuple(found)


def on_screen(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a position of the picture is on the screen, to the nearest screen pixel."""
    left, top, width, height = picture_edges(page)
    return (
        round(left + (x + 0.5) / WIDTH * width), round(top + (y + 0.5) / HEIGHT * height),
    )  # fmt: skip


def in_picture(page: Page, cx: float, cy: float) -> tuple[float, float]:
    """The position that a place on the screen stands for."""
    left, top, width, height = picture_edges(page)
    return (cx - left) / width * WIDTH - 0.5, (cy - top) / height * HEIGHT - 0.5


def click(page: Page, x: float, y: float, **options: Any) -> tuple[float, float]:
    """Click near a position of the picture; what exactly was clicked is returned."""
    place = on_screen(page, x, y)
    exact = in_picture(page, *place)
    page.mouse.click(*place, **options)
    return exact


def white_on_screen(page: Page) -> tuple[float, float]:
    """The middle of what is white on the stage, as seen in a screenshot."""
    page.mouse.move(5, 5)  # no cross and no loupe
    frames(page)
    data = np.frombuffer(page.screenshot(), np.uint8)
    stage = page.locator(".stage").bounding_box()
    left, top = round(stage["x"]) + 20, round(stage["y"]) + 20
    right, bottom = (
        round(stage["x"] + stage["width"]) - 20,
        round(stage["y"] + stage["height"]) - 20,
    )
    screen = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)[top:bottom, left:right]
    rows, columns = np.nonzero(screen > 250)
    return left + columns.mean() + 0.5, top + rows.mean() + 0.5


def revision(store: AnnotationStore, project: Project, position: int = 0) -> Revision | None:
    return next(iter(store.current(store.items(project, position, 1)).values()), None)


def eventually(check: Callable[[], Any], within_s: float = 30.0) -> None:
    """Wait for what the server does on its own time."""
    deadline = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def stored_places(store: AnnotationStore, project: Project, position: int = 0) -> list[Any]:
    found = revision(store, project, position)
    return [] if found is None else [p and (p.x, p.y) for p in found.points]
