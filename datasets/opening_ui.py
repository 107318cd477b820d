"""How data sets get into the workspace: forms, and the command that they start."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st

from datasets.browsing import Listing, listing, told_type
from datasets.errors import FewmarkError
from datasets.formats import format_names
from datasets.images import IMAGE_SUFFIXES
from datasets.io.registry import file_types
from datasets.io.samples import is_picture
from datasets.jobs import Job, find_job, start_job
from datasets.roots import may_open, open_roots, require_open
from datasets.shelf import NameTakenError, free_name, require_name
from datasets.storage import HEADER_FILE
from datasets.workspace import Workspace

_AWAITED, _FOLDER, _SOURCE = (f"data.{name}" for name in ("awaited", "folder", "source"))
_AUTOMATIC, _AS_TOLD, _BESIDE = "automatic", "as the file says", "beside the file"
_MOST_ENTRIES = 200
_UPLOADED = ["csv", "npz", "txt", "pts", *sorted(suffix[1:] for suffix in IMAGE_SUFFIXES)]


def open_form(space: Workspace) -> None:
    """Demo faces, files of this computer, or files that are sent."""
    st.header("Open a data set")
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
    roots = open_roots()
    first = Path.cwd() if roots is None else roots[0]
    folder = Path(st.session_state.get(_FOLDER, str(first)))
    _ways(folder, roots)
    try:
        require_open(folder)
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


def _ways(folder: Path, roots: tuple[Path, ...] | None) -> None:
    """Where the user is, the way up, and where else to begin."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Up", icon=":material/arrow_upward:", on_click=_enter, args=(folder.parent,),
                  disabled=folder == folder.parent or not may_open(folder.parent))  # fmt: skip
        for root in (Path.home(),) if roots is None else roots:
            name = "Home" if roots is None else root.name
            st.button(name, icon=":material/home:", key=f"data.root.{root}",
                      on_click=_enter, args=(root,))  # fmt: skip
        st.markdown(f"`{folder}`")


def _entries(found: Listing) -> None:
    with st.container(height=260):
        shown = [path for path in (*found.folders, *found.files) if may_open(path)]
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
    require_open(source)
    told = told_type(source)
    st.markdown(f"Open **{source.name or source}** ({told or 'type not told by the file'})")
    options, name = _reading_options(space, source)
    beside = st.selectbox("Pictures", [_BESIDE, *(path.name for path in found.folders)],
                          key=f"data.pictures.{source}",
                          help="Where the pictures are that the file names.")  # fmt: skip
    if beside != _BESIDE:
        require_open(found.folder / beside)
        options += ["--images", str(found.folder / beside)]
    if st.button("Open it", type="primary", key="data.open"):
        convert(space, source, name, options)


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


def convert(space: Workspace, source: Path, name: str, options: Sequence[str]) -> None:
    """Start `fewmark convert` from a source to a data set of this name, if that is free."""
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
        convert(space, folder if whole else folder / tables[0], name, options)


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


def watch(space: Workspace) -> str | None:
    """Show the command at work, or how the last one ended; the name of what it has just made."""
    job = find_job(_job_folder(space))
    if job is None:
        return None
    if job.running:
        _progress(str(space.root))
        return None
    target = _target(job)
    made = (target / HEADER_FILE).is_file()
    if not made and "Error" in (said := job.last_lines(1)):
        left, right = st.columns([6, 1])
        left.error(f"{target.name} could not be opened. {said.removeprefix('Error: ')}")
        right.button("Dismiss", on_click=_forget, args=(job,))
    if st.session_state.pop(_AWAITED, None) != target.name or not made:
        return None
    st.toast(f"{target.name} is open.", icon=":material/check:")
    return target.name


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
