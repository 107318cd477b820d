"""What the commands here share: DATA with its options, and the affinity that follows."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from datasets.cli import require_free
from datasets.console import PATH, SHARE
from datasets.errors import SelectionError, about

if TYPE_CHECKING:
    from correlation.matrix import AffinityMatrix
    from datasets.dataset import LandmarkDataset
    from datasets.moments import Moments
    from datasets.sources import ShapeSource

ALIGNMENTS = ("centroid-rms", "box", "procrustes")

Command = Callable[..., None]

_NUMBERS = re.compile(r"(?P<first>[0-9]{1,6})(-(?P<last>[0-9]{1,6}))?")

force_option = click.option("--force", is_flag=True, help="Replace the file if it exists.")


def source_options(command: Command) -> Command:
    """DATA, what is taken from it, and how it is aligned: shared by most commands here."""
    alignment = click.option(
        "--alignment",
        type=click.Choice(ALIGNMENTS),
        help="How place and size are taken out; centroid-rms if left out.",
    )
    return alignment(data_options(command))


def data_options(command: Command) -> Command:
    """DATA and what is taken from it."""
    for option in (
        click.option(
            "--seed",
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            help="Seed of what is drawn.",
        ),
        click.option("--share", type=SHARE, metavar="S", help="Only a random share, in (0, 1]."),
        click.option("--split", metavar="NAME", help="Only the shapes of this split."),
        click.option("--format", "format_name", metavar="NAME", help="Landmark format of DATA."),
        click.option("--from", "from_type", metavar="TYPE", help="File type of DATA."),
        click.argument("source", type=PATH, metavar="DATA"),
    ):
        command = option(command)
    return command


def matrix_of(
    source: Path,
    alignment: str | None,
    split: str | None,
    *,
    share: float | None,
    seed: int,
    dask: str | None = None,
    **how: Any,  # noqa: ANN401 - format_name and from_type
) -> "AffinityMatrix":
    """The affinity that the source options ask for; its cautions go to standard error."""
    from correlation.affinity import FewmarkWarning, affinity_from_moments
    from correlation.matrix import AffinityMatrix, holds_affinity

    if holds_affinity(source):
        if share is not None or any((alignment, split, dask, *how.values())):
            problem = f"{source}: an affinity file; its shapes cannot be chosen or aligned anew"
            raise SelectionError(problem)
        matrix = AffinityMatrix.load(source)
    else:
        import numpy as np

        data = shapes_of(source, dask, **how)
        with about(source), warnings.catch_warnings():
            data = data if split is None else data.split(split)
            if share is not None:
                data = data.draw(share, np.random.default_rng(seed))
            warnings.simplefilter("ignore", FewmarkWarning)  # told below, without a place in code
            moments = _moments(data, alignment or ALIGNMENTS[0], dask)
            matrix = affinity_from_moments(moments, landmark_format=data.format)
    for text in matrix.cautions:
        click.echo(f"Warning: {text}", err=True)
    return matrix


def shapes_of(
    source: Path, dask: str | None, format_name: str | None, from_type: str | None
) -> "LandmarkDataset | ShapeSource":
    """The shapes of DATA: to be read part by part where it is a folder of ours."""
    from datasets.io.registry import read
    from datasets.sources import ShapeSource, holds_source

    if holds_source(source) and from_type in (None, "fewmark") and format_name is None:
        return ShapeSource.open(source)
    if dask is not None:
        problem = f"{source}: --dask needs a folder of Fewmark's; `fewmark convert` makes one"
        raise SelectionError(problem)
    return read(source, from_type, landmark_format=format_name)


def _moments(data: "LandmarkDataset | ShapeSource", alignment: str, dask: str | None) -> "Moments":
    from datasets.moments import moments_of
    from datasets.sources import ShapeSource, connected, moments_of_source

    if not isinstance(data, ShapeSource):
        return moments_of([data.shapes], alignment, pass_over=True)
    if dask is None:
        return moments_of_source(data, alignment)
    with connected(dask) as client:
        return moments_of_source(data, alignment, client)


def whole_of(  # noqa: PLR0913 - the options
    needed_by: str,
    source: Path,
    split: str | None,
    *,
    share: float | None,
    seed: int,
    format_name: str | None,
    from_type: str | None,
    **_other: Any,  # noqa: ANN401 - what concerns the affinity alone
) -> "LandmarkDataset":
    """The same shapes as behind `matrix_of`, whole, for what affinities alone do not tell."""
    import numpy as np

    from correlation.matrix import holds_affinity
    from datasets.io.registry import read

    if holds_affinity(source):
        raise SelectionError(f"{source}: an affinity file; {needed_by} needs the shapes")
    data = read(source, from_type, landmark_format=format_name)
    with about(source):
        data = data if split is None else data.split(split)
        return data if share is None else data.draw(share, np.random.default_rng(seed))


def about_matrix(matrix: "AffinityMatrix") -> dict[str, Any]:
    """What every result says of the affinity behind it."""
    return {
        "format": matrix.format.name,
        "landmarks": len(matrix),
        "n_shapes": matrix.n_shapes,
        "alignment": matrix.alignment,
    }


def require_suffix(path: Path | None, *suffixes: str) -> None:
    """Refuse a file to write of another type."""
    if path is not None and path.suffix not in suffixes:
        raise click.UsageError(f"--out must end in {' or '.join(suffixes)}, got {path.name!r}")


def require_free_place(path: Path | None, *, force: bool) -> None:
    """Refuse a file to write that exists, where one is to be written."""
    if path is not None:
        require_free(path, force=force)


def text_of(path: Path | None) -> str | None:
    """A path as text, fit for JSON."""
    return None if path is None else str(path)


class Numbers(click.ParamType[list[int]]):
    """Numbers of a list such as ``1-5,10``, increasing."""

    name = "list"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click has it
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> list[int]:
        """Refuse what is no such list."""
        numbers: set[int] = set()
        for part in str(value).split(","):
            found = _NUMBERS.fullmatch(part.strip())
            if found is None:
                problem = f"expected a list such as 1-30 or 5,10,19, got {str(value)[:40]!r}"
                self.fail(problem, param, ctx)
            first, last = found["first"], found["last"]
            numbers |= set(range(int(first), int(last or first) + 1))
        if not numbers:
            self.fail(f"{value!r} holds no number", param, ctx)
        return sorted(numbers)


def require_within(option: str, numbers: list[int], least: int, most: int) -> None:
    """Refuse numbers of a list that are too small or too large for the data."""
    if wrong := [number for number in numbers if not least <= number <= most]:
        raise click.UsageError(f"{option}: expected numbers of {least} to {most}, got {wrong[0]}")
