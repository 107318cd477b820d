"""Text files line by line, with an error that names the line for whatever is wrong in it."""

import csv
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from datasets.errors import FileFormatError
from datasets.shapes import LARGEST_PX

# A spreadsheet takes a cell that begins so for a formula, and runs it.
_FORMULA = re.compile("'*[=+@\\t\\r-]")

LINE_LIMIT = 1_000_000
_SHOWN = 40


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines of a UTF-8 file without their ends, counted from 1.

    Raises
    ------
    FileFormatError
        If the file is missing, cannot be read, is not text, or a line is longer than
        `LINE_LIMIT` characters (a text file of landmarks has none: it is something else).
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            number = 0
            while line := file.readline(LINE_LIMIT + 1):
                number += 1
                if len(line) > LINE_LIMIT:
                    problem = f"this line has more than {LINE_LIMIT} characters"
                    raise FileFormatError(path, number, problem)
                if "\0" in line:
                    raise FileFormatError(path, number, "not a text file: it has null bytes")
                yield number, line.rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise FileFormatError(path, None, "not a text file in UTF-8") from error
    except OSError as error:
        raise FileFormatError(path, None, f"cannot be read: {error.strerror}") from error


def cell_from_text(text: str) -> str:
    """A text as a cell that no spreadsheet takes for a formula: an apostrophe goes before it.

    Examples
    --------
    >>> cell_from_text("=1+1"), cell_from_text("a=b"), text_from_cell("'=1+1")
    ("'=1+1", 'a=b', '=1+1')
    """
    return f"'{text}" if _FORMULA.match(text) else text


def text_from_cell(cell: str) -> str:
    """The inverse of `cell_from_text`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows of a comma-separated file that are not blank, with the line each one ends on.

    Raises
    ------
    FileFormatError
        As `numbered_lines`, or if quotes do not match.
    """
    reader = csv.reader((f"{line}\n" for _, line in numbered_lines(path)), strict=True)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise FileFormatError(path, reader.line_num, f"not a row of a csv: {error}") from error


def csv_header(path: Path) -> list[str]:
    """The first row of a comma-separated file, stripped.

    Raises
    ------
    FileFormatError
        As `csv_rows`, or if the file is empty or a column is named twice.
    """
    line, row = next(csv_rows(path), (1, []))
    header = [name.strip() for name in row]
    if not header:
        raise FileFormatError(path, None, "the file is empty; expected a header line")
    repeated = [name for i, name in enumerate(header) if name in header[:i]]
    if repeated:
        raise FileFormatError(path, line, f"the column {repeated[0]!r} is named twice")
    return header


def csv_records(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows below the header by the names of their columns.

    Raises
    ------
    FileFormatError
        As `csv_header`, or if a row has another number of cells.
    """
    header = csv_header(path)
    rows = csv_rows(path)
    next(rows)
    for line, row in rows:
        if len(row) != len(header):
            problem = f"expected {len(header)} cells as in the header, found {len(row)}"
            raise FileFormatError(path, line, problem)
        yield line, dict(zip(header, row, strict=True))


def numbers(fields: Sequence[str], path: Path, line: int | str) -> list[float]:
    """Numbers written in decimal, none beyond what a position can be.

    Raises
    ------
    FileFormatError
        If one is not.
    """
    found = []
    for field in fields:
        try:
            value = float(field)
        except ValueError:
            value = math.nan
        wrong = not math.isfinite(value) or "_" in field  # Python reads 1_0 as 10
        if wrong or abs(value) > LARGEST_PX:
            shown = field if len(field) <= _SHOWN else f"{field[:_SHOWN]}..."
            what = "a number" if wrong else f"a number within {LARGEST_PX:,.0f}"
            raise FileFormatError(path, line, f"expected {what}, got {shown!r}")
        found.append(value)
    return found
