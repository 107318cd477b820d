"""What the pages know of a run's data: read once for every version of the files."""

import contextlib
from dataclasses import replace
from pathlib import Path

import streamlit as st

from datasets import ui
from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError
from datasets.storage import HEADER_FILE, SHAPES_FILE
from weaksup.known_images import cautions
from weaksup.run_folder import SOURCES_FILE, RunFolder
from weaksup.samples import TrainingData
from weaksup.sources import Sources


def load_sources(sources: Sources) -> TrainingData:
    """Everything that a run learns from and is measured on."""
    paths = [*sources.data, *(p for p in (sources.valid, sources.sparse) if p is not None)]
    return _load_once(sources, tuple(_stamp(path) for path in paths))


def learnt_from(run: RunFolder) -> LandmarkDataset | None:
    """What a run learnt from, as it is now; None where that cannot be read any more."""
    try:
        sources = Sources.from_table(run.sources, run.path / SOURCES_FILE)
        return load_sources(replace(sources, valid=None, start=None)).images
    except FewmarkError:
        return None


def warn_of_known(run: RunFolder, judged: LandmarkDataset, prefix: str = "") -> None:
    """Say how many of the judged pictures a run has learnt from."""
    learnt = learnt_from(run)
    if learnt is None:
        st.caption(
            f"{prefix}Whether these pictures were learnt from cannot be told: what the run learnt "
            "from is not known, or cannot be read."
        )
        return
    for text in cautions(judged, learnt, "pictures"):
        st.warning(f"{prefix}{text}.")


def measured_on(run: RunFolder) -> tuple[str, str | None] | None:
    """Name and split of what a run is measured on; None where its folder does not say.

    The split is None where all shapes count, and where the data are gone that would tell.
    """
    try:
        sources = Sources.from_table(run.sources, run.path / SOURCES_FILE)
    except FewmarkError:
        return None
    if sources.valid is None:
        return None
    split = sources.valid_split
    with contextlib.suppress(FewmarkError):  # what is gone has no usual split
        split = sources.split_to_measure(ui.load_dataset(sources.valid))
    return sources.valid.name, split


def is_outdated(prediction: Path, run: RunFolder, data: Path) -> bool:
    """Whether a run or the pictures' data set has changed since the run looked at them."""
    made = (prediction / HEADER_FILE).stat().st_mtime
    files = [p for p in (run.checkpoint, data / SHAPES_FILE) if p.exists()]
    return any(p.stat().st_mtime > made for p in files)


def _stamp(path: Path) -> int:
    shapes = path / SHAPES_FILE
    file = shapes if shapes.exists() else path
    return file.stat().st_mtime_ns if file.exists() else 0


@st.cache_resource(show_spinner="Reading labels", max_entries=4)
def _load_once(sources: Sources, stamps: tuple[int, ...]) -> TrainingData:  # noqa: ARG001
    return sources.load()
