"""How far clicks scatter: units, files and what is wrong in them."""

import numpy as np
import pytest

from correlation.affinity import affinity
from correlation.clicks import noise_of, precision_of, read_noise, usual_noise
from correlation.error_selection import forecast_of, select_for_error
from correlation.residual_variance import least_variance
from datasets.errors import FileFormatError, SelectionError, ShapeMismatchError
from datasets.formats import landmark_format
from datasets.shape_model import ShapeModel
from datasets.shapes import ShapeSet

KNOWN = landmark_format("lfw-10")
M = len(KNOWN)


@pytest.fixture(scope="module")
def shapes():
    points = np.random.default_rng(3).normal(size=(60, M, 2)).cumsum(axis=1)
    return ShapeSet.from_points(100 * points, KNOWN)


def test_what_is_usual_is_what_the_shape_model_assumes(shapes):
    noise = noise_of(shapes, {})
    np.testing.assert_allclose(noise, usual_noise(shapes))
    np.testing.assert_allclose(precision_of(shapes, noise), ShapeModel.fit(shapes).noise)


def test_a_scatter_in_pixels_is_the_same_in_either_unit():
    points = np.random.default_rng(4).normal(size=(1, M, 2)) * 50
    span_px = np.linalg.norm(np.subtract(*points[0, list(KNOWN.spans[KNOWN.default_span])]))
    radius_px = np.sqrt(np.square(points[0] - points[0].mean(axis=0)).sum() / M)
    shapes = ShapeSet.from_points(np.concatenate([points, 3 * points + 7]), KNOWN)
    precision = precision_of(shapes, noise_of(shapes, {"3": 0.05}))
    assert precision[3] * radius_px == pytest.approx(0.05 * span_px)


def test_a_landmark_that_is_hard_to_find_is_not_chosen_and_errors_tell_so(shapes):
    matrix, forecast = affinity(shapes), forecast_of(shapes)
    usual = select_for_error(shapes, 3, affinity=matrix, noise=noise_of(shapes, {}))
    assert usual.sparse.chosen == select_for_error(shapes, 3, affinity=matrix).sparse.chosen
    hard = usual.sparse.chosen[1]
    noise = noise_of(shapes, {hard: 1.0})
    found = select_for_error(shapes, 3, affinity=matrix, forecast=forecast, noise=noise)
    assert hard not in found.sparse.chosen
    expected = least_variance(ShapeModel.fit(shapes), 3, precision=precision_of(shapes, noise))
    assert found.sparse.chosen == expected.chosen
    assert found.expected.nme == forecast.of(found.sparse.chosen, noise).nme
    assert found.expected.nme > forecast.of(found.sparse.chosen).nme


def test_a_file_tells_percent_of_landmarks_by_name_or_number(tmp_path):
    path = tmp_path / "precision.csv"
    path.write_text(f"landmark,percent\n{KNOWN.landmarks[2]},4.5\n\n7,0\n")
    assert read_noise(path, KNOWN) == {2: pytest.approx(0.045), 7: 0.0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"precision\.csv: the file is empty"),
        ("name,scatter\nx,1\n", r"precision\.csv:1: expected the columns landmark,percent, found"),
        ("landmark,percent\n0,1\nchin,2\n", r"precision\.csv:3: lfw-10 has no landmark 'chin'"),
        ("landmark,percent\n0,little\n", r"precision\.csv:2: expected a number, got 'little'"),
        (
            "landmark,percent\n0,-1\n",
            r"precision\.csv:2: a scatter must be 0 to 100 percent of the span, got -1",
        ),
        ("landmark,percent\n0,nan\n", r"precision\.csv:2: expected a number"),
        ("landmark,percent\n0,1,2\n", r"precision\.csv:2: expected 2 cells"),
        ("landmark,percent\n0,1\n0,2\n", r"precision\.csv:3: .* is told twice"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_its_line(tmp_path, text, message):
    path = tmp_path / "precision.csv"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=message):
        read_noise(path, KNOWN)


def test_scatters_that_cannot_be_are_refused(shapes):
    for value in (-0.1, 1.01, np.nan, np.inf):
        with pytest.raises(SelectionError, match="must be 0 to 100 % of the span"):
            noise_of(shapes, {0: value})
    with pytest.raises(SelectionError, match="no landmark"):
        noise_of(shapes, {"chin": 0.1})
    gaps = np.full((2, M, 2), np.nan)
    with pytest.raises(ShapeMismatchError, match="no shape has all"):
        usual_noise(ShapeSet.from_points(gaps, KNOWN))
