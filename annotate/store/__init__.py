"""The annotation store: projects, their pictures, and every label ever given."""

from annotate.store.annotation_store import AnnotationStore, open_store
from annotate.store.backup import backup, restore
from annotate.store.ghost_rows import GhostSource
from annotate.store.golds import GoldAnswer, GoldPlan
from annotate.store.health import faults
from annotate.store.leases import LEASE_S, Claim
from annotate.store.records import (
    ConflictError,
    CopyError,
    Counts,
    Draft,
    Item,
    NewItem,
    OthersGoldError,
    Project,
    Revision,
    Status,
    UnknownEntryError,
)
from annotate.store.review_records import (
    Comment,
    NotReviewableError,
    Review,
    ReviewedError,
    ReviewProgress,
    Verdict,
)
from annotate.store.reviews import Reviews
from annotate.store.work import States, Work

__all__ = [
    "LEASE_S",
    "AnnotationStore",
    "Claim",
    "Comment",
    "ConflictError",
    "CopyError",
    "Counts",
    "Draft",
    "GhostSource",
    "GoldAnswer",
    "GoldPlan",
    "Item",
    "NewItem",
    "NotReviewableError",
    "OthersGoldError",
    "Project",
    "Review",
    "ReviewProgress",
    "ReviewedError",
    "Reviews",
    "Revision",
    "States",
    "Status",
    "UnknownEntryError",
    "Verdict",
    "Work",
    "backup",
    "faults",
    "open_store",
    "restore",
]
