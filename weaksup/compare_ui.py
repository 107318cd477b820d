"""Part of the page "Results": several predictions of the same pictures against each other."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from datasets import ui
from datasets.correspondence import common_landmarks
from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError
from datasets.metrics import auc, span_words
from datasets.storage import HEADER_FILE
from weaksup import run_shelf
from weaksup.differences import Difference, difference, matched
from weaksup.evaluation import Evaluation, evaluate
from weaksup.figures import ced_figure
from weaksup.intervals import MeanInterval
from weaksup.run_folder import RunFolder
from weaksup.sources_ui import is_outdated, warn_of_known
from weaksup.ui import show_figure

_SEED = 0
_AUC = "AUC up to 8 %"


def show_comparison(
    run: RunFolder, evaluation: Evaluation | None, name: str, split: str | None
) -> None:
    """Choose other predictions of these pictures; show who is better, and how surely."""
    if evaluation is None:
        st.caption("There is nothing to measure against.")
        return
    others = _others(run, evaluation.truth, name, split)
    if not others:
        st.info(
            "Nothing else has looked at these pictures yet. Choose another run above and press "
            "**Predict**, then come back."
        )
        return
    picked = st.multiselect(
        f"Compare {run.name} with",
        list(others),
        default=list(others)[:1],
        # A choice must not outlive what it was chosen from.
        key=f"results_others_{run.name}_{name}_{split}",
    )
    found = _evaluations({other: others[other] for other in picked}, evaluation, name)
    if not found:
        st.caption("Choose one at least.")
        return
    try:
        parts = matched([evaluation, *found.values()])
    except FewmarkError as error:
        st.error(str(error))
        return
    _show(dict(zip([run.name, *found], parts, strict=True)))


def _evaluations(folders: Mapping[str, Path], ours: Evaluation, name: str) -> dict[str, Evaluation]:
    """Other predictions of the pictures of a data set; what is wrong with one is shown."""
    found = {}
    for other, folder in folders.items():
        _warn_of(other, folder, name, ours.truth)
        try:
            found[other] = evaluate(ui.load_dataset(folder), ours.truth, ours.span)
        except FewmarkError as error:
            st.error(f"{other}: {error}")
    return found


def _warn_of(other: str, folder: Path, name: str, truth: LandmarkDataset) -> None:
    """What speaks against another run's prediction of these pictures."""
    run, data = RunFolder(ui.workspace().runs / other), ui.workspace().data / name
    if not run.exists:  # a data set that a model made
        return
    shown = ui.as_text(other)
    if is_outdated(folder, run, data):
        st.warning(
            f"{shown} or the data set has changed since its landmarks were found. Choose {shown} "
            "above, and press **Predict again**."
        )
    warn_of_known(run, truth, f"{shown}: ")


def _others(
    run: RunFolder, truth: LandmarkDataset, name: str, split: str | None
) -> dict[str, Path]:
    """Folders of other predictions: of runs, and data sets that a model made."""
    workspace = ui.workspace()
    runs = {n: RunFolder(workspace.runs / n) for n in run_shelf.run_names(workspace)}
    found = {n: r.prediction(name, split) for n, r in runs.items() if n != run.name}
    found = {n: folder for n, folder in found.items() if (folder / HEADER_FILE).exists()}
    ids = set(truth.samples["shape_id"])
    for other in workspace.dataset_names():
        dataset = ui.load_dataset(workspace.data / other)
        fits = dataset.inferred and not ids.isdisjoint(dataset.samples["shape_id"])
        if fits and common_landmarks(dataset.format, truth.format)[0]:
            found[f"data set {other}"] = workspace.data / other
    return found


def _show(parts: Mapping[str, Evaluation]) -> None:
    first, *others = parts
    judged = parts[first]
    intervals, differences = numbers(parts)
    st.caption(
        f"{judged.summary()['images']:,} images that all predictions have, of "
        f"{intervals[first].subjects:,} subjects; errors in percent of the "
        f"{span_words(judged.span)}, intervals of 95 % over subjects."
    )
    if judged.caution is not None:
        st.caption(f"Caution: {judged.caution}")
    _show_table(parts, intervals)
    for other in others:
        found = differences[other]
        st.markdown(
            f"**{ui.as_text(other)}** against **{ui.as_text(first)}**: {found.verdict}; better in "
            f"{100 * found.better:.0f} % of {found.images:,} images."
        )
    curves = {f"{n}, AUC up to 8 %: {auc(e.errors):.3f}": e.errors for n, e in parts.items()}
    show_figure(ced_figure(curves, span_words(judged.span)), "results_ceds")


def _show_table(parts: Mapping[str, Evaluation], intervals: Mapping[str, MeanInterval]) -> None:
    rows = []
    for name, evaluation in parts.items():
        found, rates = intervals[name], evaluation.summary()
        row = {"prediction": name, "NME, %": 100 * found.mean}
        row |= {"from": 100 * found.low, "to": 100 * found.high}
        rows.append({**row, "> 8 %, %": 100 * rates["failure_rate_8"], _AUC: rates["auc_8"]})
    digits = ui.decimals(2, "NME, %", "from", "to") | ui.decimals(1, "> 8 %, %")
    st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=digits | ui.decimals(3, _AUC))


def numbers(
    parts: Mapping[str, Evaluation],
) -> tuple[dict[str, MeanInterval], dict[str, Difference]]:
    """Interval of each NME, and what the others differ from the first in, computed once."""
    subjects = next(iter(parts.values())).truth.samples["subject"].tolist()
    return _numbers({name: each.errors for name, each in parts.items()}, subjects, parts)


@st.cache_data(show_spinner="Comparing", max_entries=16)
def _numbers(
    errors: Mapping[str, NDArray[np.float64]],  # noqa: ARG001 - with the next, the cache's key
    subjects: Sequence[str | None],  # noqa: ARG001
    _parts: Mapping[str, Evaluation],
) -> tuple[dict[str, MeanInterval], dict[str, Difference]]:
    first, *others = _parts

    def drawn() -> np.random.Generator:  # anew for each, so that each stays what it is elsewhere
        return np.random.default_rng(_SEED)

    intervals = {name: each.intervals(drawn())["nme"] for name, each in _parts.items()}
    return intervals, {name: difference(_parts[name], _parts[first], drawn()) for name in others}
