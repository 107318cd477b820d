"""The Data page: the data sets of the workspace, what is in them, and how others get there."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from datasets import ui
from datasets.browsing import Listing, listing, told_type
from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError
from datasets.figures import picture, shape_figure, tile
from datasets.formats import format_names
from datasets.images import IMAGE_SUFFIXES, Image
from datasets.io.registry import file_types
from datasets.io.samples import is_picture
from datasets.jobs import Job, find_job, start_job
from datasets.shelf import (
    NameTakenError,
    free_name,
    rename,
    require_name,
    take_back,
    throw_away,
    thrown_away,
)
from datasets.storage import HEADER_FILE, SHAPES_FILE
from datasets.summary import Summary, summary
from datasets.workspace import Workspace

_CHOICES, _ROW, _AWAITED, _FOLDER, _SOURCE = (
    f"data.{name}" for name in ("choices", "row", "awaited", "folder", "source")
)
_AUTOMATIC, _AS_TOLD, _BESIDE = "automatic", "as the file says", "beside the file"
_ALL = "all"
_TILES, _TILES_A_ROW = 12, 4
_MOST_ENTRIES = 200
_UPLOADED = ["csv", "npz", "txt", "pts", *sorted(suffix[1:] for suffix in IMAGE_SUFFIXES)]


def render() -> None:
    """Draw the page."""
    space = ui.workspace()
    st.title("Data")
    st.markdown("See the pictures and landmarks you have, and open more: any file becomes a "
                "*data set* of this workspace.")  # fmt: skip
    _watch(space)
    names = space.dataset_names()
    if names:
        _chosen(space, names)
    else:
        st.info(
            "There is no data set in this workspace yet. Start with demo faces, or open your own.",
            icon=":material/folder_open:",
        )
    _open(space)
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
    if len(dataset):
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
            _convert(space, space.data / name, new, options)


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
                st.image(_tile(folder, stamp, i), width="stretch")
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


# --- opening more


def _open(space: Workspace) -> None:
    st.subheader("Open a data set")
    demo, files, upload = st.tabs(["Demo faces", "Files on this computer", "Upload"])
    with demo:
        _demo(space)
    with files:
        _browse(space)
    with upload:
        _upload(space)


def _demo(space: Workspace) -> None:
    st.markdown("Faces drawn by the computer, with 68 exact landmarks: the whole job can be tried "
                "on them, and nobody is in the pictures.")  # fmt: skip
    count = st.slider("Faces", 50, 2000, 400, step=50, key="data.demo.count")
    seed = st.number_input("Seed", 0, 9999, 0, help="Another number gives other faces.")
    if st.button("Make demo faces", type="primary", icon=":material/face:"):
        name = free_name(space, "faces")
        _start(space, ["faces", str(space.data / name), "--count", str(count),
                       "--seed", str(int(seed))], name)  # fmt: skip


def _browse(space: Workspace) -> None:
    folder = Path(st.session_state.get(_FOLDER, str(Path.cwd())))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Up", icon=":material/arrow_upward:", on_click=_enter, args=(folder.parent,),
                  disabled=folder == folder.parent)  # fmt: skip
        st.button("Home", icon=":material/home:", on_click=_enter, args=(Path.home(),))
        st.markdown(f"`{folder}`")
    try:
        found = listing(folder)
    except FewmarkError as error:
        st.error(str(error))
        return
    _entries(found)
    source = Path(st.session_state.get(_SOURCE, str(folder)))
    if source != folder or told_type(folder):
        _open_source(space, source, found)
    else:
        st.caption("Go to a folder of pictures or .pts files, or choose a file.")


def _entries(found: Listing) -> None:
    with st.container(height=260):
        shown = [*found.folders, *found.files]
        for path in shown[:_MOST_ENTRIES]:
            inside = path in found.folders
            st.button(
                path.name, key=f"data.entry.{path}", type="tertiary",
                icon=":material/folder:" if inside else ":material/description:",
                on_click=_enter if inside else _take, args=(path,),
            )  # fmt: skip
        if len(shown) > _MOST_ENTRIES:
            rest = len(shown) - _MOST_ENTRIES
            st.caption(f"{rest:,} more are not shown; this folder can be opened as a whole.")
        if not shown:
            st.caption("There is no folder and no file of landmarks in here.")


def _enter(folder: Path) -> None:
    st.session_state[_FOLDER] = str(folder)
    st.session_state.pop(_SOURCE, None)


def _take(path: Path) -> None:
    st.session_state[_SOURCE] = str(path)


def _open_source(space: Workspace, source: Path, found: Listing) -> None:
    told = told_type(source)
    st.markdown(f"Open **{source.name or source}** ({told or 'type not told by the file'})")
    options, name = _reading_options(space, source)
    beside = st.selectbox("Pictures", [_BESIDE, *(path.name for path in found.folders)],
                          key=f"data.pictures.{source}",
                          help="Where the pictures are that the file names.")  # fmt: skip
    if beside != _BESIDE:
        options += ["--images", str(found.folder / beside)]
    if st.button("Open it", type="primary", key="data.open"):
        _convert(space, source, name, options)


def _reading_options(space: Workspace, source: Path) -> tuple[list[str], str]:
    """Options for `fewmark convert`, and the name of the data set to be."""
    columns = st.columns(3)
    with columns[0]:
        wish = source.stem if source.is_file() else source.name
        name = st.text_input("Name", free_name(space, wish), key=f"data.name.{source}")
    with columns[1]:
        types = [_AUTOMATIC, *(file_type.name for file_type in file_types())]
        chosen_type = st.selectbox("File type", types, key=f"data.type.{source}",
                                   help="\n".join(f"- `{t.name}`: {t.about}"
                                                  for t in file_types()))  # fmt: skip
    with columns[2]:
        formats = [_AS_TOLD, *format_names()]
        chosen_format = st.selectbox("Landmark format", formats, key=f"data.format.{source}",
                                     help="Names and order of the landmarks.")  # fmt: skip
    options = []
    if chosen_type != _AUTOMATIC:
        options += ["--from", chosen_type]
    if chosen_format != _AS_TOLD:
        options += ["--format", chosen_format]
    return options, name.strip()


def _convert(space: Workspace, source: Path, name: str, options: Sequence[str]) -> None:
    try:
        target = require_name(space, name)
    except NameTakenError as error:
        st.error(str(error))
        return
    _start(space, ["convert", str(source.absolute()), str(target), *options], name)


def _upload(space: Workspace) -> None:
    st.markdown("A table (csv, npz, WFLW's txt), or .pts files; with pictures, if there are any. "
                "Pictures alone make a data set to be marked.")  # fmt: skip
    given = st.file_uploader("Files", _UPLOADED, accept_multiple_files=True, key="data.upload")
    if not given:
        return
    names = [re.sub(r"[^\w .-]", "_", Path(file.name).name) for file in given]
    tables = [name for name in names if not is_picture(name)]
    whole = not tables or all(name.lower().endswith(".pts") for name in tables)
    if not whole and len(tables) > 1:
        st.error(f"One table at a time, please; these are {len(tables)}: {', '.join(tables)}.")
        return
    wish = Path(tables[0]).stem if tables else "pictures"
    options, name = _reading_options(space, Path(wish))
    if st.button("Open it", type="primary", key="data.open-upload"):
        try:
            require_name(space, name)
        except NameTakenError as error:
            st.error(str(error))
            return
        folder = _kept(
            space, name, {n: file.getvalue() for n, file in zip(names, given, strict=True)}
        )
        _convert(space, folder if whole else folder / tables[0], name, options)


def _kept(space: Workspace, name: str, contents: Mapping[str, bytes]) -> Path:
    """A new folder with the files that were sent; a data set's pictures stay there."""
    uploads = space.root / "uploads"
    uploads.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=uploads, prefix=f"{name}-"))
    for file, content in contents.items():
        (folder / file).write_bytes(content)
    return folder


