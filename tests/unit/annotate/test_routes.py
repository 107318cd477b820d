"""The annotator's routes, asked as a server would ask them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from annotate import server
from annotate.host_config import QuietErrors
from annotate.labelling import ABSENT, placed
from annotate.requests import MAX_BODY
from annotate.routes import ROUTES
from annotate.store import AnnotationStore, Draft, NewItem, Project, Status
from datasets.formats import SparseFormat
from tests.unit.annotate.asking import Answer, asked

Ask = Callable[..., Answer]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Ask with the right token unless told otherwise, in the workspace of the fixture `store`."""
    monkeypatch.setenv("FEWMARK_WORKSPACE", str(tmp_path / "workspace"))
    app = Starlette(routes=ROUTES)

    def request(method: str, url: str, body: Any = None, *, token: str | None = None) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {server.TOKEN_HEADER: server.token() if token is None else token}
        return asked(app, method, url, data if body is not None else b"", headers)

    return request


def labels(**changes: Any) -> dict[str, Any]:
    points = [{"x": 1.5, "y": 2.0, "v": 2}, {"x": None, "y": None, "v": 0}, None]
    body = {
        "annotator": "ann", "writer": "tab", "sequence": 1, "base": 0, "points": points,
        "active_ms": 900, "flag": False, "skipped": False,
    }  # fmt: skip
    return {**body, **changes}


def item_of(store: AnnotationStore, project: Project, position: int = 0) -> int:
    return store.items(project)[position].id


def test_documents_come_in_batches_with_the_counts(
    ask: Ask, store: AnnotationStore, project: Project
) -> None:
    item = item_of(store, project)
    points = (placed(1.5, 2.0), ABSENT, placed(3, 4))
    store.save(Draft(item, "ann", "tab", 1, 0, points, Status.DONE))
    answer = ask("GET", f"/api/projects/{project.id}/items?start=0&count=2").json
    assert (answer["total"], answer["done"], answer["skipped"], answer["first_open"]) == (
        6,
        1,
        0,
        1,
    )
    first, second = answer["documents"]
    assert (first["item"], first["position"], first["name"]) == (item, 0, "id-0")
    assert (first["height"], first["width"], first["box"]) == (40, 30, [5.0, 5.0, 25.0, 25.0])
    assert (first["revision"], first["status"], first["annotator"]) == (1, "done", "ann")
    assert first["points"][:2] == [{"x": 1.5, "y": 2.0, "v": 2}, {"x": None, "y": None, "v": 0}]
    assert (second["revision"], second["points"], second["status"]) == (0, [None] * 3, "open")
    assert len(ask("GET", f"/api/projects/{project.id}/items").json["documents"]) == 6


def test_the_shape_model_is_asked_for_with_the_token(ask: Ask, project: Project) -> None:
    address = f"/api/projects/{project.id}/model"
    assert ask("GET", address).json == {"model": None}
    assert ask("GET", address, token="wrong").status == 401
    assert ask("GET", "/api/projects/999/model").status == 404


def test_documents_carry_their_ghosts(ask: Ask, store: AnnotationStore, project: Project) -> None:
    store.set_ghosts(project, "net", {item_of(store, project): (placed(1, 2), None, None)})
    first, second = ask("GET", f"/api/projects/{project.id}/items?count=2").json["documents"]
    assert first["ghosts"] == [{"x": 1.0, "y": 2.0, "v": 2}, None, None]
    assert (second["ghosts"], first["points"]) == (None, [None] * 3)


@pytest.mark.parametrize("query", ["start=-1", "start=x", "count=1.5", "start=99999999999"])
def test_a_batch_needs_whole_numbers(ask: Ask, project: Project, query: str) -> None:
    answer = ask("GET", f"/api/projects/{project.id}/items?{query}")
    assert (answer.status, "expected a whole number" in answer.json["error"]) == (400, True)


def test_labels_are_saved_and_the_revision_answered(
    ask: Ask, store: AnnotationStore, project: Project
) -> None:
    item = item_of(store, project)
    answer = ask("POST", f"/api/items/{item}", labels())
    assert (answer.status, answer.json["revision"], answer.json["status"]) == (200, 1, "open")
    assert answer.json["points"] == labels()["points"]
    assert answer.json["writer"] == "tab"
    (saved,) = store.revisions(item)
    assert saved.points == (placed(1.5, 2.0), ABSENT, None)
    assert (saved.annotator, saved.active_ms, saved.flag) == ("ann", 900, False)
    assert ask("POST", f"/api/items/{item}", labels()).json["revision"] == 1


