"""Fingers on the canvas, as the browser's own synthetic touches."""

from collections.abc import Iterator
from typing import Any

import pytest
from numpy.testing import assert_allclose
from playwright.sync_api import Browser, CDPSession, Page

from annotate.store import AnnotationStore, Project
from tests.browser.canvas import (
    EXACT,
    eventually,
    frames,
    in_picture,
    on_screen,
    open_canvas,
    picture_edges,
    revision,
    stored_places,
)

Place = tuple[float, float]


@pytest.fixture
def tablet(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1024, "height": 768}, has_touch=True)
    yield context.new_page()
    context.close()


def fingers(session: CDPSession, kind: str, *places: Place) -> None:
    points = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(places)]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def spread(session: CDPSession, start: list[Place], end: list[Place], steps: int = 6) -> None:
    """Put two fingers down one after the other, move them, lift them."""
    fingers(session, "touchStart", start[0])
    fingers(session, "touchStart", *start)
    for step in range(1, steps + 1):
        share = step / steps
        between = [
            (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]))
            for a, b in zip(start, end, strict=True)
        ]
        fingers(session, "touchMove", *between)
    fingers(session, "touchEnd", end[0])
    fingers(session, "touchEnd")


def test_a_tap_places_exactly_and_two_fingers_zoom_and_pan_and_place_nothing(
    tablet: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(tablet, server.url)
    session = tablet.context.new_cdp_session(tablet)
    x, y = on_screen(tablet, 64, 48)
    before = picture_edges(tablet)
    held = [in_picture(tablet, x - 40, y), in_picture(tablet, x + 40, y)]
    spread(session, [(x - 40, y), (x + 40, y)], [(x - 100, y + 30), (x + 140, y + 30)])
    frames(tablet)
    assert_allclose(picture_edges(tablet)[2], 3 * before[2], rtol=1e-6)
    for place, finger in zip(held, (x - 100, x + 140), strict=True):
        assert_allclose(in_picture(tablet, finger, y + 30), place, atol=0.01)
    tap = on_screen(tablet, 60, 50)
    exact = in_picture(tablet, *tap)
    tablet.touchscreen.tap(*tap)
    eventually(lambda: revision(store, project))
    assert_allclose(stored_places(store, project)[0], exact, atol=EXACT)
    assert stored_places(store, project)[1:] == [None, None]


def test_one_finger_drags_a_point_and_pans_beside_points(
    tablet: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(tablet, server.url)
    session = tablet.context.new_cdp_session(tablet)
    x, y = on_screen(tablet, 30, 40)
    start = in_picture(tablet, x, y)
    tablet.touchscreen.tap(x, y)
    eventually(lambda: revision(store, project))
    zoom = picture_edges(tablet)[2] / 128
    fingers(session, "touchStart", (x, y))
    fingers(session, "touchMove", (x + 30, y + 10))
    fingers(session, "touchMove", (x + 60, y + 30))
    fingers(session, "touchEnd")
    moved = (start[0] + 60 / zoom, start[1] + 30 / zoom)
    eventually(lambda: stored_places(store, project)[0][0] > start[0] + 1)
    assert_allclose(stored_places(store, project)[0], moved, atol=2 * EXACT)
    left = picture_edges(tablet)[0]
    fingers(session, "touchStart", (x + 200, y))
    fingers(session, "touchMove", (x + 220, y))
    fingers(session, "touchMove", (x + 250, y))
    fingers(session, "touchEnd")
    frames(tablet)
    assert_allclose(picture_edges(tablet)[0], left + 50, atol=0.01)
    assert stored_places(store, project)[1:] == [None, None]
