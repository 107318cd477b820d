"""Labels as a person would give them, drawn from known landmarks: for demos and experiments."""

import numpy as np
from numpy.typing import NDArray

from annotate.exchange import Imported, first_draft, require_common
from annotate.labelling import ABSENT, Point, placed
from annotate.store import AnnotationStore, Project
from annotate.tasks import documents
from datasets.dataset import LandmarkDataset
from datasets.errors import ShapeMismatchError
from datasets.metrics import span_lengths
from datasets.shapes import Visibility


def simulate_labels(
    store: AnnotationStore,
    project: Project,
    truth: LandmarkDataset,
    rng: np.random.Generator,
    *,
    noise: float = 0.01,
    leave: int = 0,
) -> Imported:
    """Label items as a person would, from known landmarks plus Gaussian noise.

    Parameters
    ----------
    truth
        Complete shapes of the project's dense format, joined by ``shape_id``.
    noise
        Standard deviation of each coordinate, in parts of the format's first span
        (of the landmarks' box where it has none).
    leave
        So many of the last items stay as they are, for people to label.

    Raises
    ------
    ShapeMismatchError
        If the landmark formats differ, no shape is in both, or `noise` is negative.
    """
    if truth.format.landmarks != project.sparse.dense.landmarks:
        problem = f"cannot simulate {project.sparse.dense.name} from {truth.format.name}"
        raise ShapeMismatchError(problem)
    if not noise >= 0 or leave < 0:
        raise ShapeMismatchError(f"noise and leave must not be negative, got {noise} and {leave}")
    whole = truth.take(truth.shapes.complete)
    lengths = span_lengths(whole.shapes) if len(whole) else np.zeros(0)
    place = {str(name): row for row, name in enumerate(whole.samples["shape_id"])}
    items = [one for one in documents(store, project, count=None) if not one.item.is_gold]
    require_common(items, truth)
    drafts, before, unknown = [], 0, 0
    for document in items[: max(0, len(items) - leave)]:
        row = place.get(document.item.content.shape_id)
        if row is None:
            unknown += 1
        elif document.revision is not None:
            before += 1
        else:
            chosen = list(project.sparse.chosen)
            exact = whole.shapes.points[row, chosen, :2]
            clicks = exact + rng.normal(scale=noise * lengths[row], size=exact.shape)
            seen = whole.shapes.visibility[row, chosen]
            points = tuple(_click(xy, code) for xy, code in zip(clicks, seen, strict=True))
            copy = document.item.copy  # every copy is another person's work
            name = "simulated" if copy == 1 else f"simulated-{copy}"
            drafts.append(first_draft(document.item.id, name, points))
    store.save_all(drafts)
    return Imported(len(drafts), before, unknown)


def _click(xy: NDArray[np.float64], code: int) -> Point:
    return placed(xy[0], xy[1], Visibility(code)) if code else ABSENT
