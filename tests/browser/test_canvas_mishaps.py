"""Labelling that goes wrong in the ways that people and machines have: the labels stay right."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from numpy.testing import assert_allclose
from playwright.sync_api import Page, Route

from annotate.labelling import placed
from annotate.store import AnnotationStore, Draft, Project, Status, open_store
from tests.browser.canvas import (
    EXACT,
    click,
    eventually,
    frames,
    in_picture,
    new_project,
    on_screen,
    open_canvas,
    revision,
    stored_places,
    wait_for,
)

MARKED = (placed(10, 10), placed(60, 60), placed(100, 80))


def save(store: AnnotationStore, project: Project, position: int, status: Status) -> None:
    """What somebody else, or an earlier page, saved."""
    item = store.items(project, position, 1)[0].id
    store.save(Draft(item, "bea", "elsewhere", 1, 0, MARKED, status))


@pytest.mark.parametrize("moves_on", [False, True])
def test_a_drag_that_is_overtaken_by_the_next_picture_stays_in_its_own(
    page: Page, server: Any, store: AnnotationStore, project: Project, *, moves_on: bool
) -> None:
    save(store, project, 1, Status.OPEN)
    open_canvas(page, server.url)
    places = [click(page, x, 40) for x in (20, 40, 60)]
    x, y = on_screen(page, 20, 40)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 60, steps=3)
    places[0] = (places[0][0], in_picture(page, x, y - 60)[1])
    page.keyboard.press("d")
    wait_for(page, position=1)
    if moves_on:
        page.mouse.move(x + 40, y, steps=3)
    page.mouse.up()
    page.keyboard.press("f")
    eventually(lambda: revision(store, project, 1).flag)
    wait_for(page, saving="saved")
    assert_allclose(stored_places(store, project), places, atol=2 * EXACT)
    assert revision(store, project, 1).points == MARKED


def test_a_press_that_is_overtaken_by_the_next_picture_places_nothing_there(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    page.mouse.move(*on_screen(page, 20, 40))
    page.mouse.down(button="right")
    page.keyboard.press("d")
    wait_for(page, position=1)
    page.mouse.up(button="right")
    place = click(page, 70, 50)
    wait_for(page, saving="saved")
    assert revision(store, project) is None
    assert_allclose(stored_places(store, project, 1)[0], place, atol=EXACT)
    assert stored_places(store, project, 1)[1:] == [None, None]


@pytest.mark.usefixtures("project")
def test_a_point_stays_under_the_mouse_while_labels_are_acknowledged(
    page: Page, server: Any
) -> None:
    open_canvas(page, server.url)
    held: list[Route] = []
    hold = True
    page.route("**/api/items/**", lambda r: held.append(r) if hold else r.continue_())
    click(page, 20, 40)
    eventually(lambda: page.wait_for_timeout(20) or held)
    x, y = on_screen(page, 20, 40)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 80, y, steps=3)
    point = page.locator(".point").first
    frames(page)
    before = point.bounding_box()["x"]
    hold = False
    held[0].continue_()
    wait_for(page, saving="saved", revision=1)
    frames(page)
    assert point.bounding_box()["x"] == before
    page.mouse.up()


def test_skipping_is_taken_back_by_its_own_key_and_outlives_a_flag(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    """S lies between A and D: hit by mistake, it would keep finished labels out of the export."""
    save(store, project, 0, Status.DONE)
    open_canvas(page, server.url, 1)
    page.keyboard.press("a")
    wait_for(page, position=0, status="done")
    page.keyboard.press("s")
    wait_for(page, position=1)
    page.keyboard.press("a")
    wait_for(page, position=0, status="skipped")
    page.keyboard.press("f")
    eventually(lambda: revision(store, project).flag)
    assert revision(store, project).status is Status.SKIPPED
    page.keyboard.press("s")
    wait_for(page, position=0, status="done", saving="saved")
    assert revision(store, project).status is Status.DONE
    assert revision(store, project).points == MARKED


def test_a_key_held_too_long_skips_one_picture_only(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    for _ in range(5):
        page.keyboard.down("s")  # the second and later ones are repeats
        page.wait_for_timeout(60)
    page.keyboard.up("s")
    wait_for(page, position=1, saving="saved")
    assert store.counts(project).skipped == 1


def test_space_let_go_in_another_window_does_not_turn_clicks_into_pans(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    page.locator(".stage").focus()
    page.keyboard.down(" ")
    page.evaluate("() => dispatchEvent(new Event('blur'))")
    place = click(page, 20, 30)
    eventually(lambda: revision(store, project))
    assert_allclose(stored_places(store, project)[0], place, atol=EXACT)
    page.keyboard.up(" ")


@pytest.mark.usefixtures("project")
def test_a_name_that_was_given_outlives_a_reload(page: Page, server: Any) -> None:
    open_canvas(page, server.url)
    page.get_by_role("button", name="More").click()
    field = page.get_by_label("Your name")
    field.fill("Zoé; M")
    field.press("Enter")
    wait_for(page, annotator="Zoé; M")
    page.reload()
    wait_for(page, position=0, annotator="Zoé; M")
    page.context.clear_cookies()


def test_a_network_that_answers_in_the_servers_place_takes_no_labels(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    """A login page of a wireless network answers everything with 200."""
    open_canvas(page, server.url)
    login = "<html>Please log in</html>"
    page.route("**/api/items/**", lambda r: r.fulfill(body=login, content_type="text/html"))
    place = click(page, 20, 30)
    wait_for(page, saving="offline")
    page.unroute("**/api/items/**")
    wait_for(page, saving="saved")
    assert_allclose(stored_places(store, project)[0], place, atol=EXACT)


def test_labels_left_behind_in_a_project_are_sent_from_any_other(
    page: Page, make_server: Callable[..., Any], tmp_path: Path
) -> None:
    server = make_server()
    store = open_store(server.store_url)
    first = new_project(server.workspace, store, tmp_path)
    open_canvas(page, server.url)
    server.kill()
    place = click(page, 20, 30)
    context = page.context
    page.close()
    store.set_archived(first, archived=True)
    new_project(server.workspace, store, tmp_path)
    server.start()
    again = context.new_page()
    open_canvas(again, server.url)
    eventually(lambda: revision(store, first))
    assert_allclose(stored_places(store, first)[0], place, atol=EXACT)
    store.close()


def test_nothing_is_placed_on_a_picture_that_cannot_be_seen(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    path = store.items(project, 1, 1)[0].content.image
    picture = path.read_bytes()
    path.unlink()
    open_canvas(page, server.url)
    page.keyboard.press("d")
    wait_for(page, position=1)
    page.wait_for_selector(".message:has-text('cannot be loaded')")
    page.locator(".stage").click()
    path.write_bytes(picture)
    page.locator(".stage").click()
    page.locator(".message").wait_for(state="hidden")
    assert revision(store, project, 1) is None
    place = click(page, 20, 30)
    eventually(lambda: revision(store, project, 1))
    assert_allclose(stored_places(store, project, 1)[0], place, atol=EXACT)
    assert stored_places(store, project, 1)[1:] == [None, None]


def test_labels_of_two_reloads_arrive_together_once_saving_works_again(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    full = '{"error": "the disk is full"}'
    page.route("**/api/items/**", lambda r: r.fulfill(status=503, body=full))
    places = []
    for x in (20, 60, 100):
        open_canvas(page, server.url)
        places.append(click(page, x, 40))
        wait_for(page, saving="offline")
    page.unroute("**/api/items/**")
    wait_for(page, saving="saved", status="done")
    assert_allclose(stored_places(store, project), places, atol=EXACT)


def test_two_tabs_of_one_person_never_overwrite_each_other(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    page.route("**/api/items/**", lambda r: r.abort())
    open_canvas(page, server.url)
    places = [click(page, 20, 30)]
    wait_for(page, saving="offline")
    other = page.context.new_page()
    other.route("**/api/items/**", lambda r: r.abort())
    open_canvas(other, server.url)
    eventually(lambda: other.locator(".point:visible").count() == 1)
    places += [click(page, x, 30) for x in (50, 80)]
    click(other, 100, 60)
    page.unroute("**/api/items/**")
    wait_for(page, saving="saved")
    other.unroute("**/api/items/**")
    wait_for(other, saving="conflict")
    assert_allclose(stored_places(store, project), places, atol=EXACT)
    other.close()
