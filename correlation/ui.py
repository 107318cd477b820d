"""What both pages of this package share: choosing shapes and having their affinity at hand."""

import warnings
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from correlation.affinity import FewmarkWarning, affinity, points_with_pairs
from correlation.matrix import AffinityMatrix
from datasets.alignment import ALIGNMENTS, align, mean_shape
from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError
from datasets.storage import SHAPES_FILE
from datasets.ui import require_dataset, stop_with_step, workspace

ALL = "all"
_USUAL_SPLIT = "train"

_ALIGNMENT_HELP = """
How place and size are taken out of every shape before it is compared; it changes the numbers a lot.

- **centroid-rms**: centre and spread of all landmarks
- **box**: middle and size of the box around them
- **procrustes**: centre, spread and rotation, so that turning the object no longer counts
"""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Shapes that were chosen, with what follows from them.

    Parameters
    ----------
    name, split
        Name of the data set, and of its split or "all".
    dataset
        Its shapes, of the chosen split.
    matrix
        Their affinity.
    mean_shape
        float64 (M, D), aligned.
    version
        Changes whenever anything of this does: a key for caches.
    """

    name: str
    split: str
    dataset: LandmarkDataset
    matrix: AffinityMatrix
    mean_shape: NDArray[np.float64]
    version: tuple[str, ...]

    @property
    def caption(self) -> str:
        """What stands below every figure: which shapes, how many, and how they were aligned."""
        of = "" if self.split == ALL else f", split {self.split}"
        return f"{self.name}{of}: {self.matrix.caption}"


def require_source(key: str) -> Source:
    """Let the user choose data set, split and alignment, or lead to where shapes come from."""
    columns = st.columns(3)
    with columns[0]:
        name, dataset = require_dataset(f"{key}-dataset")
    with columns[1]:
        # What is there to judge on is not looked at unless asked for.
        splits = sorted([ALL, *dataset.splits], key=lambda split: split != _USUAL_SPLIT)
        split = _kept("Split", splits, "fewmark.split", f"{key}-split")
    with columns[2]:
        alignment = _kept(
            "Alignment", list(ALIGNMENTS), "fewmark.alignment", f"{key}-alignment", _ALIGNMENT_HELP
        )
    folder = workspace().data / name
    stamp = (folder / SHAPES_FILE).stat().st_mtime_ns
    version = (str(folder.absolute()), str(stamp), split, alignment)
    part = dataset if split == ALL else dataset.split(split)
    try:
        matrix, mean = _computed(version, part, alignment)
    except FewmarkError as error:
        st.error(str(error))
        stop_with_step(
            "Affinities need shapes that have their landmarks in common. "
            "Choose other shapes above, or open a data set that is annotated densely.",
            "data",
            "Open a data set",
        )
    for text in matrix.cautions:
        st.warning(text)
    if dataset.inferred:
        st.warning("A model placed landmarks here: what they say about correlation, it said.")
    return Source(name, split, part, matrix, mean, version)


@st.cache_data(show_spinner="Computing affinities", max_entries=32)
def _computed(
    version: tuple[str, ...],  # noqa: ARG001 - the cache's key
    _dataset: LandmarkDataset,
    _alignment: str,
) -> tuple[AffinityMatrix, NDArray[np.float64]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewmarkWarning)  # the page shows them
        matrix = affinity(_dataset.shapes, _alignment)
    points = points_with_pairs(_dataset.shapes.points)
    return matrix, mean_shape(align(points, _alignment))


def _kept(label: str, options: list[str], name: str, key: str, about: str | None = None) -> str:
    """A select box whose choice outlives a change of page."""
    before = st.session_state.get(name)
    index = options.index(before) if before in options else 0
    chosen = st.selectbox(label, options, index=index, key=key, help=about)
    st.session_state[name] = chosen
    return str(chosen)
