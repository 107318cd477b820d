import numpy as np
import pytest

from datasets.dataset import LandmarkDataset
from datasets.errors import ShapeMismatchError, UnknownNameError
from datasets.formats import LandmarkFormat
from datasets.images import write_image
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
    assert summary["share_of_landmarks_predicted"] == pytest.approx(2 / 5)
    assert evaluate(truth, few).summary()["share_of_landmarks_predicted"] == 1


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


def named(truth, subjects):
    return LandmarkDataset(truth.shapes, truth.samples.assign(subject=subjects), truth.root)


def test_intervals_are_over_the_people_that_are_seen(truth):
    rng = np.random.default_rng(0)
    predicted = moved(truth, [0.0, 0.0, 0.0, 0.2])
    found = evaluate(predicted, named(truth, ["a", "a", "a", "b"])).intervals(rng)
    assert found["nme"].subjects == 2
    assert (found["nme"].low, found["nme"].high) == pytest.approx((0.0, 0.2))
    assert (found["failure_rate_8"].mean, found["failure_rate_8"].high) == (0.25, 1.0)


def test_intervals_lie_around_the_rates_of_the_same_name(truth):
    evaluation = evaluate(moved(truth, [0.02, 0.04, 0.09, 0.2]), truth)
    told = evaluation.summary()
    for name, found in evaluation.intervals(np.random.default_rng(0)).items():
        assert found.mean == pytest.approx(told[name])
        assert found.low <= told[name] <= found.high


def test_it_is_told_why_intervals_may_be_too_narrow(truth):
    def caution(subjects):
        return evaluate(truth, named(truth, subjects)).caution

    assert "4 of 4 images name no subject" in caution(None)
    assert "2 of 4 images name no subject" in caution(["a", "b", None, None])
    assert "the images show 3 subjects" in caution(["a", "a", "b", "c"])


def test_subjects_by_the_dozen_need_no_caution(pictures):
    many = pictures[1]
    assert evaluate(many, named(many, [f"p{i % 8}" for i in range(24)])).caution is None


def test_occluded_landmarks_are_judged_apart_where_there_are_any(truth):
    predicted = moved(truth, [0.01, 0.02, 0.03, 0.06])
    assert evaluate(predicted, truth).per_visibility == {}
    seen = truth.shapes.visibility.copy()
    seen[3] = 1
    hidden = truth.with_shapes(ShapeSet(truth.format, truth.shapes.points, seen))
    parts = evaluate(predicted, hidden).per_visibility
    assert rates(parts["visible"])["nme"] == pytest.approx(0.02)
    assert rates(parts["occluded"])["nme"] == pytest.approx(0.06)


def small_format():
    return LandmarkFormat("ends-2", ("r", "l"), (1, 0), maps={"spots-5": (1, 0)})


def test_another_format_is_judged_on_the_landmarks_it_shares(truth):
    predicted = moved(truth, [0.05] * 4)
    few = predicted.with_shapes(predicted.shapes.subset(small_format(), (1, 0)))
    summary = evaluate(few, truth).summary()
    assert summary["nme"] == pytest.approx(0.05)  # of the truth's span, which it need not have
    assert (summary["format"], summary["predicted_format"]) == ("spots-5", "ends-2")
    assert (summary["landmarks"], summary["share_of_landmarks_predicted"]) == (2, 1)
    assert "predicted_format" not in evaluate(predicted, truth).summary()


def test_the_truth_may_have_the_smaller_format(truth):
    predicted = moved(truth, [0.05] * 4)
    few = truth.with_shapes(truth.shapes.subset(small_format(), (1, 0)))
    summary = evaluate(predicted, few, "box").summary()
    assert (summary["format"], summary["landmarks"]) == ("ends-2", 2)


def test_formats_without_a_common_landmark_are_refused(truth):
    other = truth.with_shapes(ShapeSet.from_points(truth.shapes.points[:, :3]))
    with pytest.raises(ShapeMismatchError, match="in both points-3 and spots-5"):
        evaluate(other, truth)


def test_altered_pictures_are_judged_only_when_told_so(truth, tmp_path):
    for row in range(4):
        write_image(tmp_path / f"b00{row}.png", np.zeros((32, 32, 3), dtype=np.uint8))
    altered = LandmarkDataset(truth.shapes, truth.samples, tmp_path)
    with pytest.raises(ShapeMismatchError, match=r"another picture in each data set.* --altered"):
        evaluate(altered, truth)
    assert evaluate(altered, truth, altered=True).summary()["nme"] == 0
