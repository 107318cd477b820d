"""The annotation store: projects, their pictures, and every label ever given."""

from annotate.store.annotation_store import AnnotationStore, open_store
from annotate.store.ghost_rows import GhostSource
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
    "AnnotationStore",
    "ConflictError",
    "Counts",
    "Draft",
    "GhostSource",
    "Item",
    "NewItem",
    "Project",
    "Revision",
    "Status",
    "UnknownEntryError",
    "open_store",
]
