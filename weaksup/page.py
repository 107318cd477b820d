"""Page "Train": begin a training run, watch it, stop it, take it up again."""

from collections.abc import Sequence

import streamlit as st

from datasets import ui
from datasets.jobs import start_job
from weaksup import run_shelf
from weaksup.new_run_ui import arguments, choose_new_run
from weaksup.run_folder import RunFolder
from weaksup.runs_ui import show_runs_together
from weaksup.sources import Sources
from weaksup.ui import attempt, show_problem, show_run

_NEW, _RUNS, _COMPARE = "New run", "Runs", "Compare"
_VIEW = "train.view"


def render() -> None:
    """Show the page."""
    st.title("Train")
    runs = run_shelf.run_names(ui.workspace())
    if _VIEW not in st.session_state:
        st.session_state[_VIEW] = _RUNS if runs else _NEW
    view = st.segmented_control(
        "View", [_NEW, _RUNS, _COMPARE], key=_VIEW, required=True, label_visibility="collapsed"
    )
    show_problem()
    if view == _NEW:
        choose_new_run(_start)
    elif view == _COMPARE:
        show_runs_together([RunFolder(ui.workspace().runs / name) for name in runs])
    else:
        _show_runs(runs)


def _start(sources: Sources, options: Sequence[str], name: str) -> None:
    folder = run_shelf.require_run_name(ui.workspace(), name)
    start_job(arguments(sources, options, folder.path), folder.path)
    ui.remember("run", name)
    st.session_state[_VIEW] = _RUNS


def _show_runs(names: list[str]) -> None:
    if names:
        name = ui.choose("run", "Run", names, "train_run")
        show_run(RunFolder(ui.workspace().runs / name))
        st.button(
            "Delete this run", icon=":material/delete:", key="train_delete",
            on_click=attempt, args=(run_shelf.throw_away, ui.workspace(), name),
            help="It can be taken back below.",
        )  # fmt: skip
    else:
        st.info("There is no run yet. Begin one under “New run”.")
    gone = run_shelf.thrown_away(ui.workspace())
    if gone:
        with st.expander(f"Deleted runs ({len(gone)})"):
            back = st.selectbox("Deleted run", gone, key="train_gone")
            st.button(
                "Take it back", key="train_back", on_click=attempt,
                args=(run_shelf.take_back, ui.workspace(), back),
            )  # fmt: skip
