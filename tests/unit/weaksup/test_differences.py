from dataclasses import replace

import numpy as np
import pytest

from datasets.errors import ShapeMismatchError
from weaksup.differences import difference, matched
from weaksup.evaluation import evaluate


@pytest.fixture
def truth(pictures):
    """24 pictures of 8 people."""
    samples = pictures[1].samples.assign(subject=[f"p{i % 8}" for i in range(24)])
    return replace(pictures[1], samples=samples)


def judged(truth, errors, rows=None):
    """A prediction that is off by these parts of the span, image by image, in some rows."""
    points = truth.shapes.points.copy()
    span = np.linalg.norm(points[:, 0] - points[:, 1], axis=1)
    points[:, :, 1] += (np.broadcast_to(errors, 24) * span)[:, None]
    predicted = truth.with_shapes(replace(truth.shapes, points=points))
    return evaluate(predicted if rows is None else predicted.take(rows), truth)


def rng():
    return np.random.default_rng(0)


def test_images_are_paired_by_their_names(truth):
    offsets = np.linspace(0.0, 0.23, 24)
    found = difference(
        judged(truth, offsets, [5, 3, 9, 20]), judged(truth, offsets + 0.01, [20, 9, 4]), rng()
    )
    assert found.images == 2
    assert found.ours["nme"] == pytest.approx(offsets[[9, 20]].mean())
    interval = found.intervals["nme"]
    assert (interval.mean, interval.low, interval.high) == pytest.approx((-0.01,) * 3)
    assert found.better == 1.0


def test_a_difference_that_all_people_have_is_told_with_its_bounds(truth):
    change = np.tile([0.01, 0.02, 0.03, 0.01, 0.02, 0.03, 0.01, 0.02], 3)
    found = difference(judged(truth, 0.05), judged(truth, 0.05 + change), rng())
    low, high = -100 * found.intervals["nme"].high, -100 * found.intervals["nme"].low
    assert 1 < low < 100 * change.mean() < high < 3
    told = f"the NME is lower, by {low:.2f} to {high:.2f} % of the width distance"
    assert found.verdict == f"{told}, with 95 % confidence"
    other_way = difference(judged(truth, 0.05 + change), judged(truth, 0.05), rng())
    assert other_way.verdict.startswith("the NME is higher, by 1.")
    assert other_way.better == 0.0


def test_what_people_differ_in_is_no_difference(truth):
    change = np.array([0.02, -0.02] * 12)
    found = difference(judged(truth, 0.05), judged(truth, 0.05 + change), rng())
    assert found.verdict.startswith("no difference of the NME is shown: -")
    assert found.better == 0.5
    same = difference(judged(truth, 0.05), judged(truth, 0.05), rng())
    assert same.verdict.startswith("no difference of the NME is shown")
    assert same.better == 0.0


def test_five_people_show_no_difference_however_large_it_is(truth):
    five = replace(truth, samples=truth.samples.assign(subject=[f"p{i % 5}" for i in range(24)]))
    found = difference(judged(five, 0.0), judged(five, 0.5), rng())
    assert found.verdict.startswith("no difference can be shown: the images are of 5 subjects")


def test_only_landmarks_that_both_were_judged_on_count(truth):
    points = truth.shapes.points.copy()
    points[:, 4] += 100.0
    far = evaluate(truth.with_shapes(replace(truth.shapes, points=points)), truth)
    without_it = evaluate(truth.with_shapes(truth.shapes.keep([0, 1, 2])), truth)
    found = difference(far, without_it, rng())
    assert found.ours["nme"] == found.theirs["nme"] == 0.0
    assert list(found.per_landmark) == ["left", "right", "middle"]


def test_rows_have_each_rate_and_each_landmark_that_is_asked_for(truth):
    found = difference(judged(truth, 0.02), judged(truth, 0.11), rng())
    rows = {row["what"]: row for row in found.rows(landmarks=True)}
    assert rows["failure rate 8"]["difference"] == rows["landmark failure rate 10"]["difference"]
    assert rows["failure rate 8"]["low"] == rows["failure rate 8"]["high"] == -1.0
    assert rows["landmark failure rate 8"]["low"] is None
    assert rows["top"]["difference"] == pytest.approx(-0.09)
    assert "top" not in {row["what"] for row in found.rows()}


def test_what_cannot_be_compared_is_refused(truth):
    with pytest.raises(ShapeMismatchError, match="no landmark of any shape is judged in all"):
        difference(*(evaluate(truth.with_shapes(truth.shapes.keep(part)), truth)
                     for part in ([0, 1], [2, 3])), rng())  # fmt: skip
    with pytest.raises(ShapeMismatchError, match="but 2 such as b001; 1 such as b003"):
        difference(judged(truth, 0.0, [1, 2]), judged(truth, 0.0, [3]), rng())
    box = evaluate(truth, truth, "box")
    with pytest.raises(ShapeMismatchError, match="one format and one span"):
        difference(judged(truth, 0.0), box, rng())


def test_matched_evaluations_have_the_shapes_and_landmarks_of_all(truth):
    points = truth.shapes.keep([0, 1])
    some = evaluate(truth.with_shapes(points).take([7, 3, 1]), truth)
    first, second, third = matched([judged(truth, 0.1), judged(truth, 0.2, [3, 2, 7]), some])
    for each, nme in ((first, 0.1), (second, 0.2), (third, 0.0)):
        assert each.truth.samples["shape_id"].tolist() == ["b003", "b007"]
        assert each.predicted.samples["shape_id"].tolist() == ["b003", "b007"]
        assert np.isnan(each.errors[:, 2:]).all()
        assert each.per_image == pytest.approx([nme, nme])
        assert each.summary()["without_prediction"] == 22
