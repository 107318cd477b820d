"""Routes of the queue: which pictures are mine, and that they are not mine any more."""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from annotate.access import Right
from annotate.guard import entry
from annotate.requests import (
    Endpoint,
    admitted,
    json_body,
    name_in,
    number_in,
    number_in_path,
)
from annotate.server import workspace_store


async def _claim(request: Request) -> Response:
    """Tell an annotator who is at `after` the next open pictures; they are held if they may label.

    Who only looks must take none from the others.
    """
    project_id = number_in_path(request, "project")
    granted = entry(request)
    visitor = await run_in_threadpool(granted.visitor, Right.SEE, project_id)
    body = await json_body(request, granted)
    annotator = name_in(body, "annotator")
    after = None if body.get("after") is None else number_in(body, "after")
    holds = visitor.may(Right.LABEL, project_id)
    return JSONResponse(await run_in_threadpool(_claimed, project_id, annotator, after, holds))


def _claimed(project_id: int, annotator: str, after: int | None, holds: bool) -> dict[str, Any]:  # noqa: FBT001 - of run_in_threadpool
    store = workspace_store()
    project = store.project(project_id)
    claim = store.leases.claim(project, annotator, after=after, holds=holds)
    open_items = store.counts(project).open
    return {
        "next_open": claim.next_open,
        "way": claim.way,
        "is_end": claim.is_end,
        "open": open_items,
        "total": store.extent(project),
    }


async def _release(request: Request) -> Response:
    """Give back what an annotator holds: they go, or take another name."""
    project_id = number_in_path(request, "project")
    granted = await admitted(request, Right.SEE, project_id)
    annotator = name_in(await json_body(request, granted), "annotator")
    await run_in_threadpool(_released, project_id, annotator)
    return JSONResponse({})


def _released(project_id: int, annotator: str) -> None:
    store = workspace_store()
    store.leases.release(store.project(project_id), annotator)


ENDPOINTS: tuple[tuple[str, Endpoint, str], ...] = (
    ("api/projects/{project:str}/claims", _claim, "POST"),
    ("api/projects/{project:str}/releases", _release, "POST"),
)
