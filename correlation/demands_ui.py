"""What the Budget page lets people ask of a choice."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from correlation.clicks import usual_noise
from correlation.ui import Source
from datasets.formats import LandmarkFormat, predefined_formats
from datasets.metrics import BOX, span_words
from datasets.ui import remembered_scatter

_DEFAULT_M = 10
_TABLE_PX = 240
_NO_FORMAT = "none"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of the search.

    Parameters
    ----------
    m
        Landmarks to choose.
    demands
        The other arguments of `select`.
    noise
        How far clicks on each landmark scatter, in parts of the span; None where that is not told.
    """

    m: int
    demands: dict[str, Any]
    noise: tuple[float, ...] | None


def asked_of(source: Source) -> Asked:
    """Let the user ask: m, and what the choice must obey."""
    known = source.matrix.format
    M = len(known)
    predefined = predefined_formats(known)
    columns = st.columns([1, 1, 2, 2])
    with columns[0]:
        m = st.number_input("m, landmarks to mark", 1, M, min(_DEFAULT_M, M), key=f"budget-m-{M}")
    with columns[1]:
        base = st.selectbox(
            "Extend a format",
            [_NO_FORMAT, *predefined],
            key=f"budget-base-{known.name}",
            help="Keep all landmarks of a format that is annotated already.",
        )
    with columns[2]:
        include = st.multiselect(
            "Keep (annotated already)", known.landmarks, key=f"budget-include-{known.name}"
        )
    with columns[3]:
        exclude = st.multiselect(
            "Leave out (hard to mark)", known.landmarks, key=f"budget-exclude-{known.name}"
        )
    must = {known.landmarks.index(name) for name in include} | set(predefined.get(base, ()))
    mustnot = {known.landmarks.index(name) for name in exclude}
    demands: dict[str, Any] = {"include": sorted(must), "exclude": sorted(mustnot)}
    with st.expander("More demands: pairs, parts, costs, mirrored pictures, precision"):
        demands |= _more_demands(known)
        noise = _noise(source) if has_error(source) else None
    return Asked(int(m), demands, noise)


def _more_demands(known: LandmarkFormat) -> dict[str, Any]:
    left, middle, right = st.columns(3)
    with left:
        key = f"budget-pairs-{known.name}"
        pairs = st.checkbox("Left and right together", key=key)
        flip = st.checkbox(
            "Mirrored pictures",
            key=f"budget-flip-{known.name}",
            help="Where they are learnt from, a landmark also serves the others as the one it "
            "mirrors.",
        )
        limited = st.checkbox("Limit the cost", key=f"budget-limited-{known.name}")
    with middle:
        parts = [{"part": c.name, "at least": 0} for c in known.components]
        at_least = _edited(parts, "part", "at least", f"budget-parts-{known.name}", step=1)
    demands: dict[str, Any] = {"pairs": pairs, "flip": flip, "at_least": at_least}
    if limited:
        with right:
            most = st.number_input("The most cost", 0.0, value=10.0, key="budget-most-cost")
            rows = [{"landmark": name, "cost": 1.0} for name in known.landmarks]
            cost = _edited(rows, "landmark", "cost", f"budget-cost-{known.name}", step=0.1)
        demands |= {"cost": list(cost.values()), "most_cost": float(most)}
    return demands


def _noise(source: Source) -> tuple[float, ...] | None:
    """How far clicks scatter, where somebody tells."""
    known = source.dataset.format
    span = known.default_span or BOX
    measured = remembered_scatter()
    if measured is not None and (
        measured.unit != span or not set(measured.percent) & set(known.landmarks)
    ):
        measured = None  # it is about other landmarks, or in percent of something else
    kept = "" if measured is None else measured.source
    told = st.checkbox(
        "Some landmarks are hard to find",
        value=measured is not None,
        key=f"budget-precise-{known.name}{kept}",
        help="Points that predict others well are often hard to find. Where clicks scatter, the "
        "expected error may choose another point; the smallest affinity does not look at it.",
    )
    if not told:
        return None
    name = f"scatter, % of {span_words(span)}"
    usual = round(100 * usual_noise(source.dataset.shapes), 1)
    found = {} if measured is None else measured.percent
    rows = [
        {"landmark": landmark, name: round(found.get(landmark, usual), 2)}
        for landmark in known.landmarks
    ]
    key = f"budget-noise-{source.name}-{source.split}{kept}"
    percent = _edited(rows, "landmark", name, key, step=0.01)
    st.caption("Standard deviation of clicks in x and in y; the errors to expect have it too.")
    if measured is not None:
        st.caption(f"As measured in {measured.source}; {usual} where it was not.")
    return tuple(float(value) / 100 for value in percent.values())


def _edited(
    rows: list[dict[str, Any]], name: str, value: str, key: str, *, step: float
) -> dict[str, Any]:
    """A table of names whose numbers can be changed: what they are now, by name."""
    if not rows:
        return {}
    column = st.column_config.NumberColumn(min_value=0, step=step)
    table = st.data_editor(
        pd.DataFrame(rows),
        hide_index=True,
        disabled=[name],
        column_config={value: column},
        height=_TABLE_PX,
        key=key,
    )
    return dict(zip(table[name], table[value].fillna(0), strict=True))


def has_error(source: Source) -> bool:
    """Whether there is an error to expect: that takes complete shapes."""
    return int(source.dataset.shapes.complete.sum()) >= 2
