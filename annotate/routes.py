"""The annotator's own routes: pictures and documents to the canvas, labels back.

Labels travel here and not over Streamlit's socket, which keeps only the newest of several quick
messages. Every route is there a second time below any path, for servers that live under one
(``server.baseUrlPath``).
"""

import functools
from pathlib import Path
from typing import Any

import cv2
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from annotate import gold_routes, queue_routes, review_routes, server
from annotate.access import Right
from annotate.expectation import expectation
from annotate.guard import Refused, entry, give_pictures, require_sight
from annotate.host_config import QuietErrors
from annotate.identity import TrustedHeader
from annotate.labelling import points_from_json
from annotate.requests import (
    Endpoint,
    admitted,
    admitted_to_item,
    answered,
    json_body,
    name_in,
    number_in,
    number_in_path,
    truth_in,
    whole_number,
)
from annotate.server import (
    FRONTEND,
    document_for_browser,
    frontend_version,
    image_version,
    is_image_key,
    workspace_store,
)
from annotate.store import Draft, Item, Status
from annotate.tasks import (
    BATCH,
    asked_by,
    documents,
    haunted,
    review_to_json,
    revision_to_json,
    status_of,
)
from datasets.errors import FileFormatError
from datasets.images import IMAGE_SUFFIXES, read_image
from datasets.workspace import Workspace

_MAX_BATCH = 200
# Browsers do not show TIFF, and show WebP as it lies, not as its camera says.
_SERVED_AS_THEY_ARE = IMAGE_SUFFIXES - {".tif", ".tiff", ".webp"}
_FOR_GOOD = {"Cache-Control": "private, max-age=31536000, immutable"}
_NO_OTHER_SITE = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css"}


async def _items(request: Request) -> Response:
    """Documents of a project: ``?start=0&count=24&annotator=ann``."""
    project_id = number_in_path(request, "project")
    granted = await admitted(request, Right.SEE, project_id)
    start = whole_number(request.query_params.get("start", "0"), "start")
    count = min(whole_number(request.query_params.get("count", str(BATCH)), "count"), _MAX_BATCH)
    annotator = granted.person or request.query_params.get("annotator", "")
    answer = await run_in_threadpool(_batch, project_id, start, count, annotator)
    give_pictures(request, answer, granted)
    return answer


def _batch(project_id: int, start: int, count: int, annotator: str) -> Response:
    store = workspace_store()
    project = store.project(project_id)
    counts = store.counts(project)
    m = len(project.sparse)
    batch = asked_by(store, haunted(store, documents(store, project, start, count)), annotator)
    found = [document_for_browser(document, m) for document in batch]
    return JSONResponse(
        {
            "total": store.extent(project),
            "done": counts.done,
            "skipped": counts.skipped,
            "first_open": store.first_open(project, start),
            "documents": found,
        }
    )


async def _model(request: Request) -> Response:
    """What the canvas needs to expect landmarks from others; null where nothing is known."""
    project_id = number_in_path(request, "project")
    await admitted(request, Right.SEE, project_id)
    project = await run_in_threadpool(workspace_store().project, project_id)
    found = await run_in_threadpool(expectation, Workspace.from_environment(), project)
    return JSONResponse({"model": found})


async def _image(request: Request) -> Response:
    """The picture of an item; only pictures of the store can be asked for."""
    item_id = number_in_path(request, "item")
    if not is_image_key(item_id, request.query_params.get("key")):
        raise Refused(401, "this address of a picture is not valid any more; reload the page")
    return await run_in_threadpool(_picture, request, item_id)


def _picture(request: Request, item_id: int) -> Response:
    item = workspace_store().item(item_id)
    require_sight(request, item)
    content = item.content
    version = request.query_params.get("v")
    path = content.image
    if not path.is_file():
        raise Refused(404, f"{path.name}: the picture is not there any more")
    current = image_version(path)
    try:
        _require_size(path, _size(path, current), (content.height_px, content.width_px))
        headers = dict(_NO_OTHER_SITE)
        headers |= _FOR_GOOD if version == current else {}
        if path.suffix.lower() in _SERVED_AS_THEY_ARE:
            return FileResponse(path, headers=headers)
        pixels = read_image(path)
    except FileFormatError as error:
        raise Refused(404, f"{path.name}: {error.problem}") from error
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
        raise Refused(409, f"{path.name}: {problem}")


