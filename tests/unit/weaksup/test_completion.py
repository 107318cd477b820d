import numpy as np
import pytest

from datasets.dataset import LandmarkDataset
from datasets.errors import ShapeMismatchError
from datasets.formats import landmark_format
from datasets.metrics import nme, normalised_errors
from datasets.shapes import ShapeSet
from weaksup.completion import complete, mean_shape_prediction


def test_clicks_are_kept_exactly_and_the_rest_is_found(pictures, sparse):
    learn, valid = pictures
    clicked = valid.with_shapes(valid.shapes.keep(sparse.chosen))
    done = complete(clicked, learn)
    chosen = list(sparse.chosen)
    assert np.array_equal(done.shapes.points[:, chosen], valid.shapes.points[:, chosen])
    assert done.shapes.complete.all()
    level = mean_shape_prediction(learn, valid)
    errors = (nme(normalised_errors(d.shapes, valid.shapes)) for d in (done, level))
    completed, mean = errors
    assert completed < 0.25 * mean


def test_shapes_without_any_click_stay_empty(pictures, sparse):
    points = pictures[1].shapes.keep(sparse.chosen).points.copy()
    points[2] = np.nan
    clicked = pictures[1].with_shapes(ShapeSet.from_points(points, sparse.dense))
    done = complete(clicked, pictures[0])
    assert not done.shapes.present[2].any()
    assert done.shapes.complete.sum() == len(clicked) - 1


def test_shapes_whose_clicks_are_in_one_place_stay_as_they_are(pictures, sparse):
    points = pictures[1].shapes.keep(sparse.chosen).points.copy()
    points[2, 1] = points[2, 0]
    points[3, 1] = np.nan  # one click is enough
    clicked = pictures[1].with_shapes(ShapeSet.from_points(points, sparse.dense))
    done = complete(clicked, pictures[0])
    np.testing.assert_array_equal(done.shapes.points[2], points[2])
    assert np.flatnonzero(~done.shapes.complete).tolist() == [2]


def test_only_shapes_with_all_landmarks_teach(data, pictures, sparse):
    clicked = pictures[1].with_shapes(pictures[1].shapes.keep(sparse.chosen))
    with_gaps = complete(clicked, data.images)
    whole = complete(clicked, data.images.take(np.arange(12)))
    assert np.array_equal(with_gaps.shapes.points, whole.shapes.points)


def test_too_few_dense_shapes_and_other_formats_are_refused(pictures, sparse):
    clicked = pictures[1].with_shapes(pictures[1].shapes.keep(sparse.chosen))
    with pytest.raises(ShapeMismatchError, match="two at least; found 0 among the 24"):
        complete(clicked, clicked)
    other = ShapeSet(
        landmark_format("points-5"), pictures[0].shapes.points, pictures[0].shapes.visibility
    )
    with pytest.raises(ShapeMismatchError, match="points-5, the others spots-5"):
        complete(clicked, pictures[0].with_shapes(other))
    with pytest.raises(TypeError, match=r"expected two LandmarkDatasets, got .* ShapeSet"):
        complete(clicked, pictures[0].shapes)


def test_mean_shape_without_boxes_is_the_mean_in_the_pictures(pictures):
    learn, valid = pictures
    level = mean_shape_prediction(learn, valid)
    expected = np.broadcast_to(learn.shapes.points.mean(axis=0), (24, 5, 2))
    assert np.allclose(level.shapes.points, expected)


def test_mean_shape_follows_the_boxes(pictures):
    learn, valid = pictures
    boxes = {"box_x_min": 0.0, "box_y_min": 0.0, "box_x_max": 20.0, "box_y_max": 10.0}
    boxed = LandmarkDataset(valid.shapes, valid.samples.assign(**boxes), valid.root)
    level = mean_shape_prediction(learn, boxed, margin=1.6).shapes.points[0]
    # Pictures of 32 px from -0.5 on become squares of 32 px around (10, 5).
    assert np.allclose(level, learn.shapes.points.mean(axis=0) + 0.5 + [10 - 16, 5 - 16])


def test_picture_sizes_are_read_from_the_pictures_where_the_table_lacks_them(pictures):
    learn, valid = pictures
    samples = valid.samples.assign(height_px=None, width_px=None).astype(valid.samples.dtypes)
    bare = LandmarkDataset(valid.shapes, samples, valid.root)
    assert np.allclose(
        mean_shape_prediction(learn, bare).shapes.points,
        mean_shape_prediction(learn, valid).shapes.points,
    )
