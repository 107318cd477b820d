"""Labelling with the keyboard alone: no test here touches the mouse."""

from typing import Any

from numpy.testing import assert_allclose
from playwright.sync_api import Page

from annotate.store import AnnotationStore, Project, Status
from tests.browser.canvas import (
    EXACT,
    HEIGHT,
    WIDTH,
    Run,
    eventually,
    frames,
    open_canvas,
    picture_edges,
    revision,
    stored_places,
    wait_for,
)

MIDDLE = ((WIDTH - 1) / 2, (HEIGHT - 1) / 2)


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_a_whole_picture_is_marked_without_a_mouse(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    press(page, "e", "ArrowRight", "ArrowRight", "Shift+ArrowUp", "Alt+ArrowLeft", "Enter")
    press(page, "x")
    press(page, "Shift+ArrowLeft", "Alt+ArrowDown", "Space", "o")
    wait_for(page, position=0, status="done", saving="saved")
    eventually(lambda: revision(store, project).status is Status.DONE)
    points = revision(store, project).points
    assert [int(p.visibility) for p in points] == [2, 0, 1]
    places = [(points[k].x, points[k].y) for k in (0, 2)]
    x, y = MIDDLE
    assert_allclose(places, [(x + 1.9, y - 10), (x - 10, y + 0.1)], atol=EXACT)
    press(page, "Enter")
    wait_for(page, position=1)
    press(page, "Enter", "Escape")
    eventually(lambda: revision(store, project, 1))
    assert_allclose(stored_places(store, project, 1)[0], MIDDLE, atol=EXACT)


def test_the_keyboards_cursor_is_drawn_where_it_places_and_stays_in_sight(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    press(page, "+", "+", "+", "+", "+", "+", "+", "e")
    press(page, *["Shift+ArrowRight"] * 5)
    left, top, width, height = picture_edges(page)
    frames(page)
    down = page.locator(".cross.down").bounding_box()
    across = page.locator(".cross.across").bounding_box()
    stage = page.locator(".stage").bounding_box()
    x, y = MIDDLE[0] + 50, MIDDLE[1]
    assert_allclose(down["x"], left + (x + 0.5) / WIDTH * width, atol=1)
    assert_allclose(across["y"], top + (y + 0.5) / HEIGHT * height, atol=1)
    assert stage["x"] + 20 < down["x"] < stage["x"] + stage["width"] - 20
    press(page, "Enter")
    eventually(lambda: revision(store, project))
    assert_allclose(stored_places(store, project)[0], (x, y), atol=EXACT)


def test_a_landmark_is_expected_where_the_turned_shape_has_it(run: Run) -> None:
    """Truth: the typical shape turned by 30 degrees, three times as large, and moved."""
    found = run("""
      const { expectedPlace } = await import("/api/frontend/x/cursor.js");
      const guide = [[0, 0], [10, 0], [10, 8], [0, 8], [5, 3]];
      const [c, s] = [3 * Math.cos(Math.PI / 6), 3 * Math.sin(Math.PI / 6)];
      const truth = ([x, y]) => ({ x: c * x - s * y + 50, y: s * x + c * y + 40, v: 2 });
      const template = { guide, chosen: [0, 1, 2, 3, 4] };
      const document = { width: 120, height: 120, box: [30, 35, 90, 80] };
      const far = (points) => {
        const { x, y } = expectedPlace(template, points, document, 4);
        return Math.hypot(x - truth(guide[4]).x, y - truth(guide[4]).y);
      };
      const placed = guide.map(truth);
      return [[], [0], [0, 1], [0, 1, 2, 3]].map((known) => (
        far(guide.map((_, i) => (known.includes(i) ? placed[i] : null)))));
    """)
    assert found[0] > found[2] > found[3]
    assert found[3] < 0.5
