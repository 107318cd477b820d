"""The work of an experiment in one process: formats, first stages, cells; pictures are cut once."""

import contextlib
import functools
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from correlation.detectors import affinity_of
from correlation.error_selection import forecast_of
from correlation.scores import score
from datasets.errors import ShapeMismatchError
from datasets.formats import SparseFormat, read_toml
from datasets.metrics import nme, normalised_errors
from datasets.shapes import ShapeSet
from weaksup.clicks import complete_clicks
from weaksup.config import TrainingConfig
from weaksup.devices import choose_device
from weaksup.experiments.choices import chosen_landmarks
from weaksup.experiments.data import ExperimentData
from weaksup.experiments.folder import Experiment
from weaksup.experiments.grid import CLICKED, COMPLETED, DENSE_ONLY, MEAN_SHAPE, Cell
from weaksup.experiments.results import CellResult, errors_by_image
from weaksup.inference import load_network, read_start
from weaksup.presets import preset
from weaksup.run_folder import RunFolder
from weaksup.run_state import FINISHED
from weaksup.samples import Crops, TrainingData, cut_crops
from weaksup.start import Start
from weaksup.stopping import StoppedError
from weaksup.training import train
from weaksup.validation import Validation

FORMAT, STAGE, CELL = "format", "stage", "cell"
_ALIGNMENT = "centroid-rms"

Errors = NDArray[np.float64]


