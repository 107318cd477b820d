"""Commands that bring labels and ghosts into a project, and labels out of it."""

from contextlib import closing
from pathlib import Path

import click

from datasets.console import PATH, json_option, report


@click.command("simulate")
@click.argument("store")
@click.argument("name")
@click.option("--truth", type=PATH, required=True, help="Data set with all landmarks.")
@click.option("--noise", type=float, default=0.01, show_default=True, help="In parts of the span.")
@click.option("--leave", type=int, default=0, show_default=True, help="Last items left unlabelled.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@json_option
def simulate(  # noqa: PLR0913 - one option each
    store: str, name: str, *, truth: Path, noise: float, leave: int, seed: int, as_json: bool
) -> None:
    """Label project NAME with clicks drawn around known landmarks."""
    import numpy as np

    from annotate.simulation import simulate_labels
    from annotate.store import open_store
    from datasets.io.registry import read

    known = read(truth)
    with closing(open_store(store, must_exist=True)) as opened:
        rng = np.random.default_rng(seed)
        found = opened.project(name)
        made = simulate_labels(opened, found, known, rng, noise=noise, leave=leave)
    result = {"labelled": made.saved, "labelled_before": made.labelled_before}
    report({**result, "without_truth": made.unknown, "seed": seed}, as_json=as_json)


@click.command("import")
@click.argument("store")
@click.argument("name")
@click.argument("data", type=PATH)
@click.option("--annotator", default="imported", show_default=True, help="Who gave the labels.")
@json_option
def import_labels(store: str, name: str, data: Path, annotator: str, *, as_json: bool) -> None:
    """Take the landmarks of DATA as first labels of project NAME, where it has none yet."""
    from annotate.exchange import import_dataset
    from annotate.store import open_store
    from datasets.io.registry import read

    dataset = read(data)
    with closing(open_store(store, must_exist=True)) as opened:
        made = import_dataset(opened, opened.project(name), dataset, annotator=annotator)
    result = {"imported": made.saved, "kept_as_labelled_before": made.labelled_before}
    report({**result, "not_in_project": made.unknown}, as_json=as_json)


@click.command("ghosts")
@click.argument("store")
@click.argument("name")
@click.argument("predictions", type=PATH, required=False)
@click.option("--remove", is_flag=True, help="Take the ghosts away again.")
@json_option
def ghosts(store: str, name: str, predictions: Path | None, *, remove: bool, as_json: bool) -> None:
    """Offer PREDICTIONS as ghosts in project NAME: points to accept or to correct, no labels yet.

    PREDICTIONS is a data set with the project's landmarks, such as what `fewmark infer` wrote. Its
    points are copied; those of another data set that were offered before are taken away.
    """
    from annotate.ghosts import set_ghosts
    from annotate.store import open_store
    from datasets.io.registry import read

    if remove == (predictions is not None):
        raise click.UsageError("expected PREDICTIONS or --remove")
    dataset = None if predictions is None else read(predictions)
    with closing(open_store(store, must_exist=True)) as opened:
        found = opened.project(name)
        if dataset is None or predictions is None:
            opened.set_ghosts(found, "", {})
            return report({"project": name, "pictures_with_ghosts": 0}, as_json=as_json)
        made = set_ghosts(opened, found, dataset, predictions.resolve().name)
    result = {"project": name, "pictures_with_ghosts": made.pictures, "without": made.without}
    return report({**result, "not_in_project": made.unknown}, as_json=as_json)


@click.command()
@click.argument("store")
@click.argument("name")
@click.argument("out", type=PATH)
@click.option("--done-only", is_flag=True, help="Only pictures in which every landmark is decided.")
@click.option("--all-copies", is_flag=True, help="Every person's labels, not the consensus.")
@click.option("--force", is_flag=True, help="Replace OUT if it exists.")
@json_option
def export(  # noqa: PLR0913 - one option each
    store: str,
    name: str,
    out: Path,
    *,
    done_only: bool,
    all_copies: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Write the labels of project NAME as a data set; landmarks nobody marked are absent.

    The file labels.csv in it tells of every point whether a person placed it, a ghost was accepted
    or corrected, or it was copied from the picture before, and how many milliseconds it took.
    """
    from annotate.provenance import export_labels
    from annotate.store import open_store
    from datasets.cli import require_free

    require_free(out, force=force)
    with closing(open_store(store, must_exist=True)) as opened:
        dataset = export_labels(
            opened, opened.project(name), out, done_only=done_only, all_copies=all_copies
        )
    report({"written": str(out), "shapes": len(dataset)}, as_json=as_json)
