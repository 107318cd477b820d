"""The network between annotators and server: a relay that can be cut."""

import contextlib
import selectors
import socket
import threading

_CHUNK = 65536


class Wire:
    """Relays connections from a port of its own to the server's.

    While it is cut, connections are closed as soon as they are made. When it is cut, those that
    stand are closed at once: requests that have reached the server are carried out, and their
    answers are lost.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("localhost", 0))
        self.port = int(self._listener.getsockname()[1])
        self._standing: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def cut(self) -> None:
        with self._lock:
            self._is_cut = True
            standing, self._standing = self._standing, set()
        for end in standing:
            _close(end)

    def mend(self) -> None:
        with self._lock:
            self._is_cut = False

    def close(self) -> None:
        self.cut()
        _close(self._listener)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._relay, args=(near,), daemon=True).start()

    def _relay(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("localhost", self._target), timeout=5)
        except OSError:  # the server is down
            _close(near)
            return
        far.settimeout(None)
        with self._lock:
            ends = {near, far} if not self._is_cut else set()
            self._standing |= ends
        if ends:
            _pass_on(near, far)
        with self._lock:
            self._standing -= {near, far}
        _close(near)
        _close(far)


def _pass_on(near: socket.socket, far: socket.socket) -> None:
    """Pass bytes both ways until either end closes."""
    with selectors.DefaultSelector() as selector, contextlib.suppress(OSError, ValueError):
        selector.register(near, selectors.EVENT_READ, far)
        selector.register(far, selectors.EVENT_READ, near)
        while True:
            for key, _ in selector.select(timeout=1):
                source, target = key.fileobj, key.data
                assert isinstance(source, socket.socket)
                data = source.recv(_CHUNK)
                if not data:
                    return
                target.sendall(data)


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
