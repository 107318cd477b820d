"""Commands that choose: the sparse format, and the curve over all budgets."""

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from correlation.sources_cli import (
    ALIGNMENTS,
    Numbers,
    about_matrix,
    force_option,
    matrix_of,
    require_free_place,
    require_suffix,
    require_within,
    source_options,
    text_of,
    whole_of,
)
from datasets.console import PATH, Number, json_option, progress_bar, report, status_line
from datasets.errors import FewmarkError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from correlation.curve import BudgetCurve
    from correlation.demands import Demands
    from correlation.error_selection import ErrorSelection
    from correlation.linear_error import ErrorForecast
    from correlation.matrix import AffinityMatrix
    from correlation.selection import Selection
    from datasets.dataset import LandmarkDataset

CRITERIA = ("k-center", "expected-error")

_DEFAULT_LARGEST_BUDGET = 30


@click.command()
@source_options
@click.option(
    "--m", type=click.IntRange(min=1), required=True, help="Number of landmarks to choose."
)
@click.option("--include", metavar="NAMES", help="Landmarks that must be chosen, with commas.")
@click.option("--exclude", metavar="NAMES", help="Landmarks that must not be chosen.")
@click.option("--pairs", is_flag=True, help="Choose left and right landmarks together.")
@click.option(
    "--at-least", multiple=True, metavar="PART=K", help="At least K landmarks of a component."
)
@click.option(
    "--cost", multiple=True, metavar="NAME=C", help="What a landmark costs; 1 where not told."
)
@click.option(
    "--most-cost", type=Number(0, min_open=True), metavar="C",
    help="What all chosen may cost together.",
)  # fmt: skip
@click.option("--flip", is_flag=True, help="A landmark also serves as the one it mirrors.")
@click.option(
    "--criterion", type=click.Choice(CRITERIA), default=CRITERIA[0], show_default=True,
    help="The thesis' smallest affinity c, or the error to expect of all others together.",
)  # fmt: skip
@click.option(
    "--precision", multiple=True, metavar="FILE|NAME=P",
    help="How far clicks scatter, in percent of the span that errors are told in: a csv with the "
    "columns landmark and percent, or NAME=PERCENT; landmarks that are not told scatter as shape "
    "models assume. With --criterion expected-error.",
)  # fmt: skip
@click.option("--no-forecast", is_flag=True, help="Do not measure the error to expect.")
@click.option("--time-limit", type=Number(0), metavar="S", help="Stop after S seconds, unproven.")
@click.option("--out", type=PATH, help="Write the sparse format (.toml).")
@force_option
@json_option
def select(  # noqa: PLR0913 - one parameter an option
    *,
    m: int,
    include: str | None,
    exclude: str | None,
    criterion: str,
    no_forecast: bool,
    precision: tuple[str, ...],
    time_limit: float | None,
    out: Path | None,
    force: bool,
    as_json: bool,
    **more: Any,  # noqa: ANN401
) -> None:
    """Choose the m landmarks of DATA that represent the others best.

    DATA is a data set of any file type, or what `fewmark affinity --out` wrote as .npz or .json.
    Landmarks are given by name or number. With --pairs, --at-least or --most-cost, m is the most.
    """
    from correlation.demands import demands_of
    from correlation.error_selection import select_for_error
    from correlation.selection import require_possible

    require_suffix(out, ".toml")
    require_free_place(out, force=force)
    demands = {**_demands(more), "include": _listed(include), "exclude": _listed(exclude)}
    by_error = criterion != CRITERIA[0]
    if by_error and demands["flip"]:
        raise click.UsageError("--flip is about affinities: it goes with --criterion k-center")
    if precision and not by_error:
        raise click.UsageError("--precision goes with --criterion expected-error")
    whole = whole_of("the expected error", **more) if by_error else None
    data = _known_shapes(more, unasked=no_forecast) if whole is None else whole
    matrix = matrix_of(**more)
    flip = demands.pop("flip", False)
    asked = demands_of(matrix.format, **demands)
    require_possible(matrix.format, m, asked)  # before anything takes long
    noise = _noise(precision, whole) if whole is not None and precision else None
    forecast = None if no_forecast else _forecast(data, more["seed"])
    chosen: Selection | ErrorSelection
    if whole is not None:
        chosen = select_for_error(
            whole.shapes, m, asked, affinity=matrix, forecast=forecast, noise=noise
        )
    else:
        chosen = _by_affinity(matrix, m, asked, time_limit, forecast, flip=flip)
    if out is not None:
        chosen.save(out)
    sparse = chosen.sparse
    result = {
        "format": sparse.dense.name,
        "m": len(sparse),
        **chosen.details(),
        "written": text_of(out),
    }
    for name in ("together", "at_least", "cost", "expected_errors"):  # long, or told by options
        if not as_json:
            result.pop(name, None)
    if as_json:
        result |= {"chosen": list(sparse.chosen), "represented_by": list(sparse.represented_by)}
    rows = [
        {"index": i, "landmark": name, "represents": sparse.represented_by.count(i)}
        for i, name in zip(sparse.chosen, sparse.names, strict=True)
    ]
    report(result, as_json=as_json, rows=rows)


