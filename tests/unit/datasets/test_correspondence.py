import numpy as np
import pytest

from datasets.correspondence import common_landmarks, translated
from datasets.dataset import LandmarkDataset
from datasets.errors import ShapeMismatchError
from datasets.formats import LandmarkFormat, format_names, index_map, landmark_format
from datasets.samples import sample_table
from datasets.shapes import ShapeSet


def named(a, b):
    """Pairs of names of what the two formats have in common."""
    a, b = landmark_format(a), landmark_format(b)
    return [(a.landmarks[i], b.landmarks[j]) for i, j in zip(*common_landmarks(a, b), strict=True)]


def test_all_of_a_part_are_common_as_the_maps_have_them():
    for names in (("300w-inner-41", "300w-68"), ("300w-68", "wflw-98")):
        part, whole = (landmark_format(name) for name in names)
        ours, theirs = common_landmarks(part, whole)
        known = dict(enumerate(index_map(part, whole)))
        assert dict(zip(ours, theirs, strict=True)) == known
        assert list(theirs) == sorted(theirs)


def test_formats_meet_in_a_third_one():
    assert ("chin", "chin") in named("aflw-19", "cofw-29")
    assert ("nose_tip", "nose_tip") in named("aflw-19", "cofw-29")
    assert named("300w-68", "hand-21") == []


def test_what_is_common_is_so_from_both_sides_and_never_twice():
    for a in format_names():
        for b in format_names():
            pairs = named(a, b)
            assert sorted(pairs) == sorted((x, y) for y, x in named(b, a))
            assert len({x for x, _ in pairs}) == len({y for _, y in pairs}) == len(pairs)


def test_the_shorter_way_decides_where_maps_differ():
    """MAFL's eyes are WFLW's pupils, but in 300w-68, which WFLW contains, points of the lids."""
    mafl, wflw = landmark_format("mafl-5"), landmark_format("wflw-98")
    assert common_landmarks(mafl, wflw)[1][-2:] == (96, 97)


def test_translated_shapes_have_their_places_and_nothing_else():
    small, large = landmark_format("mafl-5"), landmark_format("300w-68")
    points = np.arange(10.0).reshape(1, 5, 2)
    visibility = np.array([[2, 1, 2, 2, 2]], dtype=np.uint8)
    dataset = LandmarkDataset(ShapeSet(small, points, visibility), sample_table(["a"]))
    there = translated(dataset, large)
    places = list(index_map(small, large))
    assert there.format is large
    assert np.array_equal(there.shapes.points[:, places], points)
    assert np.array_equal(there.shapes.visibility[:, places], visibility)
    assert there.shapes.present.sum() == 5
    assert translated(dataset, small) is dataset


def test_formats_that_share_nothing_are_refused():
    dataset = LandmarkDataset(ShapeSet.from_points(np.zeros((1, 3, 2))), sample_table(["a"]))
    with pytest.raises(ShapeMismatchError, match="no landmark is known to be in both points-3"):
        translated(dataset, landmark_format("300w-68"))


def test_another_format_of_the_same_name_is_not_taken_for_it():
    ours = LandmarkFormat("x", ("a", "b"), (0, 1), maps={"300w-68": (0, 1)})
    theirs = LandmarkFormat("x", ("b", "a"), (0, 1), maps={"300w-68": (1, 0)})
    assert common_landmarks(ours, theirs) == ((), ())
