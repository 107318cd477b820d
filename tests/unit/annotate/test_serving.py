"""How the app is started."""

import os
import socket
import sys
from pathlib import Path

import pytest

from annotate import serving
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
