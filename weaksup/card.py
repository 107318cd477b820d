"""The card of a run: what its network does, how good it is and what it must be given, in words."""

import shlex
from pathlib import Path
from typing import Any

import pandas as pd

from datasets.files import replacing
from datasets.images import frame_of
from datasets.metrics import BOX
from weaksup.config import TrainingConfig
from weaksup.parts import SECONDARY
from weaksup.run_folder import CARD_FILE, RunFolder

_EXAMPLE = (100.0, 60.0, 180.0, 160.0)


def write_card(folder: RunFolder) -> None:
    """Write the card into the folder of a run that has begun.

    Raises
    ------
    FileFormatError
        If a file of the run is broken, or the card cannot be written.
    """
    text = card_text(folder)
    with replacing(folder.path / CARD_FILE) as path:
        path.write_text(text, encoding="utf-8")


def card_text(folder: RunFolder) -> str:
    """The card as Markdown, made of config, sparse format, state and metrics of the run."""
    state, sparse = folder.state(), folder.sparse
    facts: dict[str, Any] = {} if state is None else dict(state.facts)
    warnings = () if state is None else state.warnings
    M, m = len(sparse.dense), len(sparse)
    parts = {
        "What it learnt from": _learnt_from(folder, facts),
        "How": _how(folder.config, folder.metrics()),
        "How good it is": [*_measured(folder, facts), *(f"Warning: {w}." for w in warnings)],
        "What box to give": _box(folder.config, facts),
        "What it was not tried on": _untried(facts),
        "Licence": [
            "Not stated. Whoever passes the network on says under which licence, with regard to",
            "the pictures it learnt from.",
        ],
        "The same again": _again(folder),
    }
    lines = [
        f"# {folder.name}",
        "",
        f"A network that finds the {M} landmarks of the format {sparse.dense.name} in a picture of",
        f"one object. {_taught_by(folder.config, m, M)}",
    ]
    for heading, body in parts.items():
        lines += ["", f"## {heading}", "", *body]
    return "\n".join(lines) + "\n"


def _taught_by(config: TrainingConfig, m: int, M: int) -> str:
    """Which landmarks were learnt from which images."""
    from_all = {branch for s in config.stages if s.images == "all" for branch in s.loss_on}
    if not from_all:
        return "They were learnt from the images that have all of them."
    if SECONDARY in from_all:
        return "Each was learnt from every image that has it."
    others = f"the other {M - m} from the dense ones"
    return f"{m} of them were learnt from every image that has them, {others}."


def _learnt_from(folder: RunFolder, facts: dict[str, Any]) -> list[str]:
    sources, sparse = folder.sources, folder.sparse
    names = [Path(path).name for path in sources.get("data", [])]
    starts = [Path(sources["start"]).name] if "start" in sources else []
    begun = [f"- Begun with the network of the run {name}" for name in starts]
    split = f", split {sources['split']}" if "split" in sources else ""
    return [
        f"- Data: {', '.join(names) or 'given from Python'}{split}",
        f"- Images: {_of(facts, 'images')}, dense (all {len(sparse.dense)} landmarks): "
        f"{_of(facts, 'dense')}",
        f"- People or other subjects: {facts.get('subjects') or 'not told'}",
        f"- Landmarks of the main branch: {', '.join(sparse.names)}",
        *begun,
    ]


def _how(config: TrainingConfig, metrics: pd.DataFrame) -> list[str]:
    rows = []
    for stage in config.stages:
        mine = metrics[metrics["stage"] == stage.name]
        measured, seconds = mine["valid_nme"].dropna(), float(mine["seconds"].sum())
        nme = None if measured.empty else float(measured.iloc[-1])
        learns = ", ".join(stage.train)
        rows.append(
            f"| {stage.name} | {stage.images} | {learns} | {stage.optimiser} | {stage.loss} "
            f"| {stage.epochs} | {_percent(nme)} | {seconds:.0f} |"
        )
    return [
        f"ResNet-18 with {config.width:g} times its channels, crops of {config.image_size_px} px, "
        f"preset {config.preset}, seed {config.seed}.",
        "",
        "| stage | images | learns | optimiser | loss | epochs | validation NME | s |",
        "|---|---|---|---|---|---|---|---|",
        *rows,
    ]


