"""Part of the page "Train": the curves of several runs in one figure, while they work."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from datasets import ui
from datasets.errors import FewmarkError
from datasets.jobs import find_job
from weaksup.figures import runs_figure
from weaksup.run_folder import RunFolder
from weaksup.run_state import FAILED, RUNNING, RunState, is_at_work
from weaksup.sources_ui import measured_on
from weaksup.ui import LOOK_AGAIN_S, error_unit, failed_to_begin, show_figure

_SHOWN_FIRST = 3
_NME = "last NME, %"
_CURVES = {"Error": "valid_nme", "Loss": "loss"}


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a run; `place` is the name and split of what it is measured on."""

    run: RunFolder
    state: RunState | None
    metrics: pd.DataFrame | None = None
    unit: str | None = None
    place: tuple[str, str | None] | None = None

    @property
    def judged(self) -> int | None:
        """How many images it is measured on."""
        return None if self.state is None else self.state.facts.get("valid")

    def row(self) -> dict[str, Any]:
        errors = [] if self.metrics is None else self.metrics["valid_nme"].dropna().tolist()
        return {
            "run": self.run.name,
            "preset": self.run.config.preset if self.run.exists else None,
            "state": self._status(),
            "epochs": 0 if self.state is None else self.state.epochs_done,
            _NME: 100 * errors[-1] if errors else None,
            "measured on": self._where(),
        }

    def _status(self) -> str:
        job, state = find_job(self.run.path), self.state
        if is_at_work(job, state) and (state is None or state.status != RUNNING):
            return "starting"
        if state is None:
            return FAILED if failed_to_begin(job, state) else "not begun"
        return state.status

    def _where(self) -> str | None:
        if self.place is None:
            return None
        words = ", ".join(part for part in self.place if part is not None)
        return words if self.judged is None else f"{words}: {self.judged:,} images"


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
    known = []
    for run in runs:
        try:
            known.append(_look_at(run))
        except FewmarkError as error:
            st.error(str(error))
    if known:
        _show_table(known)
    curve = st.segmented_control(
        "Curves", list(_CURVES), default="Error", required=True, key="train_curves"
    )
    _show_curves(known, _CURVES[str(curve)])


def _look_at(run: RunFolder) -> _Known:
    state = run.state()
    if not run.exists:
        return _Known(run, state)
    place = measured_on(run)
    return _Known(run, state, run.metrics(), error_unit(run), place)


def _show_table(known: Sequence[_Known]) -> None:
    """What is known of the runs, and what speaks against setting their errors side by side."""
    rows = [each.row() for each in known]
    st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=ui.decimals(2, _NME))
    units = _units(known)
    if units:
        st.caption(f"Errors in percent of the {' or '.join(units)}.")
    if len(units) > 1 or _differ(known):
        st.warning(
            "These runs are measured on different images: their errors cannot be compared here. "
            "**Compare** on the page Results judges them on the same ones."
        )
    for each in known:
        for text in () if each.state is None else each.state.warnings:
            st.warning(f"{ui.as_text(each.run.name)}: {text}.")


def _units(known: Sequence[_Known]) -> list[str]:
    return sorted({each.unit for each in known if each.unit is not None})


def _differ(known: Sequence[_Known]) -> bool:
    """Whether the runs are measured on different images, as far as it is known."""
    places = [each.place for each in known if each.place is not None]
    names = {name for name, _ in places}
    splits = {split for _, split in places if split is not None}
    counts = {each.judged for each in known if each.judged is not None}  # a run may not be so far
    return max(len(names), len(splits), len(counts)) > 1


def _show_curves(known: Sequence[_Known], column: str) -> None:
    metrics = {each.run.name: each.metrics for each in known if each.metrics is not None}
    metrics = {name: rows for name, rows in metrics.items() if rows[column].notna().any()}
    if not metrics:
        st.caption("None of these runs has measured it yet.")
        return
    title = "loss" if column == "loss" else f"validation NME, % of {' or '.join(_units(known))}"
    show_figure(runs_figure(metrics, column, title), "train_runs")
    if column == "loss":
        st.caption("Presets differ in their losses: only those of one kind can be compared.")
