"""Which predictions a project offers as ghosts: the choice on the Annotate page."""

import streamlit as st

from annotate.ghosts import predictions_of, set_ghosts
from annotate.priority import order_by_predictions
from annotate.store import AnnotationStore, Project
from datasets import ui
from datasets.errors import FewmarkError
from datasets.formats import LandmarkFormat
from datasets.plausibility import SCORES_FILE

NOTHING = "nothing"
_PROBLEM = "annotate.ghosts.problem"
_ABOUT = (
    "Predicted points are shown as ghosts: Space takes one as it is, dragging corrects it. "
    "None is a label before that."
)

_ABOUT_ORDER = (
    f"By {SCORES_FILE} (columns image, score) in the folder of the predictions or, where that is "
    "not there, by how implausible their points are beside the dense shapes of this workspace."
)


def choose_predictions(dense: LandmarkFormat, key: str, now: str | None = None) -> str:
    """Ask for predictions of a format; `NOTHING` where none are wanted, or there are none."""
    known = list(predictions_of(ui.workspace(), dense))
    if now is not None and now not in known:
        known.append(now)  # its data set is gone, but the ghosts are there
    if not known:
        return NOTHING
    options = [NOTHING, *known]
    index = 0 if now is None else options.index(now)
    return st.selectbox("Start from predictions of", options, index, help=_ABOUT, key=key)


def offer(store: AnnotationStore, project: Project, chosen: str) -> None:
    """Offer the chosen predictions; what is wrong with them is told on the next run of the page."""
    folder = predictions_of(ui.workspace(), project.sparse.dense).get(chosen)
    try:
        if folder is None:
            store.set_ghosts(project, "", {})
        else:
            set_ghosts(store, project, ui.load_dataset(folder), chosen)
    except FewmarkError as error:
        st.session_state[_PROBLEM] = f"There are no ghosts: {error}."


def show_problem() -> None:
    """Say what was wrong with the predictions that were chosen last."""
    problem = st.session_state.pop(_PROBLEM, None)
    if problem is not None:
        st.warning(problem)


def change_ghosts(store: AnnotationStore, project: Project) -> None:
    """The part of "More" that changes a project's ghosts."""
    source = store.ghost_source(project)
    now = NOTHING if source is None else source.name
    key = f"annotate.ghosts.{project.id}"
    chosen = choose_predictions(project.sparse.dense, key, None if source is None else now)
    if source is not None:
        st.caption(f"{source.pictures} pictures have ghosts now, from {source.name}")
    if chosen != now and st.button("Use these predictions", key="annotate.ghosts.use"):
        offer(store, project, chosen)
        st.rerun()
    _change_order(store, project, None if source is None else source.name)


def _change_order(store: AnnotationStore, project: Project, ghosts: str | None) -> None:
    """Hand out the least certain pictures first, or go back to the project's own order."""
    count = store.priorities(project)
    if count:
        st.caption(f"The most uncertain pictures come first: {count} have a score.")
        if st.button("Hand out in the project's order", key="annotate.order.remove"):
            store.set_priorities(project, {})
            st.rerun()
    elif ghosts is not None and st.button(
        "Hand out the most uncertain first", help=_ABOUT_ORDER, key="annotate.order.use"
    ):
        workspace = ui.workspace()
        folder = predictions_of(workspace, project.sparse.dense).get(ghosts)
        try:
            order_by_predictions(store, project, workspace, folder)
        except FewmarkError as error:
            st.session_state[_PROBLEM] = f"There is no such order: {error}."
        st.rerun()
