"""The whole job in a real browser with the mouse alone, from no data at all to dense landmarks."""

from collections.abc import Callable
from typing import Any

import numpy as np
from playwright.sync_api import Locator, Page, expect

from datasets.dataset import LandmarkDataset

PATIENCE_MS = 120_000
PICTURES = 3
LANDMARKS = 5


def ready(page: Page) -> None:
    """Streamlit has run the page and nothing is left to come."""
    page.wait_for_selector(
        '[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=PATIENCE_MS
    )
    expect(page.locator('[data-testid="stSkeleton"]')).to_have_count(0, timeout=PATIENCE_MS)
    no_trouble(page)


def no_trouble(page: Page) -> None:
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)
    expect(page.locator('[data-testid="stAlertContentError"]')).to_have_count(0)


def press(page: Page, name: str) -> None:
    """Click a button or a link by what it says."""
    button = page.get_by_role("button", name=name).or_(page.get_by_role("link", name=name))
    button.first.click()
    ready(page)


def go(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).first.click()
    expect(
        page.get_by_role("heading", name=name, level=1).or_(page.locator(".stage"))
    ).to_be_visible(timeout=PATIENCE_MS)
    ready(page)


def drag_to_start(page: Page, slider: Locator) -> None:
    thumb = slider.get_by_role("slider").bounding_box()
    track = slider.bounding_box()
    page.mouse.move(thumb["x"] + thumb["width"] / 2, thumb["y"] + thumb["height"] / 2)
    page.mouse.down()
    page.mouse.move(track["x"] - 30, thumb["y"] + thumb["height"] / 2, steps=10)
    page.mouse.up()
    ready(page)


def click_landmarks(page: Page) -> list[tuple[float, float]]:
    """Mark one picture; returns places in its own pixels, from the browser's own geometry."""
    places = []
    for k in range(LANDMARKS):
        edges = page.locator(".stage img").first.bounding_box()
        x, y = edges["x"] + edges["width"] * (0.3 + 0.1 * k), edges["y"] + edges["height"] * 0.5
        x, y = round(x), round(y)
        page.mouse.click(x, y)
        scale = 128 / edges["width"]
        places.append(((x - edges["x"]) * scale - 0.5, (y - edges["y"]) * scale - 0.5))
    return places


def is_local(url: str, server: str) -> bool:
    return url.startswith((server, server.replace("http", "ws"), "data:", "blob:"))


def open_demo_faces(page: Page) -> None:
    expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible()
    drag_to_start(page, page.locator('[data-testid="stSlider"]', has_text="Faces"))
    press(page, "Make demo faces")
    expect(page.get_by_text("1 of 50: ")).to_be_visible(timeout=PATIENCE_MS)
    ready(page)


def choose_sparse_format(page: Page) -> None:
    go(page, "Correlation")
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    go(page, "Budget")
    steps = page.locator('[data-testid="stNumberInput"]', has_text="landmarks to mark")
    while steps.locator("input").input_value() != str(LANDMARKS):
        steps.get_by_test_id("stNumberInputStepDown").click()
        ready(page)
    name = page.get_by_role("textbox", name="Name of the sparse format")
    expect(name).to_have_value(f"faces-m{LANDMARKS}", timeout=PATIENCE_MS)  # the page has followed
    ready(page)
    press(page, "Use this format")


def label_pictures(page: Page) -> np.ndarray:
    press(page, "Create")
    expect(page.locator(".stage img").first).to_be_visible(timeout=PATIENCE_MS)
    clicked = []
    for _ in range(PICTURES):
        clicked.append(click_landmarks(page))
        page.get_by_role("button", name="Next", exact=False).first.click()
    expect(page.get_by_text(f"{PICTURES} done")).to_be_visible()
    page.wait_for_selector('.annotator[data-saving="saved"]', timeout=PATIENCE_MS)
    press(page, "Export labels")
    page.get_by_role("button", name="Export", exact=True).click()
    expect(page.get_by_text("are now the data set")).to_be_visible()
    return np.array(clicked)


def train_and_look(page: Page) -> None:
    go(page, "Train")
    press(page, "Start")
    expect(page.get_by_text("finished after").first).to_be_visible(timeout=2 * PATIENCE_MS)
    go(page, "Results")
    press(page, "Predict")
    expect(page.get_by_role("tab", name="Pictures")).to_be_visible(timeout=PATIENCE_MS)
    ready(page)
    expect(page.get_by_test_id("stImage").first).to_be_visible()


def test_the_whole_job_can_be_done_with_the_mouse_alone(
    page: Page, make_server: Callable[..., Any]
) -> None:
    server = make_server()
    page.set_default_timeout(30_000)
    abroad: list[str] = []
    page.on("request", lambda r: None if is_local(r.url, server.url) else abroad.append(r.url))
    page.goto(f"{server.url}/results")
    hint = page.get_by_test_id("stMain").get_by_role("link")
    hint.get_by_text("Train", exact=True).click()  # an empty page leads to the one before it
    expect(page.get_by_role("heading", name="Train", exact=True)).to_be_visible()
    hint.get_by_text("Open a data set").click()
    open_demo_faces(page)
    choose_sparse_format(page)
    clicked = label_pictures(page)
    labels = LandmarkDataset.load(server.workspace / "data" / f"faces-m{LANDMARKS}-labels")
    stored = labels.shapes.points[labels.shapes.present].reshape(PICTURES, LANDMARKS, 2)
    np.testing.assert_allclose(stored, clicked, atol=0.001)
    train_and_look(page)
    found = next((server.workspace / "runs").glob("*/predictions/*"))
    assert LandmarkDataset.load(found).shapes.complete.all()
    assert not abroad, "nothing is asked of any other machine"
