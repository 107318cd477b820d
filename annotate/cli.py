"""The ``fewmark`` command, assembled from every package, and annotate's own part of it."""

import logging
import sys
from importlib.metadata import entry_points

import click

from datasets.errors import FewmarkError

_GROUP = "fewmark.commands"

COMMANDS: list[click.Command] = []


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
    except KeyboardInterrupt:
        _fail("stopped")


def _fail(message: str) -> None:
    click.echo(f"Error: {message}", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
