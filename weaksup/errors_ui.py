"""Part of the page "Results": how large the errors are, and where."""

import pandas as pd
import streamlit as st

from datasets import ui
from datasets.errors import FewmarkError
from datasets.metrics import nme, span_words
from weaksup.compare_ui import numbers
from weaksup.completion import mean_shape_prediction
from weaksup.evaluation import Evaluation, evaluate
from weaksup.figures import ced_figure, landmark_error_figure
from weaksup.run_folder import RunFolder
from weaksup.sources_ui import learnt_from
from weaksup.ui import show_figure


def show_errors(run: RunFolder, evaluation: Evaluation | None) -> None:
    """Rates beside the mean shape's, their distribution, and the error of each part."""
    if evaluation is None:
        st.caption("There is nothing to measure against.")
        return
    level = _mean_shape(run, evaluation)
    _show_rates(evaluation, level)
    _show_trust(run, evaluation)
    left, right = st.columns(2)
    curves = {"network": evaluation.errors}
    if level is not None:
        curves["mean shape"] = level.errors
    with left:
        show_figure(ced_figure(curves, span_words(evaluation.span)), "results_ced")
    with right:
        show_figure(landmark_error_figure(evaluation), "results_landmarks")
    _show_parts(evaluation)


def _show_rates(evaluation: Evaluation, level: Evaluation | None) -> None:
    rates = evaluation.summary()
    shown = (
        ("NME", f"{rates['nme']:.2%}", "Mean error over images and landmarks."),
        ("Mean shape", "-" if level is None else f"{level.summary()['nme']:.2%}", "Its NME here."),
        ("Images > 8 %", f"{rates['failure_rate_8']:.1%}", "Share of images of a larger NME."),
        ("Points > 8 %", f"{rates['landmark_failure_rate_8']:.1%}", "Share of single landmarks."),
        ("AUC up to 8 %", f"{rates['auc_8']:.3f}", "Area under the curve below, out of 1."),
    )
    for column, (label, value, about) in zip(st.columns(len(shown)), shown, strict=True):
        column.metric(label, value, help=about)


def _show_trust(run: RunFolder, evaluation: Evaluation) -> None:
    """What was judged, by which unit, and how far the NME can be trusted."""
    rates, unit = evaluation.summary(), span_words(evaluation.span)
    missed = rates["without_prediction"]
    more = f" {missed:,} more have no prediction and are not judged." if missed else ""
    if (share := rates["share_of_landmarks_predicted"]) < 1:
        more += f" Only {share:.1%} of their landmarks are predicted."
    found = numbers({run.name: evaluation})[0][run.name]
    st.caption(
        f"{rates['images']:,} images; errors in percent of the {unit}.{more} "
        f"The NME is {found.low:.2%} to {found.high:.2%} with 95 % confidence, "
        f"over {found.subjects:,} subjects."
    )
    if evaluation.caution is not None:
        st.caption(f"Caution: {evaluation.caution}")


def _show_parts(evaluation: Evaluation) -> None:
    error = f"NME, % of {span_words(evaluation.span)}"
    parts = {f"{name} landmarks": part for name, part in evaluation.per_visibility.items()}
    parts |= evaluation.per_component
    if parts:
        rows = [{"component": name, error: 100 * nme(part)} for name, part in parts.items()]
        st.dataframe(
            pd.DataFrame(rows),
            hide_index=True,
            width="content",
            column_config=ui.decimals(2, error),
        )


def _mean_shape(run: RunFolder, evaluation: Evaluation) -> Evaluation | None:
    """What the mean shape of the run's dense images would give; None where they are gone."""
    dense = learnt_from(run)
    if dense is None:
        return None
    try:
        prediction = mean_shape_prediction(dense, evaluation.truth, run.config.margin)
        return evaluate(prediction, evaluation.truth, evaluation.span)
    except FewmarkError:
        return None
