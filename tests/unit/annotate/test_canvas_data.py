"""What the canvas is told of a project."""

from dataclasses import replace
from pathlib import Path

import pytest

from annotate.store import AnnotationStore, NewItem
from annotate.ui import canvas_data
from datasets.formats import SparseFormat, landmark_format

KNOWN = landmark_format("300w-68")


@pytest.mark.parametrize(
    ("definitions", "shown"),
    [
        (KNOWN.definitions, KNOWN.definitions[KNOWN.landmarks[30]]),
        ({}, KNOWN.definitions[KNOWN.landmarks[30]]),  # as projects were made before there were any
        ({KNOWN.landmarks[30]: "On the tip."}, "On the tip."),
    ],
)
def test_the_canvas_is_told_where_landmarks_are(
    store: AnnotationStore, monkeypatch: pytest.MonkeyPatch, definitions: dict[str, str], shown: str
) -> None:
    monkeypatch.setenv("FEWMARK_STORE", str(store.engine.url))
    sparse = SparseFormat(replace(KNOWN, definitions=definitions), (30,), (30,) * 68)
    item = NewItem("a", Path("/a.png"), 9, 9)
    project = store.create_project(f"p-{len(definitions)}", sparse, [item])
    assert canvas_data(store, project, "ann", "/")["definitions"] == [shown]


def test_other_landmarks_of_a_known_name_have_no_definitions_of_the_catalogue(
    store: AnnotationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEWMARK_STORE", str(store.engine.url))
    other = replace(landmark_format("points-68"), name="300w-68")
    item = NewItem("a", Path("/a.png"), 9, 9)
    project = store.create_project("p", SparseFormat(other, (30,), (30,) * 68), [item])
    assert canvas_data(store, project, "ann", "/")["definitions"] == [""]
