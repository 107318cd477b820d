"""The subcommand `fewmark project progress`: how a project comes along."""

import time
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from datasets.console import PATH, json_option, report

if TYPE_CHECKING:
    from annotate.forecast import Range
    from annotate.overlap import ProjectAgreement
    from annotate.progress import Progress
    from annotate.store import AnnotationStore, Project


@click.command("progress")
@click.argument("store")
@click.argument("name")
@click.option("--annotator", metavar="PERSON", help="The work of this person alone.")
@click.option("--landmarks", is_flag=True, help="A row for each landmark, not for each annotator.")
@click.option(
    "--out", type=PATH, metavar="FOLDER",
    help="Write annotators.csv, landmarks.csv and, where pictures were marked by two, "
    "precision.csv for `fewmark select --precision`.",
)  # fmt: skip
@json_option
def progress(
    store: str,
    name: str,
    *,
    annotator: str | None,
    landmarks: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """How project NAME comes along: what is done, how fast, by whom, when it will be finished.

    Paces are of pictures that were marked by hand until they were done. Forecasts are ranges that
    hold eight times in ten if people go on as in the last 14 days.
    """
    from annotate.progress import progress_of
    from annotate.progress_tables import annotator_rows, landmark_rows
    from annotate.store import open_store

    with closing(open_store(store, must_exist=True)) as opened:
        project = opened.project(name)
        found = progress_of(opened, project, time.time(), annotator)
        agreement = _agreement(opened, project) if landmarks or out else None
    by_landmark = landmark_rows(project, found, agreement)
    by_person = annotator_rows(found)
    summary = _summary(name, found)
    if agreement is not None:
        summary |= {"marked_by_several": agreement.shapes, "percent_of": agreement.unit}
    if out is not None:
        _write(out, project, by_person, by_landmark, agreement)
        summary["written"] = str(out)
    report(summary, as_json=as_json, rows=by_landmark if landmarks else by_person)


def _agreement(store: "AnnotationStore", project: "Project") -> "ProjectAgreement | None":
    from annotate.overlap import agreement_of
    from datasets.errors import StoreError

    try:
        return agreement_of(store, project)
    except StoreError:  # nothing was marked by two
        return None


def _summary(name: str, found: "Progress") -> dict[str, Any]:
    states, pace, end = found.states, found.everybody, found.finish
    return {
        "project": name,
        "pictures": states.total,
        "done": states.done,
        "open": states.open,
        "skipped": states.skipped,
        "flagged": states.flagged,
        "reviewed": states.reviewed,
        "returned": states.returned,
        "hours_at_work": pace.hours,
        "points_per_hour": pace.points_per_hour,
        "seconds_per_picture": pace.seconds_per_picture,
        "seconds_per_point": None if pace.timing is None else pace.timing.seconds_per_point,
        "hours_left": None if found.hours_left is None else _ends(found.hours_left),
        "pictures_per_day": None if end is None else end.pictures_per_day,
        "finish": None if end is None else [_day(at) for at in _ends(end.at)],
        "no_forecast": found.too_little,
    }


def _ends(found: "Range") -> list[float | None]:
    return [found.low, found.likely, found.high]


def _day(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at).date().isoformat()


def _write(
    folder: Path,
    project: "Project",
    by_person: Sequence[dict[str, Any]],
    by_landmark: Sequence[dict[str, Any]],
    agreement: "ProjectAgreement | None",
) -> None:
    from annotate.progress_tables import csv_text, precision_rows

    folder.mkdir(parents=True, exist_ok=True)
    files = {"annotators.csv": by_person, "landmarks.csv": by_landmark}
    if agreement is not None:
        files["precision.csv"] = precision_rows(project, agreement)
    for file_name, rows in files.items():
        (folder / file_name).write_text(csv_text(rows), "utf-8")
