"""Passes: short texts that a server signs and later believes, because nobody else can make them.

The canvas carries one for its project in a header; the browser carries one for pictures, which it
must load without headers, in a cookie that scripts cannot read.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import asdict, dataclass

from annotate.access import AccessError

LIFE_S = 3600
"""How long a pass is good for unless it is renewed."""

LONGEST_S = 12 * 3600
"""How long it can be renewed: then people sign in again."""

RENEW_EVERY_S = LIFE_S // 4


class PassError(AccessError):
    """A pass that is not believed; the text says why."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What a server says of somebody: good for one store and, but for pictures, one project.

    Parameters
    ----------
    store
        The store's random name.
    person, role
        Who it is, and what they were in the project when it was signed.
    project
        Number of the project; None in a pass for pictures.
    ends, until
        Seconds since 1970: when it ends, and until when it can be renewed.
    """

    store: str
    person: str
    role: str | None
    project: int | None
    ends: int
    until: int


def sealed(content: Pass, secret: str) -> str:
    """A pass as a text, signed with the store's secret."""
    body = base64.urlsafe_b64encode(json.dumps(asdict(content)).encode()).decode().rstrip("=")
    return f"{body}.{_seal(body, secret)}"


def unsealed(text: str, secret: str, now: float) -> Pass:
    """The pass in a text.

    Raises
    ------
    PassError
        If it was not signed with this secret, or has ended.
    """
    body, _, seal = text.partition(".")
    if not hmac.compare_digest(seal.encode(), _seal(body, secret).encode()):
        raise PassError("this page belongs to another annotation store; reload it")
    padded = body + "=" * (-len(body) % 4)
    content = Pass(**json.loads(base64.urlsafe_b64decode(padded)))  # ours: the seal is right
    if now >= content.ends:
        raise PassError("you were away for long; reload the page to go on")
    return content


def _seal(body: str, secret: str) -> str:
    key = hmac.new(secret.encode(), b"pass", hashlib.sha256).digest()
    return hmac.new(key, body.encode(), hashlib.sha256).hexdigest()
