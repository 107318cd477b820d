"""Points that move together, and points that come from the picture before."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose
from playwright.sync_api import Page, expect

from annotate.exchange import create_project
from annotate.labelling import placed
from annotate.store import AnnotationStore, Draft, Project, Status
from datasets.dataset import LandmarkDataset
from datasets.formats import SparseFormat, landmark_format
from datasets.samples import sample_table
from datasets.shapes import empty_shapes
from tests.browser.canvas import (
    EXACT,
    HEIGHT,
    WIDTH,
    Run,
    eventually,
    on_screen,
    picture_edges,
    revision,
    stored_places,
    wait_for,
)

EYES = (36, 37, 39, 42, 45)  # three points of the right eye, two of the left
START = [(30.0, 30.0), (40.0, 22.0), (50.0, 30.0), (80.0, 30.0), (100.0, 30.0)]
BOXES = [(20.0, 10.0, 80.0, 70.0), (40.0, 20.0, 120.0, 80.0)]


@pytest.fixture
def faces(server: Any, store: AnnotationStore, tmp_path: Path) -> Project:
    """Two pictures with boxes; the first is marked."""
    dense = landmark_format("300w-68")
    nearest = [min(EYES, key=lambda e: abs(e - i)) for i in range(len(dense))]
    sparse = SparseFormat(dense, EYES, tuple(nearest))
    sparse.save(server.workspace / "formats" / "eyes.toml")
    for name in range(2):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((HEIGHT, WIDTH, 3), 60, np.uint8))
    samples = sample_table(["a", "b"], ["0.png", "1.png"])
    for k, column in enumerate(("box_x_min", "box_y_min", "box_x_max", "box_y_max")):
        samples[column] = [box[k] for box in BOXES]
    dataset = LandmarkDataset(empty_shapes(dense, 2), samples, tmp_path)
    project = create_project(store, f"faces-{len(store.projects())}", sparse, dataset)
    item = store.items(project)[0].id
    points = tuple(placed(*place) for place in START)
    store.save(Draft(item, "bea", "elsewhere", 1, 0, points, Status.DONE))
    return project


def open_first(page: Page, server: Any, faces: Project) -> None:
    """The page opens the picture that is not marked yet; this is the one before."""
    page.goto(f"{server.url}/annotate?project={faces.name}")
    wait_for(page, position=1)
    page.keyboard.press("a")
    wait_for(page, position=0, status="done")


def drag(page: Page, start: tuple[float, float], by: tuple[int, int], *keys: str) -> float:
    """Drag in screen pixels with keys held; returns the zoom."""
    x, y = on_screen(page, *start)
    for key in keys:
        page.keyboard.down(key)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by[0], y + by[1], steps=4)
    page.mouse.up()
    for key in keys:
        page.keyboard.up(key)
    return picture_edges(page)[2] / WIDTH


@pytest.mark.parametrize("key", ["Control", "Alt"])
def test_a_part_of_the_object_moves_together_and_back_in_one_step(
    page: Page, server: Any, store: AnnotationStore, faces: Project, key: str
) -> None:
    open_first(page, server, faces)
    zoom = drag(page, START[1], (60, -30), key)
    moved = np.array(START)
    moved[:3] += np.array([60, -30]) / zoom
    eventually(lambda: stored_places(store, faces)[0] != START[0])
    wait_for(page, saving="saved")
    assert_allclose(stored_places(store, faces), moved, atol=2 * EXACT)
    page.keyboard.press("z")
    eventually(lambda: stored_places(store, faces) == START)


def test_a_part_turns_and_scales_around_its_middle(
    page: Page, server: Any, store: AnnotationStore, faces: Project
) -> None:
    """All distances within the part grow alike; its middle and the other eye stay."""
    open_first(page, server, faces)
    drag(page, START[2], (40, 55), "Control", "Shift")
    eventually(lambda: stored_places(store, faces)[0] != START[0])
    wait_for(page, saving="saved")
    before, after = np.array(START), np.array(stored_places(store, faces))
    assert_allclose(after[:3].mean(axis=0), before[:3].mean(axis=0), atol=2 * EXACT)
    assert_allclose(after[3:], before[3:])
    lengths = [np.linalg.norm(p[[0, 1, 2]] - p[[1, 2, 0]], axis=1) for p in (before, after)]
    growth = lengths[1] / lengths[0]
    assert growth[0] > 1.1
    assert_allclose(growth, growth[0], rtol=1e-3)


def test_a_group_never_moves_and_nothing_is_placed_by_accident(
    page: Page, server: Any, store: AnnotationStore, faces: Project
) -> None:
    page.goto(f"{server.url}/annotate?project={faces.name}")
    wait_for(page, position=1)
    drag(page, (60, 60), (10, 10), "Control")
    drag(page, (60, 60), (0, 0), "Alt")
    page.keyboard.press("f")
    eventually(lambda: revision(store, faces, 1))
    assert stored_places(store, faces, 1) == [None] * len(EYES)


def test_the_points_of_the_picture_before_are_laid_into_this_ones_box(
    page: Page, server: Any, store: AnnotationStore, faces: Project
) -> None:
    open_first(page, server, faces)
    page.keyboard.press("c")
    expect(page.get_by_text("There is no picture before this one.")).to_be_visible()
    page.keyboard.press("d")
    wait_for(page, position=1)
    page.keyboard.press("x")
    page.keyboard.press("c")
    wait_for(page, status="done", saving="saved")
    (left, top, right, bottom), there = BOXES
    share = (np.array(START) - (left, top)) / (right - left, bottom - top)
    expected = np.array(there[:2]) + share * (there[2] - there[0], there[3] - there[1])
    eventually(lambda: revision(store, faces, 1))
    found = revision(store, faces, 1).points
    assert int(found[0].visibility) == 0  # what was decided stays
    assert_allclose(stored_places(store, faces, 1)[1:], expected[1:], atol=EXACT)
    assert [point.source for point in found] == ["human", *["copied"] * (len(found) - 1)]
    page.keyboard.press("z")
    eventually(lambda: revision(store, faces, 1).points[1] is None)


def test_a_copied_point_that_is_moved_is_one_that_a_person_placed(run: Run) -> None:
    sources = run("""
      const group = await import("/api/frontend/x/group.js");
      const labels = await import("/api/frontend/x/document.js");
      const marked = [{ x: 9, y: 9, v: 2 }, { x: 5, y: 5, v: 1 }];
      const picture = { height: 96, width: 128, points: marked };
      const points = group.copied([null, null], picture, picture, 0.5);
      const moved = labels.move(labels.opened(points), 1, { x: 7, y: 8 }).points;
      return [points, moved].map((some) => some.map((point) => point.src ?? "human"));
    """)
    assert sources == [["copied", "copied"], ["copied", "human"]]
