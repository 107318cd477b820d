"""Gold pictures on the Progress page: how exact people are, and the form that hands them out."""

import pandas as pd
import streamlit as st

from annotate.access import Right, Visitor
from annotate.gold import gold_from_dataset, gold_from_project
from annotate.overlap import measure_of
from annotate.progress_figures import gold_figure
from annotate.progress_tables import csv_text, gold_rows, gold_summary
from annotate.store import AnnotationStore, Project
from datasets import ui
from datasets.errors import FewmarkError
from datasets.storage import read_header

_REVIEWED, _FINISHED = "pictures that a reviewer accepted", "finished pictures"


def show_gold(store: AnnotationStore, project: Project, who: Visitor) -> None:
    """How far answers lie from the true points; for managers also the form."""
    sees_all = who.may(Right.OVERSEE, project.id)
    answers = store.golds.answers(project, None if sees_all else who.person)
    if not sees_all:  # until the true points are shown, labels that changed would count
        answers = [answer for answer in answers if answer.is_shown]
    manages = who.may(Right.MANAGE, project.id)
    if not answers and not manages:
        return
    st.header("Gold pictures")
    if answers:
        unit = measure_of(project.sparse).replace("_", " ")
        rows = gold_rows(project, answers)
        st.plotly_chart(gold_figure(rows, unit), key="progress.gold")
        summary = gold_summary(rows)
        headings = {name: name.replace("_", " ") for name in summary[0]}
        st.dataframe(pd.DataFrame(summary), hide_index=True, column_config=headings)
        st.download_button(
            "Answers as CSV", csv_text(rows), "gold.csv", "text/csv",
            icon=":material/download:", key="progress.gold.csv",
        )  # fmt: skip
    if manages:
        _form(store, project)


def _form(store: AnnotationStore, project: Project) -> None:
    plan = store.golds.plan(project)
    if plan is None:
        st.caption(
            "Pictures whose true points are known, given to people between the others without "
            "their knowing: when they are done, they see how exact they were, and you see it here."
        )
    else:
        st.caption(
            f"Every {plan.every} pictures people get one of {plan.pictures} gold ones that they "
            "have not seen. Exported labels are without the answers."
        )
        if st.button("Hand out no more", key="progress.gold.stop"):
            store.golds.stop(project)
            st.rerun()
    with st.expander("Add gold pictures" if plan else "Hand out gold pictures"):
        columns = st.columns(3)
        source = columns[0].selectbox(
            "True points of",
            [_REVIEWED, _FINISHED, *_known_sets(project)],
            key="progress.gold.from",
        )
        count, every_key = "progress.gold.count", "progress.gold.k"
        pictures = columns[1].number_input("How many gold pictures", 1, value=20, key=count)
        every = columns[2].number_input("Every how many pictures", 2, value=20, key=every_key)
        if st.button("Hand out", type="primary", key="progress.gold.go"):
            _make(store, project, str(source), int(pictures), int(every))


def _known_sets(project: Project) -> list[str]:
    workspace = ui.workspace()
    found = []
    for name in workspace.dataset_names():
        try:
            header = read_header(workspace.data / name)
        except FewmarkError:
            continue  # the Data page says what is wrong with it
        if header.format.landmarks == project.sparse.dense.landmarks and not header.inferred:
            found.append(name)
    return found


def _make(store: AnnotationStore, project: Project, source: str, pictures: int, every: int) -> None:
    try:
        if source in {_REVIEWED, _FINISHED}:
            reviewed = source == _REVIEWED
            gold_from_project(store, project, every, pictures, reviewed=reviewed)
        else:
            truth = ui.load_dataset(ui.workspace().data / source)
            gold_from_dataset(store, project, every, pictures, truth)
    except FewmarkError as error:
        st.error(str(error))
        return
    st.rerun()
