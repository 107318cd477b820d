"""Ghosts on the canvas: offered, taken, corrected, and never stored unasked."""

from typing import Any

import pytest
from numpy.testing import assert_allclose
from playwright.sync_api import Page

from annotate.exchange import create_project
from annotate.labelling import placed
from annotate.store import AnnotationStore, Project, Status
from datasets.dataset import LandmarkDataset
from datasets.formats import SparseFormat, landmark_format
from datasets.samples import sample_table
from datasets.shapes import empty_shapes
from tests.browser.canvas import (
    EXACT,
    click,
    eventually,
    frames,
    in_picture,
    on_screen,
    open_canvas,
    revision,
    stored_places,
    wait_for,
)

PLACES = [(30.0, 30.0), (64.0, 48.0), (90.0, 70.0)]


@pytest.fixture
def ghosts(store: AnnotationStore, project: Project) -> list[tuple[float, float]]:
    items = store.items(project)
    store.set_ghosts(project, "net", {item.id: tuple(placed(*p) for p in PLACES) for item in items})
    return PLACES


def sources(store: AnnotationStore, project: Project, position: int = 0) -> list[str | None]:
    return [point and point.source.value for point in revision(store, project, position).points]


def shown(page: Page) -> int:
    frames(page)
    return page.locator(".ghost:visible").count()


def test_what_the_next_click_does_hides_nothing_where_landmarks_are_many(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    dense = landmark_format("300w-68")
    everything = tuple(range(68))
    picture = store.items(project)[0].content.image
    pictures = LandmarkDataset(
        empty_shapes(dense, 1), sample_table(["a"], [picture.name]), picture.parent
    )
    sparse = SparseFormat(dense, everything, everything)
    many = create_project(store, f"{project.name}-many", sparse, pictures)
    (item,) = store.items(many)
    store.set_ghosts(many, "net", {item.id: tuple(placed(20 + i, 40) for i in everything)})
    open_canvas(page, server.url)
    following = page.locator(".side > .next")
    assert "1/68" in following.inner_text()
    text_px, room_px = following.evaluate("e => [e.scrollHeight, e.clientHeight]")
    assert text_px <= room_px


@pytest.mark.usefixtures("ghosts")
def test_space_takes_one_and_g_the_rest_and_undo_gives_them_back(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    assert shown(page) == 3
    assert revision(store, project) is None
    page.keyboard.press("d")
    wait_for(page, position=1)
    page.keyboard.press("a")
    wait_for(page, position=0)
    assert revision(store, project) is None
    page.keyboard.press(" ")
    wait_for(page, saving="saved", revision=1)
    assert stored_places(store, project) == [PLACES[0], None, None]
    assert sources(store, project) == ["accepted", None, None]
    page.keyboard.press("g")
    wait_for(page, status="done", saving="saved")
    assert stored_places(store, project) == PLACES
    assert shown(page) == 0
    page.keyboard.press("z")
    page.keyboard.press("z")
    wait_for(page, status="open", saving="saved")
    assert shown(page) == 3
    assert stored_places(store, project) == [None] * 3
    page.keyboard.press("y")
    page.keyboard.press("y")
    wait_for(page, status="done", saving="saved")
    found = revision(store, project)
    assert found.status is Status.DONE
    assert all(point.ms is not None for point in found.points)


@pytest.mark.usefixtures("ghosts")
def test_dragged_and_clicked_ghosts_are_corrected_and_distant_clicks_are_peoples(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    x, y = on_screen(page, *PLACES[1])
    start = in_picture(page, x, y)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 24, y + 9, steps=3)
    page.mouse.up()
    end = in_picture(page, x + 24, y + 9)
    clicked = click(page, PLACES[0][0] + 2, PLACES[0][1])
    far = click(page, 20, 80)
    wait_for(page, status="done", saving="saved")
    expected = [clicked, (PLACES[1][0] + end[0] - start[0], PLACES[1][1] + end[1] - start[1]), far]
    assert_allclose(stored_places(store, project), expected, atol=EXACT)
    assert sources(store, project) == ["corrected", "corrected", "human"]
    page.keyboard.press("d")
    wait_for(page, position=1)
    page.keyboard.press(" ")
    page.keyboard.press("ArrowRight")
    wait_for(page, saving="saved")
    eventually(lambda: sources(store, project, 1)[0] == "corrected")


@pytest.mark.usefixtures("ghosts")
def test_space_that_is_held_to_pan_takes_no_ghost(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    page.mouse.move(*on_screen(page, 50, 20))
    page.keyboard.down(" ")
    page.mouse.down()
    page.mouse.move(*on_screen(page, 60, 30), steps=3)
    page.mouse.up()
    page.keyboard.up(" ")
    page.keyboard.down(" ")
    page.keyboard.down(" ")  # the browser repeats a key that is held
    page.keyboard.up(" ")
    assert shown(page) == 3
    page.keyboard.press("s")
    wait_for(page, position=1)
    eventually(lambda: revision(store, project))
    assert stored_places(store, project) == [None] * 3


def test_without_ghosts_space_does_nothing_and_no_button_offers_any(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    page.keyboard.press(" ")
    page.keyboard.press("g")
    assert not page.get_by_role("button", name="Take").first.is_visible()
    click(page, 20, 20)
    wait_for(page, saving="saved", revision=1)
    assert sources(store, project) == ["human", None, None]


@pytest.mark.usefixtures("ghosts")
def test_the_help_tells_the_keys_of_ghosts(page: Page, server: Any) -> None:
    open_canvas(page, server.url)
    page.keyboard.press("?")
    text = page.locator(".help").inner_text()
    assert "Take the ghost of the next landmark" in text
    assert "Take all ghosts" in text
    assert page.locator(".bar").get_by_role("button", name="Take all").is_visible()


@pytest.mark.usefixtures("ghosts")
@pytest.mark.parametrize("width", [1280, 800])
def test_the_picture_stays_where_it_is_when_the_last_ghost_is_taken(
    page: Page, server: Any, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    open_canvas(page, server.url)
    before = page.locator(".stage").bounding_box()
    assert before is not None
    assert before["y"] + before["height"] <= 800
    page.keyboard.press("g")
    wait_for(page, saving="saved", revision=1)
    assert page.locator(".stage").bounding_box() == before
    page.set_viewport_size({"width": 1280, "height": 800})
    rows = page.locator(".bar > button:visible").evaluate_all("all => all.map((e) => e.offsetTop)")
    assert len(set(rows)) == 1


def test_ghosts_that_are_offered_while_the_canvas_is_open_appear_and_labels_stay(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    place = click(page, 20, 20)
    wait_for(page, saving="saved", revision=1)
    ghosts = {item.id: tuple(placed(*p) for p in PLACES) for item in store.items(project)}
    store.set_ghosts(project, "net", ghosts)
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Use the measured times in the budget").click()  # a rerun
    page.wait_for_selector(".ghost >> visible=true")
    assert shown(page) == 2
    assert_allclose(stored_places(store, project)[0], place, atol=EXACT)
