"""Starting the app: which file Streamlit runs, and with what settings."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from datasets.errors import FewmarkError
from datasets.workspace import VARIABLE

# The same as .streamlit/config.toml, which is only found when the app runs from a checkout.
# Nothing is watched: an app that is used does not change, and the folders around it may be large.
SETTINGS: Mapping[str, str] = {
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "viewer",
    "client.showErrorDetails": "none",
    "server.fileWatcherType": "none",
    "server.headless": "true",
    "theme.baseRadius": "medium",
    "theme.light.primaryColor": "#0b6e69",
    "theme.dark.primaryColor": "#178a82",
}

# Pages work on small matrices, which several threads do not make faster; and when a training run
# keeps the processors busy, threads that wait for each other make them twenty times slower.
ONE_THREAD: Mapping[str, str] = {"OPENBLAS_NUM_THREADS": "1"}


class ServingError(FewmarkError):
    """The app cannot be started."""


def app_file() -> Path:
    """``app.py``: inside the installed package, or at the top of a checkout.

    Raises
    ------
    ServingError
        If there is none.
    """
    here = Path(__file__).parent
    for path in (here / "_app.py", here.parent / "app.py"):
        if path.is_file():
            return path
    raise ServingError(f"the app's file app.py is missing beside {here}")


def require_free_port(address: str, port: int) -> None:
    """Check that nothing listens there yet.

    Raises
    ------
    ServingError
        If the port is taken or the address is none of this machine's.
    """
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise ServingError(f"{address!r} is not an address of this machine") from error
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(place)
        except OSError as error:
            problem = f"port {port} of {address} cannot be used ({error.strerror}); "
            raise ServingError(problem + "choose another with --port") from error


def serve_command(address: str, port: int) -> list[str]:
    """The command that runs the app.

    `-P`: a folder called ``datasets`` where the user happens to be must not hide our package.
    """
    settings = {**SETTINGS, "server.address": address, "server.port": str(port)}
    flags = [f"--{name}={value}" for name, value in settings.items()]
    return [sys.executable, "-P", "-m", "streamlit", "run", str(app_file()), *flags]


def serve(workspace: Path, address: str, port: int) -> int:
    """Run the app on a workspace until it is stopped.

    Returns
    -------
    int
        Its exit code. On POSIX this process becomes the server instead, and nothing returns.
    """
    command = serve_command(address, port)
    environment = {**ONE_THREAD, **os.environ, VARIABLE: str(workspace.absolute())}
    if os.name == "posix":
        sys.stdout.flush()
        os.execve(command[0], command, environment)
    return subprocess.call(command, env=environment)
