"""Labelling that goes wrong in the ways that people and machines have: the labels stay right."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
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
    page.wait_for_selector(".message:has-text('not there any more')")
    with page.expect_response(lambda reply: reply.request.resource_type == "fetch"):
        page.locator(".stage").click()  # it is tried again, and asked why not
    frames(page)
    path.write_bytes(picture)
    page.locator(".stage").click()
    page.locator(".message").wait_for(state="hidden")
    assert revision(store, project, 1) is None
    place = click(page, 20, 30)
    eventually(lambda: revision(store, project, 1))
    assert_allclose(stored_places(store, project, 1)[0], place, atol=EXACT)
    assert stored_places(store, project, 1)[1:] == [None, None]


@pytest.mark.usefixtures("project")
def test_a_picture_that_could_not_be_loaded_comes_when_the_network_is_back(
    page: Page, server: Any
) -> None:
    page.route("**/api/images/**", lambda r: r.abort())
    open_canvas(page, server.url)
    page.get_by_text("This picture cannot be").wait_for()
    assert not page.locator(".stage img").is_visible()  # the browser's sign for what is broken
    page.unroute("**/api/images/**")
    page.evaluate("dispatchEvent(new Event('online'))")
    page.locator(".stage img").wait_for()
    assert page.locator(".message").is_hidden()
    click(page, 20, 30)
    wait_for(page, saving="saved", revision=1)


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
    assert other.get_by_text("You saved 3 points in another tab; here you have 2.").is_visible()
    other.get_by_role("button", name="Take theirs").click()
    wait_for(other, saving="saved")
    other.close()


@pytest.mark.parametrize("size", [(192, 256), (128, 96), (96, 129)])
def test_a_picture_that_was_replaced_by_one_of_another_size_is_not_labelled(
    page: Page, server: Any, store: AnnotationStore, project: Project, size: tuple[int, int]
) -> None:
    save(store, project, 0, Status.DONE)
    path = store.items(project)[0].content.image
    picture = path.read_bytes()
    cv2.imwrite(str(path), np.full((*size, 3), 90, np.uint8))
    open_canvas(page, server.url, 1)
    page.keyboard.press("a")
    wait_for(page, position=0)
    message = page.locator(".message:has-text('changed since the project was made')")
    message.wait_for()
    with page.expect_response(
        lambda reply: reply.request.resource_type == "fetch" and "/api/images/" in reply.url
    ):
        page.keyboard.press("Delete")  # it is asked again why not
    for key in ("x", "z"):
        page.keyboard.press(key)
        frames(page)
    page.keyboard.press("s")  # it can be left out
    wait_for(page, position=1)
    eventually(lambda: revision(store, project).status is Status.SKIPPED)
    assert revision(store, project).points == MARKED
    path.write_bytes(picture)
    page.keyboard.press("a")
    wait_for(page, position=0)
    message.wait_for(state="hidden")


class Slow:
    """Pictures that load only when they are let."""

    def __init__(self, page: Page, shown: int) -> None:
        self.held: list[Route] = []
        self.hold = True
        page.route("**/api/images/**", lambda route: self._asked(route, f"/{shown}?"))

    def _asked(self, route: Route, shown: str) -> None:
        if self.hold and shown not in route.request.url:
            self.held.append(route)
        else:
            route.continue_()

    def let(self) -> None:
        self.hold = False
        for route in self.held:
            route.continue_()


def test_nothing_is_marked_while_the_next_picture_is_underway(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    slow = Slow(page, store.items(project)[0].id)
    open_canvas(page, server.url)
    kept = click(page, 20, 40)
    page.keyboard.press("s")
    page.locator(".annotator[data-underway]").wait_for()
    for key in ("s", "f", "x", "z", "Delete", "ArrowUp"):
        page.keyboard.press(key)
    click(page, 60, 60)
    x, y = on_screen(page, 20, 40)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y, steps=3)
    page.mouse.up()
    slow.let()
    wait_for(page, position=1, saving="saved")
    saved = revision(store, project)
    assert (saved.status, saved.flag) == (Status.SKIPPED, False)
    assert_allclose(stored_places(store, project)[0], kept, atol=EXACT)
    assert stored_places(store, project)[1:] == [None, None]
    assert revision(store, project, 1) is None
    assert page.locator(".annotator[data-underway]").count() == 0


def test_steps_count_from_the_picture_that_was_asked_for(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    slow = Slow(page, store.items(project)[0].id)
    open_canvas(page, server.url)
    page.keyboard.press("d")
    page.keyboard.press("d")
    slow.let()
    wait_for(page, position=2)
    page.keyboard.press("a")
    wait_for(page, position=1)


def test_where_the_next_pictures_cannot_be_asked_for_work_goes_on_in_this_one(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    page.route("**/api/projects/**", lambda r: r.abort())
    page.keyboard.press("u")
    page.wait_for_selector(".message:has-text('the server does not answer')")
    place = click(page, 20, 40)
    eventually(lambda: revision(store, project))
    assert_allclose(stored_places(store, project)[0], place, atol=EXACT)


def test_landmarks_may_lie_close_together(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    """A click beside a point places the next one: swallowed, all that follow would be shifted."""
    open_canvas(page, server.url)
    x, y = on_screen(page, 60, 40)
    for step in (0, 8, 100):
        page.mouse.click(x + step, y)
    wait_for(page, status="done", saving="saved")
    expected = [in_picture(page, x + step, y) for step in (0, 8, 100)]
    assert_allclose(stored_places(store, project), expected, atol=EXACT)
    page.mouse.click(x, y)  # nothing is left to place: it selects
    page.keyboard.press("o")
    eventually(lambda: revision(store, project).points[0].visibility == 1)


def test_a_double_click_places_one_landmark(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    page.mouse.dblclick(*on_screen(page, 60, 40))
    wait_for(page, saving="saved")
    assert [p is None for p in stored_places(store, project)] == [False, True, True]
    page.keyboard.down("Shift")
    page.mouse.click(*on_screen(page, 60, 40))
    page.keyboard.up("Shift")
    eventually(lambda: stored_places(store, project)[1] is not None)


def test_a_point_cannot_be_dragged_out_of_sight(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    x, y = on_screen(page, 60, 40)
    page.mouse.click(x, y)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(1279, 799, steps=4)
    page.mouse.move(5000, 3000)
    page.mouse.up()
    wait_for(page, saving="saved")
    eventually(lambda: stored_places(store, project)[0][0] > 61)
    stage = page.locator(".stage").bounding_box()
    corner = in_picture(page, stage["x"] + stage["width"], stage["y"] + stage["height"])
    assert_allclose(stored_places(store, project)[0], corner, atol=EXACT)


def test_keys_mark_nothing_behind_the_help(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    save(store, project, 0, Status.DONE)
    open_canvas(page, server.url, 1)
    page.keyboard.press("a")
    wait_for(page, position=0)
    page.keyboard.press("?")
    page.locator(".help").wait_for()
    for key in ("x", "s", "f", "Delete", "d", "ArrowUp"):
        page.keyboard.press(key)
    page.keyboard.press("Escape")
    page.locator(".help").wait_for(state="hidden")
    wait_for(page, position=0, status="done", saving="saved")
    assert len(store.revisions(store.items(project)[0].id)) == 1


def test_a_browser_that_denies_its_storage_is_told_and_labels_arrive(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    page.add_init_script("""
      Object.defineProperty(window, "localStorage", {
        get() { throw new DOMException("denied", "SecurityError"); },
      });
    """)
    open_canvas(page, server.url)
    page.wait_for_selector(".warning:has-text('does not let this page keep anything')")
    place = click(page, 20, 30)
    wait_for(page, saving="saved")
    assert_allclose(stored_places(store, project)[0], place, atol=EXACT)


@pytest.mark.usefixtures("project")
def test_a_canvas_that_cannot_be_shown_says_so(page: Page, server: Any) -> None:
    page.route("**/stage.js", lambda r: r.fulfill(
        content_type="text/javascript",
        body="export class Stage { constructor() { throw new Error('no stage here'); } }",
    ))  # fmt: skip
    page.goto(f"{server.url}/annotate")
    page.wait_for_selector(".fewmark-canvas:has-text('no stage here')")


def test_a_full_storage_is_told_and_closing_the_page_asks(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.add_init_script("""
      const put = Storage.prototype.setItem;
      Storage.prototype.setItem = function (key, value) {
        if (key.startsWith("fewmark:")) throw new DOMException("full", "QuotaExceededError");
        put.call(this, key, value);
      };
    """)
    page.route("**/api/items/**", lambda r: r.abort())
    open_canvas(page, server.url)
    place = click(page, 20, 30)
    wait_for(page, saving="offline")
    page.wait_for_selector(".saving:has-text('not kept anywhere')")
    page.close(run_before_unload=True)
    eventually(lambda: page.wait_for_timeout(20) or asked)
    assert asked == ["beforeunload"]
    page.unroute("**/api/items/**")
    wait_for(page, saving="saved")
    assert "kept" not in page.locator(".saving").inner_text()
    assert_allclose(stored_places(store, project)[0], place, atol=EXACT)


def test_labels_of_another_project_that_wait_for_an_answer_are_told(
    page: Page, server: Any, store: AnnotationStore, project: Project, tmp_path: Path
) -> None:
    page.route("**/api/items/**", lambda r: r.abort())
    open_canvas(page, server.url)
    click(page, 20, 30)
    wait_for(page, saving="offline")
    save(store, project, 0, Status.DONE)
    new_project(server.workspace, store, tmp_path)
    page.unroute("**/api/items/**")
    open_canvas(page, server.url)
    page.wait_for_selector(f".saving:has-text('1 picture of {project.name} waits')")
    page.goto(f"{server.url}/annotate?project={project.name}")
    wait_for(page, position=1)
    page.keyboard.press("a")
    wait_for(page, position=0, saving="conflict")
    page.get_by_role("button", name="Take theirs").click()
    wait_for(page, saving="saved")


def test_a_tab_that_is_seen_again_shows_what_others_saved(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    save(store, project, 0, Status.DONE)
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    wait_for(page, status="done", revision=1)
    page.keyboard.press("f")
    wait_for(page, saving="saved", revision=2)
    assert revision(store, project).points == MARKED


def test_a_copy_cannot_be_marked_by_who_marked_the_other(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    """The way leads past it, but where nothing else is left the page opens with it."""
    store.add_copies(project, 2)
    for position in range(3):
        save(store, project, position, Status.DONE)
    page.context.add_cookies([{"name": "fewmark_annotator", "value": "bea", "url": server.url}])
    open_canvas(page, server.url, 3)
    problem = page.locator(".message:has-text('You have marked copy 1 of this picture')")
    problem.wait_for()
    click(page, 20, 30)
    page.keyboard.press("s")
    frames(page)
    assert problem.is_visible()
    assert page.locator(".point:visible").count() == 0
    assert revision(store, project, 3) is None
    page.keyboard.press("r")  # each landmark alone: none of them is hers to mark
    page.keyboard.press("u")
    page.locator(".message:has-text('is decided in every picture')").wait_for()
    page.context.clear_cookies()
