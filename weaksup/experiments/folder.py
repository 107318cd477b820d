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
    cells/       a file for each cell that is done (`weaksup.experiments.results`)
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from datasets.errors import FileFormatError, TrainingError
from datasets.files import named_errors, replacing
from datasets.formats import SparseFormat, predefined_formats
from weaksup.config import TrainingConfig
from weaksup.experiments.data import ExperimentData
from weaksup.experiments.grid import (
    BASELINES,
    DENSE_ONLY,
    FULL,
    PREDEFINED,
    SEARCHED,
    Cell,
    Grid,
    is_file,
)
from weaksup.parts import MAIN
from weaksup.presets import PRESETS, preset
from weaksup.stage import Stage

GRID_FILE, PEOPLE_FILE, DATA_FILE = "grid.toml", "people.csv", "data.json"
_SUFFIX = ".toml"
_NEVER = 1_000_000  # epochs between measurements, seconds between checkpoints: only at the end


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
        files = sorted((path / "presets").glob(f"*{_SUFFIX}"))
        configs = {file.stem: TrainingConfig.load(file) for file in files}
        return cls(path, grid, configs, _facts(path)["formats"])

    def cells(self) -> tuple[Cell, ...]:
        """Every cell of the grid."""
        return self.grid.cells(self.formats)

    def result_file(self, cell: Cell) -> Path:
        """Where the result of a cell is, once it is done."""
        return self.path / "cells" / f"{cell.key}.json"

    def format_key(self, cell: Cell) -> str:
        """Name of the cell's sparse format: cells with the same one share it."""
        return f"{cell.format}--m{cell.m}--s{cell.seed}"

    def format_file(self, key: str) -> Path:
        """Where a sparse format is, once it was searched."""
        return self.path / "formats" / f"{key}{_SUFFIX}"

    def given_file(self, name: str) -> Path:
        """Where the copy of a sparse format is that was given as a file."""
        return self.path / "given" / f"{name}{_SUFFIX}"

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


def _facts(path: Path) -> dict[str, Any]:
    """What the data were, and the sizes of the formats."""
    file = path / DATA_FILE
    try:
        facts: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return {name: facts[name] for name in ("digest", "formats")}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise FileFormatError(file, None, "not what an experiment writes") from error


def _shares(config: TrainingConfig) -> bool:
    first = config.stages[0]
    return len(config.stages) > 1 and first.images == "all" and first.loss_on == (MAIN,)


def open_experiment(
    path: Path, grid: Grid | None, data: ExperimentData | None = None
) -> Experiment:
    """Begin an experiment, or take one up, with more cells perhaps.

    Parameters
    ----------
    path
        Its folder.
    grid
        What to compare; None for what the folder has.
    data
        Its data, where they are read already.

    Raises
    ------
    TrainingError
        If there is none yet and no grid, or what is there differs in more than further cells.
    FewmarkError
        If something cannot be read, or does not fit together.
    """
    if grid is None:
        if not Experiment.exists(path):
            raise TrainingError(f"{path} holds no experiment yet: name the data, or a grid")
        grid = Grid.load(path / GRID_FILE)
    data = data or ExperimentData.read(grid)
    configs = _configs(grid, path)
    given = {Path(name).stem: SparseFormat.load(name) for name in grid.formats if is_file(name)}
    known = (*SEARCHED, PREDEFINED, *predefined_formats(data.pool.format))
    _require_names_of_their_own(grid.formats, known)
    _require_names_of_their_own(grid.presets, tuple(PRESETS))
    named = {
        f: tuple(Path(n).stem if is_file(n) else n for n in getattr(grid, f))
        for f in ("formats", "presets")
    }
    grid = grid.changed(**named)
    experiment = Experiment(path, grid, configs, _sizes(grid, path, given, data))
    _require_usable(experiment)
    if Experiment.exists(path):
        _require_grown(experiment, data)
    _write(experiment, given, data)
    return experiment


def _require_names_of_their_own(names: Sequence[str], known: Sequence[str]) -> None:
    """Refuse files that would go by the name of something else: each is called by its file's."""
    stems = [Path(name).stem if is_file(name) else name for name in names]
    for name, stem in zip(names, stems, strict=True):
        if is_file(name) and (stem in known or stems.count(stem) > 1):
            problem = f"{name} would be called {stem}, but that is the name of something else"
            raise TrainingError(f"{problem}; rename the file")


def _configs(grid: Grid, path: Path) -> dict[str, TrainingConfig]:
    wanted = dict.fromkeys((*grid.presets, DENSE_ONLY))
    return {
        Path(name).stem if is_file(name) else name: _config(name, grid, path) for name in wanted
    }


