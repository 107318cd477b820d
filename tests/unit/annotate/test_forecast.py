"""Forecasts: what they come to, when they are refused, and what holds for any numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.forecast import DAY_S, TooLittleError, finish, hours_left

NOW = 1_700_000_000.0


def daily(*counts: int) -> list[float]:
    """So many pictures in each of the last days, the last one first."""
    return [NOW - (day + 0.5) * DAY_S for day, count in enumerate(counts) for _ in range(count)]


def test_hours_are_the_open_pictures_times_the_mean_time() -> None:
    left = hours_left(90, [30.0, 50.0] * 20)
    assert left.likely == pytest.approx(1.0)
    error = 10.0 * (40 / 39) ** 0.5 / 40**0.5
    assert left.high is not None
    assert left.high - left.likely == pytest.approx(90 * 1.2816 * error / 3600)


def test_a_steady_pace_has_one_day() -> None:
    found = finish(50, [*daily(*[10] * 6), NOW - 6.5 * DAY_S], NOW)
    assert (found.pictures_per_day, found.days) == (10.0, 6)
    assert found.at.low == found.at.likely == found.at.high == pytest.approx(NOW + 5 * DAY_S)


def test_days_off_count_and_what_is_long_ago_does_not() -> None:
    found = finish(10, [*daily(0, 0, *[14] * 5, *[0] * 30), NOW - 60 * DAY_S], NOW)
    assert (found.days, found.pictures_per_day) == (14, 5.0)
    assert found.at.low < found.at.likely < (found.at.high or 0)


def test_a_pace_that_may_as_well_be_none_has_no_last_day() -> None:
    found = finish(10, [NOW - 13.9 * DAY_S, *daily(0, 0, 0, 30), NOW - 20 * DAY_S], NOW)
    assert found.at.high is None


@pytest.mark.parametrize(
    ("finished", "problem"),
    [
        ([], "0 pictures were marked by hand in 0.0 days so far; a day of the finish needs 20"),
        (daily(30), "30 pictures were marked by hand in 0.5 days"),
        (daily(1, 1, 1, 1, 1), "5 pictures were"),
        (daily(*[0] * 20, 30), "no picture was marked by hand in the last 14 days"),
    ],
)
def test_too_little_is_said_with_what_is_needed(finished: list[float], problem: str) -> None:
    with pytest.raises(TooLittleError, match=problem):
        finish(10, finished, NOW)


def test_too_few_pictures_have_no_hours() -> None:
    with pytest.raises(TooLittleError, match=r"1 picture was marked by hand so far; .* needs 20"):
        hours_left(10, [4.0])


@given(
    st.integers(1, 10_000),
    st.lists(st.floats(0.1, 40.0), min_size=25, max_size=200),
    st.lists(st.floats(1.0, 1000.0), min_size=25, max_size=100),
)
def test_what_is_likely_lies_in_the_range(
    left: int, ago: list[float], seconds: list[float]
) -> None:
    hours = hours_left(left, seconds)
    assert hours.high is not None
    assert hours.low <= hours.likely <= hours.high * (1 + 1e-12)
    assert hours.likely == pytest.approx(left * np.mean(seconds) / 3600)
    try:
        at = finish(left, [NOW - days * DAY_S for days in ago], NOW).at
    except TooLittleError:
        return
    assert NOW <= at.low <= at.likely
    assert at.high is None or at.high >= at.likely
