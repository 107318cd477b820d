"""One chaos run: annotators at work on a server to which everything happens, and the verdict."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from playwright.sync_api import Browser, Error

from annotate.store import AnnotationStore, Project
from tests.browser.canvas import HEIGHT, WIDTH, eventually
from tests.chaos.ledger import Ledger, Verdict, verify
from tests.chaos.places import SmallDisk
from tests.chaos.scripted import Permits, Scripted
from tests.chaos.tabs import Tab, new_tab
from tests.chaos.wire import Wire

_OUTAGE_S, _STEP_S = 300, 5
_REFUSALS = 5  # of a full disk, before there is room again
_CUTS = 5  # connections are killed so often in a row, in the middle of saves


class Killable(Protocol):
    """A server that can be killed and started again."""

    port: int

    def start(self) -> None: ...
    def kill(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is done and what happens meanwhile; everything is drawn from the seed."""

    edits: int = 1000
    kills: int = 10
    closed: int = 10
    outages: int = 1
    full_disks: int = 2
    cut_connections: int = 3
    tabs: int = 3
    scripted: int = 6
    saves_a_click: int = 4
    seed: int = 0


@dataclass
class Place:
    """Server, store and what can be done to them; `by_hand` is the project of the tabs."""

    server: Killable
    store: AnnotationStore
    by_hand: Project
    by_script: Project
    token: str
    log: Path
    disk: SmallDisk | None = None
    cut_connections: Callable[[], int] | None = None


@dataclass
class Outcome:
    """What a run found."""

    by_hand: int = 0
    by_script: int = 0
    seconds: float = 0.0
    closed_unsaved: int = 0
    back_s: list[float] = field(default_factory=list)
    happened: dict[str, int] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    verdicts: list[Verdict] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        return [*self.problems, *(fault for one in self.verdicts for fault in one.faults)]


