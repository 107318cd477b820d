import itertools

import numpy as np
import pytest

from correlation import affinity
from correlation.scores import score
from datasets.errors import SelectionError
from datasets.shapes import ShapeSet
from weaksup.experiments.choices import chosen_landmarks, worst_landmarks


@pytest.fixture(scope="module")
def shapes():
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(200, 14)) @ rng.normal(size=(14, 14))
    return ShapeSet.from_points(mixed.reshape(200, 7, 2) + 20 * rng.uniform(size=(7, 2)))


@pytest.mark.parametrize("m", [1, 3, 6])
def test_no_choice_has_a_smaller_c_than_the_worst(shapes, m):
    matrix = affinity(shapes)
    every = (score(matrix, c).min_correlation for c in itertools.combinations(range(7), m))
    worst = score(matrix, worst_landmarks(matrix, m)).min_correlation
    assert worst == pytest.approx(min(every))


def test_kinds_of_formats_choose_m_and_repeat_themselves(shapes):
    matrix = affinity(shapes)
    for name in ("k-center", "expected-error", "worst", "random"):
        chosen = chosen_landmarks(name, 3, shapes, matrix, 0)
        assert len(set(chosen)) == 3
        assert chosen == tuple(sorted(chosen)) == chosen_landmarks(name, 3, shapes, matrix, 0)
    drawn = {chosen_landmarks("random", 3, shapes, matrix, seed) for seed in range(9)}
    assert len(drawn) > 3


def test_more_landmarks_than_there_are_cannot_be_chosen(shapes):
    with pytest.raises(SelectionError, match="cannot choose 8 of the 7"):
        chosen_landmarks("worst", 8, shapes, affinity(shapes), 0)
