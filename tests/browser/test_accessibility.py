"""Every page of the app, after a whole demo, as axe-core judges it in both themes."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_whole_job import PATIENCE_MS, ready


@pytest.fixture(scope="module")
def demo_url(make_server: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The app on a small finished demo: no page is empty."""
    workspace: Path = tmp_path_factory.mktemp("demo") / "workspace"
    command = [sys.executable, "-m", "annotate.cli", "demo", str(workspace)]
    subprocess.run([*command, "--faces", "40", "--scale", "0.02"], check=True, capture_output=True)
    return str(make_server(workspace).url)


def violations(page: Page) -> list[str]:
    """One line a rule that is broken: what it says, how often, and the first place."""
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']}, {len(rule['nodes'])} times: {rule['nodes'][0]['html'][:200]}: "
        f"{rule['nodes'][0]['failureSummary'][:300]}"
        for rule in found
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_breaks_a_rule_of_accessibility(
    chromium: Browser, demo_url: str, theme: Any
) -> None:
    context = chromium.new_context(
        viewport={"width": 1280, "height": 800}, color_scheme=theme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(demo_url)
    links = page.locator('[data-testid="stTopNavLink"]')
    expect(links.first).to_be_visible(timeout=PATIENCE_MS)
    addresses = [str(link.get_attribute("href")) for link in links.all()]
    assert len(addresses) >= 7
    found = {}
    for address in addresses:
        page.goto(address if "://" in address else f"{demo_url}/{address.lstrip('/')}")
        expect(page.locator("h1, .annotator[data-position]").first).to_be_visible(
            timeout=PATIENCE_MS
        )
        ready(page)
        found[address] = violations(page)
    page.goto(f"{demo_url}/annotate")
    expect(page.locator(".annotator[data-position]")).to_be_visible(timeout=PATIENCE_MS)
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keys and mouse")).to_be_visible()
    found["the help of the canvas"] = violations(page)
    context.close()
    assert {address: broken for address, broken in found.items() if broken} == {}
