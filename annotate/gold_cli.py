"""The subcommand `fewmark project gold`: pictures whose true points are known, marked again."""

from contextlib import closing
from pathlib import Path

import click

from datasets.console import PATH, json_option, report


@click.command("gold")
@click.argument("store")
@click.argument("name")
@click.option("--every", type=click.IntRange(min=2), metavar="K", help="Every K-th picture is one.")
@click.option("--pictures", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--truth", type=PATH, metavar="DATA", help="Complete shapes of this data set.")
@click.option("--reviewed", is_flag=True, help="Only pictures that a reviewer accepted or mended.")
@click.option(
    "--shape", "shapes", multiple=True, metavar="SHAPE", help="This one; may be repeated."
)
@click.option("--stop", is_flag=True, help="Hand out no more; the answers stay.")
@json_option
def gold(  # noqa: PLR0913 - one option each
    store: str,
    name: str,
    *,
    every: int | None,
    pictures: int,
    truth: Path | None,
    reviewed: bool,
    shapes: tuple[str, ...],
    stop: bool,
    as_json: bool,
) -> None:
    """Have people mark gold pictures of project NAME unknowingly, or tell how exact they are.

    Without --every and --stop it tells of every annotator how far their answers lie from the true
    points. With --every K finished pictures of the project, or those of --truth, become gold: every
    K-th picture that somebody gets is one they have not seen. Exported labels are without them.
    """
    from annotate.gold import gold_from_dataset, gold_from_project
    from annotate.overlap import measure_of
    from annotate.progress_tables import gold_rows, gold_summary
    from annotate.store import open_store
    from datasets.io.registry import read

    if stop and every is not None:
        raise click.UsageError("expected --every or --stop, not both")
    if every is None and (truth is not None or reviewed or shapes):
        raise click.UsageError("--truth, --reviewed and --shape go with --every")
    if truth is not None and (reviewed or shapes):
        raise click.UsageError("expected --truth, or --reviewed and --shape, not both")
    known = None if truth is None else read(truth)
    with closing(open_store(store, must_exist=True)) as opened:
        project = opened.project(name)
        if stop:
            opened.golds.stop(project)
        elif every is not None and known is not None:
            gold_from_dataset(opened, project, every, pictures, known)
        elif every is not None:
            gold_from_project(opened, project, every, pictures, reviewed=reviewed, shapes=shapes)
        plan = opened.golds.plan(project)
        rows = gold_summary(gold_rows(project, opened.golds.answers(project)))
    summary = {
        "project": name,
        "every": None if plan is None else plan.every,
        "gold_pictures": 0 if plan is None else plan.pictures,
        "percent_of": measure_of(project.sparse),
    }
    report(summary, as_json=as_json, rows=rows)