def _by_affinity(
    matrix: "AffinityMatrix",
    m: int,
    demands: "Demands",
    time_limit: float | None,
    forecast: "ErrorForecast | None",
    *,
    flip: bool,
) -> "Selection":
    from correlation.selection import search

    with status_line("Searching") as tell:
        chosen = search(
            matrix,
            m,
            demands,
            time_limit_s=time_limit,
            flip=flip,
            explain=True,
            on_bounds=lambda low, high: tell(f"c is {low:.4f} at least, {high:.4f} at most"),
        )
    if forecast is None:
        return chosen
    return replace(chosen, expected=forecast.of(chosen.sparse.chosen))


def _noise(texts: tuple[str, ...], data: "LandmarkDataset") -> "NDArray[np.float64]":
    """How far clicks scatter, of files and then of what is told by name."""
    from correlation.clicks import noise_of, read_noise, usual_noise

    told: dict[int | str, float] = {}
    for text in texts:
        if "=" not in text:
            told |= read_noise(Path(text), data.format)
    named = _assigned("--precision", tuple(text for text in texts if "=" in text))
    told |= {name: percent / 100 for name, percent in named.items()}
    if not told:
        raise click.UsageError("--precision tells of no landmark")
    usual = f"{100 * usual_noise(data.shapes):.2f}"
    click.echo(f"Note: errors are of clicks that scatter, by {usual} % where not told.", err=True)
    return noise_of(data.shapes, told)


def _known_shapes(source: dict[str, Any], *, unasked: bool) -> "LandmarkDataset | None":
    """The shapes for the forecast, where it is asked and DATA has any."""
    from correlation.matrix import holds_affinity

    return None if unasked or holds_affinity(source["source"]) else whole_of("", **source)


def _forecast(data: "LandmarkDataset | None", seed: int) -> "ErrorForecast | None":
    """What measures the error to expect; None, and a line that says why, where it cannot."""
    from correlation.error_selection import forecast_of

    if data is None:
        return None
    try:
        return forecast_of(data.shapes, data.samples["subject"], seed)
    except FewmarkError as error:
        click.echo(f"Note: the error to expect cannot be measured: {error}", err=True)
        return None


