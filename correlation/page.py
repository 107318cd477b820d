"""The Correlation page: which landmarks move together."""

import numpy as np
import pandas as pd
import streamlit as st

from correlation.compare_ui import show_comparison
from correlation.figures import affinity_on_shape
from correlation.matrix import AffinityMatrix
from correlation.ui import Source, require_source, show_heatmap
from datasets.ui import decimals, next_step

_LANDMARK = "correlation-landmark"
_SHAPE = "correlation-shape"
_OTHER = "correlation-other"
_NO_OTHER = "none"
_COMPARE = "correlation-compare"


def render() -> None:
    """Show the affinity matrix, and one landmark's affinities on the mean shape."""
    st.title("Correlation")
    st.markdown(
        "How strongly landmarks depend on each other: 1 means that one follows from the other, "
        "0 that it tells nothing."
    )
    source = require_source("correlation")
    if st.toggle("Compare with another data set, split or alignment", key=_COMPARE):
        show_comparison(source)
    else:
        left, right = st.columns([3, 2])
        with left:
            show_heatmap(source, "correlation-heatmap")
        with right:
            _one_landmark(source)
    next_step(
        "Landmarks that follow from others need not be marked by hand. "
        "See how few are enough, and which.",
        "budget",
        "Choose a budget",
    )


@st.fragment
def _one_landmark(source: Source) -> None:
    names = source.matrix.format.landmarks
    _take_click(names)
    landmark = names.index(
        st.selectbox("Landmark (or click one on the shape)", names, key=_LANDMARK)
    )
    others = [name for i, name in enumerate(names) if i != landmark]
    other = st.selectbox("With", [_NO_OTHER, *others], key=_OTHER)
    figure = affinity_on_shape(
        source.mean_shape,
        source.matrix,
        landmark,
        None if other == _NO_OTHER else names.index(other),
    )
    st.plotly_chart(
        figure, key=_SHAPE, on_select="rerun", selection_mode="points", theme="streamlit"
    )
    st.dataframe(
        _table(source.matrix, landmark),
        hide_index=True,
        height=220,
        column_config=decimals(4, "affinity"),
    )


def _take_click(names: tuple[str, ...]) -> None:
    """Make a landmark that was just clicked the chosen one, before its select box is drawn."""
    selection = st.session_state.get(_SHAPE, {}).get("selection", {})
    clicked = [p.get("customdata") for p in selection.get("points", [])]
    clicked = [c[0] if isinstance(c, list) else c for c in clicked]
    last = st.session_state.get("correlation-clicked")
    if clicked and clicked[0] != last and isinstance(clicked[0], int):
        st.session_state[_LANDMARK] = names[clicked[0] % len(names)]
    st.session_state["correlation-clicked"] = clicked[0] if clicked else None
    if st.session_state.get(_LANDMARK) not in names:  # another data set was chosen
        st.session_state.pop(_LANDMARK, None)
        st.session_state.pop(_OTHER, None)


def _table(matrix: AffinityMatrix, landmark: int) -> pd.DataFrame:
    """The other landmarks by affinity to one, the strongest first."""
    row = np.round(matrix.values[landmark], 4)  # noqa: PD011 - not of pandas
    table = pd.DataFrame({"landmark": matrix.format.landmarks, "affinity": row})
    return table.drop(index=landmark).sort_values("affinity", ascending=False, kind="stable")
