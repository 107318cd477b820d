"""Figures: what they show, read back from their data."""

import dataclasses

import numpy as np
import plotly.graph_objects as go
import pytest

from correlation.curve import budget_curve
from correlation.figures import (
    affinity_heatmap,
    affinity_on_shape,
    budget_figure,
    component_order,
    frequency_on_shape,
    sizes_figure,
    sparse_on_shape,
)
from correlation.matrix import AffinityMatrix
from correlation.scores import predefined_scores, score
from correlation.selection import select
from correlation.stability import how_many_shapes, stability
from datasets.formats import Component, LandmarkFormat, landmark_format


def matrix_of(known):
    """Affinities that fall with the distance of random places."""
    places = np.random.default_rng(0).random((len(known), 2))
    distances = np.linalg.norm(places[:, None] - places, axis=2)
    return AffinityMatrix.from_values(np.exp(-2 * distances), known)


def shape_of(known, D=2):
    return np.random.default_rng(1).random((len(known), D))


@pytest.fixture
def parted():
    """A format whose components are not in order, with one landmark of none."""
    parts = (Component("eye", (3, 0)), Component("nose_tip", (1, 3)))
    return LandmarkFormat("parted", ("a", "b", "c", "d"), (0, 1, 2, 3), components=parts)


def test_components_stand_side_by_side(parted):
    order, blocks = component_order(parted)
    assert order == [3, 0, 1, 2]
    assert blocks == [("eye", 0, 2), ("nose tip", 2, 3), ("other", 3, 4)]
    assert component_order(landmark_format("points-3")) == ([0, 1, 2], [])


def test_the_heatmap_has_names_in_the_order_of_its_values(parted):
    matrix = matrix_of(parted)
    figure = affinity_heatmap(matrix)
    heatmap = figure.data[0]
    assert list(heatmap.x) == list(heatmap.y) == ["d", "a", "b", "c"]
    assert heatmap.z[0][2] == matrix.values[3, 1]
    assert (heatmap.zmin, heatmap.zmax) == (0, 1)
    assert list(figure.layout.xaxis.ticktext) == ["eye", "nose tip", "other"]
    lines = figure.layout.shapes
    assert [line.x0 for line in lines if line.x0 == line.x1] == [1.5, 2.5]
    assert [line.y0 for line in lines if line.y0 == line.y1] == [1.5, 2.5]
    drawn_one_by_one = go.Figure().add_vline(1.5, line=lines[0].line).layout.shapes[0]
    assert lines[0] == drawn_one_by_one


def test_a_heatmap_without_components_has_no_separators():
    figure = affinity_heatmap(matrix_of(landmark_format("points-46")))
    assert len(figure.layout.shapes) == 0
    assert figure.layout.xaxis.ticktext is None


def points_of(figure, size):
    return [t for t in figure.data if t.customdata is not None and len(t.customdata) == size]


def test_the_shape_is_coloured_by_affinity_to_the_chosen_landmark():
    known = landmark_format("300w-68")
    matrix, shape = matrix_of(known), shape_of(known)
    figure = affinity_on_shape(shape, matrix, 30)
    (points,) = points_of(figure, 68)
    np.testing.assert_array_equal(points.marker.color, matrix.values[30])
    np.testing.assert_array_equal(points.x, shape[:, 0])
    assert "30 nose_tip<br>1.000" in points.hovertext[30]
    assert figure.layout.yaxis.autorange == "reversed"
    assert len([t for t in figure.data if t.mode == "lines"]) == len(known.contours)


def test_a_pair_is_joined_by_a_line_with_its_affinity():
    known = landmark_format("points-5")
    matrix, shape = matrix_of(known), shape_of(known)
    figure = affinity_on_shape(shape, matrix, 1, 4)
    (line,) = [t for t in figure.data if t.mode == "lines"]
    np.testing.assert_array_equal(np.c_[line.x, line.y], shape[[1, 4]])
    assert figure.layout.annotations[0].text == f"{matrix.values[1, 4]:.3f}"
    (rings,) = points_of(figure, 2)
    assert list(rings.customdata) == [1, 4]


