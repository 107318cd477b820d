"""Requests to the annotator's routes: what they hold, checked, and errors as answers."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from annotate.access import Right
from annotate.guard import Entry, Refused, entry, note, require_same_site
from annotate.labelling import LabelError
from annotate.server import workspace_store
from annotate.store import (
    ConflictError,
    CopyError,
    NotReviewableError,
    OthersGoldError,
    ReviewedError,
    UnknownEntryError,
)
from annotate.tasks import review_to_json, revision_to_json
from datasets.errors import FewmarkError

MAX_BODY = 256 * 1024
BODY_WITHIN_S = 20.0
"""A body that takes longer to arrive holds a place that others need."""

_NAME_LENGTH = 100
_TEXT_LENGTH = 2000
_DIGITS = re.compile("[0-9]{1,10}")

Endpoint = Callable[[Request], Awaitable[Response]]


def answered(endpoint: Endpoint) -> Endpoint:
    """Turn errors into answers, and what is refused into a line of the log."""

    async def answer(request: Request) -> Response:
        try:
            if request.method == "POST":
                require_same_site(request)
            return await endpoint(request)
        except ConflictError as error:
            current = revision_to_json(error.current)
            return JSONResponse({"error": str(error), "current": current}, 409)
        except ReviewedError as error:
            review = review_to_json(error.review)
            return JSONResponse({"error": str(error), "review": review}, 409)
        except NotReviewableError as error:
            return JSONResponse({"error": str(error)}, 409)
        except (Refused, CopyError, OthersGoldError, UnknownEntryError, LabelError) as error:
            status = _status(error)
            note(request, status, str(error))
            return JSONResponse({"error": str(error)}, status)
        except FewmarkError as error:
            return JSONResponse({"error": str(error)}, 503)

    return answer


def _status(
    error: Refused | CopyError | OthersGoldError | UnknownEntryError | LabelError,
) -> int:
    if isinstance(error, Refused):
        return error.status
    if isinstance(error, CopyError | OthersGoldError):
        return 403
    return 404 if isinstance(error, UnknownEntryError) else 400


async def admitted(request: Request, right: Right, project_id: int) -> Entry:
    """Who asks, if they have a right in a project."""
    granted = entry(request)
    await run_in_threadpool(granted.visitor, right, project_id)
    return granted


async def admitted_to_item(request: Request, right: Right, item_id: int) -> Entry:
    """Who asks, if they have a right in the project of an item."""
    granted = entry(request)
    item = await run_in_threadpool(workspace_store().item, item_id)
    await run_in_threadpool(granted.visitor, right, item.project)
    return granted


def number_in_path(request: Request, name: str) -> int:
    """The number of a project or item in the address."""
    text = request.path_params[name]
    if not _DIGITS.fullmatch(text) or int(text) >= 2**31:  # more than the store's columns hold
        raise Refused(404, f"there is no {name} {text!r:.20}")
    return int(text)


def whole_number(text: str, name: str) -> int:
    """A number in the query."""
    if not _DIGITS.fullmatch(text) or len(text) > 9:
        raise Refused(400, f"{name}: expected a whole number, found {text!r:.40}")
    return int(text)


async def json_body(request: Request, granted: Entry) -> dict[str, Any]:
    """The body of a request: a JSON object that is not too long, in the name of who was let in."""
    try:
        with anyio.fail_after(BODY_WITHIN_S):
            data = await _body(request)
    except TimeoutError as error:
        raise Refused(408, "the labels did not arrive in time") from error
    except ClientDisconnect as error:
        raise Refused(400, "the labels did not arrive whole") from error
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "the labels are not JSON") from error
    if not isinstance(body, dict):
        raise Refused(400, "the labels are not a JSON object")
    if granted.person is not None:
        body["annotator"] = granted.person  # whatever it says
    return body


async def _body(request: Request) -> bytes:
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BODY:
            raise Refused(413, f"more than {MAX_BODY} bytes of labels")
    return data


def name_in(body: dict[str, Any], field: str) -> str:
    """A short text that is not empty."""
    value = body.get(field)
    if not isinstance(value, str) or not 0 < len(value) <= _NAME_LENGTH or not _is_storable(value):
        raise Refused(400, f"{field}: expected a text of 1 to {_NAME_LENGTH} characters")
    return value


def _is_storable(text: str) -> bool:
    """Whether a text can be stored: JSON may hold half a character, and PostgreSQL takes no NUL."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def text_in(body: dict[str, Any], field: str) -> str:
    """A text of some lines that is not empty."""
    value = body.get(field)
    if not isinstance(value, str) or not value.strip() or not _is_storable(value):
        raise Refused(400, f"{field}: expected a text")
    if len(value) > _TEXT_LENGTH:
        raise Refused(400, f"{field}: expected at most {_TEXT_LENGTH} characters")
    return value


def number_in(body: dict[str, Any], field: str, at_least: int = 0) -> int:
    """A whole number of a size that the store holds."""
    value = body.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or not at_least <= value < 2**31:
        raise Refused(400, f"{field}: expected a whole number of at least {at_least}")
    return value


def truth_in(body: dict[str, Any], field: str) -> bool:
    """True or false; false where it is missing."""
    value = body.get(field, False)
    if not isinstance(value, bool):
        raise Refused(400, f"{field}: expected true or false")
    return value
