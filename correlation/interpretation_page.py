"""The Interpretation page: what detectors make of the correlations (Yan 2020, sec. 5.4)."""

import functools
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from correlation.comparison import Comparison, GroupError, PairError
from correlation.comparison_figures import (
    change_heatmap,
    deviation_heatmap,
    error_heatmap,
    error_on_shape,
    path_figure,
)
from correlation.detectors import compare_shapes, matched
from correlation.figures import affinity_heatmap
from correlation.series import Series, series_files
from correlation.ui import ALL, Source, require_source, show_downloads, show_figure
from datasets.alignment import align, mean_shape
from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError
from datasets.formats import LandmarkFormat, index_map
from datasets.storage import HEADER_FILE, SHAPES_FILE, read_header, read_shape_ids
from datasets.ui import choose, decimals, load_dataset, next_step, workspace

_FIRST, _SECOND = "interpretation-first", "interpretation-second"
_LEARNING_FIRST, _LEARNING_SECOND = (
    "interpretation-learning-first",
    "interpretation-learning-second",
)
_TOP = 20
_PAIR_COLUMNS = decimals(3, "error", sign=True) | decimals(3, "predicted", "true")
_GROUP_COLUMNS = decimals(3, "mean error", sign=True) | decimals(
    3, "mean absolute error", "predicted", "true"
)
_DEVIATION, _CHANGE, _AFFINITY = "deviation", "change", "affinity"


def render() -> None:
    """Show affinity errors of predictions, and how affinities change while a network learns."""
    st.title("Interpretation")
    st.markdown(
        "What a detector makes of the correlations: which of its landmarks depend on each other "
        "more than the true ones do (over-correlated), and which less."
    )
    source = require_source("interpretation")
    errors, learning = st.tabs(["Errors", "Learning"])
    with errors:
        _show_errors(source)
    with learning:
        _show_learning(source)


# Errors


def _show_errors(source: Source) -> None:
    found = _predictions(source)
    if not found:
        _lead_to_predictions("Nobody has predicted these landmarks yet.")
        return
    label = st.selectbox("Predictions", list(found), key="interpretation-predictions")
    folder = found[str(label)]
    stamp = (folder / SHAPES_FILE).stat().st_mtime_ns
    version = (*source.version, str(folder.absolute()), str(stamp))
    try:
        predicted = load_dataset(folder)
        truth, of = _truth(source, predicted)
        alignment = str(source.matrix.alignment)
        comparison, mean = _compared(version, predicted, truth, alignment)
    except FewmarkError as error:
        st.error(str(error))
        _lead_to_predictions("Choose other shapes or predictions above.")
        return
    for text in comparison.cautions:
        st.warning(text)
    _show_numbers(comparison)
    left, right = st.columns([3, 2])
    with left:
        key, file_name = "interpretation-heatmap", f"affinity-errors-{source.name}"
        show_figure(error_heatmap(comparison), key, file_name)
        st.caption(f"{label} minus {of}: {comparison.caption}.")
        show_downloads(key, file_name, csv=comparison.csv)
    with right:
        _show_pair(comparison, mean)
    _show_tables(comparison)


def _predictions(source: Source) -> dict[str, Path]:
    """Folders that may be predictions of these landmarks, by label: the likeliest first.

    Those without a shape of the data set come last: they can only be refused.
    """
    here = workspace()
    wanted = (f"{source.name}--{source.split}", source.name)
    runs = sorted(here.runs.glob(f"*/predictions/*/{HEADER_FILE}"))
    folders = sorted(
        (path.parent for path in runs),
        key=lambda p: wanted.index(p.name) if p.name in wanted else len(wanted),
    )
    found = {f"run {path.parents[1].name}: {path.name}": path for path in folders}
    others = [name for name in here.dataset_names() if name != source.name]
    found |= {f"data set {name}": here.data / name for name in others}
    found = {label: p for label, p in found.items() if _speaks_of(p, source.dataset.format)}
    wanted_shapes = _shape_ids(here.data / source.name)
    apart = {label: wanted_shapes.isdisjoint(_shape_ids(path)) for label, path in found.items()}
    return {label: found[label] for label in sorted(found, key=apart.__getitem__)}


def _shape_ids(folder: Path) -> frozenset[str]:
    """Names of a data set's shapes; none where they cannot be read, as choosing it will tell."""
    try:
        return _load_shape_ids(str(folder), (folder / SHAPES_FILE).stat().st_mtime_ns)
    except (OSError, FewmarkError):
        return frozenset()


@st.cache_data(show_spinner=False, max_entries=64)
def _load_shape_ids(folder: str, stamp: int) -> frozenset[str]:  # noqa: ARG001
    return frozenset(read_shape_ids(folder))


def _speaks_of(folder: Path, known: LandmarkFormat) -> bool:
    try:
        other = read_header(folder)[0]
    except FewmarkError:
        return False  # the Data page says what is wrong with it
    same = other.landmarks == known.landmarks
    return same or any(index_map(*pair) for pair in ((other, known), (known, other)))