def test_the_status_follows_from_the_points(
    ask: Ask, store: AnnotationStore, project: Project
) -> None:
    point = {"x": 1, "y": 1, "v": 1}
    item = item_of(store, project)
    done = ask("POST", f"/api/items/{item}", labels(points=[point] * 3, flag=True)).json
    assert (done["status"], done["flag"]) == ("done", True)
    skipped = ask("POST", f"/api/items/{item}", labels(sequence=2, skipped=True)).json
    assert skipped["status"] == "skipped"


def test_a_conflict_answers_with_what_is_there(
    ask: Ask, store: AnnotationStore, project: Project
) -> None:
    item = item_of(store, project)
    ask("POST", f"/api/items/{item}", labels())
    other = labels(writer="tab-2", annotator="bea", points=[None] * 3)
    answer = ask("POST", f"/api/items/{item}", other)
    assert answer.status == 409
    assert answer.json["current"]["points"] == labels()["points"]
    assert answer.json["current"]["annotator"] == "ann"
    assert ask("POST", f"/api/items/{item}", {**other, "base": 1}).json["revision"] == 2


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"points": [None]}, "points: expected a list of 3 entries"),
        ({"points": [{"x": 500, "y": 1, "v": 2}, None, None]}, "too far outside"),
        ({"annotator": ""}, "annotator: expected a text"),
        ({"writer": 7}, "writer: expected a text"),
        ({"writer": "x" * 101}, "writer: expected a text"),
        ({"writer": "\ud800"}, "writer: expected a text"),
        ({"points": [{"x": 1, "y": 1, "v": []}, None, None]}, "v = 0, 1 or 2"),
        ({"points": [{"x": 1, "y": 1, "v": True}, None, None]}, "v = 0, 1 or 2"),
        ({"sequence": 0}, "sequence: expected a whole number of at least 1"),
        ({"sequence": True}, "sequence: expected a whole number"),
        ({"base": -1}, "base: expected a whole number"),
        ({"base": 2**31}, "base: expected a whole number"),
        ({"active_ms": 1.5}, "active_ms: expected a whole number"),
        ({"flag": "yes"}, "flag: expected true or false"),
        ({"skipped": None}, "skipped: expected true or false"),
    ],
)
def test_wrong_labels_are_refused_by_field_and_not_saved(
    ask: Ask, store: AnnotationStore, project: Project, change: dict[str, Any], problem: str
) -> None:
    item = item_of(store, project)
    answer = ask("POST", f"/api/items/{item}", labels(**change))
    assert answer.status == 400
    assert problem in answer.json["error"]
    assert store.revisions(item) == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"[1]", b'"text"'])
def test_a_body_must_be_a_json_object(
    ask: Ask, store: AnnotationStore, project: Project, body: bytes
) -> None:
    answer = ask("POST", f"/api/items/{item_of(store, project)}", body)
    assert answer.status == 400
    assert "JSON" in answer.json["error"]


def test_a_body_that_is_too_long_is_refused(
    ask: Ask, store: AnnotationStore, project: Project
) -> None:
    answer = ask("POST", f"/api/items/{item_of(store, project)}", b" " * (MAX_BODY + 1))
    assert answer.status == 413


@pytest.mark.parametrize("token", ["", "wrong", "ünknown"])
def test_nothing_is_told_or_saved_without_the_token(
    ask: Ask, store: AnnotationStore, project: Project, token: str
) -> None:
    item = item_of(store, project)
    assert ask("POST", f"/api/items/{item}", labels(), token=token).status == 401
    assert ask("GET", f"/api/projects/{project.id}/items", token=token).status == 401
    assert store.revisions(item) == []


@pytest.mark.parametrize("number", [999, 2**31, 10**30, "9" * 5000, "x", "-1", "٣"])
def test_unknown_projects_and_items_are_answered_with_404(ask: Ask, number: int | str) -> None:
    assert ask("POST", f"/api/items/{number}", labels()).status == 404
    assert ask("GET", f"/api/projects/{number}/items").status == 404
    assert ask("GET", f"/api/images/{number}?key={'0' * 32}").status in {401, 404}


