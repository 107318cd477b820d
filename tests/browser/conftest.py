"""A real server on a free port and a real Chromium, for whole journeys of a user.

Without a Chromium the tests are skipped, except where the environment says CI: there they fail.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from annotate.store import AnnotationStore, Project, open_store
from tests.browser.canvas import Run, new_project

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
START_WITHIN_S = 90


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is a browser test, and one worker runs them all."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


@dataclass
class Server:
    """`fewmark serve` on a workspace; it can be killed and started again at the same place."""

    workspace: Path
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=_free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def store_url(self) -> str:
        return f"sqlite:///{self.workspace / 'labels.sqlite'}"

    def start(self) -> None:
        command = [sys.executable, "-m", "annotate.cli", "serve", str(self.workspace)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                cwd=ROOT, env={**os.environ, **self.environment},
            )  # fmt: skip
        deadline = time.monotonic() + START_WITHIN_S
        base = self.environment.get("STREAMLIT_SERVER_BASE_URL_PATH", "")
        while not _answers(f"{self.url}/{base}/_stcore/health".replace("//_", "/_")):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                pytest.fail(f"the server did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """As a power cut would: no goodbye (on POSIX `serve` becomes the server itself)."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="session")
def make_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Server]]:
    """Start a server on a new workspace, or on a given one; keyword arguments are environment."""
    started: list[Server] = []

    def make(workspace: Path | None = None, **environment: str) -> Server:
        folder = tmp_path_factory.mktemp("server")
        server = Server(workspace or folder / "workspace", folder / "server.log", environment)
        server.workspace.mkdir(exist_ok=True)
        started.append(server)
        server.start()
        return server

    yield make
    for server in started:
        server.kill()


@pytest.fixture(scope="session")
def server(make_server: Callable[..., Server]) -> Server:
    """One server for all tests that need no other."""
    return make_server()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        message = "there is no chromium or google-chrome"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def profile(chromium: Browser) -> Iterator[BrowserContext]:
    """One browser profile, so that Streamlit's own files are loaded once; a small laptop's size."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    yield context
    context.close()


@pytest.fixture
def page(profile: BrowserContext) -> Iterator[Page]:
    """A tab of its own."""
    tab = profile.new_page()
    yield tab
    tab.close()


@pytest.fixture
def store(server: Server) -> Iterator[AnnotationStore]:
    opened = open_store(server.store_url)
    yield opened
    opened.close()


@pytest.fixture
def project(server: Server, store: AnnotationStore, tmp_path: Path) -> Project:
    return new_project(server.workspace, store, tmp_path)


@pytest.fixture
def run(chromium: Browser, server: Any) -> Iterator[Run]:
    """Run the body of an async function in a page that can load the modules.

    With `wait_ms` the body returns a function, which is asked after so much time has passed on
    the page's own clock.
    """
    context = chromium.new_context()
    page: Page = context.new_page()
    page.goto(f"{server.url}/api/frontend/x/main.js")
    page.clock.install()

    def evaluate(body: str, wait_ms: int = 0) -> Any:
        page.evaluate(f"async () => {{ window.result = await (async () => {{ {body} }})(); }}")
        if wait_ms:
            page.clock.run_for(wait_ms)
            return page.evaluate("() => window.result()")
        return page.evaluate("() => window.result")

    yield evaluate
    context.close()