# --- the command at work


def _job_folder(space: Workspace) -> Path:
    return space.root / ".jobs" / "data"


def _start(space: Workspace, arguments: list[str], name: str) -> None:
    try:
        start_job(arguments, _job_folder(space))
    except FewmarkError as error:
        st.error(str(error))
        return
    st.session_state[_AWAITED] = name
    st.rerun()


def _watch(space: Workspace) -> None:
    """Show the command at work, or how the last one ended."""
    job = find_job(_job_folder(space))
    if job is None:
        return
    if job.running:
        _progress(str(space.root))
        return
    target = _target(job)
    made = (target / HEADER_FILE).is_file()
    if not made and "Error" in (said := job.last_lines(1)):
        left, right = st.columns([6, 1])
        left.error(f"{target.name} could not be opened. {said.removeprefix('Error: ')}")
        right.button("Dismiss", on_click=_forget, args=(job,))
    if st.session_state.pop(_AWAITED, None) == target.name and made:
        _select(target.name)
        st.toast(f"{target.name} is open.", icon=":material/check:")


def _forget(job: Job) -> None:
    for path in job.folder.iterdir():
        path.unlink(missing_ok=True)


def _target(job: Job) -> Path:
    """The data set that the job makes: ``faces FOLDER ...`` or ``convert SRC DST ...``."""
    return Path(job.arguments[1 if job.arguments[0] == "faces" else 2])


@st.fragment(run_every=1.0)
def _progress(root: str) -> None:
    job = find_job(_job_folder(Workspace(Path(root))))
    if job is None or not job.running:
        st.rerun()
    target = _target(job)
    with st.container(border=True):
        if job.arguments[0] == "faces":
            count = int(job.arguments[job.arguments.index("--count") + 1])
            done = sum(1 for _ in target.rglob("*.jpg"))
            st.progress(min(done / count, 1.0), f"Drawing {target.name}: {done} of {count} faces")
        else:
            st.markdown(f":material/hourglass_top: Reading **{Path(job.arguments[1]).name}** ...")
        st.button("Stop", icon=":material/stop:", on_click=job.stop)


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
