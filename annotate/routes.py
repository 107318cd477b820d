"""The annotator's own routes: pictures and documents to the canvas, labels back.

Labels travel here and not over Streamlit's socket, which keeps only the newest of several quick
messages. Every route is there a second time below any path, for servers that live under one
(``server.baseUrlPath``).
"""

import functools
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import cv2
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from annotate.host_config import QuietErrors
from annotate.labelling import LabelError, points_from_json
from annotate.server import (
    FRONTEND,
    TOKEN_HEADER,
    document_for_browser,
    frontend_version,
    image_version,
    is_image_key,
    is_token,
    workspace_store,
)
from annotate.store import ConflictError, Draft, Item, Revision, Status, UnknownEntryError
from annotate.tasks import BATCH, documents, revision_to_json, status_of
from datasets.errors import FewmarkError, FileFormatError
from datasets.images import IMAGE_SUFFIXES, read_image

MAX_BODY = 256 * 1024
_MAX_BATCH = 200
_NAME_LENGTH = 100
# Browsers do not show TIFF, and show WebP as it lies, not as its camera says.
_SERVED_AS_THEY_ARE = IMAGE_SUFFIXES - {".tif", ".tiff", ".webp"}
_FOR_GOOD = {"Cache-Control": "private, max-age=31536000, immutable"}
_MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css"}

_DIGITS = re.compile("[0-9]{1,10}")

Endpoint = Callable[[Request], Awaitable[Response]]


class _Refused(Exception):  # noqa: N818 - an answer, not a fault
    def __init__(self, status: int, problem: str) -> None:
        self.answer = JSONResponse({"error": problem}, status)


def _answered(endpoint: Endpoint) -> Endpoint:
    """Turn errors into answers."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except _Refused as refused:
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


def _require_token(request: Request) -> None:
    if not is_token(request.headers.get(TOKEN_HEADER)):
        raise _Refused(401, "this page belongs to another annotation store; reload it")


async def _items(request: Request) -> Response:
    """Documents of a project: ``?start=0&count=24``."""
    _require_token(request)
    start = _whole(request.query_params.get("start", "0"), "start")
    count = min(_whole(request.query_params.get("count", str(BATCH)), "count"), _MAX_BATCH)
    return await run_in_threadpool(_batch, _id(request, "project"), start, count)


def _batch(project_id: int, start: int, count: int) -> Response:
    store = workspace_store()
    project = store.project(project_id)
    counts = store.counts(project)
    m = len(project.sparse)
    found = [document_for_browser(d, m) for d in documents(store, project, start, count)]
    return JSONResponse(
        {
            "total": counts.total,
            "done": counts.done,
            "skipped": counts.skipped,
            "first_open": store.first_open(project, start),
            "documents": found,
        }
    )


def _id(request: Request, name: str) -> int:
    text = request.path_params[name]
    if not _DIGITS.fullmatch(text) or int(text) >= 2**31:  # more than the store's columns hold
        raise _Refused(404, f"there is no {name} {text!r:.20}")
    return int(text)


def _whole(text: str, name: str) -> int:
    if not _DIGITS.fullmatch(text) or len(text) > 9:
        raise _Refused(400, f"{name}: expected a whole number, found {text!r:.40}")
    return int(text)


async def _image(request: Request) -> Response:
    """The picture of an item; only pictures of the store can be asked for."""
    item_id = _id(request, "item")
    if not is_image_key(item_id, request.query_params.get("key")):
        raise _Refused(401, "this address of a picture is not valid any more; reload the page")
    return await run_in_threadpool(_picture, item_id, request.query_params.get("v"))


def _picture(item_id: int, version: str | None) -> Response:
    content = workspace_store().item(item_id).content
    path = content.image
    if not path.is_file():
        raise _Refused(404, f"{path.name}: the picture is not there any more")
    current = image_version(path)
    try:
        _require_size(path, _size(path, current), (content.height_px, content.width_px))
        headers = {"X-Content-Type-Options": "nosniff"}
        headers |= _FOR_GOOD if version == current else {}
        if path.suffix.lower() in _SERVED_AS_THEY_ARE:
            return FileResponse(path, headers=headers)
        pixels = read_image(path)
    except FileFormatError as error:
        raise _Refused(404, f"{path.name}: not a picture that can be read") from error
    _, data = cv2.imencode(".png", pixels[:, :, ::-1])
    return Response(data.tobytes(), media_type="image/png", headers=headers)


@functools.lru_cache(maxsize=4096)
def _size(path: Path, version: str) -> tuple[int, int]:  # noqa: ARG001 - the version is the key
    """Height and width of a picture; each version of the file is decoded for it once."""
    height_px, width_px = read_image(path).shape[:2]
    return height_px, width_px


def _require_size(path: Path, found: tuple[int, int], stored: tuple[int, int]) -> None:
    """Places are pixels of the picture from which the project was made: no other will do."""
    if found != stored:
        was, now = (f"{width} x {height} pixels" for height, width in (stored, found))
        problem = f"this picture has changed since the project was made: it was {was}, now {now}"
        raise _Refused(409, f"{path.name}: {problem}")


async def _save(request: Request) -> Response:
    """Save labels; answers with the item's current revision, or 409 with what is there instead."""
    _require_token(request)
    item_id = _id(request, "item")
    body = await _json_body(request)
    revision = await run_in_threadpool(_saved, item_id, body)
    return JSONResponse(revision_to_json(revision))


