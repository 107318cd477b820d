"""The ``fewmark`` command, assembled from every package, and annotate's own part of it."""

import contextlib
import logging
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click

from annotate.labels_cli import export
from annotate.project_cli import project
from annotate.serve_cli import serve
from annotate.upkeep_cli import doctor
from datasets.console import PATH, json_option, report
from datasets.errors import FewmarkError

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


COMMANDS: list[click.Command] = [demo, doctor, project, export, serve]


if __name__ == "__main__":
    main()
