"""Requests to end, as what long commands ask."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator


class StoppedError(Exception):
    """Work was given up because it was asked to stop."""


@contextlib.contextmanager
def stop_on_signals() -> Iterator[Callable[[], bool]]:
    """Turn a request to end (Ctrl-C, or another process's) into a stop after the next step."""
    asked = threading.Event()
    # Only the main thread may listen.
    listens = threading.current_thread() is threading.main_thread()
    numbers = (signal.SIGINT, signal.SIGTERM) if listens else ()
    before = {number: signal.signal(number, lambda *_: asked.set()) for number in numbers}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
