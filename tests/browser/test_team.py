"""A team at work: people sign in, see what is theirs, and mark in their own name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from annotate.access import Membership, Role
from annotate.store import AnnotationStore, NewItem, Project, open_store
from datasets.formats import SparseFormat, landmark_format
from tests.browser.canvas import SPARSE, click, new_project, revision, wait_for
from tests.browser.conftest import Server
from tests.browser.provider import Provider, provider


@dataclass
class Team:
    """A server with a sign-in, its provider, and two projects."""

    server: Server
    provider: Provider
    store: AnnotationStore
    one: Project
    two: Project

    def signed_in(self, page: Page, person: str) -> Page:
        self.provider.person = person
        page.goto(self.server.url)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{self.server.url}/**")
        return page


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    if find_spec("authlib") is None or find_spec("httpx") is None:
        pytest.skip("signing in by OpenID Connect needs Authlib: pip install 'fewmark[auth]'")
    folder = tmp_path_factory.mktemp("team")
    secrets, workspace = folder / "secrets.toml", folder / "workspace"
    workspace.mkdir()
    server = Server(workspace, folder / "server.log", {"FEWMARK_OIDC": str(secrets)})
    store = open_store(server.store_url)
    (workspace / "pictures").mkdir()
    one, two = (new_project(workspace, store, workspace / "pictures") for _ in range(2))
    with provider() as found:
        secrets.write_text(found.secrets(server.url))
        server.start()
        yield Team(server, found, store, one, two)
        server.kill()
    store.close()


@pytest.fixture
def fresh(chromium: Browser) -> Iterator[Callable[[], Page]]:
    """A browser of its own for each person."""
    contexts = []

    def page() -> Page:
        contexts.append(chromium.new_context(viewport={"width": 1280, "height": 800}))
        return contexts[-1].new_page()

    yield page
    for context in contexts:
        context.close()


def test_people_sign_in_and_each_marks_in_their_own_name(
    team: Team, fresh: Callable[[], Page]
) -> None:
    ann = team.signed_in(fresh(), "Ann@example.org")
    ann.get_by_role("link", name="Budget").wait_for()
    assert team.store.members() == [Membership("ann@example.org", Role.MANAGER)]

    bea = team.signed_in(fresh(), "bea@example.org")
    bea.get_by_text("no member here yet").wait_for()
    assert bea.locator(".annotator").count() == 0
    team.store.set_member("bea@example.org", Role.ANNOTATOR, team.one)

    bea.goto(f"{team.server.url}/annotate")
    wait_for(bea, position=0)
    assert bea.get_by_role("link", name="Budget").count() == 0
    assert bea.get_by_text("Page not found").count() == 0
    click(bea, 20, 40)
    wait_for(bea, saving="saved")
    assert revision(team.store, team.one).annotator == "bea@example.org"

    # The address of a picture opens nothing to others, nor without its cookie.
    address = bea.locator(".stage img").get_attribute("src")
    assert bea.request.get(address).status == 200
    assert fresh().request.get(address).status == 401
    other = fresh()
    team.store.set_member("cyd@example.org", Role.ANNOTATOR, team.two)
    team.signed_in(other, "cyd@example.org")
    wait_for(other, position=0)
    assert other.request.get(address).status == 403

    team.store.set_member("bea@example.org", None, team.one)
    click(bea, 60, 60)
    wait_for(bea, saving="refused")
    assert "to bea@example.org: 403" in team.server.log.read_text()


def test_a_researcher_looks_and_changes_nothing(team: Team, fresh: Callable[[], Page]) -> None:
    team.store.set_member("ann@example.org", Role.MANAGER)
    team.store.set_member("eve@example.org", Role.RESEARCHER)
    eve = team.signed_in(fresh(), "eve@example.org")
    eve.get_by_role("link", name="Annotate").click()
    wait_for(eve, position=0)
    before = team.store.history(team.two)
    click(eve, 20, 40)
    eve.get_by_text("not change them").first.wait_for()
    eve.keyboard.press("f")
    eve.keyboard.press("s")
    wait_for(eve, position=0, saving="saved")
    assert team.store.history(team.two) == before


def test_an_address_that_was_not_verified_and_a_forged_cookie_open_nothing(
    team: Team, fresh: Callable[[], Page]
) -> None:
    team.store.set_member("ann@example.org", Role.MANAGER)
    team.provider.verified = False
    page = team.signed_in(fresh(), "ann@example.org")
    page.get_by_text("no e-mail address of yours that was verified").wait_for()
    team.provider.verified = True

    forger = fresh()
    value = '{"email": "ann@example.org", "is_logged_in": true}'
    forger.context.add_cookies(
        [{"name": "_streamlit_user", "value": value, "url": team.server.url}]
    )
    forger.goto(f"{team.server.url}/budget")
    forger.get_by_role("button", name="Sign in").wait_for()
    assert forger.get_by_role("link", name="Budget").count() == 0


def test_a_proxys_header_signs_people_in_and_anybody_elses_does_not(
    make_server: Callable[..., Any], chromium: Browser
) -> None:
    """Both over the websocket, by which Streamlit's pages learn who looks at them."""
    header = {"X-Remote-User": "Ann"}
    ours = make_server(FEWMARK_TRUST_HEADER="X-Remote-User")
    context = chromium.new_context(extra_http_headers=header)
    page = context.new_page()
    page.goto(ours.url)
    page.get_by_role("link", name="Budget").wait_for()
    foreign = make_server(FEWMARK_TRUST_HEADER="X-Remote-User", FEWMARK_PROXY="192.0.2.7")
    page.goto(foreign.url)
    page.get_by_text("did not say who you are").wait_for()
    assert page.get_by_role("link", name="Budget").count() == 0
    context.close()


SCRIPT = "<img src=x onerror='window.broken=1'><script>window.broken=1</script>![a](//b.c)"


def test_names_are_shown_as_text_and_never_run(
    make_server: Callable[..., Any], fresh: Callable[[], Page], tmp_path: Path
) -> None:
    server = make_server()
    store = open_store(server.store_url)
    dense = landmark_format("mafl-5")
    names = [f"<img src=x onerror=window.broken=1>{i}" for i in range(5)]
    odd = replace(dense, name="![a](//b.c)", landmarks=tuple(names))
    sparse = SparseFormat(odd, (0, 2, 4), (0, 0, 2, 2, 4))
    picture = tmp_path / "<img src=x onerror=window.broken=1>.png"
    cv2.imwrite(str(picture), np.full((96, 128, 3), 90, np.uint8))
    SPARSE.save(server.workspace / "formats" / "three.toml")
    store.create_project(SCRIPT[:100], sparse, [NewItem(SCRIPT, picture, 96, 128)])
    store.close()
    page = fresh()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server.url}/annotate?project={'![a](//b.c)'}")
    wait_for(page, position=0)
    click(page, 20, 40)
    page.get_by_role("button", name="More").click()
    page.get_by_text("of the 5 landmarks").wait_for()
    wait_for(page, saving="saved")
    assert page.evaluate("window.broken") is None
    ours = (server.url, f"blob:{server.url}")
    assert [address for address in asked if not address.startswith(ours)] == []
    assert SCRIPT in page.locator(".annotator .place").inner_text()
