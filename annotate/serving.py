"""Starting the app: which file Streamlit runs, with what settings, and who is let in."""

import os
import socket
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from annotate.identity import (
    LOOPBACK,
    PROXY,
    TRUST_HEADER,
    Identity,
    SignIn,
    is_loopback,
    networks,
)
from datasets.errors import FewmarkError
from datasets.roots import PICTURES, SIGN_IN
from datasets.workspace import STORE, VARIABLE

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
    "theme.light.textColor": "#0f1110",
    "theme.dark.primaryColor": "#23a39a",
}

# Pages work on small matrices, which several threads do not make faster; and when a training run
# keeps the processors busy, threads that wait for each other make them twenty times slower.
ONE_THREAD: Mapping[str, str] = {"OPENBLAS_NUM_THREADS": "1"}


class ServingError(FewmarkError):
    """The app cannot be started."""


_AUTH_KEYS = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")
_SHORTEST_SECRET = 32


@dataclass(frozen=True, slots=True)
class Door:
    """Who is let in, and to what.

    Parameters
    ----------
    oidc
        File with the section ``[auth]`` for Streamlit's sign-in by OpenID Connect.
    trust_header, proxies
        The header in which a proxy says who somebody is, and the proxy's addresses.
    anyone
        Whether everybody who can reach the server may do everything.
    pictures
        Folders outside the workspace whose pictures and data sets a team may see and open.
    store
        URL of the annotation store, if it is not in the workspace.
    """

    oidc: Path | None = None
    trust_header: str | None = None
    proxies: tuple[str, ...] = LOOPBACK
    anyone: bool = False
    pictures: tuple[Path, ...] = ()
    store: str | None = None

    def check(self, address: str) -> None:
        """Refuse what would let the wrong people in, or nobody.

        Raises
        ------
        FewmarkError
            In one line that says what to do.
        """
        if self.oidc is not None and self.trust_header:
            raise ServingError("--oidc and --trust-header exclude each other; choose one")
        if self.oidc is not None:
            _require_oidc(self.oidc)
        if self.trust_header:
            Identity(SignIn.HEADER, self.trust_header, networks(",".join(self.proxies)))
        known = self.oidc or self.trust_header or Identity.from_environment().is_team
        if not (known or self.anyone or is_loopback(address)):
            raise ServingError(
                f"other machines can reach {address}, and nobody would have to sign in: use --oidc "
                "or --trust-header, or --anyone to let everybody do everything"
            )

    def environment(self) -> dict[str, str]:
        """What the app finds in its environment."""
        found: dict[str, str] = {}
        if self.oidc is not None:
            found |= {SIGN_IN: SignIn.OIDC.value, TRUST_HEADER: ""}
        if self.trust_header:
            found |= {SIGN_IN: SignIn.HEADER.value, TRUST_HEADER: self.trust_header}
            found[PROXY] = ",".join(self.proxies)
            # Else uvicorn would put the address that the proxy forwards in place of the proxy's.
            found["FORWARDED_ALLOW_IPS"] = "none"
        if self.pictures:
            found[PICTURES] = os.pathsep.join(str(path.absolute()) for path in self.pictures)
        return found | ({STORE: self.store} if self.store else {})

    def settings(self) -> dict[str, str]:
        """What Streamlit is told."""
        return {} if self.oidc is None else {"secrets.files": str(self.oidc.absolute())}


def _require_oidc(path: Path) -> None:
    if any(find_spec(name) is None for name in ("authlib", "httpx")):
        raise ServingError("sign-in needs Authlib: pip install 'fewmark[auth]'")
    try:
        auth = tomllib.loads(path.read_text("utf-8")).get("auth", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ServingError(f"{path}: {error}") from error
    missing = [key for key in _AUTH_KEYS if not (isinstance(auth, dict) and auth.get(key))]
    if missing:
        raise ServingError(f"{path}: the section [auth] lacks {', '.join(missing)}")
    if len(str(auth["cookie_secret"])) < _SHORTEST_SECRET:
        problem = f"cookie_secret: expected at least {_SHORTEST_SECRET} random characters"
        raise ServingError(f"{path}: {problem}, whoever guesses it can be anybody")


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


def serve_command(
    address: str, port: int, more: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """The command that runs the app; `more` are further settings of Streamlit.

    `-P`: a folder called ``datasets`` where the user happens to be must not hide our package.
    """
    settings = {**SETTINGS, "server.address": address, "server.port": str(port), **more}
    flags = [f"--{name}={value}" for name, value in settings.items()]
    return [sys.executable, "-P", "-m", "streamlit", "run", str(app_file()), *flags]


def serve(workspace: Path, address: str, port: int, door: Door = Door()) -> int:
    """Run the app on a workspace until it is stopped.

    Returns
    -------
    int
        Its exit code. On POSIX this process becomes the server instead, and nothing returns.
    """
    command = serve_command(address, port, door.settings())
    ours = {VARIABLE: str(workspace.absolute()), **door.environment()}
    environment = {**ONE_THREAD, **os.environ, **ours}
    if os.name == "posix":
        sys.stdout.flush()
        os.execve(command[0], command, environment)
    return subprocess.call(command, env=environment)
