"""Command that covers a part of every picture."""

from pathlib import Path
from typing import Any

import click

from datasets.console import PATH, json_option, progress_bar, report
from weaksup.sources_cli import read_split, require_place


@click.command()
@click.argument("source", type=PATH, metavar="DATA")
@click.argument("target", type=PATH, metavar="OUT")
@click.option("--split", metavar="NAME", help="Only the pictures of this split.")
@click.option(
    "--protocol", default="medium", show_default=True, metavar="NAME",
    help="medium (each axis 25 to 50 % of the longer side of the object) or large (50 to 75 %).",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Draws the ellipses."
)
@click.option("--force", is_flag=True, help="Replace what is there already.")
@json_option
def occlude(source: Path, target: Path, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Put a black ellipse of random size and place in every picture of DATA; write OUT.

    OUT is a data set with pictures of its own: infer it, and `fewmark evaluate` has the errors of
    landmarks that are covered apart. How much errors rise by it is told by

        fewmark evaluate FOUND-IN-OUT --truth OUT --against FOUND-IN-DATA --altered
    """
    import numpy as np

    from weaksup.occlusion import occlude as occlude_dataset

    require_place(target, force=options["force"], inputs=(source,))
    dataset = read_split(source, options["split"])
    rng = np.random.default_rng(options["seed"])
    with progress_bar("Covering") as on_progress:
        covered = occlude_dataset(
            dataset, target, options["protocol"], rng, on_progress=on_progress
        )
    hidden = covered.shapes.visibility < dataset.shapes.visibility
    result = {
        "written": str(target),
        "shapes": len(covered),
        "protocol": options["protocol"],
        "seed": options["seed"],
        "covered_landmarks": float(hidden.sum() / max(dataset.shapes.present.sum(), 1)),
    }
    report(result, as_json=as_json)


COMMANDS: list[click.Command] = [occlude]
