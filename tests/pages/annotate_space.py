"""Workspaces for the tests of the page Annotate, and what is seen on it."""

import json
from types import SimpleNamespace

import cv2
import numpy as np
from streamlit.testing.v1 import AppTest

import annotate.page as module
from datasets.dataset import LandmarkDataset
from datasets.formats import SparseFormat, landmark_format
from datasets.samples import sample_table
from datasets.shapes import ShapeSet

DENSE = landmark_format("mafl-5")
SPARSE = SparseFormat(DENSE, (0, 2, 4), (0, 0, 2, 2, 4))


def page():
    from annotate.page import render
    from datasets.ui import page_body

    page_body(render)()


def empty_workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("FEWMARK_WORKSPACE", str(tmp_path / "workspace"))
    return tmp_path / "workspace"


def keep_cookies(monkeypatch):
    """What the browser keeps; AppTest has none."""
    kept = {}
    monkeypatch.setattr(module.st, "context", SimpleNamespace(cookies=kept))
    return kept


def save_faces(workspace):
    """Four pictures in two splits; the first face has all its landmarks."""
    images = workspace / "pictures"
    images.mkdir(parents=True)
    for i in range(4):
        cv2.imwrite(str(images / f"{i}.png"), np.full((30, 40, 3), 90, np.uint8))
    points = np.random.default_rng(0).uniform(5, 25, size=(4, 5, 2))
    points[1:] = np.nan
    samples = sample_table(
        [f"face-{i}" for i in range(4)], [f"{i}.png" for i in range(4)],
        split=["train", "train", "train", "valid"],
    )  # fmt: skip
    dataset = LandmarkDataset(ShapeSet.from_points(points, DENSE), samples, images)
    dataset.save(workspace / "data" / "faces")
    SPARSE.save(workspace / "formats" / "three.toml")
    return dataset


def opened(asked=(), **remembered):
    """The page, asked for by an address with these parameters, in a session that remembers this."""
    app = AppTest.from_function(page, default_timeout=60)
    app.query_params.update(asked)
    for name, value in remembered.items():
        app.session_state[f"fewmark.{name}"] = value
    app.run()
    assert not app.exception
    return app


def canvas_data(app):
    return json.loads(app.get("bidi_component")[0].proto.json)


def shown(app):
    return " ".join(element.value for element in (*app.markdown, *app.caption, *app.error))
