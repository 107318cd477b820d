"""The plan on the Budget page: hours and money, and what every m and n would come to."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from correlation.budget_ui import error_selection_of
from correlation.demands import Demands
from correlation.learning_curve import ErrorCurve, LearningCurve, errors_of_plans
from correlation.plan_figures import plan_figure
from correlation.planning import (
    Plan,
    Rates,
    best_plan,
    cheapest_plan,
    plans,
    usual_budgets,
    usual_dense,
)
from correlation.ui import Source
from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError
from datasets.metrics import span_words
from datasets.ui import decimals, remembered_times

_RATES_HELP = (
    "The default is a keystroke-level estimate, so a lower bound. Take your own: the Annotate page "
    "has measured them, under 'More'."
)


@st.cache_resource(show_spinner="Learning from ever more shapes", max_entries=4)
def _learnt(
    version: tuple[str, ...],  # noqa: ARG001 - the cache's key
    _dataset: LandmarkDataset,
) -> LearningCurve:
    subjects = list(_dataset.samples["subject"])
    return LearningCurve.fit(_dataset.shapes, rng=np.random.default_rng(0), subjects=subjects)


@st.cache_data(show_spinner=False, max_entries=256)
def _curve_of(
    version: tuple[str, ...], _dataset: LandmarkDataset, chosen: tuple[int, ...]
) -> ErrorCurve:
    return _learnt(version, _dataset).of(chosen)


def show_plan(source: Source, m: int) -> None:
    """Points, hours and money; and what other m and n would come to."""
    st.header("Plan")
    M, known = len(source.matrix), len(source.dataset)
    columns = st.columns(5)
    with columns[0]:
        N = int(st.number_input("N, images in all", 1, value=10 * known, key=f"budget-N-{known}"))
    with columns[1]:
        n = int(st.number_input("n, marked densely", 0, value=known, key=f"budget-n-{known}"))
    if n > N:
        st.error("n cannot be larger than N.")
        return
    rates = _rates(columns[2:])
    this, dense = (plans(M, N, rates, {(k, n): None})[0] for k in (m, M))
    first, second, third = st.columns(3)
    first.metric("Points saved", f"{this.points_saved:,}", help="(M - m)(N - n)")
    first.caption(f"{this.points_saved / (M * N):.0%} of all {M * N:,} points.")
    second.metric("Hours", f"{this.hours:,.1f}", f"{this.hours - dense.hours:,.1f}", "inverse")
    second.caption(f"{dense.hours:,.1f} for all landmarks.")
    if rates.wage_per_hour:
        third.metric("Cost", f"{this.cost:,.0f}", f"{this.cost - dense.cost:,.0f}", "inverse")
    if st.toggle("Compare plans over m and n (takes some seconds)", key="budget-plans"):
        try:
            curves = _curves(source, [*usual_budgets(M), m])
        except FewmarkError as error:
            st.info(f"The error to expect cannot be measured: {error}")
            return
        _show_grid(M, N, n, rates, curves)


def _rates(columns: Sequence[DeltaGenerator]) -> Rates:
    """Times and wage: as measured where the Annotate page has told, else the usual ones."""
    measured, usual = remembered_times(), Rates()
    if measured is not None:
        usual = Rates(measured.seconds_per_point, measured.seconds_per_image)
    about = _RATES_HELP if measured is None else f"Measured in {measured.source}."
    point, image = usual.seconds_per_point, usual.seconds_per_image
    point_s = columns[0].number_input("Seconds a point", 0.1, value=max(point, 0.1),
                                      help=about, key=f"budget-point-s-{point}")  # fmt: skip
    image_s = columns[1].number_input("Seconds an image", 0.0, value=image,
                                      help=about, key=f"budget-image-s-{image}")  # fmt: skip
    wage = columns[2].number_input("Wage an hour", 0.0, value=0.0, key="budget-wage")
    if measured is not None:
        st.caption(f"Times as measured in {measured.source}.")
    return Rates(point_s, image_s, wage)


def _curves(source: Source, budgets: list[int]) -> dict[int, ErrorCurve]:
    """For every m the error against n of the landmarks that leave the smallest one."""
    curves: dict[int, ErrorCurve] = {}
    bar = st.progress(0.0)
    try:
        for done, m in enumerate(sorted(set(budgets))):
            bar.progress(done / len(budgets), f"Choosing {m} landmarks, and judging the choice")
            found = error_selection_of(source.version, source.dataset, source.matrix, m, Demands())
            curves[m] = _curve_of(source.version, source.dataset, found.sparse.chosen)
    finally:
        bar.empty()
    return curves


def _show_grid(M: int, N: int, n: int, rates: Rates, curves: dict[int, ErrorCurve]) -> None:
    curve = next(iter(curves.values()))
    measured = curve.sizes[-1]
    made = plans(M, N, rates, errors_of_plans(curves, [*usual_dense(N, curve.farthest), n]))
    left, right = st.columns(2)
    with left:
        wanted = st.number_input("Wanted error, %", 0.1, value=3.0, step=0.1, key="budget-wanted")
        cheap = cheapest_plan(made, wanted / 100)
        st.markdown("No plan here is that good." if cheap is None else _told(cheap))
    with right:
        longest = max(round(made[-1].hours, 1), 0.1)
        given = st.number_input("Hours at hand", 0.1, value=longest, key="budget-hours")
        best = best_plan(made, given)
        st.markdown("No plan here is that short." if best is None else _told(best))
    st.plotly_chart(plan_figure(made, measured, [cheap, best]), key="budget-plan-figure")
    beyond = f" to n = {curve.farthest:,}; those have a ~" if curve.farthest > measured else ""
    st.caption(
        "Expected NME, and hours; framed: the cheapest plan that is good enough, and the best one "
        "that is short enough. The error is that of the N - n images on which m landmarks are "
        "clicked, exactly, and the others completed by a model of n dense shapes; it is over all "
        f"M landmarks, in percent of the {span_words(curve.span)}, on {curve.n_shapes:,} shapes of "
        f"subjects that the model had not seen. Measured to n = {measured:,}"
        + (f", extrapolated by a + b / n{beyond}." if beyond else "; beyond that it is not known.")
        + " Each m is that of the smallest expected error, whatever is demanded above."
    )
    with st.expander("As a table"):
        shown = decimals(1, "hours") | decimals(0, "cost") | decimals(2, "expected NME, %")
        st.dataframe(_table(made, measured), hide_index=True, column_config=shown)


def _table(made: tuple[Plan, ...], measured: int) -> pd.DataFrame:
    table = pd.DataFrame([asdict(plan) for plan in made])
    table["expected NME, %"] = 100 * table.pop("expected_nme").astype(float)
    table["extrapolated"] = (table["n"] > measured) & table["expected NME, %"].gt(0)
    return table.rename(columns={"points_saved": "points saved"})


def _told(plan: Plan) -> str:
    nme = 100 * (plan.expected_nme or 0)
    return f"**m = {plan.m}, n = {plan.n:,}**: {plan.hours:,.1f} hours, {nme:.2f} % NME"