@pytest.mark.parametrize("name", ["300w-68", "points-7"])
@pytest.mark.parametrize("D", [2, 3])
def test_every_landmark_is_linked_to_its_representative(name, D):
    known = landmark_format(name)
    sparse, shape = select(matrix_of(known), 4).sparse, shape_of(known, D)
    figure = sparse_on_shape(shape, sparse)
    (chosen,) = points_of(figure, 4)
    (rest,) = points_of(figure, len(known) - 4)
    assert list(chosen.customdata) == list(sparse.chosen)
    colours = dict(zip(chosen.customdata, chosen.marker.color, strict=True))
    assert list(rest.marker.color) == [colours[sparse.represented_by[i]] for i in sparse.rest]
    links = set()
    for trace in figure.data[len(known.contours) :]:
        if trace.mode == "lines" and trace.x is not None:
            ends = np.c_[trace.x, trace.y].reshape(-1, 3, 2)[:, :2]
            links |= {(tuple(a), tuple(b)) for a, b in ends}
    expected = {
        (tuple(shape[sparse.represented_by[i], :2]), tuple(shape[i, :2])) for i in sparse.rest
    }
    assert links == expected


def test_many_landmarks_are_not_numbered():
    known = landmark_format("wflw-98")
    figure = affinity_on_shape(shape_of(known), matrix_of(known), 0)
    assert points_of(figure, 98)[0].mode == "markers"


def test_the_curve_shows_budgets_predefined_formats_and_the_choice():
    known = landmark_format("300w-inner-41")
    matrix = matrix_of(known)
    curve, choice = budget_curve(matrix, [3, 5, 9], ties=False), select(matrix, 5)
    figure = budget_figure(curve, predefined_scores(matrix), choice)
    line, predefined, ring = figure.data
    assert list(line.x) == [3, 5, 9]
    assert list(line.y) == list(curve.min_correlations)
    assert any(text.endswith("mafl-5") for text in predefined.text)
    assert predefined.x[list(predefined.customdata).index("mafl-5")] == 5
    assert (ring.x[0], ring.y[0]) == (5, choice.min_correlation)


def test_unproven_budgets_are_hollow():
    from dataclasses import replace

    curve = budget_curve(matrix_of(landmark_format("points-6")), [2, 3], ties=False)
    first = replace(curve.selections[0], proven=False, bound=0.99)
    figure = budget_figure(replace(curve, selections=(first, curve.selections[1])), {})
    assert list(figure.data[0].marker.symbol) == ["circle-open", "circle"]
    assert list(figure.data[0].customdata) == ["at most 0.9900", "proven"]
    assert len(figure.data) == 2


def test_a_score_of_a_predefined_format_can_be_the_choice():
    matrix = matrix_of(landmark_format("points-6"))
    figure = budget_figure(budget_curve(matrix, [2]), {}, score(matrix, [1, 2]))
    assert figure.data[2].x[0] == 2


@pytest.mark.parametrize("D", [2, 3])
def test_landmarks_are_as_large_and_dark_as_they_are_often_chosen(D):
    known = landmark_format("mafl-5")
    points = np.random.default_rng(2).normal(size=(30, 5, D))
    found = stability(points, 2, np.random.default_rng(0), resamples=9)
    found = dataclasses.replace(found, format=known)
    figure = frequency_on_shape(shape_of(known, D), found)
    every, rings = figure.data[-2:]
    np.testing.assert_array_equal(every.marker.color, found.frequency)
    assert (np.diff(np.array(every.marker.size)[np.argsort(found.frequency)]) >= 0).all()
    assert set(rings.customdata) == set(found.chosen)
    assert f"{found.frequency[3]:.0%}" in every.hovertext[3]


def test_sizes_tell_what_sets_are_worth_on_the_draw_and_on_all():
    points = np.random.default_rng(2).normal(size=(50, 6, 2))
    rows = how_many_shapes(points, 2, np.random.default_rng(0), resamples=4)
    figure = sizes_figure([{**rows[0], "draws": 0}, *rows[1:]], 0.5, "shapes")
    on_all, on_draw = figure.data
    assert list(on_all.x) == [row["subjects"] for row in rows[1:]]
    assert list(on_all.y) == [row["min_correlation"] for row in rows[1:]]
    own = np.array(on_draw.y) - np.array(on_all.y)
    np.testing.assert_allclose(own, [row["optimism"] for row in rows[1:]])
    assert list(figure.layout.xaxis.tickvals) == [20, 40, 50]
