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
    pace = Pace(stages, [40, 8, 8], done=10)
    assert pace.left_s(10) is None
    clock[0] += 12.0
    costs = {"sparse": 3 * 40, "secondary": 8, "everything": 3 * 8}
    left = 5 * costs["sparse"] + 60 * costs["secondary"] + 20 * costs["everything"]
    assert pace.left_s(15) == pytest.approx(12.0 * left / (5 * costs["sparse"]))
    assert pace.left_s(100) == 0


def test_times_are_told_roughly():
    told = [in_words(seconds) for seconds in (0.2, 80, 100, 3 * 3600, 5 * 86400)]
    assert told == ["about 1 s", "about 80 s", "about 2 min", "about 3 h", "about 5 days"]
