"""Marking landmarks in pictures: projects, queue, store, canvas, and the fewmark command."""

import datasets

if getattr(datasets, "SUITE", None) != "fewmark":
    _found = getattr(datasets, "__file__", None)
    raise ImportError(
        f"'import datasets' finds {_found}, which is not Fewmark's package. Another "
        "distribution of that name (Hugging Face's) is in this environment and overwrites it. "
        "Install Fewmark in a virtual environment of its own: "
        "python -m venv .venv && .venv/bin/pip install fewmark"
    )

from annotate.exchange import create_project, export_dataset, import_dataset
from annotate.simulation import simulate_labels
from annotate.store import AnnotationStore, open_store
from annotate.timing import Timing, marked_pictures, timing_of

__all__ = [
    "AnnotationStore",
    "Timing",
    "create_project",
    "export_dataset",
    "import_dataset",
    "marked_pictures",
    "open_store",
    "simulate_labels",
    "timing_of",
]
