"""A small chaos run: a server that is killed and a tab that crashes lose no point.

The whole one, on both databases, is `tests/benchmark/chaos.py`.
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser

from annotate.store import open_store
from tests.chaos.places import new_project
from tests.chaos.run import Chaos, Place, Plan

PLAN = Plan(
    edits=60, kills=1, closed=1, outages=0, full_disks=0, cut_connections=0,
    tabs=1, scripted=2, saves_a_click=8,
)  # fmt: skip


def test_a_killed_server_and_a_crashed_tab_lose_nothing_that_was_marked(
    make_server: Callable[..., Any], chromium: Browser
) -> None:
    server = make_server()
    store = open_store(server.store_url)
    by_hand, by_script = (new_project(server.workspace, store, n, 12) for n in ("hand", "script"))
    token = hmac.new(store.secret.encode(), b"token", hashlib.sha256).hexdigest()
    place = Place(server, store, by_hand, by_script, token, server.log)
    out = Chaos(PLAN, place, chromium, print).run()
    store.close()
    assert out.faults == []
    assert out.happened == {"kill": 1, "close": 1}
    assert out.by_hand > 5
    assert out.by_script > 30
