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
        self._passed, self._spent, self._began = done, 0.0, time.monotonic()

    def add_epoch(self, passed: int) -> float:
        """Seconds that the other epochs will take, now that another one is done.

        Parameters
        ----------
        passed
            Epochs of all stages that are done or, as their stage ended early, never will be.
        """
        self._spent += self._costs[self._passed]
        self._passed = passed
        return (time.monotonic() - self._began) * sum(self._costs[passed:]) / self._spent


def in_words(seconds: float) -> str:
    """A time that nobody needs exactly: ``"about 3 min"``."""
    for limit, unit, size in ((90, "s", 1), (90 * 60, "min", 60), (36 * 3600, "h", 3600)):
        if seconds < limit:
            return f"about {max(1, round(seconds / size))} {unit}"
    return f"about {round(seconds / 86400)} days"
