"""Commands: affinity of landmarks, choice of the sparse format, budget curve, interpretation."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from datasets.cli import require_free
from datasets.console import json_option, progress_bar, report
from datasets.errors import SelectionError
from datasets.files import replacing

if TYPE_CHECKING:
    from correlation.affinity import AffinityMatrix
    from correlation.comparison import Comparison
    from datasets.dataset import LandmarkDataset
    from datasets.moments import Moments
    from datasets.sources import ShapeSource

_ALIGNMENTS = ("centroid-rms", "box", "procrustes")
_DEFAULT_LARGEST_BUDGET = 30
_BUDGETS = re.compile(r"(?P<first>[0-9]{1,6})(-(?P<last>[0-9]{1,6}))?")

Command = Callable[..., None]

force_option = click.option("--force", is_flag=True, help="Replace the file if it exists.")


def source_options(command: Command) -> Command:
    """DATA and what is taken from it: shared by every command here."""
    for option in (
        click.option(
            "--seed",
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            help="Seed of what is drawn.",
        ),
        click.option("--share", type=float, metavar="S", help="Only a random share, in (0, 1]."),
        click.option("--split", metavar="NAME", help="Only the shapes of this split."),
        click.option(
            "--alignment",
            type=click.Choice(_ALIGNMENTS),
            help="How place and size are taken out; centroid-rms if left out.",
        ),
        click.option("--format", "format_name", metavar="NAME", help="Landmark format of DATA."),
        click.option("--from", "from_type", metavar="TYPE", help="File type of DATA."),
        click.argument("source", type=click.Path(path_type=Path), metavar="DATA"),
    ):
        command = option(command)
    return command


@click.command()
@source_options
@click.option("--dask", metavar="ADDRESS", help="Share the work: tcp://host:8786, with [dask].")
@click.option("--out", type=click.Path(path_type=Path), help="Write it: .npz, or .csv as a table.")
@force_option
@json_option
def affinity(out: Path | None, *, force: bool, as_json: bool, **source: Any) -> None:  # noqa: ANN401
    """How strongly the landmarks of DATA depend on each other.

    DATA is a data set of any file type. Each pair of landmarks uses the shapes that have both.
    A folder of Fewmark's is read part by part: memory does not grow with the number of shapes.
    """
    _require_suffix(out, ".npz", ".csv")
    _require_free(out, force=force)
    matrix = _matrix(**source)
    if out is not None:
        (matrix.save_csv if out.suffix == ".csv" else matrix.save)(out)
    result = {**_about(matrix), "mean_affinity": matrix.mean, "written": _text(out)}
    report(result, as_json=as_json)


@click.command()
@source_options
@click.option("--m", type=int, required=True, help="Number of landmarks to choose.")
@click.option("--include", metavar="NAMES", help="Landmarks that must be chosen, with commas.")
@click.option("--exclude", metavar="NAMES", help="Landmarks that must not be chosen.")
@click.option("--pairs", is_flag=True, help="Choose left and right landmarks together.")
@click.option(
    "--at-least", multiple=True, metavar="PART=K", help="At least K landmarks of a component."
)
@click.option(
    "--cost", multiple=True, metavar="NAME=C", help="What a landmark costs; 1 where not told."
)
@click.option("--most-cost", type=float, metavar="C", help="What all chosen may cost together.")
@click.option("--flip", is_flag=True, help="A landmark also serves as the one it mirrors.")
@click.option("--time-limit", type=float, metavar="S", help="Stop after S seconds, unproven.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the sparse format (.toml).")
@force_option
@json_option
def select(  # noqa: PLR0913 - one parameter an option
    *,
    m: int,
    include: str | None,
    exclude: str | None,
    time_limit: float | None,
    out: Path | None,
    force: bool,
    as_json: bool,
    **more: Any,  # noqa: ANN401
) -> None:
    """Choose the m landmarks of DATA that represent the others best.

    DATA is a data set of any file type, or what `fewmark affinity --out x.npz` wrote. Landmarks
    are given by name or number. With --pairs, --at-least or --most-cost, m is the most.
    """
    from correlation.selection import select as choose

    _require_suffix(out, ".toml")
    _require_free(out, force=force)
    demands = _demands(more)
    matrix = _matrix(**more)
    chosen = choose(matrix, m, _listed(include), _listed(exclude), time_limit, **demands)
    if out is not None:
        chosen.save(out)
    sparse = chosen.sparse
    result = {
        "format": sparse.dense.name,
        "m": len(sparse),
        **chosen.details(),
        "written": _text(out),
    }
    for name in ("together", "at_least", "cost"):  # long, and told by the options
        if not as_json:
            result.pop(name, None)
    if as_json:
        result |= {"chosen": list(sparse.chosen), "represented_by": list(sparse.represented_by)}
    rows = [
        {"index": i, "landmark": name, "represents": sparse.represented_by.count(i)}
        for i, name in zip(sparse.chosen, sparse.names, strict=True)
    ]
    report(result, as_json=as_json, rows=rows)


@click.command()
@source_options
@click.option("--budgets", metavar="LIST", help="Values of m, such as 1-30 or 5,10,19.")
@click.option("--out", type=click.Path(path_type=Path), help="Write it with chosen sets (.csv).")
@force_option
@json_option
def curve(
    budgets: str | None,
    out: Path | None,
    *,
    force: bool,
    as_json: bool,
    **source: Any,  # noqa: ANN401
) -> None:
    """The best guarantee c for every budget m, beside the predefined formats.

    DATA is as for `fewmark select`.
    """
    from correlation.curve import budget_curve
    from correlation.scores import predefined_scores

    _require_suffix(out, ".csv")
    _require_free(out, force=force)
    wanted = None if budgets is None else _numbers(budgets)
    matrix = _matrix(**source)
    known = predefined_scores(matrix)
    if wanted is None:
        largest = min(len(matrix), _DEFAULT_LARGEST_BUDGET)
        wanted = sorted({*range(1, largest + 1), *(len(s.sparse) for s in known.values())})
    with progress_bar("Searching") as on_progress:
        found = budget_curve(matrix, wanted, on_progress, ties=out is not None)
    if out is not None:
        _write_table(out, found.rows())
    rows = [
        {
            "m": len(s.sparse),
            "min_correlation": s.min_correlation,
            "proven": s.proven,
            "predefined": ", ".join(
                f"{name} {other.min_correlation:.4f}"
                for name, other in known.items()
                if len(other.sparse) == len(s.sparse)
            ),
        }
        for s in found.selections
    ]
    report({**_about(matrix), "written": _text(out)}, as_json=as_json, rows=rows)


@click.command()
@source_options
@click.option("--m", type=int, required=True, help="Number of landmarks to choose.")
@click.option("--resamples", type=click.IntRange(min=2), help="Draws; 100, or 20 with --sizes.")
@click.option("--sizes", is_flag=True, help="Ask how many shapes a stable choice needs.")
@json_option
def stability(
    m: int,
    resamples: int | None,
    *,
    sizes: bool,
    as_json: bool,
    **source: Any,  # noqa: ANN401
) -> None:
    """How much the choice of m landmarks owes to the shapes that DATA happens to hold.

    Draws the subjects of DATA again and again (the bootstrap), or its shapes where it names no
    subjects, and tells which landmarks are chosen how often. With --sizes: what sets chosen on
    fewer subjects are worth on all shapes.
    """
    import numpy as np

    from correlation.stability import how_many_shapes
    from correlation.stability import stability as stability_of
    from datasets.io.registry import read

    path, share, rng = source["source"], source["share"], np.random.default_rng(source["seed"])
    data = read(path, source["from_type"], landmark_format=source["format_name"])
    data = data if source["split"] is None else data.split(source["split"])
    data = data if share is None else data.draw(share, rng)
    how: dict[str, Any] = {
        "subjects": list(data.samples["subject"]),
        "alignment": source["alignment"] or _ALIGNMENTS[0],
    }
    about = {"format": data.format.name, "m": m, "alignment": how["alignment"]}
    with progress_bar("Drawing") as how["on_progress"]:
        if sizes:
            rows = how_many_shapes(data.shapes, m, rng, resamples=resamples or 20, **how)
        else:
            found = stability_of(data.shapes, m, rng, resamples=resamples or 100, **how)
            rows = found.rows()
            about |= found.details()
    report(about, as_json=as_json, rows=rows)


def _matrix(
    source: Path,
    alignment: str | None,
    split: str | None,
    *,
    share: float | None,
    seed: int,
    dask: str | None = None,
    **how: Any,  # noqa: ANN401 - format_name and from_type
) -> "AffinityMatrix":
    from correlation.affinity import (
        AffinityMatrix,
        FewmarkWarning,
        affinity_from_moments,
        holds_affinity,
    )

    if holds_affinity(source):
        if share is not None or any((alignment, split, dask, *how.values())):
            problem = f"{source}: an affinity file; its shapes cannot be chosen or aligned anew"
            raise SelectionError(problem)
        matrix = AffinityMatrix.load(source)
    else:
        import numpy as np

        data = _shapes_of(source, dask, **how)
        data = data if split is None else data.split(split)
        if share is not None:
            data = data.draw(share, np.random.default_rng(seed))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FewmarkWarning)  # told below, without a place in code
            moments = _moments(data, alignment or _ALIGNMENTS[0], dask)
            matrix = affinity_from_moments(moments, landmark_format=data.format)
    for text in matrix.cautions:
        click.echo(f"Warning: {text}", err=True)
    return matrix


def _shapes_of(
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


def _about(matrix: "AffinityMatrix") -> dict[str, Any]:
    return {
        "format": matrix.format.name,
        "landmarks": len(matrix),
        "n_shapes": matrix.n_shapes,
        "alignment": matrix.alignment,
    }


def _require_suffix(path: Path | None, *suffixes: str) -> None:
    if path is not None and path.suffix not in suffixes:
        raise click.UsageError(f"--out must end in {' or '.join(suffixes)}, got {path.name!r}")


def _require_free(path: Path | None, *, force: bool) -> None:
    if path is not None:
        require_free(path, force=force)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _listed(names: str | None) -> list[str]:
    return [name.strip() for name in (names or "").split(",") if name.strip()]


def _demands(options: dict[str, Any]) -> dict[str, Any]:
    """Take out of the options what a choice must obey."""
    demands = {name: options.pop(name) for name in ("pairs", "flip")}
    at_least = _assigned("--at-least", options.pop("at_least"))
    fractions = [name for name, value in at_least.items() if value % 1]
    if fractions:
        problem = f"--at-least {fractions[0]}: expected a whole number, got"
        raise click.UsageError(f"{problem} {at_least[fractions[0]]:g}")
    cost, most = _assigned("--cost", options.pop("cost")), options.pop("most_cost")
    if cost and most is None:
        raise click.UsageError("--cost says nothing without --most-cost")
    demands |= {"at_least": {name: int(value) for name, value in at_least.items()}}
    return demands if most is None else {**demands, "cost": cost, "most_cost": most}


def _assigned(option: str, texts: tuple[str, ...]) -> dict[str, float]:
    """Numbers of texts such as ``nose=2``."""
    values = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            values[name.strip()] = float(number)
        except ValueError as error:
            raise click.UsageError(f"{option}: expected NAME=NUMBER, got {text[:40]!r}") from error
    return values


def _numbers(text: str) -> list[int]:
    """Numbers of a list such as ``1-5,10``."""
    numbers: set[int] = set()
    for part in text.split(","):
        found = _BUDGETS.fullmatch(part.strip())
        if found is None:
            problem = f"--budgets must be a list such as 1-30 or 5,10,19, got {text[:40]!r}"
            raise click.UsageError(problem)
        first, last = found["first"], found["last"]
        numbers |= set(range(int(first), int(last or first) + 1))
    if not numbers:
        raise click.UsageError(f"--budgets {text!r} holds no number")
    return sorted(numbers)


def _write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    import pandas as pd

    with replacing(path) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)


@click.command()
@click.argument(
    "sources", nargs=-1, required=True, type=click.Path(path_type=Path),
    metavar="PREDICTED... TRUTH",
)  # fmt: skip
@click.option("--alignment", type=click.Choice(_ALIGNMENTS), help="centroid-rms if left out.")
@click.option("--format", "format_name", metavar="NAME", help="Landmark format of the files.")
@click.option("--split", metavar="NAME", help="Only the shapes of this split of TRUTH.")
@click.option(
    "--top", type=click.IntRange(min=0), default=10, show_default=True,
    help="How many over- and under-correlated pairs to name.",
)  # fmt: skip
@click.option(
    "--bootstrap", type=click.IntRange(min=2), metavar="R",
    help="Add 95 % intervals from R resamples of the subjects.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True,
    help="Seed of --bootstrap.",
)  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), help="Write the errors: .npz or .csv.")
@force_option
@json_option
def compare(
    sources: tuple[Path, ...], *, top: int, out: Path | None, force: bool, as_json: bool,
    **how: Any,  # noqa: ANN401
) -> None:  # fmt: skip
    """What detectors make of the correlations: affinity of PREDICTED minus that of TRUTH.

    Each is a data set of any file type, or what `fewmark affinity --out x.npz` wrote. Data sets
    are compared on the shapes and landmarks that both have. Several PREDICTED are the stages of
    a detector in their order; pairs are then those of the last one.
    """
    from correlation.interpretation import Demand, interpret

    if len(sources) < 2:
        raise click.UsageError("name what was predicted, then the truth: PREDICTED... TRUTH")
    _require_suffix(out, ".npz", ".csv")
    _require_free(out, force=force)
    with progress_bar("Resampling") as on_progress:
        found = interpret(sources[:-1], sources[-1], Demand(**how), on_progress)
    last = found.last
    for text in found.cautions:
        click.echo(f"Warning: {text}", err=True)
    if out is not None:
        (last.save_csv if out.suffix == ".csv" else last.save)(out)
    _report_comparison(last, found.tables(top), written=_text(out), as_json=as_json)


def _report_comparison(
    last: "Comparison", tables: dict[str, list[dict[str, Any]]], *, written: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    about = {
        **_about(last.truth),
        "mean_error": last.mean if len(last.format) > 1 else None,
        "mean_absolute_error": last.mean_absolute if len(last.format) > 1 else None,
        "largest_error": last.largest,
        "written": written,
    }
    if as_json:
        report({**about, **tables}, as_json=True)
        return
    report(about, as_json=False)
    for name, rows in tables.items():
        if rows:
            click.echo(f"\n{name.replace('_', ' ')}:")
            report({}, as_json=False, rows=rows)


COMMANDS: list[click.Command] = [affinity, select, curve, stability, compare]