def test_pictures_come_as_files_that_browsers_may_keep(
    ask: Ask, store: AnnotationStore, project: Project
) -> None:
    item = store.items(project)[0]
    answer = ask("GET", f"/{server.image_address(item)}", token="")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    assert answer.body == item.content.image.read_bytes()
    assert "immutable" in answer.headers["cache-control"]
    assert "etag" in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_changed_picture_has_another_address_and_the_old_one_is_not_kept(
    ask: Ask, store: AnnotationStore, project: Project
) -> None:
    item = store.items(project)[0]
    before = server.image_address(item)
    cv2.imwrite(str(item.content.image), np.zeros((40, 30, 3), np.uint8))
    assert server.image_address(item) != before
    assert "cache-control" not in ask("GET", f"/{before}", token="").headers


def test_a_picture_of_another_size_is_not_the_projects(
    ask: Ask, store: AnnotationStore, project: Project
) -> None:
    item = store.items(project)[0]
    cv2.imwrite(str(item.content.image), np.zeros((80, 60, 3), np.uint8))
    answer = ask("GET", f"/{server.image_address(item)}", token="")
    assert answer.status == 409
    assert "was 30 x 40 pixels, now 60 x 80 pixels" in answer.json["error"]


def test_the_key_of_one_picture_opens_no_other(
    ask: Ask, store: AnnotationStore, project: Project
) -> None:
    one, two = store.items(project)[:2]
    key = server.image_key(one.id)
    assert ask("GET", f"/api/images/{one.id}?key={key}", token="").status == 200
    assert ask("GET", f"/api/images/{two.id}?key={key}", token="").status == 401
    assert ask("GET", f"/api/images/{one.id}", token="").status == 401
    assert ask("GET", f"/api/images/{one.id}?key=%C3%BC", token="").status == 401


def test_types_that_browsers_cannot_show_are_turned_into_png(
    ask: Ask, store: AnnotationStore, sparse: SparseFormat, tmp_path: Path
) -> None:
    picture = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    for suffix in ("tiff", "webp"):
        cv2.imwrite(str(tmp_path / f"x.{suffix}"), picture, [cv2.IMWRITE_WEBP_QUALITY, 101])
    (tmp_path / "page.html").write_text("<script>alert(1)</script>")
    names = ("x.tiff", "x.webp", "page.html", "gone.png")
    items = [NewItem(name, tmp_path / name, 4, 5) for name in names]
    made = store.items(store.create_project("odd", sparse, items))
    answers = [ask("GET", f"/{server.image_address(item)}", token="") for item in made]
    assert [answer.status for answer in answers] == [200, 200, 404, 404]
    for answer in answers[:2]:
        assert answer.headers["content-type"] == "image/png"
        decoded = cv2.imdecode(np.frombuffer(answer.body, np.uint8), cv2.IMREAD_COLOR)
        assert np.array_equal(decoded, picture)


def test_files_of_the_canvas_are_served_and_no_others(ask: Ask) -> None:
    version = server.frontend_version()
    answer = ask("GET", f"/api/frontend/{version}/main.js", token="")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    assert ask("GET", "/api/frontend/old/main.js").headers["cache-control"] == "no-cache"
    for name in ("none.js", "..", "..%2Fcli.py", "../routes.py", ".", "a" * 3000 + ".js"):
        assert ask("GET", f"/api/frontend/{version}/{name}").status == 404


def test_routes_work_below_any_path(ask: Ask, store: AnnotationStore, project: Project) -> None:
    item = item_of(store, project)
    assert ask("POST", f"/tools/fewmark/api/items/{item}", labels()).status == 200
    assert ask("GET", f"/x/api/projects/{project.id}/items").json["total"] == 6


def test_a_store_that_cannot_be_used_is_answered_not_crashed(
    ask: Ask, store: AnnotationStore, project: Project
) -> None:
    item = item_of(store, project)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE revision")
    answer = ask("POST", f"/api/items/{item}", labels())
    assert answer.status == 503
    assert "cannot be used" in answer.json["error"]


def app_with(body: Any) -> Starlette:
    async def host_config(_request: Any) -> Any:
        return body

    async def other(_request: Any) -> Any:
        return JSONResponse({"blockErrorDialogs": False})

    routes = [Route("/base/_stcore/host-config", host_config), Route("/other", other)]
    return Starlette(routes=routes, middleware=[Middleware(QuietErrors)])


def test_streamlit_is_told_to_show_no_window_when_the_server_is_gone() -> None:
    app = app_with(JSONResponse({"allowedOrigins": ["x"], "blockErrorDialogs": False}))
    answer = asked(app, "GET", "/base/_stcore/host-config", headers={"accept-encoding": "gzip"})
    assert answer.json == {"allowedOrigins": ["x"], "blockErrorDialogs": True}
    assert answer.headers["content-length"] == str(len(answer.body))
    assert asked(app, "GET", "/other").json == {"blockErrorDialogs": False}


