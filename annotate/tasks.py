"""The queue: which picture comes next, and the documents an annotator's browser works on."""

from dataclasses import dataclass, replace
from typing import Any

from annotate.labelling import Point, has_position, is_complete, point_to_json
from annotate.store import AnnotationStore, Comment, Item, Project, Review, Revision, Status

BATCH = 24
"""Documents sent to a browser at a time."""


@dataclass(frozen=True, slots=True)
class Document:
    """An item with its current labels, as an annotator works on it.

    `holder` is who works on it now, or whose work it was; `review` the verdict that stands, and
    `reviews` how many there were; `ghosts` are what a model proposes, where they were asked for;
    `marked_copy` is another copy of the shape, marked by who asks: this one is for somebody else.
    """

    item: Item
    revision: Revision | None
    holder: str | None = None
    review: Review | None = None
    reviews: int = 0
    comments: tuple[Comment, ...] = ()
    ghosts: tuple[Point | None, ...] | None = None
    marked_copy: int | None = None

    def points(self, m: int) -> tuple[Point | None, ...]:
        """The m landmarks; all undecided where nothing was saved."""
        return (None,) * m if self.revision is None else self.revision.points

    @property
    def status(self) -> Status:
        """How far it has come."""
        return Status.OPEN if self.revision is None else self.revision.status

    @property
    def labelled(self) -> bool:
        """Whether at least one landmark has a place."""
        return self.revision is not None and has_position(self.revision.points)


def documents(
    store: AnnotationStore, project: Project, start: int = 0, count: int | None = BATCH
) -> list[Document]:
    """Documents of a project from a position on, in the order of its queue."""
    items = store.items(project, start, count)
    return _documents(store, items)


def document_of(store: AnnotationStore, item: Item) -> Document:
    """The document of one item."""
    return _documents(store, [item])[0]


def _documents(store: AnnotationStore, items: list[Item]) -> list[Document]:
    current = store.current(items)
    holders = store.leases.holders(items)
    comments = store.reviews.comments(items)
    reviews = store.reviews.current(items)
    found = []
    for item in items:
        revision, review = current.get(item.id), reviews.get(item.id)
        stands = review is not None and review.stands(revision)
        document = Document(
            item,
            revision,
            holders.get(item.id),
            review if stands else None,
            0 if review is None else review.number,
            tuple(comments.get(item.id, ())),
        )
        found.append(document)
    return found


def haunted(store: AnnotationStore, found: list[Document]) -> list[Document]:
    """The same documents of one project with their ghosts."""
    ghosts = store.ghosts([document.item for document in found])
    return [replace(document, ghosts=ghosts.get(document.item.id)) for document in found]


def asked_by(store: AnnotationStore, found: list[Document], annotator: str) -> list[Document]:
    """The same documents of one project as a person may mark them or not."""
    marked = store.marked_copies([document.item for document in found], annotator)
    return [replace(document, marked_copy=marked.get(document.item.id)) for document in found]


def first_unlabelled(store: AnnotationStore, project: Project) -> int:
    """Position where work goes on: the first open item, or the first of all if none is open."""
    return store.first_open(project) or 0


def status_of(points: tuple[Point | None, ...]) -> Status:
    """Done where every landmark is decided, else open."""
    return Status.DONE if is_complete(points) else Status.OPEN


def revision_to_json(revision: Revision) -> dict[str, Any]:
    """What a browser has to know of a revision."""
    return {
        "revision": revision.number,
        "annotator": revision.annotator,
        "writer": revision.writer,
        "sequence": revision.sequence,
        "points": [point_to_json(point) for point in revision.points],
        "status": revision.status.value,
        "flag": revision.flag,
        "created": revision.created,
    }


def review_to_json(review: Review | None) -> dict[str, Any] | None:
    """What a browser has to know of a review."""
    if review is None:
        return None
    return {
        "verdict": review.verdict.value,
        "reviewer": review.reviewer,
        "revision": review.revision,
        "number": review.number,
        "created": review.created,
    }


def comment_to_json(comment: Comment) -> dict[str, Any]:
    """A comment for a browser."""
    return {
        "comment": comment.id,
        "landmark": comment.landmark,
        "author": comment.author,
        "text": comment.text,
        "created": comment.created,
        "resolved": comment.resolved is not None,
        "resolved_by": comment.resolved_by,
    }


def document_to_json(document: Document, m: int, image: str) -> dict[str, Any]:
    """The document for a browser; `image` is the address of its picture."""
    content, ghosts = document.item.content, document.ghosts
    blank: dict[str, Any] = {
        "revision": 0,
        "annotator": None,
        "writer": None,
        "sequence": None,
        "points": [None] * m,
        "status": Status.OPEN.value,
        "flag": False,
        "created": None,
    }
    labels = blank if document.revision is None else revision_to_json(document.revision)
    return {
        "item": document.item.id,
        "position": document.item.position,
        "name": content.shape_id,
        "image": image,
        "height": content.height_px,
        "width": content.width_px,
        "box": None if content.box is None else list(content.box),
        "ghosts": None if ghosts is None else [point_to_json(point) for point in ghosts],
        "copy": max(1, document.item.copy),  # nothing tells a gold picture before it is done
        "marked_copy": document.marked_copy,
        "holder": document.holder,
        "review": review_to_json(document.review),
        "reviews": document.reviews,
        "comments": [comment_to_json(comment) for comment in document.comments],
        **labels,
    }
