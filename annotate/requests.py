"""Requests to the annotator's routes: what they hold, checked, and errors as answers."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from annotate.labelling import LabelError
from annotate.server import TOKEN_HEADER, is_token
from annotate.store import ConflictError, UnknownEntryError
from annotate.tasks import revision_to_json
from datasets.errors import FewmarkError

MAX_BODY = 256 * 1024
_NAME_LENGTH = 100
_TEXT_LENGTH = 2000
_DIGITS = re.compile("[0-9]{1,10}")

Endpoint = Callable[[Request], Awaitable[Response]]


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """An answer that says what is wrong with a request."""

    def __init__(self, status: int, problem: str) -> None:
        self.answer = JSONResponse({"error": problem}, status)


def answered(endpoint: Endpoint) -> Endpoint:
    """Turn errors into answers."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Refused as refused:
            return refused.answer
        except UnknownEntryError as error:
            return JSONResponse({"error": str(error)}, 404)
        except LabelError as error:
            return JSONResponse({"error": str(error)}, 400)
        except ConflictError as error:
            current = revision_to_json(error.current)
            return JSONResponse({"error": str(error), "current": current}, 409)
        except FewmarkError as error:
            return JSONResponse({"error": str(error)}, 503)

    return answer


def require_token(request: Request) -> None:
    """Refuse a request without the store's secret."""
    if not is_token(request.headers.get(TOKEN_HEADER)):
        raise Refused(401, "this page belongs to another annotation store; reload it")


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


async def json_body(request: Request) -> dict[str, Any]:
    """The body of a request: a JSON object that is not too long."""
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BODY:
            raise Refused(413, f"more than {MAX_BODY} bytes of labels")
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "the labels are not JSON") from error
    if not isinstance(body, dict):
        raise Refused(400, "the labels are not a JSON object")
    return body


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
