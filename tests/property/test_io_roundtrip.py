"""What is written is read again: to the precision of each type, whatever the values."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError
from datasets.formats import landmark_format
from datasets.io.registry import file_type, read, write
from datasets.samples import BOX_COLUMNS, sample_table
from datasets.shapes import ShapeSet

numbers = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: value + 0.0)
sizes = st.floats(1e-3, 1e6)
names = st.text("abcXYZ019-_ .,'\"é#", min_size=1, max_size=8).map(lambda text: f"n{text}n")
unknown_or_name = st.none() | names


@st.composite
def data_sets(draw, dimensions=(2, 3)):
    N, M = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    D = draw(st.sampled_from(dimensions))
    values = draw(st.lists(numbers, min_size=N * M * D, max_size=N * M * D))
    codes = draw(st.lists(st.sampled_from([0, 1, 2]), min_size=N * M, max_size=N * M))
    visibility = np.array(codes, np.uint8).reshape(N, M)
    points = np.array(values).reshape(N, M, D)
    points[visibility == 0] = np.nan
    low = [draw(st.lists(numbers | st.just(np.nan), min_size=N, max_size=N)) for _ in range(2)]
    sides = [draw(st.lists(sizes | st.just(np.nan), min_size=N, max_size=N)) for _ in range(2)]
    boxes = [*low, *(np.add(edge, side) for edge, side in zip(low, sides, strict=True))]
    texts = st.lists(unknown_or_name, min_size=N, max_size=N)
    samples = sample_table(
        draw(st.lists(names, min_size=N, max_size=N, unique=True)),
        draw(texts),
        split=draw(texts),
        subject=draw(texts),
        height_px=draw(st.lists(st.none() | st.integers(1, 9999), min_size=N, max_size=N)),
        **dict(zip(BOX_COLUMNS, boxes, strict=True)),
    )
    return LandmarkDataset(ShapeSet(landmark_format(f"points-{M}"), points, visibility), samples)


def written_and_read(dataset, type_name, file="out"):
    with tempfile.TemporaryDirectory() as folder:
        write(dataset, Path(folder) / file, type_name)
        return read(Path(folder) / file, type_name, landmark_format=dataset.format)


@pytest.mark.parametrize("type_name", ["fewmark", "npz", "csv"])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_our_own_types_keep_everything_exactly(type_name, data):
    dataset = data.draw(data_sets())
    again = written_and_read(dataset, type_name)
    np.testing.assert_array_equal(again.shapes.points, dataset.shapes.points)
    np.testing.assert_array_equal(again.shapes.visibility, dataset.shapes.visibility)
    assert again.samples.equals(dataset.samples)
    assert again.format == dataset.format


@pytest.mark.parametrize("type_name", ["pts", "300w-csv", "wflw"])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_the_types_of_others_keep_places_to_a_millionth_of_a_pixel(type_name, data):
    dataset = data.draw(data_sets(dimensions=(2,)))
    filled = np.nan_to_num(dataset.shapes.points)
    shapes = ShapeSet.from_points(filled, dataset.format)
    ids = [f"d/{i}" for i in range(len(dataset))]
    samples = sample_table(ids, [f"{name}.png" for name in ids])
    plain = LandmarkDataset(shapes, samples)
    again = written_and_read(plain, type_name)
    np.testing.assert_allclose(again.shapes.points, filled, rtol=0, atol=6e-7)
    np.testing.assert_array_equal(again.shapes.visibility, shapes.visibility)
    assert list(again.samples["shape_id"]) == ids
    if "pictures" in file_type(type_name).keeps:
        assert list(again.samples["image"]) == list(samples["image"])


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_merl_rav_keeps_visibility_of_landmarks_inside_the_picture(data):
    dataset = data.draw(data_sets(dimensions=(2,)))
    inside = ShapeSet(
        dataset.format, np.abs(dataset.shapes.points) + 0.01, dataset.shapes.visibility
    )
    samples = sample_table([str(i) for i in range(len(dataset))])
    again = written_and_read(LandmarkDataset(inside, samples), "merl-rav-pts")
    np.testing.assert_allclose(again.shapes.points, inside.points, rtol=0, atol=6e-7)
    np.testing.assert_array_equal(again.shapes.visibility, inside.visibility)


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=300), suffix=st.sampled_from([".pts", ".csv", ".txt", ".npz"]))
def test_no_content_of_a_file_leads_to_anything_but_a_clear_error(content, suffix):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{suffix}"
        path.write_bytes(content)
        problem = ""
        try:
            read(path)
        except FileFormatError as error:
            problem = str(error)
        assert not problem or problem.startswith(str(path))
        assert "\n" not in problem
