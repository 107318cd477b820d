"""Commands about data sets: turn any file type into any other, look into one, make demo faces."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from datasets.console import PATH, SHARE, json_option, progress_bar, report
from datasets.errors import FewmarkError
from datasets.files import is_empty, named_errors

if TYPE_CHECKING:
    from datasets.dataset import LandmarkDataset

_TYPE_HELP = "File type; told from the path if left out. See `fewmark convert --types`."


class PlaceTakenError(FewmarkError):
    """What is to be written exists already."""


def require_free(path: Path, *, force: bool, inputs: Iterable[Path] = ()) -> None:
    """Refuse to write where something is.

    Raises
    ------
    PlaceTakenError
        If there is a file, or a folder with something in it, and not `force`; or if it is one of
        the `inputs`, which are never replaced by what comes of them.
    """
    with named_errors(path, "written"):
        taken = not is_empty(path) if path.is_dir() else path.exists()
        is_input = taken and any(each.exists() and each.samefile(path) for each in inputs)
    if is_input:
        raise PlaceTakenError(f"{path}: this command reads it; name another place for the result")
    if taken and not force:
        raise PlaceTakenError(f"{path}: exists already; --force replaces it")


def _list_types(context: click.Context, _option: click.Parameter, value: bool) -> None:  # noqa: FBT001
    if not value:
        return
    from datasets.io.registry import file_types

    for file_type in file_types():
        only = "" if file_type.write else " (only read)"
        click.echo(f"{file_type.name:14}{file_type.about}{only}")
    context.exit()


@click.command()
@click.argument("source", type=PATH, metavar="SRC")
@click.argument("target", type=PATH, metavar="DST")
@click.option("--from", "from_type", metavar="TYPE", help=_TYPE_HELP)
@click.option("--to", "to_type", metavar="TYPE", help=_TYPE_HELP)
@click.option("--format", "format_name", metavar="NAME", help="Landmark format, e.g. 300w-68.")
@click.option("--images", type=PATH, help="Folder of the pictures.")
@click.option(
    "--hold-out", type=float, metavar="S",
    help="Name a random share of the subjects (or shapes, where there are no subjects) 'valid', "
    "all others 'train'.",
)  # fmt: skip
@click.option("--split", metavar="NAME", help="Only the shapes of this split.")
@click.option("--share", type=SHARE, metavar="S", help="Only a random share of them, in (0, 1].")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True,
    help="Seed of --hold-out and --share.",
)  # fmt: skip
@click.option("--subset", metavar="NAME", help="Only the landmarks of this smaller format.")
@click.option("--prefix", metavar="TEXT", help="Put TEXT before the name of every shape.")
@click.option("--keep", type=PATH, help="Make all landmarks absent but this format's.")
@click.option("--force", is_flag=True, help="Replace DST if it exists.")
@click.option(
    "--types", is_flag=True, is_eager=True, expose_value=False, callback=_list_types,
    help="List the file types and exit.",
)  # fmt: skip
@json_option
def convert(source: Path, target: Path, **options: Any) -> None:  # noqa: ANN401
    """Turn SRC, of any file type, into DST: a data set's folder unless told otherwise."""
    from datasets.io.registry import read, write
    from datasets.io.samples import with_sizes

    require_free(target, force=options["force"], inputs=(source,))
    whole = read(
        source, options["from_type"], landmark_format=options["format_name"],
        images=options["images"],
    )  # fmt: skip
    dataset = _narrowed(whole, options)
    with progress_bar("Reading pictures") as on_progress:
        dataset = with_sizes(dataset, on_progress)
    lost = write(dataset, target, options["to_type"])
    drawn = options["hold_out"] is not None or options["share"] is not None
    result = {
        "written": str(target),
        "shapes": len(dataset),
        "format": dataset.format.name,
        "dense": int(dataset.shapes.complete.sum()),
        "seed": options["seed"] if drawn else None,
        "not_kept": list(lost) or None,
    }
    report(result, as_json=options["as_json"])


