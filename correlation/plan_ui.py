"""The plan on the Budget page: hours and money, and what other budgets would come to."""

import pandas as pd
import streamlit as st

from correlation.budget_ui import error_selection_of, expected_of
from correlation.demands import Demands
from correlation.planning import Plan, Rates, best_plan, cheapest_plan, plans
from correlation.ui import Source

_PLANNED = (3, 5, 8, 10, 15, 20, 30)
_RATES_HELP = "The default is a keystroke-level estimate, so a lower bound; take your own if known."


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
