"""How people are known to a server, and whose word counts."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import pytest

from annotate.identity import Identity, SignIn, SignInError, TrustedHeader, is_loopback


def known(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Identity:
    for name in ("SIGN_IN", "TRUST_HEADER", "PROXY"):
        monkeypatch.delenv(f"FEWMARK_{name}", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(f"FEWMARK_{name}", value)
    return Identity.from_environment()


def test_nobody_signs_in_unless_the_environment_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not known(monkeypatch).is_team
    assert known(monkeypatch, SIGN_IN="oidc").sign_in is SignIn.OIDC
    assert known(monkeypatch, SIGN_IN="header", TRUST_HEADER="X-Remote-User").is_team


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({"SIGN_IN": "ldap"}, "expected 'oidc' or 'header', got 'ldap'"),
        ({"SIGN_IN": "header"}, "go together"),
        ({"SIGN_IN": "oidc", "TRUST_HEADER": "X-User"}, "go together"),
        ({"TRUST_HEADER": "X-User"}, "go together"),
        ({"SIGN_IN": "header", "TRUST_HEADER": "X User:"}, "no name of a header"),
        ({"SIGN_IN": "header", "TRUST_HEADER": "X-User", "PROXY": "nginx"}, "proxy's address"),
    ],
)
def test_settings_that_make_no_sense_never_mean_that_nobody_signs_in(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], problem: str
) -> None:
    with pytest.raises(SignInError, match=problem):
        known(monkeypatch, **environment)


def passed_on(client: str | None, *headers: tuple[str, str], kind: str = "websocket") -> Any:
    """The headers that reach the app from somebody at this address."""
    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.extend(scope["headers"])

    raw = [(name.encode(), value.encode()) for name, value in headers]
    scope = {"type": kind, "headers": raw, "client": client and (client, 1)}
    with ThreadPoolExecutor(1) as pool:
        pool.submit(anyio.run, TrustedHeader(app), scope, None, None).result()
    return [(name.decode(), value.decode()) for name, value in seen]


USER, OTHER = ("x-remote-user", "ann"), ("accept", "*/*")


@pytest.mark.parametrize("kind", ["websocket", "http"])
@pytest.mark.parametrize(
    ("client", "proxy", "is_believed"),
    [
        ("127.0.0.1", "", True),
        ("::1", "", True),
        ("::ffff:127.0.0.1", "", True),
        ("192.0.2.7", "", False),
        (None, "", False),
        ("not an address", "", False),
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.8", "192.0.2.7", False),
        ("127.0.0.1", "192.0.2.7", False),
        ("10.1.2.3", "192.0.2.7, 10.1.0.0/16", True),
    ],
)
def test_the_header_is_believed_from_the_proxy_alone(
    monkeypatch: pytest.MonkeyPatch, kind: str, client: str, proxy: str, *, is_believed: bool
) -> None:
    known(monkeypatch, SIGN_IN="header", TRUST_HEADER="X-Remote-User", PROXY=proxy)
    expected = [USER, OTHER] if is_believed else [OTHER]
    assert passed_on(client, USER, OTHER, kind=kind) == expected


def test_two_names_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, SIGN_IN="header", TRUST_HEADER="X-Remote-User")
    assert passed_on("127.0.0.1", USER, ("X-Remote-User", "bea"), OTHER) == [OTHER]


def test_without_a_trusted_header_all_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch)
    assert passed_on("192.0.2.7", USER, OTHER) == [USER, OTHER]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("localhost", True), ("127.0.0.1", True), ("127.8.9.1", True), ("::1", True),
        ("0.0.0.0", False), ("::", False), ("192.0.2.7", False), ("labels.example.org", False),
    ],
)  # fmt: skip
def test_loopback_is_what_this_machine_alone_can_reach(address: str, *, expected: bool) -> None:
    assert is_loopback(address) == expected
