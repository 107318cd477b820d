"""Checkpoints: written whole or not at all, read without running anything in them."""

import hashlib
import pickle
import struct
from typing import Any

import torch

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError, TrainingError
from datasets.files import replacing
from weaksup.config import TrainingConfig
from weaksup.run_folder import RunFolder
from weaksup.samples import TrainingData

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
    """Write what `read_checkpoint` gives back."""
    whole = {"version": _VERSION, **content}
    try:
        with replacing(folder.checkpoint) as path:
            torch.save(whole, path)
    except RuntimeError as error:  # torch's word for a full disk
        reason = str(error).splitlines()[0]
        raise FileFormatError(folder.checkpoint, None, f"cannot be written: {reason}") from error


def read_checkpoint(folder: RunFolder) -> dict[str, Any]:
    """The last checkpoint of a run, on the CPU.

    Raises
    ------
    TrainingError
        If there is none yet.
    FileFormatError
        If it is broken, or holds more than tensors and plain values.
    """
    path = folder.require().checkpoint
    if not path.exists():
        raise TrainingError(f"{folder.path} has no checkpoint yet: the run has not come that far")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise FileFormatError(path, None, "not a checkpoint that can be read") from error
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
            problem = f"{folder.path} was begun with another {what}, "
            raise TrainingError(f"{problem}so it cannot go on with this one; begin a new run")