async def _json_body(request: Request) -> dict[str, Any]:
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BODY:
            raise _Refused(413, f"more than {MAX_BODY} bytes of labels")
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _Refused(400, "the labels are not JSON") from error
    if not isinstance(body, dict):
        raise _Refused(400, "the labels are not a JSON object")
    return body


def _saved(item_id: int, body: dict[str, Any]) -> Revision:
    store = workspace_store()
    item = store.item(item_id)
    names = store.project(item.project).sparse.names
    return store.save(_draft(item, body, names))


def _draft(item: Item, body: dict[str, Any], names: tuple[str, ...]) -> Draft:
    size = item.content.height_px, item.content.width_px
    points = points_from_json(body.get("points"), names, size)
    skipped, flag = _truth(body, "skipped"), _truth(body, "flag")
    return Draft(
        item=item.id,
        annotator=_name(body, "annotator"),
        writer=_name(body, "writer"),
        sequence=_number(body, "sequence", at_least=1),
        base=_number(body, "base"),
        points=points,
        status=Status.SKIPPED if skipped else status_of(points),
        flag=flag,
        active_ms=_number(body, "active_ms"),
    )


def _name(body: dict[str, Any], field: str) -> str:
    value = body.get(field)
    if not isinstance(value, str) or not 0 < len(value) <= _NAME_LENGTH or not _is_storable(value):
        raise _Refused(400, f"{field}: expected a text of 1 to {_NAME_LENGTH} characters")
    return value


def _is_storable(text: str) -> bool:
    """Whether a text can be stored: JSON may hold half a character, and PostgreSQL takes no NUL."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _number(body: dict[str, Any], field: str, at_least: int = 0) -> int:
    value = body.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or not at_least <= value < 2**31:
        raise _Refused(400, f"{field}: expected a whole number of at least {at_least}")
    return value


def _truth(body: dict[str, Any], field: str) -> bool:
    value = body.get(field, False)
    if not isinstance(value, bool):
        raise _Refused(400, f"{field}: expected true or false")
    return value


async def _frontend(request: Request) -> Response:
    """A file of the canvas; its address changes with its content."""
    files = {path.name: path for path in FRONTEND.iterdir() if path.suffix in _MEDIA_TYPES}
    path = files.get(request.path_params["name"])
    if path is None:
        raise _Refused(404, "there is no such file")
    is_current = request.path_params["version"] == frontend_version()
    headers = _FOR_GOOD if is_current else {"Cache-Control": "no-cache"}
    return FileResponse(path, media_type=_MEDIA_TYPES[path.suffix], headers=headers)


_ENDPOINTS: tuple[tuple[str, Endpoint, str], ...] = (
    ("api/projects/{project:str}/items", _items, "GET"),
    ("api/images/{item:str}", _image, "GET"),
    ("api/items/{item:str}", _save, "POST"),
    ("api/frontend/{version:str}/{name:str}", _frontend, "GET"),
)

ROUTES: list[BaseRoute] = [
    Route(prefix + path, _answered(endpoint), methods=[method])
    for prefix in ("/", "/{base:path}/")
    for path, endpoint, method in _ENDPOINTS
]

MIDDLEWARE = [Middleware(QuietErrors)]