@click.command()
@source_options
@click.option(
    "--budgets", type=Numbers(), metavar="LIST", help="Values of m, such as 1-30 or 5,10,19."
)
@click.option(
    "--resamples", type=click.IntRange(min=2), metavar="B",
    help="Add mean and spread of c over B draws of the subjects; the thesis takes 10.",
)  # fmt: skip
@click.option("--expected", is_flag=True, help="Add the error to expect, by both criteria.")
@click.option("--out", type=PATH, help="Write it with chosen sets (.csv).")
@force_option
@json_option
def curve(
    budgets: list[int] | None,
    out: Path | None,
    *,
    resamples: int | None,
    expected: bool,
    force: bool,
    as_json: bool,
    **source: Any,  # noqa: ANN401
) -> None:
    """The best c, the smallest affinity, for every budget m, beside the predefined formats.

    DATA is as for `fewmark select`. A budget pays where no mixture of a smaller and a larger one
    of those listed gives as much c. The smallest error of a budget is searched from the choice of
    the listed one before, too: with other budgets it can differ in the last digits.
    """
    import pandas as pd

    from correlation.curve import budget_curve
    from correlation.scores import predefined_scores
    from datasets.io.writing import write_table

    require_suffix(out, ".csv")
    require_free_place(out, force=force)
    matrix = matrix_of(**source)
    require_within("--budgets", budgets or [], 1, len(matrix))
    known = predefined_scores(matrix)
    if budgets is None:
        largest = min(len(matrix), _DEFAULT_LARGEST_BUDGET)
        budgets = sorted({*range(1, largest + 1), *(len(s.sparse) for s in known.values())})
    with progress_bar("Searching") as on_progress:
        found = budget_curve(matrix, budgets, on_progress, ties=expected or out is not None)
    if out is not None:
        write_table(out, pd.DataFrame(found.rows()))
    more = [_spread(source, found.budgets, resamples), _errors(source, found, asked=expected)]
    rows = [
        {
            "m": len(s.sparse),
            "min_correlation": s.min_correlation,
            "proven": s.proven,
            "pays": "yes" if len(s.sparse) in found.worthwhile else "",
            **{name: values[i] for columns in more for name, values in columns.items()},
            "predefined": ", ".join(
                f"{name} {other.min_correlation:.4f}"
                for name, other in known.items()
                if len(other.sparse) == len(s.sparse)
            ),
        }
        for i, s in enumerate(found.selections)
    ]
    report({**about_matrix(matrix), "written": text_of(out)}, as_json=as_json, rows=rows)


def _spread(
    source: dict[str, Any], budgets: tuple[int, ...], resamples: int | None
) -> dict[str, list[float]]:
    """Columns of the curve: mean and spread of c over resamples, where they are asked."""
    if resamples is None:
        return {}
    import numpy as np

    from correlation.stability import curve_spread

    data = whole_of("--resamples", **source)
    with progress_bar("Drawing") as on_progress:
        spread = curve_spread(
            data.shapes,
            budgets,
            np.random.default_rng(source["seed"]),
            subjects=list(data.samples["subject"]),
            alignment=source["alignment"] or ALIGNMENTS[0],
            resamples=resamples,
            on_progress=on_progress,
        )
    return {"resampled": spread.mean.tolist(), "deviation": spread.deviation.tolist()}


def _errors(source: dict[str, Any], found: "BudgetCurve", *, asked: bool) -> dict[str, list[float]]:
    """Columns of the curve: the error to expect of its sets, and of those with the least."""
    if not asked:
        return {}
    from correlation.error_selection import forecast_of
    from correlation.residual_variance import variance_curve
    from datasets.shape_model import ShapeModel

    data = whole_of("--expected", **source)
    forecast = forecast_of(data.shapes, data.samples["subject"], source["seed"])
    model = ShapeModel.fit(data.shapes.take(data.shapes.complete))
    with progress_bar("Searching the smallest error") as on_progress:
        least = variance_curve(model, found.budgets, on_progress=on_progress)
    return {
        "expected_nme": [forecast.of(s.sparse.chosen).nme for s in found.selections],
        "smallest_nme": [forecast.of(choice.chosen).nme for choice in least],
    }


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
    if wrong := [name for name, value in cost.items() if not 0 <= value < math.inf]:
        problem = f"--cost {wrong[0]}: expected a finite number, 0 at least, got"
        raise click.UsageError(f"{problem} {cost[wrong[0]]:g}")
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
