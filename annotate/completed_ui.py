"""The form on the Annotate page that the Complete page leads to: look at what was completed."""

import streamlit as st

from annotate.completed import project_of_completed
from annotate.exchange import free_project_name
from annotate.people_ui import PROJECT
from annotate.store import AnnotationStore
from datasets import ui
from datasets.errors import FewmarkError
from datasets.plausibility import SCORES_FILE


def wanted_completed() -> str | None:
    """The completed data set for which the Complete page asks for a project."""
    wanted = ui.kept_choice("completed")
    return wanted if wanted in ui.workspace().dataset_names() else None


def ask_for_project(store: AnnotationStore, wanted: str) -> None:
    """The form: what the project will be, its name, and two buttons."""
    folder = ui.workspace().data / wanted
    completed = ui.load_dataset(folder)
    with st.container(border=True):
        st.header("Look at completed pictures")
        scored = (folder / SCORES_FILE).is_file()
        order = "the doubtful ones first" if scored else "in the order of the data set"
        st.markdown(
            f"{len(completed):,} pictures of **{ui.as_text(wanted)}**, {order}. Each of the "
            f"{len(completed.format)} landmarks starts as a ghost: G takes all that are left, "
            "dragging corrects one. None is a label before that."
        )
        free = free_project_name(store, wanted)
        name = st.text_input("Name", free, key=f"annotate.completed.name.{free}").strip()
        with st.container(horizontal=True):
            create = st.button(
                "Create", type="primary", disabled=not name, key="annotate.completed.create"
            )
            if st.button("Not now", key="annotate.completed.not_now"):
                ui.remember("completed", None)
                st.rerun()
        if not create:
            return
        try:
            with st.spinner("Reading the pictures"):
                project = project_of_completed(store, name, completed, folder)
        except FewmarkError as error:
            st.error(str(error))
            return
    st.session_state[PROJECT] = project.name
    ui.remember("completed", None)
    st.rerun()
