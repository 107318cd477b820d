"""Progress of long functions, without knowing who watches."""

from typing import Protocol


class Progress(Protocol):
    """Called with steps done and, where known, steps in all."""

    def __call__(self, done: int, total: int | None = None, /) -> None:
        """Take note that `done` of `total` steps are done."""


def ignore_progress(_done: int, _total: int | None = None, /) -> None:
    """Watch nothing: the default."""
