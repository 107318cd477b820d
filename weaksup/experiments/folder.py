"""The folder of an experiment: a grid of cells, taken up where it was left.

::

    grid.toml    what is compared (`weaksup.experiments.grid.Grid`)
    presets/     the config of every preset, as the cells have it
    given/       sparse formats that were given as files
    people.csv   names and subjects of the images that errors are measured on
    data.json    hash of the data, to know them again, and names and sizes of the formats
    formats/     the sparse formats of the cells, by format, m and seed
    stages/      first stages that cells share: runs
    runs/        runs at work; each goes when its cell is done
    lock         held by the process at work
    cells/       a file for each cell that is done (`weaksup.experiments.results`)
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout

from datasets.errors import FileFormatError, TrainingError
from datasets.files import named_errors
from weaksup.config import TrainingConfig
from weaksup.experiments.grid import BASELINES, DENSE_ONLY, FULL, Cell, Grid
from weaksup.experiments.results import NO_RESULT, CellResult
from weaksup.parts import MAIN

GRID_FILE, PEOPLE_FILE, DATA_FILE, LOCK_FILE = "grid.toml", "people.csv", "data.json", "lock"
SUFFIX = ".toml"


@dataclass(frozen=True, slots=True)
class Experiment:
    """What an experiment's folder tells of its cells.

    Parameters
    ----------
    path
        The folder.
    grid
        With presets and formats by their names.
    configs
        Of the presets and of ``dense-only``, by name, with the grid's sizes and seed 0.
    formats
        Names of the formats, and the size of those that have one of their own.
    """

    path: Path
    grid: Grid
    configs: Mapping[str, TrainingConfig]
    formats: Mapping[str, int | None]

    @classmethod
    def exists(cls, path: Path) -> bool:
        """Whether there is an experiment in a folder."""
        return (path / GRID_FILE).exists()

    @classmethod
    def load(cls, path: Path) -> "Experiment":
        """What was begun in a folder.

        Raises
        ------
        FileFormatError
            If a file of it is missing or broken.
        """
        grid = Grid.load(path / GRID_FILE)
        files = sorted((path / "presets").glob(f"*{SUFFIX}"))
        configs = {file.stem: TrainingConfig.load(file) for file in files}
        return cls(path, grid, configs, read_facts(path)["formats"])

    def cells(self) -> tuple[Cell, ...]:
        """Every cell of the grid."""
        return self.grid.cells(self.formats)

    def result_file(self, cell: Cell) -> Path:
        """Where the result of a cell is, once it is done."""
        return self.path / "cells" / f"{cell.key}.json"

    def subjects(self) -> list[str | None]:
        """Of the images that errors are measured on; None where the data name none.

        Raises
        ------
        FileFormatError
            If the file that says so is missing or broken.
        """
        file = self.path / PEOPLE_FILE
        try:
            people = pd.read_csv(file, dtype=str)["subject"]
        except (OSError, ValueError, KeyError) as error:
            raise FileFormatError(file, None, "not what an experiment writes") from error
        return [None if pd.isna(person) else person for person in people]

    def results(self) -> list[CellResult]:
        """Those of the cells that are done.

        Raises
        ------
        FileFormatError
            If a file is not the result of its cell.
        """
        count, found = len(self.subjects()), []
        for cell in self.cells():
            file = self.result_file(cell)
            if file.exists():
                result = CellResult.load(file)
                if result.cell != cell or len(result.errors) != count:
                    raise FileFormatError(file, None, NO_RESULT)
                found.append(result)
        return found

    def format_key(self, cell: Cell) -> str:
        """Name of the cell's sparse format: cells with the same one share it."""
        return f"{cell.format}--m{cell.m}--s{cell.seed}"

    def format_file(self, key: str) -> Path:
        """Where a sparse format is, once it was searched."""
        return self.path / "formats" / f"{key}{SUFFIX}"

    def given_file(self, name: str) -> Path:
        """Where the copy of a sparse format is that was given as a file."""
        return self.path / "given" / f"{name}{SUFFIX}"

    def config(self, cell: Cell) -> TrainingConfig:
        """The config of a cell that is trained.

        Dense images alone are seen as often as all images by the same preset: 1 / ratio times the
        epochs.
        """
        if cell.method in (DENSE_ONLY, FULL):
            return self.configs[DENSE_ONLY].scaled(1 / cell.ratio).changed(seed=cell.seed)
        return self.configs[cell.method].changed(seed=cell.seed)

    def first_stage(self, cell: Cell) -> TrainingConfig | None:
        """The config of the first stage, where that does not depend on dense images."""
        if cell.method in BASELINES or not _shares(config := self.configs[cell.method]):
            return None
        first = replace(config, preset="first-stage", stages=config.stages[:1])
        return first.changed(seed=cell.seed)

    def stage_key(self, cell: Cell) -> str | None:
        """Name of the run of the first stage: cells with the same one share it."""
        first = self.first_stage(cell)
        return None if first is None else f"{self.format_key(cell)}--{first.identity[:8]}"


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """A block in which no other process works on the experiment of a folder.

    Raises
    ------
    TrainingError
        If one does.
    FileFormatError
        If the folder cannot be written.
    """
    lock = FileLock(path / LOCK_FILE, timeout=0)
    with named_errors(path, "written"):
        path.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout as error:
            raise TrainingError(f"{path}: another process is at work on it") from error
    try:
        yield
    finally:
        lock.release()
        if not Experiment.exists(path):  # it was refused: nothing of it stays
            (path / LOCK_FILE).unlink(missing_ok=True)
            with suppress(OSError):  # what else is there is somebody's
                path.rmdir()


def read_facts(path: Path) -> dict[str, Any]:
    """What the data were, and the sizes of the formats."""
    file = path / DATA_FILE
    try:
        facts: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return {"digest": str(facts["digest"]), "formats": dict(facts["formats"].items())}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise FileFormatError(file, None, "not what an experiment writes") from error


def _shares(config: TrainingConfig) -> bool:
    first = config.stages[0]
    return len(config.stages) > 1 and first.images == "all" and first.loss_on == (MAIN,)
