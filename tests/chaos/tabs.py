"""Annotators in real browser tabs: they click and drag, and their tabs are closed or crash."""

import contextlib
import json
import random
from dataclasses import dataclass, field
from typing import Any

from numpy.testing import assert_allclose
from playwright.sync_api import Browser, BrowserContext, Error, Page

from annotate.store import AnnotationStore, Project
from tests.browser.canvas import (
    EXACT,
    HEIGHT,
    WIDTH,
    frames,
    in_picture,
    on_screen,
    wait_for,
)
from tests.chaos.ledger import Ledger

# Tells what the page sends and what the server acknowledges, before the page itself hears of it.
WATCH = """
const ask = window.fetch;
window.fetch = async (address, options) => {
  const found = /\\/api\\/items\\/(\\d+)$/.exec(String(address));
  if (!found || options?.method !== "POST") return ask(address, options);
  const item = Number(found[1]);
  window.chaosSent(item, options.body);
  const reply = await ask(address, options);
  if (reply.status === 200) {
    const answer = await reply.clone().json().catch(() => ({}));
    if (Number.isInteger(answer.revision)) window.chaosAcknowledged(item, options.body, answer);
  } else window.chaosRefused(reply.status);
  return reply;
};
"""
JOURNAL = """() => Object.keys(localStorage)
  .filter((key) => /^fewmark:[^:]+:[0-9]+:[0-9]+:/.test(key))"""

Place = tuple[float, float]


@dataclass
class Tab:
    """An annotator with a browser profile of their own, and what they have marked by hand."""

    name: str
    context: BrowserContext
    url: str
    project: Project
    ledger: Ledger
    rng: random.Random
    places: dict[int, list[Place]] = field(default_factory=dict)  # item -> landmark by landmark
    edits: int = 0
    problems: list[str] = field(default_factory=list)
    page: Page = field(init=False)

    def open(self) -> None:
        """A new page of the same profile; its clock can be put forward."""
        self.page = self.context.new_page()
        self.page.clock.install()
        self.page.goto(f"{self.url}/annotate?project={self.project.name}")
        self.page.wait_for_selector(".annotator[data-position]", timeout=90_000)
        self._compare()

    @property
    def item(self) -> int:
        return int(self.page.locator(".annotator").get_attribute("data-item") or 0)

    def act(self) -> None:
        """Place the next landmark, or drag one that is placed."""
        here = self.places.setdefault(self.item, [])
        if len(here) == len(self.project.sparse) or (here and self.rng.random() < 0.2):
            self._drag(self.rng.randrange(len(here)))
        else:
            self._place()

    @property
    def is_done(self) -> bool:
        """Whether every landmark of this picture is placed."""
        return len(self.places.get(self.item, [])) == len(self.project.sparse)

    def go_on(self) -> None:
        """To the next open picture."""
        before = self.item
        self.page.keyboard.press("u")
        self.page.wait_for_selector(
            f".annotator:not([data-item='{before}']):not([data-underway])", timeout=60_000
        )
        self._compare()

    def _place(self) -> None:
        here = self.places[self.item]
        place = on_screen(self.page, *self._free(here))
        exact = in_picture(self.page, *place)
        self.page.mouse.click(*place)
        self._marked(here, exact)

    def _marked(self, here: list[Place], exact: Place) -> None:
        frames(self.page)
        if self._shown == len(here) + 1:
            here.append(exact)
            self.edits += 1
        else:
            said = self.page.locator(".message").inner_text()
            self.problems.append(f"{self.name}: a click was not taken; the canvas says {said!r}")

    def _drag(self, index: int) -> None:
        here = self.places[self.item]
        (x, y), target = on_screen(self.page, *here[index]), self._free(here)
        held = in_picture(self.page, x, y)
        to_x, to_y = on_screen(self.page, *target)
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(to_x, to_y, steps=3)
        self.page.mouse.up()
        moved = in_picture(self.page, to_x, to_y)
        here[index] = tuple(here[index][axis] + moved[axis] - held[axis] for axis in range(2))  # type: ignore[assignment]  # two of them
        self.edits += 1

    def _free(self, taken: list[Place]) -> Place:
        """A place that no other point is near: a click there hits none."""
        while True:
            x, y = self.rng.uniform(8, WIDTH - 8), self.rng.uniform(8, HEIGHT - 8)
            if all(abs(x - a) + abs(y - b) > 8 for a, b in taken):
                return x, y

    @property
    def _shown(self) -> int:
        return self.page.locator(".point:visible").count()

    def _compare(self) -> None:
        """What is shown must be all that was marked there."""
        frames(self.page)
        expected = len(self.places.get(self.item, []))
        if self._shown != expected:
            found = f"shows {self._shown} points, {expected} were marked"
            self.problems.append(f"{self.name}, item {self.item}: {found}")

    def close(self, *, crash: bool) -> None:
        """End the page without a goodbye, as a crash does, or as a click on its cross."""
        self.ledger.closed.add(self.name)
        if crash:
            with contextlib.suppress(Error):  # nothing answers
                self.page.goto("chrome://crash")
        self.page.close()

    @property
    def is_saved(self) -> bool:
        return self.page.locator(".annotator[data-saving='saved']").count() == 1

    def wait_until_saved(self) -> None:
        wait_for(self.page, saving="saved")

    def wait_until_offline(self) -> None:
        wait_for(self.page, saving="offline")

    def pass_time(self, seconds: int) -> None:
        """Let the page live through seconds at once; what it asks for meanwhile is answered."""
        self.page.clock.run_for(1000 * seconds)
        self.page.evaluate("() => fetch('/api/frontend/x/main.js').catch(() => {})")

    def unsent(self) -> list[str]:
        """Keys of the journal."""
        found: list[str] = self.page.evaluate(JOURNAL)
        return found

    def losses(self, store: AnnotationStore) -> list[str]:
        """Marked points that the store has not, or elsewhere."""
        items = [item for item in store.items(self.project) if item.id in self.places]
        current = store.current(items)
        problems = []
        for item, expected in self.places.items():
            points = current[item].points if item in current else ()
            found = [(p.x, p.y) for p in points if p is not None]
            try:
                assert_allclose(found, expected, atol=3 * EXACT, rtol=0)
            except AssertionError:
                problems.append(f"{self.name}, item {item}: marked {expected}, stored {found}")
        return problems


def new_tab(
    browser: Browser, name: str, url: str, project: Project, ledger: Ledger, seed: str
) -> Tab:
    """An annotator whose profile knows their name."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.add_cookies([{"name": "fewmark_annotator", "value": name, "url": url}])
    tab = Tab(name, context, url, project, ledger, random.Random(seed))

    def sent(item: int, text: str) -> None:
        body: dict[str, Any] = json.loads(text)
        ledger.send(item, body)

    context.expose_function("chaosSent", sent)
    context.expose_function(
        "chaosAcknowledged",
        lambda item, text, answer: ledger.acknowledge(item, json.loads(text), answer),
    )
    context.expose_function("chaosRefused", lambda status: ledger.count(str(status)))
    context.add_init_script(WATCH)
    return tab
