"""How landmarks depend on each other, and which few of them carry the rest."""

import datasets

if getattr(datasets, "SUITE", None) != "fewmark":
    _found = getattr(datasets, "__file__", None)
    raise ImportError(
        f"'import datasets' finds {_found}, which is not Fewmark's package. Another "
        "distribution of that name (Hugging Face's) is in this environment and overwrites it. "
        "Install Fewmark in a virtual environment of its own: "
        "python -m venv .venv && .venv/bin/pip install fewmark"
    )

from correlation.affinity import (
    AffinityMatrix,
    FewmarkWarning,
    affinity,
    affinity_from_moments,
)
from correlation.kcenter import KCenterResult, k_center
from correlation.selection import (
    BudgetCurve,
    Score,
    Selection,
    budget_curve,
    predefined_scores,
    score,
    select,
)

__all__ = [
    "AffinityMatrix",
    "BudgetCurve",
    "FewmarkWarning",
    "KCenterResult",
    "Score",
    "Selection",
    "affinity",
    "affinity_from_moments",
    "budget_curve",
    "k_center",
    "predefined_scores",
    "score",
    "select",
]
