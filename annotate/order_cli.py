"""The subcommand `fewmark project order`: which pictures the queue hands out first."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from datasets.console import PATH, json_option, report

if TYPE_CHECKING:
    from datasets.formats import LandmarkFormat
    from datasets.shape_model import ShapeModel


@click.command("order")
@click.argument("store")
@click.argument("name")
@click.option(
    "--scores", type=PATH, metavar="FILE.csv",
    help="Columns image and score: the higher, the sooner. An image is the name of a shape of the "
    "project, or a picture's file name.",
)  # fmt: skip
@click.option(
    "--dense", type=PATH, metavar="DATA",
    help="By how implausible the project's ghosts are beside the complete shapes of this data set.",
)  # fmt: skip
@click.option("--remove", is_flag=True, help="Go back to the project's own order.")
@json_option
def order(
    store: str, name: str, *, scores: Path | None, dense: Path | None, remove: bool, as_json: bool
) -> None:
    """Have the pictures of project NAME handed out in an order: the most uncertain ones first.

    What a reviewer sent back comes before them, pictures without a score after them. Labels are not
    touched.
    """
    from annotate.priority import order_by_ghosts, order_by_scores, read_scores
    from annotate.store import open_store

    if [scores is not None, dense is not None, remove].count(True) != 1:
        raise click.UsageError("expected --scores, --dense or --remove, and one of them alone")
    told = None if scores is None else read_scores(scores)
    with closing(open_store(store, must_exist=True)) as opened:
        project = opened.project(name)
        if remove:
            opened.set_priorities(project, {})
            return report({"project": name, "pictures_with_a_score": 0}, as_json=as_json)
        if told is not None:
            made = order_by_scores(opened, project, told)
        else:
            model = None if dense is None else _model(dense, project.sparse.dense)
            made = order_by_ghosts(opened, project, model)
    result = {"project": name, "pictures_with_a_score": made.pictures, "without": made.without}
    return report({**result, "not_in_project": made.unknown}, as_json=as_json)


def _model(path: Path, expected: "LandmarkFormat") -> "ShapeModel":
    """The shape model of the complete shapes of a data set."""
    from datasets.errors import FileFormatError, ShapeMismatchError
    from datasets.io.registry import read
    from datasets.shape_model import ShapeModel

    shapes = read(path).shapes
    if shapes.format.landmarks != expected.landmarks:
        problem = f"{path}: has landmarks of {shapes.format.name}, the project of {expected.name}"
        raise ShapeMismatchError(problem)
    points = shapes.points[shapes.complete][:, :, :2]
    if len(points) < 2:
        problem = f"{len(points)} of {len(shapes)} shapes have all landmarks; to tell how plausible"
        raise FileFormatError(path, None, f"{problem} ghosts are takes two or more")
    return ShapeModel.fit(points)
