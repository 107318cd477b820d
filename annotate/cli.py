"""The ``fewmark`` command, assembled from every package, and annotate's own part of it."""

import contextlib
import logging
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from annotate.members_cli import members
from datasets.console import PATH, json_option, progress_bar, report
from datasets.errors import FewmarkError, ShapeMismatchError

if TYPE_CHECKING:
    from annotate.store import AnnotationStore
    from datasets.formats import LandmarkFormat, SparseFormat

_GROUP = "fewmark.commands"


def assembled() -> click.Group:
    """The command with the subcommands of every installed package."""
    group = click.Group(
        "fewmark",
        help="Few landmarks marked, all landmarks known.",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    for entry in sorted(entry_points(group=_GROUP), key=lambda e: e.name):
        for command in entry.load():
            group.add_command(command)
    return group


def main(arguments: list[str] | None = None) -> None:
    """Run the command: exit code 0, or 1 with one clear line on standard error."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        with _stopped_by_sigterm():
            _run(arguments)
    except KeyboardInterrupt:
        _fail("stopped")


@contextlib.contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """End as by Ctrl+C, so that what was begun is cleaned up, when another process asks to end."""
    if threading.current_thread() is not threading.main_thread():  # only that one may listen
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(arguments: list[str] | None) -> None:
    try:
        assembled().main(args=arguments, prog_name="fewmark", standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.Abort:
        _fail("stopped")
    except click.UsageError as error:
        hint = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
        _fail(error.format_message() + hint)
    except (click.ClickException, FewmarkError) as error:
        text = error.format_message() if isinstance(error, click.ClickException) else str(error)
        _fail(text)
    except MemoryError:
        _fail("there is not enough memory")
    except OSError as error:  # the disk, a permission, a file where a folder should be
        _fail(f"{error.filename or 'the system'}: {error.strerror or error}")


def _fail(message: str) -> None:
    click.echo(f"Error: {message}", err=True)
    sys.exit(1)


@click.group()
def project() -> None:
    """Projects: pictures in which people mark the landmarks of a sparse format.

    STORE is the path of an SQLite file or the URL of a database.
    """


project.add_command(members)


@project.command("create")
@click.argument("store")
@click.argument("name")
@click.option("--sparse", type=PATH, required=True, help="Sparse format (TOML): what is marked.")
@click.option(
    "--data", type=PATH, required=True, help="Data set, or folder of pictures, to mark in."
)
@click.option("--split", metavar="NAME", help="Only the pictures of this split.")
@click.option("--unmarked", is_flag=True, help="Only shapes that lack a landmark: not dense ones.")
@click.option(
    "--guide", type=PATH, metavar="DENSE",
    help="Data set whose mean shape guides the annotators; else the complete shapes of --data.",
)  # fmt: skip
@json_option
def create(store: str, name: str, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Make the project NAME in STORE, with one item for every shape of a data set."""
    from annotate.exchange import add_project, mean_guide, new_items, require_project_name
    from annotate.store import open_store
    from datasets.formats import SparseFormat
    from datasets.io.registry import read

    require_project_name(name)
    sparse = SparseFormat.load(options["sparse"])
    whole = read(options["data"], landmark_format=_format_for(options["data"], sparse))
    guides = whole if options["guide"] is None else read(options["guide"])
    dataset = whole.split(options["split"]) if options["split"] else whole
    if options["unmarked"]:
        dataset = dataset.take(~dataset.shapes.complete)
    guide = None
    if guides.format.landmarks == sparse.dense.landmarks:
        guide = mean_guide(guides.shapes)
    elif options["guide"] is not None:
        problem = f"{options['guide']}: has {guides.format.name}, not {sparse.dense.name}"
        raise ShapeMismatchError(problem)
    with progress_bar("Reading pictures") as on_progress:
        items = new_items(sparse, dataset, on_progress)
    with _opened(open_store(store)) as opened:  # not before, so that no empty store is left
        made = add_project(opened, name, sparse, items, guide)
    result = {"project": made.name, "store": store, "pictures": len(dataset)}
    report({**result, "landmarks": len(sparse)}, as_json=as_json)


def _format_for(path: Path, sparse: "SparseFormat") -> "LandmarkFormat | None":
    """Only plain pictures are told what landmarks they have; data sets know their own."""
    from datasets.io.registry import type_of

    return sparse.dense if path.exists() and type_of(path).name == "images" else None


@project.command("list")
@click.argument("store")
@json_option
def list_projects(store: str, *, as_json: bool) -> None:
    """How far the projects of STORE are."""
    from annotate.store import open_store

    with _opened(open_store(store, must_exist=True)) as opened:
        rows = []
        for found in opened.projects():
            counts = opened.counts(found)
            rows.append(
                {
                    "project": found.name,
                    "landmarks": len(found.sparse),
                    "pictures": counts.total,
                    "done": counts.done,
                    "skipped": counts.skipped,
                    "open": counts.open,
                    "archived": found.archived,
                }
            )
    report({"projects": len(rows)}, as_json=as_json, rows=rows)


@project.command("timing")
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

    with _opened(open_store(store, must_exist=True)) as opened:
        pictures = marked_pictures(opened, opened.project(name))
    people = sorted({picture.annotator for picture in pictures})
    rows = []
    for person in people:
        own = asdict(timing_of([p for p in pictures if p.annotator == person]))
        own.pop("annotators")
        rows.append({"annotator": person, **own})
    report({"project": name, **asdict(timing_of(pictures))}, as_json=as_json, rows=rows)


@project.command("overlap")
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

    with _opened(open_store(store, must_exist=True)) as opened:
        added = opened.add_copies(opened.project(name), copies, share)
    report({"project": name, "copies": copies, "added": added}, as_json=as_json)


@project.command("agreement")
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

    with _opened(open_store(store, must_exist=True)) as opened:
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


@project.command("backup")
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
    with _opened(open_store(store, must_exist=True)) as opened:
        revisions = backup(opened, file)
    report({"written": str(file), "revisions": revisions}, as_json=as_json)


@project.command("restore")
@click.argument("file", type=PATH)
@click.argument("store")
@json_option
def restore_store(file: Path, store: str, *, as_json: bool) -> None:
    """Make the new store STORE of the backup FILE: an SQLite file or a PostgreSQL database."""
    from annotate.store import restore

    with _opened(restore(file, store)) as opened:
        names = [found.name for found in opened.projects()]
    report({"store": store, "projects": len(names)}, as_json=as_json)


@project.command("history")
@click.argument("store")
@click.argument("name")
@json_option
def history(store: str, name: str, *, as_json: bool) -> None:
    """Who did what when in project NAME: labels, reviews and comments, oldest first."""
    from annotate.audit import events
    from annotate.store import open_store

    with _opened(open_store(store, must_exist=True)) as opened:
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

    with _opened(open_store(store, must_exist=True)) as opened:
        found = list(faults(opened))
    rows = [{"fault": fault} for fault in found]
    report({"store": store, "faults": len(found)}, as_json=as_json, rows=rows)
    if found:
        sys.exit(1)


@project.command("simulate")
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
    with _opened(open_store(store, must_exist=True)) as opened:
        rng = np.random.default_rng(seed)
        found = opened.project(name)
        made = simulate_labels(opened, found, known, rng, noise=noise, leave=leave)
    result = {"labelled": made.saved, "labelled_before": made.labelled_before}
    report({**result, "without_truth": made.unknown, "seed": seed}, as_json=as_json)


@project.command("import")
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
    with _opened(open_store(store, must_exist=True)) as opened:
        made = import_dataset(opened, opened.project(name), dataset, annotator=annotator)
    result = {"imported": made.saved, "kept_as_labelled_before": made.labelled_before}
    report({**result, "not_in_project": made.unknown}, as_json=as_json)


@project.command("ghosts")
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
    with _opened(open_store(store, must_exist=True)) as opened:
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
    or corrected, and how many milliseconds it took.
    """
    from annotate.provenance import export_labels
    from annotate.store import open_store
    from datasets.cli import require_free

    require_free(out, force=force)
    with _opened(open_store(store, must_exist=True)) as opened:
        dataset = export_labels(
            opened, opened.project(name), out, done_only=done_only, all_copies=all_copies
        )
    report({"written": str(out), "shapes": len(dataset)}, as_json=as_json)


@click.command()
@click.argument("workspace", type=PATH, required=False)
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True)
@click.option("--address", default="localhost", show_default=True, help="Where it is reachable.")
@click.option(
    "--oidc", type=PATH, metavar="SECRETS", envvar="FEWMARK_OIDC",
    help="People sign in by OpenID Connect; SECRETS is a TOML file with the section [auth].",
)  # fmt: skip
@click.option(
    "--trust-header", metavar="NAME", envvar="FEWMARK_TRUST_HEADER",
    help="People sign in at a proxy, which says who they are in this header (X-Remote-User).",
)  # fmt: skip
@click.option(
    "--proxy", "proxies", metavar="ADDRESS", multiple=True, envvar="FEWMARK_PROXY",
    help="The proxy's address or network, if it is not on this machine; may be given again.",
)  # fmt: skip
@click.option("--anyone", is_flag=True, help="Whoever can reach --address may do everything.")
@click.option(
    "--pictures", type=PATH, multiple=True, metavar="FOLDER",
    help="Folder outside WORKSPACE with pictures that a team may see; may be given again.",
)  # fmt: skip
@click.option(
    "--store", metavar="URL", envvar="FEWMARK_STORE",
    help="Annotation store, if it is not that of WORKSPACE: postgresql+psycopg://HOST/NAME.",
)  # fmt: skip
def serve(workspace: Path | None, port: int, address: str, **door: Any) -> None:  # noqa: ANN401
    """Open the app on WORKSPACE (default: FEWMARK_WORKSPACE, else ./fewmark-workspace).

    On this machine alone nobody signs in, and one person may do everything. For a team see
    --oidc and --trust-header, and `fewmark project members`.
    """
    from annotate import serving
    from annotate.identity import LOOPBACK
    from datasets.workspace import Workspace

    root = workspace or Workspace.from_environment().root
    who = serving.Door(proxies=door.pop("proxies") or LOOPBACK, **door)
    who.check(address)
    serving.require_free_port(address, port)
    root.mkdir(parents=True, exist_ok=True)
    click.echo(f"Fewmark works in {root} at http://{address}:{port} (Ctrl+C stops it)")
    sys.exit(serving.serve(root, address, port, who))


@click.command()
@click.argument("workspace", type=PATH, required=False)
@click.option("--faces", type=click.IntRange(min=20), default=800, show_default=True)
@click.option("--share", type=float, default=0.1, show_default=True, help="Labelled densely.")
@click.option("--m", type=int, default=10, show_default=True, help="Landmarks to mark.")
@click.option("--scale", type=float, default=1.0, show_default=True, help="Times all epochs.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@json_option
def demo(workspace: Path | None, *, as_json: bool, **sizes: Any) -> None:  # noqa: ANN401
    """Do the whole job on faces drawn by the computer, in WORKSPACE, command by command.

    A demo that is finished only shows its table again; one that was interrupted goes on.
    """
    from annotate.demo import DemoSettings, run_demo
    from datasets.workspace import Workspace

    root = workspace or Workspace.from_environment().root
    group = assembled()

    def run(arguments: Sequence[str]) -> None:
        group.main(args=list(arguments), prog_name="fewmark", standalone_mode=False)

    def say(line: str) -> None:
        click.echo(line, err=as_json)

    result = run_demo(root, DemoSettings(**sizes), run, say)
    say("")
    report({"workspace": str(root)}, as_json=as_json, rows=result["rows"])
    say(f"\nLook at it, and mark the faces that are left: fewmark serve {root}")


@contextlib.contextmanager
def _opened(store: "AnnotationStore") -> Iterator["AnnotationStore"]:
    try:
        yield store
    finally:
        store.close()


COMMANDS: list[click.Command] = [demo, doctor, project, export, serve]


if __name__ == "__main__":
    main()
