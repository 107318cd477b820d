"""The question that every page asks before it writes a data set in the place of another."""

import streamlit as st

from datasets import ui
from datasets.errors import FewmarkError
from datasets.storage import HEADER_FILE


def may_write(name: str, *, over_people: bool) -> bool:
    """Whether the name of a data set is free, or who looks agrees that the old one goes.

    The tick is about this one version of this one data set: it is gone when another name is
    chosen, and when the data set has been replaced. Write with `datasets.shelf.replacing_dataset`.

    Parameters
    ----------
    name
        A good one, see `datasets.ui.is_name`.
    over_people
        Whether one may go whose landmarks no model placed.
    """
    folder = ui.workspace().data / name
    if not folder.exists():
        return True
    try:
        old = ui.load_dataset(folder)
    except FewmarkError as error:
        st.warning(f"{name} is there and cannot be read; choose another name. {error}")
        return False
    lost = f"{int(old.shapes.present.sum()):,} landmarks in {len(old):,} pictures"
    lost += "" if old.inferred else ", which no model placed"
    if not (old.inferred or over_people):
        st.warning(f"The data set {ui.as_text(name)} has {lost}. Choose another name.")
        return False
    version = (folder / HEADER_FILE).stat().st_mtime_ns
    return st.checkbox(
        f"Replace the data set {ui.as_text(name)}: {lost}",
        help="What is replaced goes to the trash; the Data page restores it.",
        key=f"replace.{name}.{version}",
    )
