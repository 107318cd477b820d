"""Subcommands of `fewmark project` about people: how long they take and how far they agree."""

from contextlib import closing

import click

from datasets.console import json_option, report


@click.command("timing")
@click.argument("store")
@click.argument("name")
@json_option
def timing(store: str, name: str, *, as_json: bool) -> None:
    """How long people took to mark the pictures of project NAME: for `fewmark plan`.

    Medians over the pictures that one person marked from the first landmark to the last. Seconds
    per image are what a picture takes beyond its points.
    """
    from dataclasses import asdict

    from annotate.store import open_store
    from annotate.timing import marked_pictures, timing_of

    with closing(open_store(store, must_exist=True)) as opened:
        pictures = marked_pictures(opened, opened.project(name))
    people = sorted({picture.annotator for picture in pictures})
    rows = []
    for person in people:
        own = asdict(timing_of([p for p in pictures if p.annotator == person]))
        own.pop("annotators")
        rows.append({"annotator": person, **own})
    report({"project": name, **asdict(timing_of(pictures))}, as_json=as_json, rows=rows)


@click.command("overlap")
@click.argument("store")
@click.argument("name")
@click.option("--copies", type=click.IntRange(min=2), default=2, show_default=True)
@click.option("--share", type=float, default=0.1, show_default=True, help="Of the pictures.")
@json_option
def overlap(store: str, name: str, *, copies: int, share: float, as_json: bool) -> None:
    """Have several people mark the same pictures of project NAME, evenly spread ones.

    What there is already counts: given twice, nothing is added.
    """
    from annotate.store import open_store

    with closing(open_store(store, must_exist=True)) as opened:
        added = opened.add_copies(opened.project(name), copies, share)
    report({"project": name, "copies": copies, "added": added}, as_json=as_json)


@click.command("agreement")
@click.argument("store")
@click.argument("name")
@json_option
def agreement(store: str, name: str, *, as_json: bool) -> None:
    """How far people agree on the pictures of project NAME that several of them marked.

    Distances and sigma (of one person's click, in x and in y) in percent of the format's first
    span, or of the box where its ends are not marked.
    """
    from annotate.overlap import agreement_of
    from annotate.store import open_store

    with closing(open_store(store, must_exist=True)) as opened:
        found = opened.project(name)
        result = agreement_of(opened, found)
    each = result.landmarks
    columns = (each.pairs, each.distance_percent, each.sigma_percent, each.presence)
    rows = []
    for landmark, *values in zip(found.sparse.names, *(c.tolist() for c in columns), strict=True):
        pairs, *rest = (None if value != value else value for value in values)  # noqa: PLR0124 - NaN
        distance, sigma, presence = rest
        row = {"landmark": landmark, "pairs": pairs, "distance_percent": distance}
        rows.append({**row, "sigma_percent": sigma, "same_presence": presence})
    summary = {"project": name, "shapes": result.shapes, "percent_of": result.unit}
    report(summary, as_json=as_json, rows=rows)
