"""What the routes and the page of one server share: the store, and who may ask.

The store has a random secret. The page hands a token made with it to the canvas, which sends it
in a header: other sites that the annotator's browser visits can neither read nor guess it, so they
cannot read or change labels. Pictures are loaded by ``<img>``, which sends no headers; each has a
key of its own in its address instead, derived from the secret and good for that picture alone.

Where people sign in, the token is a pass that says who they are and ends, and pictures need a
cookie with such a pass besides.

The secret belongs to the store and not to the process: pages that are open go on when the server
is started again, and several servers can stand side by side.
"""

import functools
import hashlib
import hmac
import time
from collections.abc import Callable
from pathlib import Path

from annotate.access import Visitor
from annotate.passes import LIFE_S, LONGEST_S, Pass, PassError, sealed, unsealed
from annotate.store import AnnotationStore, Item, open_store
from annotate.tasks import Document, document_to_json
from datasets.roots import is_below, team_roots
from datasets.workspace import Workspace

TOKEN_HEADER = "X-Fewmark-Token"
FRONTEND = Path(__file__).parent / "frontend"

clock: Callable[[], float] = time.time
"""Seconds since 1970, by which passes end."""


def workspace_store() -> AnnotationStore:
    """The store of this server's workspace."""
    return _opened(Workspace.from_environment().store_url)[0]


def token() -> str:
    """What a request must carry where nobody signs in."""
    return _derived("token")


@functools.cache
def _opened(url: str) -> tuple[AnnotationStore, str, str]:
    store = open_store(url)
    return store, store.secret, store.id


def _secret() -> str:
    return _opened(Workspace.from_environment().store_url)[1]


def store_id() -> str:
    """The store's random name."""
    return _opened(Workspace.from_environment().store_url)[2]


def _derived(purpose: str) -> str:
    """A value that says nothing of the secret, nor of those for other purposes."""
    return hmac.new(_secret().encode(), purpose.encode(), hashlib.sha256).hexdigest()


def is_token(given: str | None) -> bool:
    """Whether it is the token, compared in constant time."""
    return given is not None and hmac.compare_digest(given.encode(), token().encode())


def visitor(person: str) -> Visitor:
    """Somebody who has signed in, as the store knows them."""
    return Visitor(person, tuple(workspace_store().members(person)))


def pass_for(who: Visitor, project_id: int, until: int | None = None) -> str:
    """A pass for somebody's work on a project; `until` is that of the pass it renews."""
    now = int(clock())
    last = now + LONGEST_S if until is None else until
    role = who.role(project_id)
    content = Pass(store_id(), who.person or "", role, project_id, min(now + LIFE_S, last), last)
    return sealed(content, _secret())


def pass_for_pictures(found: Pass) -> str:
    """A pass with which the same person may load pictures."""
    ends = min(int(clock()) + LIFE_S, found.until)
    content = Pass(found.store, found.person, None, None, ends, found.until)
    return sealed(content, _secret())


def pass_in(text: str) -> Pass:
    """The pass in a text that somebody sent.

    Raises
    ------
    PassError
        If it is none of this store, or has ended.
    """
    found = unsealed(text, _secret(), clock())
    if found.store != store_id():
        raise PassError("this page belongs to another annotation store; reload it")
    return found


def cookie_name() -> str:
    """Name of the cookie for pictures: servers of several stores may share a host."""
    return f"fewmark_pictures_{store_id()}"


def image_key(item_id: int) -> str:
    """What the address of an item's picture must carry."""
    return _derived(f"image {item_id}")[:32]


def is_image_key(item_id: int, given: str | None) -> bool:
    """Whether it is the key of this item's picture, compared in constant time."""
    return given is not None and hmac.compare_digest(given.encode(), image_key(item_id).encode())


def is_shown_to_teams(path: Path) -> bool:
    """Whether a picture really lies in the workspace or in a folder of pictures that was named."""
    return is_below(path, team_roots())


def image_version(path: Path) -> str:
    """Changes whenever the file does, so that browsers may keep the picture for good."""
    try:
        stat = path.stat()
    except OSError:
        return "missing"
    seen = f"{path} {stat.st_mtime_ns} {stat.st_size}"
    return hashlib.sha256(seen.encode()).hexdigest()[:16]


def image_address(item: Item) -> str:
    """Address of an item's picture, relative to the server's root."""
    version = image_version(item.content.image)
    return f"api/images/{item.id}?v={version}&key={image_key(item.id)}"


def document_for_browser(document: Document, m: int) -> dict[str, object]:
    """A document with the address of its picture."""
    return document_to_json(document, m, image_address(document.item))


@functools.cache
def frontend_version() -> str:
    """Changes whenever a file of the canvas does."""
    digest = hashlib.sha256()
    for path in sorted(FRONTEND.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]
