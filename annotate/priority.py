"""Which pictures are worth marking first: those a model is least sure of.

A score says how uncertain a picture is, more being more. It is read from a file, or told by the
ghosts themselves: predicted points that no face could have are where the model errs.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from annotate.expectation import ENOUGH, shape_model_of
from annotate.labelling import arrays_from_points
from annotate.store import AnnotationStore, Item, Project
from datasets.errors import FileFormatError, StoreError
from datasets.io.text import csv_records, text_from_cell
from datasets.plausibility import FEWEST, SCORES_FILE, implausibility
from datasets.shape_model import ShapeModel
from datasets.workspace import Workspace

COLUMNS = ("image", "score")


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
        name, text = text_from_cell(record["image"].strip()), record["score"].strip()
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
    items = _pictures(store, project)
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


def _pictures(store: AnnotationStore, project: Project) -> list[Item]:
    """What the queue orders: copies of gold pictures come in between."""
    return [item for item in store.items(project) if not item.is_gold]


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
    items = _pictures(store, project)
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
        raise StoreError(f"{project.name}: no picture has ghosts of {FEWEST} landmarks or more")
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
