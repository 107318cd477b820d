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
