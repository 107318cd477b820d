"""Routes of reviewing: what waits for it, verdicts on labels, and comments."""

from dataclasses import asdict
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from annotate.access import Right
from annotate.guard import Refused, entry
from annotate.requests import (
    Endpoint,
    admitted,
    admitted_to_item,
    json_body,
    name_in,
    number_in,
    number_in_path,
    text_in,
    truth_in,
    whole_number,
)
from annotate.server import workspace_store
from annotate.store import Verdict
from annotate.tasks import comment_to_json, document_of, review_to_json

_VERDICTS = (Verdict.ACCEPTED, Verdict.RETURNED, Verdict.WITHDRAWN)


async def _waiting(request: Request) -> Response:
    """What waits for review, and how far it has come: ``?annotator=ann&after=3``."""
    project_id = number_in_path(request, "project")
    granted = await admitted(request, Right.SEE, project_id)
    asked = dict(request.query_params)
    annotator = granted.person or name_in(asked, "annotator")
    after = whole_number(asked["after"], "after") if "after" in asked else None

    def ask() -> dict[str, Any]:
        store = workspace_store()
        project = store.project(project_id)
        waiting = store.reviews.waiting(project, after)
        return {"next": waiting, **asdict(store.reviews.progress(project, annotator))}

    return JSONResponse(await run_in_threadpool(ask))


async def _review(request: Request) -> Response:
    """Give a verdict; a fix is sent as labels are, with `review` true."""
    item = number_in_path(request, "item")
    body = await json_body(request, await admitted_to_item(request, Right.REVIEW, item))
    if body.get("verdict") not in _VERDICTS:
        raise Refused(400, f"verdict: expected one of {', '.join(_VERDICTS)}")
    return JSONResponse(await run_in_threadpool(_reviewed, item, body))


def _reviewed(item: int, body: dict[str, Any]) -> dict[str, Any]:
    reviews = workspace_store().reviews
    reviewer, revision = name_in(body, "annotator"), number_in(body, "revision", at_least=1)
    seen = None if body.get("seen") is None else number_in(body, "seen")
    if body["verdict"] == Verdict.ACCEPTED:
        review = reviews.accept(item, reviewer, revision, seen)
    elif body["verdict"] == Verdict.WITHDRAWN:
        review = reviews.withdraw(item, reviewer, revision, seen)
    else:
        text, landmark = text_in(body, "text"), _landmark_of(item, body)
        review = reviews.send_back(item, reviewer, revision, text, landmark, seen=seen)
    return _state_of(item) | {"review": review_to_json(review)}


async def _comments(request: Request) -> Response:
    """Add a comment to a picture or one of its landmarks."""
    item = number_in_path(request, "item")
    body = await json_body(request, await admitted_to_item(request, Right.LABEL, item))
    author, text = name_in(body, "annotator"), text_in(body, "text")

    def add() -> dict[str, Any]:
        landmark = _landmark_of(item, body)
        return comment_to_json(workspace_store().reviews.comment(item, author, text, landmark))

    return JSONResponse(await run_in_threadpool(add))


async def _resolve(request: Request) -> Response:
    """Settle a comment, or open it again."""
    comment = number_in_path(request, "comment")
    entry(request)
    item = await run_in_threadpool(workspace_store().reviews.item_of, comment)
    body = await json_body(request, await admitted_to_item(request, Right.LABEL, item))
    who, resolved = name_in(body, "annotator"), truth_in(body, "resolved")

    def settle() -> dict[str, Any]:
        return comment_to_json(workspace_store().reviews.resolve(comment, who, resolved=resolved))

    return JSONResponse(await run_in_threadpool(settle))


async def _state(request: Request) -> Response:
    """Review and comments of one picture as they are now."""
    item = number_in_path(request, "item")
    await admitted_to_item(request, Right.SEE, item)

    return JSONResponse(await run_in_threadpool(_state_of, item))


def _state_of(item: int) -> dict[str, Any]:
    store = workspace_store()
    document = document_of(store, store.item(item))
    return {
        "review": review_to_json(document.review),
        "reviews": document.reviews,
        "comments": [comment_to_json(comment) for comment in document.comments],
    }


def _landmark_of(item: int, body: dict[str, Any]) -> int | None:
    """The landmark that a comment is about; None: the picture."""
    if body.get("landmark") is None:
        return None
    landmark = number_in(body, "landmark")
    store = workspace_store()
    m = len(store.project(store.item(item).project).sparse)
    if landmark >= m:
        raise Refused(400, f"landmark: expected a number below {m}, found {landmark}")
    return landmark


ENDPOINTS: tuple[tuple[str, Endpoint, str], ...] = (
    ("api/projects/{project:str}/reviews", _waiting, "GET"),
    ("api/items/{item:str}/reviews", _review, "POST"),
    ("api/items/{item:str}/reviews", _state, "GET"),
    ("api/items/{item:str}/comments", _comments, "POST"),
    ("api/comments/{comment:str}", _resolve, "POST"),
)
