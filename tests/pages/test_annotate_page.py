"""The Annotate page: from an empty workspace to exported labels."""

import numpy as np
import pytest

import annotate.page as module
from annotate.exchange import create_project, mean_guide
from annotate.labelling import placed
from annotate.server import token, workspace_store
from annotate.store import Draft, Status
from datasets.dataset import LandmarkDataset
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
    return keep_cookies(monkeypatch)


@pytest.fixture
def faces(workspace):
    return save_faces(workspace)


@pytest.fixture
def project(faces):
    return create_project(workspace_store(), "one", SPARSE, faces, guide=mean_guide(faces.shapes))


def replace_box(app, name):
    return next(box for box in app.checkbox if f"Replace the data set {name}:" in box.label)


@pytest.mark.usefixtures("workspace")
def test_an_empty_workspace_leads_to_choosing_landmarks():
    app = opened()
    assert "choose first" in shown(app)
    assert not app.get("bidi_component")


def test_a_sparse_format_without_fitting_pictures_leads_to_the_data(workspace):
    SPARSE.save(workspace / "formats" / "three.toml")
    app = opened()
    assert "No data set with pictures has the 5 landmarks of mafl-5" in shown(app)


@pytest.mark.usefixtures("faces")
def test_a_project_is_created_and_opened():
    app = opened()
    app.text_input(key="annotate.new.name.project-1.0").input(" ").run()
    assert app.button(key="annotate.create").disabled
    app.text_input(key="annotate.new.name.project-1.0").input("first").run()
    app.button(key="annotate.create").click().run()
    assert not app.exception
    made = workspace_store().project("first")
    assert [item.content.shape_id for item in workspace_store().items(made)] == [
        "face-1", "face-2", "face-3",
    ]  # fmt: skip
    assert canvas_data(app)["project"] == made.id
    assert len(made.guide) == 5
    assert app.text_input(key="annotate.new.name.project-1.1").value == "project-1"  # not "first"


@pytest.mark.usefixtures("faces")
def test_a_project_needs_no_typing():
    app = opened()
    app.button(key="annotate.create").click().run()
    assert [project.name for project in workspace_store().projects()] == ["project-1"]
    assert app.text_input(key="annotate.new.name.project-2.1").value == "project-2"


@pytest.mark.parametrize("others", [(), ("one",), ("one", "three")])
def test_a_format_that_was_just_chosen_makes_a_project_with_one_click(faces, workspace, others):
    SPARSE.save(workspace / "formats" / "another.toml")
    for name in others:
        create_project(workspace_store(), name, SPARSE, faces)
    app = opened(**{"sparse": "three", "new-project": "three"})
    assert "New project" in [element.value for element in app.header]
    assert app.selectbox(key="annotate.sparse").value == "three"
    app.button(key="annotate.create").click().run()
    assert not app.exception
    name = "three-1" if "three" in others else "three"
    made = workspace_store().project(name)
    assert canvas_data(app)["project"] == made.id
    assert not app.header  # the form is put away
    key = f"annotate.new.name.project-1.{len(others) + 1}"
    assert app.text_input(key=key).value == "project-1"


@pytest.mark.usefixtures("project")
def test_a_project_that_was_asked_for_can_wait():
    app = opened(**{"new-project": "three"})
    app.button(key="annotate.not_now").click().run()
    assert not app.header
    assert canvas_data(app)["project_name"] == "one"
    app.session_state["fewmark.new-project"] = "removed meanwhile"
    assert not app.run().header
    assert not app.exception


@pytest.mark.parametrize(("marked", "told"), [(2, False), (4, True)])
def test_it_is_told_where_all_landmarks_are_there_already(faces, workspace, marked, told):
    points = np.full((4, 5, 2), np.nan)
    points[:marked] = np.random.default_rng(0).uniform(5, 25, size=(marked, 5, 2))
    shapes = ShapeSet.from_points(points, DENSE)
    LandmarkDataset(shapes, faces.samples, faces.root).save(workspace / "data" / "faces")
    assert ("people mark them anew" in shown(opened())) == told


@pytest.mark.usefixtures("faces")
def test_split_and_dense_rows_can_be_chosen():
    app = opened()
    app.text_input(key="annotate.new.name.project-1.0").input("all of train").run()
    app.selectbox(key="annotate.split.faces").select("train").run()
    app.checkbox(key="annotate.unmarked").uncheck().run()
    app.button(key="annotate.create").click().run()
    made = workspace_store().project("all of train")
    assert workspace_store().counts(made).total == 3


