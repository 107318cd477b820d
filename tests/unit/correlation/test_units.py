"""Units of landmarks: what may be chosen together, and whether a choice can still obey."""

import pytest

from correlation.demands import Demands
from correlation.units import largest_sum, units_of
from datasets.errors import SelectionError


def test_groups_are_units_and_all_others_stand_alone():
    units = units_of(6, 3, Demands(together=((4, 1), (2, 3))))
    assert units.members == ((0,), (1, 4), (2, 3), (5,))
    assert units.landmarks([2, 0]) == (0, 2, 3)
    assert units.size([1, 2]) == 4


def test_groups_that_share_a_landmark_are_one_unit():
    units = units_of(6, 5, Demands(together=((0, 1), (3, 4), (1, 3))))
    assert units.members == ((0, 1, 3, 4), (2,), (5,))


def test_a_unit_goes_out_and_comes_in_as_a_whole():
    units = units_of(6, 4, Demands(include=(0,), exclude=(3,), together=((0, 5), (3, 4))))
    assert units.members == ((0, 5), (1,), (2,))
    assert units.start == {0}


def test_pairs_alone_cannot_be_an_odd_number():
    pairs = ((0, 1), (2, 3), (4, 5))
    assert units_of(6, 3, Demands(together=pairs)).target == 2
    assert units_of(7, 3, Demands(together=pairs)).target == 3


def test_a_way_that_leads_nowhere_is_left_for_another():
    """One of all is demanded; the single landmark brings it, but leaves a hole."""
    units = units_of(5, 2, Demands(together=((0, 1), (2, 3)), at_least=(((0, 1, 2, 3, 4), 1),)))
    assert units.completion(frozenset()) == {0}


def test_fewer_are_chosen_where_what_is_demanded_leaves_a_hole():
    demands = Demands(together=((0, 1), (2, 3)), at_least=(((4,), 1),))
    units = units_of(5, 2, demands)
    assert (units.most, units.target) == (2, 1)
    assert units.completion(frozenset()) == {2}


def test_a_unit_that_leaves_a_hole_may_not_follow():
    """Two landmarks of three are left: only the pair fills them once the single one is taken."""
    units = units_of(5, 3, Demands(together=((0, 1), (2, 3))))
    single, pair = units.members.index((4,)), 0
    assert units.may_follow(frozenset([single]), pair)
    assert not units.may_follow(frozenset([single]), single)
    assert not units.may_follow(frozenset([0]), 1)


def test_what_is_still_demanded_keeps_its_room():
    units = units_of(6, 2, Demands(at_least=(((3, 4, 5), 1),)))
    assert units.may_follow(frozenset(), 0)
    assert not units.may_follow(frozenset([0]), 1)
    assert units.may_follow(frozenset([0]), 4)
    assert units.completion(frozenset([0])) == {0, 3}


def test_what_is_still_demanded_keeps_its_price():
    demands = Demands(at_least=(((2, 3), 1),), cost=(3, 1, 4, 2), most_cost=4)
    units = units_of(4, 3, demands)
    assert not units.may_follow(frozenset(), 0)
    assert units.may_follow(frozenset(), 1)
    assert units.completion(frozenset([1])) == {1, 3}


@pytest.mark.parametrize(
    ("m", "demands", "problem"),
    [
        (0, Demands(), "cannot choose 0 of 5"),
        (6, Demands(), "cannot choose 6 of 5"),
        (2, Demands(include=(5,)), "no landmark 5 among 5; they are counted 0 to 4"),
        (2, Demands(at_least=(((-1, 2), 1),)), "no landmark -1"),
        (2, Demands(cost=(1.0, 2.0)), "expected 5 costs, got 2"),
        (1, Demands(include=(0, 1)), "2 landmarks must be included, but only 1"),
        (2, Demands(include=(0,), together=((0, 1, 2),)), "3 landmarks must be included"),
        (2, Demands(include=(0,), exclude=(1,), together=((0, 1),)), "comes in with its pair"),
        (2, Demands(at_least=(((0, 1), 2), ((2, 3), 1))), "found no choice of at most 2"),
        (2, Demands(exclude=(0, 1), at_least=(((0, 1), 1),)), "found no choice"),
        (3, Demands(include=(0, 1), most_cost=1.0), "found no choice"),
        (3, Demands(exclude=(0, 1, 2, 3, 4)), "no landmark is left"),
        (1, Demands(exclude=(4,), together=((0, 1), (2, 3))), "no landmark is left"),
    ],
)
def test_what_cannot_be_met_is_explained(m, demands, problem):
    with pytest.raises(SelectionError, match=problem):
        units_of(5, m, demands)


@pytest.mark.parametrize(
    ("sizes", "room", "expected"),
    [([], 3, 0), ([2, 2, 2], 5, 4), ([3, 5], 7, 5), ([1, 1], 9, 2), ([4], 3, 0), ([2, 3], 5, 5)],
)
def test_the_largest_sum_within_the_room(sizes, room, expected):
    assert largest_sum(sizes, room) == expected