def _lead_to_predictions(text: str) -> None:
    if workspace().run_names():
        more = "Let a run look at the pictures; what it finds can be chosen here."
        next_step(f"{text} {more}", "results", "Predict")
    else:
        more = "Train a network, and let it look at the pictures."
        next_step(f"{text} {more}", "train", "Train")


@st.cache_data(show_spinner="Computing affinities", max_entries=16)
def _compared(
    version: tuple[str, ...],  # noqa: ARG001 - the cache's key
    _predicted: LandmarkDataset,
    _truth: LandmarkDataset,
    _alignment: str,
) -> tuple[Comparison, NDArray[np.float64]]:
    comparison = compare_shapes(_predicted, _truth, _alignment)
    _, common = matched(_predicted, _truth)
    return comparison, mean_shape(align(common.shapes.points, _alignment))


def _truth(source: Source, predicted: LandmarkDataset) -> tuple[LandmarkDataset, str]:
    """The shapes to compare with, and what they are: of other splits where the chosen has none."""
    if source.split == ALL:
        return source.dataset, source.name
    names = set(predicted.samples["shape_id"])
    if not names.isdisjoint(source.dataset.samples["shape_id"]):
        return source.dataset, f"{source.name}, split {source.split}"
    whole = load_dataset(workspace().data / source.name)
    known = whole.samples["shape_id"].isin(names).to_numpy(dtype=bool)
    if not known.any():
        return source.dataset, source.name  # comparing says what is wrong
    others = ", ".join(whole.take(known).splits) or "none"
    st.info(
        f"None of split {source.split} is predicted here; compared are shapes of split {others}.",
        icon=":material/info:",
    )
    return whole.take(known), f"{source.name}, split {others}"


def _show_numbers(comparison: Comparison) -> None:
    summary = comparison.summary()
    if not summary:
        return
    shown = [(f"Mean error, {group.name}", f"{group.error:+.3f}") for group in summary]
    shown.append(("Mean absolute error", f"{comparison.mean_absolute:.3f}"))
    for column, (label, value) in zip(st.columns(len(shown)), shown, strict=True):
        column.metric(label, value)


def _show_pair(comparison: Comparison, mean: NDArray[np.float64]) -> None:
    worst = comparison.ranked(1, None)
    usual = (worst[0].first, worst[0].second) if worst else (0, len(comparison.format) - 1)
    first, second = _choose_pair(comparison.format, usual, (_FIRST, _SECOND))
    pair = comparison.pair(first, second)
    st.plotly_chart(error_on_shape(mean, comparison, first, second), key="interpretation-shape")
    st.caption(
        f"Predicted {pair.predicted:.3f}, true {pair.truth:.3f}. The other landmarks have the "
        f"colour of their error with {pair.names[0]}."
    )


def _choose_pair(
    known: LandmarkFormat, usual: tuple[int, int], keys: tuple[str, str]
) -> tuple[int, int]:
    names = known.landmarks
    for key, index in zip(keys, usual, strict=True):
        if st.session_state.get(key) not in names:
            st.session_state[key] = names[index]
    labels = ("Landmark", "With")
    columns = st.columns(2)
    chosen = [
        column.selectbox(label, names, key=key)
        for column, label, key in zip(columns, labels, keys, strict=True)
    ]
    return names.index(chosen[0]), names.index(chosen[1])


def _show_tables(comparison: Comparison) -> None:
    st.caption("Click at the left of a row to see the pair on the shape.")
    left, right = st.columns(2)
    for column, title, key, sign in (
        (left, "Over-correlated", "interpretation-over", 1),
        (right, "Under-correlated", "interpretation-under", -1),
    ):
        with column:
            st.header(title)
            pairs = comparison.ranked(_TOP, sign)
            if not pairs:
                st.caption("No pair.")
                continue
            st.dataframe(
                _table_of_pairs(pairs),
                hide_index=True,
                height=280,
                column_config=_PAIR_COLUMNS,
                key=key,
                selection_mode="single-row",
                on_select=functools.partial(_take_row, key, pairs),
            )
    groups = comparison.components()
    if groups:
        st.header("Components")
        st.dataframe(
            _table_of_groups(groups), hide_index=True, height=280, column_config=_GROUP_COLUMNS
        )


def _take_row(key: str, pairs: Sequence[PairError]) -> None:
    """Make the pair whose row was clicked the chosen one."""
    rows = st.session_state.get(key, {}).get("selection", {}).get("rows", [])
    if rows and rows[0] < len(pairs):
        st.session_state[_FIRST], st.session_state[_SECOND] = pairs[rows[0]].names


def _table_of_pairs(pairs: Iterable[PairError]) -> pd.DataFrame:
    rows = [
        {
            "landmark": pair.names[0],
            "with": pair.names[1],
            "error": pair.difference,
            "predicted": pair.predicted,
            "true": pair.truth,
        }
        for pair in pairs
    ]
    return pd.DataFrame(rows)


