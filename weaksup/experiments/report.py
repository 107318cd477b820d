"""Table 5.1 and fig. 5.17 of Yan 2020 from the cells of an experiment, with doubts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from datasets.files import replacing
from weaksup.experiments.figures import correlation_figure
from weaksup.experiments.folder import Experiment
from weaksup.experiments.recipes import REFERENCES, Entry, SeedDifference, entries_of

CSV_FILE, TABLE_FILE, FIGURE_FILE = "table.csv", "table.md", "figure.html"


def rows_of(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Entries as rows of numbers; errors and differences in percent of the span."""
    rows = []
    for entry in entries:
        cell = entry.cell
        row: dict[str, Any] = {
            "m": cell.m or None,
            "format": cell.format or None,
            "method": cell.method,
            "ratio": cell.ratio,
            "n": entry.results[0].n,
            "seeds": len(entry.results),
            "nme": 100 * entry.nme,
            "sd": 100 * entry.deviation,
            "sparse_nme": 100 * entry.mean_of("sparse_nme"),
            "expected_nme": 100 * entry.mean_of("expected_nme"),
            "c_found": entry.mean_of("c_found"),
            "c_held_out": entry.mean_of("c_held_out"),
            "seconds": entry.mean_of("seconds"),
        }
        for what in REFERENCES:
            row |= _row_of(what.replace("-", "_"), entry.differences.get(what))
        rows.append({name: _known(value) for name, value in row.items()})
    return rows


def _row_of(what: str, difference: SeedDifference | None) -> dict[str, Any]:
    names = (f"to_{what}", f"{what}_difference", f"{what}_low", f"{what}_high", f"{what}_lower_in")
    if difference is None:
        return dict.fromkeys(names)
    interval = difference.interval
    percent = [100 * value for value in (interval.mean, interval.low, interval.high)]
    return dict(zip(names, (difference.to, *percent, difference.lower), strict=True))


def short_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a terminal has room for."""
    names = ("m", "format", "method", "ratio", "seeds", "nme", "sd", "sparse_nme")
    return {name: row[name] for name in (*names, "format_difference", "method_difference")}


def _known(value: Any) -> Any:  # noqa: ANN401 - any cell of the table
    return None if isinstance(value, float) and np.isnan(value) else value


def table_text(entries: Sequence[Entry], title: str) -> str:
    """Table 5.1 as Markdown: a row a recipe, a column a ratio; then the differences."""
    ratios = sorted({entry.cell.ratio for entry in entries})
    by_row: dict[tuple[int, str, str], dict[float, Entry]] = {}
    for entry in entries:
        cell = entry.cell
        by_row.setdefault((cell.m, cell.format, cell.method), {})[cell.ratio] = entry
    values = {name: {r: _value(e) for r, e in row.items()} for name, row in by_row.items()}
    lines = [f"# {title}", "", *_table("NME, %: mean and deviation between seeds", values, ratios)]
    for what in REFERENCES:
        told = {
            name: {r: e.differences[what].text for r, e in row.items() if what in e.differences}
            for name, row in by_row.items()
        }
        others = {e.differences[what].to for e in entries if what in e.differences}
        if others:
            text = f"Difference to {min(others)}, same seeds and people"
            rows = {name: row for name, row in told.items() if row}
            lines += ["", *_table(f"{text}: mean and 95 % interval, points of %", rows, ratios)]
    return "\n".join(lines) + "\n"


def _value(entry: Entry) -> str:
    deviation = "" if np.isnan(entry.deviation) else f" ± {100 * entry.deviation:.2f}"
    return f"{100 * entry.nme:.2f}{deviation} ({len(entry.results)})"


def _table(
    heading: str, rows: dict[tuple[int, str, str], dict[float, str]], ratios: Sequence[float]
) -> list[str]:
    columns = ["m", "format", "method", *(f"{100 * ratio:g} %" for ratio in ratios)]
    lines = [f"{heading}.", "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for (m, name, method), row in rows.items():
        cells = [str(m or ""), name, method, *(row.get(ratio, "") for ratio in ratios)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def write_report(experiment: Experiment) -> list[dict[str, Any]]:
    """Write the tables and the figure of the cells that are done; the rows of the table.

    Raises
    ------
    FileFormatError
        If a result is broken, or a file cannot be written.
    """
    path = experiment.path
    subjects = experiment.subjects()
    entries = entries_of(
        experiment.results(),
        subjects,
        formats=tuple(experiment.formats),
        methods=(*experiment.grid.presets, *experiment.grid.baselines),
    )
    rows = rows_of(entries)
    with replacing(path / CSV_FILE) as file:
        pd.DataFrame(rows).to_csv(file, index=False)
    title = f"{path.name}: errors on {len(subjects)} images of people who were not learnt from"
    with replacing(path / TABLE_FILE) as file:
        file.write_text(table_text(entries, title), encoding="utf-8")
    figure = correlation_figure(entries)
    if figure is not None:
        with replacing(path / FIGURE_FILE) as file:
            file.write_text(figure.to_html(include_plotlyjs=True), encoding="utf-8")
    return rows
