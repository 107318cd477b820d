"""Which devices this machine can train on, and the one that is taken."""

import contextlib
from collections.abc import Iterator

import torch

from datasets.errors import TrainingError


def devices() -> tuple[str, ...]:
    """Kinds of device there are, the fastest first: of ``"cuda"``, ``"mps"`` and ``"cpu"``."""
    found = []
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return (*found, "cpu")


def choose_device(name: str, precision: str) -> str:
    """The device meant by a config's ``device``.

    Raises
    ------
    TrainingError
        If there is no such device, or it cannot compute in this precision.
    """
    found = devices()
    chosen = found[0] if name == "auto" else name
    if chosen not in found:
        raise TrainingError(f"there is no device {name!r} here; there are: {', '.join(found)}")
    if chosen == "cpu" and precision != "32-true":
        # Half precision was measured to be several times slower on a CPU without the instructions.
        raise TrainingError(f"on the CPU the precision is '32-true', not {precision!r}")
    return chosen


@contextlib.contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Let torch use this many threads, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
