"""The Data page: the data sets of the workspace, what is in them, and how others get there."""

from pathlib import Path

import pandas as pd
import streamlit as st

from datasets import ui
from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError
from datasets.figures import picture, shape_figure, tile
from datasets.images import Image
from datasets.opening_ui import convert, open_form, watch
from datasets.roots import may_open
from datasets.shelf import free_name, rename, take_back, throw_away, thrown_away
from datasets.storage import HEADER_FILE, SHAPES_FILE
from datasets.summary import Summary, summary
from datasets.workspace import Workspace

_CHOICES, _ROW = "data.choices", "data.row"
_ALL = "all"
_TILES, _TILES_A_ROW = 12, 4


def render() -> None:
    """Draw the page."""
    space = ui.workspace()
    st.title("Data")
    st.markdown("See the pictures and landmarks you have, and open more: any file becomes a "
                "*data set* of this workspace.")  # fmt: skip
    made = watch(space)
    if made is not None:
        _select(made)
    names = space.dataset_names()
    if names:
        _chosen(space, names)
    else:
        st.info(
            "There is no data set in this workspace yet. Start with demo faces, or open your own.",
            icon=":material/folder_open:",
        )
    open_form(space)
    _trash(space)
    if names:
        text = "Next: see which landmarks tell about which others, and choose the few to mark."
        ui.next_step(text, "correlation", "Correlation of landmarks")


# --- the chosen data set


def _chosen(space: Workspace, names: list[str]) -> None:
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        name = ui.choose("dataset", "Data set", names, f"data.choice.{_choices()}")
    with right, st.container(horizontal=True):
        _part_button(space, name)
        _rename_button(space, name)
        delete = st.button("Delete", icon=":material/delete:", help="It can be restored.")
    if delete:
        try:
            throw_away(space, name)
        except FewmarkError as error:
            st.error(str(error))
        else:
            _select(None)
            st.toast(f"{name} is in the trash; restore it below.", icon=":material/delete:")
            st.rerun()
    folder = space.data / name
    try:
        dataset = ui.load_dataset(folder)
    except FewmarkError as error:
        st.error(f"This data set cannot be read. {error}")
        return
    stamp = _stamp(folder)
    _numbers(_summary(str(folder), stamp))
    if dataset.root is not None and not may_open(dataset.root):
        st.info("Its pictures lie outside the folders that this server shows to a team.")
    elif len(dataset):
        _pictures(dataset, str(folder), stamp)
    with st.expander(f"The {len(dataset.format)} landmarks of {dataset.format.name}"):
        st.dataframe(_landmark_table(dataset), hide_index=True, width="stretch")


def _part_button(space: Workspace, name: str) -> None:
    """A data set made from this one: `fewmark convert` with what it can narrow."""
    try:
        splits = ui.load_dataset(space.data / name).splits
    except FewmarkError:
        return  # what is wrong with it is told below
    with st.popover("Make a part", icon=":material/content_cut:"):
        split = st.selectbox("Split", [_ALL, *splits], key=f"data.part.split.{name}")
        share = st.slider("Random share, %", 1, 100, 10, key=f"data.part.share.{name}",
                          help="Such as the images that will be annotated densely.")  # fmt: skip
        kept = st.selectbox("Landmarks kept", [_ALL, *space.format_names()],
                            key=f"data.part.keep.{name}",
                            help="Of all others the places are taken away.")  # fmt: skip
        held = st.slider("Hold out, %", 0, 50, 0, key=f"data.part.held.{name}",
                         help="Share of the subjects that become split valid.")  # fmt: skip
        free = free_name(space, f"{name}-part")
        new = st.text_input("Name", free, key=f"data.part.name.{free}").strip()
        if st.button("Make it", type="primary", key="data.part.make"):
            options = [] if split == _ALL else ["--split", split]
            options += [] if share == 100 else ["--share", f"{share / 100:g}"]
            options += [] if kept == _ALL else ["--keep", str(space.formats / f"{kept}.toml")]
            options += [] if held == 0 else ["--hold-out", f"{held / 100:g}"]
            convert(space, space.data / name, new, options)


def _rename_button(space: Workspace, name: str) -> None:
    with st.popover("Rename", icon=":material/edit:"):
        new = st.text_input("New name", value=name, key=f"data.new-name.{name}").strip()
        if st.button("Rename it", type="primary", disabled=new == name):
            try:
                rename(space, name, new)
            except FewmarkError as error:
                st.error(str(error))
                return
            _select(new)
            st.rerun()


def _select(name: str | None) -> None:
    """Choose a data set from now on, in a new select box: a browser keeps the choice of an old."""
    ui.remember("dataset", name)
    st.session_state[_CHOICES] = _choices() + 1
    st.session_state.pop(_ROW, None)


def _choices() -> int:
    """How often the page has chosen by itself."""
    return int(st.session_state.get(_CHOICES, 0))


