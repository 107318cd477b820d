"""The annotation store: projects, their pictures, and every label ever given."""

from annotate.store.annotation_store import AnnotationStore, open_store
from annotate.store.leases import LEASE_S, Claim, Holder
from annotate.store.records import (
    ConflictError,
    Counts,
    Draft,
    Item,
    NewItem,
    Project,
    Revision,
    Status,
    UnknownEntryError,
)

__all__ = [
    "LEASE_S",
    "AnnotationStore",
    "Claim",
    "ConflictError",
    "Counts",
    "Draft",
    "Holder",
    "Item",
    "NewItem",
    "Project",
    "Revision",
    "Status",
    "UnknownEntryError",
    "open_store",
]
