"""Weak supervision: dense landmarks from a few marked ones."""

import datasets

if getattr(datasets, "SUITE", None) != "fewmark":
    _found = getattr(datasets, "__file__", None)
    raise ImportError(
        f"'import datasets' finds {_found}, which is not Fewmark's package. Another "
        "distribution of that name (Hugging Face's) is in this environment and overwrites it. "
        "Install Fewmark in a virtual environment of its own: "
        "python -m venv .venv && .venv/bin/pip install fewmark"
    )

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weaksup.completion import complete
    from weaksup.config import TrainingConfig
    from weaksup.evaluation import evaluate
    from weaksup.inference import infer
    from weaksup.network import TwoBranchResNet
    from weaksup.samples import TrainingData
    from weaksup.training import train

_PLACES = {
    "TrainingConfig": "config",
    "TrainingData": "samples",
    "TwoBranchResNet": "network",
    "complete": "completion",
    "evaluate": "evaluation",
    "infer": "inference",
    "train": "training",
}

__all__ = [
    "TrainingConfig",
    "TrainingData",
    "TwoBranchResNet",
    "complete",
    "evaluate",
    "infer",
    "train",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a class or a function
    """Import on first use: torch takes seconds, which `fewmark --help` need not wait for."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"weaksup.{_PLACES[name]}"), name)
