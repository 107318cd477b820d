"""What the store keeps, as values, and the errors it answers with."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from annotate.labelling import Point
from datasets.errors import StoreError
from datasets.formats import SparseFormat
from datasets.samples import Box


class UnknownEntryError(StoreError):
    """The store has no such project or item."""


class ConflictError(StoreError):
    """Somebody else saved the item meanwhile; `current` is what the store has now."""

    def __init__(self, current: "Revision") -> None:
        self.current = current
        super().__init__(
            f"item {current.item} was changed by {current.annotator} meanwhile "
            f"(revision {current.number}); look at it before you save"
        )


class CopyError(StoreError):
    """Somebody marks a copy of a shape of which they have marked another copy."""

    def __init__(self, item: int, annotator: str, marked: int) -> None:
        super().__init__(
            f"item {item} is for somebody else: {annotator} has marked copy {marked} of this "
            "picture, and each copy is marked by another person"
        )


class OthersGoldError(StoreError):
    """Somebody marks the copy of a gold picture that another person got."""

    def __init__(self, item: int) -> None:
        super().__init__(f"item {item} is for somebody else: nobody helps them with this picture")


class Status(StrEnum):
    """How far the labelling of an item has come."""

    OPEN = "open"
    DONE = "done"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Project:
    """A set of pictures in which the landmarks of one sparse format are marked.

    Parameters
    ----------
    id, name
        Number and unique name.
    sparse
        The dense format and which of its landmarks are marked.
    guide
        M positions ``(x, y)`` of a typical shape, y down, in any scale, or None: shown to people.
    archived
        Whether it is put away; nothing is ever deleted.
    created
        Seconds since 1970.
    """

    id: int
    name: str
    sparse: SparseFormat
    guide: tuple[tuple[float, float], ...] | None
    archived: bool
    created: float


@dataclass(frozen=True, slots=True)
class NewItem:
    """A picture in which one object is to be marked; `box` in pixels or None."""

    shape_id: str
    image: Path
    height_px: int
    width_px: int
    box: Box | None = None
    split: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A `NewItem` that the store knows by number, at a place in its project's order (from 0).

    `copy` counts, from 1, the items of one shape that different people mark; below 0 it is
    somebody's answer to a gold picture.
    """

    id: int
    project: int
    position: int
    content: NewItem
    copy: int = 1

    @property
    def is_gold(self) -> bool:
        """Whether it is an answer to a gold picture."""
        return self.copy < 0


@dataclass(frozen=True, slots=True)
class Draft:
    """Labels on their way to becoming a revision.

    Parameters
    ----------
    item
        Number of the item.
    annotator
        Who gave the labels.
    writer, sequence
        Who sends (one random name for each time the page is loaded) and its own count of what
        it sent for this item, increasing. Both together make repeated sending harmless.
    base
        Number of the revision the labels start from; 0 where there was none.
    points
        m entries, in the order of the project's chosen landmarks; None = not yet decided.
    active_ms
        How long the annotator worked on it since `base`, pauses of more than 10 s cut to that.
    """

    item: int
    annotator: str
    writer: str
    sequence: int
    base: int
    points: tuple[Point | None, ...]
    status: Status
    flag: bool = False
    active_ms: int = 0


@dataclass(frozen=True, slots=True)
class Revision:
    """Labels as saved, for ever; the item's revisions are numbered from 1."""

    item: int
    number: int
    annotator: str
    writer: str
    sequence: int
    base: int
    points: tuple[Point | None, ...]
    status: Status
    flag: bool
    active_ms: int
    created: float

    def same_labels(self, draft: Draft) -> bool:
        """Whether a draft says nothing new."""
        ours: tuple[Any, ...] = (self.points, self.status, self.flag)
        return ours == (draft.points, draft.status, draft.flag)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many items of a project are done, skipped, and in all."""

    total: int
    done: int
    skipped: int

    @property
    def open(self) -> int:
        """Items that still wait for labels."""
        return self.total - self.done - self.skipped
