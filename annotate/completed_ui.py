"""The form on the Annotate page that the Complete page leads to: look at what was completed."""

import math

import streamlit as st

from annotate.completed import project_of_completed
from annotate.exchange import free_project_name
from annotate.people_ui import PROJECT
from annotate.store import AnnotationStore
from datasets import ui
from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError
from datasets.plausibility import SCORES_FILE, WORTH_A_LOOK


def wanted_completed() -> str | None:
    """The completed data set for which the Complete page asks for a project."""
    wanted = ui.kept_choice("completed")
    return wanted if wanted in ui.workspace().dataset_names() else None


def ask_for_project(store: AnnotationStore, wanted: str) -> None:
    """The form: what the project will be, how many pictures, its name, and two buttons."""
    completed = ui.load_dataset(ui.workspace().data / wanted)
    with st.container(border=True):
        st.header("Look at completed pictures")
        st.markdown(
            f"Each of the {len(completed.format)} landmarks of **{ui.as_text(wanted)}** starts as "
            "a ghost, and none is a label before you take it: G takes all that are left, dragging "
            "corrects one. Ghosts of clicked landmarks lie where they were clicked."
        )
        most = _how_many(wanted, len(completed))
        free = free_project_name(store, wanted)
        name = st.text_input("Name", free, key=f"annotate.completed.name.{free}").strip()
        with st.container(horizontal=True):
            create = st.button(
                "Create", type="primary", disabled=not name, key="annotate.completed.create"
            )
            if st.button("Not now", key="annotate.completed.not_now"):
                ui.remember("completed", None)
                st.rerun()
        if create:
            _create(store, name, completed, wanted, most)


def _how_many(wanted: str, N: int) -> int:
    """How many pictures to look at: a share of the most doubtful ones, or all."""
    if not (ui.workspace().data / wanted / SCORES_FILE).is_file():
        st.markdown(f"{N:,} pictures, in the order of the data set.")
        return N
    counts = {"a tenth": math.ceil(N / 10), "a fifth": math.ceil(N / 5), "all": N}
    chosen = st.segmented_control(
        "How many pictures, the most doubtful first",
        list(counts),
        default="a fifth",
        format_func=lambda share: f"{share} ({counts[share]:,})",
        required=True,
        help=f"Measured: {WORTH_A_LOOK}.",
        key="annotate.completed.share",
    )
    return counts[str(chosen)]


def _create(
    store: AnnotationStore, name: str, completed: LandmarkDataset, wanted: str, most: int
) -> None:
    folder = ui.workspace().data / wanted
    try:
        with st.spinner("Reading the pictures"):
            project = project_of_completed(store, name, completed, folder, most=most)
    except FewmarkError as error:
        st.error(str(error))
        return
    st.session_state[PROJECT] = project.name
    ui.remember("completed", None)
    st.rerun()
