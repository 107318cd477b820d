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

from correlation.affinity import FewmarkWarning, affinity, affinity_from_moments, affinity_of_groups
from correlation.comparison import Comparison, compare
from correlation.curve import BudgetCurve, budget_curve
from correlation.demands import Demands
from correlation.detectors import compare_shapes
from correlation.error_selection import ErrorSelection, select_for_error
from correlation.kcenter import KCenterResult, k_center
from correlation.learning_curve import ErrorCurve, LearningCurve
from correlation.linear_error import ErrorForecast, ExpectedError
from correlation.matrix import AffinityMatrix
from correlation.planning import Plan, Rates, plans
from correlation.scores import Score, predefined_scores, score
from correlation.selection import Selection, select
from correlation.series import Series, stages
from correlation.stability import Stability, curve_spread, how_many_shapes, stability

__all__ = [
    "AffinityMatrix",
    "BudgetCurve",
    "Comparison",
    "Demands",
    "ErrorCurve",
    "ErrorForecast",
    "ErrorSelection",
    "ExpectedError",
    "FewmarkWarning",
    "KCenterResult",
    "LearningCurve",
    "Plan",
    "Rates",
    "Score",
    "Selection",
    "Series",
    "Stability",
    "affinity",
    "affinity_from_moments",
    "affinity_of_groups",
    "budget_curve",
    "compare",
    "compare_shapes",
    "curve_spread",
    "how_many_shapes",
    "k_center",
    "plans",
    "predefined_scores",
    "score",
    "select",
    "select_for_error",
    "stability",
    "stages",
]
