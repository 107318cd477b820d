"""Part of the page "Train": what a new run learns from, and how, before it begins."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from datasets import ui
from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError
from datasets.formats import SparseFormat
from weaksup import run_shelf
from weaksup.config import TrainingConfig
from weaksup.devices import choose_device, devices
from weaksup.known_images import cautions
from weaksup.presets import PRESETS, preset
from weaksup.samples import TrainingData
from weaksup.sources import USUAL_SPLIT, Sources
from weaksup.sources_ui import load_sources
from weaksup.training import require_trainable
from weaksup.ui import attempt

_EVERYTHING = "every shape"
_NONE = "none"
_USUAL_TRAIN_SPLIT = "train"
_FEW_DENSE = 8
_ABOUT = {
    "recommended": "minutes on a CPU: one stage, then the other landmarks in closed form",
    "quick": "minutes on a CPU: the three stages in short, AdamW, a quarter of the channels",
    "thesis": "Yan 2020 to the letter: 7,500 epochs of SGD, all channels; a GPU and hours",
    "joint": "minutes on a CPU: everything at once, from mixed batches and mirrored pictures",
    "dense-only": "for comparison: one stage, from the dense images alone",
}


def choose_new_run(start: Callable[[Sources, list[str], str], None]) -> None:
    """The form of a new run; `start` is called with its data, its options and its name."""
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
        _show_plan(sources, config, options, name.strip(), start)


def _show_plan(
    sources: Sources,
    config: TrainingConfig,
    options: list[str],
    name: str,
    start: Callable[[Sources, list[str], str], None],
) -> None:
    st.header("What will be trained")
    problem = _summary(sources, config)
    if problem:
        st.warning(problem)
    st.button(
        "Start", type="primary", icon=":material/play_arrow:", disabled=problem is not None,
        on_click=attempt, args=(start, sources, options, name), key="train_start",
    )  # fmt: skip
    command = ["fewmark", *arguments(sources, options, ui.workspace().runs / name)]
    with st.expander("The same as a command"):
        st.code(shlex.join(command), language="sh", wrap_lines=True)


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
    valid, valid_split = _choose_valid(known, f"train_valid_{sparse_name}")
    return Sources(
        tuple(workspace.data / name for name in chosen),
        sparse_path,
        None if valid is None else workspace.data / valid,
        split,
        valid_split,
    )


def _choose_valid(known: dict[str, LandmarkDataset], key: str) -> tuple[str | None, str | None]:
    """The data set and the split to measure on, both None for none."""
    judges = [name for name, dataset in known.items() if dataset.shapes.complete.any()]
    usual = next((n for n in judges if USUAL_SPLIT in known[n].splits), _NONE)
    options = [_NONE, *judges]
    valid = str(st.selectbox("Measure on", options, index=options.index(usual), key=key))
    if valid == _NONE:
        return None, None
    return valid, _choose_split("Split to measure on", [known[valid]], USUAL_SPLIT)


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
    """Clicked data sets and the largest dense one that leaves most of their shapes sparse.

    Without clicks, the one that was looked at last.
    """
    clicked = [name for name, d in known.items() if not d.shapes.complete.all()]
    if not clicked:
        last = ui.remembered("dataset", list(known))
        return [last] if last is not None else []
    names = pd.concat([known[name].samples["shape_id"] for name in clicked])
    dense = [name for name in known if name not in clicked]
    fits = [n for n in dense if names.isin(known[n].samples["shape_id"]).mean() <= 0.5]
    largest = sorted(fits, key=lambda n: (-len(known[n]), n))
    smallest = sorted(dense, key=lambda n: (len(known[n]), n))
    return [*clicked, *(largest or smallest)[:1]]


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
            "Length, 0.01 to 100 times the preset's epochs", 0.01, 100.0, 1.0, key="train_scale"
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
        data = load_sources(sources)
        counted = require_trainable(config, data)
    except FewmarkError as error:
        return str(error)
    images = [int(rows.any(dim=1).sum()) for rows in counted]
    _show_counts(data)
    for text in _doubts(data, config, images[0]):
        st.warning(text)
    _show_work(config, images)
    return None


def _show_counts(data: TrainingData) -> None:
    n, N = len(data.dense_rows()), len(data.images)
    m, M = len(data.sparse), len(data.sparse.dense)
    first, second = st.columns(2)
    first.metric("Images, N", f"{N:,}")
    second.metric("of them dense, n", f"{n:,}")
    first.metric("Marked, m of M", f"{m} of {M}")
    second.metric("Labels saved", f"{(M - m) * (N - n):,}", help="(M - m)(N - n)")


def _doubts(data: TrainingData, config: TrainingConfig, used: int) -> list[str]:
    """What speaks against these data, of whose images the first stage uses so many."""
    n, N = len(data.dense_rows()), len(data.images)
    doubts = []
    if n < _FEW_DENSE:
        doubts.append(
            f"Only {n:,} dense images: errors of so few cannot be judged. Learn from at least "
            f"{_FEW_DENSE}."
        )
    if n == N and len(data.sparse) < len(data.sparse.dense):
        doubts.append(
            "Every image has all landmarks already, so marking a few of them changes nothing. To "
            "see what few landmarks are worth, learn from a share of the dense images: **Make a "
            "part** on the Data page, then choose that part and the labels here."
        )
    if config.stages[0].images == "all" and used < N:
        doubts.append(
            f"{N - used:,} of {N:,} images lack the landmarks of this sparse format and are left "
            "out. Is it the format that they were marked with?"
        )
    if data.valid is not None:
        doubts += [f"{text}." for text in cautions(data.valid, data.images, "validation images")]
    return doubts


def _show_work(config: TrainingConfig, images: Sequence[int]) -> None:
    """How much work it is, from the number of images of each stage, and where it is done."""
    passes = sum(s.epochs * count for s, count in zip(config.stages, images, strict=True))
    device = choose_device(config.device, config.precision)
    threads = f"{config.cpu_threads} thread" + ("s" if config.cpu_threads > 1 else "")
    where = f"the CPU, {threads}" if device == "cpu" else f"the GPU ({device})"
    st.caption(
        f"{len(config.stages)} stages, {config.epochs:,} epochs, {passes:,} images passed through "
        f"the network in all. Will use {where}."
    )


def arguments(sources: Sources, options: Sequence[str], path: Path) -> list[str]:
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
