"""Command that measures predicted landmarks."""

from pathlib import Path
from typing import Any

import click

from datasets.console import PATH, json_option, report
from datasets.errors import about
from weaksup.sources_cli import read_split


@click.command()
@click.argument("predicted", type=PATH)
@click.option("--truth", type=PATH, required=True, help="Data set with the true landmarks.")
@click.option("--split", metavar="NAME", help="Judge only this split of the truth.")
@click.option("--span", metavar="NAME", help="What errors are parts of; the format's first span.")
@click.option(
    "--without", type=PATH, metavar="DATA", help="Leave out its shapes, as those learnt from."
)
@click.option("--baseline", type=PATH, metavar="DENSE", help="Add a row: its mean shape.")
@click.option("--components", is_flag=True, help="Add a row for each component of the format.")
@json_option
def evaluate(predicted: Path, truth: Path, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Measure PREDICTED against true landmarks; shapes are joined by their names."""
    from datasets.io.registry import read
    from weaksup.completion import mean_shape_prediction
    from weaksup.evaluation import evaluate as measure
    from weaksup.evaluation import rates, without

    true = read_split(truth, options["split"])
    if options["without"] is not None:
        with about(options["without"], truth):
            true = without(true, read_split(options["without"], None, true.format))
    found = read_split(predicted, None, true.format)
    with about(predicted, truth):
        evaluation = measure(found, true, options["span"])
    rows = []
    if options["baseline"] is not None:
        dense = read(options["baseline"], landmark_format=true.format)
        with about(options["baseline"], truth):
            level = mean_shape_prediction(dense, evaluation.truth)
        errors = measure(level, evaluation.truth, options["span"]).errors
        rows.append({"what": "mean shape", **rates(errors)})
    if options["components"]:
        parts = evaluation.per_component
        rows += [{"what": name, **rates(errors)} for name, errors in parts.items()]
    summary = evaluation.summary()
    report(summary, as_json=as_json, rows=rows)
    if true.inferred:
        click.echo(f"Note: a model placed landmarks of {truth}; it is no truth.", err=True)
    if summary["landmarks_predicted"] < 1:
        share = summary["landmarks_predicted"]
        click.echo(f"Note: {share:.1%} of the true landmarks are predicted and judged.", err=True)


COMMANDS: list[click.Command] = [evaluate]
