"""Command that measures predicted landmarks."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from datasets.console import PATH, json_option, report
from datasets.errors import FileFormatError, about
from weaksup.sources_cli import read_split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from datasets.dataset import LandmarkDataset
    from weaksup.evaluation import Evaluation


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
@click.option("--landmarks", is_flag=True, help="Add a row for each landmark.")
@click.option(
    "--against", type=PATH, multiple=True, metavar="OTHER",
    help="Compare with another prediction of the same shapes; may be repeated.",
)  # fmt: skip
@click.option(
    "--altered", is_flag=True,
    help="What was looked at may be altered copies of the truth's pictures (`fewmark occlude`).",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True,
    help="Draws the subjects of the intervals.",
)  # fmt: skip
@json_option
def evaluate(predicted: Path, truth: Path, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Measure PREDICTED against true landmarks; shapes are joined by their names.

    PREDICTED may have another format than the truth: the landmarks that both have are judged.
    Intervals are of 95 %, over the subjects that the truth names.
    """
    import numpy as np

    from weaksup.evaluation import without

    true = read_split(truth, options["split"])
    if options["without"] is not None:
        with about(options["without"], truth):
            true = without(true, read_split(options["without"], None, true.format))
    ours = _measured(predicted, truth, true, options)
    against = [_compared(ours, path, truth, true, options) for path in options["against"]]
    summary = _with_intervals(ours, np.random.default_rng(options["seed"]))
    rows = _rows(ours, truth, options)
    if as_json:
        more: dict[str, Any] = {"against": against} if against else {}
        report({**summary, "seed": options["seed"], **more}, as_json=True, rows=rows)
    else:
        report(summary, as_json=False, rows=rows)
        for pair in against:
            click.echo()
            report({**pair, "rows": None}, as_json=False, rows=pair["rows"])
    _show_notes(ours, truth, summary)


def _measured(
    path: Path, truth: Path, true: "LandmarkDataset", options: dict[str, Any]
) -> "Evaluation":
    from datasets.io.registry import read
    from weaksup.evaluation import evaluate as measure

    try:
        found = read(path, landmark_format=true.format)
    except FileFormatError:
        found = read(path)  # it may name a format of its own
    with about(path, truth):
        return measure(found, true, options["span"], altered=options["altered"])


def _compared(
    ours: "Evaluation", path: Path, truth: Path, true: "LandmarkDataset", options: dict[str, Any]
) -> dict[str, Any]:
    """How another prediction differs, fit for JSON."""
    import numpy as np

    from weaksup.differences import difference

    theirs = _measured(path, truth, true, options)
    with about(path):
        found = difference(ours, theirs, np.random.default_rng(options["seed"]))
    return {
        "against": str(path),
        "images_of_both": found.images,
        "images_better": found.better,
        "verdict": found.verdict,
        "rows": found.rows(landmarks=options["landmarks"]),
    }


def _with_intervals(evaluation: "Evaluation", rng: "np.random.Generator") -> dict[str, Any]:
    """The summary with an interval behind each rate that has one."""
    intervals = evaluation.intervals(rng)
    result: dict[str, Any] = {}
    for name, value in evaluation.summary().items():
        result[name] = value
        if name in intervals:
            result[f"{name}_interval"] = [intervals[name].low, intervals[name].high]
    found = intervals["nme"]
    return {**result, "confidence": found.confidence, "subjects": found.subjects}


def _rows(evaluation: "Evaluation", truth: Path, options: dict[str, Any]) -> list[dict[str, Any]]:
    """Rates of the mean shape and of the parts that are asked for."""
    import numpy as np

    from weaksup.evaluation import rates

    parts = {}
    if options["baseline"] is not None:
        parts["mean shape"] = _mean_shape_errors(evaluation, truth, options)
    parts |= {f"{name} landmarks": part for name, part in evaluation.per_visibility.items()}
    if options["components"]:
        parts |= evaluation.per_component
    if options["landmarks"]:
        names = evaluation.truth.format.landmarks
        judged = np.flatnonzero(~np.isnan(evaluation.per_landmark))
        parts |= {names[i]: evaluation.errors[:, [i]] for i in judged}
    return [{"what": name, **rates(part)} for name, part in parts.items()]


def _mean_shape_errors(
    evaluation: "Evaluation", truth: Path, options: dict[str, Any]
) -> "NDArray[np.float64]":
    import numpy as np

    from datasets.io.registry import read
    from weaksup.completion import mean_shape_prediction
    from weaksup.evaluation import evaluate as measure

    dense = read(options["baseline"], landmark_format=evaluation.truth.format)
    with about(options["baseline"], truth):
        level = mean_shape_prediction(dense, evaluation.truth)
    errors = measure(level, evaluation.truth, options["span"]).errors
    return np.where(np.isnan(evaluation.errors), np.nan, errors)  # of what the row above judges


def _show_notes(evaluation: "Evaluation", truth: Path, summary: dict[str, Any]) -> None:
    """On standard error, what a reader of the numbers must know."""
    notes = []
    if evaluation.truth.inferred:
        notes.append(f"a model placed landmarks of {truth}; it is no truth.")
    if summary["share_of_landmarks_predicted"] < 1:
        share = summary["share_of_landmarks_predicted"]
        notes.append(f"{share:.1%} of the true landmarks are predicted and judged.")
    if evaluation.caution is not None:
        notes.append(evaluation.caution)
    for note in notes:
        click.echo(f"Note: {note}", err=True)


COMMANDS: list[click.Command] = [evaluate]
