"""Command: compare formats, presets and baselines on the same people."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from datasets.console import PATH, SHARE, json_option, progress_bar, report
from weaksup.stopping import stop_on_signals

if TYPE_CHECKING:
    from weaksup.experiments.folder import Experiment
    from weaksup.experiments.grid import Grid

_LISTS = {
    "ratio": "ratios", "format": "formats", "preset": "presets", "baseline": "baselines",
}  # fmt: skip
_NONE = "none"


@click.command()
@click.argument("out", type=PATH)
@click.option("--config", type=PATH, metavar="GRID", help="Grid to begin with (.toml).")
@click.option("--data", type=PATH, help="Data set whose shapes are complete, with pictures.")
@click.option("--split", metavar="NAME", help="Its split to learn from; left out, 'train'.")
@click.option("--valid", type=PATH, help="Data set of other people to measure on; else the same.")
@click.option("--valid-split", metavar="NAME", help="Its split; left out, 'valid'.")
@click.option("--landmark-format", metavar="NAME", help="That of the data, if files do not tell.")
@click.option("--part", metavar="NAME", help="Use only this part of it, such as 300w-inner-41.")
@click.option("--images", type=click.IntRange(min=0), metavar="N", help="Images to learn from.")
@click.option("--m", type=click.IntRange(min=1), multiple=True, help="Size of sparse formats.")
@click.option(
    "--ratio", type=float, multiple=True, metavar="FLOAT", help="Share of dense images, n / N."
)
@click.option(
    "--format", multiple=True, metavar="NAME|FILE",
    help="k-center, expected-error, worst, random, predefined, one of the catalogue, or a file.",
)  # fmt: skip
@click.option("--preset", multiple=True, metavar="NAME|FILE", help="As for train, or its config.")
@click.option(
    "--baseline", multiple=True, metavar="NAME",
    help="mean-shape, dense-only, full, clicked, completed (all if left out), or none.",
)  # fmt: skip
@click.option("--seeds", type=click.IntRange(min=1), help="How many.")
@click.option("--scale", type=float, help="Times all counts of epochs.")
@click.option("--image-size", type=int, metavar="PX", help="Side of the network's crop.")
@click.option("--width", type=SHARE, help="Share of ResNet-18's channels.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
@click.option(
    "--processes", type=click.IntRange(min=1), help="At a time, one thread each; else all cores."
)
@click.option("--report", "only_report", is_flag=True, help="Train nothing; tell what is there.")
@json_option
def experiment(
    out: Path, *, config: Path | None, only_report: bool, as_json: bool, **options: Any  # noqa: ANN401
) -> None:  # fmt: skip
    """Compare sparse formats, presets and baselines by people not learnt from, in the folder OUT.

    Every option named in the singular may be repeated; each combination becomes a cell, for each
    seed with the same images. What is done stays: the same command, or `fewmark experiment OUT`,
    goes on where it was stopped, and more seeds, formats, sizes or presets only add cells. At the
    end OUT has table.md, table.csv and, for several m, figure.html.
    """
    from weaksup.experiments.folder import Experiment, alone
    from weaksup.experiments.report import short_row, write_report

    failed: dict[str, str] = {}
    if only_report:
        opened = Experiment.load(out)
    else:
        grid = _grid(out, config, options)
        with alone(out):
            opened, failed = _carried_out(out, grid, options)
    cells = opened.cells()
    done = sum(opened.result_file(cell).exists() for cell in cells)
    rows = write_report(opened) if done else []
    if not as_json:
        rows = [short_row(row) for row in rows]
    result = {"experiment": str(out), "cells": len(cells), "done": done, "failed": len(failed)}
    report(result, as_json=as_json, rows=rows)
    for task, reason in failed.items():
        click.echo(f"{task}: {reason}", err=True)
    if failed:
        raise click.ClickException(
            f"{len(failed)} tasks failed; when that is mended, the same command does them"
        )
    if done < len(cells):
        raise click.ClickException(f"{len(cells) - done} cells are left: fewmark experiment {out}")


def _carried_out(
    out: Path, grid: "Grid | None", options: dict[str, Any]
) -> "tuple[Experiment, dict[str, str]]":
    """The experiment, begun or taken up, and what of it failed."""
    from weaksup.experiments.opening import open_experiment
    from weaksup.experiments.work import run_experiment

    opened = open_experiment(out, grid)
    with stop_on_signals() as stop, progress_bar("Comparing") as on_progress:
        failed = run_experiment(
            opened,
            device=options["device"],
            processes=options["processes"] or os.cpu_count() or 1,
            stop=stop,
            on_progress=on_progress,
        )
    return opened, failed


def _grid(out: Path, config: Path | None, options: dict[str, Any]) -> "Grid | None":
    """The grid of a file, of the folder, or none yet, changed by options."""
    from weaksup.experiments.folder import GRID_FILE
    from weaksup.experiments.grid import Grid

    known = {name: options[name] for name in ("split", "valid_split", "landmark_format", "part")}
    known |= {name: options[name] for name in ("images", "m", "seeds", "scale", "width")}
    known |= {name: str(options[name]) for name in ("data", "valid") if options[name] is not None}
    known |= {field: options[name] for name, field in _LISTS.items()}
    known["image_size_px"] = options["image_size"]
    none = known["baselines"] == (_NONE,)
    known["baselines"] = () if none else known["baselines"]
    place = config or (out / GRID_FILE if (out / GRID_FILE).exists() else None)
    if place is None and options["data"] is None:
        raise click.UsageError("name the data with --data, or a grid with --config")
    grid = Grid.load(place) if place is not None else Grid(str(options["data"]))
    grid = grid.changed(**known)
    return grid.without_baselines() if none else grid


COMMANDS: list[click.Command] = [experiment]
