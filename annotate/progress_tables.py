"""Progress and agreement as tables: what the page shows, the command prints, and files hold."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotate.gold import feedback
from annotate.overlap import ProjectAgreement
from annotate.progress import Pace, Progress
from annotate.store import GoldAnswer, Project
from datasets.io.text import cell_from_text

Row = dict[str, Any]


def annotator_rows(progress: Progress) -> list[Row]:
    """One row for each person: how much, how fast, and how long the rest would take them alone."""
    return [_annotator_row(pace, progress.states.open) for pace in progress.annotators]


def _annotator_row(pace: Pace, left: int) -> Row:
    timing = pace.timing
    alone = pace.seconds_per_picture
    return {
        "annotator": pace.annotator,
        "pictures": pace.pictures,
        "hours": pace.hours,
        "points_per_hour": pace.points_per_hour,
        "seconds_per_picture": pace.seconds_per_picture,
        "seconds_per_point": None if timing is None else timing.seconds_per_point,
        "pictures_per_day": pace.per_day,
        "hours_to_finish_alone": None if alone is None else left * alone / 3600,
        "days_to_finish_alone": left / pace.per_day if pace.per_day else None,
    }


def landmark_rows(
    project: Project, progress: Progress, agreement: ProjectAgreement | None
) -> list[Row]:
    """One row for each marked landmark: seconds, and how far people agree on it where told."""
    m = len(project.sparse)
    nothing: dict[str, NDArray[Any]] = {}
    told = nothing if agreement is None else agreement_columns(agreement)
    columns = {"seconds": progress.seconds_per_landmark, **told}
    return [
        {
            "landmark": project.sparse.names[k],
            **{name: _plain(values[k]) for name, values in columns.items()},
        }
        for k in range(m)
    ]


def agreement_columns(agreement: ProjectAgreement) -> Mapping[str, NDArray[Any]]:
    """Columns of m values; percent is of `agreement.unit`."""
    each = agreement.landmarks
    return {
        "pairs": each.pairs,
        "nme_percent": each.distance_percent,
        "sigma_percent": each.sigma_percent,
        "same_presence": each.presence,
    }


def precision_rows(project: Project, agreement: ProjectAgreement) -> list[Row]:
    """How far clicks scatter, by landmark, as ``fewmark select --precision`` reads it."""
    sigma = agreement.landmarks.sigma_percent
    pairs = zip(project.sparse.names, sigma.tolist(), strict=True)
    return [
        {"landmark": name, "percent": round(value, 4)}
        for name, value in pairs
        if np.isfinite(value)
    ]


def gold_rows(project: Project, answers: Sequence[GoldAnswer]) -> list[Row]:
    """One row for each answer to a gold picture, in the order of getting them."""
    rows = []
    for answer in answers:
        found = feedback(project, answer)
        far = np.nan_to_num(found.px, nan=-1.0)
        known = np.isfinite(found.px)
        worst = project.sparse.names[int(far.argmax())] if known.any() else None
        rows.append(
            {
                "annotator": answer.annotator,
                "picture": answer.item.content.shape_id,
                "time": datetime.fromtimestamp(answer.labels.created).isoformat(" ", "seconds"),
                "error_px": float(found.px[known].mean()) if known.any() else None,
                "nme_percent": found.nme_percent,
                "worst_landmark": worst,
            }
        )
    return rows


def gold_summary(rows: Sequence[Row]) -> list[Row]:
    """One row for each annotator: how many gold pictures, and the mean error on them."""
    people: dict[str, list[Row]] = {}
    for row in rows:
        people.setdefault(row["annotator"], []).append(row)
    return [
        {
            "annotator": name,
            "gold_pictures": len(own),
            "error_px": _mean([row["error_px"] for row in own]),
            "nme_percent": _mean([row["nme_percent"] for row in own]),
        }
        for name, own in sorted(people.items())
    ]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def csv_text(rows: Sequence[Row]) -> str:
    """Rows with the same columns as CSV; no text begins as a spreadsheet's formula does."""
    table = pd.DataFrame([{name: _cell(value) for name, value in row.items()} for row in rows])
    return str(table.to_csv(index=False, lineterminator="\n"))


def _cell(value: Any) -> Any:  # noqa: ANN401 - anything a row has
    return cell_from_text(value) if isinstance(value, str) else value


def _plain(value: float) -> float | int | None:
    """A number fit for JSON: None instead of NaN."""
    if isinstance(value, np.integer):
        return int(value)
    return float(value) if np.isfinite(value) else None
