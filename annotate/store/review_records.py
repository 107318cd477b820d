"""What reviewing is about: verdicts, comments, how far it has come, and what can go wrong."""

from dataclasses import dataclass
from enum import StrEnum

from annotate.store.records import Revision, Status
from datasets.errors import StoreError


class Verdict(StrEnum):
    """What a reviewer decided; withdrawn: nothing, whatever stood before."""

    ACCEPTED = "accepted"
    FIXED = "fixed"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Review:
    """A verdict on one revision of an item; the item's reviews are numbered from 1."""

    item: int
    number: int
    reviewer: str
    verdict: Verdict
    revision: int
    created: float

    def stands(self, current: Revision | None) -> bool:
        """Whether the verdict still holds where these are the labels now."""
        if self.verdict is Verdict.WITHDRAWN:
            return False
        if current is None or current.number == self.revision:
            return True
        return self.verdict is Verdict.RETURNED and current.status is Status.OPEN


@dataclass(frozen=True, slots=True)
class Comment:
    """A remark on an item.

    Parameters
    ----------
    landmark
        Which of the project's m landmarks it is about; None: the picture.
    resolved, resolved_by
        When and by whom it was settled; None where it still waits.
    """

    id: int
    item: int
    landmark: int | None
    author: str
    text: str
    created: float
    resolved: float | None
    resolved_by: str | None


@dataclass(frozen=True, slots=True)
class ReviewProgress:
    """How far the review of a project has come, in items.

    Parameters
    ----------
    waiting, accepted, returned
        Done and not reviewed as they are; found good or mended; sent back and not done anew.
    yours
        Positions of those sent back to the annotator who asks.
    """

    waiting: int
    accepted: int
    returned: int
    yours: tuple[int, ...] = ()


class NotReviewableError(StoreError):
    """There is nothing that a verdict could be about."""


class ReviewedError(StoreError):
    """Somebody else gave a verdict meanwhile; `review` is the last one now."""

    def __init__(self, item: int, review: Review | None) -> None:
        self.review = review
        said = "nothing" if review is None else f"'{review.verdict.value}' by {review.reviewer}"
        super().__init__(f"item {item} was reviewed meanwhile ({said}); look at it again")
