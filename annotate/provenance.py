"""How every exported label came about: a table beside the data set, one row a marked point."""

from pathlib import Path

import pandas as pd

from annotate.exchange import export_dataset, exported_documents
from annotate.store import AnnotationStore, Project
from datasets.dataset import LandmarkDataset
from datasets.io.writing import write_table

LABELS_FILE = "labels.csv"
"""In the folder of an exported data set, see `labels_table`."""


def export_labels(
    store: AnnotationStore,
    project: Project,
    folder: str | Path,
    *,
    done_only: bool = False,
    all_copies: bool = False,
) -> LandmarkDataset:
    """Write the labels of a project as a data set, with the table of how they came about.

    Raises
    ------
    StoreError
        If there is nothing to export.
    FileFormatError
        If the folder cannot be written.
    """
    dataset = export_dataset(store, project, done_only=done_only, all_copies=all_copies)
    path = dataset.save(folder) / LABELS_FILE
    write_table(path, labels_table(store, project, done_only=done_only))
    return dataset


def labels_table(
    store: AnnotationStore, project: Project, *, done_only: bool = False
) -> pd.DataFrame:
    """Every point behind `export_dataset`, those of all copies, and how it came about.

    Returns
    -------
    pandas.DataFrame
        Columns ``shape_id``, ``copy`` (from 1), ``landmark`` (its name), ``x``, ``y`` in pixels,
        missing where absent, ``visibility`` (0, 1, 2), ``source`` (a `Source`), ``ms`` (whole
        milliseconds of work on it, missing where not known) and ``annotator`` of the picture's
        latest revision.
    """
    names = project.sparse.names
    rows = [
        (
            document.item.content.shape_id, document.item.copy, name,
            point.x, point.y, int(point.visibility), point.source.value, point.ms,
            document.revision.annotator,
        )
        for document in exported_documents(store, project, done_only=done_only)
        if document.revision is not None
        for name, point in zip(names, document.revision.points, strict=True)
        if point is not None
    ]  # fmt: skip
    columns = [
        "shape_id", "copy", "landmark", "x", "y", "visibility", "source", "ms", "annotator",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).astype({"ms": "Int64"})
