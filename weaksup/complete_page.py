"""Page "Complete": dense landmarks for pictures that people clicked, with bounds of errors."""

import math
from dataclasses import replace

import numpy as np
import streamlit as st

from datasets import ui
from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError, FileFormatError
from datasets.metrics import span_words
from datasets.plausibility import WORTH_A_LOOK
from datasets.storage import SHAPES_FILE
from weaksup.bounds import CompletionBounds
from weaksup.clicks import CompletedClicks, complete_clicks
from weaksup.figures import BOUND, PREDICTED, TRUE, comparison_tile
from weaksup.keep_ui import keep
from weaksup.ui import a_page, show_tiles

_MOST_LOOKED_AT = 2000
_ORDERS = ("doubtful first", "as in the data set")


def render() -> None:
    """Show the page."""
    st.title("Complete")
    st.markdown(
        "Pictures in which some landmarks were clicked need no network: the others follow from the "
        "clicks, by how landmarks move together in dense shapes, and from what the pictures show "
        "around them. Clicks stay where they are."
    )
    clicked_name, dense_name = _choose()
    version = tuple(_stamp(name) for name in (clicked_name, dense_name))
    try:
        done, bounds, problem = _completed(version, clicked_name, dense_name)
    except FewmarkError as error:
        st.error(f"Nothing can be completed: {error}")
        return
    clicked, completed = done.clicked, done.dataset
    if not len(clicked):
        st.info(f"All landmarks of these pictures are known in {dense_name} already.")
        return
    _tell(clicked, completed, bounds, problem)
    _tell_more(done, clicked_name, dense_name)
    _show_pictures(clicked, completed, bounds)
    keep(done, bounds, clicked_name)


def _tell_more(done: CompletedClicks, clicked_name: str, dense_name: str) -> None:
    """What the pictures moved, what was not done, and what was left out."""
    if moved := done.look.moved:
        st.caption(f"Landmarks of {moved:,} shapes were moved by what their pictures show.")
    for note in done.notes:
        st.caption(f"Note: {ui.as_text(note)}")
    whole = ui.load_dataset(ui.workspace().data / clicked_name)
    left_out = int(whole.shapes.present.any(axis=1).sum()) - len(done.clicked)
    if left_out:
        st.caption(f"{left_out:,} clicked pictures are left out: {dense_name} has all landmarks.")


def _choose() -> tuple[str, str]:
    """The data set with the clicks, and the one with the dense shapes."""
    if not ui.workspace().dataset_names():
        ui.stop_with_step("There is no data set yet. Open one first.", "data", "Open a data set")
    pairs = _pairs()
    if not pairs:
        ui.stop_with_step(
            "No data set has clicked pictures and dense shapes of the same landmarks beside them. "
            "Mark pictures, and export them.",
            "annotate",
            "Annotate",
        )
    left, right = st.columns(2)
    with left:
        name = str(st.selectbox("Clicked pictures", list(pairs), key="complete_clicked"))
    with right:
        label = "Dense shapes to learn from"
        other = st.selectbox(label, pairs[name], key=f"complete_dense_{name}")
    return name, str(other)


def _pairs() -> dict[str, list[str]]:
    """Data sets with clicks, the one with most first, and those with dense shapes beside each."""
    workspace = ui.workspace()
    known = {n: ui.load_dataset(workspace.data / n) for n in workspace.dataset_names()}
    known = {n: d for n, d in known.items() if len(d) and not d.inferred}
    dense = {n: d for n, d in known.items() if d.shapes.complete.sum() >= 2}
    clicked = {n: len(_partly(d)) for n, d in known.items()}
    names = sorted((n for n in clicked if clicked[n]), key=lambda n: -clicked[n])
    return {name: others for name in names if (others := _beside(known[name], dense))}


def _beside(clicked: LandmarkDataset, dense: dict[str, LandmarkDataset]) -> list[str]:
    """Data sets with dense shapes of these landmarks, the one with most first.

    Those that know most of the clicked pictures already come last: they leave little to complete.
    """
    fitting = {n: d for n, d in dense.items() if d.format.landmarks == clicked.format.landmarks}

    def rank(name: str) -> tuple[bool, int, str]:
        leaves_little = 2 * len(_unknown(clicked, fitting[name])) < len(_partly(clicked))
        return leaves_little, -int(fitting[name].shapes.complete.sum()), name

    return sorted(fitting, key=rank)


def _unknown(clicked: LandmarkDataset, dense: LandmarkDataset) -> LandmarkDataset:
    """The clicked pictures but those of which the dense shapes know all landmarks already."""
    clicked = clicked.take(clicked.shapes.present.any(axis=1))
    known = dense.samples["shape_id"][dense.shapes.complete]
    return clicked.take(~clicked.samples["shape_id"].isin(known).to_numpy(dtype=bool))


def _partly(dataset: LandmarkDataset) -> LandmarkDataset:
    present = dataset.shapes.present
    return dataset.take(present.any(axis=1) & ~present.all(axis=1))


def _stamp(name: str) -> tuple[str, int]:
    folder = ui.workspace().data / name
    return str(folder), (folder / SHAPES_FILE).stat().st_mtime_ns


_Completed = tuple[CompletedClicks, CompletionBounds | None, str]