def test_a_picture_that_is_missing_is_told_and_no_project_made(faces):
    faces.image_path(2).unlink()
    app = opened()
    app.text_input(key="annotate.new.name.project-1.0").input("first").run()
    app.button(key="annotate.create").click().run()
    assert "2.png" in shown(app)
    assert workspace_store().projects() == []


def test_the_canvas_is_told_everything_about_the_project(project):
    workspace_store().save(
        Draft(1, "ann", "tab", 1, 0, (placed(1, 1), placed(2, 2), placed(3, 3)), Status.DONE)
    )
    data = canvas_data(opened())
    assert data["root"] == "/"
    assert data["project_name"] == "one"
    assert data["names"] == ["right pupil", "nose tip", "left mouth corner"]
    assert data["chosen"] == [0, 2, 4]
    assert data["groups"] == [0, 2, 3]
    assert data["guide"] == [list(point) for point in project.guide]
    assert data["start"] == 1
    assert data["token"] == token()
    assert data["module"].startswith("api/frontend/")


def test_another_name_of_the_annotator_reaches_the_canvas(project):
    app = opened()
    app.text_input(key="annotate.name").input("anna").run()
    assert canvas_data(app)["annotator"] == "anna"
    assert canvas_data(app)["project"] == project.id


def test_the_name_of_the_last_visit_counts_more_than_the_servers_user(project, cookies):
    cookies["fewmark_annotator"] = "Zo%C3%A9%3B%20M"
    assert canvas_data(opened())["annotator"] == "Zoé; M"
    assert project.name == "one"


def test_a_server_without_users_has_an_annotator_all_the_same(project, monkeypatch):
    def nobody():
        raise OSError("no user database")

    monkeypatch.setattr(module.getpass, "getuser", nobody)
    assert canvas_data(opened())["annotator"] == "annotator"
    assert project.name == "one"


def test_labels_are_exported_as_a_data_set_and_replaced_only_when_asked(project, workspace):
    app = opened()
    app.button(key="annotate.export.go").click().run()
    assert "nothing to export" in shown(app)
    store = workspace_store()
    item = store.items(project)[1].id
    store.save(Draft(item, "ann", "tab", 1, 0, (placed(1, 2), None, None), Status.OPEN))
    app.button(key="annotate.export.go").click().run()
    assert "1 labelled pictures" in app.success[0].value
    labels = LandmarkDataset.load(workspace / "data" / "one-labels")
    assert labels.shapes.points[0, 0].tolist() == [1.0, 2.0]
    app = opened()
    assert app.button(key="annotate.export.go").disabled
    replace_box(app, "one-labels").check().run()
    app.button(key="annotate.export.go").click().run()
    assert app.success
    old = LandmarkDataset.load(workspace / ".trash" / "one-labels")
    assert old.shapes.points[0, 0].tolist() == [1.0, 2.0]
    assert not replace_box(app.run(), "one-labels").value


def test_the_tick_to_replace_is_about_one_data_set(project, workspace):
    LandmarkDataset.load(workspace / "data" / "faces").save(workspace / "data" / "other")
    app = opened()
    app.text_input(key=f"annotate.export.{project.id}").input("faces").run()
    found = replace_box(app, "faces")
    assert "5 landmarks in 4 pictures, which no model placed" in found.label
    found.check().run()
    assert not app.button(key="annotate.export.go").disabled
    app.text_input(key=f"annotate.export.{project.id}").input("other").run()
    assert not replace_box(app, "other").value
    assert app.button(key="annotate.export.go").disabled


@pytest.mark.parametrize(
    ("project_name", "proposed"),
    [("team one", "team-one-labels"), ("é 2/3", "é-2-3-labels"), ("(x)", "labels-1")],
)
def test_the_proposed_name_of_a_data_set_can_be_taken_as_it_is(faces, project_name, proposed):
    project = create_project(workspace_store(), project_name, SPARSE, faces)
    app = opened()
    assert app.text_input(key=f"annotate.export.{project.id}").value == proposed
    assert not app.button(key="annotate.export.go").disabled


@pytest.mark.parametrize("name", ["../out", "a/b", "", ".hidden"])
def test_a_data_set_keeps_to_its_folder(project, workspace, name):
    app = opened()
    app.text_input(key=f"annotate.export.{project.id}").input(name).run()
    assert "starts with no dot" in app.warning[0].value
    assert [path.name for path in (workspace / "data").iterdir()] == ["faces"]


def test_a_project_can_be_put_away_and_taken_out_again(project):
    app = opened()
    app.button(key="annotate.archive").click().run()
    assert not app.get("bidi_component")
    assert workspace_store().project(project.name).archived
    app.button(key="annotate.restore").click().run()
    assert canvas_data(app)["project"] == project.id


