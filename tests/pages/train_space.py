"""Workspaces for the tests of the page Train: they need no pictures unless a run is started."""

import json
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from datasets.dataset import LandmarkDataset
from datasets.formats import SparseFormat, landmark_format
from datasets.images import write_image
from datasets.samples import sample_table
from datasets.shapes import ShapeSet
from datasets.workspace import VARIABLE, Workspace
from weaksup.presets import preset
from weaksup.run_folder import METRICS, RunFolder
from weaksup.run_state import RunState
from weaksup.sources import Sources

FIVE = landmark_format("mafl-5")
SPARSE = SparseFormat(FIVE, (0, 2), (0, 0, 2, 2, 2))


def script():
    import weaksup.page
    from datasets.ui import page_body

    page_body(weaksup.page.render)()


def empty_space(tmp_path, monkeypatch):
    """A workspace that pages and their commands find."""
    workspace = Workspace(tmp_path / "space")
    monkeypatch.setenv(VARIABLE, str(workspace.root))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    return workspace


def opened():
    page = AppTest.from_function(script, default_timeout=60).run()
    assert not page.exception
    return page


def fill(space, *, pictures=True):
    """24 shapes: 8 dense ones, clicks on all, and another 6 that are valid."""
    rng = np.random.default_rng(0)
    base = np.array([[10, 12], [22, 12], [16, 17], [11, 23], [21, 23]], dtype=float)
    points = base + rng.normal(0, 1.5, (30, 5, 2))
    names = [f"face{i}" for i in range(30)]
    root = space.root / "pictures"
    root.mkdir(parents=True)
    if pictures:
        for name in names:
            write_image(root / f"{name}.png", rng.integers(0, 255, (32, 32, 3), dtype=np.uint8))
    splits = ["train"] * 24 + ["valid"] * 6
    samples = sample_table(names, [f"{n}.png" for n in names], split=splits)
    whole = LandmarkDataset(ShapeSet.from_points(points, FIVE), samples, root)
    whole.save(space.data / "faces")
    whole.take(np.arange(8)).save(space.data / "dense")
    clicks = whole.take(np.arange(24))
    clicks.with_shapes(clicks.shapes.keep(SPARSE.chosen)).save(space.data / "clicks")
    SPARSE.save(space.formats / "m2.toml")


def add_run(space, name, status, *, epochs_done=1, warnings=(), process=None, valid_split=None):
    run = RunFolder(space.runs / name)
    sources = Sources((space.data / "dense",), valid=space.data / "faces", valid_split=valid_split)
    run.create(preset("quick"), SPARSE, sources.to_table(run.path))
    facts = {
        "images": 24, "dense": 8, "valid": 6, "landmarks": 5, "sparse": 2, "device": "cpu",
        "mean_shape_nme": 0.2,
    }  # fmt: skip
    number, created = process or (2**30, 0.0)
    run.set_state(
        RunState(status, "its message", epochs_done, 100, warnings, facts, number, created)
    )
    row = dict.fromkeys(METRICS, 0.5) | {"stage": "sparse", "epoch": 1}
    run.add_metrics(row)
    return run


def add_job(run, log):
    """A job that began after all that the run says, and has ended."""
    note = {"arguments": ["train"], "process": 2**30, "created": 1e9}
    (run.path / "job.json").write_text(json.dumps(note))
    (run.path / "job.log").write_text(log)


def metric(page, label):
    return next(m.value for m in page.metric if m.label == label)


def texts(elements):
    return " ".join(element.value for element in elements)


def labels(page):
    return [button.label for button in page.button]


def press(page, label):
    next(button for button in page.button if button.label == label).click().run()
    assert not page.exception
