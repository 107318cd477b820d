import numpy as np
import pandas as pd
import pytest

from datasets.errors import FileFormatError
from datasets.shapes import ShapeSet, empty_shapes
from weaksup.completion import mean_shape_prediction
from weaksup.evaluation import evaluate
from weaksup.figures import (
    PREDICTED,
    TRUE,
    ced_figure,
    comparison_tile,
    landmark_error_figure,
    loss_figure,
    mean_outline,
    runs_figure,
    validation_figure,
)


def test_losses_of_all_stages_follow_one_another(trained):
    metrics = trained.metrics()
    lines = loss_figure(metrics).data
    assert [line.name for line in lines[::2]] == ["sparse", "secondary", "everything"]
    assert list(np.concatenate([line.x for line in lines[::2]])) == list(range(1, 101))
    assert np.allclose(np.concatenate([line.y for line in lines[::2]]), metrics["loss"])
    assert np.allclose(np.concatenate([line.y for line in lines[1::2]]), metrics["mean_shape_loss"])


def test_validation_errors_are_percent_where_they_were_measured(trained):
    metrics = trained.metrics()
    figure = validation_figure(metrics, 0.24, "width distance")
    every = figure.data[0]
    assert list(every.x) == list(range(5, 101, 5))
    assert np.allclose(every.y, 100 * metrics["valid_nme"].dropna())
    assert figure.layout.shapes[0].y0 == 24.0
    assert figure.layout.yaxis.title.text == "validation NME, % of width distance"
    assert not validation_figure(metrics, None, "width distance").layout.shapes


def test_ced_rises_to_the_share_of_images_within_the_limit():
    errors = np.array([[0.05], [0.1], [0.2], [0.9]])
    line = ced_figure({"network": errors}, "width").data[0]
    assert line.y[0] == 0
    assert line.y[-1] == 75
    assert all(np.diff(line.y) >= 0)


def test_landmark_errors_are_told_with_their_names(pictures):
    learn, valid = pictures
    evaluation = evaluate(mean_shape_prediction(learn, valid), valid)
    marks = landmark_error_figure(evaluation).data[-1]
    assert marks.text[0] == f"left: {100 * evaluation.per_landmark[0]:.2f} %"
    assert np.allclose(marks.marker.color, 100 * evaluation.per_landmark)
    assert marks.marker.colorbar.title.text == "NME, % of width distance"


def test_mean_outline_is_within_the_unit_box_and_ignores_what_is_absent(pictures, sparse):
    outline = mean_outline(pictures[0])
    assert outline.min() >= 0
    assert outline.max() <= 1
    assert outline[0, 0] < outline[2, 0] < outline[1, 0]
    partly = pictures[0].with_shapes(pictures[0].shapes.keep(sparse.chosen))
    assert np.isnan(mean_outline(partly)[2:]).all()


def colour(text):
    return [int(text[i : i + 2], 16) for i in (1, 3, 5)]


def test_tiles_show_both_landmarks_where_they_are(pictures):
    dataset = pictures[1].take([0])
    true = dataset.shapes.points[0]
    tile = comparison_tile(dataset, 0, true + [3.0, 0.0], 320)
    for points, paint in ((true, TRUE), (true + [3.0, 0.0], PREDICTED)):
        for x, y in np.round((points + 0.5) * 10 - 0.5).astype(int):
            assert tile[y, x].tolist() == colour(paint)


def test_tiles_show_what_there_is(pictures):
    dataset = pictures[1].take([0])
    alone = comparison_tile(dataset, 0, None)
    bare = dataset.with_shapes(empty_shapes(dataset.format, 1))
    nothing = comparison_tile(bare, 0, np.full((5, 2), np.nan))
    assert (alone == colour(TRUE)).all(axis=2).any()
    assert not (nothing == colour(TRUE)).all(axis=2).any()
    far = ShapeSet.from_points(np.full((1, 5, 2), 1e9), dataset.format)
    comparison_tile(dataset.with_shapes(far), 0, dataset.shapes.points[0])


def test_of_shapes_in_space_tiles_show_x_and_y(pictures):
    flat = pictures[1].take([0])
    other = flat.shapes.points[0] + 2.0
    deep = np.dstack([flat.shapes.points, np.full((1, 5), 40.0)])
    dataset = flat.with_shapes(ShapeSet.from_points(deep, flat.format))
    tile = comparison_tile(dataset, 0, np.column_stack([other, np.zeros(5)]))
    assert np.array_equal(tile, comparison_tile(flat, 0, other))


def test_tiles_without_a_picture_name_it(pictures):
    samples = pictures[1].samples.assign(image="gone.png")
    dataset = type(pictures[1])(pictures[1].shapes, samples, pictures[1].root)
    with pytest.raises(FileFormatError, match=r"gone\.png"):
        comparison_tile(dataset, 0, None)


def test_every_curve_is_drawn_and_can_be_told_from_the_others():
    errors = {f"run-{i}": np.full((2, 1), 0.01 * i) for i in range(9)}
    lines = ced_figure(errors, "width").data
    assert [line.name for line in lines] == list(errors)
    assert len({(line.line.color, line.line.dash) for line in lines}) == 9


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.06, 4.2, [0.1, 0.2, 0.5, 1, 2]),
        (0.31, 0.62, [0.4, 0.5, 0.6]),
        (0.52, 0.58, [0.52, 0.53, 0.54]),
        (0.5211, 0.5214, [0.5211, 0.5214]),
        (0.001, 5000, [0.001, 0.01, 0.1]),
    ],
)
def test_the_axis_of_losses_has_numbers_however_close_they_are(low, high, told):
    metrics = pd.DataFrame({"loss": [high, low, np.nan]})
    axis = runs_figure({"a": metrics}, "loss", "loss").layout.yaxis
    ticks = np.asarray(axis.tickvals)
    assert np.isclose(ticks[:, None], told).any(axis=0).all()
    assert 2 <= len(ticks) <= 15
    assert ((ticks > 0.99 * low) & (ticks < 1.01 * high)).all()


def test_runs_are_drawn_over_the_epochs_in_which_they_were_measured():
    first = pd.DataFrame({"loss": [4.0, 2.0, 1.0], "valid_nme": [np.nan, 0.2, np.nan]})
    second = pd.DataFrame({"loss": [3.0], "valid_nme": [0.3]})
    errors = runs_figure({"a": first, "b": second}, "valid_nme", "NME, %")
    assert [list(line.x) for line in errors.data] == [[2], [1]]
    assert [list(line.y) for line in errors.data] == [[20.0], [30.0]]
    losses = runs_figure({"a": first, "b": second}, "loss", "loss")
    assert list(losses.data[0].y) == [4.0, 2.0, 1.0]
    assert losses.layout.yaxis.type == "log"
