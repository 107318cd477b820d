"""Annotators at work while everything goes wrong: is any acknowledged point lost?

    python tests/benchmark/chaos.py [--edits 1000] [--seed 0] [--databases sqlite postgresql]

Real `fewmark serve`, real Chromium tabs that click and drag, and scripted annotators that save over
HTTP. The server is killed (SIGKILL), tabs are closed or crash, the network is cut for five minutes,
the disk of the store is full (a small tmpfs; needs root, is left out without), once till there is
room again and once till the server is killed, and connections to the database are killed in the
middle of saves. On SQLite, which has none, another process is killed that holds the lock and has
changed everything.

The five minutes pass by the clock in the pages, which is put forward: their timers run as often as
in five minutes. Scripted annotators and the server live by the wall's clock.

Exit code 1 where an acknowledged save is not in the store as it was sent, a revision is not whole,
a marked point has not arrived after the last reload, or a page was of no use without a reload.
SIGKILL leaves to the operating system what was written: this says nothing of a power cut.
"""

import argparse
import contextlib
import hashlib
import hmac
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))

from annotate.store import open_store
from tests.browser.conftest import FLAGS, Server
from tests.chaos.places import (
    SmallDisk,
    database_on,
    kill_half_a_save,
    new_project,
    small_disk,
    terminate_connections,
)
from tests.chaos.run import Chaos, Outcome, Place, Plan
from tests.store.postgres_server import running_server


@contextlib.contextmanager
def sqlite_place(folder: Path, disk: SmallDisk | None, pictures: int) -> Iterator[Place]:
    workspace = (disk.folder if disk else folder) / "workspace"
    workspace.mkdir()
    server = Server(workspace, folder / "server.log")
    cut = kill_half_a_save(workspace / "labels.sqlite")
    with _served(server, server.store_url, pictures) as place:
        place.disk, place.cut_connections = disk, cut
        yield place


@contextlib.contextmanager
def postgresql_place(folder: Path, disk: SmallDisk | None, pictures: int) -> Iterator[Place]:
    workspace = folder / "workspace"
    workspace.mkdir()
    with running_server() as database:
        url = database_on(disk, database) if disk else database.new_database("chaos")
        server = Server(workspace, folder / "server.log", {"FEWMARK_STORE": url})
        with _served(server, url, pictures) as place:
            place.disk, place.cut_connections = disk, terminate_connections(database)
            yield place


@contextlib.contextmanager
def _served(server: Server, url: str, pictures: int) -> Iterator[Place]:
    store = open_store(url)
    try:
        projects = [
            new_project(server.workspace, store, name, pictures)
            for name in ("by-hand", "by-script")
        ]
        token = hmac.new(store.secret.encode(), b"token", hashlib.sha256).hexdigest()
        server.start()
        yield Place(server, store, *projects, token, server.log)
    finally:
        server.kill()
        store.close()


PLACES = {"sqlite": sqlite_place, "postgresql": postgresql_place}


def run(database: str, plan: Plan) -> Outcome:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    pictures = max(30, plan.edits // 12)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fewmark-chaos-")))
        folder.chmod(0o755)  # PostgreSQL runs as another user
        disk = stack.enter_context(small_disk(folder))
        if disk is None:
            print("no right to mount a small disk: it is never full in this run")
        place = stack.enter_context(PLACES[database](folder, disk, pictures))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        say = lambda line: print(f"  {database}: {line}", file=sys.stderr, flush=True)  # noqa: E731
        return Chaos(plan, place, browser, say).run()


def show(database: str, out: Outcome) -> None:
    """One row of the table."""
    acknowledged = sum(one.acknowledged for one in out.verdicts)
    revisions = sum(one.revisions for one in out.verdicts)
    lost, broken = (sum(len(getattr(v, n)) for v in out.verdicts) for n in ("lost", "broken"))
    back = f"{statistics.median(out.back_s):.1f}, {max(out.back_s):.1f}" if out.back_s else "-"
    happened = ", ".join(f"{name} {count}" for name, count in sorted(out.happened.items()))
    happened += f" ({out.closed_unsaved} closed with unsaved labels)"
    refused = ", ".join(f"{what} {count}" for what, count in sorted(out.ledger.answers.items()))
    print(f"| {database} | {out.by_hand + out.by_script} ({out.by_hand} by hand) | {acknowledged} "
          f"| {revisions} | {lost} | {broken} | {len(out.problems)} | {back} | {out.seconds:.0f} "
          f"| {happened} | {refused} |")  # fmt: skip


def main() -> None:
    """Print a table, and what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edits", type=int, default=1000, help="On each database.")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--closed", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--databases", nargs="+", choices=PLACES, default=list(PLACES))
    options = parser.parse_args()
    plan = Plan(options.edits, options.kills, options.closed, seed=options.seed)
    found = {database: run(database, plan) for database in options.databases}
    print("| | edits | acknowledged | revisions | lost | not whole | other problems "
          "| all saved after a kill, s: median, most | s | happened | answers |\n"
          + "|---" * 11 + "|")  # fmt: skip
    for database, out in found.items():
        show(database, out)
    faults = [f"{database}: {fault}" for database, out in found.items() for fault in out.faults]
    print("\n".join(faults))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