def _table_of_groups(groups: Iterable[GroupError]) -> pd.DataFrame:
    rows = [
        {
            "pairs of": group.name.replace("_", " "),
            "number": group.pairs,
            "mean error": group.error,
            "mean absolute error": group.absolute,
            "predicted": group.predicted,
            "true": group.truth,
        }
        for group in groups
    ]
    return pd.DataFrame(rows)


# Learning


def _show_learning(source: Source) -> None:
    runs = _runs_with_series(source.dataset.format)
    if not runs:
        next_step(
            "No run has kept affinities of these landmarks. Runs keep them while they learn, if "
            "they have validation pictures, three at least.",
            "train",
            "Train",
        )
        return
    left, middle, right = st.columns([1, 1, 1])
    with left:
        run = choose("run", "Run", list(runs), "interpretation-run")
    series = runs[run]
    if len(series) == 1:
        st.info(f"{run} has kept one matrix so far, after epoch {series.positions[0]}.")
        return
    with middle:
        epoch = _choose_epoch(series, run)
    with right:
        window = int(
            st.slider(
                "Window, matrices",
                2,
                len(series),
                min(5, len(series)),
                1,
                key=f"interpretation-window-{run}",
            )
            if len(series) > 2
            else 2
        )
    _show_series(source, series, epoch, window)
    st.caption(
        f"Predictions of the validation pictures, kept {len(series)} times: "
        f"{series.matrices[-1].caption}. While a stage teaches the sparse landmarks alone, the "
        "others stand still in the crop, and their affinities come from the alignment."
    )


def _runs_with_series(known: LandmarkFormat) -> dict[str, Series]:
    """The runs that kept affinities of these landmarks, the latest first."""
    found = {}
    for name in workspace().run_names():
        folder = workspace().runs / name / "affinities"
        stamps = tuple((p.name, p.stat().st_mtime_ns) for p in series_files(folder).values())
        if not stamps:
            continue
        try:
            series = _load_series(str(folder), stamps)
        except FewmarkError as error:
            st.warning(str(error))
            continue
        if series.format.landmarks == known.landmarks:
            found[name] = series
    return found


@st.cache_resource(show_spinner="Reading affinities", max_entries=8)
def _load_series(folder: str, stamps: tuple[tuple[str, int], ...]) -> Series:  # noqa: ARG001
    return Series.load(folder)


def _choose_epoch(series: Series, run: str) -> int:
    """Place in the series of the epoch that is looked at."""
    options = list(series.positions)
    key = f"interpretation-epoch-{run}"
    epoch = st.select_slider("Up to epoch", options, value=options[-1], key=key)
    return options.index(epoch)


def _show_series(source: Source, series: Series, place: int, window: int) -> None:
    left, right = st.columns([3, 2])
    start = max(0, place - window + 1)
    part = Series(series.matrices[start : place + 1], series.positions[start : place + 1])
    with left:
        kind = st.segmented_control(
            "Show", (_DEVIATION, _CHANGE, _AFFINITY), default=_DEVIATION, required=True,
            key="interpretation-show",
        )  # fmt: skip
        last, span = part.matrices[-1], f"epochs {part.positions[0]} to {part.positions[-1]}"
        if kind == _DEVIATION:
            figure = deviation_heatmap(last, part.deviation(len(part))[0])
            caption = f"Standard deviation of every affinity over {len(part)} matrices, {span}."
            if len(part) == 1:
                caption = f"Nothing was kept before epoch {part.positions[0]} that it differs from."
        elif kind == _CHANGE:
            figure = change_heatmap(last, part.total, "change")
            caption = f"What the affinities gained (orange) and lost (blue), {span}."
        else:
            figure = affinity_heatmap(last)
            caption = f"Affinities after epoch {part.positions[-1]}."
        show_figure(figure, "interpretation-series", f"affinity-{kind}-epoch-{part.positions[-1]}")
        st.caption(caption)
    with right:
        moved = np.triu(series.deviation(len(series))[0], 1)
        i, j = np.unravel_index(int(np.argmax(moved)), moved.shape)
        keys = (_LEARNING_FIRST, _LEARNING_SECOND)
        first, second = _choose_pair(series.format, (int(i), int(j)), keys)
        same = source.matrix.alignment == series.matrices[0].alignment
        values = source.matrix.values  # noqa: PD011 - not of pandas
        true = float(values[first, second]) if same else None
        st.plotly_chart(path_figure(series, first, second, true), key="interpretation-path")
        if true is not None:
            st.caption("The true affinity is that of the shapes chosen at the top.")
        else:
            st.caption(
                f"The true affinity is not shown: these are aligned by "
                f"{series.matrices[0].alignment}, the shapes above by {source.matrix.alignment}."
            )
