"""Command: dense landmarks for clicked pictures."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from datasets.cli import require_free
from datasets.console import PATH, json_option, progress_bar, report
from datasets.errors import FileFormatError, ShapeMismatchError, about
from weaksup.sources_cli import read_split

if TYPE_CHECKING:
    from datasets.dataset import LandmarkDataset
    from weaksup.bounds import CompletionBounds
    from weaksup.second_look import SecondLook


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

    Clicks stay exactly where they are. No network is needed: the rest follows from how the
    landmarks of the dense shapes move together, and from what the pictures show around them, where
    that is found to help. Beside the shapes, bounds.csv tells within how many pixels each true
    place lies in nine of ten pictures, and scores.csv how unlikely the clicks of a picture are:
    those with high scores are worth a look first.
    """
    from datasets.io.registry import read
    from weaksup.completion import complete as complete_dataset

    require_free(target, force=options["force"], inputs=(source, dense_path))
    dense = read(dense_path)
    clicked = read_split(source, None, dense.format)
    with about(source, dense_path):
        completed = complete_dataset(clicked, dense)
    look = None if options["clicks_only"] else _second_look(clicked, completed, dense)
    completed = completed if look is None else look.dataset
    bounds = _bounds(clicked, completed, dense, look)
    completed.save(target)
    if bounds is not None:
        bounds.save(target)
    present = clicked.shapes.present
    result = {
        "written": str(target),
        "shapes": len(clicked),
        "clicked_landmarks": int(present.sum()),
        "filled_in": int((completed.shapes.present & ~present).sum()),
        "without_any_click": int((~present.any(axis=1)).sum()),
        "moved_by_pictures": 0 if look is None else look.moved,
    }
    if bounds is not None:
        result |= {"confidence": bounds.confidence, "median_bound_px": bounds.median_px}
        expected = None if math.isnan(bounds.expected_nme) else bounds.expected_nme
        result |= {"expected_nme": expected, "span": bounds.span}
    report(result, as_json=as_json)


def _second_look(
    clicked: "LandmarkDataset", completed: "LandmarkDataset", dense: "LandmarkDataset"
) -> "SecondLook | None":
    from weaksup.second_look import look_again

    try:
        with progress_bar("Looking at pictures") as on_progress:
            look = look_again(clicked, completed, dense, on_progress=on_progress)
    except ShapeMismatchError as error:
        click.echo(f"Note: the pictures are not looked at: {error}", err=True)
    except FileFormatError as error:
        raise click.ClickException(f"{error}; --clicks-only does without pictures") from error
    else:
        _tell_of_stayed(clicked, look)
        return look
    return None


def _tell_of_stayed(clicked: "LandmarkDataset", look: "SecondLook") -> None:
    from weaksup.second_look import MOST_CHOICES

    present = clicked.shapes.present
    stayed = int((present.any(axis=1) & ~present.all(axis=1)).sum()) - look.moved
    if stayed:
        click.echo(
            f"Note: {stayed} shapes are completed by their clicks alone: pictures do not help "
            f"there, or what was clicked is none of the {MOST_CHOICES} most frequent choices.",
            err=True,
        )


def _bounds(
    clicked: "LandmarkDataset", completed: "LandmarkDataset", dense: "LandmarkDataset",
    look: "SecondLook | None",
) -> "CompletionBounds | None":  # fmt: skip
    from weaksup.bounds import completion_bounds

    held_out = {} if look is None else look.held_out
    try:
        return completion_bounds(clicked, completed, dense, held_out=held_out)
    except ShapeMismatchError as error:
        click.echo(f"Note: bounds of the errors cannot be told: {error}", err=True)
    return None


COMMANDS: list[click.Command] = [complete]
