"""Commands: affinity of landmarks, its stability, and what detectors make of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from correlation.budget_cli import curve, select
from correlation.plan_cli import plan
from correlation.sources_cli import (
    ALIGNMENTS,
    about_matrix,
    force_option,
    matrix_of,
    require_free_place,
    require_suffix,
    source_options,
    text_of,
    whole_of,
)
from datasets.console import PATH, json_option, progress_bar, report
from datasets.errors import about

if TYPE_CHECKING:
    from correlation.comparison import Comparison


@click.command()
@source_options
@click.option("--dask", metavar="ADDRESS", help="Share the work: tcp://host:8786, with [dask].")
@click.option("--out", type=PATH, help="Write it: .npz; .json; or .csv as a table.")
@force_option
@json_option
def affinity(out: Path | None, *, force: bool, as_json: bool, **source: Any) -> None:  # noqa: ANN401
    """How strongly the landmarks of DATA depend on each other.

    DATA is a data set of any file type. Each pair of landmarks uses the shapes that have both.
    A folder of Fewmark's is read part by part: memory does not grow with the number of shapes.
    """
    require_suffix(out, ".npz", ".json", ".csv")
    require_free_place(out, force=force)
    matrix = matrix_of(**source)
    if out is not None:
        writers = {".csv": matrix.save_csv, ".json": matrix.save_json, ".npz": matrix.save}
        writers[out.suffix](out)
    result = {**about_matrix(matrix), "mean_affinity": matrix.mean, "written": text_of(out)}
    report(result, as_json=as_json)


@click.command()
@source_options
@click.option(
    "--m", type=click.IntRange(min=1), required=True, help="Number of landmarks to choose."
)
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

    from correlation.stability import cautions, enough, how_many_shapes
    from correlation.stability import stability as stability_of

    data, rng = whole_of("stability", **source), np.random.default_rng(source["seed"])
    matrix = matrix_of(**source)
    how: dict[str, Any] = {
        "subjects": list(data.samples["subject"]),
        "alignment": matrix.alignment,
    }
    about_it: dict[str, Any] = {"format": data.format.name, "m": m, "alignment": matrix.alignment}
    with progress_bar("Drawing") as how["on_progress"], about(source["source"]):
        if sizes:
            rows = how_many_shapes(data.shapes, m, rng, resamples=resamples or 20, **how)
            n_subjects, about_it["enough"] = rows[-1]["subjects"], enough(rows)
        else:
            found = stability_of(data.shapes, m, rng, resamples=resamples or 100, **how)
            rows, n_subjects = found.rows(), found.n_subjects
            about_it |= found.details()
    for text in cautions(n_subjects):
        click.echo(f"Warning: {text}", err=True)
    report(about_it, as_json=as_json, rows=rows)


@click.command()
@click.argument(
    "sources", nargs=-1, required=True, type=PATH,
    metavar="PREDICTED... TRUTH",
)  # fmt: skip
@click.option("--alignment", type=click.Choice(ALIGNMENTS), help="centroid-rms if left out.")
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
@click.option("--out", type=PATH, help="Write the errors: .npz or .csv.")
@force_option
@json_option
def compare(
    sources: tuple[Path, ...], *, top: int, out: Path | None, force: bool, as_json: bool,
    **how: Any,  # noqa: ANN401
) -> None:  # fmt: skip
    """What detectors make of the correlations: affinity of PREDICTED minus that of TRUTH.

    Each is a data set of any file type, or what `fewmark affinity --out` wrote as .npz or .json.
    Data sets are compared on the shapes and landmarks that both have. Several PREDICTED are the
    stages of a detector in their order; pairs are then those of the last one.
    """
    from correlation.interpretation import Demand, interpret

    if len(sources) < 2:
        raise click.UsageError("name what was predicted, then the truth: PREDICTED... TRUTH")
    require_suffix(out, ".npz", ".csv")
    require_free_place(out, force=force)
    with progress_bar("Resampling") as on_progress, about(*sources):
        found = interpret(sources[:-1], sources[-1], Demand(**how), on_progress)
    last = found.last
    for text in found.cautions:
        click.echo(f"Warning: {text}", err=True)
    if out is not None:
        (last.save_csv if out.suffix == ".csv" else last.save)(out)
    _report_comparison(last, found.tables(top), written=text_of(out), as_json=as_json)


def _report_comparison(
    last: "Comparison", tables: dict[str, list[dict[str, Any]]], *, written: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    about = {
        **about_matrix(last.truth),
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


COMMANDS: list[click.Command] = [affinity, select, curve, plan, stability, compare]
