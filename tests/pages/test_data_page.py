from pathlib import Path

import numpy as np
import psutil
import pytest
from streamlit.testing.v1 import AppTest

from datasets.dataset import LandmarkDataset
from datasets.formats import landmark_format
from datasets.images import write_image
from datasets.jobs import find_job
from datasets.samples import sample_table
from datasets.shapes import ShapeSet
from datasets.workspace import VARIABLE, Workspace

FIVE = landmark_format("mafl-5")


def script():
    import datasets.page
    from datasets.ui import page_body

    page_body(datasets.page.render)()


@pytest.fixture
def space(tmp_path, monkeypatch):
    workspace = Workspace(tmp_path / "space")
    monkeypatch.setenv(VARIABLE, str(workspace.root))
    monkeypatch.chdir(tmp_path)
    # a command that the page starts finds the code from any folder
    root = str(Path(__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", root)
    return workspace


def save_faces(workspace, name="faces", N=14):
    pictures = workspace.root / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    points = rng.uniform(5, 35, (N, 5, 2))
    points[1, 2:] = np.nan
    points[2] = np.nan
    ids = [f"face{i}" for i in range(N)]
    for shape_id in ids:
        write_image(pictures / f"{shape_id}.png", np.full((40, 40, 3), 120, np.uint8))
    splits = ["train" if i % 2 else "valid" for i in range(N)]
    samples = sample_table(ids, [f"{i}.png" for i in ids], split=splits, subject=ids)
    shapes = ShapeSet.from_points(points, FIVE)
    LandmarkDataset(shapes, samples, pictures).save(workspace.data / name)


def opened():
    page = AppTest.from_function(script, default_timeout=30).run()
    assert not page.exception
    return page


def press(page, label):
    next(button for button in page.button if button.label == label).click().run()
    assert not page.exception
    return page


def wait_for_job(workspace):
    job = find_job(workspace.root / ".jobs" / "data")
    if job.running:
        psutil.Process(job.process).wait(timeout=60)
    return job


def metrics(page):
    return {metric.label: metric.value for metric in page.metric}


def texts(page):
    found = (*page.markdown, *page.caption, *page.info, *page.warning)
    return " ".join(element.value for element in found)


@pytest.mark.usefixtures("space")
def test_an_empty_workspace_says_how_to_begin():
    page = opened()
    assert page.title[0].value == "Data"
    assert "no data set in this workspace yet" in page.info[0].value
    assert not page.metric
    assert [tab.label for tab in page.tabs] == ["Demo faces", "Files on this computer", "Upload"]


def test_a_data_set_is_shown_with_its_numbers_and_pictures(space):
    save_faces(space)
    page = opened()
    found = metrics(page)
    assert (found["Shapes"], found["Dense"], found["Sparse"], found["Unmarked"]) == (
        "14", "12", "1", "1",
    )  # fmt: skip
    assert "train 7" in texts(page)
    assert "1 of 14: `face0`" in texts(page)
    assert list(page.dataframe[0].value["name"]) == list(FIVE.landmarks)
    assert list(page.dataframe[0].value["present in"]) == [13, 13, 12, 12, 12]


def test_the_buttons_lead_through_the_pictures(space):
    save_faces(space)
    page = press(opened(), "Next")
    assert "2 of 14: `face1`" in texts(page)
    press(page, "Later")
    assert "13 of 14: `face12`" in texts(page)
    press(page, "14")
    assert "14 of 14" in texts(page)
    assert next(b for b in page.button if b.label == "Next").disabled
    press(page, "Previous")
    press(page, "Earlier")
    assert "1 of 14" in texts(page)


def test_missing_pictures_are_counted_and_the_page_goes_on(space):
    save_faces(space)
    for picture in (space.root / "pictures").iterdir():
        picture.unlink()
    page = opened()
    assert "14 of 14 pictures are not there" in page.warning[0].value
    assert "there is no such picture" in texts(page)
    assert metrics(page)["Shapes"] == "14"


def test_a_broken_data_set_is_one_clear_error_and_can_be_deleted(space):
    save_faces(space, "broken")
    (space.data / "broken" / "shapes.parquet").write_bytes(b"no parquet")
    page = opened()
    assert "This data set cannot be read." in page.error[0].value
    assert "not a readable Parquet file" in page.error[0].value
    press(page, "Delete")
    assert not page.error
    assert space.dataset_names() == []


def test_a_deleted_data_set_can_be_restored(space):
    save_faces(space, "a")
    save_faces(space, "b")
    page = press(opened(), "Delete")
    assert space.dataset_names() == ["b"]
    press(page, "Restore")
    assert space.dataset_names() == ["a", "b"]
    assert page.selectbox[0].value == "a"


def test_a_choice_by_the_page_has_a_new_select_box(space):
    """A browser keeps what an old box shows, and the next button would act on that."""
    save_faces(space, "a")
    save_faces(space, "b")
    page = opened()
    before = page.selectbox[0].key
    press(page, "Delete")
    assert page.selectbox[0].key != before
    assert page.selectbox[0].value == "b"


def test_a_data_set_can_be_renamed_but_not_to_a_name_that_is_taken(space):
    save_faces(space, "a")
    save_faces(space, "b")
    page = opened()
    page.text_input(key="data.new-name.a").set_value("b").run()
    press(page, "Rename it")
    assert "there is a data set 'b' already" in page.error[0].value
    page.text_input(key="data.new-name.a").set_value("c").run()
    press(page, "Rename it")
    assert space.dataset_names() == ["b", "c"]
    assert page.selectbox[0].value == "c"


def test_a_file_is_found_and_opened_by_mouse_alone(space, tmp_path):
    folder = tmp_path / "somewhere"
    folder.mkdir()
    (folder / "marks.csv").write_text("x0,y0,x1,y1\n1,2,3,4\n5,6,,\n")
    page = press(opened(), "somewhere")
    press(page, "marks.csv")
    assert "Open **marks.csv** (csv)" in texts(page)
    press(page, "Open it")
    wait_for_job(space)
    page.run()
    assert space.dataset_names() == ["marks"]
    assert page.selectbox[0].value == "marks"
    assert metrics(page)["Sparse"] == "1"


def test_a_file_that_cannot_be_read_is_one_clear_line_that_can_be_dismissed(space, tmp_path):
    (tmp_path / "bad.csv").write_text("x0,y0\n1,two\n")
    page = press(opened(), "bad.csv")
    press(page, "Open it")
    wait_for_job(space)
    page.run()
    assert "bad.csv:2: expected a number, got 'two'" in page.error[0].value
    assert space.dataset_names() == []
    press(page, "Dismiss")
    assert not page.error


def test_a_folder_of_pictures_is_opened_with_the_format_to_be_marked(space, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    write_image(folder / "1.png", np.zeros((8, 8, 3), np.uint8))
    page = press(opened(), "photos")
    assert "Open **photos** (images)" in texts(page)
    page.selectbox(key=f"data.format.{folder}").select("mafl-5").run()
    press(page, "Open it")
    wait_for_job(space)
    page.run()
    assert metrics(page)["Unmarked"] == "1"


def test_the_browser_goes_up_and_shows_what_it_cannot_look_into(space, tmp_path):
    page = press(opened(), "Up")
    assert f"`{tmp_path.parent}`" in texts(page)
    page.session_state["data.folder"] = str(tmp_path / "gone")
    page.run()
    assert "cannot be looked into" in page.error[0].value
    press(page, "Home")
    assert not page.error
    assert not space.data.exists()


def test_demo_faces_are_made_by_a_command_whose_progress_is_shown(space):
    page = opened()
    page.slider(key="data.demo.count").set_value(50).run()
    press(page, "Make demo faces")
    job = wait_for_job(space)
    assert job.arguments[:1] == ("faces",)
    page.run()
    assert page.selectbox[0].value == "faces"
    assert metrics(page)["Shapes"] == "50"


def test_uploads_are_kept_with_their_pictures_and_opened(space):
    space.root.mkdir()
    write_image(space.root / "any.png", np.zeros((9, 9, 3), np.uint8))
    picture = (space.root / "any.png").read_bytes()
    page = opened()
    page.file_uploader(key="data.upload").set_value(
        [
            ("t.csv", b"image,x0,y0\na.png,1,2\n", "text/csv"),
            ("a.png", picture, "image/png"),
        ]
    ).run()
    assert not page.exception
    page.button(key="data.open-upload").click().run()
    wait_for_job(space)
    page.run()
    assert space.dataset_names() == ["t"]
    assert LandmarkDataset.load(space.data / "t").image_path(0).is_file()


def test_a_part_is_made_by_a_command(space):
    save_faces(space)
    page = opened()
    page.selectbox(key="data.part.split.faces").set_value("train")
    page.slider(key="data.part.share.faces").set_value(50).run()
    press(page, "Make it")
    job = wait_for_job(space)
    assert job.arguments[0] == "convert"
    part = LandmarkDataset.load(space.data / "faces-part")
    assert len(part) == 4
    assert part.splits == ("train",)


@pytest.fixture
def team(space, tmp_path, monkeypatch):
    """People sign in; a folder of theirs is named, and there is another one beside."""
    monkeypatch.setenv("FEWMARK_SIGN_IN", "oidc")
    for name in ("theirs", "others"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.csv").write_text("x0,y0,x1,y1\n1,2,3,4\n")
    (tmp_path / "theirs" / "link").symlink_to(tmp_path / "others")
    (tmp_path / "theirs" / "link.csv").symlink_to(tmp_path / "others" / "others.csv")
    monkeypatch.setenv("FEWMARK_PICTURES", str(tmp_path / "theirs"))
    space.root.mkdir()
    return tmp_path


def labels(page):
    return {button.label for button in page.button}


@pytest.mark.usefixtures("team")
def test_a_team_opens_what_lies_in_the_folders_that_were_named(space):
    page = opened()
    assert f"`{space.root}`" in texts(page)
    assert {"Home", "somewhere"}.isdisjoint(labels(page))
    press(page, "theirs")
    assert "link" not in labels(page)
    assert "link.csv" not in labels(page)
    assert next(b for b in page.button if b.label == "Up").disabled
    press(page, "theirs.csv")
    press(page, "Open it")
    wait_for_job(space)
    assert space.dataset_names() == ["theirs"]


@pytest.mark.parametrize("key", ["data.folder", "data.source"])
def test_a_team_opens_no_other_path_however_it_got_there(team, key):
    page = opened()
    others = team / "others"
    page.session_state[key] = str(others if key == "data.folder" else others / "others.csv")
    page.run()
    assert "lies outside the workspace" in page.error[0].value
    assert "Open it" not in labels(page)
    assert str(team) not in page.error[0].value


def test_a_team_is_shown_no_pictures_that_lie_elsewhere(team, space, monkeypatch):
    save_faces(space)
    assert "1 of 14" in texts(opened())
    other = Workspace(team / "theirs")  # a workspace that knows the pictures of the first one
    monkeypatch.setenv("FEWMARK_WORKSPACE", str(other.root))
    LandmarkDataset.load(space.data / "faces").save(other.data / "faces")
    page = opened()
    assert "outside the folders that this server shows" in page.info[0].value
    assert "1 of 14" not in texts(page)
