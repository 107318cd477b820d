"""What the Budget page is made of: searches that are kept, and the plan of hours and money."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from correlation.affinity import AffinityMatrix
from correlation.curve import budget_curve
from correlation.demands import Demands
from correlation.error_selection import ErrorSelection, forecast_of, select_for_error
from correlation.linear_error import ErrorForecast, ExpectedError
from correlation.planning import Plan, Rates, best_plan, cheapest_plan, plans
from correlation.selection import Selection, select
from correlation.stability import CurveSpread, curve_spread
from correlation.ui import Source
from datasets.dataset import LandmarkDataset

TIME_LIMIT_S = 20.0
RESAMPLES = 10
_PLANNED = (3, 5, 8, 10, 15, 20, 30)
_RATES_HELP = "The default is a keystroke-level estimate, so a lower bound; take your own if known."


@st.cache_data(show_spinner="Searching", max_entries=256)
def selection_of(
    version: tuple[str, ...],  # noqa: ARG001 - the cache's key
    _matrix: AffinityMatrix,
    m: int,
    demands: dict[str, Any],
) -> Selection:
    """What the thesis' criterion chooses."""
    return select(_matrix, m, time_limit_s=TIME_LIMIT_S, **demands)


@st.cache_data(show_spinner="Searching the smallest error", max_entries=256)
def error_selection_of(
    version: tuple[str, ...],  # noqa: ARG001 - the cache's key
    _dataset: LandmarkDataset,
    _matrix: AffinityMatrix,
    m: int,
    demands: Demands,
) -> ErrorSelection:
    """What the expected error chooses."""
    return select_for_error(_dataset.shapes, m, demands, affinity=_matrix)


@st.cache_resource(show_spinner="Learning from a part of the shapes", max_entries=8)
def _forecast(
    version: tuple[str, ...],  # noqa: ARG001 - the cache's key
    _dataset: LandmarkDataset,
) -> ErrorForecast:
    return forecast_of(_dataset.shapes, _dataset.samples["subject"])


@st.cache_data(show_spinner=False, max_entries=1024)
def expected_of(
    version: tuple[str, ...], _dataset: LandmarkDataset, chosen: tuple[int, ...]
) -> ExpectedError:
    """The error to expect of chosen landmarks."""
    return _forecast(version, _dataset).of(chosen)


@st.cache_data(show_spinner=False, max_entries=4096)
def best_of(
    version: tuple[str, ...],  # noqa: ARG001 - the cache's key
    _matrix: AffinityMatrix,
    m: int,
) -> Selection:
    """The best c of one budget, any set that has it."""
    return budget_curve(_matrix, [m], ties=False).selections[0]


@st.cache_data(show_spinner="Drawing other shapes", max_entries=32)
def spread_of(
    version: tuple[str, ...],  # noqa: ARG001 - the cache's key
    _dataset: LandmarkDataset,
    _alignment: str | None,
    budgets: tuple[int, ...],
) -> CurveSpread:
    """The budget curve on other draws of the subjects."""
    return curve_spread(
        _dataset.shapes,
        budgets,
        np.random.default_rng(0),
        subjects=list(_dataset.samples["subject"]),
        alignment=_alignment or "centroid-rms",
        resamples=RESAMPLES,
    )


def show_plan(source: Source, m: int) -> None:
    """Points, hours and money; and what other budgets would come to."""
    st.subheader("Plan")
    M, known = len(source.matrix), len(source.dataset)
    columns = st.columns(5)
    with columns[0]:
        N = int(st.number_input("N, images in all", 1, value=10 * known, key=f"budget-N-{known}"))
    with columns[1]:
        n = int(st.number_input("n, marked densely", 0, value=known, key=f"budget-n-{known}"))
    if n > N:
        st.error("n cannot be larger than N.")
        return
    usual = Rates()
    with columns[2]:
        point_s = st.number_input("Seconds a point", 0.1, value=usual.seconds_per_point,
                                  help=_RATES_HELP, key="budget-point-s")  # fmt: skip
    with columns[3]:
        image_s = st.number_input("Seconds an image", 0.0, value=usual.seconds_per_image,
                                  help=_RATES_HELP, key="budget-image-s")  # fmt: skip
    with columns[4]:
        wage = st.number_input("Wage an hour", 0.0, value=0.0, key="budget-wage")
    rates = Rates(point_s, image_s, wage)
    this, dense = (plans(M, N, rates, {(k, n): None})[0] for k in (m, M))
    first, second, third = st.columns(3)
    first.metric("Points saved", f"{this.points_saved:,}", help="(M - m)(N - n)")
    first.caption(f"{this.points_saved / (M * N):.0%} of all {M * N:,} points.")
    second.metric("Hours", f"{this.hours:,.1f}", f"{this.hours - dense.hours:,.1f}", "inverse")
    second.caption(f"{dense.hours:,.1f} for all landmarks.")
    if wage:
        third.metric("Cost", f"{this.cost:,.0f}", f"{this.cost - dense.cost:,.0f}", "inverse")
    if st.toggle("Compare budgets (takes some seconds)", key="budget-plans"):
        _plans(source, N, n, rates)


def _plans(source: Source, N: int, n: int, rates: Rates) -> None:
    M = len(source.matrix)
    budgets = [m for m in _PLANNED if m < M]
    bar = st.progress(0.0)
    errors: dict[tuple[int, int], float | None] = {}
    for done, m in enumerate(budgets):
        bar.progress(done / len(budgets), f"Choosing {m} landmarks")
        found = error_selection_of(source.version, source.dataset, source.matrix, m, Demands())
        errors[m, n] = expected_of(source.version, source.dataset, found.sparse.chosen).nme
    bar.empty()
    made = plans(M, N, rates, errors)
    left, right = st.columns([3, 2])
    rows = [
        {"m": p.m, "points": p.points, "hours": round(p.hours, 1), "cost": round(p.cost),
         "expected NME, %": round(100 * (p.expected_nme or 0), 2)}
        for p in made
    ]  # fmt: skip
    left.dataframe(pd.DataFrame(rows), hide_index=True)
    with right:
        wanted = st.number_input("Wanted error, %", 0.1, value=3.0, step=0.1, key="budget-wanted")
        cheap = cheapest_plan(made, wanted / 100)
        st.markdown("No plan here is that good." if cheap is None else _told(cheap))
        given = st.number_input("Hours at hand", 0.1, value=float(round(made[-1].hours, 1)),
                                key="budget-hours")  # fmt: skip
        best = best_plan(made, given)
        st.markdown("No plan here is that short." if best is None else _told(best))
    st.caption(
        "Each m is that of the smallest expected error; errors are those of clicked images, "
        f"completed by a model of the {int(source.dataset.shapes.complete.sum()):,} dense shapes "
        "here, whatever n is."
    )


def _told(plan: Plan) -> str:
    return f"**m = {plan.m}**: {plan.hours:,.1f} hours, {100 * (plan.expected_nme or 0):.2f} % NME"
