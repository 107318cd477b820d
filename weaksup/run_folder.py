"""The folder of a training run: everything that it was told, does and knows.

::

    config.toml      what it was told (`TrainingConfig`)
    sparse.toml      the landmarks of the main branch (`SparseFormat`)
    sources.toml     where its data came from, for people and for taking it up again
    state.json       what it is doing (`weaksup.run_state.RunState`)
    metrics.csv      a row an epoch
    events.*         the same for TensorBoard (`weaksup.event_log`)
    affinities/      affinities of the validation predictions (`correlation.series`)
    checkpoint.pt    the network and all that is needed to go on
    checkpoint-before.pt  the one before it, in case that is damaged
    card.md          what the network does, how good it is and what it must be given
    predictions/     data sets that it inferred, by name
"""

import csv
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import tomli_w

from correlation.matrix import AffinityMatrix
from correlation.series import series_file, series_files
from datasets.errors import FileFormatError, TrainingError
from datasets.files import named_errors, replacing
from datasets.formats import SparseFormat, read_toml
from datasets.storage import HEADER_FILE, SHAPES_FILE
from weaksup.config import TrainingConfig
from weaksup.run_state import RunState

SOURCES_FILE, CARD_FILE = "sources.toml", "card.md"

METRICS = (
    "stage",
    "epoch",
    "loss",
    "mean_shape_loss",
    "rate",
    "cuts",
    "valid_nme",
    "valid_nme_sparse",
    "held_out_nme",
    "seconds",
)

_EARLIER_METRICS = tuple(name for name in METRICS if name != "held_out_nme")
"""Those of runs from before stages could hold images out."""


