"""Labelling in a real browser with a real mouse: exact places, and nothing that is lost.

Expected positions are computed from where the browser says the picture is on the screen, not by
the canvas' own arithmetic.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image
from playwright.sync_api import Browser, Page, Route

from annotate.exchange import create_project, export_dataset
from annotate.labelling import placed
from annotate.store import AnnotationStore, Draft, Project, Status, open_store
from datasets.dataset import LandmarkDataset
from datasets.images import read_image
from datasets.samples import sample_table
from datasets.shapes import empty_shapes
from tests.browser.canvas import (
    EXACT,
    HEIGHT,
    PIXEL,
    SPARSE,
    WIDTH,
    click,
    eventually,
    frames,
    in_picture,
    new_project,
    on_screen,
    open_canvas,
    picture_edges,
    revision,
    stored_places,
    wait_for,
    white_on_screen,
)


def test_clicks_are_stored_and_exported_exactly_whatever_the_zoom(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    expected = []
    for position in range(3):
        wait_for(page, position=position)
        row = [click(page, 20, 30 + position)]
        page.mouse.move(*on_screen(page, 60, 40))
        page.mouse.wheel(0, -700 - 150 * position)
        row.append(click(page, 60.4, 41.2))
        page.mouse.move(*on_screen(page, 60, 40))
        page.mouse.down(button="middle")
        x, y = on_screen(page, 60, 40)
        page.mouse.move(x + 37, y - 21, steps=3)
        page.mouse.up(button="middle")
        row.append(click(page, 58.3, 45.9))
        wait_for(page, status="done")
        expected.append(row)
        page.keyboard.press("d")
    wait_for(page, saving="saved")
    for position in range(3):
        assert_allclose(stored_places(store, project, position), expected[position], atol=EXACT)
        assert revision(store, project, position).status is Status.DONE
    exported = export_dataset(store, project)
    assert list(exported.samples["shape_id"]) == ["a", "b", "c"]
    assert_allclose(exported.shapes.points[:, [0, 2, 4]], expected, atol=EXACT)
    assert np.isnan(exported.shapes.points[:, [1, 3]]).all()


def test_convention_the_centre_of_a_pixel_has_whole_numbers(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    """The white pixel is looked for in a screenshot, and its middle clicked."""
    open_canvas(page, server.url)
    page.mouse.move(*on_screen(page, *PIXEL))
    page.mouse.wheel(0, -1200)
    page.mouse.click(*white_on_screen(page))
    eventually(lambda: revision(store, project))
    one_screen_pixel = WIDTH / picture_edges(page)[2]
    assert one_screen_pixel < 0.06
    assert_allclose(stored_places(store, project)[0], PIXEL, atol=one_screen_pixel)


def one_picture(workspace: Path, store: AnnotationStore, folder: Path, name: str) -> Project:
    """A project of its own with one picture."""
    SPARSE.save(workspace / "formats" / "three.toml")
    samples = sample_table(["only"], [name])
    dataset = LandmarkDataset(empty_shapes(SPARSE.dense, 1), samples, folder)
    return create_project(store, f"project-{len(store.projects())}", SPARSE, dataset)


def middle_of_white(path: Path) -> tuple[float, float]:
    """As training will see it."""
    rows, columns = np.nonzero(read_image(path).min(axis=2) > 245)
    return columns.mean(), rows.mean()


def with_a_white_square() -> Image.Image:
    pixels = np.full((HEIGHT, WIDTH, 3), 30, np.uint8)
    pixels[20:28, 90:98] = 255
    return Image.fromarray(pixels)


@pytest.mark.parametrize("suffix", ["jpg", "webp", "png", "tiff"])
def test_convention_pictures_are_turned_as_their_camera_says(
    page: Page, server: Any, store: AnnotationStore, tmp_path: Path, suffix: str
) -> None:
    """A picture that is stored lying: the browser and `read_image` must turn it alike."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right
    path = tmp_path / f"lying.{suffix}"
    options = {} if suffix in {"png", "tiff"} else {"quality": 100}
    with_a_white_square().save(path, exif=exif, **options)
    project = one_picture(server.workspace, store, tmp_path, path.name)
    open_canvas(page, server.url)
    page.mouse.click(*white_on_screen(page))
    eventually(lambda: revision(store, project))
    assert_allclose(stored_places(store, project)[0], middle_of_white(path), atol=0.3)


