"""How the app is started."""

import os
import socket
import sys
from pathlib import Path

import pytest

from annotate import serving
from datasets.errors import FewmarkError
from datasets.formats import read_toml

ROOT = Path(__file__).parents[3]


def test_the_settings_are_those_of_the_checkout() -> None:
    """Both must agree, except that an app that is used watches no files."""
    table = read_toml(ROOT / ".streamlit" / "config.toml")
    for name, value in serving.SETTINGS.items():
        found: object = table
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        if name != "server.fileWatcherType":
            assert str(found).lower() == value.lower(), name


def test_the_command_runs_the_app_file_with_every_setting() -> None:
    command = serving.serve_command("localhost", 8600)
    assert command[:5] == [sys.executable, "-P", "-m", "streamlit", "run"]
    assert Path(command[5]) == ROOT / "app.py"
    assert "--server.port=8600" in command
    assert "--server.address=localhost" in command
    assert "--browser.gatherUsageStats=false" in command


def test_an_installed_package_brings_its_own_app_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "__file__", str(tmp_path / "annotate" / "serving.py"))
    with pytest.raises(serving.ServingError, match="is missing"):
        serving.app_file()
    (tmp_path / "annotate").mkdir()
    (tmp_path / "annotate" / "_app.py").write_text("")
    assert serving.app_file() == tmp_path / "annotate" / "_app.py"


def test_a_port_in_use_is_told_before_anything_starts() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(serving.ServingError, match=f"port {port} .* choose another"):
            serving.require_free_port("127.0.0.1", port)
    serving.require_free_port("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(serving.ServingError, match="cannot be used"):
        serving.require_free_port("192.0.2.1", 8600)
    with pytest.raises(serving.ServingError, match="not an address"):
        serving.require_free_port("no such host", 8600)


@pytest.mark.parametrize("system", ["posix", "nt"])
def test_serving_hands_the_workspace_to_the_app(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    started: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(
        os, "execve", lambda _file, command, environment: started.append((command, environment))
    )
    monkeypatch.setattr("subprocess.call", lambda command, env: started.append((command, env)) or 0)
    with monkeypatch.context() as patched:
        command = serving.serve_command("localhost", 8600)
        patched.setattr(serving, "serve_command", lambda *_: command)
        workspace = tmp_path.absolute()
        patched.setattr(os, "name", system)
        if system == "nt":
            patched.setattr(Path, "absolute", lambda self: self)
        serving.serve(workspace, "localhost", 8600)
    found, environment = started[0]
    assert found == command
    assert environment["FEWMARK_WORKSPACE"] == str(workspace)


@pytest.mark.parametrize(("given", "taken"), [(None, "1"), ("8", "8")])
def test_pages_multiply_matrices_in_one_thread_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None, taken: str
) -> None:
    started: list[dict[str, str]] = []
    monkeypatch.setattr(os, "execve", lambda *call: started.append(call[2]))
    monkeypatch.setattr("subprocess.call", lambda *_, **__: 0)
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    if given is not None:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", given)
    serving.serve(tmp_path, "localhost", 8600)
    assert started[0]["OPENBLAS_NUM_THREADS"] == taken


SECRETS = """[auth]
redirect_uri = "https://labels.example.org/oauth2callback"
cookie_secret = "0123456789abcdef0123456789abcdef"
client_id = "fewmark"
client_secret = "of the provider"
server_metadata_url = "https://login.example.org/.well-known/openid-configuration"
"""


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file for a sign-in, on a machine that has what it takes."""
    monkeypatch.setattr(serving, "find_spec", lambda name: name)
    path = tmp_path / "secrets.toml"
    path.write_text(SECRETS)
    return path


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1", "::1"])
def test_on_this_machine_alone_nobody_signs_in(address: str) -> None:
    serving.Door().check(address)
    assert serving.Door().environment() == {}
    assert serving.Door().settings() == {}


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.7", "labels.example.org"])
def test_where_others_can_come_somebody_must_say_who_may(address: str, secrets: Path) -> None:
    with pytest.raises(serving.ServingError, match="nobody would have to sign in: use --oidc"):
        serving.Door().check(address)
    serving.Door(anyone=True).check(address)
    serving.Door(trust_header="X-Remote-User").check(address)
    serving.Door(oidc=secrets).check(address)


def test_the_app_is_told_how_people_sign_in(secrets: Path, tmp_path: Path) -> None:
    door = serving.Door(oidc=secrets, pictures=(tmp_path,), store="postgresql://db/labels")
    told = door.environment()
    assert told["FEWMARK_SIGN_IN"] == "oidc"
    assert told["FEWMARK_PICTURES"] == str(tmp_path)
    assert told["FEWMARK_STORE"] == "postgresql://db/labels"
    command = serving.serve_command("localhost", 8600, door.settings())
    assert f"--secrets.files={secrets}" in command
    assert not any("cookie_secret" in part or "0123456789" in part for part in command)


def test_behind_a_proxy_its_own_address_is_what_counts() -> None:
    """uvicorn would else put the address there that the proxy forwards."""
    told = serving.Door(trust_header="X-Remote-User", proxies=("192.0.2.7",)).environment()
    assert told == {
        "FEWMARK_SIGN_IN": "header",
        "FEWMARK_TRUST_HEADER": "X-Remote-User",
        "FEWMARK_PROXY": "192.0.2.7",
        "FORWARDED_ALLOW_IPS": "none",
    }


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("[auth]", "[auth", "secrets.toml: "),
        ("[auth]", "[other]", "lacks redirect_uri, cookie_secret"),
        ("[auth]", "auth = 1\n[other]", "lacks redirect_uri, cookie_secret"),
        ("client_id", "client", "lacks client_id"),
        ("0123456789abcdef0123456789abcdef", "short", "cookie_secret: expected at least 32"),
    ],
)
def test_secrets_that_keep_nobody_out_are_refused(
    secrets: Path, old: str, new: str, problem: str
) -> None:
    secrets.write_text(SECRETS.replace(old, new))
    with pytest.raises(serving.ServingError, match=problem):
        serving.Door(oidc=secrets).check("localhost")


def test_two_ways_to_sign_in_are_one_too_many(secrets: Path) -> None:
    with pytest.raises(serving.ServingError, match="exclude each other"):
        serving.Door(oidc=secrets, trust_header="X-User").check("localhost")


def test_a_proxy_needs_an_address() -> None:
    with pytest.raises(FewmarkError, match="proxy's address"):
        serving.Door(trust_header="X-User", proxies=("nginx",)).check("localhost")
    with pytest.raises(FewmarkError, match="no name of a header"):
        serving.Door(trust_header="X User").check("localhost")


def test_a_missing_library_is_named(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "find_spec", lambda _name: None)
    with pytest.raises(serving.ServingError, match=r"pip install 'fewmark\[auth\]'"):
        serving.Door(oidc=secrets).check("localhost")