class RunFolder:
    """Reads and writes the files of a run; creates nothing by being made.

    Parameters
    ----------
    path
        The folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.path.name

    @property
    def exists(self) -> bool:
        """Whether there is a run in the folder (a job's log may stand there before)."""
        with named_errors(self.path, "read"):
            return (self.path / "config.toml").exists()

    @property
    def checkpoint(self) -> Path:
        """The checkpoint; it is missing before the first one is written."""
        return self.path / "checkpoint.pt"

    @property
    def earlier_checkpoint(self) -> Path:
        """The checkpoint before the last; it is missing before two are written."""
        return self.path / "checkpoint-before.pt"

    @property
    def checkpoints(self) -> list[Path]:
        """Those that there are, the last one first."""
        return [p for p in (self.checkpoint, self.earlier_checkpoint) if p.exists()]

    @property
    def affinities(self) -> Path:
        """Folder of the affinity matrices; it is missing where none was kept."""
        return self.path / "affinities"

    def prediction(self, dataset_name: str, split: str | None = None) -> Path:
        """Folder of what was inferred in a data set of this name, or in one split of it."""
        name = dataset_name if split is None else f"{dataset_name}--{split}"
        return self.path / "predictions" / name

    def create(
        self, config: TrainingConfig, sparse: SparseFormat, sources: Mapping[str, Any]
    ) -> None:
        """Begin a run: write what it was told.

        Raises
        ------
        TrainingError
            If there is a run already, or a file that stands where a run's would be.
        FileFormatError
            If that is not what a run writes, or the folder cannot be written.
        """
        if self.exists:
            problem = f"{self.path} holds a run already; take it up with resume, or choose a name"
            raise TrainingError(problem)
        self._require_no_foreign()
        with named_errors(self.path, "written"):
            self.path.mkdir(parents=True, exist_ok=True)
        sparse.save(self.path / "sparse.toml")
        with replacing(self.path / SOURCES_FILE) as path:
            path.write_text(tomli_w.dumps(dict(sources)), encoding="utf-8")
        self.keep_metrics(0)
        config.save(self.path / "config.toml")  # last: from now on the run exists

    def _require_no_foreign(self) -> None:
        """What a stopped `create` leaves is written again; what is somebody else's must stay."""
        self._require_no_dataset()
        affinities = series_files(self.affinities).values()
        for path in (*self.checkpoints, self.path / "state.json", *affinities):
            if path.exists():
                problem = f"{path} is there, but no run it belongs to; choose another folder"
                raise TrainingError(problem)
        if (self.path / "metrics.csv").exists():
            self.metrics()
        if (self.path / "sparse.toml").exists():
            _ = self.sparse

    def _require_no_dataset(self) -> None:
        for path in (self.path / HEADER_FILE, self.path / SHAPES_FILE):
            if path.exists():
                raise TrainingError(f"{path} is a data set's, no run's; choose another folder")

    def clear(self) -> None:
        """Forget the run, but for its predictions and the log of its job.

        Raises
        ------
        FileFormatError
            If its config is not that of a run: then the other files may not be a run's either.
        TrainingError
            If a data set lies in the folder as well.
        """
        if not self.exists:
            return
        _ = self.config
        self._require_no_dataset()
        # The config comes last: till then it is a run, however this ends.
        names = ("state.json", "metrics.csv", CARD_FILE, SOURCES_FILE, "sparse.toml")
        self.keep_affinities(0)
        with named_errors(self.path, "written"):
            self.forget_events()
            self.earlier_checkpoint.unlink(missing_ok=True)
            self.checkpoint.unlink(missing_ok=True)
            for name in (*names, "config.toml"):
                (self.path / name).unlink(missing_ok=True)

    def require(self) -> "RunFolder":
        """Itself, if there is a run.

        Raises
        ------
        TrainingError
            If there is none.
        """
        if not self.exists:
            raise TrainingError(f"{self.path} holds no training run: there is no config.toml")
        return self

    @property
    def config(self) -> TrainingConfig:
        """What the run was told."""
        return TrainingConfig.load(self.path / "config.toml")

    @property
    def sparse(self) -> SparseFormat:
        """The sparse format it learns."""
        return SparseFormat.load(self.path / "sparse.toml")

    @property
    def sources(self) -> dict[str, Any]:
        """Where its data came from, as the command was told."""
        return read_toml(self.path / SOURCES_FILE)

    def state(self) -> RunState | None:
        """What the run is doing; None before it begins.

        Raises
        ------
        FileFormatError
            If the file is broken.
        """
        path = self.path / "state.json"
        return RunState.load(path) if path.exists() else None

    def set_state(self, state: RunState) -> None:
        """Write what the run is doing."""
        state.save(self.path / "state.json")

    def metrics(self) -> pd.DataFrame:
        """A row an epoch with the columns `METRICS`; NaN where nothing was measured.

        Losses are those of `weaksup.losses`; ``mean_shape_loss`` is what the mean shape would
        have had on the same augmented images. ``valid_nme`` is over all landmarks,
        ``valid_nme_sparse`` over the m of the main branch, ``held_out_nme`` over all landmarks of
        what a stage holds out, all as parts of the default span. In the last row of a stage, the
        first two are of the network that it leaves behind.

        Raises
        ------
        FileFormatError
            If the file is missing or broken.
        """
        path = self.path / "metrics.csv"
        try:
            text = path.read_text(encoding="utf-8")
            whole = text[: text.rfind("\n") + 1]  # the last line may be in the making
            table = pd.read_csv(StringIO(whole))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise FileFormatError(path, None, f"cannot be read: {reason}") from error
        if list(table.columns) == list(_EARLIER_METRICS):
            table = table.reindex(columns=list(METRICS))
        if list(table.columns) != list(METRICS):
            raise FileFormatError(path, 1, f"expected the columns {', '.join(METRICS)}")
        return table

    def keep_metrics(self, count: int) -> None:
        """Keep the first rows, as they were written, and forget the rest."""
        path = self.path / "metrics.csv"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        rows = [[row.get(name) or "" for name in METRICS] for row in csv.DictReader(lines)]
        kept = [",".join(row) for row in (METRICS, *rows[:count])]
        with replacing(path) as new:
            new.write_text("\n".join(kept) + "\n", encoding="utf-8")

    def add_metrics(self, row: Mapping[str, Any]) -> None:
        """Append the row of an epoch; None is written as nothing."""
        values = ("" if row[name] is None else str(row[name]) for name in METRICS)
        path = self.path / "metrics.csv"
        with named_errors(path, "written"), path.open("a", encoding="utf-8") as file:
            file.write(",".join(values) + "\n")

    def forget_events(self) -> None:
        """Remove what was written for TensorBoard."""
        for path in self.path.glob("events.out.tfevents.*"):
            path.unlink(missing_ok=True)

    def add_affinity(self, epoch: int, matrix: AffinityMatrix) -> None:
        """Keep the matrix of an epoch, counted over all stages from 1."""
        matrix.save(series_file(self.affinities, epoch))

    def keep_affinities(self, count: int) -> None:
        """Keep the matrices of the first epochs, and forget the rest."""
        with named_errors(self.affinities, "written"):
            for epoch, path in series_files(self.affinities).items():
                if epoch > count:
                    path.unlink(missing_ok=True)
            if self.affinities.is_dir() and not any(self.affinities.iterdir()):
                self.affinities.rmdir()
