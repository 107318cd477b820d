"""Who did what when in a project: revisions, reviews and comments in one order."""

from dataclasses import dataclass
from datetime import UTC, datetime

from annotate.store import AnnotationStore, Comment, Project, Revision


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that somebody did; `when` in seconds since 1970."""

    when: float
    who: str
    shape: str
    what: str

    @property
    def time(self) -> str:
        """ISO 8601 in UTC, to the second."""
        return datetime.fromtimestamp(self.when, UTC).isoformat(timespec="seconds")


def events(store: AnnotationStore, project: Project) -> list[Event]:
    """Everything that was done in a project, oldest first."""
    names = {
        item.id: item.content.shape_id + (f"#{item.copy}" if item.copy > 1 else "")
        for item in store.items(project)
    }
    reviews, comments = store.reviews.history(project)
    found = [
        Event(revision.created, revision.annotator, names[revision.item], _saved(revision))
        for revision in store.history(project)
    ]
    for review in reviews:
        what = f"{review.verdict.value} revision {review.revision}"
        found.append(Event(review.created, review.reviewer, names[review.item], what))
    for comment in comments:
        shape = names[comment.item]
        where = _landmark(project, comment)
        found.append(Event(comment.created, comment.author, shape, f"{where}: {comment.text}"))
        if comment.resolved is not None and comment.resolved_by is not None:
            settled = Event(comment.resolved, comment.resolved_by, shape, f"settled {where}")
            found.append(settled)
    return sorted(found, key=lambda event: event.when)


def _saved(revision: Revision) -> str:
    decided = sum(point is not None for point in revision.points)
    flag = ", flagged" if revision.flag else ""
    points = f"{decided} of {len(revision.points)} landmarks"
    return f"saved revision {revision.number}: {points}, {revision.status.value}{flag}"


def _landmark(project: Project, comment: Comment) -> str:
    if comment.landmark is None:
        return "comment on the picture"
    return f"comment on {project.sparse.names[comment.landmark]}"
