"""Which landmarks of two formats are the same, as far as the formats' index maps tell."""

import numpy as np

from datasets.dataset import LandmarkDataset
from datasets.errors import ShapeMismatchError
from datasets.formats import LandmarkFormat, format_names, landmark_format
from datasets.shapes import ShapeSet, empty_shapes

Indices = tuple[int, ...]


def common_landmarks(a: LandmarkFormat, b: LandmarkFormat) -> tuple[Indices, Indices]:
    """Indices of the landmarks that both formats have, in `a` and in `b`, in the order of `b`.

    Both are followed up their maps; the format where they meet after the fewest maps says which
    landmarks are the same. Maps differ where formats do (a pupil, the middle of an eyelid), so
    further ways to meet are not looked at. None in common: two empty tuples.

    Examples
    --------
    >>> aflw, cofw = landmark_format("aflw-19"), landmark_format("cofw-29")
    >>> in_aflw, in_cofw = common_landmarks(aflw, cofw)
    >>> len(in_cofw), aflw.landmarks[in_aflw[10]], cofw.landmarks[in_cofw[10]]
    (15, 'nose_tip', 'nose_tip')
    """
    if a.landmarks == b.landmarks:
        return tuple(range(len(a))), tuple(range(len(b)))
    ours, theirs = _maps(a), _maps(b)
    meetings = [name for name in ours if name in theirs]
    if not meetings or a.name == b.name:  # of one name, but not the same: nothing is known
        return (), ()
    meeting = min(meetings, key=lambda name: ours[name][0] + theirs[name][0])
    place = {index: i for i, index in enumerate(ours[meeting][1])}
    pairs = [(place[t], i) for i, t in enumerate(theirs[meeting][1]) if t in place]
    return tuple(i for i, _ in pairs), tuple(i for _, i in pairs)


def translated(dataset: LandmarkDataset, target: LandmarkFormat) -> LandmarkDataset:
    """The shapes in another format: absent where the data set's has no such landmark.

    Raises
    ------
    ShapeMismatchError
        If no landmark is known to be in both formats.
    """
    source = dataset.format
    if source.landmarks == target.landmarks:
        return dataset
    theirs, ours = common_landmarks(source, target)
    if not ours:
        problem = f"no landmark is known to be in both {source.name} and {target.name}"
        raise ShapeMismatchError(problem)
    empty = empty_shapes(target, len(dataset), dataset.shapes.points.shape[2])
    points, visibility = empty.points, empty.visibility
    columns, found = np.array(ours), np.array(theirs)
    points[:, columns] = dataset.shapes.points[:, found]
    visibility[:, columns] = dataset.shapes.visibility[:, found]
    return dataset.with_shapes(ShapeSet(target, points, visibility))


def _maps(start: LandmarkFormat) -> dict[str, tuple[int, Indices]]:
    """For each format that is reached by maps: after how many, and the indices there."""
    found = {start.name: (0, tuple(range(len(start))))}
    waiting = [start]
    while waiting:
        source = waiting.pop(0)
        steps, here = found[source.name]
        for name, indices in source.maps.items():
            if name not in found:
                found[name] = steps + 1, tuple(indices[i] for i in here)
                if name in format_names():
                    waiting.append(landmark_format(name))
    return found
