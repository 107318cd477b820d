"""Routes of reviewing: verdicts on labels, and comments."""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from annotate.access import Right
from annotate.guard import Refused, entry
from annotate.requests import (
    Endpoint,
    admitted_to_item,
    json_body,
    name_in,
    number_in,
    number_in_path,
    text_in,
    truth_in,
)
from annotate.server import workspace_store
from annotate.store import Verdict
from annotate.tasks import comment_to_json, document_of, review_to_json


async def _review(request: Request) -> Response:
    """Accept or send back a revision; a fix is sent as labels are, with `review` true."""
    item = number_in_path(request, "item")
    body = await json_body(request, await admitted_to_item(request, Right.REVIEW, item))
    if body.get("verdict") not in {Verdict.ACCEPTED, Verdict.RETURNED}:
        raise Refused(400, "verdict: expected 'accepted' or 'returned'")
    return JSONResponse(await run_in_threadpool(_reviewed, item, body))


def _reviewed(item: int, body: dict[str, Any]) -> dict[str, Any] | None:
    reviews = workspace_store().reviews
    reviewer, revision = name_in(body, "annotator"), number_in(body, "revision", at_least=1)
    if body["verdict"] == Verdict.ACCEPTED:
        return review_to_json(reviews.accept(item, reviewer, revision))
    text, landmark = text_in(body, "text"), _landmark(body)
    return review_to_json(reviews.send_back(item, reviewer, revision, text, landmark))


async def _comments(request: Request) -> Response:
    """Add a comment to a picture or one of its landmarks."""
    item = number_in_path(request, "item")
    body = await json_body(request, await admitted_to_item(request, Right.LABEL, item))
    author, text, landmark = name_in(body, "annotator"), text_in(body, "text"), _landmark(body)

    def add() -> dict[str, Any]:
        store = workspace_store()
        m = len(store.project(store.item(item).project).sparse)
        if landmark is not None and landmark >= m:
            raise Refused(400, f"landmark: expected a number below {m}")
        return comment_to_json(store.reviews.comment(item, author, text, landmark))

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

    def ask() -> dict[str, Any]:
        store = workspace_store()
        document = document_of(store, store.item(item))
        return {
            "review": review_to_json(document.review),
            "comments": [comment_to_json(comment) for comment in document.comments],
        }

    return JSONResponse(await run_in_threadpool(ask))


def _landmark(body: dict[str, Any]) -> int | None:
    return None if body.get("landmark") is None else number_in(body, "landmark")


ENDPOINTS: tuple[tuple[str, Endpoint, str], ...] = (
    ("api/items/{item:str}/reviews", _review, "POST"),
    ("api/items/{item:str}/reviews", _state, "GET"),
    ("api/items/{item:str}/comments", _comments, "POST"),
    ("api/comments/{comment:str}", _resolve, "POST"),
)
