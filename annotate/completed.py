"""Projects in which people look at what a model completed: all landmarks, each with a ghost."""

from pathlib import Path

from annotate.exchange import create_project, mean_guide
from annotate.ghosts import set_ghosts
from annotate.priority import order_by_scores, read_scores
from annotate.store import AnnotationStore, Project
from datasets.dataset import LandmarkDataset
from datasets.formats import SparseFormat
from datasets.plausibility import SCORES_FILE


def project_of_completed(
    store: AnnotationStore, name: str, completed: LandmarkDataset, folder: Path
) -> Project:
    """A project of completed pictures: every landmark is to be decided, and starts as a ghost.

    Where the folder has `SCORES_FILE`, the doubtful pictures are handed out first.

    Parameters
    ----------
    store, name
        As `annotate.exchange.create_project`.
    completed
        Pictures with the landmarks that a model filled in.
    folder
        Where the data set is.

    Raises
    ------
    FewmarkError
        As `create_project`; broken scores are refused before anything is stored.
    """
    scores = folder / SCORES_FILE
    told = read_scores(scores) if scores.is_file() else None
    everything = tuple(range(len(completed.format)))
    sparse = SparseFormat(completed.format, everything, everything)
    project = create_project(store, name, sparse, completed, guide=mean_guide(completed.shapes))
    set_ghosts(store, project, completed, folder.name)
    if told is not None:
        order_by_scores(store, project, told)
    return project
