"""The command that plans: hours, money and the error to expect for every m and n."""

from typing import TYPE_CHECKING, Any

import click

from correlation.sources_cli import Numbers, data_options, require_within, whole_of
from datasets.console import SHARE, Number, json_option, progress_bar, report
from datasets.errors import about

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from correlation.learning_curve import ErrorCurve
    from correlation.planning import Plan
    from datasets.dataset import LandmarkDataset


@click.command()
@data_options
@click.option(
    "--images", "N", type=click.IntRange(min=1), required=True, metavar="N",
    help="Images in all; n of them get all landmarks, the others m.",
)  # fmt: skip
@click.option(
    "--budgets", type=Numbers(), metavar="LIST", help="Values of m, such as 3-10 or 5,10,19."
)
@click.option(
    "--dense", "sizes", type=Numbers(), metavar="LIST", help="Values of n, such as 50,100,200."
)
@click.option(
    "--wanted-error", type=SHARE, metavar="E",
    help="Name the cheapest plan of at most this NME, such as 0.03 for 3 %.",
)  # fmt: skip
@click.option(
    "--hours", type=Number(0), metavar="H",
    help="Name the plan of the smallest error that takes at most H hours.",
)  # fmt: skip
@click.option(
    "--seconds-per-point", type=Number(0), metavar="S", help="1.3 if left out: a low guess."
)
@click.option(
    "--seconds-per-image", type=Number(0), metavar="S", help="Once an image; 1.35 likewise."
)
@click.option("--wage", type=Number(0), default=0.0, metavar="W", help="Cost of an hour.")
@json_option
def plan(
    N: int,
    budgets: list[int] | None,
    sizes: list[int] | None,
    *,
    wanted_error: float | None,
    hours: float | None,
    as_json: bool,
    **more: Any,  # noqa: ANN401
) -> None:
    """Hours, money and the error to expect, for every m and n.

    DATA holds dense shapes of the kind to be marked: they tell which m landmarks to mark and
    what error is left when the others are completed by a model of n dense shapes. The error is
    that of the N - n images that are completed, over all landmarks, clicks exact.
    """
    from correlation.learning_curve import errors_of_plans
    from correlation.planning import best_plan, cheapest_plan, plans, usual_budgets, usual_dense

    rates = _rates(more)
    require_within("--dense", sizes or [], 0, N)
    data = whole_of("a plan", **more)
    M = len(data.format)
    require_within("--budgets", budgets or [], 1, M)
    asked = budgets or list(usual_budgets(M))
    with about(more["source"]):
        chosen, curves = _measured(data, asked, more["seed"])
    known = curves[asked[0]]
    sizes = sizes or list(usual_dense(N, known.farthest))
    made = plans(M, N, rates, errors_of_plans(curves, sizes))
    cheapest = None if wanted_error is None else cheapest_plan(made, wanted_error)
    best = None if hours is None else best_plan(made, hours)
    result: dict[str, Any] = {
        "format": data.format.name,
        "landmarks": M,
        "images": N,
        "judged_shapes": known.n_shapes,
        "span": known.span,
        "measured_to_n": known.sizes[-1],
        "extrapolated_to_n": known.farthest if known.farthest > known.sizes[-1] else None,
        "seconds_per_point": rates.seconds_per_point,
        "seconds_per_image": rates.seconds_per_image,
        "wage_per_hour": rates.wage_per_hour,
    }
    if as_json:
        result |= {
            "cheapest": _row(cheapest),
            "best": _row(best),
            "chosen": {str(m): list(index) for m, index in chosen.items()},
            "spread": {
                str(m): dict(zip(map(str, c.sizes), c.spread.tolist(), strict=True))
                for m, c in curves.items()
            },
        }
        report(result, as_json=True, rows=[row for p in made if (row := _row(p)) is not None])
        return
    answers = {}
    if wanted_error is not None:
        answers[f"cheapest with an error of at most {wanted_error:g}"] = _told(cheapest)
    if hours is not None:
        answers[f"best within {hours:g} hours"] = _told(best)
    report({**result, **answers}, as_json=False, rows=_grid(made, known.sizes[-1]))


def _rates(options: dict[str, Any]) -> Any:  # noqa: ANN401 - its type is not imported at the top
    """Take times and wage out of the options; what is left out is as usual."""
    from correlation.planning import Rates

    given = {name: options.pop(name) for name in ("seconds_per_point", "seconds_per_image")}
    told = {name: value for name, value in given.items() if value is not None}
    return Rates(**told, wage_per_hour=options.pop("wage"))


def _measured(
    data: "LandmarkDataset", budgets: list[int], seed: int
) -> tuple[dict[int, tuple[int, ...]], dict[int, "ErrorCurve"]]:
    """For every m the landmarks of the smallest expected error, and that error against n."""
    import numpy as np

    from correlation.learning_curve import LearningCurve
    from correlation.residual_variance import least_variance
    from datasets.shape_model import ShapeModel

    rng, subjects = np.random.default_rng(seed), list(data.samples["subject"])
    with progress_bar("Learning from ever more shapes") as on_progress:
        learnt = LearningCurve.fit(data.shapes, rng=rng, subjects=subjects, on_progress=on_progress)
    model = ShapeModel.fit(data.shapes.take(data.shapes.complete))
    chosen: dict[int, tuple[int, ...]] = {}
    curves: dict[int, ErrorCurve] = {}
    with progress_bar("Choosing landmarks") as on_progress:
        for done, m in enumerate(budgets):
            on_progress(done, len(budgets))
            chosen[m] = least_variance(model, m).chosen
            curves[m] = learnt.of(chosen[m])
    return chosen, curves


def _row(made: "Plan | None") -> dict[str, Any] | None:
    from dataclasses import asdict

    return None if made is None else asdict(made)


def _told(made: "Plan | None") -> str:
    if made is None or made.expected_nme is None:
        return "none of these plans"
    return f"m = {made.m}, n = {made.n}: {made.hours:,.1f} hours, NME {made.expected_nme:.4f}"


def _grid(made: "Sequence[Plan]", measured: int) -> list["Mapping[str, Any]"]:
    """One row for each n, one column for each m: error and hours."""
    cells = {(p.m, p.n): p for p in made}
    budgets, sizes = (sorted({key[axis] for key in cells}) for axis in (0, 1))
    return [{"n": n, **{f"m = {m}": _cell(cells[m, n], measured) for m in budgets}} for n in sizes]


def _cell(made: "Plan", measured: int) -> str:
    if made.expected_nme is None or not made.points_saved:
        what = "all marked" if not made.points_saved else "not known"
        return f"{what}, {made.hours:,.1f} h"
    about = "~" if made.n > measured else ""
    return f"{about}{100 * made.expected_nme:.2f} %, {made.hours:,.1f} h"
