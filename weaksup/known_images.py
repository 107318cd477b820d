"""Whether images that are judged were learnt from: their errors say little about new ones."""

from datasets.dataset import LandmarkDataset


def cautions(judged: LandmarkDataset, learnt: LandmarkDataset, images: str) -> list[str]:
    """How many of the judged images, or of those who are seen in them, are learnt from.

    Parameters
    ----------
    judged, learnt
        Images are joined by their ``shape_id``, people by their ``subject``.
    images
        What the judged ones are called.

    Returns
    -------
    list of str
        A sentence each, without its full stop; empty where nothing is in both.
    """
    ours, theirs = judged.samples, learnt.samples
    same = ours["shape_id"].isin(theirs["shape_id"])
    people = ours["subject"].notna() & ours["subject"].isin(theirs["subject"])
    return [
        f"{rows.sum():,} of the {len(rows):,} {images} {problem}"
        for rows, problem in (
            (same, "are learnt from as well: their error says little about new images"),
            (
                people & ~same,
                "show subjects who are learnt from: their error says little about others",
            ),
        )
        if rows.any()
    ]
