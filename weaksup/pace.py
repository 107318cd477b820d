"""How long a run will take yet, judged by what it took so far."""

import time
from collections.abc import Sequence

from weaksup.parts import BODY
from weaksup.stage import Stage

_BACKWARD = 3.0  # forward and backward through the body, in parts of forward alone


class Pace:
    """Epochs that cost differently, and a clock that starts now.

    Parameters
    ----------
    stages
        In order.
    images
        For each, how many images it learns from.
    done
        Epochs of all stages that were done before.
    """

    def __init__(self, stages: Sequence[Stage], images: Sequence[int], done: int) -> None:
        self._costs = [
            count * (_BACKWARD if BODY in stage.train else 1.0)
            for stage, count in zip(stages, images, strict=True)
            for _ in range(stage.epochs)
        ]
        self._before, self._began = done, time.monotonic()

    def left_s(self, done: int) -> float | None:
        """Seconds that the other epochs will take; None before the first one is done."""
        spent, left = sum(self._costs[self._before : done]), sum(self._costs[done:])
        return (time.monotonic() - self._began) * left / spent if spent else None


def in_words(seconds: float) -> str:
    """A time that nobody needs exactly: ``"about 3 min"``."""
    for limit, unit, size in ((90, "s", 1), (90 * 60, "min", 60), (36 * 3600, "h", 3600)):
        if seconds < limit:
            return f"about {max(1, round(seconds / size))} {unit}"
    return f"about {round(seconds / 86400)} days"
