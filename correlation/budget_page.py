"""The Budget page: how many landmarks to mark, and which."""

import re
from pathlib import Path

import pandas as pd
import streamlit as st

from correlation.budget_ui import (
    RESAMPLES,
    TIME_LIMIT_S,
    best_of,
    error_selection_of,
    expected_of,
    selection_of,
    spread_of,
)
from correlation.curve import BudgetCurve
from correlation.demands import demands_of
from correlation.demands_ui import Asked, asked_of, has_error
from correlation.error_selection import ErrorSelection
from correlation.figures import budget_figure, sparse_on_shape
from correlation.matrix import AffinityMatrix
from correlation.plan_ui import show_plan
from correlation.scores import Score, predefined_scores
from correlation.selection import Selection
from correlation.stability_ui import show_stability
from correlation.ui import Source, require_source
from datasets.errors import FewmarkError
from datasets.formats import SparseFormat
from datasets.metrics import span_words
from datasets.ui import NAME_RULE, decimals, go_to, is_name, remember, workspace

_LARGEST_BUDGET = 30
_QUICK = 120  # landmarks up to which the curve is drawn unasked
_WORST, _ERROR = "smallest affinity (the thesis)", "expected error (ours)"
_CRITERIA = (_WORST, _ERROR)

Choice = Selection | ErrorSelection


def render() -> None:
    """Choose m and the demands, see what they give, and use the sparse format."""
    st.title("Budget")
    st.markdown(
        "Mark m of the M landmarks by hand, infer the rest. The search takes the m landmarks whose "
        "worst represented relative is represented best: **c** is that smallest affinity."
    )
    source = require_source("budget")
    asked = asked_of(source)
    known = predefined_scores(source.matrix)
    comparison = st.container()
    criterion = _criterion(source)
    chosen = _choice(source, asked, criterion)
    if chosen is None:
        return
    _summary(chosen)
    left, right = st.columns(2)
    with left:
        st.plotly_chart(sparse_on_shape(source.mean_shape, chosen.sparse), key="budget-shape")
    st.caption(
        f"{source.caption}. c is measured on the shapes it was searched on and is lower on "
        "others, with a few dozen shapes by a tenth or more; among formats of equal m it hardly "
        "tells which gives the smaller error: that is what the expected error is for."
    )
    st.dataframe(_table(source.matrix, chosen), hide_index=True)
    stable = st.container()
    show_plan(source, len(chosen.sparse))
    _save(source, chosen)
    # The choice is shown before what takes longer the first time.
    with comparison:
        _compare(source, _with_other(source, asked, {criterion: chosen}), known, asked.noise)
    with right:
        _curve(source, known, chosen)
    with stable:
        show_stability(source, len(chosen.sparse))


def _criterion(source: Source) -> str:
    """What to choose by; without complete shapes there is no error to expect."""
    if not has_error(source):
        return _WORST
    picked = st.segmented_control(
        "Take the choice by", _CRITERIA, default=_WORST, required=True, key="budget-criterion"
    )
    return str(picked)


def _choice(source: Source, asked: Asked, criterion: str) -> Choice | None:
    """What a criterion chooses; what stands in the way is shown."""
    version, matrix = source.version, source.matrix
    try:
        if criterion == _WORST:
            return selection_of(version, matrix, asked.m, asked.demands)
        known = {name: value for name, value in asked.demands.items() if name != "flip"}
        demands = demands_of(matrix.format, **known)
        return error_selection_of(version, source.dataset, matrix, asked.m, demands, asked.noise)
    except FewmarkError as error:
        st.error(str(error))
        return None


def _with_other(source: Source, asked: Asked, choices: dict[str, Choice]) -> dict[str, Choice]:
    """The choice of the other criterion beside it, where there is one."""
    if not has_error(source):
        return choices
    both = {c: choices.get(c) or _choice(source, asked, c) for c in _CRITERIA}
    return {criterion: choice for criterion, choice in both.items() if choice is not None}


def _compare(
    source: Source,
    choices: dict[str, Choice],
    known: dict[str, Score],
    noise: tuple[float, ...] | None,
) -> None:
    """Both criteria and predefined formats side by side, and which wins on these shapes."""
    scored = {**choices, **known}
    try:
        expected = {
            name: expected_of(source.version, source.dataset, s.sparse.chosen, noise)
            for name, s in scored.items()
        }
    except FewmarkError as error:
        st.info(f"The error to expect cannot be measured: {error}")
        return
    rows = [
        {
            "choice": name,
            "m": len(s.sparse),
            "c": s.min_correlation,
            "expected NME, %": 100 * expected[name].nme,
            "standard error": 100 * expected[name].spread,
        }
        for name, s in scored.items()
    ]
    shown = decimals(4, "c") | decimals(2, "expected NME, %", "standard error")
    st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=shown)
    best = min(choices, key=lambda name: expected[name].nme)
    nme, judged = 100 * expected[best].nme, expected[best]
    others = [f"{100 * expected[n].nme:.2f} % by {n}" for n in choices if n != best]
    clicks = "clicks exact" if noise is None else "clicks scattered as told"
    against = f" against {others[0]}" if others else ""
    st.caption(
        f"Of {judged.n_shapes:,} shapes that the model had not seen, in percent of the "
        f"{span_words(judged.span)}, over all {len(source.matrix)} landmarks, {clicks}. Here "
        f"**{best}** has the smaller error: {nme:.2f} %{against}."
    )


