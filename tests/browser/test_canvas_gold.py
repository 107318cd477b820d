"""Gold pictures on the canvas: not told from others, and what is shown when one is done."""

from typing import Any

import pytest
from playwright.sync_api import Page

from annotate.exchange import first_draft
from annotate.labelling import placed
from annotate.store import AnnotationStore, Project
from tests.browser.canvas import click, frames, open_canvas, revision, wait_for

TRUTH = [(30.0, 30.0), (64.0, 48.0), (90.0, 70.0)]
GOLD = 3  # the position that the copy gets


@pytest.fixture
def gold(store: AnnotationStore, project: Project) -> None:
    """Every second picture is a gold one; only the last picture is known, by somebody's labels."""
    expert = tuple(placed(*place) for place in TRUTH)
    store.save(first_draft(store.items(project)[2].id, "expert", expert))
    store.golds.set(project, 2, {"c": expert})


def mark(page: Page, by: float = 0.0) -> None:
    for x, y in TRUTH:
        click(page, x + by, y)
    wait_for(page, status="done", saving="saved")


@pytest.mark.usefixtures("gold")
def test_a_gold_picture_is_told_of_when_it_is_done_and_left(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    place = page.locator(".place")
    assert "of" not in place.inner_text()
    before = place.inner_text()
    mark(page)
    page.keyboard.press("d")
    wait_for(page, position=GOLD)
    assert place.inner_text() == before
    assert page.locator(".theirs:visible").count() == 0
    mark(page, by=4.0)
    assert not page.locator(".gold").is_visible()
    page.keyboard.press("d")
    table = page.locator(".gold table")
    table.wait_for()
    wait_for(page, position=GOLD)  # it stays to be looked at
    rows = table.locator("tbody tr").all_inner_texts()
    assert [row.split("\t")[0].strip() for row in rows] == [
        "right pupil", "nose tip", "left mouth corner",
    ]  # fmt: skip
    assert all("px" in row and "%" in row for row in rows)
    assert "gold picture: 4." in table.inner_text() or "gold picture: 3." in table.inner_text()
    frames(page)
    assert page.locator(".theirs:visible").count() == 3
    (answer,) = store.golds.answers(project)
    assert answer.is_shown
    page.keyboard.press("d")
    wait_for(page, position=1)
    assert not page.locator(".gold").is_visible()
    assert page.locator(".theirs:visible").count() == 0
    assert revision(store, project, 2).annotator == "expert"
