"""Affinities beside others: of another data set, split or alignment, and what differs."""

from collections.abc import Iterable

import pandas as pd
import streamlit as st

from correlation.comparison import Comparison, PairError
from correlation.comparison_figures import error_heatmap
from correlation.ui import (
    Source,
    kept,
    show_downloads,
    show_figure,
    show_heatmap,
    source_of,
    splits_of,
)
from datasets.alignment import ALIGNMENTS
from datasets.errors import FewmarkError
from datasets.storage import read_header
from datasets.ui import decimals, load_dataset, workspace

_KEY = "correlation-compare"
_TOP = 50
_NAMES = ("A", "B")
_DIFFERENCE = "A - B"


def show_comparison(source: Source) -> None:
    """The chosen shapes (A), others (B) and the difference of their affinities."""
    try:
        other = _choose_other(source)
    except FewmarkError as error:
        st.error(f"B: {error}")
        return
    for text in other.cautions:
        st.warning(f"B: {text}")
    if other.version == source.version:
        st.info("A and B are the same; choose another data set, split or alignment for B.")
        return
    for column, name, each in zip(st.columns(2), _NAMES, (source, other), strict=True):
        with column:
            show_heatmap(each, f"{_KEY}-{name}", f"**{name}:** ")
    comparison = Comparison(source.matrix, other.matrix, names=_NAMES, any_alignment=True)
    left, right = st.columns([3, 2])
    with left:
        key = f"{_KEY}-difference"
        name = f"affinity-difference-{source.file_name}-{other.file_name}"
        show_figure(error_heatmap(comparison, _DIFFERENCE), key, name)
        st.caption(f"**{_DIFFERENCE}:** orange where affinities of A are higher, blue where of B.")
        show_downloads(key, name, csv=comparison.csv)
    with right:
        _show_differences(comparison)
        if (source.name, source.split) != (other.name, other.split):
            st.caption("A and B are different shapes: part of what differs is chance.")
        if source.matrix.alignment != other.matrix.alignment:
            st.caption("A and B are aligned differently, which by itself changes affinities a lot.")


def _choose_other(source: Source) -> Source:
    """B: another data set of these landmarks at first, else these shapes aligned otherwise."""
    same, left_out = _data_sets_beside(source)
    columns = st.columns(3)
    with columns[0]:
        name = _choose("Data set", [*same, source.name], None)
    with columns[1]:
        split = _choose("Split", splits_of(load_dataset(workspace().data / name)), source.split)
    with columns[2]:
        own = source.matrix.alignment
        usual = own if same else next(other for other in ALIGNMENTS if other != own)
        alignment = _choose("Alignment", list(ALIGNMENTS), usual)
    known = source.matrix.format.name
    if left_out:
        names = ", ".join(left_out)
        st.caption(f"Only data sets of the landmarks of {known} can be B, so not: {names}.")
    elif not same:
        st.caption(f"No other data set here has the landmarks of {known}.")
    return source_of(name, split, alignment)


def _choose(what: str, options: list[str], usual: str | None) -> str:
    key = f"{_KEY}-{what.lower().replace(' ', '')}"
    return kept(f"{what} of B", options, f"fewmark.{key}", key, usual=usual)


def _data_sets_beside(source: Source) -> tuple[list[str], list[str]]:
    """The other data sets of the workspace: those of the same landmarks, and the rest."""
    same: list[str] = []
    rest: list[str] = []
    for name in workspace().dataset_names():
        if name == source.name:
            continue
        try:
            landmarks = read_header(workspace().data / name)[0].landmarks
        except FewmarkError:  # the Data page says what is wrong with it
            continue
        (same if landmarks == source.matrix.format.landmarks else rest).append(name)
    return same, rest


def _show_differences(comparison: Comparison) -> None:
    pairs = comparison.ranked(_TOP, None)
    if not pairs:
        st.markdown("No pair of landmarks differs.")
        return
    first, (one, other) = pairs[0], pairs[0].names
    above = "higher" if comparison.mean >= 0 else "lower"
    st.markdown(
        f"Affinities of A are on average **{abs(comparison.mean):.3f}** {above} than those of B. "
        f"Whatever the sign, a pair differs by **{comparison.mean_absolute:.3f}** on average, and "
        f"by **{abs(first.difference):.3f}** at most: `{one}` and `{other}`."
    )
    st.dataframe(
        _table(pairs),
        hide_index=True,
        height=420,
        column_config=decimals(3, _DIFFERENCE, sign=True) | decimals(3, "A", "B"),
    )


def _table(pairs: Iterable[PairError]) -> pd.DataFrame:
    """The pairs that differ, with both affinities."""
    rows = [
        {
            _DIFFERENCE: pair.difference,
            "landmark": pair.names[0],
            "with": pair.names[1],
            "A": pair.predicted,
            "B": pair.truth,
        }
        for pair in pairs
    ]
    return pd.DataFrame(rows)
