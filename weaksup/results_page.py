"""Page "Results": what a trained network finds, how good that is, and landmarks to download."""

import functools
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from datasets import ui
from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError
from datasets.jobs import find_job, start_job
from datasets.metrics import span_words
from datasets.shapes import empty_shapes
from datasets.storage import HEADER_FILE
from weaksup import run_shelf
from weaksup.bounds import read_radii
from weaksup.compare_ui import show_comparison
from weaksup.errors_ui import show_errors
from weaksup.evaluation import Evaluation, evaluate
from weaksup.figures import (
    BOUND,
    PREDICTED,
    TRUE,
    comparison_tile,
)
from weaksup.run_folder import RunFolder
from weaksup.sources import USUAL_SPLIT
from weaksup.sources_ui import is_outdated, warn_of_known
from weaksup.ui import a_page, as_file, attempt, show_problem, show_tiles, wait_for

_EVERYTHING = "every picture"
_ORDERS = ("worst first", "best first", "as in the data set")

Radii = NDArray[np.float64]


def render() -> None:
    """Show the page."""
    st.title("Results")
    show_problem()
    runs = [n for n in run_shelf.run_names(ui.workspace()) if _folder(n).checkpoint.exists()]
    if not runs:
        ui.stop_with_step(
            "No run has learnt anything yet. Train a network first.", "train", "Train"
        )
    left, middle, right = st.columns(3)
    with left:
        run = _folder(ui.choose("run", "Run", runs, "results_run"))
    with middle:
        name, dataset = _choose_dataset(run)
    with right:
        split = _choose_split(name, dataset)
    predicted = _require_prediction(run, name, split)
    truth = dataset if split is None else dataset.split(split)
    evaluation = _evaluate(predicted, truth)
    if evaluation is not None:
        warn_of_known(run, evaluation.truth)
    pictures, errors, compare, download = st.tabs(["Pictures", "Errors", "Compare", "Download"])
    with pictures:
        _show_pictures(evaluation, predicted, _radii(run.prediction(name, split), predicted))
    with errors:
        show_errors(run, evaluation)
    with compare:
        show_comparison(run, evaluation, name, split)
    with download:
        _show_download(predicted, f"{run.name}-{name}", "prediction")


def _folder(name: str) -> RunFolder:
    return RunFolder(ui.workspace().runs / name)


# What is looked at


def _choose_dataset(run: RunFolder) -> tuple[str, LandmarkDataset]:
    workspace = ui.workspace()
    loaded = {n: ui.load_dataset(workspace.data / n) for n in workspace.dataset_names()}
    landmarks = run.sparse.dense.landmarks
    fits = {n: d for n, d in loaded.items() if d.format.landmarks == landmarks and len(d)}
    known = {n: d for n, d in fits.items() if not d.inferred}  # the model's word is no truth
    if not known:
        ui.stop_with_step(
            f"No data set has the landmarks of {run.name}. Open one that has.",
            "data",
            "Open a data set",
        )
    names = sorted(known, key=lambda n: (USUAL_SPLIT not in known[n].splits, n))
    name = str(st.selectbox("Data set", names, key="results_data"))
    return name, known[name]


def _choose_split(name: str, dataset: LandmarkDataset) -> str | None:
    if not dataset.splits:
        return None
    options = [_EVERYTHING, *dataset.splits]
    index = options.index(USUAL_SPLIT) if USUAL_SPLIT in options else 0
    picked = st.selectbox("Split", options, index=index, key=f"results_split_{name}")
    return None if picked == _EVERYTHING else str(picked)


def _require_prediction(run: RunFolder, name: str, split: str | None) -> LandmarkDataset:
    """What the run found in the pictures; without it, a button that makes it."""
    workspace = ui.workspace()
    target = run.prediction(name, split)
    work = run.path / "jobs" / target.name
    job = find_job(work)
    if job is not None and job.running:
        wait_for(job, "The network looks at the pictures.")
        st.stop()
    chosen = [] if split is None else ["--split", split]
    source = workspace.data / name
    arguments = ["infer", str(run.path), str(source), str(target), "--force", *chosen]
    if not (target / HEADER_FILE).exists():
        st.info("The network has not looked at these pictures yet.")
        st.button(
            "Predict", type="primary", icon=":material/visibility:", key="results_predict",
            on_click=attempt, args=(start_job, arguments, work),
        )  # fmt: skip
        if job is not None and job.last_lines():
            st.code(job.last_lines(), language=None, wrap_lines=True)
        st.stop()
    if is_outdated(target, run, source):
        st.warning("The run or the data set has changed since these landmarks were found.")
        st.button(
            "Predict again",
            key="results_again",
            on_click=attempt,
            args=(start_job, arguments, work),
        )
    return ui.load_dataset(target)


