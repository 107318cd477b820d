"""Errors that Fewmark raises on purpose.

::

    FewmarkError
    ├── FileFormatError      a file is not what it should be (also a ValueError)
    ├── UnknownNameError     a name that no catalogue, data set or file type has (also a ValueError)
    ├── ShapeMismatchError   arrays or formats that do not fit together (also a ValueError)
    ├── SelectionError       no sparse format meets the demands (also a ValueError)
    ├── TrainingError        a run cannot start, go on or be used
    └── StoreError           the annotation store refused (conflict, unknown item)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FewmarkError(Exception):
    """Base of every error raised on purpose; its text is fit to be shown to a user."""


class FileFormatError(FewmarkError, ValueError):
    """A file cannot be read; the text names the file and, where known, the line or field.

    Parameters
    ----------
    path
        The file.
    where
        Line number or field name; None where the whole file is meant.
    problem
        What was expected and what was found.
    """

    def __init__(self, path: str | Path, where: int | str | None, problem: str) -> None:
        self.path = Path(path)
        self.where = where
        self.problem = problem
        place = f"{path}" if where is None else f"{path}:{where}"
        super().__init__(f"{place}: {problem}")


class UnknownNameError(FewmarkError, ValueError):
    """A name is not known; the text lists those that are."""


class ShapeMismatchError(FewmarkError, ValueError):
    """Arrays, formats or data sets do not fit together."""


class SelectionError(FewmarkError, ValueError):
    """No sparse format meets the demands."""


class TrainingError(FewmarkError):
    """A training run cannot start, go on or be used."""


class StoreError(FewmarkError):
    """The annotation store refused what was asked."""


@contextmanager
def about(*paths: Path) -> Iterator[None]:
    """Name what was read in errors of the block that know data sets, but not their places."""
    try:
        yield
    except (ShapeMismatchError, UnknownNameError) as error:
        names = " and ".join(str(path) for path in paths)
        raise type(error)(f"{names}: {error}") from error
