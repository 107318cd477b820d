"""Annotators that are a script: they save over HTTP as the canvas does, and much more often.

Each sends one body at a time, again and again until it is acknowledged, under the same writer and
sequence. Where others have saved meanwhile, it saves over theirs.
"""

import contextlib
import http.client
import json
import random
import threading
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from tests.chaos.ledger import Ledger

_PATIENCE_S = 15.0  # as the canvas
_PAUSE_S = (0.02, 0.3)  # between tries; the canvas waits 0.5 to 8 s


class Permits:
    """How many saves scripted annotators may begin, given out by the run."""

    def __init__(self) -> None:
        self._left = 0
        self._is_over = False
        self._changed = threading.Condition()

    def give(self, count: int) -> None:
        with self._changed:
            self._left += count
            self._changed.notify_all()

    def end(self) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def take(self) -> bool:
        """Wait for one; False where there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._left or self._is_over)
            if not self._left:
                return False
            self._left -= 1
            return True


class Scripted(threading.Thread):
    """One annotator; `items` may be others' work as well."""

    def __init__(
        self, name: str, url: str, headers: dict[str, str], items: Sequence[int], m: int,
        size: tuple[int, int], permits: Permits, ledger: Ledger, seed: str,
    ) -> None:  # fmt: skip
        super().__init__(name=name, daemon=True)
        place = urlsplit(url)
        self._connection = http.client.HTTPConnection(
            place.hostname or "localhost", place.port, timeout=_PATIENCE_S
        )
        self._headers = {**headers, "Content-Type": "application/json", "Origin": url}
        self._items, self._m, self._size = items, m, size
        self._permits, self._ledger = permits, ledger
        self._rng = random.Random(seed)
        self._writer = f"{name}-{seed}"
        self._sequence = 0
        self._known: dict[int, dict[str, Any]] = {}  # item -> the last answer
        self._end = threading.Event()
        self.edits = 0
        self.problems: list[str] = []

    def run(self) -> None:
        while self._permits.take() and not self.problems:
            self._edit(self._rng.choice(self._items))
            self.edits += 1
        self._connection.close()

    def give_up(self) -> None:
        """Send nothing again any more."""
        self._end.set()

    def _edit(self, item: int) -> None:
        known = self._known.get(item, {"revision": 0, "points": [None] * self._m})
        points = list(known["points"])
        height, width = self._size
        points[self._rng.randrange(self._m)] = {
            "x": round(self._rng.uniform(0, width - 1), 3),
            "y": round(self._rng.uniform(0, height - 1), 3),
            "v": self._rng.choice((1, 2, 2, 2)),
        }
        self._sequence += 1
        body = {
            "annotator": self.name, "writer": self._writer, "sequence": self._sequence,
            "base": known["revision"], "points": points, "active_ms": 900,
            "flag": self._rng.random() < 0.1,
        }  # fmt: skip
        self._save(item, body)

    def _save(self, item: int, body: dict[str, Any]) -> None:
        self._ledger.send(item, body)
        while not self._end.is_set():
            status, answer = self._post(item, body)
            if status == 200 and isinstance(answer.get("revision"), int):
                self._ledger.acknowledge(item, body, answer)
                self._known[item] = answer
                return
            self._ledger.count(str(status) if status else "no answer")
            if status == 409 and answer.get("current"):
                body["base"] = answer["current"]["revision"]
            elif 400 <= status < 500:
                self.problems.append(f"{self.name}, item {item}: {status} {answer}")
                return
            else:
                self._end.wait(self._rng.uniform(*_PAUSE_S))
        self.problems.append(f"{self.name}, item {item}: sequence {body['sequence']} never saved")

    def _post(self, item: int, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        try:
            self._connection.request("POST", f"/api/items/{item}", json.dumps(body), self._headers)
            reply = self._connection.getresponse()
            text = reply.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return 0, {}
        with contextlib.suppress(ValueError):
            answer = json.loads(text)
            if isinstance(answer, dict):
                return reply.status, answer
        return reply.status, {}
