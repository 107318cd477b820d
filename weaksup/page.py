"""Page "Train": begin a training run, watch it, stop it, take it up again."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from datasets import ui
from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError
from datasets.formats import SparseFormat
from datasets.jobs import start_job
from datasets.storage import SHAPES_FILE
from weaksup import run_shelf
from weaksup.config import TrainingConfig
from weaksup.devices import choose_device, devices
from weaksup.presets import PRESETS, preset
from weaksup.run_folder import RunFolder
from weaksup.runs_ui import show_runs_together
from weaksup.samples import TrainingData
from weaksup.sources import USUAL_SPLIT, Sources
from weaksup.training import require_trainable
from weaksup.ui import attempt, show_problem, show_run

_NEW, _RUNS, _COMPARE = "New run", "Runs", "Compare"
_VIEW = "train.view"
_EVERYTHING = "every shape"
_NONE = "none"
_USUAL_TRAIN_SPLIT = "train"
_ABOUT = {
    "recommended": "minutes on a CPU: one stage, then the other landmarks in closed form",
    "quick": "minutes on a CPU: the three stages in short, AdamW, a quarter of the channels",
    "thesis": "Yan 2020 to the letter: 7,500 epochs of SGD, all channels; a GPU and hours",
    "joint": "minutes on a CPU: everything at once, from mixed batches and mirrored pictures",
    "dense-only": "for comparison: one stage, from the dense images alone",
}


def render() -> None:
    """Show the page."""
    st.title("Train")
    runs = run_shelf.run_names(ui.workspace())
    if _VIEW not in st.session_state:
        st.session_state[_VIEW] = _RUNS if runs else _NEW
    view = st.segmented_control(
        "View", [_NEW, _RUNS, _COMPARE], key=_VIEW, required=True, label_visibility="collapsed"
    )
    show_problem()
    if view == _NEW:
        _new_run()
    elif view == _COMPARE:
        show_runs_together([RunFolder(ui.workspace().runs / name) for name in runs])
    else:
        _show_runs(runs)


# A new run


def _new_run() -> None:
    formats = ui.workspace().format_names()
    if not ui.workspace().dataset_names():
        ui.stop_with_step("There is no data set yet. Open one first.", "data", "Open a data set")
    if not formats:
        ui.stop_with_step(
            "There is no sparse format yet. Choose the landmarks that people mark first.",
            "budget",
            "Choose a sparse format",
        )
    left, right = st.columns([3, 2], gap="large")
    with left:
        sources = _choose_sources(formats)
        config, options = _choose_config()
        name = st.text_input(
            "Name of the run", run_shelf.free_run_name(ui.workspace()), key="train_name"
        )
    with right:
        st.header("What will be trained")
        problem = _summary(sources, config)
        if problem:
            st.warning(problem)
        st.button(
            "Start", type="primary", icon=":material/play_arrow:", disabled=problem is not None,
            on_click=attempt, args=(_start, sources, options, name.strip()), key="train_start",
        )  # fmt: skip
        path = ui.workspace().runs / name.strip()
        command = shlex.join(["fewmark", *_arguments(sources, options, path)])
        with st.expander("The same as a command"):
            st.code(command, language="sh", wrap_lines=True)


def _choose_sources(formats: list[str]) -> Sources:
    workspace = ui.workspace()
    sparse_name = ui.choose("sparse", "Sparse format", formats, "train_sparse")
    sparse_path = workspace.formats / f"{sparse_name}.toml"
    known = _fitting(SparseFormat.load(sparse_path))
    if not known:
        ui.stop_with_step(
            f"No data set has the landmarks of {sparse_name}. Open one that has.",
            "data",
            "Open a data set",
        )
    chosen = st.multiselect(
        "Learn from",
        list(known),
        default=_likely(known),
        key=f"train_data_{sparse_name}",
        help="Shapes with all landmarks are dense, all others sparse. Shapes of one name in "
        "several data sets are joined.",
    )
    split = _choose_split("Split to learn from", [known[n] for n in chosen], _USUAL_TRAIN_SPLIT)
    judges = [name for name, dataset in known.items() if dataset.shapes.complete.any()]
    usual = next((n for n in judges if USUAL_SPLIT in known[n].splits), _NONE)
    options = [_NONE, *judges]
    valid = st.selectbox(
        "Measure on", options, index=options.index(usual), key=f"train_valid_{sparse_name}"
    )
    valid_split = None
    if valid != _NONE:
        valid_split = _choose_split("Split to measure on", [known[valid]], USUAL_SPLIT)
    return Sources(
        tuple(workspace.data / name for name in chosen),
        sparse_path,
        None if valid == _NONE else workspace.data / valid,
        split,
        valid_split,
    )


def _fitting(sparse: SparseFormat) -> dict[str, LandmarkDataset]:
    """Data sets of the workspace with the landmarks of the sparse format's dense one.

    What a model placed is left out: nobody should learn from it by mistake.
    """
    workspace = ui.workspace()
    loaded = {name: ui.load_dataset(workspace.data / name) for name in workspace.dataset_names()}
    landmarks = sparse.dense.landmarks
    fits = {name: d for name, d in loaded.items() if d.format.landmarks == landmarks and len(d)}
    return {name: d for name, d in fits.items() if not d.inferred}


def _likely(known: dict[str, LandmarkDataset]) -> list[str]:
    """Clicked data sets and the smallest dense one, or the one that was looked at last."""
    clicked = [name for name, d in known.items() if not d.shapes.complete.all()]
    dense = sorted((n for n in known if n not in clicked), key=lambda n: (len(known[n]), n))
    if clicked:
        return [*clicked, *dense[:1]]
    last = ui.remembered("dataset", list(known))
    return [last] if last is not None else []


def _choose_split(label: str, chosen: Sequence[LandmarkDataset], usual: str) -> str | None:
    splits = list(dict.fromkeys(name for dataset in chosen for name in dataset.splits))
    if not splits:
        return None
    options = [_EVERYTHING, *splits]
    index = options.index(usual) if usual in options else 0
    # The key holds the options: a choice must not outlive what it was chosen from.
    picked = st.selectbox(label, options, index=index, key=f"{label}{options}")
    return None if picked == _EVERYTHING else str(picked)


def _choose_config() -> tuple[TrainingConfig, list[str]]:
    """The config, and the options of the command that give it."""
    name = st.radio(
        "Preset",
        list(PRESETS),
        captions=[_ABOUT[name] for name in PRESETS],
        key="train_preset",
    )
    with st.expander("More"):
        scale = st.number_input(
            "Length, as a multiple of the preset's epochs", 0.01, 100.0, 1.0, key="train_scale"
        )
        seed = st.number_input("Seed", 0, 2**31 - 1, 0, key="train_seed")
        device = st.selectbox("Device", ["auto", *devices()], key="train_device")
        threads = st.number_input(
            "CPU threads; 0 is half of the cores", 0, 256, 0, key="train_threads"
        )
    config = preset(str(name)).changed(seed=int(seed), device=device, threads=int(threads))
    options = ["--preset", str(name), "--scale", f"{scale:g}", "--seed", str(seed)]
    options += ["--device", str(device), "--threads", str(threads)]
    return config.scaled(float(scale)), options


def _summary(sources: Sources, config: TrainingConfig) -> str | None:
    """Show the numbers of the run to be; what stands in its way, or None."""
    if not sources.data:
        return "Choose at least one data set to learn from."
    try:
        data = _load(sources)
        counted = require_trainable(config, data)
    except FewmarkError as error:
        return str(error)
    n, N = len(data.dense_rows()), len(data.images)
    m, M = len(data.sparse), len(data.sparse.dense)
    first, second = st.columns(2)
    first.metric("Images, N", f"{N:,}")
    second.metric("of them dense, n", f"{n:,}")
    first.metric("Marked, m of M", f"{m} of {M}")
    second.metric("Labels saved", f"{(M - m) * (N - n):,}", help="(M - m)(N - n)")
    if n == N > 0 and m < M:
        st.warning(
            "Every image has all landmarks already, so marking a few of them changes nothing. To "
            "see what few landmarks are worth, learn from a share of the dense images: **Make a "
            "part** on the Data page, then choose that part and the labels here."
        )
    lacking = int((~counted[0].any(dim=1)).sum()) if config.stages[0].images == "all" else 0
    if lacking:
        st.warning(
            f"{lacking:,} of {N:,} images lack the landmarks of this sparse format and are left "
            "out. Is it the format that they were marked with?"
        )
    passes = sum(
        stage.epochs * int(rows.any(dim=1).sum())
        for stage, rows in zip(config.stages, counted, strict=True)
    )
    device = choose_device(config.device, config.precision)
    threads = f"{config.cpu_threads} thread" + ("s" if config.cpu_threads > 1 else "")
    where = f"the CPU, {threads}" if device == "cpu" else f"the GPU ({device})"
    st.caption(
        f"{len(config.stages)} stages, {config.epochs:,} epochs, {passes:,} images passed through "
        f"the network in all. Will use {where}."
    )
    return None


def _load(sources: Sources) -> TrainingData:
    """Load once for every version of the files."""
    paths = [*sources.data, *(p for p in (sources.valid,) if p is not None)]
    files = [path / SHAPES_FILE for path in paths]
    files += [sources.sparse] if sources.sparse is not None else []
    return _load_once(sources, tuple(file.stat().st_mtime_ns for file in files))


@st.cache_resource(show_spinner="Reading labels", max_entries=4)
def _load_once(sources: Sources, stamps: tuple[int, ...]) -> TrainingData:  # noqa: ARG001
    return sources.load()


def _arguments(sources: Sources, options: Sequence[str], path: Path) -> list[str]:
    """The command that trains so: what the button starts, and what people can copy."""
    named = (
        *(("--data", data) for data in sources.data),
        ("--split", sources.split),
        ("--sparse", sources.sparse),
        ("--valid", sources.valid),
        ("--valid-split", sources.valid_split),
    )
    given = [str(part) for name, value in named if value is not None for part in (name, value)]
    return ["train", str(path), *given, *options]


def _start(sources: Sources, options: list[str], name: str) -> None:
    folder = run_shelf.require_run_name(ui.workspace(), name)
    start_job(_arguments(sources, options, folder.path), folder.path)
    ui.remember("run", name)
    st.session_state[_VIEW] = _RUNS


# The runs there are


def _show_runs(names: list[str]) -> None:
    if names:
        name = ui.choose("run", "Run", names, "train_run")
        show_run(RunFolder(ui.workspace().runs / name))
        st.button(
            "Delete this run", icon=":material/delete:", key="train_delete",
            on_click=attempt, args=(run_shelf.throw_away, ui.workspace(), name),
            help="It can be taken back below.",
        )  # fmt: skip
    else:
        st.info("There is no run yet. Begin one under “New run”.")
    gone = run_shelf.thrown_away(ui.workspace())
    if gone:
        with st.expander(f"Deleted runs ({len(gone)})"):
            back = st.selectbox("Deleted run", gone, key="train_gone")
            st.button(
                "Take it back", key="train_back", on_click=attempt,
                args=(run_shelf.take_back, ui.workspace(), back),
            )  # fmt: skip
