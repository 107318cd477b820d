"""The route of gold pictures: how exact an answer was, told once it is finished."""

import math
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from annotate.access import Right
from annotate.gold import feedback
from annotate.guard import Refused
from annotate.labelling import point_to_json
from annotate.requests import Endpoint, admitted_to_item, json_body, name_in, number_in_path
from annotate.server import workspace_store


async def _show(request: Request) -> Response:
    """The true points, and how far the labels are from them: what counts is settled by that."""
    item = number_in_path(request, "item")
    body = await json_body(request, await admitted_to_item(request, Right.LABEL, item))
    return JSONResponse(await run_in_threadpool(_shown, item, name_in(body, "annotator")))


def _shown(item_id: int, annotator: str) -> dict[str, Any]:
    store = workspace_store()
    answer = store.golds.show(item_id, annotator)
    if answer is None:  # the same for every picture: nothing tells a gold one before it is done
        raise Refused(404, "this is no gold picture that you have finished")
    found = feedback(store.project(answer.item.project), answer)
    return {
        "truth": [point_to_json(point) for point in answer.truth],
        "px": [_number(value) for value in found.px],
        "percent": [_number(value) for value in found.percent],
        "unit": found.unit.replace("_", " "),
    }


def _number(value: float) -> float | None:
    return round(float(value), 3) if math.isfinite(value) else None


ENDPOINTS: tuple[tuple[str, Endpoint, str], ...] = (("api/items/{item:str}/gold", _show, "POST"),)
