"""Places are exact in every picture, on every screen, at every zoom."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose
from playwright.sync_api import Browser, Page

from annotate.exchange import create_project
from annotate.store import AnnotationStore, Project
from datasets.dataset import LandmarkDataset
from datasets.samples import sample_table
from datasets.shapes import empty_shapes
from tests.browser.canvas import (
    EXACT,
    SPARSE,
    eventually,
    open_canvas,
    picture_edges,
    revision,
    stored_places,
    white_on_screen,
)


def project_of(workspace: Path, store: AnnotationStore, path: Path, pixels: np.ndarray) -> Project:
    assert cv2.imwrite(str(path), pixels)
    SPARSE.save(workspace / "formats" / "three.toml")
    dataset = LandmarkDataset(
        empty_shapes(SPARSE.dense, 1), sample_table(["only"], [path.name]), path.parent
    )
    return create_project(store, f"project-{len(store.projects())}", SPARSE, dataset)


def place_of(page: Page, size: tuple[int, int], cx: float, cy: float) -> tuple[float, float]:
    """The position in the picture that a place on the screen stands for."""
    left, top, width, height = picture_edges(page)
    return (cx - left) / width * size[1] - 0.5, (cy - top) / height * size[0] - 0.5


def middle(page: Page) -> tuple[float, float]:
    """A place inside both the stage and the picture, between two screen pixels."""
    stage = page.locator(".stage").bounding_box()
    return stage["x"] + stage["width"] / 2 + 3.25, stage["y"] + stage["height"] / 2 - 2.75


@pytest.mark.parametrize(
    ("size", "density"),
    [
        ((1, 1), 1), ((2, 7), 1.5), ((96, 128), 1), ((96, 128), 1.5), ((96, 128), 2),
        ((40, 10_000), 1.5), ((9_000, 10_000), 2),
    ],
)  # fmt: skip
def test_places_are_exact_whatever_the_size_the_screen_and_the_zoom(
    chromium: Browser,
    server: Any,
    store: AnnotationStore,
    tmp_path: Path,
    size: tuple[int, int],
    density: float,
) -> None:
    """Fitted, as far in as it goes, and far out: clicks between the pixels of the screen."""
    pixels = np.full((*size, 3), 90, np.uint8)
    project = project_of(server.workspace, store, tmp_path / "only.png", pixels)
    context = chromium.new_context(
        viewport={"width": 1100, "height": 700}, device_scale_factor=density
    )
    page = context.new_page()
    open_canvas(page, server.url)
    expected = []
    for wheel in (0, -9000, 900):
        place = middle(page)
        page.mouse.move(*place)
        if wheel:
            before = picture_edges(page)[2]
            page.mouse.wheel(0, wheel)
            assert (picture_edges(page)[2] >= before) == (wheel < 0)
        expected.append(place_of(page, size, *place))
        page.keyboard.down("Shift")  # places also where a point is already
        page.mouse.click(*place)
        page.keyboard.up("Shift")
    eventually(lambda: revision(store, project) and revision(store, project).status == "done")
    assert_allclose(stored_places(store, project), expected, atol=EXACT)
    context.close()


KINDS = {
    "grey.png": np.uint8,
    "grey16.png": np.uint16,
    "colour16.png": np.uint16,
    "grey.jpg": np.uint8,
    "grey16.tiff": np.uint16,
}


@pytest.mark.parametrize("name", KINDS)
def test_grey_and_16_bit_pictures_are_marked_where_they_show(
    page: Page, server: Any, store: AnnotationStore, tmp_path: Path, name: str
) -> None:
    """What is white in the file is white on the screen, and a click there is stored there."""
    kind = KINDS[name]
    colours = (3,) if name.startswith("colour") else ()
    pixels = np.full((96, 128, *colours), np.iinfo(kind).max // 8, kind)
    pixels[32:48, 64:80] = np.iinfo(kind).max
    project = project_of(server.workspace, store, tmp_path / name, pixels)
    open_canvas(page, server.url)
    page.mouse.click(*white_on_screen(page))
    eventually(lambda: revision(store, project))
    assert_allclose(stored_places(store, project)[0], (71.5, 39.5), atol=0.3)
