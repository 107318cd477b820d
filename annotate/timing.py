"""How long people take to mark a picture, measured while they do.

Every revision holds how long its annotator was active on the picture: from its opening or the
revision before to the edit, pauses cut to 10 s. The look after the last edit is not in it.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from annotate.labelling import has_position
from annotate.store import AnnotationStore, Project, Revision, Status
from datasets.errors import StoreError


@dataclass(frozen=True, slots=True)
class Marked:
    """A picture that one person marked from its first landmark to its last.

    Parameters
    ----------
    annotator
        Who it was.
    seconds, points
        Time at work, corrections included, and landmarks decided (placed or absent).
    first_seconds, first_points
        The part of both until the first landmark was saved: finding one's way in the picture
        is in that time.
    """

    annotator: str
    seconds: float
    points: int
    first_seconds: float
    first_points: int


@dataclass(frozen=True, slots=True)
class Timing:
    """Median times of marking.

    Parameters
    ----------
    seconds_per_picture
        For all landmarks of a picture.
    seconds_per_point
        For every landmark but the first, corrections included.
    seconds_per_image
        What a picture takes beyond its points; None where that cannot be told apart, as every
        picture was saved at once. Then it is part of `seconds_per_point`.
    pictures, annotators
        How many are behind it.
    """

    seconds_per_picture: float
    seconds_per_point: float
    seconds_per_image: float | None
    pictures: int
    annotators: int


def marked_pictures(store: AnnotationStore, project: Project) -> list[Marked]:
    """The pictures of a project whose marking was timed, in their order.

    Those that are done, with a landmark placed, by the person who began: what others change
    later is review and not counted, nor is what was imported, which took no time.
    """
    return marked_in(store.history(project))


def marked_in(history: Sequence[Revision]) -> list[Marked]:
    """The same of some pictures: everything ever saved for each, item by item, oldest first."""
    found = []
    for _, revisions in itertools.groupby(history, key=lambda r: r.item):
        _, own = next(itertools.groupby(revisions, key=lambda r: r.annotator))
        picture = _marked(list(own))
        if picture is not None:
            found.append(picture)
    return found


def timing_of(pictures: Sequence[Marked]) -> Timing:
    """Medians over pictures, which a forgotten or a hurried one does not move.

    Raises
    ------
    StoreError
        If there are no pictures.
    """
    if not pictures:
        raise StoreError(
            "no picture was marked by hand from its first landmark to its last yet, "
            "so there is no time to go by"
        )
    later = [
        (p.seconds - p.first_seconds) / (p.points - p.first_points)
        for p in pictures
        if p.points > p.first_points
    ]
    if later:
        per_point = median(later)
        per_image = max(0.0, median(p.seconds - p.points * per_point for p in pictures))
    else:
        per_point, per_image = median(p.seconds / p.points for p in pictures), None
    return Timing(
        seconds_per_picture=median(p.seconds for p in pictures),
        seconds_per_point=per_point,
        seconds_per_image=per_image,
        pictures=len(pictures),
        annotators=len({p.annotator for p in pictures}),
    )


def _marked(revisions: Sequence[Revision]) -> Marked | None:
    last = revisions[-1]
    seconds = _seconds(revisions)
    if last.status is not Status.DONE or not has_position(last.points) or seconds[-1] == 0:
        return None
    decided = [sum(point is not None for point in r.points) for r in revisions]
    begun = next(k for k, count in enumerate(decided) if count)
    return Marked(last.annotator, seconds[-1], decided[-1], seconds[begun], decided[begun])


def _seconds(revisions: Sequence[Revision]) -> list[float]:
    """Time at work up to each revision.

    It is counted since a revision's base: of two with one base and writer, the answer to the
    first was lost, and the second includes its time.
    """
    known: dict[tuple[str, int], int] = {}
    sums = []
    for revision in revisions:
        key = (revision.writer, revision.base)
        known[key] = max(known.get(key, 0), revision.active_ms)
        sums.append(sum(known.values()) / 1000)
    return sums