def _narrowed(dataset: "LandmarkDataset", options: dict[str, Any]) -> "LandmarkDataset":
    """The part of a data set that the options ask for."""
    import numpy as np

    if options["prefix"]:
        dataset = dataset.prefixed(options["prefix"])
    if options["hold_out"] is not None:
        dataset = dataset.held_out(options["hold_out"], np.random.default_rng(options["seed"]))
    if options["split"] is not None:
        dataset = dataset.split(options["split"])
    if options["share"] is not None:
        dataset = dataset.draw(options["share"], np.random.default_rng(options["seed"]))
    if options["subset"] is not None:
        dataset = subset(dataset, options["subset"])
    if options["keep"] is not None:
        dataset = keep(dataset, options["keep"])
    return dataset


def subset(dataset: "LandmarkDataset", name: str) -> "LandmarkDataset":
    """The landmarks of a smaller format that is part of the data set's.

    Raises
    ------
    ShapeMismatchError
        If it is not known to be part of it.
    """
    from datasets.errors import ShapeMismatchError
    from datasets.formats import index_map, landmark_format, predefined_formats

    target = landmark_format(name)
    indices = index_map(target, dataset.format)
    if indices is None:
        known = ", ".join(predefined_formats(dataset.format)) or "none"
        problem = f"{name} is not known to be part of {dataset.format.name}; known parts: {known}"
        raise ShapeMismatchError(problem)
    return dataset.with_shapes(dataset.shapes.subset(target, indices))


def keep(dataset: "LandmarkDataset", path: Path) -> "LandmarkDataset":
    """The same shapes with only the landmarks of a sparse format present.

    Raises
    ------
    ShapeMismatchError
        If it is a sparse format of another dense one.
    """
    from datasets.errors import ShapeMismatchError
    from datasets.formats import SparseFormat

    sparse = SparseFormat.load(path)
    if sparse.dense.landmarks != dataset.format.landmarks:
        problem = f"{path} chooses from {sparse.dense.name}, the data set has {dataset.format.name}"
        raise ShapeMismatchError(problem)
    return dataset.with_shapes(dataset.shapes.keep(sparse.chosen))


@click.command()
@click.argument("source", type=PATH, metavar="SRC")
@click.option("--from", "from_type", metavar="TYPE", help=_TYPE_HELP)
@click.option("--format", "format_name", metavar="NAME", help="Landmark format, e.g. 300w-68.")
@click.option("--images", type=PATH, help="Folder of the pictures.")
@json_option
def info(
    source: Path, from_type: str | None, format_name: str | None, images: Path | None, *,
    as_json: bool,
) -> None:  # fmt: skip
    """Say what is in SRC, a data set's folder or a file of any type."""
    from datasets.io.registry import read
    from datasets.summary import summary

    dataset = read(source, from_type, landmark_format=format_name, images=images)
    values = summary(dataset).as_table()
    if as_json:
        report(values, as_json=True)
        return
    sizes = [f"{height} x {width}" for height, width in values.pop("sizes_px")]
    values["splits"] = [f"{name} {count}" for name, count in values["splits"].items()]
    values["sizes_px"] = " to ".join(dict.fromkeys(sizes)) or None
    values["splits"] = values["splits"] or None
    report(values, as_json=False)


@click.command()
@click.argument("folder", type=PATH)
@click.option("--count", type=click.IntRange(min=2), default=400, show_default=True, help="Faces.")
@click.option("--size", type=click.IntRange(min=32), default=128, show_default=True, help="Pixels.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the faces.")
@json_option
def faces(folder: Path, *, count: int, size: int, seed: int, as_json: bool) -> None:
    """Draw demo faces with 68 landmarks as a data set in FOLDER, which must be new or empty."""
    from datasets.synthetic import make_demo

    with progress_bar("Drawing faces") as on_progress:
        made = make_demo(folder, n_images=count, size_px=size, seed=seed, on_progress=on_progress)
    result = {"written": str(folder), "shapes": len(made), "format": made.format.name, "seed": seed}
    report(result, as_json=as_json)


COMMANDS: list[click.Command] = [convert, info, faces]
