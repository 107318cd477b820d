"""The whole job on the embedded demo faces, told as the commands a user would type.

Every step is a ``fewmark`` command, printed before it runs: this module only chooses their
arguments, so the demo shows what the commands do and nothing else.
"""

import contextlib
import io
import json
import shlex
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from datasets.errors import FewmarkError, FileFormatError
from datasets.files import replacing

RESULT_FILE = "demo.json"

Run = Callable[[Sequence[str]], None]
Say = Callable[[str], None]


class DemoError(FewmarkError):
    """The demo cannot go on in this folder."""


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """Sizes of the demo: pictures N, share n / N that is dense, m landmarks marked."""

    faces: int = 800
    share: float = 0.1
    m: int = 10
    noise: float = 0.01
    unlabelled: int = 12
    scale: float = 1.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One command as typed, what it is for, and what an interrupted attempt may leave behind."""

    why: str
    command: str
    leaves: Path | None = None


def demo_steps(root: Path, settings: DemoSettings) -> list[Step]:
    """The commands of the demo in a workspace folder, in order."""
    s = settings
    data, run, store = root / "data", root / "runs" / "demo", root / "labels.sqlite"
    sparse = root / "formats" / f"searched-{s.m}.toml"
    faces, dense, clicks = data / "faces", data / "dense", data / "clicks"
    predicted, completed = _predicted(root), data / "completed"
    FACES, DENSE, CLICKS, PREDICTED, COMPLETED, SPARSE, STORE, RUN = (
        shlex.quote(str(path))
        for path in (faces, dense, clicks, predicted, completed, sparse, store, run)
    )
    return [
        Step(
            f"{s.faces} faces drawn by the computer, all 68 landmarks known",
            f"faces {FACES} --count {s.faces} --seed {s.seed}",
            faces,
        ),
        Step(
            f"{s.share:.0%} of the training faces are labelled densely",
            f"convert {FACES} {DENSE} --split train --share {s.share} --seed {s.seed}",
            dense,
        ),
        Step(
            f"which {s.m} landmarks carry the other {68 - s.m}?",
            f"select {DENSE} --m {s.m} --out {SPARSE}",
            sparse,
        ),
        Step(
            f"a project in which people mark those {s.m}",
            f"project create {STORE} demo --sparse {SPARSE} --data {FACES} --split train"
            f" --guide {DENSE}",
            store,
        ),
        Step(
            f"their clicks are simulated here; the last {s.unlabelled} faces are left for you",
            f"project simulate {STORE} demo --truth {FACES} --noise {s.noise}"
            f" --leave {s.unlabelled} --seed {s.seed}",
        ),
        Step("the labels as a data set", f"export {STORE} demo {CLICKS}", clicks),
        Step(
            "the two-branch network learns in its three stages",
            f"train {RUN} --data {DENSE} --data {CLICKS} --sparse {SPARSE} --valid {FACES}"
            f" --preset quick --scale {s.scale} --seed {s.seed}",
            run,
        ),
        Step(
            "what it finds in faces of people it never saw",
            f"infer {RUN} {FACES} {PREDICTED} --split valid",
            predicted,
        ),
        Step(
            "the faces that were clicked on, completed from clicks and pictures",
            f"complete {CLICKS} {COMPLETED} --dense {DENSE}",
            completed,
        ),
    ]


def _predicted(root: Path) -> Path:
    """Where the Results page looks for what the run finds in the faces' split "valid"."""
    return root / "runs" / "demo" / "predictions" / "faces--valid"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A row of the demo's table, the command that measures it, and its row of a baseline."""

    method: str
    command: str
    baseline: str | None = None


def judgements(root: Path) -> list[Judgement]:
    """What the demo's table compares."""
    data = root / "data"
    FACES, DENSE, PREDICTED, COMPLETED = (
        shlex.quote(str(path))
        for path in (data / "faces", data / "dense", _predicted(root), data / "completed")
    )
    return [
        Judgement(
            "network, people it never saw",
            f"evaluate {PREDICTED} --truth {FACES} --baseline {DENSE}",
            "mean shape of the dense faces, same pictures",
        ),
        Judgement(
            "completed clicks, clicked pictures",
            f"evaluate {COMPLETED} --truth {FACES} --without {DENSE}",
        ),
    ]


def run_demo(root: Path, settings: DemoSettings, run: Run, say: Say) -> dict[str, Any]:
    """Run what is missing of the demo and return its result; a finished demo returns at once.

    Parameters
    ----------
    root
        The workspace folder.
    settings
        Sizes.
    run
        Runs one ``fewmark`` command given its arguments; raises where it fails.
    say
        Prints a line for the user.

    Raises
    ------
    DemoError
        If the folder holds a demo of other sizes, or something else.
    """
    note = root / RESULT_FILE
    before = _read_note(note)
    if before is None and root.exists() and any(root.iterdir()):
        raise DemoError(f"{root}: the folder is not empty and holds no demo; name another one")
    if before is not None and before["settings"] != asdict(settings):
        problem = f"{root}: holds a demo of other sizes; name another folder"
        raise DemoError(problem)
    if before is not None and before["rows"]:
        return before
    root.mkdir(parents=True, exist_ok=True)
    done: list[str] = before["done"] if before else []
    result: dict[str, Any] = {"settings": asdict(settings), "done": done, "rows": []}
    _write_note(note, result)
    for number, step in enumerate(demo_steps(root, settings), start=1):
        key = f"{number}: {step.why}"
        if key in done:
            continue
        _remove(step.leaves)
        say(f"\n# {step.why}\n$ fewmark {step.command}")
        started = time.perf_counter()
        run(shlex.split(step.command))
        say(f"({time.perf_counter() - started:.1f} s)")
        done.append(key)
        _write_note(note, result)
    result["rows"] = [row for j in judgements(root) for row in _judged(j, run)]
    _write_note(note, result)
    return result


def _remove(path: Path | None) -> None:
    """Take away what an interrupted attempt at a step left."""
    if path is not None and path.is_dir():
        shutil.rmtree(path)
    elif path is not None:
        path.unlink(missing_ok=True)


def _judged(judgement: Judgement, run: Run) -> list[dict[str, Any]]:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        run([*shlex.split(judgement.command), "--json"])
    measured = json.loads(printed.getvalue())
    found = {judgement.method: measured}
    if judgement.baseline is not None:
        found = {judgement.baseline: measured["rows"][0], **found}
    return [
        {
            "method": method,
            "pictures": measured["images"],
            "NME": f"{rates['nme']:.2%}",
            "over_8_%": f"{rates['failure_rate_8']:.1%}",
        }
        for method, rates in found.items()
    ]


def _read_note(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        return {name: note[name] for name in ("settings", "done", "rows")}
    except (ValueError, KeyError, TypeError) as error:
        raise FileFormatError(path, None, "not the note of a demo; delete it") from error


def _write_note(path: Path, result: dict[str, Any]) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(result, indent=2), encoding="utf-8")
