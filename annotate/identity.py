"""How people are known to a server: not at all, by OpenID Connect, or by a proxy's header.

`fewmark serve` says which in the environment, where all copies of the app and their routes find
it. Nobody signs in unless it says so.
"""

import ipaddress
import os
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from starlette.types import ASGIApp, Receive, Scope, Send

from datasets.errors import FewmarkError
from datasets.roots import SIGN_IN

TRUST_HEADER = "FEWMARK_TRUST_HEADER"
PROXY = "FEWMARK_PROXY"
LOOPBACK = ("127.0.0.0/8", "::1")

_HEADER_NAME = re.compile("[A-Za-z0-9-]{1,100}")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class SignInError(FewmarkError, ValueError):
    """The settings of signing in are not what they should be."""


class SignIn(StrEnum):
    """Who tells the server who somebody is."""

    NOBODY = ""
    OIDC = "oidc"
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class Identity:
    """How people are known here.

    Parameters
    ----------
    sign_in
        Nobody: there is one person, who may do everything.
    header
        Name of the header in which a proxy says who somebody is.
    proxies
        The only addresses that may send it.

    Raises
    ------
    SignInError
        If they do not fit together.
    """

    sign_in: SignIn = SignIn.NOBODY
    header: str = ""
    proxies: tuple[Network, ...] = ()

    def __post_init__(self) -> None:
        """Check that a header is named where one counts, and nowhere else."""
        if (self.sign_in is SignIn.HEADER) != bool(self.header):
            raise SignInError(f"{SIGN_IN}=header and {TRUST_HEADER} go together")
        if self.header and not _HEADER_NAME.fullmatch(self.header):
            raise SignInError(f"{self.header!r} is no name of a header, such as X-Remote-User")

    @classmethod
    def from_environment(cls) -> Self:
        """What `fewmark serve` was told.

        Raises
        ------
        SignInError
            If that makes no sense.
        """
        header = os.environ.get(TRUST_HEADER, "")
        given = os.environ.get(SIGN_IN, "")
        try:
            sign_in = SignIn(given)
        except ValueError as error:
            raise SignInError(f"{SIGN_IN}: expected 'oidc' or 'header', got {given!r}") from error
        proxies = networks(os.environ.get(PROXY) or ",".join(LOOPBACK)) if header else ()
        return cls(sign_in, header, proxies)

    @property
    def is_team(self) -> bool:
        """Whether people sign in."""
        return self.sign_in is not SignIn.NOBODY

    def trusts(self, address: str | None) -> bool:
        """Whether an address is a proxy's, and its header believed."""
        try:
            found = ipaddress.ip_address(address or "")
        except ValueError:
            return False
        mapped = getattr(found, "ipv4_mapped", None)  # how a dual socket writes IPv4
        return any((mapped or found) in network for network in self.proxies)


def networks(text: str) -> tuple[Network, ...]:
    """Addresses and networks, separated by commas.

    Raises
    ------
    SignInError
        If one is neither.
    """
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(","))
    except ValueError as error:
        raise SignInError(f"the proxy's address: {error}") from error


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach a server there."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


class TrustedHeader:
    """Middleware that lets the header with the person's name pass from the proxy alone.

    Whatever anybody else sends under that name is taken out, and so is what comes twice.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, without a header that nobody may believe."""
        if scope["type"] in {"http", "websocket"}:
            scope = {**scope, "headers": _believable(scope)}
        await self.app(scope, receive, send)


def _believable(scope: Scope) -> list[tuple[bytes, bytes]]:
    identity = Identity.from_environment()
    name = identity.header.lower().encode()
    headers: list[tuple[bytes, bytes]] = list(scope["headers"])
    given = [value for key, value in headers if name and key.lower() == name]
    client = scope.get("client")
    if not given or (len(given) == 1 and identity.trusts(client[0] if client else None)):
        return headers
    return [(key, value) for key, value in headers if key.lower() != name]
