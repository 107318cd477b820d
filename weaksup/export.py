"""A trained network as one ONNX file: pictures and boxes in, landmarks in pixels out.

The file holds all that `weaksup.inference.infer` does: squares are cut around the boxes, pixels
are scaled, the network looks, and landmarks go back to the picture. Nothing of ours is needed to
use it.
"""

import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError, TrainingError
from datasets.files import replacing
from datasets.images import Image, read_image
from datasets.metrics import BOX
from weaksup.boxed_network import BoxedNetwork
from weaksup.card import card_text
from weaksup.inference import load_network
from weaksup.run_folder import SOURCES_FILE, RunFolder
from weaksup.sources import Sources

BATCHES = (1, 2, 5)
"""Numbers of boxes that a file is tried with."""

CONVENTION = (
    "landmarks and boxes are in pixels of the picture, x to the right, y down, the centre of the "
    "top-left pixel is (0, 0); a box is x_min, y_min, x_max, y_max; a box of NaN: the whole picture"
)

_MOST_OFF_PX = 1e-2
_MOST_OFF_INFER = 0.01
_OPSET = 17


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, and how far it is from the network it was made of.

    Parameters
    ----------
    path
        The ONNX file.
    off_px
        Largest difference from the same computation by torch, pixels of the picture.
    off_infer
        Largest difference from `weaksup.inference.infer`, which cuts crops in whole grey levels;
        in parts of the square's side.
    """

    path: Path
    off_px: float
    off_infer: float


def export(
    run: RunFolder | str | Path, path: str | Path, pictures: LandmarkDataset | None = None
) -> Exported:
    """Write the network of a run as an ONNX file, and try it with 1, 2 and 5 boxes.

    Parameters
    ----------
    run
        A run with a checkpoint.
    path
        Of the file; an old one is replaced if all is well.
    pictures
        What it is tried on; left out, the run's own, or noise where those are gone.

    Raises
    ------
    TrainingError
        If the run cannot be used, or the file computes something else than the network.
    FewmarkError
        If the packages `onnx` and `onnxruntime` are missing.
    """
    folder = (run if isinstance(run, RunFolder) else RunFolder(run)).require()
    _require_packages()
    config, network = folder.config, load_network(folder)
    model = BoxedNetwork(network, config.image_size_px, config.margin).eval()
    path = Path(path)
    with replacing(path) as new:
        _write(model, new, _metadata(folder))
        off_px, off_infer = _differences(new, model, _tries(pictures or _own_pictures(folder)))
        if not off_px <= _MOST_OFF_PX or not off_infer <= _MOST_OFF_INFER:
            problem = f"its landmarks are off by {off_px:.3g} px and {off_infer:.2%} of the crop"
            raise TrainingError(f"{path} is not written: {problem}")
    return Exported(path, off_px, off_infer)


def _require_packages() -> None:
    try:
        import onnx  # noqa: F401, PLC0415 - an extra
        import onnxruntime  # noqa: F401, PLC0415
    except ImportError as error:
        problem = "ONNX files need onnx and onnxruntime: pip install 'fewmark[onnx]'"
        raise FewmarkError(problem) from error


def _write(model: BoxedNetwork, path: Path, metadata: dict[str, str]) -> None:
    import onnx  # noqa: PLC0415 - an extra

    example = (torch.zeros(8, 8, 3, dtype=torch.uint8), torch.tensor([[0.0, 0.0, 7.0, 7.0]]))
    with warnings.catch_warnings():
        # The newer exporter needs one more package and many times the time, to the same end.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            example,
            path,
            dynamo=False,
            opset_version=_OPSET,
            input_names=["image", "boxes"],
            output_names=["landmarks"],
            dynamic_axes={
                "image": {0: "H", 1: "W"},
                "boxes": {0: "B"},
                "landmarks": {0: "B"},
            },
        )
    whole = onnx.load(path)
    onnx.helper.set_model_props(whole, metadata)
    onnx.save(whole, path)


def _metadata(folder: RunFolder) -> dict[str, str]:
    """What a user of the file must know, as texts."""
    config, sparse = folder.config, folder.sparse
    return {
        "fewmark_version": version("fewmark"),
        "run": folder.name,
        "landmark_format": sparse.dense.name,
        "landmarks": json.dumps(sparse.dense.landmarks),
        "sparse": json.dumps(sparse.names),
        "margin": str(config.margin),
        "size_px": str(config.image_size_px),
        "normaliser": sparse.dense.default_span or BOX,
        "convention": CONVENTION,
        "card": card_text(folder),
    }


def _own_pictures(folder: RunFolder) -> LandmarkDataset | None:
    """What the run was measured on, else what it learnt from; None where that is gone."""
    try:
        data = Sources.from_table(folder.sources, folder.path / SOURCES_FILE).load()
        data.require_pictures()
    except FewmarkError:
        return None
    return data.images if data.valid is None else data.valid


def _tries(pictures: LandmarkDataset | None) -> Iterator[tuple[Image, NDArray[np.float32]]]:
    """Pictures, each with as many boxes as `BATCHES` has: the first its own, others near it."""
    rng = np.random.default_rng(0)
    for number, count in enumerate(BATCHES):
        if pictures is None:
            image, box = rng.integers(0, 256, (150, 200, 3), dtype=np.uint8), None
        else:
            row = number % len(pictures)
            image, box = read_image(pictures.image_path(row)), pictures.box(row)
        H, W = image.shape[:2]
        around = np.array(box or (0.0, 0.0, W - 1.0, H - 1.0))
        moves = rng.uniform(-0.1, 0.1, (count, 4)) * (around[2:] - around[:2]).max()
        moves[0] = 0.0 if box else np.nan
        yield image, (around + moves).astype(np.float32)


def _differences(
    path: Path, model: BoxedNetwork, tries: Iterator[tuple[Image, NDArray[np.float32]]]
) -> tuple[float, float]:
    """The two differences of `Exported`; NaN where a landmark is no number."""
    import onnxruntime  # noqa: PLC0415 - an extra

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    off_px, off_infer = [], []
    for image, boxes in tries:
        found = session.run(None, {"image": image, "boxes": boxes})[0]
        with torch.inference_mode():
            expected = model(torch.from_numpy(image), torch.from_numpy(boxes)).numpy()
        off_px.append(np.abs(found - expected).max())
        inferred, sides = model.inferred(image, boxes)
        off_infer.append((np.abs(found - inferred) / sides).max())
    return float(np.max(off_px)), float(np.max(off_infer))
