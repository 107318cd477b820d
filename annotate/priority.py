"""Which pictures are worth marking first: those a model is least sure of.

A score says how uncertain a picture is, more being more. It is read from a file, or told by the
ghosts themselves: predicted points that no face could have are where the model errs.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotate.expectation import ENOUGH, shape_model_of
from annotate.labelling import arrays_from_points
from annotate.store import AnnotationStore, Item, Project
from datasets.alignment import present_landmarks, similarity
from datasets.deformations import similarity_modes
from datasets.errors import FileFormatError, StoreError
from datasets.io.text import csv_records
from datasets.shape_model import ShapeModel
from datasets.workspace import Workspace

COLUMNS = ("image", "score")
SCORES_FILE = "scores.csv"
"""In the folder of predictions: the model's own scores, see `read_scores`."""

_FEWEST = 3  # points of which one can be held against the others

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ordered:
    """What became of scores: pictures with and without one, and scores of no picture."""

    pictures: int
    without: int
    unknown: int


def read_scores(path: Path) -> dict[str, float]:
    """Read a csv with the columns image and score; higher comes first.

    Raises
    ------
    FileFormatError
        If it cannot be read; the line is named.
    """
    scores: dict[str, float] = {}
    for line, record in csv_records(path):
        if tuple(record) != COLUMNS:
            problem = f"expected the columns {','.join(COLUMNS)}, found {','.join(record)}"
            raise FileFormatError(path, 1, problem)
        name, text = record["image"].strip(), record["score"].strip()
        if name in scores:
            raise FileFormatError(path, line, f"{name} has a second score")
        scores[name] = _score(text, path, line)
    if not scores:
        raise FileFormatError(path, None, "there is no score in it")
    return scores


def _score(text: str, path: Path, line: int) -> float:
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise FileFormatError(path, line, f"expected a finite number as score, found {text!r:.40}")
    return score


def order_by_scores(
    store: AnnotationStore, project: Project, scores: Mapping[str, float]
) -> Ordered:
    """Hand out the pictures with the highest scores first, in the place of any order before.

    Parameters
    ----------
    scores
        By the name of a shape of the project, else by the file name of its picture.

    Raises
    ------
    StoreError
        If no score is about a picture of the project.
    """
    items = store.items(project)
    found: dict[int, float] = {}
    known: set[str] = set()
    for item in items:
        name = _name_in(scores, item)
        if name is not None:
            found[item.id] = scores[name]
            known.add(name)
    if not found:
        ours, theirs = items[0].content.shape_id, next(iter(scores), "nothing")
        problem = f"no score is about a picture of {project.name}, which has names like {ours!r}"
        raise StoreError(f"{problem}; the scores have {theirs!r}")
    store.set_priorities(project, found)
    return Ordered(len(found), len(items) - len(found), len(scores) - len(known))


def _name_in(scores: Mapping[str, float], item: Item) -> str | None:
    content = item.content
    return next((n for n in (content.shape_id, content.image.name) if n in scores), None)


def order_by_ghosts(store: AnnotationStore, project: Project, model: ShapeModel | None) -> Ordered:
    """Hand out the pictures with the least plausible ghosts first; see `implausibility`.

    Raises
    ------
    StoreError
        If there is no model, or no picture has enough ghosts.
    """
    if model is None:
        raise StoreError(
            f"to tell how plausible ghosts are takes {ENOUGH} shapes with all landmarks of "
            f"{project.sparse.dense.name}"
        )
    items = store.items(project)
    ghosts = store.ghosts(items)
    dense, chosen = project.sparse.dense, project.sparse.chosen
    haunted = [item for item in items if item.id in ghosts]
    points = np.full((len(haunted), len(dense), 2), np.nan)
    for row, item in enumerate(haunted):
        points[row], _ = arrays_from_points(ghosts[item.id], chosen, len(dense))
    scores = implausibility(model, points)
    found = {
        item.id: float(score)
        for item, score in zip(haunted, scores, strict=True)
        if np.isfinite(score)
    }
    if not found:
        raise StoreError(f"{project.name}: no picture has ghosts of {_FEWEST} landmarks or more")
    store.set_priorities(project, found)
    return Ordered(len(found), len(items) - len(found), 0)


def order_by_predictions(
    store: AnnotationStore, project: Project, workspace: Workspace, folder: Path | None
) -> Ordered:
    """Hand out the least certain pictures first: by the scores of the predictions, or the ghosts.

    Parameters
    ----------
    folder
        Of the predictions that are the ghosts; where it has `SCORES_FILE`, that is taken. None:
        they are gone.

    Raises
    ------
    FewmarkError
        As `read_scores`, `order_by_scores` and `order_by_ghosts`.
    """
    if folder is not None and (folder / SCORES_FILE).is_file():
        return order_by_scores(store, project, read_scores(folder / SCORES_FILE))
    return order_by_ghosts(store, project, shape_model_of(workspace, project.sparse.dense))


def implausibility(model: ShapeModel, points: Array) -> Array:
    r"""How far each point of a shape lies from where the others tell it, as a mean over the points.

    With P the inverse covariance of the present coordinates (of the model, place, size and
    orientation as modes of wide variance, clicks with its noise) and d their distance from the
    mean, landmark k lies :math:`P_{kk}^{-1} (P d)_k` from its expectation given the others, with
    covariance :math:`P_{kk}^{-1}` (leave-one-out residuals of a Gaussian, e.g. Rasmussen and
    Williams 2006, eq. 5.12).

    Parameters
    ----------
    points
        float64 (N, M, 2) in pixels, NaN = absent.

    Returns
    -------
    float64 (N,): root mean square of the residuals in their standard deviations, about 1 for
    shapes like those of the model; NaN where fewer than three points are present.
    """
    modes = similarity_modes(model.mean)
    prior = model.covariance.reshape(model.mean.size, -1) + modes @ modes.T
    noise = model.noise**2 / len(model.mean)
    found = np.full(len(points), np.nan)
    present = present_landmarks(points)
    patterns, group = np.unique(present, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        if pattern.sum() < _FEWEST:
            continue
        rows = np.flatnonzero(group.ravel() == number)
        rows = rows[np.ptp(points[rows][:, pattern], axis=1).max(axis=1) > 0]  # not in one place
        if len(rows):
            coordinates = np.repeat(pattern, 2)
            system = prior[np.ix_(coordinates, coordinates)] + noise * np.eye(coordinates.sum())
            mean = model.mean[pattern]
            aligned = similarity(points[rows][:, pattern], mean).apply(points[rows][:, pattern])
            found[rows] = _left_out(np.linalg.inv(system), aligned - mean)
    return found


def _left_out(precision: Array, offsets: Array) -> Array:
    """Root mean square of the standardised leave-one-out residuals: offsets (N, k, 2) to (N,)."""
    N, k, _ = offsets.shape
    pulls = (offsets.reshape(N, -1) @ precision).reshape(N, k, 2)
    own = np.stack([precision[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] for i in range(k)])
    squares = np.einsum("nka,kab,nkb->nk", pulls, np.linalg.inv(own), pulls)
    return np.asarray(np.sqrt(squares.mean(axis=1) / 2))