def _evaluate(predicted: LandmarkDataset, truth: LandmarkDataset) -> Evaluation | None:
    """The errors, or None with the reason where the data set has nothing to measure against."""
    judged = truth.take(truth.shapes.present.any(axis=1))
    if len(judged) == 0:
        st.info("These pictures have no landmarks to compare with.")
        return None
    try:
        return evaluate(predicted, judged)
    except FewmarkError as error:
        st.info(f"The errors cannot be measured: {error}")
        return None


# Tabs


def _radii(folder: Path, predicted: LandmarkDataset) -> dict[str, Radii]:
    """Bounds of the errors by the names of shapes, where they stand beside the prediction."""
    try:
        radii = read_radii(folder, predicted)
    except FewmarkError as error:
        st.error(str(error))
        return {}
    return {} if radii is None else dict(zip(predicted.samples["shape_id"], radii, strict=True))


def _show_pictures(
    evaluation: Evaluation | None, predicted: LandmarkDataset, radii: dict[str, Radii]
) -> None:
    true, found = _pairs(evaluation, predicted)
    rows = list(range(len(found)))
    left, right = st.columns([3, 1])
    if evaluation is not None:
        order = left.segmented_control(
            "Order", _ORDERS, default=_ORDERS[0], required=True, key="results_order"
        )
        rows = _ordered(evaluation, str(order))
    with right:
        part = a_page(rows, "results_page")
    _legend(evaluation, with_bounds=bool(radii))
    errors = None if evaluation is None else evaluation.per_image
    show_tiles(
        part,
        lambda row: _show_tile(
            true, found, row, None if errors is None else float(errors[row]), radii
        ),
    )


def _pairs(
    evaluation: Evaluation | None, predicted: LandmarkDataset
) -> tuple[LandmarkDataset, LandmarkDataset]:
    """True and found landmarks row by row; without an evaluation nothing is known to be true."""
    if evaluation is not None:
        return evaluation.truth, evaluation.predicted
    return predicted.with_shapes(empty_shapes(predicted.format, len(predicted))), predicted


def _ordered(evaluation: Evaluation, order: str) -> list[int]:
    errors = np.nan_to_num(evaluation.per_image)
    keys = {_ORDERS[0]: -errors, _ORDERS[1]: errors}.get(order, np.arange(len(errors)))
    return [int(row) for row in np.argsort(keys, kind="stable")]


def _legend(evaluation: Evaluation | None, *, with_bounds: bool) -> None:
    marks = [(PREDICTED, "found")]
    marks += [(TRUE, "true")] if evaluation is not None else []
    marks += [(BOUND, "bound of the error")] if with_bounds else []
    parts = [f"<span style='color:{colour}'>&#9679;</span> {what}" for colour, what in marks]
    if evaluation is not None:
        parts.append(f"below, the mean error in percent of the {span_words(evaluation.span)}")
    st.html(" &nbsp; ".join(parts))


def _show_tile(
    true: LandmarkDataset,
    found: LandmarkDataset,
    row: int,
    error: float | None,
    radii: dict[str, Radii],
) -> None:
    name = str(true.samples["shape_id"].iloc[row])
    caption = name if error is None else f"{name}: {100 * error:.2f} %"
    try:
        tile = comparison_tile(true, row, found.shapes.points[row], within_px=radii.get(name))
    except FewmarkError as problem:
        st.caption(str(problem))
        return
    st.image(tile, caption=caption, width="stretch", alt=f"{name}: true and inferred landmarks")


def _show_download(dataset: LandmarkDataset, stem: str, key: str) -> None:
    st.caption(f"{len(dataset):,} shapes with {len(dataset.format)} landmarks each, in pixels.")
    for file_type in ("csv", "npz"):
        st.download_button(
            f"Download as {file_type}",
            functools.partial(as_file, dataset, file_type),
            file_name=f"{stem}.{file_type}",
            key=f"results_{key}_{file_type}",
        )