def test_an_answer_that_is_not_known_is_left_alone() -> None:
    answer = asked(app_with(PlainTextResponse("hm")), "GET", "/base/_stcore/host-config")
    assert answer.body == b"hm"


def test_two_annotators_are_led_to_different_pictures(ask: Ask, project: Project) -> None:
    claims = f"/api/projects/{project.id}/claims"
    ann = ask("POST", claims, {"annotator": "ann", "after": None}).json
    assert (ann["next_open"], ann["is_end"], ann["open"]) == ([0, 1, 2, 3, 4, 5], True, 6)
    assert ask("POST", claims, {"annotator": "bea", "after": None}).json["next_open"] == []
    found = ask("GET", f"/api/projects/{project.id}/items").json["documents"]
    assert {document["holder"] for document in found} == {"ann"}
    released = ask("POST", f"/api/projects/{project.id}/releases", {"annotator": "ann"})
    assert (released.status, released.json) == (200, {})
    bea = ask("POST", claims, {"annotator": "bea", "after": 4}).json
    assert (bea["next_open"], bea["way"]) == ([5, 0, 1, 2, 3, 4], [5])


def test_a_save_holds_the_picture(ask: Ask, store: AnnotationStore, project: Project) -> None:
    ask("POST", f"/api/items/{item_of(store, project)}", labels())
    claims = f"/api/projects/{project.id}/claims"
    assert ask("POST", claims, {"annotator": "bea"}).json["next_open"] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("change", [{"annotator": ""}, {"after": -1}, {"after": "x"}])
def test_a_claim_that_makes_no_sense_is_refused(
    ask: Ask, project: Project, change: dict[str, Any]
) -> None:
    body = {"annotator": "ann", "after": None, **change}
    for path in ("claims", "releases") if "annotator" in change else ("claims",):
        assert ask("POST", f"/api/projects/{project.id}/{path}", body).status == 400
    assert ask("POST", f"/api/projects/{project.id}/claims", body, token="x").status == 401


def test_labels_are_sent_back_mended_and_accepted(
    ask: Ask, store: AnnotationStore, project: Project
) -> None:
    item = item_of(store, project)
    reviews = f"/api/items/{item}/reviews"
    back = {"annotator": "rev", "verdict": "returned", "revision": 1, "text": "off", "landmark": 2}
    nothing = ask("POST", reviews, back)
    assert nothing.status == 409
    assert "no labels to review yet" in nothing.json["error"]
    ask("POST", f"/api/items/{item}", labels())
    sent_back = ask("POST", reviews, back).json
    assert sent_back["review"]["verdict"] == "returned"
    document = ask("GET", f"/api/projects/{project.id}/items?count=1").json["documents"][0]
    assert (document["review"], document["reviews"]) == (sent_back["review"], 1)
    assert (document["review"]["reviewer"], document["review"]["revision"]) == ("rev", 1)
    [comment] = document["comments"]
    assert [comment] == sent_back["comments"]
    assert (comment["text"], comment["landmark"], comment["resolved"]) == ("off", 2, False)
    mended = labels(annotator="rev", writer="tab-rev", base=1, flag=True, review=True)
    saved = ask("POST", f"/api/items/{item}", mended).json
    assert (saved["revision"], saved["review"]["verdict"], saved["review"]["number"]) == (
        2,
        "fixed",
        2,
    )
    assert ask("GET", reviews).json["review"] == saved["review"]
    assert ask("POST", reviews, {**back, "verdict": "accepted"}).json["current"]["revision"] == 2
    accepted = ask("POST", reviews, {**back, "verdict": "accepted", "revision": 2})
    assert accepted.json["review"]["verdict"] == "accepted"
    settled = ask(
        "POST", f"/api/comments/{comment['comment']}", {"annotator": "ann", "resolved": True}
    )
    assert (settled.json["resolved"], settled.json["resolved_by"]) == (True, "ann")
    assert ask("GET", reviews).json["comments"] == [settled.json]


