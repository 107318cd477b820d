"""Part of the page "Train": the curves of several runs in one figure, while they work."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from datasets import ui
from datasets.errors import FewmarkError
from datasets.jobs import find_job
from weaksup.figures import runs_figure
from weaksup.run_folder import RunFolder
from weaksup.run_state import is_at_work
from weaksup.ui import LOOK_AGAIN_S

_SHOWN_FIRST = 3
_CURVES = {"Error": ("valid_nme", "validation NME, %"), "Loss": ("loss", "loss")}


def show_runs_together(runs: Sequence[RunFolder]) -> None:
    """Choose runs; their curves are renewed by themselves while one of them works."""
    if len(runs) < 2:
        st.info("There are not two runs to compare yet. Begin one under “New run”.")
        return
    names = [run.name for run in runs]
    picked = st.multiselect("Runs", names, default=names[:_SHOWN_FIRST], key="train_together")
    chosen = [run for run in runs if run.name in picked]
    if not chosen:
        st.caption("Choose one at least.")
        return
    at_work = _any_at_work(chosen)
    st.fragment(_show, run_every=LOOK_AGAIN_S if at_work else None)(chosen, was_at_work=at_work)


def _any_at_work(runs: Sequence[RunFolder]) -> bool:
    works = False
    for run in runs:
        try:
            works |= is_at_work(find_job(run.path), run.state())
        except FewmarkError:  # told where it is shown
            continue
    return works


def _show(runs: Sequence[RunFolder], *, was_at_work: bool) -> None:
    if was_at_work != _any_at_work(runs):
        st.rerun()  # the whole page, for how often it looks depends on this
    metrics: dict[str, pd.DataFrame] = {}
    rows = []
    for run in runs:
        try:
            rows.append(_row(run, metrics))
        except FewmarkError as error:
            st.error(str(error))
    if rows:
        st.dataframe(
            pd.DataFrame(rows), hide_index=True,
            column_config=ui.decimals(2, "last NME, %", "smallest NME, %"),
        )  # fmt: skip
    curve = st.segmented_control(
        "Curves", list(_CURVES), default="Error", required=True, key="train_curves"
    )
    column, title = _CURVES[str(curve)]
    known = {name: each for name, each in metrics.items() if each[column].notna().any()}
    if not known:
        st.caption("None of these runs has measured it yet.")
        return
    st.plotly_chart(runs_figure(known, column, title), key="train_runs")
    if column == "loss":
        st.caption("Presets differ in their losses: only those of one kind can be compared.")


def _row(run: RunFolder, metrics: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """What is known of a run in one line; its metrics are added to those of the others."""
    state = run.state()
    if run.exists:
        metrics[run.name] = run.metrics()
    known = metrics[run.name]["valid_nme"].dropna() if run.exists else pd.Series(dtype=float)
    return {
        "run": run.name,
        "preset": run.config.preset if run.exists else None,
        "state": "starting" if state is None else state.status,
        "epochs": 0 if state is None else state.epochs_done,
        "last NME, %": None if known.empty else 100 * known.iloc[-1],
        "smallest NME, %": None if known.empty else 100 * known.min(),
    }
