"""Keeps Streamlit's "Connection error" window away while the server is gone.

The window takes the focus and every click, although the canvas can go on without the server: it
keeps what it cannot send. Streamlit's browser side asks the server at the start which of its
habits to leave; the answer is changed here on its way out.
"""

import json

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PATH = "/_stcore/host-config"


class QuietErrors:
    """Middleware that sets ``blockErrorDialogs`` in Streamlit's answer to ``host-config``."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; hold back and change the one answer."""
        if scope["type"] != "http" or not scope["path"].endswith(_PATH):
            await self.app(scope, receive, send)
            return
        held: list[Message] = []

        async def hold(message: Message) -> None:
            held.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                for changed in _changed(held):
                    await send(changed)

        plain = [(k, v) for k, v in scope["headers"] if k.lower() != b"accept-encoding"]
        await self.app({**scope, "headers": plain}, receive, hold)


def _changed(held: list[Message]) -> list[Message]:
    start, *parts = held
    body = b"".join(part.get("body", b"") for part in parts)
    try:
        answer = {**json.loads(body), "blockErrorDialogs": True}
    except (ValueError, TypeError):  # not what we know: leave it alone
        return held
    changed = json.dumps(answer).encode()
    headers = [(k, v) for k, v in start["headers"] if k.lower() != b"content-length"]
    headers.append((b"content-length", str(len(changed)).encode()))
    return [{**start, "headers": headers}, {"type": "http.response.body", "body": changed}]
