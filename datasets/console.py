"""What every command shares: results as table or JSON, and a progress bar on a terminal."""

import contextlib
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from datasets.progress import Progress

_LINE_EVERY_S = 60.0


class _FilePath(click.Path):
    """A path; ``''`` is none, though `Path` takes it for the folder that one is in."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - as click has it
        if value == "":
            self.fail("expected a path, got ''", param, ctx)
        return super().convert(value, param, ctx)


PATH = _FilePath(path_type=Path)


class Number(click.FloatRange):
    """A finite number within bounds; NaN is none."""

    name = "number"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click has it
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Refuse what is not finite, which no comparison does."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"expected a finite number, got {value}", param, ctx)
        return number


SHARE = Number(0, 1, min_open=True)

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def report(
    result: Mapping[str, Any], *, as_json: bool, rows: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Print a result: JSON for machines (`rows` under ``"rows"``), else lines and a table.

    Parameters
    ----------
    result
        Named values, fit for JSON. Lines leave out what is None or an empty list.
    as_json
        What `json_option` gave.
    rows
        Rows of a table with the same keys.
    """
    if as_json:
        whole = {**result, "rows": list(rows)} if rows else dict(result)
        click.echo(json.dumps(whole, indent=2, allow_nan=False))
        return
    for name, value in result.items():
        if value is not None and value != []:
            click.echo(f"{name.replace('_', ' ')}: {_text(value)}")
    if rows:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in rows[0]:
            numeric = all(isinstance(row[name], int | float | None) for row in rows)
            table.add_column(name.replace("_", " "), justify="right" if numeric else "left")
        for row in rows:
            table.add_row(*(Text(_text(value)) for value in row.values()))
        width = None if sys.stdout.isatty() else 160
        Console(file=sys.stdout, width=width, highlight=False).print(table)


def _text(value: Any) -> str:  # noqa: ANN401 - anything fit for JSON
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(_text(v) for v in value)
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(value))


@contextlib.contextmanager
def progress_bar(label: str) -> Iterator[Progress]:
    """A progress bar on standard error; where that is no terminal, a line a minute.

    Examples
    --------
    >>> with progress_bar("Reading") as on_progress:
    ...     on_progress(1, 2)
    """
    if not sys.stderr.isatty():
        yield _LineNowAndThen(label)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(file=sys.stderr)
    with Bar(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(label, total=None)

        def show(done: int, total: int | None = None, /) -> None:
            bar.update(task, completed=done, total=total)

        yield show


class _LineNowAndThen:
    """Progress as lines of a log, so few that short commands have none."""

    def __init__(self, label: str) -> None:
        self._label, self._last = label, time.monotonic()

    def __call__(self, done: int, total: int | None = None, /) -> None:
        now = time.monotonic()
        if now - self._last >= _LINE_EVERY_S:
            self._last = now
            of_all = "" if total is None else f" of {total:,}"
            click.echo(f"{self._label}: {done:,}{of_all}", err=True)


@contextlib.contextmanager
def status_line(label: str) -> Iterator[Callable[[str], object]]:
    """A line on standard error, if that is a terminal, whose text can be changed; gone at the end.

    Examples
    --------
    >>> with status_line("Searching") as tell:
    ...     tell("found something")
    """
    if not sys.stderr.isatty():
        yield lambda _text: None
        return
    with Console(file=sys.stderr).status(label) as status:
        yield lambda text: status.update(f"{label}: {text}")
