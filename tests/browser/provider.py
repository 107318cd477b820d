"""A provider of OpenID Connect on this machine: whoever comes is the person it was told."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT = "fewmark"


class Provider:
    """The provider: `person` has just proved to be who they are, `verified` or not."""

    def __init__(self) -> None:
        from joserfc.jwk import RSAKey

        self.person = "ann@example.org"
        self.verified = True
        self.key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})
        self.asked: dict[str, dict[str, str]] = {}  # code -> what the app sent with the person
        self.server = ThreadingHTTPServer(("localhost", 0), _handler(self))

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server.server_address[1]}"

    def secrets(self, app: str) -> str:
        """The file `secrets.toml` of an app at this address."""
        return (
            f'[auth]\nredirect_uri = "{app}/oauth2callback"\n'
            'cookie_secret = "only-for-tests-only-for-tests-only-for-tests"\n'
            f'client_id = "{CLIENT}"\nclient_secret = "of-the-tests"\n'
            f'server_metadata_url = "{self.url}/.well-known/openid-configuration"\n'
        )

    def id_token(self, code: str) -> str:
        from joserfc import jwt

        now = int(time.time())
        claims = {
            "iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 600, "sub": self.person,
            "email": self.person, "email_verified": self.verified,
            "nonce": self.asked[code]["nonce"],
        }  # fmt: skip
        return jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.key)

    def answer(self, path: str, query: dict[str, str]) -> Any:
        """JSON, or the address to go to."""
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": self.url, "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token", "jwks_uri": f"{self.url}/keys",
                "response_types_supported": ["code"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }  # fmt: skip
        if path == "/keys":
            return {"keys": [self.key.as_dict(private=False)]}
        if path == "/authorize":
            code = str(len(self.asked))
            self.asked[code] = query
            back = urlencode({"code": code, "state": query["state"]})
            return f"{query['redirect_uri']}?{back}"
        return {
            "access_token": "x", "token_type": "Bearer", "expires_in": 600,
            "id_token": self.id_token(query["code"]),
        }  # fmt: skip


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self._answer(parts.path, parts.query)

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            self._answer(self.path, self.rfile.read(length).decode())

        def _answer(self, path: str, query: str) -> None:
            found = provider.answer(path, {k: v[0] for k, v in parse_qs(query).items()})
            self.send_response(302 if isinstance(found, str) else 200)
            if isinstance(found, str):
                self.send_header("Location", found)
            self.send_header("Content-Type", "application/json")
            body = b"" if isinstance(found, str) else json.dumps(found).encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def provider() -> Iterator[Provider]:
    """A provider that answers until it is not needed any more."""
    made = Provider()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
        thread.join()
