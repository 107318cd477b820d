import io
import json
import sys

import click
import pytest
from click.testing import CliRunner

from datasets import console
from datasets.console import json_option, progress_bar, report, status_line

RESULT = {"nme_percent": 3.14159265, "sparse": [1, 2], "span": None, "proven": True}
ROWS = [{"m": 5, "min_correlation": 0.5}, {"m": 10, "min_correlation": None}]


def printed(capsys, **options) -> str:
    report(RESULT, **options)
    return capsys.readouterr().out


def test_machines_get_json_and_nothing_else(capsys):
    assert json.loads(printed(capsys, as_json=True)) == RESULT
    assert json.loads(printed(capsys, as_json=True, rows=ROWS)) == {**RESULT, "rows": ROWS}


def test_a_number_that_is_none_is_not_written_as_json():
    with pytest.raises(ValueError, match="JSON"):
        report({"nme": float("nan")}, as_json=True)


def test_people_get_a_line_for_each_value_that_there_is(capsys):
    lines = printed(capsys, as_json=False).splitlines()
    assert lines == ["nme percent: 3.142", "sparse: 1, 2", "proven: True"]


def test_people_get_a_table_of_the_rows(capsys):
    table = printed(capsys, as_json=False, rows=ROWS).splitlines()[3:]
    assert [line.split() for line in table] == [
        ["m", "min", "correlation"],
        ["5", "0.5"],
        ["10", "-"],
    ]


def test_the_json_option_reaches_the_command():
    @click.command()
    @json_option
    def show(*, as_json: bool) -> None:
        report({"n": 1}, as_json=as_json)

    assert CliRunner().invoke(show, ["--json"]).output == '{\n  "n": 1\n}\n'
    assert CliRunner().invoke(show, []).output == "n: 1\n"


def test_without_a_terminal_progress_is_a_line_a_minute(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    with progress_bar("Reading") as on_progress:
        for done in range(1, 10):
            now[0] += 21
            on_progress(done, 1200)
        now[0] += 60
        on_progress(10)
    told = "Reading: 3 of 1,200\nReading: 6 of 1,200\nReading: 9 of 1,200\nReading: 10\n"
    assert capsys.readouterr() == ("", told)


def test_short_work_leaves_no_line_in_a_log(capsys):
    with progress_bar("Reading") as on_progress:
        on_progress(2, 2)
    assert capsys.readouterr() == ("", "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_progress_is_shown_on_standard_error(monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar("Reading") as on_progress:
        on_progress(1, 2)
        on_progress(2)
    assert "Reading" in terminal.getvalue()
    assert "2/2" in terminal.getvalue()
    assert capsys.readouterr().out == ""


def test_a_status_is_shown_on_a_terminal_only(monkeypatch, capsys):
    with status_line("Searching") as tell:
        tell("c is 0.7 at least")
    assert capsys.readouterr() == ("", "")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with status_line("Searching") as tell:
        tell("c is 0.7 at least")
    assert "Searching: c is 0.7 at least" in terminal.getvalue()
    assert capsys.readouterr().out == ""


def test_a_table_shows_texts_as_they_are(capsys):
    texts = ["[/bold]", "[red]x[/red]", ":smile:", "a\x1b[1mb"]
    report({}, as_json=False, rows=[{"name": text} for text in texts])
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()[1:]]
    assert lines[:3] == texts[:3]
    assert "\x1b" not in lines[3]
