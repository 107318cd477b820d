import numpy as np
import pytest

from datasets.dataset import LandmarkDataset
from datasets.figures import picture, shape_figure, tile
from datasets.formats import landmark_format
from datasets.images import write_image
from datasets.samples import sample_table
from datasets.shapes import ShapeSet, empty_shapes

FIVE = landmark_format("mafl-5")
POINTS = np.array([[40.0, 40], [60, 40], [50, 50], [42, 60], [58, 60]])


def marked(root, points=POINTS, codes=(2, 2, 1, 2, 2), **columns):
    write_image(root / "a.png", np.full((100, 200, 3), 90, np.uint8))
    points = np.array(points)
    points[np.array(codes) == 0] = np.nan
    shapes = ShapeSet(FIVE, points[np.newaxis], np.array([codes], np.uint8))
    return LandmarkDataset(shapes, sample_table(["a"], ["a.png"], **columns), root)


def brightest(image):
    """Middle (x, y) of the pixels that differ most from the grey picture."""
    different = np.abs(image.astype(int) - 90).sum(axis=2)
    rows, columns = np.nonzero(different > 0.6 * different.max())
    return columns.mean(), rows.mean()


def test_a_mark_in_a_small_picture_is_where_the_landmark_is(tmp_path):
    # the box is 40 px wide and 1.25 of it is shown in 100 px: twice as large
    box = {"box_x_min": [30], "box_y_min": [29.5], "box_x_max": [70], "box_y_max": [69.5]}
    dataset = marked(tmp_path, codes=(0, 0, 2, 0, 0), **box)
    image = tile(dataset, 0, size_px=100)
    assert image.shape == (100, 100, 3)
    # edges at x = 25 and y = 24.5, the landmark at (50, 50): twice (25, 25.5), less half a pixel
    assert brightest(image) == pytest.approx((49.5, 50.5), abs=0.1)


def test_a_shape_far_smaller_than_its_picture_is_shown_close(tmp_path):
    close = tile(marked(tmp_path), 0, size_px=90)  # 20 px of landmarks, 30 px shown: 3 times
    differing = np.abs(close.astype(int) - 90).sum(axis=2) > 100
    rows, columns = np.nonzero(differing)
    assert columns.max() - columns.min() == pytest.approx(60, abs=6)
    assert rows.max() - rows.min() == pytest.approx(60, abs=6)


def test_without_a_picture_the_landmarks_stand_on_grey_with_room_around(tmp_path):
    dataset = marked(tmp_path, points=POINTS - 500)  # wherever they are
    (tmp_path / "a.png").unlink()
    image, problem = picture(dataset, 0)
    assert image is None
    assert "there is no such picture" in problem
    small = tile(dataset, 0, size_px=90)  # 20 px of landmarks in 30 px: 3 times as large
    rows, columns = np.nonzero(np.abs(small.astype(int) - 96).sum(axis=2) > 100)
    assert (columns.min() + columns.max()) / 2 == pytest.approx(44.5, abs=1)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(44.5, abs=1)
    figure = shape_figure(dataset, 0)
    assert tuple(figure.layout.xaxis.range) == (-465, -435)
    assert not figure.layout.images


def test_a_shape_of_which_nothing_is_known_can_be_shown():
    dataset = LandmarkDataset(empty_shapes(FIVE, 1), sample_table(["a"]))
    assert tile(dataset, 0).shape == (160, 160, 3)
    assert not [trace for trace in shape_figure(dataset, 0).data if trace.mode == "markers"]


def test_the_large_figure_names_each_landmark_at_its_place(tmp_path):
    figure = shape_figure(marked(tmp_path, codes=(2, 2, 1, 0, 2)), 0)
    marks = {trace.name: trace for trace in figure.data if trace.mode == "markers"}
    assert set(marks) == {"visible", "occluded"}
    assert list(marks["visible"].text) == [f"{i} {FIVE.landmarks[i]}" for i in (0, 1, 4)]
    assert (marks["occluded"].x[0], marks["occluded"].y[0]) == (50, 50)
    assert tuple(figure.layout.xaxis.range) == (-0.5, 199.5)
    assert tuple(figure.layout.yaxis.range) == (99.5, -0.5)  # y points down
    assert figure.layout.images[0].sizex == 200


def test_contours_are_drawn_and_closed_where_the_format_says(tmp_path):
    face = landmark_format("300w-68")
    rng = np.random.default_rng(0)
    shapes = ShapeSet.from_points(rng.uniform(0, 50, (1, 68, 2)), face)
    figure = shape_figure(LandmarkDataset(shapes, sample_table(["a"]), tmp_path), 0)
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    assert len(lines) == len(face.contours)
    for line, contour in zip(lines, face.contours, strict=True):
        assert len(line.x) == len(contour.indices) + contour.closed
        assert (line.x[0] == line.x[-1]) == contour.closed


def test_large_pictures_are_sent_smaller(tmp_path):
    dataset = marked(tmp_path)
    rng = np.random.default_rng(0)
    write_image(tmp_path / "a.png", rng.integers(0, 255, (3000, 2000, 3), np.uint8))
    figure = shape_figure(dataset, 0)
    assert len(figure.layout.images[0].source) < 2_000_000
    assert figure.layout.images[0].sizey == 3000
