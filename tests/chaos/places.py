"""Where a chaos run happens: pictures, projects, and stores whose disk can be filled."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import sqlalchemy as sa

from annotate.exchange import create_project
from annotate.store import AnnotationStore, Project
from datasets.dataset import LandmarkDataset
from datasets.formats import SparseFormat, landmark_format
from datasets.samples import sample_table
from datasets.shapes import empty_shapes
from tests.browser.canvas import HEIGHT, WIDTH
from tests.store.postgres_server import PostgresServer

DENSE = landmark_format("300w-68")
CHOSEN = tuple(range(0, 60, 5))
SPARSE = SparseFormat(
    DENSE, CHOSEN, tuple(min(CHOSEN, key=lambda c: abs(c - i)) for i in range(68))
)
_SIZE = "64m"
# Half a save, begun by a process that is killed before it ends it: the lock must be free again,
# and nothing of it may be left.
_HALF_A_SAVE = """
import sqlite3, sys
store = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
store.execute("BEGIN IMMEDIATE")
store.execute("UPDATE revision SET points = '[]'")
print("begun", flush=True)
sys.stdin.read()
"""


def new_project(workspace: Path, store: AnnotationStore, name: str, count: int) -> Project:
    """A project of small dark pictures, twelve landmarks each."""
    folder = workspace / name
    folder.mkdir()
    for k in range(count):
        picture = np.full((HEIGHT, WIDTH, 3), 40 + k % 60, np.uint8)
        cv2.imwrite(str(folder / f"{k}.png"), picture)
    files = [f"{k}.png" for k in range(count)]
    samples = sample_table([f"{name}-{k}" for k in range(count)], files)
    dataset = LandmarkDataset(empty_shapes(DENSE, count), samples, folder)
    (workspace / "formats").mkdir(exist_ok=True)
    SPARSE.save(workspace / "formats" / "twelve.toml")
    return create_project(store, name, SPARSE, dataset)


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A file system of its own that can be filled."""

    folder: Path

    def fill(self) -> None:
        with (self.folder / "filling").open("wb", buffering=0) as file:
            for size in (1 << 20, 4096, 1):  # to the last byte
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)):
                        pass

    def free(self) -> None:
        (self.folder / "filling").unlink()


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk | None]:
    """A tmpfs below a folder; None without the rights to mount one."""
    place = folder / "disk"
    place.mkdir()
    place.chmod(0o755)
    command = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
        yield None
        return
    try:
        yield SmallDisk(place)
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def database_on(disk: SmallDisk, server: PostgresServer) -> str:
    """URL of a new database whose tables lie on a small disk; the server's log of changes does not.

    A full disk then fails single transactions; where that log has no room, PostgreSQL itself stops.
    """
    tables = disk.folder / "tables"
    tables.mkdir()
    if os.geteuid() == 0:
        shutil.chown(tables, "nobody")
    with _administrator(server) as connection:
        connection.exec_driver_sql(f"CREATE TABLESPACE small LOCATION '{tables}'")
        connection.exec_driver_sql("CREATE DATABASE chaos TABLESPACE small")
    return server.url("chaos")


def terminate_connections(server: PostgresServer) -> Callable[[], int]:
    """A function that ends every connection to the database of a run; returns how many."""

    def terminate() -> int:
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'chaos'"
        with _administrator(server) as connection:
            return len(connection.exec_driver_sql(query).all())

    return terminate


@contextlib.contextmanager
def _administrator(server: PostgresServer) -> Iterator[sa.Connection]:
    engine = sa.create_engine(server.url("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def kill_half_a_save(database: Path) -> Callable[[], int]:
    """A function that has another process begin to change everything, and kills it."""

    def kill() -> int:
        command = [sys.executable, "-c", _HALF_A_SAVE, str(database)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        return 1

    return kill
