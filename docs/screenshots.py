"""Take the screenshots of the documentation: every page, in both themes, on a demo workspace.

    python docs/screenshots.py fewmark-workspace docs/images

The workspace must be a finished demo (`fewmark demo`): pictures in the documentation show
faces drawn by the computer, never people.
"""

import contextlib
import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

PAGES = (
    "data",
    "correlation",
    "budget",
    "annotate",
    "progress",
    "train",
    "complete",
    "results",
    "interpretation",
)
START_WITHIN_S = 60


@contextlib.contextmanager
def served(workspace: Path) -> Iterator[str]:
    """The app on a free port; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "annotate.cli", "serve", str(workspace), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://localhost:{port}"
    try:
        for _ in range(START_WITHIN_S * 5):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).close()
                break
            time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait()


def settled(page: Page) -> None:
    """Wait until Streamlit has run the page and its figures stand."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    page.wait_for_function("!document.querySelector('[data-testid=\"stSkeleton\"]')")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)  # figures fade in


def keep(screenshot: bytes, path: Path) -> None:
    """Write a PNG with a palette, a third of the size: the repository keeps every version."""
    Image.open(io.BytesIO(screenshot)).convert("RGB").quantize(
        256, Image.Quantize.MAXCOVERAGE
    ).save(path, optimize=True)
    print(path)


def main(workspace: Path, out: Path) -> None:
    """Write ``<page>-<theme>.png`` for every page and theme."""
    out.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with served(workspace) as address, sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        for theme in ("light", "dark"):
            context = browser.new_context(
                viewport={"width": 1280, "height": 1080}, color_scheme=theme
            )
            page = context.new_page()
            for name in PAGES:
                page.goto(f"{address}/{name}" if name != PAGES[0] else address)
                settled(page)
                keep(page.screenshot(), out / f"{name}-{theme}.png")
            context.close()
        browser.close()


if __name__ == "__main__":
    os.chdir(Path(__file__).parent.parent)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
