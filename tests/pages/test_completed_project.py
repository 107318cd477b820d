"""The Annotate page, asked for a project of completed pictures."""

import numpy as np
import pytest

from annotate.exchange import create_project, mean_guide
from annotate.server import workspace_store
from datasets.shapes import ShapeSet
from tests.pages.annotate_space import (
    DENSE,
    SPARSE,
    canvas_data,
    empty_workspace,
    keep_cookies,
    opened,
    save_faces,
    shown,
)


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    return empty_workspace(tmp_path, monkeypatch)


@pytest.fixture(autouse=True)
def cookies(monkeypatch):
    keep_cookies(monkeypatch)


@pytest.fixture
def faces(workspace):
    return save_faces(workspace)


@pytest.fixture
def project(faces):
    return create_project(workspace_store(), "one", SPARSE, faces, guide=mean_guide(faces.shapes))


@pytest.fixture
def completed(faces, workspace):
    """All landmarks of the four pictures; the third is the most doubtful."""
    points = np.random.default_rng(1).uniform(5, 25, size=(4, 5, 2))
    made = faces.with_shapes(ShapeSet.from_points(points, DENSE))
    made.save(workspace / "data" / "filled")
    (workspace / "data" / "filled" / "scores.csv").write_text("image,score\nface-2,9\nface-1,3\n")
    return made


@pytest.mark.parametrize("formats", [True, False])
def test_completed_pictures_become_a_project_of_all_landmarks_doubtful_first(
    completed, workspace, formats
):
    if not formats:
        (workspace / "formats" / "three.toml").unlink()
    app = opened(completed="filled")
    app.button_group(key="annotate.completed.share").set_value("all").run()
    app.button(key="annotate.completed.create").click().run()
    assert not app.exception
    store = workspace_store()
    (made,) = store.projects()
    assert made.name == "filled"
    assert made.sparse.chosen == (0, 1, 2, 3, 4)
    assert canvas_data(app)["ghosts"][0] == "filled"
    (first,) = (item for item in store.items(made) if item.content.shape_id == "face-2")
    ghosts = [(point.x, point.y) for point in store.ghosts([first])[first.id]]
    np.testing.assert_allclose(ghosts, completed.shapes.points[2], atol=0.01)
    names = [item.content.shape_id for item in store.items(made)]  # the canvas tells their place
    assert names == ["face-2", "face-1", "face-0", "face-3"]
    assert store.leases.claim(made, "ann", 3).next_open == (0, 1, 2)
    assert not app.header  # the form is put away


@pytest.mark.usefixtures("completed")
def test_of_completed_pictures_a_fifth_is_looked_at_unless_more_are_wanted():
    app = opened(completed="filled")
    assert app.button_group(key="annotate.completed.share").options == [
        "a tenth (1)", "a fifth (1)", "all (4)",
    ]  # fmt: skip
    app.button(key="annotate.completed.create").click().run()
    store = workspace_store()
    (made,) = store.projects()
    assert [item.content.shape_id for item in store.items(made)] == ["face-2"]


@pytest.mark.usefixtures("completed")
def test_completed_pictures_without_scores_are_looked_at_as_they_are(workspace):
    (workspace / "data" / "filled" / "scores.csv").unlink()
    app = opened(completed="filled")
    assert "4 pictures, in the order of the data set" in shown(app)
    app.button(key="annotate.completed.create").click().run()
    store = workspace_store()
    names = [item.content.shape_id for item in store.items(store.projects()[0])]
    assert names == ["face-0", "face-1", "face-2", "face-3"]


@pytest.mark.usefixtures("completed", "project")
def test_completed_pictures_can_wait_and_broken_scores_make_no_project(workspace):
    (workspace / "data" / "filled" / "scores.csv").write_text("image,score\nface-2,much\n")
    app = opened(completed="filled")
    app.button(key="annotate.completed.create").click().run()
    assert "expected a finite number as score" in app.error[0].value
    app.button(key="annotate.completed.not_now").click().run()
    assert not app.header
    assert [found.name for found in workspace_store().projects()] == ["one"]
