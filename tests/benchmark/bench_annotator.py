"""How quick the annotator is: real Chromium, real server, loopback; milliseconds.

    python tests/benchmark/bench_annotator.py [--annotators 20] [--seconds 30]

Times of the browser run from the event's own time stamp until the frame after it was painted.
Saves are timed by the browser as well; those of many annotators by as many threads, each with one
save a second.
"""

import argparse
import http.client
import json
import random
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))

from annotate.exchange import create_project
from annotate.store import AnnotationStore, open_store
from datasets.dataset import LandmarkDataset
from datasets.formats import SparseFormat, landmark_format
from datasets.samples import sample_table
from datasets.shapes import empty_shapes
from tests.browser.conftest import FLAGS, Server

M = 12
CLICKS, STEPS = 60, 60
DENSE = landmark_format("300w-68")
CHOSEN = tuple(range(0, 60, 5))
SPARSE = SparseFormat(
    DENSE, CHOSEN, tuple(min(CHOSEN, key=lambda c: abs(c - i)) for i in range(68))
)

# Until a frame with what the event changed has been painted: the message comes after the painting.
# It listens before the canvas does, which keeps its keys to itself.
WATCH = """
window.__painted = { pointerdown: [], keydown: [] };
const find = (root) => root.querySelector(".annotator")
  ?? [...root.querySelectorAll("*")].map((e) => e.shadowRoot && find(e.shadowRoot)).find(Boolean);
for (const kind of ["pointerdown", "keydown"]) {
  window.addEventListener(kind, (event) => {
    const began = event.timeStamp;
    const host = find(document);
    const position = host.dataset.position;
    const frame = () => requestAnimationFrame(() => {
      if (kind === "keydown" && host.dataset.position === position) return frame();
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => window.__painted[kind].push(performance.now() - began);
      port2.postMessage(0);
    });
    frame();
  }, { capture: true });
}
"""
SAVES = """() => performance.getEntriesByType("resource")
  .filter((e) => e.name.includes("/api/items/")).map((e) => e.duration)"""


def make_project(workspace: Path, store: AnnotationStore, count: int, side: int) -> str:
    """A project of noisy square pictures; returns its name."""
    name = f"squares-{side}"
    folder = workspace / name
    folder.mkdir()
    rng = np.random.default_rng(0)
    for k in range(count):
        noise = rng.integers(0, 255, (side // 8, side // 8, 3), np.uint8)
        cv2.imwrite(str(folder / f"{k}.jpg"), cv2.resize(noise, (side, side)))
    files = [f"{k}.jpg" for k in range(count)]
    samples = sample_table([f"s{k}" for k in range(count)], files)
    dataset = LandmarkDataset(empty_shapes(DENSE, count), samples, folder)
    create_project(store, name, SPARSE, dataset)
    return name


def opened(page: Page, url: str, name: str) -> None:
    page.add_init_script(WATCH)
    page.goto(f"{url}/annotate?project={name}")
    page.wait_for_selector(".annotator[data-position]", timeout=60_000)
    page.wait_for_load_state("networkidle")


def show(what: str, times: list[float]) -> None:
    """One line of the table."""
    low, middle, high = (float(np.percentile(times, q)) for q in (0, 50, 95))
    print(f"| {what} | {len(times)} | {low:.0f} | {middle:.0f} | {high:.0f} |", flush=True)


def clicks(page: Page) -> None:
    """Points placed at a person's speed, or faster; saves are timed beside."""
    stage = page.locator(".stage").bounding_box()
    assert stage is not None
    for k in range(CLICKS):
        x = stage["x"] + stage["width"] * random.uniform(0.35, 0.65)
        y = stage["y"] + stage["height"] * random.uniform(0.35, 0.65)
        page.mouse.click(x, y)
        page.wait_for_timeout(150)
        if k % M == M - 1:
            page.keyboard.press("d")
            page.wait_for_selector(f'.annotator[data-position="{k // M + 1}"]')
    show("click until painted", page.evaluate("window.__painted.pointerdown"))
    page.wait_for_selector('.annotator[data-saving="saved"]')
    show("save acknowledged, on disk", page.evaluate(SAVES))


def steps(page: Page, what: str, *, pause_ms: int = 400) -> None:
    """From one picture to the next, which was loaded ahead."""
    for _ in range(STEPS):
        page.keyboard.press("d")
        page.wait_for_timeout(pause_ms)
    show(what, page.evaluate(f"window.__painted.keydown.slice(-{STEPS})"))


def by_browser(url: str, projects: dict[int, str]) -> dict[str, str]:
    """The browser's part of the table; returns the headers that the canvas sends."""
    sent: dict[str, str] = {}
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for side, name in projects.items():
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.on("request", lambda r: sent.update(r.headers) if "/api/items" in r.url else None)
            opened(page, url, name)
            if side == min(projects):
                clicks(page)
            steps(page, f"next picture, {side} px")
            page.close()
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        opened(page, url, projects[min(projects)])
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", {
            "offline": False, "latency": 150, "downloadThroughput": -1, "uploadThroughput": -1,
        })  # fmt: skip
        steps(page, "next picture, 250 px, network 150 ms late")
        browser.close()
    return sent


def by_many(url: str, headers: dict[str, str], items: list[int], seconds: float) -> None:
    """One thread an annotator, each with a picture of its own, one save a second."""
    times: list[float] = []
    faults: list[str] = []
    place = urlsplit(url)
    kept = {k: v for k, v in headers.items() if k.startswith("x-fewmark") or k == "cookie"}
    asked = {**kept, "Content-Type": "application/json", "Origin": url}

    def annotator(item: int, delay: float) -> None:
        connection = http.client.HTTPConnection(place.hostname or "localhost", place.port)
        time.sleep(delay)
        base, ends = 0, time.monotonic() + seconds
        for sequence in range(1, 10_000):
            if time.monotonic() > ends:
                return
            points = [{"x": float(sequence % 200), "y": 9.0, "v": 2}] + [None] * (M - 1)
            body = {"annotator": f"a{item}", "writer": f"w{item}", "sequence": sequence,
                    "base": base, "points": points, "active_ms": 900}  # fmt: skip
            began = time.perf_counter()
            connection.request("POST", f"/api/items/{item}", json.dumps(body), asked)
            reply = connection.getresponse()
            answer = json.loads(reply.read())
            times.append(1e3 * (time.perf_counter() - began))
            if reply.status != 200:
                faults.append(f"{reply.status} {answer}")
                return
            base = int(answer["revision"])
            time.sleep(max(0.0, 1.0 - (time.perf_counter() - began)))

    threads = [
        threading.Thread(target=annotator, args=(item, k / len(items)))
        for k, item in enumerate(items)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    show(f"save, {len(items)} annotators, one a second each", times)
    print(f"\n{len(faults)} saves refused{': ' + faults[0] if faults else ''}")


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--annotators", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fewmark-bench-") as place:
        workspace = Path(place) / "workspace"
        (workspace / "formats").mkdir(parents=True)
        SPARSE.save(workspace / "formats" / "twelve.toml")
        server = Server(workspace, Path(place) / "server.log")
        store = open_store(server.store_url)
        projects = {side: make_project(workspace, store, STEPS + 15, side) for side in (250, 3000)}
        items = [item.id for item in store.items(store.projects()[0], 30, options.annotators)]
        server.start()
        try:
            print("| | n | least | median | 95 % |\n|---|---|---|---|---|")
            headers = by_browser(server.url, projects)
            by_many(server.url, headers, items, options.seconds)
        finally:
            server.kill()
            store.close()


if __name__ == "__main__":
    main()