@pytest.mark.parametrize("density", [144, 216])
def test_convention_a_pictures_density_does_not_count(
    page: Page, server: Any, store: AnnotationStore, tmp_path: Path, density: int
) -> None:
    """Browsers show a JPEG for screens of twice the density at half its size."""
    exif = Image.Exif()
    exif[0x011A] = exif[0x011B] = density
    exif[0x0128] = 2  # per inch
    sizes = {0xA002: round(WIDTH * 72 / density), 0xA003: round(HEIGHT * 72 / density)}
    exif.get_ifd(0x8769).update(sizes)
    path = tmp_path / "dense.jpg"
    with_a_white_square().save(path, exif=exif, quality=100)
    project = one_picture(server.workspace, store, tmp_path, path.name)
    open_canvas(page, server.url)
    natural = page.locator(".stage img").evaluate("e => e.naturalWidth")
    assert natural == round(WIDTH * 72 / density)
    page.mouse.click(*white_on_screen(page))
    eventually(lambda: revision(store, project))
    assert_allclose(stored_places(store, project)[0], middle_of_white(path), atol=0.3)
    page.mouse.move(*on_screen(page, 93.5, 23.5))
    frames(page)
    seen = page.locator(".loupe").evaluate(
        "e => [...e.getContext('2d').getImageData(e.width / 2 + 14, e.height / 2 + 14, 1, 1).data]"
    )
    assert min(seen) > 200  # the loupe is at the same place


