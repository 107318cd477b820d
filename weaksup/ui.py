"""What the pages share: a run while it works, jobs that are waited for, and downloads."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from datasets import ui
from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError
from datasets.io.registry import write
from datasets.jobs import Job, find_job, start_job
from datasets.metrics import BOX, span_words
from weaksup.figures import loss_figure, validation_figure
from weaksup.pace import in_words
from weaksup.run_folder import RunFolder
from weaksup.run_state import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    RUNNING,
    STOPPED,
    RunState,
    could_not_begin,
    is_at_work,
)

LOOK_AGAIN_S = 2.0
_A_PAGE, _A_ROW = 12, 4  # tiles
_COLOURS = {
    RUNNING: "blue",
    FINISHED: "green",
    STOPPED: "orange",
    INTERRUPTED: "orange",
    FAILED: "red",
}
_PROBLEM = "weaksup.problem"


def show_run(run: RunFolder) -> None:
    """State, curves and buttons of a run; renewed by itself while the run works."""
    with _told():
        at_work = is_at_work(find_job(run.path), run.state())
        # A run that rests is not looked at again: no page polls for nothing.
        every_s = LOOK_AGAIN_S if at_work else None
        st.fragment(_show_run, run_every=every_s)(run, was_at_work=at_work)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Show what is wrong with a run in place of it: the page around goes on."""
    try:
        yield
    except FewmarkError as error:
        st.error(str(error))


@_told()
def _show_run(run: RunFolder, *, was_at_work: bool) -> None:
    job, state = find_job(run.path), run.state()
    at_work = is_at_work(job, state)
    if was_at_work != at_work:
        st.rerun()  # the whole page, for how often it looks depends on this
    show_problem()
    _show_state(job, state, at_work=at_work)
    _buttons(run, job, state, at_work=at_work)
    if run.exists:
        _show_outcome(run, state)
        _curves(run, state)
    if job is not None and job.last_lines():
        failed = state is None or state.status == FAILED or failed_to_begin(job, state)
        with st.expander("What it printed", expanded=failed and not at_work):
            st.code(job.last_lines(), language=None, wrap_lines=True)


def _show_state(job: Job | None, state: RunState | None, *, at_work: bool) -> None:
    if at_work and (state is None or state.status != RUNNING):
        st.info("The run is starting.", icon=":material/hourglass_top:")
        return
    if job is not None and failed_to_begin(job, state):
        what = "begin" if state is None else "go on"
        why = "what it printed says why" if job.last_lines() else "it was ended before it said why"
        st.error(f"The run could not {what}; {why}.")
    if state is None:
        if job is None:
            st.info("The run has not begun.")
        return
    st.badge(state.status, color=_COLOURS.get(state.status, "gray"))  # type: ignore[arg-type]
    left = f"; {in_words(state.left_s)} left" if at_work and state.left_s is not None else ""
    st.progress(min(1.0, state.epochs_done / state.epochs), text=state.message + left)
    for text in state.warnings:
        st.warning(text)
    facts = state.facts
    if facts:
        st.caption(
            f"{facts['dense']:,} dense of {facts['images']:,} images; {facts['sparse']} of "
            f"{facts['landmarks']} landmarks on the main branch; device {facts['device']}"
        )


def failed_to_begin(job: Job | None, state: RunState | None) -> bool:
    """Whether the job started last has ended before it worked on a run that is not finished."""
    return could_not_begin(job, state) and (state is None or state.status != FINISHED)


def _buttons(run: RunFolder, job: Job | None, state: RunState | None, *, at_work: bool) -> None:
    if at_work and job is not None and job.running:
        st.button("Stop", icon=":material/stop:", on_click=job.stop, key=f"stop_{run.name}")
    elif at_work:
        st.caption("This run was started by a command; it is stopped where it was started.")
    elif run.exists and (state is None or state.status != FINISHED):
        st.button(
            "Resume", icon=":material/play_arrow:", key=f"resume_{run.name}",
            on_click=attempt, args=(start_job, _resumed(run), run.path),
        )  # fmt: skip


def _resumed(run: RunFolder) -> list[str]:
    return ["train", str(run.path), "--resume"]


def attempt(act: Callable[..., object], *arguments: object) -> None:
    """Do what a button is for; a reason not to is shown when the page is drawn again."""
    try:
        act(*arguments)
    except FewmarkError as error:
        st.session_state[_PROBLEM] = str(error)


def show_problem() -> None:
    """Show why something that a button was to do could not be done."""
    problem = st.session_state.pop(_PROBLEM, None)
    if problem:
        st.error(problem)


def _show_outcome(run: RunFolder, state: RunState | None) -> None:
    """The error as it was measured last, beside the mean shape's, and where to look further."""
    known = run.metrics()["valid_nme"].dropna()
    facts = {} if state is None else state.facts
    if facts and not known.empty:
        level = facts.get("mean_shape_nme")
        left, right = st.columns(2)
        left.metric(f"NME of {facts['valid']:,} validation images", f"{known.iloc[-1]:.2%}")
        right.metric("The mean shape's NME", "-" if level is None else f"{level:.2%}")
        st.caption(f"Errors in percent of the {error_unit(run)}.")
    if state is not None and state.status == FINISHED:
        ui.next_step("The network is ready: look at what it finds.", "results", "Results")


def error_unit(run: RunFolder) -> str:
    """What the errors that a run measures are parts of, in words."""
    return span_words(run.sparse.dense.default_span or BOX)


def show_figure(figure: go.Figure, key: str) -> None:
    """A figure without the bar of tools, which would lie over its legend."""
    st.plotly_chart(figure, key=key, config={"displayModeBar": False})


def _curves(run: RunFolder, state: RunState | None) -> None:
    metrics = run.metrics()
    if metrics.empty:
        return
    left, right = st.columns(2)
    with left:
        show_figure(loss_figure(metrics), f"loss_{run.name}")
    with right:
        if metrics["valid_nme"].notna().any():
            level = None if state is None else state.facts.get("mean_shape_nme")
            figure = validation_figure(metrics, level, error_unit(run))
            show_figure(figure, f"valid_{run.name}")
        else:
            st.caption("No error was measured on validation images yet.")


def wait_for(job: Job, label: str) -> None:
    """Show that a job works, and draw the page again when it is done."""
    if not job.running:
        return

    def look() -> None:
        st.info(label, icon=":material/hourglass_top:")
        if not job.running:
            st.rerun()

    st.fragment(look, run_every=LOOK_AGAIN_S / 2)()


def a_page(rows: Sequence[int], key: str) -> list[int]:
    """The rows of one page; where there are several pages, a box to choose one."""
    pages = -(-len(rows) // _A_PAGE)
    page = 1
    if pages > 1:
        page = int(st.number_input(f"Page, of {pages}", 1, pages, 1, key=key))
    return [int(row) for row in rows[(page - 1) * _A_PAGE : page * _A_PAGE]]


def show_tiles(rows: Sequence[int], show: Callable[[int], object]) -> None:
    """Let every row show itself, some beside each other."""
    for start in range(0, len(rows), _A_ROW):
        for column, row in zip(st.columns(_A_ROW), rows[start : start + _A_ROW], strict=False):
            with column:
                show(row)


def as_file(dataset: LandmarkDataset, file_type: str) -> bytes:
    """A data set as the bytes of a file of this type."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"landmarks.{file_type}"
        write(dataset, path, file_type)
        return path.read_bytes()
