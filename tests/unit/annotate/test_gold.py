"""Gold pictures: true points from where, errors of answers, the routes and the command."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from starlette.applications import Starlette

from annotate.cli import main
from annotate.exchange import export_dataset
from annotate.ghosts import set_ghosts
from annotate.gold import feedback, gold_from_dataset, gold_from_project
from annotate.labelling import ABSENT, placed
from annotate.priority import order_by_scores
from annotate.progress_tables import gold_rows, gold_summary
from annotate.routes import ROUTES
from annotate.server import TOKEN_HEADER, document_for_browser, token, workspace_store
from annotate.simulation import simulate_labels
from annotate.store import AnnotationStore, Draft, Item, Project, Status
from annotate.tasks import documents
from datasets.dataset import LandmarkDataset
from datasets.errors import ShapeMismatchError, StoreError
from datasets.formats import landmark_format
from datasets.shapes import empty_shapes
from tests.unit.annotate.asking import Answer, asked


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AnnotationStore:
    """The store that the routes have, too."""
    monkeypatch.setenv("FEWMARK_WORKSPACE", str(tmp_path / "workspace"))
    return workspace_store()


def finish(
    store: AnnotationStore, item: Item, who: str, points: tuple[Any, ...], number: int = 1
) -> None:
    store.save(Draft(item.id, who, who, number, number - 1, points, Status.DONE))


def handed_out(store: AnnotationStore, project: Project, who: str) -> Item:
    """The gold picture that comes after the first one, as every second one is."""
    position = store.leases.claim(project, who, after=0).way[0]
    return store.items(project, position, 1)[0]


def true_points(truth: LandmarkDataset, item: Item) -> np.ndarray:
    row = list(truth.samples["shape_id"]).index(item.content.shape_id)
    return truth.shapes.points[row][[0, 2, 4]]


def test_errors_are_distances_in_pixels_and_in_the_unit_of_agreement(
    store: AnnotationStore, project: Project, truth: LandmarkDataset
) -> None:
    plan = gold_from_dataset(store, project, 2, 6, truth)
    assert (plan.every, plan.pictures) == (2, 6)
    item = handed_out(store, project, "ann")
    at = true_points(truth, item)
    finish(store, item, "ann", (placed(at[0, 0] + 3, at[0, 1] + 4), ABSENT, placed(*at[2])))
    (answer,) = store.golds.answers(project)
    found = feedback(project, answer)
    assert_allclose(found.px, [5.0, np.nan, 0.0], atol=2e-3)
    box = item.content.box  # the span's ends are not both marked
    side = 20.0 if box else np.sqrt(np.prod(np.ptp(at, axis=0)))
    assert found.unit == "box"
    assert_allclose(found.percent, [500 / side, np.nan, 0.0], atol=0.02)
    assert found.nme_percent == pytest.approx(250 / side, abs=0.02)
    (row,) = gold_rows(project, [answer])
    assert (row["annotator"], row["worst_landmark"]) == ("ann", project.sparse.names[0])
    (summary,) = gold_summary([row])
    assert summary["error_px"] == pytest.approx(2.5, abs=2e-3)


def test_an_answer_without_a_place_has_no_error(
    store: AnnotationStore, project: Project, truth: LandmarkDataset
) -> None:
    gold_from_dataset(store, project, 2, 6, truth)
    finish(store, handed_out(store, project, "ann"), "ann", (ABSENT,) * 3)
    rows = gold_rows(project, store.golds.answers(project))
    assert (rows[0]["error_px"], rows[0]["nme_percent"], rows[0]["worst_landmark"]) == (
        None, None, None,
    )  # fmt: skip
    assert gold_summary(rows)[0]["nme_percent"] is None


def test_finished_pictures_become_gold_or_those_that_were_reviewed(
    store: AnnotationStore, project: Project, truth: LandmarkDataset
) -> None:
    with pytest.raises(StoreError, match="no picture is finished yet"):
        gold_from_project(store, project, 5, 3)
    simulate_labels(store, project, truth, np.random.default_rng(0), leave=2)
    with pytest.raises(StoreError, match="by a reviewer yet; take finished pictures"):
        gold_from_project(store, project, 5, 3, reviewed=True)
    store.reviews.accept(store.items(project)[1].id, "rev", 1)
    assert gold_from_project(store, project, 5, 3, reviewed=True).pictures == 1
    with pytest.raises(StoreError, match="'id-5' is no picture that is finished"):
        gold_from_project(store, project, 5, 3, shapes=["id-5"])
    assert gold_from_project(store, project, 5, 3, shapes=["id-0"]).pictures == 2
    assert gold_from_project(store, project, 5, 99).pictures == 4


def test_data_sets_that_do_not_fit_are_refused(
    store: AnnotationStore, project: Project, truth: LandmarkDataset
) -> None:
    other = LandmarkDataset(empty_shapes(landmark_format("points-5"), 6), truth.samples, truth.root)
    with pytest.raises(ShapeMismatchError, match="the true points are of points-5"):
        gold_from_dataset(store, project, 5, 3, other)
    nothing = truth.with_shapes(empty_shapes(truth.format, 6))
    with pytest.raises(StoreError, match="no picture is a complete shape of the data set, which"):
        gold_from_dataset(store, project, 5, 3, nothing)


def test_answers_are_not_exported_and_look_like_other_documents(
    store: AnnotationStore, project: Project, truth: LandmarkDataset
) -> None:
    gold_from_dataset(store, project, 2, 6, truth)
    item = handed_out(store, project, "ann")
    found = [document_for_browser(one, 3) for one in documents(store, project, count=None)]
    assert found[-1].keys() == found[0].keys()
    assert {one["copy"] for one in found} == {1}
    finish(store, item, "ann", (placed(1, 1), placed(2, 2), placed(3, 3)))
    with pytest.raises(StoreError, match="nothing to export"):
        export_dataset(store, project, all_copies=True)


def test_new_ghosts_and_scores_do_not_give_gold_pictures_away(
    store: AnnotationStore, project: Project, truth: LandmarkDataset
) -> None:
    gold_from_dataset(store, project, 2, 6, truth)
    item = handed_out(store, project, "ann")
    made = set_ghosts(store, project, truth, "net")
    assert (made.pictures, made.without, made.unknown) == (6, 0, 0)
    assert item.id in store.ghosts([item])
    scored = order_by_scores(store, project, {"id-0": 1.0})
    assert (scored.pictures, scored.without) == (1, 5)


def test_the_errors_are_told_to_the_annotator_once_the_picture_is_done(
    store: AnnotationStore, project: Project, truth: LandmarkDataset
) -> None:
    gold_from_dataset(store, project, 2, 6, truth)
    item, usual = handed_out(store, project, "ann"), store.items(project)[0]

    def post(path: str, body: dict[str, Any]) -> Answer:
        data = json.dumps(body).encode()
        return asked(Starlette(routes=ROUTES), "POST", path, data, {TOKEN_HEADER: token()})

    def told(number: int, who: str = "ann") -> Answer:
        return post(f"/api/items/{number}/gold", {"annotator": who})

    def saved(number: int, points: list[Any]) -> Any:
        body = {
            "annotator": "ann", "writer": "tab", "sequence": 1 + (None not in points), "base": 0,
            "points": points, "active_ms": 0,
        }  # fmt: skip
        return post(f"/api/items/{number}", body).json

    points = [{"x": float(x), "y": float(y), "v": 2} for x, y in true_points(truth, item) + 1]
    assert "gold" not in saved(item.id, [points[0], None, None])
    assert told(item.id).status == told(usual.id).status == 404
    assert saved(item.id, points)["gold"] is True
    assert "gold" not in saved(usual.id, points)
    assert told(item.id, "bea").status == 404
    others = {
        "annotator": "bea", "writer": "other", "sequence": 1, "base": 2, "points": points,
        "active_ms": 0,
    }  # fmt: skip
    assert post(f"/api/items/{item.id}", others).status == 403
    answer = told(item.id).json
    assert_allclose(answer["px"], [2**0.5] * 3, atol=2e-3)
    assert (answer["unit"], len(answer["truth"])) == ("box", 3)
    assert store.golds.answers(project)[0].is_shown


def test_the_command_hands_out_tells_and_stops(
    store: AnnotationStore, project: Project, truth: LandmarkDataset, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    url = str(store.engine.url.database)
    truth.save(tmp_path / "truth")
    command = ["project", "gold", url, "faces", "--json"]
    main([*command, "--every", "2", "--truth", str(tmp_path / "truth"), "--pictures", "4"])
    told = json.loads(capsys.readouterr().out)
    assert (told["every"], told["gold_pictures"]) == (2, 4)
    item = handed_out(store, project, "ann")
    finish(store, item, "ann", tuple(placed(x + 3, y) for x, y in true_points(truth, item)))
    main(command)
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert (row["annotator"], row["gold_pictures"]) == ("ann", 1)
    assert row["error_px"] == pytest.approx(3.0, abs=2e-3)
    main([*command, "--stop"])
    assert json.loads(capsys.readouterr().out)["every"] is None
    with pytest.raises(SystemExit):
        main([*command, "--stop", "--every", "3"])
    assert "not both" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--shape", "id-0"], "go with --every"),
        (["--stop", "--reviewed"], "go with --every"),
        (["--every", "2", "--truth", "t", "--shape", "id-0"], "not both"),
        (["--every", "2", "--truth", "t", "--reviewed"], "not both"),
    ],
)
def test_options_that_would_count_for_nothing_are_refused(
    store: AnnotationStore, project: Project, capsys: pytest.CaptureFixture[str],
    options: list[str], problem: str,
) -> None:  # fmt: skip
    with pytest.raises(SystemExit):
        main(["project", "gold", str(store.engine.url.database), "faces", *options])
    assert problem in capsys.readouterr().err
    assert store.golds.plan(project) is None