def _measured(folder: RunFolder, facts: dict[str, Any]) -> list[str]:
    metrics = folder.metrics().dropna(subset=["valid_nme"])
    if metrics.empty:
        return ["It was not measured: there were no validation images."]
    sources, last = folder.sources, metrics.iloc[-1]
    split = f", split {sources['valid_split']}" if "valid_split" in sources else ""
    name = Path(sources["valid"]).name if "valid" in sources else "images given from Python"
    return [
        f"Mean error in percent of {folder.sparse.dense.default_span or BOX}, over "
        f"{_of(facts, 'valid')} validation images ({name}{split}):",
        "",
        f"- all landmarks: {_percent(last['valid_nme'])}",
        f"- those of the main branch: {_percent(last['valid_nme_sparse'])}",
        f"- the mean shape, for comparison: {_percent(facts.get('mean_shape_nme'))}",
    ]


def _box(config: TrainingConfig, facts: dict[str, Any]) -> list[str]:
    frame = frame_of(_EXAMPLE, 480, 640, config.margin)
    x_max, y_max = frame.x_min + frame.side, frame.y_min + frame.side
    edges = ", ".join(f"{edge:g}" for edge in _EXAMPLE)
    longer = max(_EXAMPLE[2] - _EXAMPLE[0], _EXAMPLE[3] - _EXAMPLE[1])
    return [
        f"{_of(facts, 'boxed')} of the {_of(facts, 'images')} training images had a box. The rest "
        "were taken whole: a square of",
        "the longer side around their middle, without margin. Give boxes of the same kind, or "
        "pictures cut in the same way.",
        "",
        "Pixels are counted from the centre of the top-left one, (0, 0), x to the right, y down. A "
        "box is",
        "x_min, y_min, x_max, y_max. The network sees the square around its centre whose side is "
        f"{config.margin:g} times",
        "its longer side; outside the picture it is black. Example: the box "
        f"({edges}) is {longer:g} px at its",
        f"longer side, so the square is {frame.side:g} px, from ({frame.x_min:g}, {frame.y_min:g}) "
        f"to ({x_max:g}, {y_max:g}), and is scaled to {config.image_size_px} px.",
    ]


def _untried(facts: dict[str, Any]) -> list[str]:
    people = facts.get("subjects")
    whom = f"other than the {people} it learnt from" if people else "of any particular group"
    return [
        f"- people or subjects {whom}, beyond the validation images above",
        "- other cameras, poses, lighting, ages and kinds of pictures than those of its data",
        "- boxes drawn by a detector, where the training boxes came from landmarks or by hand",
        "- hidden landmarks: it places every landmark, and does not say which one it cannot see",
    ]


def _again(folder: RunFolder) -> list[str]:
    sources = folder.sources
    if "data" not in sources:
        return ["The run was started from Python, with config.toml and sparse.toml of this folder."]
    words = ["fewmark", "train", "NEW", "--config", "config.toml", "--sparse", "sparse.toml"]
    for path in sources["data"]:
        words += ["--data", Path(path).name]
    for name in ("split", "valid", "valid_split", "start"):
        if name in sources:
            given = Path(sources[name]).name if name in ("valid", "start") else sources[name]
            words += [f"--{name.replace('_', '-')}", given]
    return [
        "In this folder, with the paths of the data put in:",
        "",
        f"    {shlex.join(words)}",
    ]


def _of(facts: dict[str, Any], name: str) -> str:
    return f"{facts[name]:,}" if facts.get(name) is not None else "unknown"


def _percent(share: float | None) -> str:
    return "-" if share is None or pd.isna(share) else f"{100 * share:.2f} %"
