"""The command that writes a trained network as an ONNX file."""

from pathlib import Path

import click

from datasets.cli import require_free
from datasets.console import PATH, json_option, report


@click.command()
@click.argument("run", type=PATH)
@click.argument("target", type=PATH, metavar="OUT.onnx")
@click.option("--force", is_flag=True, help="Replace what is there already.")
@json_option
def onnx(run: Path, target: Path, *, force: bool, as_json: bool) -> None:
    """Write the network of RUN as one file for any program that runs ONNX.

    In go a picture, uint8 (H, W, 3) red green blue, and boxes, float32 (B, 4); out come landmarks,
    float32 (B, M, 2), in pixels of the picture. Crops are cut inside. The file is tried with 1, 2
    and 5 boxes on pictures of the run, and not written where it finds other landmarks.
    """
    from weaksup.export import BATCHES, export

    if target.suffix.lower() != ".onnx":
        raise click.UsageError(f"expected a file that ends in .onnx, got {target}")
    require_free(target, force=force)
    done = export(run, target)
    result = {
        "written": str(target),
        "megabytes": round(target.stat().st_size / 1e6, 2),
        "tried_with_boxes": list(BATCHES),
        "off_px": done.off_px,
        "off_infer_percent": 100 * done.off_infer,
    }
    report(result, as_json=as_json)


COMMANDS: list[click.Command] = [onnx]