def test_undo_and_redo_go_back_and_forth_through_every_edit(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    places = [click(page, 20 + 10 * k, 30) for k in range(3)]
    for _ in range(3):
        page.keyboard.press("z")
    eventually(lambda: stored_places(store, project) == [None] * 3)
    page.keyboard.press("Control+y")
    page.keyboard.press("y")
    eventually(lambda: [p is None for p in stored_places(store, project)] == [False, False, True])
    page.keyboard.press("Control+Shift+Z")
    eventually(lambda: None not in stored_places(store, project))
    assert_allclose(stored_places(store, project), places, atol=EXACT)


def test_a_drag_moves_a_point_by_exactly_the_way_of_the_mouse(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    start = click(page, 40, 40)
    cx, cy = on_screen(page, 40, 40)
    page.mouse.move(cx + 3, cy - 2)  # not quite on the point: it must not jump
    page.mouse.down()
    page.mouse.move(cx + 53, cy + 18, steps=5)
    page.mouse.up()
    zoom = picture_edges(page)[2] / WIDTH
    moved = (start[0] + 50 / zoom, start[1] + 20 / zoom)
    eventually(lambda: (stored_places(store, project) or [(0, 0)])[0][0] > start[0] + 1)
    assert_allclose(stored_places(store, project)[0], moved, atol=2 * EXACT)
    page.keyboard.press("z")
    eventually(lambda: abs(stored_places(store, project)[0][0] - start[0]) < EXACT)
    assert stored_places(store, project)[1] is None


@pytest.mark.parametrize(("key", "step"), [("", 1.0), ("Shift+", 10.0), ("Alt+", 0.1)])
def test_arrows_nudge_the_selected_point(
    page: Page, server: Any, store: AnnotationStore, project: Project, key: str, step: float
) -> None:
    open_canvas(page, server.url)
    x, y = click(page, 40, 40)
    for arrow in ("ArrowRight", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key + arrow)
    eventually(lambda: stored_places(store, project) and stored_places(store, project)[0][1] < y)
    wait_for(page, saving="saved")
    assert_allclose(stored_places(store, project)[0], (x + 2 * step, y - step), atol=2 * EXACT)


def test_not_visible_occluded_and_removed_landmarks(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    page.keyboard.press("x")
    click(page, 30, 30)
    page.keyboard.press("o")
    click(page, 50, 50, button="right")
    wait_for(page, status="done")
    eventually(lambda: revision(store, project) and revision(store, project).status == "done")
    assert [int(p.visibility) for p in revision(store, project).points] == [0, 1, 1]
    page.keyboard.press("Delete")
    wait_for(page, status="open")
    eventually(lambda: revision(store, project).points[2] is None)


def test_holes_are_filled_first_and_a_landmark_can_be_aimed_at(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    page.locator(".landmarks button").nth(1).click()
    click(page, 20, 20)
    click(page, 40, 20)
    click(page, 60, 20)
    wait_for(page, status="done")
    eventually(lambda: revision(store, project) and revision(store, project).status == "done")
    assert [round(x) for x, _ in stored_places(store, project)] == [60, 20, 40]


def test_a_landmark_may_lie_outside_the_picture_but_not_far_off(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    for _ in range(8):
        page.keyboard.press("-")
    click(page, 4 * WIDTH, 20)
    page.wait_for_selector(".message:has-text('too far outside')")
    outside = click(page, -15, 20)
    eventually(lambda: revision(store, project))
    assert_allclose(stored_places(store, project)[0], outside, atol=EXACT)
    assert outside[0] < -10


def test_skip_goes_on_and_the_next_open_picture_is_found(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    page.keyboard.press("s")
    wait_for(page, position=1)
    eventually(lambda: revision(store, project) and revision(store, project).status == "skipped")
    for x in (20, 40, 60):
        click(page, x, 40)
    wait_for(page, status="done", saving="saved")
    page.keyboard.press("a")
    wait_for(page, position=0, status="skipped")
    page.keyboard.press("u")
    wait_for(page, position=2)


def test_a_reload_in_mid_picture_loses_nothing(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    places = [click(page, 20, 30), click(page, 50, 30)]
    page.reload()
    wait_for(page, position=0)
    places.append(click(page, 70, 30))
    wait_for(page, status="done", saving="saved")
    assert_allclose(stored_places(store, project), places, atol=EXACT)


def test_closing_the_tab_right_after_a_click_loses_nothing(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    place = click(page, 20, 30)
    page.close()
    eventually(lambda: revision(store, project))
    assert_allclose(stored_places(store, project)[0], place, atol=EXACT)


def test_a_killed_server_stops_nobody_and_everything_arrives(
    page: Page, make_server: Callable[..., Any], tmp_path: Path
) -> None:
    server = make_server()
    store = open_store(server.store_url)
    project = new_project(server.workspace, store, tmp_path)
    open_canvas(page, server.url)
    expected = [[click(page, 20, 30)]]
    server.kill()
    expected[0] += [click(page, 50, 30), click(page, 70, 30)]
    wait_for(page, saving="offline")
    page.keyboard.press("d")
    wait_for(page, position=1)
    expected.append([click(page, 20 + 9 * k, 50) for k in range(3)])
    wait_for(page, status="done")
    server.start()
    wait_for(page, saving="saved")
    for position in (0, 1):
        assert_allclose(stored_places(store, project, position), expected[position], atol=EXACT)
    page.keyboard.press("d")
    wait_for(page, position=2)
    last = click(page, 33, 33)
    wait_for(page, position=2, saving="saved")
    eventually(lambda: revision(store, project, 2))
    assert_allclose(stored_places(store, project, 2)[0], last, atol=EXACT)
    store.close()


def test_labels_of_a_tab_closed_while_the_server_was_gone_are_sent_by_the_next_tab(
    page: Page, make_server: Callable[..., Any], tmp_path: Path
) -> None:
    server = make_server()
    store = open_store(server.store_url)
    project = new_project(server.workspace, store, tmp_path)
    open_canvas(page, server.url)
    server.kill()
    places = [click(page, 20, 30), click(page, 50, 30)]
    context = page.context
    page.close()
    assert revision(store, project) is None
    server.start()
    again = context.new_page()
    open_canvas(again, server.url)
    eventually(lambda: revision(store, project))
    assert_allclose(stored_places(store, project)[:2], places, atol=EXACT)
    third = click(again, 70, 30)
    wait_for(again, status="done", saving="saved")
    assert_allclose(stored_places(store, project)[2], third, atol=EXACT)
    store.close()


def test_labels_that_are_sent_before_their_picture_has_loaded_are_not_overwritten(
    page: Page, make_server: Callable[..., Any], tmp_path: Path
) -> None:
    """The picture is held back until what an earlier page left has been saved."""
    server = make_server()
    store = open_store(server.store_url)
    project = new_project(server.workspace, store, tmp_path)
    open_canvas(page, server.url)
    server.kill()
    places = [click(page, 20, 30), click(page, 50, 30)]
    context = page.context
    page.close()
    server.start()
    again = context.new_page()
    held: list[Route] = []
    hold = True
    again.route("**/api/images/**", lambda r: held.append(r) if hold else r.continue_())
    again.goto(f"{server.url}/annotate")
    wait_for(again, saving="saved")
    assert revision(store, project).number == 1
    hold = False
    for route in held:
        route.continue_()
    wait_for(again, position=0)
    third = click(again, 70, 30)
    wait_for(again, status="done", saving="saved")
    assert_allclose(stored_places(store, project), [*places, third], atol=EXACT)
    store.close()


@pytest.mark.parametrize("choice", ["Keep mine", "Take theirs"])
def test_two_people_in_one_picture_are_asked_and_neither_is_overwritten_in_silence(
    page: Page, server: Any, store: AnnotationStore, project: Project, choice: str
) -> None:
    open_canvas(page, server.url)
    theirs = (placed(1.0, 2.0), None, None)
    item = store.items(project)[0].id
    store.save(Draft(item, "bea", "elsewhere", 1, 0, theirs, Status.OPEN))
    mine = click(page, 20, 30)
    wait_for(page, saving="conflict")
    assert stored_places(store, project)[0] == (1.0, 2.0)
    assert page.get_by_text("bea saved 1 point meanwhile; you have 1.").is_visible()
    frames(page)
    left, top, width, height = picture_edges(page)
    drawn = page.locator(".theirs circle").first.bounding_box()
    middle = drawn["x"] + drawn["width"] / 2, drawn["y"] + drawn["height"] / 2
    seen = (middle[0] - left) / width * WIDTH - 0.5, (middle[1] - top) / height * HEIGHT - 0.5
    assert_allclose(seen, (1.0, 2.0), atol=0.1)
    page.get_by_role("button", name=choice).click()
    wait_for(page, saving="saved")
    expected = mine if choice == "Keep mine" else (1.0, 2.0)
    assert_allclose(stored_places(store, project)[0], expected, atol=EXACT)
    after = click(page, 60, 60)
    eventually(lambda: len(store.revisions(item)) >= 2)
    wait_for(page, saving="saved")
    assert_allclose(stored_places(store, project)[1], after, atol=EXACT)
    assert store.revisions(item)[0].points == theirs


def test_keys_belong_to_a_text_field_while_someone_types_in_it(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    page.get_by_role("button", name="More").click()
    field = page.get_by_label("Your name")
    field.fill("")
    field.press_sequentially("dad")
    assert field.input_value() == "dad"
    wait_for(page, position=0)
    field.press("Enter")
    wait_for(page, annotator="dad")
    page.keyboard.press("Escape")
    click(page, 20, 30)
    eventually(lambda: revision(store, project))
    assert revision(store, project).annotator == "dad"


def test_leaving_the_page_and_coming_back_keeps_undo(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    open_canvas(page, server.url)
    click(page, 20, 30)
    click(page, 50, 30)
    page.get_by_role("link", name="Data").first.click()
    page.wait_for_selector(".annotator", state="detached")
    eventually(lambda: revision(store, project))
    page.get_by_role("link", name="Annotate").first.click()
    wait_for(page, position=0)
    page.keyboard.press("z")
    eventually(lambda: [p is None for p in stored_places(store, project)] == [False, True, True])


def test_the_canvas_works_on_a_server_that_lives_under_a_path(
    page: Page, make_server: Callable[..., Any], tmp_path: Path
) -> None:
    server = make_server(STREAMLIT_SERVER_BASE_URL_PATH="tools/fewmark")
    store = open_store(server.store_url)
    project = new_project(server.workspace, store, tmp_path)
    open_canvas(page, f"{server.url}/tools/fewmark")
    place = click(page, 20, 30)
    eventually(lambda: revision(store, project))
    assert_allclose(stored_places(store, project)[0], place, atol=EXACT)
    store.close()


def test_places_are_exact_on_screens_with_more_than_one_pixel_per_pixel(
    chromium: Browser, server: Any, store: AnnotationStore, project: Project
) -> None:
    context = chromium.new_context(viewport={"width": 1000, "height": 700}, device_scale_factor=1.5)
    page = context.new_page()
    open_canvas(page, server.url)
    left, top, *_ = picture_edges(page)
    place = left + 60.333, top + 71.667
    exact = in_picture(page, *place)
    page.mouse.click(*place)
    eventually(lambda: revision(store, project))
    assert_allclose(stored_places(store, project)[0], exact, atol=EXACT)
    context.close()


def test_a_second_person_begins_beside_the_first(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    assert store.leases.claim(project, "bea", 1).next_open == (0,)
    open_canvas(page, server.url, position=1)
    page.keyboard.press("a")  # somebody else's picture can be looked at all the same
    wait_for(page, position=0)
    assert page.get_by_text("bea is at it").is_visible()


def test_the_next_picture_is_not_one_that_somebody_else_holds(
    page: Page, server: Any, store: AnnotationStore, project: Project
) -> None:
    items = store.items(project)
    store.leases.renew(items[1].id, "bea")
    open_canvas(page, server.url)
    page.keyboard.press("d")
    wait_for(page, position=2)
    page.keyboard.press("a")
    wait_for(page, position=0)
    holders = store.leases.holders(items)
    assert holders[items[1].id] == "bea"
    assert holders[items[0].id] == holders[items[2].id] != "bea"
