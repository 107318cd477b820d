"""The end of the Complete page: completed pictures as a data set, as files, and what comes next."""

import functools
import tempfile
from pathlib import Path
from typing import Literal

import streamlit as st

from datasets import ui
from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError
from datasets.replacing_ui import may_write
from datasets.shelf import replacing_dataset
from weaksup.bounds import BOUNDS_FILE, CompletionBounds
from weaksup.clicks import CompletedClicks
from weaksup.ui import as_file

_SAVED = "complete.saved"  # the name and the number of pictures of what was saved last


def keep(done: CompletedClicks, bounds: CompletionBounds | None, clicked_name: str) -> None:
    """Ask under which name to save, and save; without bounds nothing is urged."""
    st.header("Keep")
    wish, key = f"{clicked_name}-completed", f"complete_name_{clicked_name}"
    name = st.text_input("Name of the data set", wish, key=key)
    if not ui.is_name(name):
        st.warning(ui.NAME_RULE)
        return
    locked = not may_write(name, over_people=False)
    with st.container(horizontal=True):
        kind: Literal["primary", "secondary"] = "secondary" if bounds is None else "primary"
        save = st.button("Save", type=kind, disabled=locked, key="complete_save")
        look = st.button(
            "Save and look at them", help=_about_look(bounds), disabled=locked, key="complete_look"
        )
        _downloads(done, bounds, name)
    if (save or look) and not locked and _saved(done, bounds, name):
        st.session_state[_SAVED] = name, len(done.dataset)
        if look:
            _look_at(name)
        st.rerun()  # now there is a data set of this name
    _tell_what_next(name, bounds)


def _about_look(bounds: CompletionBounds | None) -> str:
    which = "all pictures" if bounds is None else "the most doubtful pictures"
    return (
        f"Leads to the annotator: a project of {which}, in which every landmark starts as a ghost."
    )


def _downloads(done: CompletedClicks, bounds: CompletionBounds | None, name: str) -> None:
    stem = file_stem(name, done.dataset)
    for file_type in ("csv", "npz"):
        st.download_button(
            f"Download as {file_type}",
            functools.partial(as_file, done.dataset, file_type),
            file_name=f"{stem}.{file_type}",
            key=f"complete_{file_type}",
        )
    if bounds is not None:
        st.download_button(
            "Bounds, csv",
            functools.partial(_bounds_file, bounds),
            file_name=f"{stem}-bounds.csv",
            help="For every landmark, within how many pixels nine of ten true places lie; 0 where "
            "it was clicked.",
            key="complete_bounds",
        )


def file_stem(name: str, dataset: LandmarkDataset) -> str:
    """A file's name that says of which splits it is, and that a model placed points."""
    splits = "+".join(dataset.splits)
    return "-".join(part for part in (name, splits, "inferred") if part)


def _bounds_file(bounds: CompletionBounds) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        bounds.save(folder)
        return (Path(folder) / BOUNDS_FILE).read_bytes()


def _saved(done: CompletedClicks, bounds: CompletionBounds | None, name: str) -> bool:
    try:
        with replacing_dataset(ui.workspace(), name) as folder:
            done.save(folder)
            if bounds is not None:
                bounds.save(folder)
    except (FewmarkError, OSError) as error:
        st.error(f"It could not be saved: {error}")
        return False
    return True


def _look_at(name: str) -> None:
    ui.remember("completed", name)
    ui.go_to("annotate")


def _tell_what_next(name: str, bounds: CompletionBounds | None) -> None:
    """Where the data set is that was saved last, and what can be done with it."""
    saved, n = st.session_state.get(_SAVED, ("", 0))
    if saved != name or name not in ui.workspace().dataset_names():
        return
    st.success(
        f"{n:,} completed pictures are now the data set **{ui.as_text(name)}**: see the Data page, "
        f"or the folder `data/{name}` of the workspace."
    )
    label = "Look at them" if bounds is None else "Look at the doubtful ones"
    if st.button(label, help=_about_look(bounds), key="complete_look_now"):
        _look_at(name)
    ui.next_step(
        "Next: train a network, for pictures that nobody clicks. It learns from the clicks and the "
        "dense shapes; what was filled in here is no truth to learn from.",
        "train",
        "Train",
    )
