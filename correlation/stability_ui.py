"""What the Budget page tells of stability: what other shapes would have chosen."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from correlation.figures import frequency_on_shape, sizes_figure
from correlation.stability import (
    ENOUGH,
    Stability,
    cautions,
    enough,
    how_many_shapes,
    stability,
)
from correlation.ui import Source
from datasets.errors import FewmarkError
from datasets.ui import decimals

_TABLE_PX = 240


def show_stability(source: Source, m: int) -> None:
    """What of the best m landmarks by smallest affinity is owed to the shapes that are there."""
    st.header("Stability")
    label = "Choose again from other draws of the shapes (takes some seconds)"
    if not st.toggle(label, key="budget-stability"):
        return
    try:
        found, rows = _drawn(source, m)
    except FewmarkError as error:
        st.info(f"How stable the choice is cannot be told: {error}")
        return
    unit = "shapes" if found.n_subjects == found.n_shapes else "subjects"
    for text in cautions(found.n_subjects):
        st.warning(text)
    _told(found, rows, unit)
    left, right = st.columns(2)
    with left:
        st.plotly_chart(frequency_on_shape(source.mean_shape, found), key="budget-frequency")
        st.caption("The bluer and larger, the more draws choose it; rings: what all shapes choose.")
    with right:
        st.plotly_chart(sizes_figure(rows, found.min_correlation, unit), key="budget-sizes")
        st.caption(
            f"Mean c of the sets that n {unit} choose: on those, and on all that are here. "
            "Dashed: the best c of all."
        )
    with left:
        st.dataframe(_frequencies(found), hide_index=True, height=_TABLE_PX)
    with right:
        shown = decimals(3, "c on all", "below the best", "alike (Jaccard)")
        st.dataframe(_sizes(rows, unit), hide_index=True, height=_TABLE_PX, column_config=shown)
    st.caption(
        f"{found.resamples} draws, with replacement, of all {found.n_subjects:,} {unit}; of each n "
        "twenty. Searched by smallest affinity, without the demands "
        "above."
    )


@st.cache_resource(show_spinner=False, max_entries=64)
def _place(
    version: tuple[str, ...],  # noqa: ARG001 - the cache's key
    m: int,  # noqa: ARG001
) -> dict[str, Any]:
    """Where the draws for these shapes and this m are kept.

    They are not drawn in a cached function: one cannot move a progress bar.
    """
    return {}


def _drawn(source: Source, m: int) -> tuple[Stability, list[dict[str, Any]]]:
    kept = _place(source.version, m)
    if "sizes" not in kept:
        shapes = source.dataset.shapes
        how: dict[str, Any] = {
            "subjects": list(source.dataset.samples["subject"]),
            "alignment": source.matrix.alignment or "centroid-rms",
        }
        bar = st.progress(0.0)
        try:
            how["on_progress"] = lambda done, of: bar.progress(done / of / 2, "Drawing shapes")
            kept["choice"] = stability(shapes, m, np.random.default_rng(0), **how)
            how["on_progress"] = lambda done, of: bar.progress((1 + done / of) / 2, "Drawing fewer")
            kept["sizes"] = how_many_shapes(shapes, m, np.random.default_rng(0), **how)
        finally:
            bar.empty()
    return kept["choice"], kept["sizes"]


def _told(found: Stability, rows: list[dict[str, Any]], unit: str) -> None:
    """The three answers in words and numbers."""
    m, n = len(found.chosen), enough(rows)
    shared = 2 * m * found.jaccard / (1 + found.jaccard)
    first, second, third = st.columns(3)
    low, high = found.kept_interval
    first.metric("c on other draws", f"{low:.2f} to {high:.2f}")
    first.caption(
        f"Of the {m} landmarks that all shapes choose by smallest affinity, whatever is demanded, "
        f"in {found.confidence:.0%} of the draws."
    )
    second.metric("The same in two draws", f"{shared:.1f} of {m}")
    second.caption(f"Landmarks that two draws both choose: Jaccard index {found.jaccard:.2f}.")
    third.metric("Dense images needed", "more" if n is None else f"{n:,} {unit}")
    third.caption(
        f"All {found.n_subjects:,} {unit} are too few: what they choose loses {ENOUGH} of c."
        if n is None
        else f"What so many choose loses less than {ENOUGH} of the best c."
    )


def _frequencies(found: Stability) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "landmark": row["landmark"],
            "draws, %": round(100 * row["frequency"]),
            "by all": row["chosen"],
        }
        for row in found.rows()
    )


def _sizes(rows: list[dict[str, Any]], unit: str) -> pd.DataFrame:
    table = pd.DataFrame(rows).rename(
        columns={
            "subjects": f"n, {unit}",
            "min_correlation": "c on all",
            "loss": "below the best",
            "jaccard": "alike (Jaccard)",
        }
    )
    return table[[f"n, {unit}", "c on all", "below the best", "alike (Jaccard)"]]
