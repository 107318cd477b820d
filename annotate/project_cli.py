"""The group `fewmark project`, and its subcommands that make and list projects."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from annotate.agreement_cli import agreement, overlap, timing
from annotate.gold_cli import gold
from annotate.labels_cli import ghosts, import_labels, simulate
from annotate.members_cli import members
from annotate.order_cli import order
from annotate.progress_cli import progress
from annotate.upkeep_cli import back_up, history, restore_store
from datasets.console import PATH, json_option, progress_bar, report
from datasets.errors import ShapeMismatchError

if TYPE_CHECKING:
    from datasets.formats import LandmarkFormat, SparseFormat


@click.group()
def project() -> None:
    """Projects: pictures in which people mark the landmarks of a sparse format.

    STORE is the path of an SQLite file or the URL of a database.
    """


for _command in (
    members, progress, timing, order, gold, overlap, agreement, back_up, restore_store, history,
    simulate, import_labels, ghosts,
):  # fmt: skip
    project.add_command(_command)


@project.command("create")
@click.argument("store")
@click.argument("name")
@click.option("--sparse", type=PATH, required=True, help="Sparse format (TOML): what is marked.")
@click.option(
    "--data", type=PATH, required=True, help="Data set, or folder of pictures, to mark in."
)
@click.option("--split", metavar="NAME", help="Only the pictures of this split.")
@click.option("--unmarked", is_flag=True, help="Only shapes that lack a landmark: not dense ones.")
@click.option(
    "--guide", type=PATH, metavar="DENSE",
    help="Data set whose mean shape guides the annotators; else the complete shapes of --data.",
)  # fmt: skip
@json_option
def create(store: str, name: str, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Make the project NAME in STORE, with one item for every shape of a data set."""
    from annotate.exchange import add_project, mean_guide, new_items, require_project_name
    from annotate.store import open_store
    from datasets.formats import SparseFormat
    from datasets.io.registry import read

    require_project_name(name)
    sparse = SparseFormat.load(options["sparse"])
    whole = read(options["data"], landmark_format=_format_for(options["data"], sparse))
    guides = whole if options["guide"] is None else read(options["guide"])
    dataset = whole.split(options["split"]) if options["split"] else whole
    if options["unmarked"]:
        dataset = dataset.take(~dataset.shapes.complete)
    guide = None
    if guides.format.landmarks == sparse.dense.landmarks:
        guide = mean_guide(guides.shapes)
    elif options["guide"] is not None:
        problem = f"{options['guide']}: has {guides.format.name}, not {sparse.dense.name}"
        raise ShapeMismatchError(problem)
    with progress_bar("Reading pictures") as on_progress:
        items = new_items(sparse, dataset, on_progress)
    with closing(open_store(store)) as opened:  # not before, so that no empty store is left
        made = add_project(opened, name, sparse, items, guide)
    result = {"project": made.name, "store": store, "pictures": len(dataset)}
    report({**result, "landmarks": len(sparse)}, as_json=as_json)


def _format_for(path: Path, sparse: "SparseFormat") -> "LandmarkFormat | None":
    """Only plain pictures are told what landmarks they have; data sets know their own."""
    from datasets.io.registry import type_of

    return sparse.dense if path.exists() and type_of(path).name == "images" else None


@project.command("list")
@click.argument("store")
@json_option
def list_projects(store: str, *, as_json: bool) -> None:
    """How far the projects of STORE are."""
    from annotate.store import open_store

    with closing(open_store(store, must_exist=True)) as opened:
        rows = []
        for found in opened.projects():
            counts = opened.counts(found)
            rows.append(
                {
                    "project": found.name,
                    "landmarks": len(found.sparse),
                    "pictures": counts.total,
                    "done": counts.done,
                    "skipped": counts.skipped,
                    "open": counts.open,
                    "archived": found.archived,
                }
            )
    report({"projects": len(rows)}, as_json=as_json, rows=rows)