class Chaos:
    """A run of a plan at a place; `say` gets a line for what happens."""

    def __init__(
        self, plan: Plan, place: Place, browser: Browser, say: Callable[[str], None]
    ) -> None:
        self._plan, self._place, self._browser, self._say = plan, place, browser, say
        self._rng = random.Random(plan.seed)
        self._wire = Wire(place.server.port)
        self._permits = Permits()
        self._out = Outcome()
        self._tabs: list[Tab] = []
        self._scripted: list[Scripted] = []

    def run(self) -> Outcome:
        began = time.monotonic()
        try:
            self._begin()
            self._go()
            self._permits.end()
            for tab in self._tabs:
                self._finish(tab)
        except (Error, AssertionError) as error:  # a page is of no use; what was saved still counts
            self._out.problems.append(f"{self._edits} edits: {str(error).splitlines()[0]}")
        finally:
            self._wait_for_scripts()
            self._wire.close()
        self._judge()
        self._out.seconds = time.monotonic() - began
        return self._out

    def _go(self) -> None:
        waiting = self._mishaps()
        while self._edits < self._plan.edits or waiting:
            if waiting and self._edits >= waiting[0][0]:
                self._happen(waiting.pop(0)[1])
            self._work()

    @property
    def _edits(self) -> int:
        return sum(one.edits for one in (*self._tabs, *self._scripted))

    # ------------------------------------------------------------- annotators

    def _begin(self) -> None:
        plan, place, ledger = self._plan, self._place, self._out.ledger
        for k in range(plan.tabs):
            seed = f"{plan.seed}-tab-{k}"
            tab = new_tab(self._browser, f"tab-{k}", self._wire.url, place.by_hand, ledger, seed)
            tab.open()
            self._tabs.append(tab)
        items = [item.id for item in place.store.items(place.by_script)]
        m, headers = len(place.by_script.sparse), {"X-Fewmark-Token": place.token}
        for k in range(plan.scripted):
            own = [item for j, item in enumerate(items) if j % (plan.scripted + 1) == k]
            shared = [
                item for j, item in enumerate(items) if j % (plan.scripted + 1) == plan.scripted
            ]
            self._scripted.append(Scripted(
                f"script-{k}", self._wire.url, headers, [*own, *shared], m, (HEIGHT, WIDTH),
                self._permits, ledger, f"{plan.seed}-{k}",
            ))  # fmt: skip
            self._scripted[-1].start()

    def _work(self) -> None:
        """A little of everybody's work, while all is well."""
        self._permits.give(self._plan.saves_a_click)
        tab = self._rng.choice(self._tabs)
        if tab.is_done:
            tab.go_on()
        tab.act()

    def _busy(self) -> None:
        """Work that is under way when something happens; nobody waits for it."""
        self._permits.give(2 * self._plan.scripted)
        for tab in self._tabs:
            tab.act()
        self._tabs[0].page.wait_for_timeout(self._rng.uniform(0, 300))

    def _all_saved(self) -> None:
        for tab in self._tabs:
            tab.wait_until_saved()

    # ------------------------------------------------------------- mishaps

    def _mishaps(self) -> list[tuple[float, Callable[[], None]]]:
        """What will happen, and after how many edits: spread over the run, in any order."""
        plan = self._plan
        counts = {
            self._kill: plan.kills,
            self._close: plan.closed,
            self._outage: plan.outages,
            self._full_disk: plan.full_disks if self._place.disk else 0,
            self._cut_connections: plan.cut_connections if self._place.cut_connections else 0,
        }
        found = [mishap for mishap, count in counts.items() for _ in range(count)]
        self._rng.shuffle(found)
        step = 0.9 * plan.edits / max(1, len(found))
        return [((k + self._rng.uniform(0.2, 1)) * step, mishap) for k, mishap in enumerate(found)]

    def _happen(self, mishap: Callable[[], None]) -> None:
        name = mishap.__name__.removeprefix("_").replace("_", " ")
        self._say(f"{self._edits} edits: {name}")
        self._out.happened[name] = self._out.happened.get(name, 0) + 1
        mishap()

    def _kill(self) -> None:
        self._busy()
        self._place.server.kill()
        for tab in self._tabs:
            tab.act()  # nobody has noticed
        self._place.server.start()
        began = time.monotonic()
        for tab in self._tabs:
            tab.act()
        self._all_saved()
        self._out.back_s.append(time.monotonic() - began)
        self._rng.choice(self._tabs).go_on()

    def _close(self) -> None:
        tab = self._rng.choice(self._tabs)
        for _ in range(3):
            tab.act()
        tab.page.wait_for_timeout(self._rng.uniform(0, 400))
        self._out.closed_unsaved += not tab.is_saved
        tab.close(crash=self._out.happened["close"] % 2 == 1)
        self._permits.give(self._plan.scripted)
        tab.open()

    def _outage(self) -> None:
        """Five minutes pass for the pages: all that they do by the clock in them happens."""
        self._busy()
        self._wire.cut()
        for passed in range(0, _OUTAGE_S, _STEP_S):
            for tab in self._tabs:
                tab.pass_time(_STEP_S)
                if passed % 60 == 0:
                    tab.act()
        for tab in self._tabs:
            tab.wait_until_offline()
        self._wire.mend()
        self._all_saved()

    def _full_disk(self) -> None:
        disk, answers = self._place.disk, self._out.ledger.answers
        assert disk is not None
        before = answers["503"]
        disk.fill()

        def is_refused() -> bool:
            self._busy()
            return answers["503"] >= before + _REFUSALS

        eventually(is_refused, within_s=120)
        is_second = self._out.happened["full disk"] % 2 == 0
        if is_second:
            self._place.server.kill()
        disk.free()
        if is_second:
            self._place.server.start()
        self._all_saved()

    def _cut_connections(self) -> None:
        assert self._place.cut_connections is not None
        for _ in range(_CUTS):
            self._busy()
            self._place.cut_connections()
        self._all_saved()

    # ------------------------------------------------------------- the end

    def _wait_for_scripts(self) -> None:
        self._permits.end()
        for script in self._scripted:
            script.join(timeout=60)
            script.give_up()
            script.join()

    def _finish(self, tab: Tab) -> None:
        """Once more as on the next day: what a journal still holds arrives."""
        tab.wait_until_saved()
        tab.close(crash=False)
        tab.open()
        tab.wait_until_saved()
        left = tab.unsent()
        if left:
            self._out.problems.append(f"{tab.name}: the journal still holds {left}")
        self._out.problems += tab.losses(self._place.store)
        tab.context.close()

    def _judge(self) -> None:
        out, place = self._out, self._place
        out.by_hand = sum(tab.edits for tab in self._tabs)
        out.by_script = sum(script.edits for script in self._scripted)
        for annotator in (*self._tabs, *self._scripted):
            out.problems += annotator.problems
        out.verdicts = [verify(place.store, project, out.ledger)
                        for project in (place.by_hand, place.by_script)]  # fmt: skip
        tracebacks = place.log.read_text().count("Traceback")
        if tracebacks:
            out.problems.append(f"the server's log has {tracebacks} tracebacks")
