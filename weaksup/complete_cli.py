"""Command: dense landmarks for clicked pictures."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from datasets.console import PATH, json_option, progress_bar, report
from datasets.errors import FewmarkError, FileFormatError, about
from weaksup.sources_cli import require_place

if TYPE_CHECKING:
    from datasets.dataset import LandmarkDataset
    from weaksup.clicks import CompletedClicks


@click.command()
@click.argument("source", type=PATH, metavar="CLICKED")
@click.argument("target", type=PATH, metavar="OUT")
@click.option("--dense", "dense_path", type=PATH, required=True, help="Shapes with all landmarks.")
@click.option("--clicks-only", is_flag=True, help="Do not look at the pictures.")
@click.option("--force", is_flag=True, help="Replace what is there already.")
@json_option
def complete(
    source: Path, target: Path, dense_path: Path, *, as_json: bool, **options: Any  # noqa: ANN401
) -> None:  # fmt: skip
    """Fill in the landmarks that are absent in CLICKED from those that are there; write OUT.

    Clicks stay exactly where they are, and every picture of CLICKED is completed, also those that
    the dense shapes have (the page leaves these out). No network is needed: the rest follows from
    how the landmarks of the dense shapes move together, and from what the pictures show around
    them, where that is found to help. Beside the shapes, bounds.csv tells within how many pixels
    the true places lie in nine of ten pictures, on average over the landmarks, and scores.csv how
    unlikely the clicks of a picture are: those with high scores are worth a look first.
    """
    from weaksup.clicks import complete_clicks

    require_place(target, force=options["force"], inputs=(source, dense_path))
    clicked, dense = _read_both(source, dense_path)
    try:
        with about(source, dense_path), progress_bar("Looking at pictures") as on_progress:
            done = complete_clicks(
                clicked, dense, pictures=not options["clicks_only"], on_progress=on_progress
            )
    except FileFormatError as error:
        raise click.ClickException(f"{error}; --clicks-only does without pictures") from error
    for note in done.notes:
        click.echo(f"Note: {note}", err=True)
    done.save(target)
    present = clicked.shapes.present
    result = {
        "written": str(target),
        "shapes": len(clicked),
        "clicked_landmarks": int(present.sum()),
        "filled_in": int((done.dataset.shapes.present & ~present).sum()),
        "without_any_click": int((~present.any(axis=1)).sum()),
        "moved_by_pictures": done.look.moved,
    }
    report(result | _bounds(done, target), as_json=as_json)


def _read_both(source: Path, dense_path: Path) -> "tuple[LandmarkDataset, LandmarkDataset]":
    """Clicks and dense shapes; either may be a table whose format the other one tells."""
    from datasets.io.registry import read

    dense = read(dense_path)
    try:
        return read(source, landmark_format=dense.format), dense
    except FileFormatError as error:
        try:
            clicked = read(source)
            return clicked, read(dense_path, landmark_format=clicked.format)
        except FileFormatError:
            raise error from None


def _bounds(done: "CompletedClicks", target: Path) -> dict[str, Any]:
    """Write the bounds beside what was completed; what is told of them."""
    try:
        bounds = done.bounds()
    except FewmarkError as error:
        click.echo(f"Note: bounds of the errors cannot be told: {error}", err=True)
        return {}
    bounds.save(target)
    return {
        "confidence": bounds.confidence,
        "median_bound_px": bounds.median_px,
        "expected_nme": None if math.isnan(bounds.expected_nme) else bounds.expected_nme,
        "span": bounds.span,
    }


COMMANDS: list[click.Command] = [complete]
