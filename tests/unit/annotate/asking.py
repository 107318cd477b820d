"""Requests straight into an ASGI application, as a server would hand them on."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import anyio


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def asked(
    app: Any,
    method: str,
    url: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    *,
    rest: str = "",
) -> Answer:
    """One request, straight into the ASGI application.

    After the body its sender is `rest`: "slow" sends no more, though more was promised, and "gone"
    has left.
    """
    parts = urlsplit(url)
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": parts.path, "raw_path": parts.path.encode(), "root_path": "",
        "query_string": parts.query.encode(), "server": ("localhost", 80),
        "client": ("192.0.2.7", 5000),
        "headers": [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()],
    }  # fmt: skip
    sent: list[Any] = []
    chunks = [body[i : i + 65536] for i in range(0, len(body), 65536)] or [b""]

    async def receive() -> Any:
        if not chunks and rest == "gone":
            return {"type": "http.disconnect"}
        if not chunks:
            await anyio.sleep_forever()  # the client stays
        part = chunks.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(chunks) or rest != ""}

    async def send(message: Any) -> None:
        sent.append(message)

    with ThreadPoolExecutor(1) as pool:  # the browser tests leave an event loop in this thread
        pool.submit(anyio.run, app, scope, receive, send).result()
    start = next(m for m in sent if m["type"] == "http.response.start")
    content = b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")
    return Answer(start["status"], {k.decode(): v.decode() for k, v in start["headers"]}, content)