class Bench:
    """Does the tasks of an experiment.

    Parameters
    ----------
    experiment
        Whose.
    device
        See `weaksup.config.TrainingConfig`.
    stop
        Asked after every step of training.
    """

    def __init__(self, experiment: Experiment, device: str, stop: Callable[[], bool]) -> None:
        self._experiment, self._device, self._stop = experiment, device, stop
        self._data = ExperimentData.read(experiment.grid)
        self._cells = {cell.key: cell for cell in experiment.cells()}
        self._by_format: dict[str, Cell] = {}
        self._by_stage: dict[str | None, Cell] = {}
        for cell in self._cells.values():
            self._by_format.setdefault(experiment.format_key(cell), cell)
            self._by_stage.setdefault(experiment.stage_key(cell), cell)

    def do(self, task: str) -> None:
        """Do the task of this name.

        Raises
        ------
        FewmarkError
            If it cannot be done.
        StoppedError
            If it was asked to stop.
        """
        if self._stop():
            raise StoppedError
        kind, _, key = task.partition(":")
        if kind == FORMAT:
            self._choose(self._by_format[key])
        elif kind == STAGE:
            self._train_stage(self._by_stage[key])
        else:
            self._measure(self._cells[key])

    # Formats

    def _choose(self, cell: Cell) -> None:
        """Write the sparse format of a cell with all that is known of it before training."""
        experiment, grid = self._experiment, self._experiment.grid
        known = self._data.dense(cell.seed, grid.search_ratio)
        matrix = affinity_of(known.shapes, _ALIGNMENT)
        given = experiment.given_file(cell.format)
        chosen = (
            SparseFormat.load(given).chosen
            if given.exists()
            else chosen_landmarks(cell.format, cell.m, known.shapes, matrix, cell.seed)
        )
        found = score(matrix, chosen)
        held_out = score(affinity_of(self._data.valid.shapes, _ALIGNMENT), chosen)
        details = {
            "c_found": found.min_correlation,
            "c_held_out": held_out.min_correlation,
        }
        with contextlib.suppress(ShapeMismatchError):  # too few shapes to forecast from
            forecast = forecast_of(known.shapes, known.samples["subject"], cell.seed)
            details["expected_nme"] = forecast.of(chosen).nme
        path = experiment.format_file(experiment.format_key(cell))
        replace(found.sparse, dense=known.format).save(path, details)

    def _sparse(self, cell: Cell) -> tuple[SparseFormat, dict[str, Any]]:
        path = self._experiment.format_file(self._experiment.format_key(cell))
        sparse = SparseFormat.load(path)
        return sparse, {**read_toml(path)["details"], "chosen": sparse.chosen}

    # Training

    def _train_stage(self, cell: Cell) -> None:
        config = self._experiment.first_stage(cell)
        if config is not None:
            # Of dense images it knows but the mean shape: that of the fewest, for all ratios.
            least = replace(cell, ratio=self._experiment.grid.search_ratio)
            self._train(config, self._stage_folder(cell), self._training(least, config))

    def _stage_folder(self, cell: Cell) -> Path:
        return self._experiment.path / "stages" / str(self._experiment.stage_key(cell))

    def _train(self, config: TrainingConfig, folder: Path, data: TrainingData) -> RunFolder:
        """A run from the beginning; what a stopped one left is forgotten, for runs are short."""
        shutil.rmtree(folder, ignore_errors=True)
        run = train(config.changed(device=self._device), folder, data, stop=self._stop)
        state = run.state()
        if state is None or state.status != FINISHED:
            raise StoppedError
        return run

    def _training(
        self, cell: Cell, config: TrainingConfig, start: Start | None = None
    ) -> TrainingData:
        """The images of a cell: the first n dense, the others with the sparse landmarks."""
        data = self._data
        rows, n = data.rows(cell.seed), data.count(cell.ratio)
        if cell.format:
            sparse, _ = self._sparse(cell)
        else:
            every = tuple(range(len(data.pool.format)))
            sparse, rows = SparseFormat(data.pool.format, every, every), rows[:n]
        shown = np.ones((len(rows), len(sparse.dense)), dtype=bool)
        shown[n:, list(sparse.rest)] = False
        images = data.pool.take(rows)
        points = np.where(shown[:, :, None], images.shapes.points, np.nan)
        images = images.with_shapes(ShapeSet.from_points(points, sparse.dense))
        crops = self._crops(config.image_size_px, config.margin).take(rows, shown)
        return TrainingData(images, sparse, None, start, crops)

    @functools.cache  # noqa: B019 - one bench a process, and two or three sizes of crops
    def _crops(self, size_px: int, margin: float) -> Crops:
        return cut_crops(self._data.pool, _cut_as(size_px, margin), border=True)

    @functools.cache  # noqa: B019
    def _validation(self, size_px: int, margin: float) -> Validation:
        every = tuple(range(len(self._data.valid.format)))
        sparse = SparseFormat(self._data.valid.format, every, every)
        return Validation(self._data.valid, sparse, _cut_as(size_px, margin))

    # Cells

    def _measure(self, cell: Cell) -> None:
        began = time.process_time()
        known: dict[str, Any] = {}
        sparse = None
        if cell.format:
            sparse, known = self._sparse(cell)
        errors, facts = self._errors(cell)
        if sparse is not None:
            known["sparse_nme"] = nme(errors[:, list(sparse.chosen)])
        result = CellResult(
            cell=cell,
            errors=errors_by_image(errors),
            n=self._data.count(cell.ratio),
            cpu_s=round(time.process_time() - began, 2),
            **known,
            **facts,
        )
        result.save(self._experiment.result_file(cell))

    def _errors(self, cell: Cell) -> tuple[Errors, dict[str, Any]]:
        """Errors on the people who were not learnt from, (images, M), and facts of the run."""
        if cell.method == MEAN_SHAPE:
            return self._mean_shape(cell), {"device": "cpu"}
        if cell.method in (CLICKED, COMPLETED):
            return self._clicked(cell), {"device": "cpu"}
        return self._trained(cell)

    def _trained(self, cell: Cell) -> tuple[Errors, dict[str, Any]]:
        config, first = self._experiment.config(cell), self._experiment.first_stage(cell)
        start, seconds = None, 0.0
        if first is not None:
            config = config.changed(stages=config.stages[1:])
            start, seconds = read_start(self._stage_folder(cell)), self._stage_seconds(cell)
        folder = self._experiment.path / "runs" / cell.key
        run = self._train(config, folder, self._training(cell, config, start))
        predicted = self._predicted(run)
        state = run.state()
        facts = {
            "seconds": round(seconds + float(run.metrics()["seconds"].sum()), 2),
            "device": self._device_name(),
            "warnings": () if state is None else state.warnings,
        }
        shutil.rmtree(folder)
        return self._validation(config.image_size_px, config.margin).errors(predicted), facts

    def _stage_seconds(self, cell: Cell) -> float:
        return float(RunFolder(self._stage_folder(cell)).metrics()["seconds"].sum())

    def _predicted(self, run: RunFolder) -> NDArray[np.float64]:
        config = run.config
        network = load_network(run).to(choose_device(self._device, config.precision))
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return self._validation(config.image_size_px, config.margin).predict(network)

    def _device_name(self) -> str:
        kind = choose_device(self._device, "32-true")
        return torch.cuda.get_device_name() if kind == "cuda" else kind

    # Baselines

    def _dense_points(self, cell: Cell, config: TrainingConfig) -> torch.Tensor:
        rows = self._data.rows(cell.seed)[: self._data.count(cell.ratio)]
        return self._crops(config.image_size_px, config.margin).points[torch.from_numpy(rows)]

    def _mean_shape(self, cell: Cell) -> Errors:
        config = self._experiment.configs[DENSE_ONLY]
        mean = self._dense_points(cell, config).double().mean(dim=0).numpy()
        return self._validation(config.image_size_px, config.margin).errors(mean)

    def _clicked(self, cell: Cell) -> Errors:
        """What `fewmark complete` makes of exact clicks, and of these and the pictures."""
        sparse, _ = self._sparse(cell)
        valid = self._data.valid
        clicks = valid.with_shapes(valid.shapes.keep(sparse.chosen))
        dense = self._data.dense(cell.seed, cell.ratio)
        looked = cell.method == COMPLETED
        done = complete_clicks(clicks, dense, pictures=looked, seed=cell.seed)
        return normalised_errors(done.dataset.shapes, valid.shapes)


def _cut_as(size_px: int, margin: float) -> TrainingConfig:
    return preset("recommended").changed(image_size_px=size_px, margin=margin)
