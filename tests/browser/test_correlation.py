"""The Correlation page in a real browser: what can be taken away from it."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from correlation.affinity import affinity
from correlation.matrix import AffinityMatrix
from datasets.dataset import LandmarkDataset
from datasets.formats import landmark_format
from datasets.samples import sample_table
from datasets.shapes import ShapeSet

PATIENCE_MS = 60_000


@pytest.fixture
def dataset(tmp_path: Path) -> LandmarkDataset:
    known = landmark_format("300w-68")
    points = np.random.default_rng(0).normal(size=(40, len(known), 2))
    shapes = ShapeSet.from_points(points, known)
    dataset = LandmarkDataset(shapes, sample_table([str(i) for i in range(len(shapes))]))
    dataset.save(tmp_path / "workspace" / "data" / "faces")
    return dataset


def ready(page: Page, charts: int) -> None:
    page.wait_for_selector(
        '[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=PATIENCE_MS
    )
    expect(page.locator(".js-plotly-plot .main-svg").nth(0)).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(".js-plotly-plot")).to_have_count(charts, timeout=PATIENCE_MS)
    expect(page.locator('[data-testid="stAlertContentError"]')).to_have_count(0)


def downloaded(page: Page, button: Locator) -> tuple[str, bytes]:
    with page.expect_download(timeout=PATIENCE_MS) as started:
        button.click()
    return started.value.suggested_filename, Path(started.value.path()).read_bytes()


def chart(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-{key}")


def picture_of(page: Page, key: str) -> tuple[str, np.ndarray]:
    camera = chart(page, key).locator('[data-title*="PNG" i]')
    name, content = downloaded(page, camera)
    assert content.startswith(b"\x89PNG\r\n")
    return name, cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)


def check_picture(page: Page, key: str, picture: np.ndarray) -> None:
    """Three dots a pixel, opaque, and with more in it than a background."""
    edges = chart(page, key).locator(".js-plotly-plot").bounding_box()
    H, W = picture.shape[:2]
    assert abs(H - 3 * edges["height"]) < 6
    assert abs(W - 3 * edges["width"]) < 6
    assert picture.shape[2] == 3 or (picture[:, :, 3] == 255).all()
    some = picture[::9, ::9]
    assert len(np.unique(some.reshape(-1, some.shape[2]), axis=0)) > 100


def test_affinities_and_their_difference_can_be_taken_away(
    page: Page, make_server: Callable[..., Any], tmp_path: Path, dataset: LandmarkDataset
) -> None:
    server = make_server(tmp_path / "workspace")
    page.goto(f"{server.url}/correlation")
    ready(page, charts=2)
    matrix = affinity(dataset.shapes)
    name, text = downloaded(page, page.get_by_role("button", name="JSON", exact=True))
    assert name == "affinity-faces-all-centroid-rms.json"
    found = AffinityMatrix.from_json(text.decode())
    np.testing.assert_array_equal(found.values, matrix.values)
    assert (found.n_shapes, found.alignment) == (40, "centroid-rms")
    name, text = downloaded(page, page.get_by_role("button", name="CSV", exact=True))
    assert name == "affinity-faces-all-centroid-rms.csv"
    assert text.decode() == matrix.csv()
    name, picture = picture_of(page, "correlation-heatmap")
    assert name == "affinity-faces-all-centroid-rms.png"
    check_picture(page, "correlation-heatmap", picture)

    page.get_by_text("Compare with another data set").click()
    ready(page, charts=3)
    name, picture = picture_of(page, "correlation-compare-difference")
    assert name == "affinity-difference-faces-all-centroid-rms-faces-all-box.png"
    check_picture(page, "correlation-compare-difference", picture)
    _, text = downloaded(page, page.get_by_role("button", name="CSV", exact=True).nth(2))
    rows = list(csv.reader(io.StringIO(text.decode())))
    difference = matrix.values - affinity(dataset.shapes, "box").values
    np.testing.assert_array_equal(np.array(rows[1:])[:, 1:].astype(float), difference)
