"""What the pages of this package share: choosing shapes, their affinity, and its heatmap."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from correlation.affinity import FewmarkWarning, affinity, points_with_pairs
from correlation.figures import affinity_heatmap
from correlation.matrix import AffinityMatrix
from datasets.alignment import ALIGNMENTS, align, mean_shape
from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError
from datasets.storage import SHAPES_FILE
from datasets.ui import load_dataset, require_dataset, stop_with_step, workspace

ALL = "all"
_USUAL_SPLIT = "train"
_DOTS_PER_PIXEL = 3  # of a saved figure: enough for print
_MIME = {"csv": "text/csv", "json": "application/json"}

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

    @property
    def file_name(self) -> str:
        """What downloads are called, without a suffix."""
        return f"{self.name}-{self.split}-{self.matrix.alignment}"

    @property
    def cautions(self) -> tuple[str, ...]:
        """Sentences about what makes the affinities doubtful."""
        if not self.dataset.inferred:
            return self.matrix.cautions
        text = "A model placed landmarks here: what they say about correlation, it said."
        return (*self.matrix.cautions, text)


def require_source(key: str) -> Source:
    """Let the user choose data set, split and alignment, or lead to where shapes come from."""
    columns = st.columns(3)
    with columns[0]:
        name, dataset = require_dataset(f"{key}-dataset")
    with columns[1]:
        split = kept("Split", splits_of(dataset), "fewmark.split", f"{key}-split")
    with columns[2]:
        alignment = kept(
            "Alignment", list(ALIGNMENTS), "fewmark.alignment", f"{key}-alignment", _ALIGNMENT_HELP
        )
    try:
        source = source_of(name, split, alignment)
    except FewmarkError as error:
        st.error(str(error))
        stop_with_step(
            "Affinities need shapes that have their landmarks in common. "
            "Choose other shapes above, or open a data set that is annotated densely.",
            "data",
            "Open a data set",
        )
    for text in source.cautions:
        st.warning(text)
    return source


def splits_of(dataset: LandmarkDataset) -> list[str]:
    """The splits to choose from, the usual one first.

    What is there to judge on is not looked at unless asked for.
    """
    return sorted([ALL, *dataset.splits], key=lambda split: split != _USUAL_SPLIT)


def source_of(name: str, split: str, alignment: str) -> Source:
    """The shapes of a data set of the workspace, and their affinity, computed once.

    Raises
    ------
    FewmarkError
        If there are no affinities of these shapes.
    """
    folder = workspace().data / name
    dataset = load_dataset(folder)
    stamp = (folder / SHAPES_FILE).stat().st_mtime_ns
    version = (str(folder.absolute()), str(stamp), split, alignment)
    part = dataset if split == ALL else dataset.split(split)
    matrix, mean = _computed(version, part, alignment)
    return Source(name, split, part, matrix, mean, version)


def kept(
    label: str,
    options: list[str],
    name: str,
    key: str,
    about: str | None = None,
    usual: str | None = None,
) -> str:
    """A select box whose choice outlives a change of page; at first `usual` or the first."""
    before = st.session_state.get(name)
    wanted = before if before in options else usual
    index = options.index(wanted) if wanted in options else 0
    chosen = st.selectbox(label, options, index=index, key=key, help=about)
    if chosen != options[index]:  # what is shown because nothing else was there is no choice
        st.session_state[name] = chosen
    return str(chosen)


def show_heatmap(source: Source, key: str, label: str = "") -> None:
    """The affinities, which shapes they are of, and files of them to take away."""
    file_name = f"affinity-{source.file_name}"
    show_figure(affinity_heatmap(source.matrix), key, file_name)
    st.caption(f"{label}{source.caption}.")
    show_downloads(key, file_name, csv=source.matrix.csv, json=source.matrix.json)


def show_figure(figure: go.Figure, key: str, file_name: str) -> None:
    """A figure with a camera that saves it as it is seen, on the page's own background."""
    figure.update_layout(paper_bgcolor=None, plot_bgcolor=None)  # Streamlit's theme has them
    camera = {"format": "png", "scale": _DOTS_PER_PIXEL, "filename": file_name}
    shown = {"displayModeBar": True, "displaylogo": False, "toImageButtonOptions": camera}
    st.plotly_chart(figure, key=key, config=shown)


def show_downloads(key: str, file_name: str, **writers: Callable[[], str]) -> None:
    """Buttons that save texts, by their suffix; each is written when it is asked for."""
    with st.container(horizontal=True, vertical_alignment="center"):
        for suffix, writer in writers.items():
            st.download_button(
                suffix.upper(),
                writer,
                f"{file_name}.{suffix}",
                _MIME[suffix],
                icon=":material/download:",
                key=f"{key}-{suffix}",
                on_click="ignore",
            )
        st.caption("PNG: the camera above.", width="content")


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
