"""The commands project, export and serve, run as a user would."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotate import serving
from annotate.cli import main
from annotate.labelling import placed
from annotate.store import Draft, Status, open_store
from datasets.dataset import LandmarkDataset
from datasets.formats import SparseFormat


@pytest.fixture
def workspace(tmp_path: Path, truth: LandmarkDataset, sparse: SparseFormat) -> Path:
    truth.save(tmp_path / "faces")
    sparse.save(tmp_path / "three.toml")
    return tmp_path


def ran(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    """The result of a command, as JSON."""
    capsys.readouterr()
    main([*map(str, arguments), "--json"])
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def failed(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line of a command that fails."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    assert stop.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("Error: ")
    assert error.count("\n") == 1
    return error


def created(capsys: pytest.CaptureFixture[str], at: Path, *more: object) -> dict[str, Any]:
    return ran(
        capsys, "project", "create", at / "labels.sqlite", "faces",
        "--sparse", at / "three.toml", "--data", at / "faces", *more,
    )  # fmt: skip


def test_the_whole_way_from_pictures_to_labels(
    capsys: pytest.CaptureFixture[str], workspace: Path, truth: LandmarkDataset
) -> None:
    store = workspace / "labels.sqlite"
    assert created(capsys, workspace, "--split", "train")["pictures"] == 4
    made = ran(
        capsys, "project", "simulate", store, "faces", "--truth", workspace / "faces",
        "--noise", 0, "--leave", 1, "--seed", 3,
    )  # fmt: skip
    assert (made["labelled"], made["seed"]) == (3, 3)
    (row,) = ran(capsys, "project", "list", store)["rows"]
    assert (row["pictures"], row["done"], row["open"], row["skipped"]) == (4, 3, 1, 0)
    out = workspace / "clicks"
    assert ran(capsys, "export", store, "faces", out)["shapes"] == 3
    labels = LandmarkDataset.load(out)
    exact = truth.shapes.points[:3][:, [0, 2, 4]]
    assert np.abs(labels.shapes.points[:, [0, 2, 4]] - exact).max() <= 0.0005 + 1e-12
    assert "--force replaces" in failed(capsys, "export", store, "faces", out)
    assert ran(capsys, "export", store, "faces", out, "--done-only", "--force")["shapes"] == 3


def test_predictions_are_offered_as_ghosts_and_taken_away(
    capsys: pytest.CaptureFixture[str], workspace: Path
) -> None:
    store = workspace / "labels.sqlite"
    created(capsys, workspace, "--split", "train")
    ghosts = ("project", "ghosts", store, "faces")
    made = ran(capsys, *ghosts, workspace / "faces")
    assert (made["pictures_with_ghosts"], made["without"], made["not_in_project"]) == (4, 0, 2)
    with_ghosts = open_store(str(store))
    assert with_ghosts.ghost_source(with_ghosts.project("faces")).name == "faces"
    with_ghosts.close()
    assert ran(capsys, *ghosts, "--remove")["pictures_with_ghosts"] == 0
    assert "expected PREDICTIONS or --remove" in failed(capsys, *ghosts)
    assert "expected PREDICTIONS or --remove" in failed(capsys, *ghosts, "x", "--remove")


def test_a_folder_of_plain_pictures_makes_a_project(
    capsys: pytest.CaptureFixture[str], workspace: Path
) -> None:
    made = ran(
        capsys, "project", "create", workspace / "labels.sqlite", "plain",
        "--sparse", workspace / "three.toml", "--data", workspace / "images",
    )  # fmt: skip
    assert (made["pictures"], made["landmarks"]) == (6, 3)
    store = open_store(str(workspace / "labels.sqlite"))
    assert store.project("plain").guide is None
    store.close()


def test_the_guide_comes_from_complete_shapes(
    capsys: pytest.CaptureFixture[str], workspace: Path
) -> None:
    created(capsys, workspace)
    store = open_store(str(workspace / "labels.sqlite"))
    guide = np.array(store.project("faces").guide)
    store.close()
    assert guide.shape == (5, 2)
    assert guide[0, 1] < guide[3, 1]  # the eyes are above the mouth: y points down


def test_dense_shapes_can_be_left_out(
    capsys: pytest.CaptureFixture[str], workspace: Path, truth: LandmarkDataset
) -> None:
    points = truth.shapes.points.copy()
    points[:2, 1] = np.nan
    visibility = truth.shapes.visibility.copy()
    visibility[:2, 1] = 0
    shapes = type(truth.shapes)(truth.format, points, visibility)
    truth.with_shapes(shapes).save(workspace / "faces")
    assert created(capsys, workspace, "--unmarked")["pictures"] == 2


def test_a_guide_of_another_format_is_refused(
    capsys: pytest.CaptureFixture[str], workspace: Path, truth: LandmarkDataset
) -> None:
    from datasets.shapes import ShapeSet

    other = truth.with_shapes(ShapeSet.from_points(truth.shapes.points))
    other.save(workspace / "other")
    problem = failed(
        capsys, "project", "create", workspace / "labels.sqlite", "faces", "--sparse",
        workspace / "three.toml", "--data", workspace / "faces", "--guide", workspace / "other",
    )  # fmt: skip
    assert "points-5" in problem
    assert not (workspace / "labels.sqlite").exists()


def test_known_landmarks_are_imported(capsys: pytest.CaptureFixture[str], workspace: Path) -> None:
    created(capsys, workspace)
    store = workspace / "labels.sqlite"
    made = ran(capsys, "project", "import", store, "faces", workspace / "faces")
    assert (made["imported"], made["not_in_project"]) == (6, 0)


def test_mistakes_are_told_in_one_line(capsys: pytest.CaptureFixture[str], workspace: Path) -> None:
    store = workspace / "labels.sqlite"
    assert "no annotation store" in failed(capsys, "project", "list", store)
    assert "no annotation store" in failed(capsys, "export", store, "faces", workspace / "out")
    assert not store.exists()
    created(capsys, workspace)
    assert "already" in failed(
        capsys, "project", "create", store, "faces", "--sparse", workspace / "three.toml",
        "--data", workspace / "faces",
    )  # fmt: skip
    assert "no project 'cats'" in failed(capsys, "export", store, "cats", workspace / "out")
    assert "nothing to export" in failed(capsys, "export", store, "faces", workspace / "out")
    assert not (workspace / "out").exists()
    missing = workspace / "missing"
    assert "missing" in failed(
        capsys, "project", "create", store, "more", "--sparse", workspace / "three.toml",
        "--data", missing,
    )  # fmt: skip


def test_serve_checks_the_port_and_opens_the_workspace(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(serving, "require_free_port", lambda *place: asked.append(place))
    monkeypatch.setattr(serving, "serve", lambda *what: asked.append(what) or 0)
    with pytest.raises(SystemExit) as stop:
        main(["serve", str(tmp_path / "new"), "--port", "8600"])
    assert stop.value.code == 0
    assert asked == [("localhost", 8600), (tmp_path / "new", "localhost", 8600, serving.Door())]
    assert (tmp_path / "new").is_dir()
    assert "http://localhost:8600" in capsys.readouterr().out


def test_places_that_cannot_be_are_one_line_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], workspace: Path
) -> None:
    file = workspace / "file"
    file.write_bytes(b"")
    sources = ("--sparse", workspace / "three.toml", "--data", workspace / "faces")
    assert "file" in failed(capsys, "project", "create", file / "below.sqlite", "faces", *sources)
    assert "file" in failed(capsys, "serve", file)
    assert "file" in failed(capsys, "demo", file)
    assert "an empty file is no annotation store" in failed(capsys, "project", "list", file)
    assert file.read_bytes() == b""


def test_numbers_that_make_no_sense_are_refused(
    capsys: pytest.CaptureFixture[str], workspace: Path
) -> None:
    created(capsys, workspace)
    simulate = ("project", "simulate", workspace / "labels.sqlite", "faces")
    truth = ("--truth", workspace / "faces")
    assert "'--seed': -1" in failed(capsys, *simulate, *truth, "--seed", -1)
    assert "got nan" in failed(capsys, *simulate, *truth, "--noise", "nan")
    assert ran(capsys, "project", "list", workspace / "labels.sqlite")["rows"][0]["done"] == 0


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\x1b[1mb", "n" * 101, " a", "a\udc80"])
def test_a_project_needs_a_name_that_can_be_shown_and_no_store_is_left_without(
    capsys: pytest.CaptureFixture[str], workspace: Path, name: str
) -> None:
    before = sorted(workspace.rglob("*"))
    line = failed(
        capsys, "project", "create", workspace / "new" / "s.sqlite", name,
        "--sparse", workspace / "three.toml", "--data", workspace / "faces",
    )  # fmt: skip
    assert "is no good name for a project" in line
    assert sorted(workspace.rglob("*")) == before


def test_a_store_that_was_made_for_a_project_that_failed_is_removed(
    capsys: pytest.CaptureFixture[str], workspace: Path, truth: LandmarkDataset
) -> None:
    truth.image_path(0).write_bytes(b"broken")
    failed(
        capsys, "project", "create", workspace / "s.sqlite", "faces",
        "--sparse", workspace / "three.toml", "--data", workspace / "faces",
    )  # fmt: skip
    assert not list(workspace.glob("s.sqlite*"))


def test_too_little_memory_is_one_line(
    capsys: pytest.CaptureFixture[str], workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("datasets.io.registry.type_of", fails)
    assert failed(capsys, "info", workspace / "faces") == "Error: there is not enough memory\n"


def test_measured_times_are_told_for_all_and_for_each_person(
    capsys: pytest.CaptureFixture[str], workspace: Path
) -> None:
    created(capsys, workspace)
    url = workspace / "labels.sqlite"
    assert "no picture was marked by hand" in failed(capsys, "project", "timing", url, "faces")
    assert "no project 'other'" in failed(capsys, "project", "timing", url, "other")
    store = open_store(str(url))
    for position, (name, seconds) in enumerate([("ann", 2), ("bea", 4), ("bea", 4)]):
        item = store.items(store.project("faces"), position, 1)[0].id
        for points in (1, 2, 3):
            labels = (*[placed(1.0, float(points))] * points, *[None] * (3 - points))
            status = Status.DONE if points == 3 else Status.OPEN
            active_ms = 1000 * (seconds + (3 if points == 1 else 0))
            store.save(
                Draft(item, name, name, points, points - 1, labels, status, active_ms=active_ms)
            )
    store.close()
    found = ran(capsys, "project", "timing", url, "faces")
    assert (found["pictures"], found["annotators"]) == (3, 2)
    assert (found["seconds_per_point"], found["seconds_per_image"]) == (4, 3)
    assert found["seconds_per_picture"] == 15
    assert [(r["annotator"], r["pictures"], r["seconds_per_point"]) for r in found["rows"]] == [
        ("ann", 1, 2), ("bea", 2, 4),
    ]  # fmt: skip


def test_a_store_is_backed_up_restored_looked_over_and_its_history_told(
    capsys: pytest.CaptureFixture[str], workspace: Path
) -> None:
    created(capsys, workspace)
    store, file = workspace / "labels.sqlite", workspace / "labels.zip"
    ran(capsys, "project", "simulate", store, "faces", "--truth", workspace / "faces")
    assert ran(capsys, "project", "backup", store, file)["revisions"] == 6
    assert "--force" in failed(capsys, "project", "backup", store, file)
    again = workspace / "again.sqlite"
    assert ran(capsys, "project", "restore", file, again)["projects"] == 1
    assert "projects already" in failed(capsys, "project", "restore", file, again)
    told = ran(capsys, "project", "history", again, "faces")
    assert told["events"] == 6
    assert {row["who"] for row in told["rows"]} == {"simulated"}
    assert ran(capsys, "doctor", again)["faults"] == 0


def test_the_doctor_fails_where_a_picture_is_missing(
    capsys: pytest.CaptureFixture[str], workspace: Path
) -> None:
    created(capsys, workspace)
    (workspace / "images" / "a" / "0.png").unlink()
    with pytest.raises(SystemExit) as stop:
        main(["doctor", str(workspace / "labels.sqlite")])
    assert stop.value.code == 1
    assert "0.png: is missing" in capsys.readouterr().out.replace("\n", "")