def test_the_chosen_project_is_kept(project, faces):
    from annotate.exchange import create_project

    other = create_project(workspace_store(), "two", SPARSE, faces)
    app = opened()
    assert canvas_data(app)["project"] == other.id
    app.selectbox[0].select("one").run()
    assert canvas_data(app)["project"] == project.id
    assert app.query_params["project"] in ("one", ["one"])


def test_a_project_that_somebody_put_away_is_told(project, faces):
    from annotate.exchange import create_project

    other = create_project(workspace_store(), "two", SPARSE, faces)
    workspace_store().set_archived(project, archived=True)
    app = opened({"project": "one"})
    assert "The project one is not open any more; this is two" in app.info[0].value
    assert canvas_data(app)["project"] == other.id
    assert not app.run().info


def test_done_pictures_lead_to_training(project):
    store = workspace_store()
    assert "then train" not in shown(opened())
    points = (placed(1, 1), placed(2, 2), placed(3, 3))
    store.save(Draft(store.items(project)[0].id, "ann", "tab", 1, 0, points, Status.DONE))
    assert "1 of 4 pictures" in shown(opened())


def test_a_broken_store_is_told_in_one_line(faces, workspace):
    (workspace / "labels.sqlite").write_text("nonsense " * 200)
    app = opened()
    assert "cannot be used" in app.error[0].value
    assert len(faces) == 4


def test_measured_times_are_handed_to_the_budget(project):
    app = opened()
    app.button(key="annotate.times").click().run()
    assert "no picture was marked by hand" in app.info[0].value
    store = workspace_store()
    item = store.items(project)[1].id
    for number in (1, 2, 3):
        points = (*[placed(number, 2.0)] * number, *[None] * (3 - number))
        status = Status.DONE if number == 3 else Status.OPEN
        active_ms = 7000 if number == 1 else 2000
        store.save(
            Draft(item, "ann", "tab", number, number - 1, points, status, active_ms=active_ms)
        )
    app.button(key="annotate.times").click().run()
    assert not app.exception
    kept = app.session_state["fewmark.times"]
    assert (kept.seconds_per_point, kept.seconds_per_image) == (2, 5)
    assert "2.00 s a point, 5.00 s more a picture (one: one picture by one person)" in shown(app)


def test_a_new_project_starts_from_predictions_and_more_takes_them_away(faces, workspace):
    points = np.random.default_rng(1).uniform(5, 25, size=(4, 5, 2))
    faces.with_shapes(ShapeSet.from_points(points, DENSE)).save(workspace / "data" / "net")
    app = opened()
    app.selectbox(key="annotate.dataset").select("faces").run()
    app.selectbox(key="annotate.new.ghosts").select("net").run()
    app.button(key="annotate.create").click().run()
    store = workspace_store()
    (made,) = store.projects()
    assert store.ghost_source(made).name == "net"
    assert canvas_data(app)["ghosts"][0] == "net"
    app.selectbox(key=f"annotate.ghosts.{made.id}").select("nothing").run()
    app.button(key="annotate.ghosts.use").click().run()
    assert store.ghost_source(made) is None
    assert canvas_data(app)["ghosts"] is None


def test_predictions_without_a_common_picture_are_told_and_the_project_stands(faces, workspace):
    points = np.random.default_rng(1).uniform(5, 25, size=(4, 5, 2))
    other = faces.with_shapes(ShapeSet.from_points(points, DENSE)).prefixed("x-")
    other.save(workspace / "data" / "net")
    app = opened()
    app.selectbox(key="annotate.dataset").select("faces").run()
    app.selectbox(key="annotate.new.ghosts").select("net").run()
    app.button(key="annotate.create").click().run()
    assert [p.name for p in workspace_store().projects()]
    assert any("no shape is in both" in w.value for w in app.warning)


def test_the_most_uncertain_pictures_can_come_first(project, workspace):
    store = workspace_store()
    ghosts = tuple(placed(*place) for place in ((10, 10), (30, 10), (20, 25)))
    store.set_ghosts(project, "faces", {item.id: ghosts for item in store.items(project)})
    app = opened()
    app.button(key="annotate.order.use").click().run()
    assert "takes 30 shapes with all landmarks" in app.warning[0].value
    (workspace / "data" / "faces" / "scores.csv").write_text("image,score\nface-2,0.5\n")
    app.button(key="annotate.order.use").click().run()
    assert not app.exception
    assert "The most uncertain pictures come first: 1 have a score." in shown(app)
    assert store.leases.claim(project, "ann", 2).next_open == (2, 0)
    app.button(key="annotate.order.remove").click().run()
    assert store.priorities(project) == 0
