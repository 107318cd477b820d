"""Commands: train a network; and those of the other modules."""

import contextlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from datasets.console import PATH, SHARE, json_option, progress_bar, report
from datasets.progress import ignore_progress
from weaksup import complete_cli, evaluate_cli, export_cli, infer_cli, occlude_cli
from weaksup.experiments.cli import experiment
from weaksup.stopping import stop_on_signals

if TYPE_CHECKING:
    from weaksup.config import TrainingConfig
    from weaksup.run_folder import RunFolder
    from weaksup.sources import Sources

# What a resumed run knows from its folder; giving it again could only contradict.
_SETTLED = (
    "data", "sparse", "split", "valid", "valid_split", "preset", "config_file", "scale", "seed",
    "image_size", "width", "start",
)  # fmt: skip


@click.command()
@click.argument("run", type=PATH)
@click.option("--data", type=PATH, multiple=True, help="Data set to learn from; may be repeated.")
@click.option(
    "--split", metavar="NAME", help="Learn from this split of the data sets that have splits."
)
@click.option("--sparse", type=PATH, help="Sparse format of the main branch.")
@click.option("--valid", type=PATH, help="Data set to measure on while training.")
@click.option("--valid-split", metavar="NAME", help="Its split; left out, 'valid' if it has that.")
@click.option(
    "--preset", metavar="NAME", help="recommended (default), quick, thesis, joint or dense-only."
)
@click.option("--config", "config_file", type=PATH, help="Config file instead of a preset.")
@click.option("--scale", type=float, help="Times all counts of epochs.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of weights, order, augmentation.")
@click.option("--image-size", type=int, metavar="PX", help="Side of the network's crop.")
@click.option("--width", type=SHARE, help="Share of ResNet-18's channels.")
@click.option("--start", type=PATH, metavar="RUN", help="Begin with the network of this run.")
@click.option("--device", help="auto (default), cpu, cuda or mps.")
@click.option("--threads", type=click.IntRange(min=0), help="CPU threads; 0: half of the cores.")
@click.option("--resume", is_flag=True, help="Go on from the run's last checkpoint.")
@click.option("--force", is_flag=True, help="Begin anew in a folder that holds a run.")
@json_option
def train(run: Path, *, as_json: bool, resume: bool, force: bool, **options: Any) -> None:  # noqa: ANN401
    """Train a network into the folder RUN.

    Images with all landmarks are dense, all others sparse. Stage 1 learns the sparse format's
    landmarks from all images. Then the others follow from these as in the dense images (preset
    recommended), or stage 2 learns them from the dense images and stage 3 everything.

    On several GPUs or machines: torchrun --nproc-per-node 4 -m annotate.cli train RUN ...
    """
    from weaksup.ranks import is_first
    from weaksup.run_folder import RunFolder
    from weaksup.training import require_trainable
    from weaksup.training import train as train_run

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it has a word on every GPU
    if resume and force:
        raise click.UsageError("--resume goes on with a run and --force forgets it: give one")
    folder, first = RunFolder(run), is_first()
    if first and folder.exists and not (resume or force):
        problem = f"{run} holds a run already: --resume goes on with it, --force forgets it"
        raise click.ClickException(problem)
    config, sources = _resumed(folder, options) if resume else _begun(options)
    data = sources.load()
    if not resume:
        require_trainable(config, data)  # before anything is forgotten or written
        data.require_pictures()
        if first:
            folder.clear()
            folder.create(config, data.sparse, sources.to_table(run))
    watching = progress_bar("Training") if first else contextlib.nullcontext(ignore_progress)
    with stop_on_signals() as stop, watching as on_progress:
        train_run(config, run, data, on_progress=on_progress, resume=resume, stop=stop)
    if first:
        _report_run(folder, as_json=as_json)


def _begun(options: Mapping[str, Any]) -> "tuple[TrainingConfig, Sources]":
    from weaksup.config import TrainingConfig
    from weaksup.presets import preset
    from weaksup.sources import Sources

    if not options["data"]:
        raise click.UsageError("name at least one data set with --data")
    if options["preset"] and options["config_file"]:
        raise click.UsageError("give --preset or --config, not both")
    begin = options["config_file"]
    config = TrainingConfig.load(begin) if begin else preset(options["preset"] or "recommended")
    config = config.changed(
        seed=options["seed"],
        image_size_px=options["image_size"],
        width=options["width"],
        device=options["device"],
        threads=options["threads"],
    )
    if options["scale"] is not None:
        config = config.scaled(options["scale"])
    paths = {name: options[name] for name in ("sparse", "split", "valid", "valid_split", "start")}
    sources = Sources(tuple(options["data"]), **paths)
    return config, sources


def _resumed(folder: "RunFolder", options: Mapping[str, Any]) -> "tuple[TrainingConfig, Sources]":
    from weaksup.run_folder import SOURCES_FILE
    from weaksup.sources import Sources

    given = [name for name in _SETTLED if options[name] not in (None, ())]
    if given:
        name = {"config_file": "config"}.get(given[0], given[0]).replace("_", "-")
        raise click.UsageError(f"--resume goes on with what the run was told; leave out --{name}")
    config = folder.require().config
    config = config.changed(device=options["device"], threads=options["threads"])
    return config, Sources.from_table(folder.sources, folder.path / SOURCES_FILE)


def _report_run(folder: "RunFolder", *, as_json: bool) -> None:
    from weaksup.run_state import FINISHED

    state = folder.state()
    if state is None or state.status != FINISHED:
        message = "stopped" if state is None else state.message
        raise click.ClickException(f"{message}: fewmark train {folder.path} --resume")
    measured = folder.metrics().dropna(subset=["valid_nme"])
    nme = None if measured.empty else float(measured["valid_nme"].iloc[-1])
    result = {"run": str(folder.path), "status": state.status, "message": state.message}
    known = ("images", "dense", "valid", "mean_shape_nme")
    facts = {name: state.facts[name] for name in known if name in state.facts}
    warnings = {"warnings": list(state.warnings)} if state.warnings else {}
    report({**result, **facts, "valid_nme": nme, **warnings}, as_json=as_json)


COMMANDS: list[click.Command] = [
    train, *infer_cli.COMMANDS, *complete_cli.COMMANDS, *evaluate_cli.COMMANDS,
    *occlude_cli.COMMANDS, *export_cli.COMMANDS, experiment,
]  # fmt: skip