def _config(name: str, grid: Grid, path: Path) -> TrainingConfig:
    saved = path / "presets" / f"{name}{_SUFFIX}"
    if not is_file(name) and name not in PRESETS and saved.exists():
        return TrainingConfig.load(saved)
    config = TrainingConfig.load(name) if is_file(name) else preset(name)
    name = Path(name).stem if is_file(name) else name
    if name in grid.epochs:
        config = config.changed(stages=_timed(config, name, grid.epochs[name]))
    elif grid.scale != 1:
        config = config.scaled(grid.scale)
    return config.changed(
        preset=name, image_size_px=grid.image_size_px, width=grid.width, seed=0, threads=1,
        affinity_every=0, validate_every=_NEVER, checkpoint_every_s=float(_NEVER),
    )  # fmt: skip


def _timed(config: TrainingConfig, name: str, epochs: tuple[int, ...]) -> tuple[Stage, ...]:
    if len(epochs) != len(config.stages):
        problem = f"preset {name} has {len(config.stages)} stages, but {len(epochs)} counts of "
        raise TrainingError(f"{problem}epochs are told")
    pairs = zip(config.stages, epochs, strict=True)
    return tuple(replace(s, epochs=count, patience=max(1, count // 5)) for s, count in pairs)


def _sizes(
    grid: Grid, path: Path, given: Mapping[str, SparseFormat], data: ExperimentData
) -> dict[str, int | None]:
    """Names of the formats, and the size of those that have one of their own."""
    dense = data.pool.format
    known = predefined_formats(dense)
    sizes: dict[str, int | None] = {}
    for name in grid.formats:
        saved = path / "given" / f"{name}{_SUFFIX}"
        if name == PREDEFINED:
            sizes |= {each: len(chosen) for each, chosen in known.items() if len(chosen) in grid.m}
        elif name in SEARCHED:
            sizes[name] = None
        elif name in known:
            sizes[name] = len(known[name])
        elif name in given or saved.exists():
            sparse = given[name] if name in given else SparseFormat.load(saved)
            if sparse.dense.landmarks != dense.landmarks:
                problem = f"sparse format {name} is one of {sparse.dense.name}, the data are "
                raise TrainingError(f"{problem}{dense.name}")
            sizes[name] = len(sparse)
        else:
            problem = f"unknown format {name!r}; known are {', '.join((*SEARCHED, PREDEFINED))}"
            raise TrainingError(f"{problem}, {', '.join((*known, 'and files (.toml)'))}")
    return sizes


def _require_usable(experiment: Experiment) -> None:
    grid, cells = experiment.grid, experiment.cells()
    unused = {
        name: size for name, size in experiment.formats.items() if size not in (None, *grid.m)
    }
    if unused:
        name, size = next(iter(unused.items()))
        raise TrainingError(f"format {name} has {size} landmarks: add that to m, {grid.m}")
    if not cells:
        raise TrainingError("the grid has no cell")


def _require_grown(experiment: Experiment, data: ExperimentData) -> None:
    path, old = experiment.path, Experiment.load(experiment.path)
    try:
        experiment.grid.require_grown(old.grid)
        if _facts(path)["digest"] != data.digest:
            raise TrainingError("the data were others")
        for name, config in old.configs.items():
            if name in experiment.configs and experiment.configs[name].identity != config.identity:
                raise TrainingError(f"the config of {name} was another")
    except TrainingError as error:
        problem = f"{path} was begun with another grid: {error}; take another folder"
        raise TrainingError(problem) from error


def _write(experiment: Experiment, given: Mapping[str, SparseFormat], data: ExperimentData) -> None:
    path = experiment.path
    with named_errors(path, "written"):
        for name in ("presets", "given", "formats", "stages", "runs", "cells"):
            (path / name).mkdir(parents=True, exist_ok=True)
    for name, config in experiment.configs.items():
        config.save(path / "presets" / f"{name}{_SUFFIX}")
    for name, sparse in given.items():
        sparse.save(experiment.given_file(name))
    with replacing(path / PEOPLE_FILE) as file:
        data.valid.samples[["shape_id", "subject"]].to_csv(file, index=False)
    facts = {"digest": data.digest, "formats": dict(experiment.formats)}
    with replacing(path / DATA_FILE) as file:
        file.write_text(json.dumps(facts, indent=2), encoding="utf-8")
    where = {"data": str(Path(experiment.grid.data).absolute())}
    if experiment.grid.valid:
        where["valid"] = str(Path(experiment.grid.valid).absolute())
    experiment.grid.changed(**where).save(path / GRID_FILE)  # last: from now on it exists
