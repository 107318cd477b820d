"""Labels of one picture: what is accepted from a browser, and how they become shapes."""

import json
import math

import numpy as np
import pytest

from annotate.labelling import (
    ABSENT,
    LabelError,
    Point,
    arrays_from_points,
    has_position,
    is_complete,
    placed,
    point_to_json,
    points_from_arrays,
    points_from_json,
    within_reach,
)
from datasets.errors import FewmarkError
from datasets.shapes import Visibility

NAMES = ("eye", "nose")
GOOD = {"x": 1.5, "y": 2, "v": 2}


def test_points_from_a_browser_are_read_and_written_the_same() -> None:
    values = [{"x": 1.5, "y": -2.0, "v": 1}, {"x": None, "y": None, "v": 0}]
    points = points_from_json(values, NAMES)
    assert points == (Point(1.5, -2.0, Visibility.OCCLUDED), ABSENT)
    assert [point_to_json(point) for point in points] == values
    assert points_from_json([None, None], NAMES) == (None, None)


def test_positions_are_rounded_to_a_thousandth_of_a_pixel() -> None:
    point = points_from_json([{"x": 1.23456, "y": 2.0004, "v": 2}, None], NAMES)[0]
    assert (point.x, point.y) == (1.235, 2.0)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ("text", "points: expected a list of 2 entries, found str"),
        ([GOOD], "points: expected a list of 2 entries, found 1 entries"),
        ([GOOD, 7], "nose: expected x, y and v"),
        ([GOOD, {"x": 1, "y": 2}], "nose: expected x, y and v"),
        ([GOOD, {"x": 1, "y": 2, "v": 3}], "nose: expected x, y and v"),
        ([GOOD, {"x": 1, "y": None, "v": 0}], "nose: absent"),
        ([GOOD, {"x": None, "y": None, "v": 2}], "nose: expected numbers"),
        ([GOOD, {"x": "1", "y": 2, "v": 2}], "nose: expected numbers"),
        ([GOOD, {"x": True, "y": 2, "v": 2}], "nose: expected numbers"),
        ([GOOD, {"x": math.nan, "y": 2, "v": 2}], "nose: expected numbers"),
        ([GOOD, {"x": math.inf, "y": 2, "v": 2}], "nose: expected numbers"),
        ([GOOD, {"x": 10**400, "y": 2, "v": 2}], "nose: expected numbers"),
        ([GOOD, {"x": 70.6, "y": 2, "v": 2}], "nose: .* too far outside"),
    ],
)
def test_wrong_points_are_refused_by_name(values: object, problem: str) -> None:
    with pytest.raises(LabelError, match=problem) as refused:
        points_from_json(values, NAMES, (20, 40))
    assert isinstance(refused.value, FewmarkError)


def test_a_number_beyond_json_is_still_an_answer_not_a_crash() -> None:
    values = json.loads('[{"x": 1e999, "y": 0, "v": 2}, null]')
    with pytest.raises(LabelError, match="expected numbers"):
        points_from_json(values, NAMES)


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (-0.5, -0.5, True), (39.5, 19.5, True), (-20.5, 0, True), (59.5, 39.5, True),
        (-20.6, 0, False), (59.6, 0, False), (0, -20.6, False), (0, 39.6, False),
    ],
)  # fmt: skip
def test_landmarks_may_lie_half_the_longer_side_outside(x: float, y: float, expected: bool) -> None:
    assert within_reach(x, y, height_px=20, width_px=40) is expected


@pytest.mark.parametrize(
    ("x", "y", "visibility"),
    [
        (math.nan, 1.0, Visibility.VISIBLE), (1.0, 1.0, Visibility.ABSENT),
        (math.nan, 1.0, Visibility.ABSENT), (math.inf, 1.0, Visibility.OCCLUDED),
    ],
)  # fmt: skip
def test_a_point_has_a_position_unless_it_is_absent(
    x: float, y: float, visibility: Visibility
) -> None:
    with pytest.raises(LabelError, match="expected a position"):
        Point(x, y, visibility)


def test_points_compare_by_place_and_visibility() -> None:
    assert Point(math.nan, math.nan, Visibility.ABSENT) == ABSENT
    assert len({ABSENT, Point(math.nan, math.nan, Visibility.ABSENT)}) == 1
    assert placed(1, 2) != placed(1, 2, Visibility.OCCLUDED)
    assert placed(1, 2) != placed(1, 3)
    assert placed(1, 2) != (1, 2)
    assert hash(placed(1, 2)) == hash(placed(1.0, 2.0))


def test_absent_is_decided_but_has_no_position() -> None:
    assert is_complete((ABSENT, placed(1, 2)))
    assert not is_complete((ABSENT, None))
    assert not has_position((ABSENT, None))
    assert has_position((None, placed(0, 0)))


def test_labels_become_a_dense_shape_and_come_back() -> None:
    points = (placed(3.0, 4.0, Visibility.OCCLUDED), None, ABSENT)
    position, visibility = arrays_from_points(points, (1, 2, 4), 6)
    assert visibility.tolist() == [0, 1, 0, 0, 0, 0]
    assert position[1].tolist() == [3.0, 4.0]
    assert np.isnan(np.delete(position, 1, axis=0)).all()
    assert points_from_arrays(position, visibility, (1, 2, 4)) == (points[0], None, None)
