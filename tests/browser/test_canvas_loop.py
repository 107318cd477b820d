"""One landmark over all pictures."""

from typing import Any

from numpy.testing import assert_allclose
from playwright.sync_api import Page, expect

from annotate.labelling import placed
from annotate.store import AnnotationStore, Draft, Project, Status
from tests.browser.canvas import (
    EXACT,
    click,
    eventually,
    open_canvas,
    stored_places,
    wait_for,
)


def test_one_landmark_is_marked_in_every_picture_where_it_is_undecided(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    """The second picture has it already and is passed over."""
    theirs = (placed(5, 5), placed(6, 6), None)
    item = store.items(project)[1].id
    store.save(Draft(item, "bea", "elsewhere", 1, 0, theirs, Status.OPEN))
    open_canvas(page, server.url)
    page.keyboard.press("n")
    page.keyboard.press("r")
    wait_for(page, position=0, loop=1)
    expect(page.get_by_role("button", name="in every picture")).to_be_visible()
    first = click(page, 30, 40)
    wait_for(page, position=2, loop=1)
    third = click(page, 60, 20)
    expect(page.get_by_text("is decided in every picture")).to_be_visible()
    page.keyboard.press("Escape")
    wait_for(page, position=2, loop="")
    expect(page.get_by_role("button", name="in every picture")).to_be_hidden()
    other = click(page, 10, 10)
    wait_for(page, saving="saved")
    eventually(lambda: (stored_places(store, project, 2) or [None])[0])
    assert [p is None for p in stored_places(store, project, 0)] == [True, False, True]
    assert_allclose(stored_places(store, project, 0)[1], first, atol=EXACT)
    assert stored_places(store, project, 1)[1] == (6, 6)
    assert_allclose(stored_places(store, project, 2)[:2], [other, third], atol=EXACT)


def test_one_bad_landmark_is_placed_anew_picture_after_picture(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    marked = (placed(10, 10), placed(60, 60), placed(100, 80))
    for item in store.items(project):
        store.save(Draft(item.id, "bea", "elsewhere", 1, 0, marked, Status.DONE))
    open_canvas(page, server.url)
    wait_for(page, position=0, status="done")
    page.locator(".landmarks button").nth(2).click()
    page.keyboard.press("r")
    places = []
    for position in range(3):
        wait_for(page, position=position, loop=2)
        places.append(click(page, 20 + position, 70))
    expect(page.get_by_text("That was the last picture.")).to_be_visible()
    page.keyboard.press("z")
    wait_for(page, saving="saved")
    eventually(lambda: stored_places(store, project, 2)[2] == (100, 80))
    for position in range(2):
        found = stored_places(store, project, position)
        assert_allclose(found, [(10, 10), (60, 60), places[position]], atol=EXACT)
