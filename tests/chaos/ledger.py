"""What annotators were told is saved, and whether the store has it.

The ledger is the annotators' own: it is written when an acknowledgement arrives, and knows nothing
of the store until the end.
"""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotate.labelling import points_from_json
from annotate.store import AnnotationStore, Project, Revision, faults

Sent = tuple[int, str, int]  # item, writer, sequence


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A body that was sent for an item, and the revision that the server answered with."""

    item: int
    body: dict[str, Any]
    revision: int


@dataclass
class Ledger:
    """What was sent and what was acknowledged, by annotators of any thread."""

    acknowledged: list[Acknowledged] = field(default_factory=list)
    sent: dict[Sent, dict[str, Any]] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    closed: set[str] = field(default_factory=set)  # annotators whose tab was closed while it sent
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, item: int, body: dict[str, Any]) -> None:
        with self._lock:
            self.sent[item, body["writer"], body["sequence"]] = body

    def acknowledge(self, item: int, body: dict[str, Any], answer: dict[str, Any]) -> None:
        with self._lock:
            self.acknowledged.append(Acknowledged(item, body, answer["revision"]))

    def count(self, answer: str) -> None:
        """Count an answer that is no acknowledgement."""
        with self._lock:
            self.answers[answer] += 1


@dataclass
class Verdict:
    """What is wrong in a store: a line for each loss, and for each revision that is not whole."""

    acknowledged: int
    revisions: int
    lost: list[str]
    broken: list[str]

    @property
    def faults(self) -> list[str]:
        return [*self.lost, *self.broken]


def verify(store: AnnotationStore, project: Project, ledger: Ledger) -> Verdict:
    """Look for every acknowledged revision, and at every revision that is there."""
    names = project.sparse.names
    items = {item.id for item in store.items(project)}
    history = store.history(project)
    by_number = {(one.item, one.number): one for one in history}
    lost = [
        f"item {ack.item}, revision {ack.revision}: {problem}"
        for ack in ledger.acknowledged
        if ack.item in items
        for problem in _losses(by_number.get((ack.item, ack.revision)), ack.body, names)
    ]
    broken = [*faults(store), *_unsent(history, ledger, names)]
    acknowledged = sum(ack.item in items for ack in ledger.acknowledged)
    return Verdict(acknowledged, len(history), lost, broken)


def _losses(found: Revision | None, body: dict[str, Any], names: Sequence[str]) -> Iterator[str]:
    if found is None:
        yield "acknowledged, but not in the store"
    elif not _says(found, body, names):
        yield f"acknowledged as {body['points']}, stored as {found.points}"


def _says(found: Revision, body: dict[str, Any], names: Sequence[str]) -> bool:
    """Whether a revision has exactly the places and the flag that were sent."""
    return found.points == points_from_json(body["points"], names) and (
        found.flag == body.get("flag", False)
    )


def _unsent(history: Sequence[Revision], ledger: Ledger, names: Sequence[str]) -> Iterator[str]:
    """Revisions that are not, whole, what their writer sent.

    What a tab sent in the moment in which it was closed may not have reached the ledger.
    """
    for found in history:
        body = ledger.sent.get((found.item, found.writer, found.sequence))
        place = f"item {found.item}, revision {found.number} of {found.writer}"
        if body is None:
            if found.annotator not in ledger.closed:
                yield f"{place}: nobody sent this"
        elif not _says(found, body, names):
            yield f"{place}: not what was sent"