def _stamp(folder: Path) -> int:
    return max((folder / name).stat().st_mtime_ns for name in (SHAPES_FILE, HEADER_FILE))


@st.cache_data(show_spinner=False, ttl=30, max_entries=50)
def _summary(folder: str, stamp: int) -> Summary:  # noqa: ARG001 - a new stamp is a new summary
    return summary(ui.load_dataset(Path(folder)))


@st.cache_data(show_spinner=False, max_entries=2000)
def _tile(folder: str, stamp: int, row: int) -> Image:  # noqa: ARG001
    return tile(ui.load_dataset(Path(folder)), row)


def _numbers(found: Summary) -> None:
    with st.container(horizontal=True):
        st.metric("Shapes", f"{found.shapes:,}", border=True)
        st.metric("Landmarks", found.landmarks, help=f"Format {found.format}", border=True)
        st.metric("Dense", f"{found.dense:,}", help="Shapes with all landmarks.", border=True)
        st.metric("Sparse", f"{found.sparse:,}", help="Shapes with some landmarks.", border=True)
        st.metric("Unmarked", f"{found.empty:,}", help="Shapes with no landmark.", border=True)
        st.metric("Subjects", f"{found.subjects:,}" if found.subjects else "unknown", border=True)
    splits = ", ".join(f"{name} {count:,}" for name, count in found.splits.items())
    sizes = " to ".join(dict.fromkeys(f"{w} x {h} px" for h, w in found.sizes_px))
    parts = (found.format, f"splits: {splits or 'none'}", f"pictures: {found.pictures:,}", sizes)
    st.caption("; ".join(part for part in parts if part))
    if found.missing_pictures:
        st.warning(
            f"{found.missing_pictures:,} of {found.pictures:,} pictures are not there. Shapes can "
            "be studied without, but not trained on: open the data with its folder of pictures."
        )


def _pictures(dataset: LandmarkDataset, folder: str, stamp: int) -> None:
    row = min(int(st.session_state.get(_ROW, 0)), len(dataset) - 1)
    large, small = st.columns([3, 2])
    with large:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("Previous", icon=":material/chevron_left:", on_click=_go, args=(row - 1,),
                      disabled=row == 0)  # fmt: skip
            st.button("Next", icon=":material/chevron_right:", on_click=_go, args=(row + 1,),
                      disabled=row == len(dataset) - 1)  # fmt: skip
            st.markdown(f"{row + 1:,} of {len(dataset):,}: `{dataset.samples['shape_id'][row]}`")
        st.plotly_chart(
            shape_figure(dataset, row), width="stretch", key="data.figure",
            config={"scrollZoom": True, "displayModeBar": False},
        )  # fmt: skip
        _, problem = picture(dataset, row)
        st.caption(
            problem
            or "Point at a landmark for its name, turn the wheel to zoom. "
            "Orange landmarks are occluded."
        )
    with small:
        _grid(dataset, folder, stamp, row)


def _go(row: int) -> None:
    st.session_state[_ROW] = row


def _grid(dataset: LandmarkDataset, folder: str, stamp: int, row: int) -> None:
    """The page of small pictures on which the large one is."""
    start = row - row % _TILES
    rows = range(start, min(start + _TILES, len(dataset)))
    for first in range(0, len(rows), _TILES_A_ROW):
        columns = st.columns(_TILES_A_ROW)
        for column, i in zip(columns, rows[first : first + _TILES_A_ROW], strict=False):
            with column:
                name = str(dataset.samples["shape_id"].iloc[i])
                st.image(_tile(folder, stamp, i), width="stretch", alt=f"Picture {name}")
                st.button(f"{i + 1:,}", key=f"data.tile.{i}", on_click=_go, args=(i,),
                          type="primary" if i == row else "tertiary", width="stretch")  # fmt: skip
    with st.container(horizontal=True):
        st.button("Earlier", on_click=_go, args=(start - _TILES,), disabled=start == 0)
        st.button("Later", on_click=_go, args=(start + _TILES,),
                  disabled=start + _TILES >= len(dataset))  # fmt: skip


def _landmark_table(dataset: LandmarkDataset) -> pd.DataFrame:
    known = dataset.format
    parts = {i: part.name for part in known.components for i in part.indices}
    return pd.DataFrame(
        {
            "number": range(len(known)),
            "name": known.landmarks,
            "part": [parts.get(i) for i in range(len(known))],
            "mirrored": [known.landmarks[i] for i in known.mirror],
            "present in": dataset.shapes.present.sum(axis=0),
        }
    )


# --- the trash


def _trash(space: Workspace) -> None:
    names = thrown_away(space)
    if not names:
        return
    with st.expander(f"Trash ({len(names)})"):
        for name in names:
            with st.container(horizontal=True, vertical_alignment="center"):
                if st.button("Restore", key=f"data.restore.{name}", icon=":material/undo:"):
                    _select(take_back(space, name))
                    st.rerun()
                st.markdown(f"**{name}**")
