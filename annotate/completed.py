"""Projects in which people look at what a model completed: all landmarks, each with a ghost."""

from pathlib import Path

import numpy as np

from annotate.exchange import create_project, mean_guide
from annotate.ghosts import set_ghosts
from annotate.priority import read_scores
from annotate.store import AnnotationStore, Project
from datasets.dataset import LandmarkDataset
from datasets.formats import SparseFormat
from datasets.plausibility import SCORES_FILE


def project_of_completed(
    store: AnnotationStore,
    name: str,
    completed: LandmarkDataset,
    folder: Path,
    *,
    most: int | None = None,
) -> Project:
    """A project of completed pictures: every landmark is to be decided, and starts as a ghost.

    Where the folder has `SCORES_FILE`, the pictures are in the order of their scores, the most
    doubtful first.

    Parameters
    ----------
    store, name
        As `annotate.exchange.create_project`.
    completed
        Pictures with the landmarks that a model filled in.
    folder
        Where the data set is.
    most
        Number of pictures from the first on; None = all.

    Raises
    ------
    FewmarkError
        As `create_project`; broken scores are refused before anything is stored.
    """
    ordered = _doubtful_first(completed, folder)
    chosen = ordered if most is None else ordered.take(np.arange(min(most, len(ordered))))
    everything = tuple(range(len(completed.format)))
    sparse = SparseFormat(completed.format, everything, everything)
    project = create_project(store, name, sparse, chosen, guide=mean_guide(completed.shapes))
    set_ghosts(store, project, chosen, folder.name)
    return project


def _doubtful_first(completed: LandmarkDataset, folder: Path) -> LandmarkDataset:
    """The pictures with the highest scores first; those without one come last, in their order."""
    path = folder / SCORES_FILE
    scores = read_scores(path) if path.is_file() else {}
    found = [scores.get(str(name), -np.inf) for name in completed.samples["shape_id"]]
    return completed.take(np.argsort(-np.array(found), kind="stable"))
