"""What the routes and the page of one server share: the store, and who may ask.

The store has a random secret. The page hands it to the canvas, which sends it in a header: other
sites that the annotator's browser visits can neither read nor guess it, so they cannot read or
change labels. Pictures are loaded by ``<img>``, which sends no headers; each has a key of its own
in its address instead, derived from the secret and good for that picture alone.

The secret belongs to the store and not to the process: pages that are open go on when the server
is started again, and several servers can stand side by side.
"""

import functools
import hashlib
import hmac
from pathlib import Path

from annotate.store import AnnotationStore, Item, open_store
from annotate.tasks import Document, document_to_json
from datasets.workspace import Workspace

TOKEN_HEADER = "X-Fewmark-Token"
FRONTEND = Path(__file__).parent / "frontend"


def workspace_store() -> AnnotationStore:
    """The store of this server's workspace."""
    return _opened(Workspace.from_environment().store_url)[0]


def token() -> str:
    """What a request must carry: the store's secret."""
    return _opened(Workspace.from_environment().store_url)[1]


@functools.cache
def _opened(url: str) -> tuple[AnnotationStore, str]:
    store = open_store(url)
    return store, store.secret


def is_token(given: str | None) -> bool:
    """Whether it is the token, compared in constant time."""
    return given is not None and hmac.compare_digest(given.encode(), token().encode())


def image_key(item_id: int) -> str:
    """What the address of an item's picture must carry."""
    return hmac.new(token().encode(), f"image {item_id}".encode(), hashlib.sha256).hexdigest()[:32]


def is_image_key(item_id: int, given: str | None) -> bool:
    """Whether it is the key of this item's picture, compared in constant time."""
    return given is not None and hmac.compare_digest(given.encode(), image_key(item_id).encode())


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
