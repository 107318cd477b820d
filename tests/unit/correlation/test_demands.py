"""Demands: what they allow, in the words of a format, and what is refused."""

import math

import pytest

from correlation.demands import Demands, demands_of, with_closure
from datasets.errors import SelectionError
from datasets.formats import landmark_format

FACE = landmark_format("300w-68")


def test_a_choice_is_allowed_where_it_obeys_everything():
    demands = Demands(
        include=(1,),
        exclude=(2,),
        together=((3, 4),),
        at_least=(((5, 6), 1),),
        cost=(1, 2, 1, 1, 1, 5, 1),
        most_cost=6,
    )
    assert demands.allow((1, 6))
    assert demands.allow((1, 3, 4, 6))
    for wrong in ((6,), (1, 2, 6), (1, 3, 6), (1,), (1, 5)):
        assert not demands.allow(wrong)
    assert demands.price((1, 5)) == 7
    assert demands.landmarks == {1, 2, 3, 4, 5, 6}
    assert Demands(most_cost=2).price((0, 5)) == 2


def test_only_single_landmarks_are_simple():
    assert Demands(include=(1,), exclude=(2,), cost=(1.0,) * 3).simple
    for demands in (
        Demands(together=((0, 1),)),
        Demands(at_least=(((0,), 1),)),
        Demands(most_cost=1),
    ):
        assert not demands.simple


def test_demands_are_made_from_words():
    demands = demands_of(
        FACE,
        include=["nose_tip", 8],
        pairs=True,
        at_least={"nose": 2},
        cost={"contour_00": 3, 5: 0.5},
        most_cost=9,
    )
    assert demands.include == (8, 30)
    assert (0, 16) in demands.together
    assert all(FACE.mirror[i] == j for i, j in demands.together)
    assert demands.at_least[0][1] == 2
    assert demands.cost[:6] == (3.0, 1.0, 1.0, 1.0, 1.0, 0.5)
    assert demands_of(FACE, cost=[2] * 68).cost == (2.0,) * 68
    assert demands_of(FACE) == Demands()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"include": ["nose"]}, "no landmark 'nose'"),
        ({"include": ["nose_tip"], "exclude": [30]}, "nose_tip is both included and excluded"),
        ({"at_least": {"ears": 1}}, "no component 'ears'; it has: contour"),
        ({"at_least": {"nose": 99}}, "nose has 9 landmarks, not 99"),
        ({"cost": [1.0, 2.0]}, "expected 68 costs, got 2"),
        ({"cost": {"nose_tip": -1}}, "costs must be finite"),
        ({"cost": {"nose_tip": math.nan}}, "costs must be finite"),
        ({"most_cost": -1}, "most cost must not be negative"),
        ({"most_cost": math.nan}, "most cost must not be negative"),
    ],
)
def test_words_that_mean_nothing_are_refused(words, message):
    with pytest.raises(SelectionError, match=message):
        demands_of(FACE, **words)


def test_demands_that_contradict_themselves_are_refused():
    with pytest.raises(SelectionError, match="both"):
        Demands(include=(1,), exclude=(1,))
    with pytest.raises(SelectionError, match="3 of a group of 2"):
        Demands(at_least=(((0, 1), 3),))


def test_groups_bring_their_landmarks_along():
    closed = with_closure(Demands(include=(0,), exclude=(5,), together=((1, 2), (0, 1), (4, 5))))
    assert (closed.include, closed.exclude) == ((0, 1, 2), (4, 5))
    with pytest.raises(SelectionError, match="comes in with its pair"):
        with_closure(Demands(include=(0,), exclude=(1,), together=((0, 1),)))


def test_one_landmark_more_can_be_left_out():
    assert Demands(exclude=(4,)).without(1).exclude == (1, 4)
