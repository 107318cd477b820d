"""From the Budget page to the canvas by mouse, beside a project that is open already."""

import re

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from annotate.store import Project
from datasets.dataset import LandmarkDataset
from datasets.formats import landmark_format
from datasets.samples import sample_table
from datasets.shapes import ShapeSet
from tests.browser.conftest import Server
from tests.browser.test_whole_job import PATIENCE_MS, press, ready

N, SIZE = 12, 64


@pytest.fixture
def faces(server: Server) -> str:
    """A data set of dense shapes with pictures; half of them are not marked yet."""
    known = landmark_format("lfw-10")
    images = server.workspace / "pictures"
    images.mkdir()
    for i in range(N):
        cv2.imwrite(str(images / f"{i}.png"), np.full((SIZE, SIZE, 3), 20 * i, np.uint8))
    points = np.random.default_rng(0).uniform(8, SIZE - 8, size=(N, len(known), 2))
    points[N // 2 :] = np.nan
    names = [f"face-{i}" for i in range(N)]
    table = sample_table(names, [f"{i}.png" for i in range(N)])
    dataset = LandmarkDataset(ShapeSet.from_points(points, known), table, images)
    dataset.save(server.workspace / "data" / "ten")
    return "ten"


def test_a_chosen_format_becomes_a_project_with_two_clicks(
    page: Page, server: Server, project: Project, faces: str
) -> None:
    page.goto(f"{server.url}/budget")
    budget = page.get_by_label("m, landmarks to mark")
    budget.fill("4")
    budget.press("Enter")
    name = page.get_by_role("textbox", name="Name of the sparse format")
    expect(name).to_have_value(f"{faces}-m4", timeout=PATIENCE_MS)
    ready(page)
    press(page, "Use this format")
    expect(page.get_by_role("heading", name="New project")).to_be_visible(timeout=PATIENCE_MS)
    press(page, "Create")
    expect(page.locator(".landmarks button")).to_have_count(4, timeout=PATIENCE_MS)
    expect(page).to_have_url(re.compile(f"project={faces}-m4"))
    expect(page.get_by_role("heading", name="New project")).to_have_count(0)
    assert project.name != f"{faces}-m4"
