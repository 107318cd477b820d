"""The Progress page: how a project comes along, for all and for each annotator."""

import time
from datetime import datetime

import numpy as np
import pandas as pd
import streamlit as st

from annotate.access import Right, Visitor
from annotate.forecast import WINDOW_DAYS, Finish, Range
from annotate.gold_ui import show_gold
from annotate.overlap import ProjectAgreement, agreement_of
from annotate.people_ui import chosen_project, visitor
from annotate.progress import Progress, progress_of
from annotate.progress_figures import landmark_figure, throughput_figure
from annotate.progress_tables import annotator_rows, csv_text, landmark_rows, precision_rows
from annotate.server import workspace_store
from annotate.store import AnnotationStore, Project, States
from datasets import ui
from datasets.errors import StoreError

_MOST_SHAPES = 200  # of those that several people marked: sigma is then known to 4 percent or so
_NUMBER = "%.1f"
_COLUMNS = {
    "annotator": st.column_config.TextColumn("annotator"),
    "pictures": st.column_config.NumberColumn(
        "pictures", help="Marked by hand until they were done; each counts for who did so first."
    ),
    "hours": st.column_config.NumberColumn(
        "hours", format=_NUMBER, help="At work; pauses count for 10 s at most."
    ),
    "points_per_hour": st.column_config.NumberColumn("points an hour", format="%.0f"),
    "seconds_per_picture": st.column_config.NumberColumn("s a picture", format=_NUMBER),
    "seconds_per_point": st.column_config.NumberColumn(
        "s a point", format=_NUMBER, help="Median over the pictures finished last."
    ),
    "pictures_per_day": st.column_config.NumberColumn(
        "pictures a day",
        format=_NUMBER,
        help=f"Over the last {WINDOW_DAYS} days, days off included.",
    ),
    "hours_to_finish_alone": st.column_config.NumberColumn(
        "hours left, alone", format=_NUMBER, help="At work, if nobody else went on."
    ),
    "days_to_finish_alone": st.column_config.NumberColumn(
        "days left, alone", format=_NUMBER, help="If nobody else went on."
    ),
}


def render() -> None:
    """Show the page."""
    st.title("Progress")
    who = visitor()
    store = workspace_store()
    seen = [found for found in store.projects() if who.may(Right.SEE, found.id)]
    if not seen:
        ui.stop_with_step("There is no project yet.", "annotate", "Annotate")
    project = chosen_project([found for found in seen if not found.archived] or seen)
    sees_all = who.may(Right.OVERSEE, project.id)
    found = progress_of(store, project, time.time(), None if sees_all else who.person)
    _states(found.states)
    if not sees_all:
        st.caption("From here on it is about your own work alone.")
    if found.everybody.pictures == 0:
        ui.next_step(
            "Nobody has marked a picture by hand until it was done yet, so there is no pace."
            if sees_all
            else "You have not marked a picture until it was done yet.",
            "annotate",
            "Annotate",
        )
    else:
        _pace(found)
        _forecast(found)
        _over_time(found, everybody=sees_all)
    _landmarks(store, project, found, who)
    show_gold(store, project, who)


def _states(states: States) -> None:
    share = (states.total - states.open) / states.total
    st.progress(share, f"{states.total - states.open} of {states.total} pictures are decided")
    numbers = {
        "Done": states.done,
        "Open": states.open,
        "Skipped": states.skipped,
        "Flagged": states.flagged,
        "Reviewed": states.reviewed,
        "Returned": states.returned,
    }
    for column, (label, number) in zip(st.columns(len(numbers)), numbers.items(), strict=True):
        column.metric(label, f"{number:,}")


def _pace(found: Progress) -> None:
    pace, timing = found.everybody, found.everybody.timing
    shown = {
        "Points an hour": _number(pace.points_per_hour, 0),
        "Seconds a picture": _number(pace.seconds_per_picture, 1),
        "Seconds a point": _number(None if timing is None else timing.seconds_per_point, 2),
        "Hours at work": _number(pace.hours, 1),
    }
    for column, (label, text) in zip(st.columns(len(shown)), shown.items(), strict=True):
        column.metric(label, text)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _forecast(found: Progress) -> None:
    """When it will be finished, how that is made, or why it cannot be told."""
    if found.states.open == 0:
        st.success("Every picture is decided.")
        return
    lines = []
    if found.hours_left is not None:
        lines.append(f"**{_hours(found.hours_left)} left**.")
    if found.finish is not None:
        lines.append(_finish(found.finish))
    if found.too_little is not None:
        lines.append(f"Too little to go by for more: {found.too_little}.")
    with st.container(border=True):
        st.markdown(" ".join(lines))
        st.caption(
            "Hours: the open pictures times the mean time of those that were finished. Day: the "
            f"open pictures by the pictures of each of the last {WINDOW_DAYS} days, days off "
            "included. The ranges hold eight times in ten if people go on like that."
        )


def _hours(left: Range) -> str:
    low, high = left.low, left.high or left.likely
    unit, times = ("hours", 1) if high >= 1 else ("minutes", 60)
    digits = 1 if times == 1 else 0
    ends = [f"{times * hours:,.{digits}f}" for hours in (low, high)]
    if ends[0] != ends[1]:
        return f"{ends[0]} to {ends[1]} {unit} of work are"
    return "1 minute of work is" if ends[0] == "1" else f"{ends[0]} {unit} of work are"