async def _save(request: Request) -> Response:
    """Save labels; answers with the item's current revision, or 409 with what is there instead."""
    item_id = number_in_path(request, "item")
    granted = await admitted_to_item(request, Right.LABEL, item_id)
    body = await json_body(request, granted)
    if truth_in(body, "review"):
        await admitted_to_item(request, Right.REVIEW, item_id)
    return JSONResponse(await run_in_threadpool(_saved, item_id, body))


async def _renew(request: Request) -> Response:
    """A new token for the one that is sent, until its holder must sign in again."""
    granted = entry(request)
    if granted.pass_ is None or granted.pass_.project is None:
        return JSONResponse({"token": server.token()})
    project_id, until = granted.pass_.project, granted.pass_.until
    visitor = await run_in_threadpool(granted.visitor, Right.SEE, project_id)
    answer = JSONResponse({"token": server.pass_for(visitor, project_id, until)})
    give_pictures(request, answer, granted)
    return answer


def _saved(item_id: int, body: dict[str, Any]) -> dict[str, Any]:
    store = workspace_store()
    item = store.item(item_id)
    names = store.project(item.project).sparse.names
    draft = _draft(item, body, names)
    if truth_in(body, "review"):  # a reviewer mends the labels, which stay their annotator's work
        revision, review = store.reviews.fix(draft)
        return {**revision_to_json(revision), "review": review_to_json(review)}
    revision = store.save(draft, at_work=True)
    is_answered = item.is_gold and revision.status is Status.DONE
    return {**revision_to_json(revision), **({"gold": True} if is_answered else {})}


def _draft(item: Item, body: dict[str, Any], names: tuple[str, ...]) -> Draft:
    size = item.content.height_px, item.content.width_px
    points = points_from_json(body.get("points"), names, size)
    skipped, flag = truth_in(body, "skipped"), truth_in(body, "flag")
    return Draft(
        item=item.id,
        annotator=name_in(body, "annotator"),
        writer=name_in(body, "writer"),
        sequence=number_in(body, "sequence", at_least=1),
        base=number_in(body, "base"),
        points=points,
        status=Status.SKIPPED if skipped else status_of(points),
        flag=flag,
        active_ms=number_in(body, "active_ms"),
    )


async def _frontend(request: Request) -> Response:
    """A file of the canvas; its address changes with its content."""
    files = {path.name: path for path in FRONTEND.iterdir() if path.suffix in _MEDIA_TYPES}
    path = files.get(request.path_params["name"])
    if path is None:
        raise Refused(404, "there is no such file")
    is_current = request.path_params["version"] == frontend_version()
    headers = _FOR_GOOD if is_current else {"Cache-Control": "no-cache"}
    return FileResponse(path, media_type=_MEDIA_TYPES[path.suffix], headers=headers)


_ENDPOINTS: tuple[tuple[str, Endpoint, str], ...] = (
    ("api/projects/{project:str}/items", _items, "GET"),
    ("api/projects/{project:str}/model", _model, "GET"),
    ("api/images/{item:str}", _image, "GET"),
    ("api/items/{item:str}", _save, "POST"),
    ("api/token", _renew, "POST"),
    ("api/frontend/{version:str}/{name:str}", _frontend, "GET"),
    *queue_routes.ENDPOINTS,
    *review_routes.ENDPOINTS,
    *gold_routes.ENDPOINTS,
)

ROUTES: list[BaseRoute] = [
    Route(prefix + path, answered(endpoint), methods=[method])
    for prefix in ("/", "/{base:path}/")
    for path, endpoint, method in _ENDPOINTS
]

MIDDLEWARE = [Middleware(QuietErrors), Middleware(TrustedHeader)]
