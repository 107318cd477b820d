import math

import numpy as np
import pandas as pd
import pytest

from correlation.comparison import Comparison, compare
from correlation.matrix import AffinityMatrix
from datasets.errors import ShapeMismatchError
from datasets.formats import Component, LandmarkFormat

FACE = LandmarkFormat(
    "face-6",
    ("jaw_right", "jaw_left", "eye_right", "eye_left", "nose", "mole"),
    mirror=(1, 0, 3, 2, 4, 5),
    components=(
        Component("jaw", (0, 1)),
        Component("eyes", (2, 3)),
        Component("nose", (4,)),
    ),
)


def matrix(pairs, n_shapes=50, alignment="box", known=FACE, **fields):
    """Affinities of .5 but for these pairs."""
    values = np.full((len(known), len(known)), 0.5)
    np.fill_diagonal(values, 1.0)
    for (i, j), value in pairs.items():
        values[i, j] = values[j, i] = value
    return AffinityMatrix(known, values, n_shapes, alignment, **fields)


@pytest.fixture
def comparison():
    return compare(matrix({(0, 1): 0.9, (2, 4): 0.2, (0, 4): 0.6}), matrix({(2, 3): 0.4}))


def groups(rows):
    return {row.name: row for row in rows}


def test_the_error_is_predicted_minus_true(comparison):
    assert comparison.error[0, 1] == pytest.approx(0.4)
    assert comparison.error[4, 2] == pytest.approx(-0.3)
    assert comparison.error[3, 2] == pytest.approx(0.1)
    assert comparison.mean == pytest.approx((0.4 - 0.3 + 0.1 + 0.1) / 15)
    assert comparison.mean_absolute == pytest.approx(0.9 / 15)
    assert comparison.largest == pytest.approx(0.4)


def test_pairs_are_ranked_by_the_size_of_their_error_within_a_sign(comparison):
    over = comparison.ranked(2)
    assert over[0].names == ("jaw_right", "jaw_left")
    assert (over[0].predicted, over[0].truth) == (0.9, 0.5)
    assert over[0].difference == pytest.approx(0.4)
    assert len(over) == 2
    under = comparison.ranked(10, -1)
    assert [(pair.first, pair.second) for pair in under] == [(2, 4)]
    assert comparison.ranked(0) == ()
    both = comparison.ranked(3, None)
    assert [round(pair.difference, 9) for pair in both] == [0.4, -0.3, 0.1]
    with pytest.raises(ValueError, match="sign must be 1, -1 or None, got 0"):
        comparison.ranked(3, 0)


def test_the_summary_tells_contour_inner_and_mirror_pairs_apart(comparison):
    found = groups(comparison.summary())
    assert list(found) == ["all pairs", "jaw", "inner", "jaw with inner", "mirror pairs"]
    assert [row.pairs for row in found.values()] == [15, 1, 6, 8, 2]
    assert found["jaw"].error == pytest.approx(0.4)
    assert found["inner"].error == pytest.approx((-0.3 + 0.1) / 6)
    assert found["inner"].absolute == pytest.approx((0.3 + 0.1) / 6)
    assert found["jaw with inner"].error == pytest.approx(0.1 / 8)
    assert found["mirror pairs"].error == pytest.approx((0.4 + 0.1) / 2)
    assert found["mirror pairs"].predicted == pytest.approx((0.9 + 0.5) / 2)
    assert found["mirror pairs"].truth == pytest.approx((0.5 + 0.4) / 2)


def test_components_are_compared_within_and_between_and_the_rest_is_other(comparison):
    found = groups(comparison.components())
    assert list(found) == [
        "jaw", "jaw with eyes", "jaw with nose", "jaw with other",
        "eyes", "eyes with nose", "eyes with other", "nose with other",
    ]  # fmt: skip
    assert sum(row.pairs for row in found.values()) == 15
    assert found["eyes with nose"].error == pytest.approx(-0.15)
    assert found["jaw with nose"].error == pytest.approx(0.05)


def test_a_format_without_structure_has_one_group():
    known = LandmarkFormat("plain", ("a", "b"), mirror=(0, 1))
    found = compare(matrix({}, known=known), matrix({}, known=known))
    assert [row.name for row in found.summary()] == ["all pairs"]
    assert found.components() == ()


def test_a_single_landmark_has_no_pair():
    known = LandmarkFormat("one", ("a",), mirror=(0,))
    found = compare(matrix({}, known=known), matrix({}, known=known))
    assert math.isnan(found.mean)
    assert found.largest == 0
    assert found.summary() == found.ranked() == ()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"known": LandmarkFormat("six", tuple("abcdef"), tuple(range(6)))}, "face-6 with .* six"),
        ({"alignment": "procrustes"}, "alignment box .* procrustes; align both in the same way"),
        ({"method": "something else"}, "mean canonical correlation with a something else"),
    ],
)
def test_what_cannot_be_compared_is_refused(other, message):
    with pytest.raises(ShapeMismatchError, match=message):
        compare(matrix({}), matrix({}, **other))
    with pytest.raises(ShapeMismatchError, match=message):
        Comparison(matrix({}), matrix({}, **other))


def test_alignments_may_differ_where_that_is_asked_for():
    turned = matrix({(0, 1): 0.9}, alignment="procrustes")
    found = Comparison(turned, matrix({}), names=("A", "B"), any_alignment=True)
    assert found.largest == pytest.approx(0.4)
    plain = LandmarkFormat("six", tuple("abcdef"), tuple(range(6)))
    with pytest.raises(ShapeMismatchError, match=r"face-6 with .* six"):
        Comparison(turned, matrix({}, known=plain), any_alignment=True)


def test_other_numbers_of_shapes_and_an_unknown_alignment_are_told():
    assert compare(matrix({}), matrix({})).cautions == ()
    found = compare(matrix({}, n_shapes=None, cautions=("Few.",)), matrix({}, n_shapes=1200))
    assert found.cautions[0] == "Predictions: Few."
    assert "an unknown number predicted, 1,200 true ones" in found.cautions[1]
    assert found.caption.startswith("mean canonical correlation over an unknown number of predict")
    found = compare(matrix({}, alignment=None), matrix({}))
    assert "not known that both were aligned" in found.cautions[0]
    assert found.caption == "mean canonical correlation over 50 shapes, alignment: box"


def test_the_files_hold_what_python_has(comparison, tmp_path):
    comparison.save_csv(tmp_path / "e.csv")
    table = pd.read_csv(tmp_path / "e.csv", index_col="landmark")
    np.testing.assert_array_equal(table.to_numpy(), comparison.error)
    assert tuple(table.columns) == FACE.landmarks
    comparison.save(tmp_path / "e.npz")
    with np.load(tmp_path / "e.npz") as stored:
        np.testing.assert_array_equal(stored["error"], comparison.error)
        np.testing.assert_array_equal(stored["predicted"], comparison.predicted.values)
        np.testing.assert_array_equal(stored["truth"], comparison.truth.values)
        assert str(stored["alignment"]) == "box"
