"""Checkpoints: written whole or not at all, read without running anything in them.

The one before the last is kept beside it: a disk that loses the last one costs some epochs, not
the run.
"""

import contextlib
import hashlib
import io
import logging
import os
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import torch

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError, TrainingError
from datasets.files import replacing
from weaksup.config import TrainingConfig
from weaksup.run_folder import RunFolder
from weaksup.samples import TrainingData

logger = logging.getLogger(__name__)

_VERSION = 1
_UNREADABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    struct.error,
    zipfile.BadZipFile,
)
"""What torch and pickle raise on changed bytes, and what their code could."""

_KEYS = frozenset(
    {"version", "config", "data", "stage", "epoch", "epochs_done", "warnings", "learner"}
)


def fingerprint(data: TrainingData) -> str:
    """Hash of names, boxes, labels and start: the same where a run would see the same data."""
    digest = hashlib.sha256(repr(data.sparse.chosen).encode())
    for dataset in (data.images, data.valid):
        if dataset is not None:
            _add(digest, dataset)
    if data.start is not None:
        digest.update(data.start.digest.encode())
    return digest.hexdigest()


def _add(digest: Any, dataset: LandmarkDataset) -> None:  # noqa: ANN401 - hashlib's own type
    digest.update("\0".join(dataset.samples["shape_id"]).encode())
    digest.update(dataset.shapes.points.tobytes())
    boxes = dataset.samples[[c for c in dataset.samples.columns if c.startswith("box_")]]
    digest.update(boxes.to_numpy(dtype=float).tobytes())


def save_checkpoint(folder: RunFolder, content: dict[str, Any]) -> None:
    """Write what `read_checkpoint` gives back, and keep what was the last one till now.

    Raises
    ------
    FileFormatError
        If it cannot be written; the last one stays.
    """
    whole = io.BytesIO()
    torch.save({"version": _VERSION, **content}, whole)  # into a file, it hides that a disk is full
    with replacing(folder.checkpoint) as path:
        with path.open("wb") as file:
            file.write(whole.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        if folder.checkpoint.exists():
            with contextlib.suppress(OSError):  # not every file system has links
                folder.earlier_checkpoint.unlink(missing_ok=True)
                os.link(folder.checkpoint, folder.earlier_checkpoint)


def read_checkpoint(folder: RunFolder) -> dict[str, Any]:
    """The last checkpoint of a run, on the CPU; where it is lost, the one before it.

    Raises
    ------
    TrainingError
        If there is none yet.
    FileFormatError
        If both are broken, or hold more than tensors and plain values.
    """
    found = folder.require().checkpoints
    if not found:
        raise TrainingError(f"{folder.path} has no checkpoint yet: the run has not come that far")
    for path in found[:-1]:
        try:
            return _read(path)
        except FileFormatError as error:
            more = "the one before it is taken, from which `fewmark train --resume` goes on"
            logger.warning("%s; %s", error, more)
    try:
        return _read(found[-1])
    except FileFormatError as error:
        problem = f"{error.problem}; begin a new run"
        raise FileFormatError(error.path, error.where, problem) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # torch would load changed numbers without a word
        content = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        problem = "not a checkpoint that can be read"
        raise FileFormatError(path, None, problem) from error
    if damaged is not None:
        raise FileFormatError(path, damaged, "not a checkpoint that can be read: it was changed")
    if not isinstance(content, dict) or not content.keys() >= _KEYS:
        raise FileFormatError(path, None, "not a checkpoint of a training run")
    if content["version"] != _VERSION:
        problem = f"expected {_VERSION}, found {content['version']!r}"
        raise FileFormatError(path, "version", problem)
    return content


def require_same(
    folder: RunFolder, saved: dict[str, Any], config: TrainingConfig, data: str
) -> None:
    """Refuse to go on with another config or other data, known by their hashes.

    Raises
    ------
    TrainingError
        If either differs from what the checkpoint was made with.
    """
    for what, found in (("config", config.identity), ("data", data)):
        if saved[what] != found:
            raise other(folder, what)


def other(folder: RunFolder, what: str) -> TrainingError:
    """What is wrong where a run is to go on with something else than it was begun with."""
    problem = f"{folder.path} was begun with another {what}, so it cannot go on with this one"
    return TrainingError(f"{problem}; begin a new run")
