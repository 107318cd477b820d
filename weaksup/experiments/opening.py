"""How an experiment begins, and how it grows: what is asked for, held against what is there."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from datasets.errors import TrainingError
from datasets.files import named_errors, replacing
from datasets.formats import SparseFormat, predefined_formats
from weaksup.config import TrainingConfig
from weaksup.experiments.data import ExperimentData
from weaksup.experiments.folder import (
    DATA_FILE,
    GRID_FILE,
    PEOPLE_FILE,
    SUFFIX,
    Experiment,
    read_facts,
)
from weaksup.experiments.grid import (
    BASELINES,
    DENSE_ONLY,
    PREDEFINED,
    SEARCHED,
    Grid,
    is_file,
)
from weaksup.presets import PRESETS, preset
from weaksup.stage import Stage

_NEVER = 1_000_000  # epochs between measurements, seconds between checkpoints: only at the end
_FEWEST = 3  # shapes that affinities need


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
    _require_names_of_their_own(grid.presets, (*PRESETS, *BASELINES))
    named = {
        f: tuple(Path(n).stem if is_file(n) else n for n in getattr(grid, f))
        for f in ("formats", "presets")
    }
    grid = grid.changed(**named)
    experiment = Experiment(path, grid, configs, _sizes(grid, path, given, data))
    _require_usable(experiment, data)
    if Experiment.exists(path):
        _require_grown(experiment, given, data)
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
    saved = path / "presets" / f"{name}{SUFFIX}"
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
        saved = path / "given" / f"{name}{SUFFIX}"
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


def _require_usable(experiment: Experiment, data: ExperimentData) -> None:
    grid, cells = experiment.grid, experiment.cells()
    unused = {
        name: size for name, size in experiment.formats.items() if size not in (None, *grid.m)
    }
    if unused:
        name, size = next(iter(unused.items()))
        raise TrainingError(f"format {name} has {size} landmarks: add that to m, {grid.m}")
    if not cells:
        raise TrainingError("the grid has no cell")
    M, counts = len(data.pool.format), [data.count(ratio) for ratio in grid.ratios]
    if max(grid.m, default=0) > M:
        raise TrainingError(f"m is {max(grid.m)}, but {data.pool.format.name} has {M} landmarks")
    if len(set(counts)) != len(counts) or min(counts) < _FEWEST:
        found = ", ".join(f"{r:g} {n}" for r, n in zip(grid.ratios, counts, strict=True))
        problem = f"of {data.images} images, ratios must give different numbers of dense ones"
        raise TrainingError(f"{problem}, {_FEWEST} at least; found {found}")


def _require_grown(
    experiment: Experiment, given: Mapping[str, SparseFormat], data: ExperimentData
) -> None:
    path, old = experiment.path, Experiment.load(experiment.path)
    try:
        experiment.grid.require_grown(old.grid)
        if read_facts(path)["digest"] != data.digest:
            raise TrainingError("the data were others")
        for name, config in old.configs.items():
            if name in experiment.configs and experiment.configs[name].identity != config.identity:
                raise TrainingError(f"the config of {name} was another")
        for name, sparse in given.items():
            saved = experiment.given_file(name)
            if saved.exists() and SparseFormat.load(saved).chosen != sparse.chosen:
                raise TrainingError(f"the format {name} was another")
    except TrainingError as error:
        problem = f"{path} was begun with another grid: {error}; take another folder"
        raise TrainingError(problem) from error


def _write(experiment: Experiment, given: Mapping[str, SparseFormat], data: ExperimentData) -> None:
    path = experiment.path
    with named_errors(path, "written"):
        for name in ("presets", "given", "formats", "stages", "runs", "cells"):
            (path / name).mkdir(parents=True, exist_ok=True)
    for name, config in experiment.configs.items():
        config.save(path / "presets" / f"{name}{SUFFIX}")
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