def _finish(end: Finish) -> str:
    days = [_day(at) for at in (end.at.low, end.at.likely, end.at.high) if at is not None]
    pace = f"At {end.pictures_per_day:,.1f} pictures a day (the last {end.days} days)"
    if end.at.high is None:
        return (
            f"{pace} the last one is finished about **{days[1]}**, not before {days[0]}; the days "
            "differ too much to say not after which."
        )
    if days[0] == days[2]:
        return f"{pace} the last one is finished on **{days[1]}**."
    return f"{pace} the last one is finished about **{days[1]}**, between {days[0]} and {days[2]}."


def _day(at: float) -> str:
    try:
        return datetime.fromtimestamp(at).strftime("%d %B %Y").lstrip("0")
    except (OverflowError, ValueError, OSError):  # in ten thousand years
        return "never"


def _over_time(found: Progress, *, everybody: bool) -> None:
    st.header("Over time")
    st.plotly_chart(throughput_figure(found.throughput), key="progress.throughput")
    if everybody:
        st.header("Annotators")
        rows = annotator_rows(found)
        st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=_COLUMNS)
        st.download_button(
            "Annotators as CSV", csv_text(rows), "annotators.csv", "text/csv",
            icon=":material/download:", key="progress.annotators",
        )  # fmt: skip


def _landmarks(store: AnnotationStore, project: Project, found: Progress, who: Visitor) -> None:
    st.header("Landmarks")
    sees_all = who.may(Right.OVERSEE, project.id)
    agreement = _agreement(store, project) if sees_all else None
    names = [name.replace("_", " ") for name in project.sparse.names]
    left, right = st.columns(2)
    with left:
        if found.timed_pictures:
            st.caption(f"Median time, the last {found.timed_pictures} finished pictures")
            figure = landmark_figure(names, found.seconds_per_landmark, "seconds", "s")
            st.plotly_chart(figure, key="progress.seconds")
        else:
            st.caption("Seconds a landmark are told here as soon as a picture is done.")
    with right:
        if agreement is not None:
            unit = ui.as_text(agreement.unit)
            sigma, distance = (
                agreement.landmarks.sigma_percent,
                agreement.landmarks.distance_percent,
            )
            st.caption(
                f"Scatter of a click (sigma), {_marked_by_several(agreement)}; "
                f"two people are {np.nanmean(distance):.1f}\\% of {unit} apart (NME)"
            )
            figure = landmark_figure(names, sigma, f"% of {agreement.unit}", "%")
            st.plotly_chart(figure, key="progress.sigma", alt=f"sigma in percent of {unit}")
        elif sees_all:
            st.markdown(  # code in a caption is too pale to be read
                "How far people agree is told here where two mark the same pictures: the command "
                "`fewmark project overlap` has them do so."
            )
    if sees_all:
        _table(project, found, agreement)
        if who.may(Right.RESEARCH):
            _plan(project, found, agreement)


def _agreement(store: AnnotationStore, project: Project) -> ProjectAgreement | None:
    try:
        return agreement_of(store, project, _MOST_SHAPES)
    except StoreError:  # nothing was marked by two people
        return None


def _table(project: Project, found: Progress, agreement: ProjectAgreement | None) -> None:
    rows = landmark_rows(project, found, agreement)
    with st.expander("As a table"):
        headings = {name: name.replace("_", " ") for name in rows[0]}
        st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=headings)
    with st.container(horizontal=True):
        st.download_button(
            "Landmarks as CSV", csv_text(rows), "landmarks.csv", "text/csv",
            icon=":material/download:", key="progress.landmarks",
        )  # fmt: skip
        if agreement is not None:
            st.download_button(
                "Scatter for fewmark select, option precision",
                csv_text(precision_rows(project, agreement)), "precision.csv", "text/csv",
                icon=":material/download:", key="progress.precision",
            )  # fmt: skip


def _marked_by_several(agreement: ProjectAgreement) -> str:
    pictures = "one picture" if agreement.shapes == 1 else f"{agreement.shapes} pictures"
    return f"{pictures} marked by several"


def _plan(project: Project, found: Progress, agreement: ProjectAgreement | None) -> None:
    """Hand what was measured to the Budget page."""
    timing = found.everybody.timing
    if timing is None and agreement is None:
        return
    about = "What a point and a picture took, and how far clicks scatter where two marked the same."
    if not st.button("Use these numbers in the budget", help=about, key="progress.plan"):
        return
    told = []
    if timing is not None:
        per_image = timing.seconds_per_image or 0.0
        source = f"{ui.as_text(project.name)}: the last {timing.pictures} pictures"
        ui.remember_times(ui.MeasuredTimes(timing.seconds_per_point, per_image, source))
        told.append(f"{timing.seconds_per_point:.2f} s a point, {per_image:.2f} s more a picture")
    if agreement is not None:
        percent = {
            str(row["landmark"]): row["percent"] for row in precision_rows(project, agreement)
        }
        source = f"{ui.as_text(project.name)}: {_marked_by_several(agreement)}"
        ui.remember_scatter(ui.MeasuredScatter(agreement.unit, percent, source))
        told.append(f"the scatter of clicks on {len(percent)} landmarks")
    ui.next_step(" and ".join(told) + ".", "budget", "Plan with them")