@st.cache_resource(show_spinner="Completing the shapes", max_entries=4)
def _completed(
    version: tuple[tuple[str, int], ...],  # noqa: ARG001 - the cache's key
    clicked_name: str,
    dense_name: str,
) -> _Completed:
    """What follows from clicks and pictures, bounds, and why there are none."""
    data = ui.workspace().data
    clicked, dense = (ui.load_dataset(data / name) for name in (clicked_name, dense_name))
    clicked = _unknown(clicked, dense)  # a model that knows the answers would say nothing of others
    done = _looked(clicked, dense)
    try:
        return done, done.bounds(), ""
    except FewmarkError as error:
        return done, None, str(error)


def _looked(clicked: LandmarkDataset, dense: LandmarkDataset) -> CompletedClicks:
    """The clicks completed; by the pictures, too, if these can be read and are not too many."""
    why = f"they are more than {_MOST_LOOKED_AT:,}; the command fewmark complete does it"
    if len(clicked) <= _MOST_LOOKED_AT:
        bar = st.progress(0.0, "Looking at the pictures")

        def told(done: int, total: int | None = None, /) -> None:
            bar.progress(done / total if total else 0.0, "Looking at the pictures")

        try:
            return complete_clicks(clicked, dense, on_progress=told)
        except FileFormatError as error:
            why = str(error)
        finally:
            bar.empty()
    done = complete_clicks(clicked, dense, pictures=False)
    return replace(done, notes=(*done.notes, f"the pictures are not looked at: {why}"))


def _tell(
    clicked: LandmarkDataset,
    completed: LandmarkDataset,
    bounds: CompletionBounds | None,
    problem: str,
) -> None:
    filled = int((completed.shapes.present & ~clicked.shapes.present).sum())
    columns = st.columns(4)
    columns[0].metric("Pictures", f"{len(clicked):,}")
    columns[1].metric("Landmarks filled in", f"{filled:,}")
    if bounds is None:
        st.warning(
            f"How good they are cannot be told: {problem}. Before you keep them, learn from more "
            "dense shapes."
        )
        return
    error = bounds.expected_nme
    columns[2].metric("Error to expect", "-" if np.isnan(error) else f"{error:.2%}")
    within = bounds.median_px
    columns[3].metric("Nine of ten within", "-" if within is None else f"{within:.1f} px")
    st.caption(
        f"Measured on {bounds.n_shapes:,} dense shapes of people that the model had not seen: the "
        f"error in percent of the {span_words(bounds.span)}, over all landmarks, clicks exact; and "
        "within how many pixels the true place lies in nine of ten pictures, on average over the "
        "landmarks (the median of all bounds). Both hold for pictures of the same kind."
    )


def _show_pictures(
    clicked: LandmarkDataset, completed: LandmarkDataset, bounds: CompletionBounds | None
) -> None:
    rows = np.arange(len(clicked))
    left, right = st.columns([3, 1])
    if bounds is not None:
        order = left.segmented_control(
            "Order", _ORDERS, default=_ORDERS[0], required=True, key="complete_order"
        )
        if order == _ORDERS[0]:
            rows = np.argsort(-np.nan_to_num(bounds.score), kind="stable")
    with right:
        part = a_page(rows.tolist(), "complete_page")
    _legend(with_bounds=bounds is not None)
    show_tiles(part, lambda row: _tile(clicked, completed, bounds, row))
    if bounds is not None:
        _tell_doubt(len(clicked))


def _tell_doubt(N: int) -> None:
    tenth, fifth = math.ceil(N / 10), math.ceil(N / 5)
    st.caption(
        "*Doubt* is how unlike the dense shapes the clicks of a picture lie, at most about 1 for "
        "shapes like those: a rare shape, or a slip. Such pictures are completed worse on average. "
        f"The most doubtful tenth are {tenth:,} pictures, a fifth {fifth:,}: {WORTH_A_LOOK}."
    )


def _legend(*, with_bounds: bool) -> None:
    marks = [(TRUE, "clicked"), (PREDICTED, "filled in"), (BOUND, "nine of ten lie within")]
    parts = [
        f"<span style='color:{colour}'>&#9679;</span> {what}"
        for colour, what in marks[: 3 if with_bounds else 2]
    ]
    st.html(" &nbsp; ".join(parts))


def _tile(
    clicked: LandmarkDataset,
    completed: LandmarkDataset,
    bounds: CompletionBounds | None,
    row: int,
) -> None:
    name = str(clicked.samples["shape_id"].iloc[row])
    radius = None if bounds is None else bounds.radius_px[row]
    try:
        tile = comparison_tile(clicked, row, completed.shapes.points[row], within_px=radius)
    except FewmarkError as error:
        st.caption(str(error))
        return
    caption = name if bounds is None else f"{name}: {_doubt(bounds, row)}"
    st.image(tile, caption=caption, width="stretch", alt=f"{name}: clicked and filled in landmarks")


def _doubt(bounds: CompletionBounds, row: int) -> str:
    """The score of a picture and its largest bound, in words."""
    score, radii = bounds.score[row], bounds.radius_px[row]
    told = f"doubt {score:.1f}" if np.isfinite(score) else "too few clicks to doubt"
    return f"{told}, widest circle {np.nanmax(radii):.0f} px" if np.isfinite(radii).any() else told
