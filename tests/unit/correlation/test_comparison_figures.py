import numpy as np
import pytest

from correlation.comparison import Comparison, compare
from correlation.comparison_figures import (
    OVER,
    UNDER,
    change_heatmap,
    deviation_heatmap,
    error_heatmap,
    error_on_shape,
    path_figure,
)
from correlation.figures import component_order
from correlation.matrix import AffinityMatrix
from correlation.series import Series
from datasets.formats import landmark_format


def matrix(known, seed):
    M = len(known)
    values = np.random.default_rng(seed).uniform(0.1, 0.9, (M, M))
    values = (values + values.T) / 2
    np.fill_diagonal(values, 1.0)
    return AffinityMatrix(known, values, 40, "box")


def comparison_of(name):
    known = landmark_format(name)
    return compare(matrix(known, 0), matrix(known, 1))


@pytest.mark.parametrize("name", ["300w-68", "aflw-19", "points-7"])
def test_the_heatmap_has_zero_in_the_middle_and_errors_by_component(name):
    comparison = comparison_of(name)
    order, blocks = component_order(comparison.format)
    figure = error_heatmap(comparison)
    (heat,) = figure.data
    np.testing.assert_array_equal(heat.z, comparison.error[np.ix_(order, order)])
    assert heat.zmin == -heat.zmax == -comparison.largest
    assert list(heat.x) == [comparison.format.landmarks[i] for i in order]
    predicted, truth = np.moveaxis(np.asarray(heat.customdata), -1, 0)
    np.testing.assert_allclose(predicted - truth, heat.z)
    assert len(figure.layout.shapes) == 2 * max(0, len(blocks) - 1)
    assert all(line.line.color != "white" for line in figure.layout.shapes)


def test_the_heatmap_calls_both_by_their_names():
    errors = comparison_of("points-5")
    (heat,) = error_heatmap(errors).data
    assert "error %{z:+.3f}: predicted %{customdata[0]:.3f}, true" in heat.hovertemplate
    named = Comparison(errors.predicted, errors.truth, names=("A", "B"))
    (heat,) = error_heatmap(named, "A - B").data
    assert "A - B %{z:+.3f}: A %{customdata[0]:.3f}, B %{cust" in heat.hovertemplate
    assert heat.colorbar.title.text == "A - B"


def test_no_error_at_all_is_the_middle_of_the_scale():
    known = landmark_format("points-5")
    (heat,) = error_heatmap(compare(matrix(known, 0), matrix(known, 0))).data
    assert heat.zmin < 0 < heat.zmax
    assert not np.any(heat.z)


def test_many_landmarks_have_no_details_on_hover():
    assert error_heatmap(comparison_of("points-130")).data[0].customdata is None


def test_changes_and_deviations_have_their_own_scales():
    first = matrix(landmark_format("points-5"), 0)
    change = np.zeros((5, 5))
    change[0, 1] = change[1, 0] = -0.4
    heat = change_heatmap(first, change, "change").data[0]
    assert (heat.zmin, heat.zmax) == (-0.4, 0.4)
    heat = deviation_heatmap(first, -change).data[0]
    assert (heat.zmin, heat.zmax) == (0, 0.4)
    assert heat.z[0][1] == 0.4


@pytest.mark.parametrize("D", [2, 3])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_pair_has_the_colour_of_its_sign_and_its_error(D, sign):
    comparison = comparison_of("300w-68")
    pair = comparison.ranked(1, sign)[0]
    shape = np.random.default_rng(2).normal(size=(68, D))
    figure = error_on_shape(shape, comparison, pair.first, pair.second)
    colour = OVER if sign > 0 else UNDER
    line, every, rings = figure.data[-3:]
    np.testing.assert_array_equal(every.marker.color, comparison.error[pair.first])
    assert every.marker.cmax == -every.marker.cmin == comparison.largest
    assert f"error {pair.difference:+.3f}" in every.hovertext[pair.second]
    assert pair.names[1] in every.hovertext[pair.second]
    assert list(rings.customdata) == [pair.first, pair.second]
    assert rings.hovertext[1] == every.hovertext[pair.second]
    assert line.line.color == rings.marker.color == colour
    assert figure.layout.annotations[0].text == f"{pair.difference:+.3f}"


def test_a_landmark_without_another_has_no_line():
    comparison = comparison_of("points-7")
    figure = error_on_shape(np.zeros((7, 2)), comparison, 3, 3)
    assert not figure.layout.annotations
    assert list(figure.data[-1].customdata) == [3]


def test_a_path_is_shown_over_the_epochs_beside_the_truth():
    known = landmark_format("points-5")
    series = Series(tuple(matrix(known, seed) for seed in range(3)), (5, 10, 20))
    figure = path_figure(series, 1, 4, 0.25)
    assert list(figure.data[0].x) == [5, 10, 20]
    np.testing.assert_array_equal(figure.data[0].y, series.path(1, 4))
    assert figure.layout.shapes[0].y0 == 0.25
    assert figure.layout.annotations[0].text == "true: 0.250"
    assert not path_figure(series, 1, 4).layout.shapes