def _summary(chosen: Choice) -> None:
    c = chosen.min_correlation
    columns = st.columns(3)
    columns[0].metric("c, smallest affinity", f"{c:.4f}")
    columns[1].metric("mean affinity", f"{chosen.mean_correlation:.4f}")
    weakest = chosen.bottleneck
    name = (chosen.bottleneck_name or "none").replace("_", " ")
    columns[2].markdown(f"weakest landmark  \n**{name}**")
    if weakest is not None:
        names, by = chosen.sparse.dense.landmarks, chosen.sparse.represented_by[weakest]
        source = names[by].replace("_", " ")
        columns[2].caption(f"Inferred from {source}; to raise c, it needs a closer one.")
    if isinstance(chosen, ErrorSelection):
        st.info(
            "Found by adding and exchanging landmarks; no choice leaves less than "
            f"{chosen.bound / chosen.variance:.0%} of the variance that this one leaves open.",
            icon=":material/verified:",
        )
        return
    if chosen.proven:
        st.success(
            f"Proven: no other choice of {len(chosen.sparse)} that meets the demands has a "
            f"c above {c:.4f}.",
            icon=":material/verified:",
        )
        _reasons(chosen)
    else:
        st.warning(
            f"Not proven in {TIME_LIMIT_S:.0f} s: c could be up to {chosen.bound:.4f}, "
            f"{chosen.gap:.4f} more than found."
        )
    if chosen.proven and not chosen.ties_broken:
        st.info("Other sets have the same c; there was no time to compare all their means.")


def _reasons(chosen: Selection) -> None:
    """Why nothing is better, and how forced the choice is."""
    names = chosen.sparse.dense.landmarks
    if chosen.ties is not None and chosen.ties.count == 1:
        st.caption("No other set has this c.")
    elif chosen.ties is not None:
        forced = ", ".join(names[i].replace("_", " ") for i in chosen.ties.forced) or "none"
        count = "Other" if chosen.ties.count is None else f"{chosen.ties.count:,}"
        count += " or more" if chosen.ties.capped else ""
        st.caption(f"{count} sets have this c; landmarks that all of them have: {forced}.")
    if chosen.certificate is not None:
        with st.expander("Why no other choice is better"):
            st.markdown(chosen.certificate.sentence([n.replace("_", " ") for n in names]))


def _curve(source: Source, known: dict[str, Score], chosen: Score) -> None:
    M = len(source.matrix)
    if M > _QUICK and not st.toggle("Compute the curve (takes a while)", key="budget-curve"):
        return
    largest = min(M, max(_LARGEST_BUDGET, len(chosen.sparse)))
    budgets = sorted({*range(1, largest + 1), *(len(s.sparse) for s in known.values())})
    bar = st.progress(0.0, "Searching the best c for every m")
    selections = []
    for done, m in enumerate(budgets):
        bar.progress(done / len(budgets), f"Searching the best c for m = {m}")
        selections.append(best_of(source.version, source.matrix, m))
    bar.empty()
    try:
        spread = spread_of(source.version, source.dataset, source.matrix.alignment, tuple(budgets))
    except FewmarkError:
        spread = None  # too few shapes to draw from
    curve = BudgetCurve(tuple(selections))
    st.plotly_chart(budget_figure(curve, known, chosen, spread), key="budget-figure")
    st.caption(
        "Large points are the budgets that pay: those between give less than a mixture of their "
        f"neighbours. Bars: standard deviation over {RESAMPLES} draws of the subjects."
    )


def _table(matrix: AffinityMatrix, chosen: Score) -> pd.DataFrame:
    sparse, names = chosen.sparse, matrix.format.landmarks
    values = matrix.values  # noqa: PD011 - not of pandas
    rows = []
    for i in sparse.chosen:
        served = [j for j in sparse.rest if sparse.represented_by[j] == i]
        weakest = min(served, key=lambda j: values[i, j], default=None)
        rows.append(
            {
                "index": i,
                "landmark": names[i],
                "represents": ", ".join(names[j] for j in served) or "only itself",
                "weakest": "" if weakest is None else names[weakest],
                "affinity": "" if weakest is None else f"{values[i, weakest]:.4f}",
            }
        )
    return pd.DataFrame(rows)


def _save(source: Source, chosen: Choice) -> None:
    st.header("Use")
    usable = re.sub(r"[^\w.-]+", "-", source.name).strip("-.") or "format"
    proposed = f"{usable}-m{len(chosen.sparse)}"
    name = st.text_input("Name of the sparse format", proposed, key=f"budget-name-{proposed}")
    path = workspace().formats / f"{name}.toml"
    taken = path.exists() and not _holds(path, chosen.sparse)
    label = f"Replace {name}, which exists"
    replace = taken and st.checkbox(label, key=f"budget-replace-{name}")
    with st.container(horizontal=True):
        use = st.button("Use this format", type="primary", icon=":material/ads_click:")
        save = st.button("Save only", icon=":material/save:")
    st.caption("Use: save it, and make a project in which people mark these landmarks.")
    if not (use or save):
        return
    if not is_name(name):
        st.error(NAME_RULE)
        return
    if taken and not replace:
        st.error(f"{name} exists already. Choose another name, or tick the box to replace it.")
        return
    chosen.save(path)
    remember("sparse", name)
    st.success(f"Saved {path}.")
    if use:
        remember("new-project", name)
        go_to("annotate")


def _holds(path: Path, sparse: SparseFormat) -> bool:
    """Whether a file holds this very format already."""
    try:
        return SparseFormat.load(path) == sparse
    except FewmarkError:
        return False
