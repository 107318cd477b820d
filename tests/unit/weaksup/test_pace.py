from dataclasses import replace

import pytest

import weaksup.pace
from weaksup.pace import Pace, in_words
from weaksup.presets import preset


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(weaksup.pace.time, "monotonic", lambda: now[0])
    return now


def test_epochs_of_few_images_and_a_frozen_body_are_expected_to_be_short(clock):
    stages = preset("quick").stages  # 20, 60 and 20 epochs; the body rests in the second
    pace = Pace(stages, [40, 8, 8], done=18)
    clock[0] += 12.0
    costs = {"sparse": 3 * 40, "secondary": 8, "everything": 3 * 8}
    left = costs["sparse"] + 60 * costs["secondary"] + 20 * costs["everything"]
    assert pace.add_epoch(19) == pytest.approx(12.0 * left / costs["sparse"])
    clock[0] += 8.0
    left -= costs["sparse"]
    assert pace.add_epoch(20) == pytest.approx(20.0 * left / (2 * costs["sparse"]))


def test_epochs_that_a_stage_leaves_out_take_no_time(clock):
    first = preset("quick").stages[0]
    pace = Pace([first, replace(first, name="again")], [40, 40], done=0)
    clock[0] += 3.0
    assert pace.add_epoch(20) == pytest.approx(3.0 * 20)  # 19 of the first 20 are left out
    clock[0] += 3.0
    assert pace.add_epoch(40) == 0


def test_times_are_told_roughly():
    told = [in_words(seconds) for seconds in (0.2, 80, 100, 3 * 3600, 5 * 86400)]
    assert told == ["about 1 s", "about 80 s", "about 2 min", "about 3 h", "about 5 days"]
