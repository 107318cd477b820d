"""Commands that keep a store: copies of it, its history, and whether it is sound."""

import sys
from contextlib import closing
from pathlib import Path

import click

from datasets.console import PATH, json_option, report


@click.command("backup")
@click.argument("store")
@click.argument("file", type=PATH)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@json_option
def back_up(store: str, file: Path, *, force: bool, as_json: bool) -> None:
    """Write everything in STORE to FILE (a zip) while people go on marking.

    The pictures are not in it. `fewmark project restore` makes a store of it again.
    """
    from annotate.store import backup, open_store
    from datasets.cli import require_free

    require_free(file, force=force)
    with closing(open_store(store, must_exist=True)) as opened:
        revisions = backup(opened, file)
    report({"written": str(file), "revisions": revisions}, as_json=as_json)


@click.command("restore")
@click.argument("file", type=PATH)
@click.argument("store")
@json_option
def restore_store(file: Path, store: str, *, as_json: bool) -> None:
    """Make the new store STORE of the backup FILE: an SQLite file or a PostgreSQL database."""
    from annotate.store import restore

    with closing(restore(file, store)) as opened:
        names = [found.name for found in opened.projects()]
    report({"store": store, "projects": len(names)}, as_json=as_json)


@click.command("history")
@click.argument("store")
@click.argument("name")
@json_option
def history(store: str, name: str, *, as_json: bool) -> None:
    """Who did what when in project NAME: labels, reviews and comments, oldest first."""
    from annotate.audit import events
    from annotate.store import open_store

    with closing(open_store(store, must_exist=True)) as opened:
        found = events(opened, opened.project(name))
    rows = [{"time": e.time, "who": e.who, "picture": e.shape, "what": e.what} for e in found]
    report({"project": name, "events": len(rows)}, as_json=as_json, rows=rows)


@click.command()
@click.argument("store")
@json_option
def doctor(store: str, *, as_json: bool) -> None:
    """Look for faults in STORE: its database, revisions, points and picture files.

    Each fault is one line; the exit code is 1 where there is any.
    """
    from annotate.store import faults, open_store

    with closing(open_store(store, must_exist=True)) as opened:
        found = list(faults(opened))
    rows = [{"fault": fault} for fault in found]
    report({"store": store, "faults": len(found)}, as_json=as_json, rows=rows)
    if found:
        sys.exit(1)
