"""Part of the page "Results": how large the errors are, and where."""

import pandas as pd
import streamlit as st

from datasets import ui
from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError
from datasets.metrics import nme
from weaksup.compare_ui import numbers
from weaksup.completion import mean_shape_prediction
from weaksup.evaluation import Evaluation, evaluate
from weaksup.figures import ced_figure, landmark_error_figure
from weaksup.run_folder import SOURCES_FILE, RunFolder
from weaksup.sources import Sources


def show_errors(run: RunFolder, evaluation: Evaluation | None) -> None:
    """Rates beside the mean shape's, their distribution, and the error of each part."""
    if evaluation is None:
        st.caption("There is nothing to measure against.")
        return
    rates = evaluation.summary()
    level = _mean_shape(run, evaluation)
    shown = (
        ("NME", f"{rates['nme']:.2%}", "Mean error over images and landmarks."),
        ("Mean shape", "-" if level is None else f"{level.summary()['nme']:.2%}", "Its NME here."),
        ("Images > 8 %", f"{rates['failure_rate_8']:.1%}", "Share of images of a larger NME."),
        ("Points > 8 %", f"{rates['landmark_failure_rate_8']:.1%}", "Share of single landmarks."),
        ("AUC", f"{rates['auc_8']:.3f}", "Area under the curve below, up to 8 %."),
    )
    for column, (label, value, about) in zip(st.columns(len(shown)), shown, strict=True):
        column.metric(label, value, help=about)
    missed = rates["without_prediction"]
    more = f" {missed:,} more have no prediction and are not judged." if missed else ""
    if (share := rates["share_of_landmarks_predicted"]) < 1:
        more += f" Only {share:.1%} of their landmarks are predicted."
    found = numbers({run.name: evaluation})[0][run.name]
    st.caption(
        f"{rates['images']:,} images; errors in parts of {evaluation.span}.{more} "
        f"The NME is {found.low:.2%} to {found.high:.2%} with 95 % confidence, "
        f"over {found.subjects:,} subjects."
    )
    if evaluation.caution is not None:
        st.caption(f"Caution: {evaluation.caution}")
    left, right = st.columns(2)
    curves = {"network": evaluation.errors}
    if level is not None:
        curves["mean shape"] = level.errors
    with left:
        st.plotly_chart(ced_figure(curves, evaluation.span), key="results_ced")
    with right:
        st.plotly_chart(landmark_error_figure(evaluation), key="results_landmarks")
    parts = {f"{name} landmarks": part for name, part in evaluation.per_visibility.items()}
    parts |= evaluation.per_component
    if parts:
        rows = [{"component": name, "NME, %": 100 * nme(part)} for name, part in parts.items()]
        st.dataframe(
            pd.DataFrame(rows),
            hide_index=True,
            width="content",
            column_config=ui.decimals(2, "NME, %"),
        )


def _mean_shape(run: RunFolder, evaluation: Evaluation) -> Evaluation | None:
    """What the mean shape of the run's dense images would give; None where they are gone."""
    try:
        dense = _trained_on(run)
        prediction = mean_shape_prediction(dense, evaluation.truth, run.config.margin)
        return evaluate(prediction, evaluation.truth, evaluation.span)
    except FewmarkError:
        return None


def _trained_on(run: RunFolder) -> LandmarkDataset:
    return _load_data(str(run.path), (run.path / SOURCES_FILE).stat().st_mtime_ns)


@st.cache_resource(show_spinner="Reading labels", max_entries=4)
def _load_data(path: str, stamp: int) -> LandmarkDataset:  # noqa: ARG001
    run = RunFolder(path)
    return Sources.from_table(run.sources, run.path / SOURCES_FILE).load().images
