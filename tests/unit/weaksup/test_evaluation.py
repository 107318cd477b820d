import numpy as np
import pytest

from datasets.dataset import LandmarkDataset
from datasets.errors import ShapeMismatchError, UnknownNameError
from datasets.shapes import ShapeSet
from weaksup.evaluation import evaluate, rates, without


@pytest.fixture
def truth(pictures):
    return pictures[1].take(np.arange(4))


def moved(truth, by):
    """Every landmark moved to the right by a share of the span, image by image."""
    points = truth.shapes.points
    span = np.linalg.norm(points[:, 0] - points[:, 1], axis=1)
    step = np.zeros_like(points)
    step[:, :, 0] = (np.asarray(by) * span)[:, None]
    return truth.with_shapes(ShapeSet.from_points(points + step, truth.format))


def test_rates_of_known_errors(truth):
    summary = evaluate(moved(truth, [0.02, 0.04, 0.09, 0.2]), truth).summary()
    assert summary["images"] == 4
    assert summary["span"] == "width"
    assert summary["nme"] == pytest.approx((0.02 + 0.04 + 0.09 + 0.2) / 4)
    assert summary["failure_rate_8"] == 0.5
    assert summary["failure_rate_10"] == 0.25
    assert summary["landmark_failure_rate_8"] == 0.5
    assert summary["auc_8"] == pytest.approx(((0.08 - 0.02) + (0.08 - 0.04)) / 0.08 / 4)


def test_shapes_are_joined_by_name_in_the_order_of_the_truth(truth):
    predicted = moved(truth, [0.01, 0.02, 0.03, 0.04]).take([3, 1, 0])
    evaluation = evaluate(predicted, truth)
    assert evaluation.truth.samples["shape_id"].tolist() == ["b000", "b001", "b003"]
    assert evaluation.per_image == pytest.approx([0.01, 0.02, 0.04])


def test_landmarks_and_components_are_judged_apart(truth):
    points = truth.shapes.points.copy()
    span = np.linalg.norm(points[:, 0] - points[:, 1], axis=1)
    points[:, 3, 1] += 0.3 * span
    evaluation = evaluate(truth.with_shapes(ShapeSet.from_points(points, truth.format)), truth)
    assert evaluation.per_landmark == pytest.approx([0, 0, 0, 0.3, 0])
    parts = {name: rates(errors)["nme"] for name, errors in evaluation.per_component.items()}
    assert parts == pytest.approx({"row": 0.0, "column": 0.1})


def test_absent_landmarks_are_not_judged(truth):
    sparse = truth.with_shapes(truth.shapes.keep([0, 1]))
    evaluation = evaluate(moved(truth, [0.05] * 4), sparse)
    assert evaluation.summary()["nme"] == pytest.approx(0.05)
    assert np.isnan(evaluation.errors[:, 2:]).all()
    assert list(evaluation.per_component) == ["row"]


def test_another_span_may_be_named(truth):
    evaluation = evaluate(moved(truth, [0.05] * 4), truth, "box")
    assert evaluation.span == "box"
    assert evaluation.summary()["nme"] != pytest.approx(0.05)
    with pytest.raises(UnknownNameError, match=r"no span 'eyes'.*width, box"):
        evaluate(truth, truth, "eyes")


def test_nothing_in_common_is_refused_with_names_of_both(pictures, truth):
    with pytest.raises(ShapeMismatchError, match=r"no shape is in both.*a000.*b000"):
        evaluate(pictures[0], truth)
    with pytest.raises(ShapeMismatchError, match="names here are like nothing, there like"):
        evaluate(pictures[0].take([]), truth)


def test_true_shapes_that_nobody_predicted_are_counted(truth):
    predicted = moved(truth, [0.01] * 4)
    points = predicted.shapes.points.copy()
    points[0] = np.nan
    unfound = predicted.with_shapes(ShapeSet.from_points(points, truth.format))
    summary = evaluate(unfound.take([0, 2, 3]), truth).summary()
    assert (summary["images"], summary["without_prediction"]) == (2, 2)
    assert summary["nme"] == pytest.approx(0.01)


def test_the_share_of_predicted_landmarks_is_told(truth):
    few = truth.with_shapes(truth.shapes.keep([0, 1]))
    summary = evaluate(few, truth).summary()
    assert summary["nme"] == 0
    assert summary["landmarks_predicted"] == pytest.approx(2 / 5)
    assert evaluate(truth, few).summary()["landmarks_predicted"] == 1


def test_objects_of_one_name_whose_boxes_are_apart_are_refused(truth):
    def boxed(x_min, x_max):
        edges = {"box_x_min": x_min, "box_x_max": x_max, "box_y_min": 0.0, "box_y_max": 10.0}
        return LandmarkDataset(truth.shapes, truth.samples.assign(**edges), truth.root)

    assert len(evaluate(boxed(0.0, 10.0), boxed(9.0, 20.0)).truth) == 4
    with pytest.raises(ShapeMismatchError, match="'b000' is another object in each data set"):
        evaluate(boxed(0.0, 10.0), boxed(11.0, 20.0))


def test_shapes_that_were_learnt_from_are_left_out(truth):
    left = without(truth, truth.take([0, 2]))
    assert left.samples["shape_id"].tolist() == ["b001", "b003"]
    with pytest.raises(ShapeMismatchError, match="all 4 shapes are among those to leave out"):
        without(truth, truth)