@pytest.mark.parametrize(
    ("path", "change", "status"),
    [
        ("items/1/reviews", {"verdict": "fixed"}, 400),
        ("items/1/reviews", {"verdict": ["accepted"]}, 400),
        ("items/1/reviews", {"verdict": "withdrawn"}, 409),
        ("items/1/reviews", {"seen": "x"}, 400),
        ("items/1/reviews", {"verdict": "returned", "landmark": 3}, 400),
        ("items/1/reviews", {"revision": 0}, 400),
        ("items/1/comments", {"text": " "}, 400),
        ("items/1/comments", {"text": "x" * 2001}, 400),
        ("items/1/comments", {"text": "\0"}, 400),
        ("items/1/comments", {"landmark": 3}, 400),
        ("items/99/comments", {}, 404),
        ("comments/99", {}, 404),
        ("comments/99", {"resolved": "yes"}, 404),
    ],
)
def test_reviews_and_comments_that_make_no_sense_are_refused(
    ask: Ask, store: AnnotationStore, project: Project, path: str, change: Any, status: int
) -> None:
    ask("POST", f"/api/items/{item_of(store, project)}", labels())
    body = {"annotator": "rev", "verdict": "accepted", "revision": 1, "text": "x", **change}
    assert ask("POST", f"/api/{path}", body).status == status
    assert ask("POST", f"/api/{path}", body, token="").status == 401
    assert store.reviews.history(project) == ([], [])


def test_a_comment_is_answered_as_it_is_kept(
    ask: Ask, store: AnnotationStore, project: Project
) -> None:
    item = item_of(store, project)
    made = ask("POST", f"/api/items/{item}/comments", {"annotator": "ann", "text": "blurred"})
    assert (made.status, made.json["landmark"], made.json["author"]) == (200, None, "ann")
    assert ask("GET", f"/api/items/{item}/reviews").json == {
        "review": None,
        "reviews": 0,
        "comments": [made.json],
    }


def test_a_copy_is_refused_to_who_marked_another_and_the_canvas_is_told_before(
    ask: Ask, store: AnnotationStore, project: Project
) -> None:
    store.add_copies(project, 2)
    first, copy = store.items(project)[0].id, store.items(project)[6].id
    assert ask("POST", f"/api/items/{first}", labels()).status == 200
    answer = ask("POST", f"/api/items/{copy}", labels())
    assert answer.status == 403
    assert "is for somebody else: ann has marked copy 1" in answer.json["error"]
    assert store.revisions(copy) == []
    address = f"/api/projects/{project.id}/items?start=6&count=1&annotator="
    told = [ask("GET", address + who).json["documents"][0]["marked_copy"] for who in ("ann", "bea")]
    assert told == [1, None]


def test_a_verdict_is_refused_to_who_has_not_seen_the_last_one(
    ask: Ask, store: AnnotationStore, project: Project
) -> None:
    item = item_of(store, project)
    ask("POST", f"/api/items/{item}", labels())
    reviews = f"/api/items/{item}/reviews"
    accept = {"annotator": "rev", "verdict": "accepted", "revision": 1, "seen": 0}
    first = ask("POST", reviews, accept)
    assert ask("POST", reviews, accept).json == first.json  # the answer was lost
    back = {"annotator": "bea", "verdict": "returned", "revision": 1, "seen": 0, "text": "off"}
    refused = ask("POST", reviews, back)
    assert (refused.status, refused.json["review"]) == (409, first.json["review"])
    assert "reviewed meanwhile ('accepted' by rev)" in refused.json["error"]
    assert ask("POST", reviews, {**back, "seen": 1}).json["review"]["verdict"] == "returned"
    withdrawn = {**accept, "verdict": "withdrawn", "seen": 2}
    assert ask("POST", reviews, withdrawn).json["review"]["verdict"] == "withdrawn"
    assert ask("GET", reviews).json["review"] is None
    assert ask("GET", reviews).json["reviews"] == 3


def test_what_waits_for_review_is_told_from_a_position_on(
    ask: Ask, store: AnnotationStore, project: Project
) -> None:
    for position in (0, 1, 3):
        item = item_of(store, project, position)
        points = (placed(1.5, 2.0), ABSENT, placed(3, 4))
        store.save(Draft(item, "ann", "tab", 1, 0, points, Status.DONE))
    store.reviews.send_back(item_of(store, project, 3), "rev", 1, "off")
    path = f"/api/projects/{project.id}/reviews?annotator=ann"
    counts = {"waiting": 2, "accepted": 0, "returned": 1, "yours": [3]}
    assert ask("GET", path).json == {"next": [0, 1], **counts}
    assert ask("GET", f"{path}&after=0").json["next"] == [1, 0]
    assert ask("GET", f"{path}&after=x").status == 400
    assert ask("GET", f"/api/projects/{project.id}/reviews").status == 400
    assert ask("GET", path, token="x").status == 401
