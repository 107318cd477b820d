"""Affinity matrices: what they check, and the files they are kept in."""

import io
import json
import zipfile

import numpy as np
import pytest

from correlation.affinity import affinity
from correlation.matrix import AffinityMatrix
from datasets.errors import FewmarkError, FileFormatError, ShapeMismatchError
from datasets.formats import landmark_format
from datasets.shapes import ShapeSet


def shapes_of(known, N):
    points = np.random.default_rng(0).normal(size=(N, len(known), 2))
    return ShapeSet.from_points(points, known)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((2, 3)), "square"),
        (np.ones((0, 0)), "square"),
        ([[1, 0.5], [0.4, 1]], "symmetric"),
        ([[1, 2], [2, 1]], r"\[0, 1\]"),
        ([[1, np.nan], [np.nan, 1]], r"\[0, 1\]"),
        ([[0.5, 0.5], [0.5, 1]], "ones on the diagonal"),
    ],
)
def test_what_is_no_affinity_matrix_is_refused(values, message):
    with pytest.raises(ShapeMismatchError, match=message):
        AffinityMatrix.from_values(values)


def test_a_matrix_of_another_size_than_its_format_is_refused():
    with pytest.raises(ShapeMismatchError, match=r"\(5, 5\)"):
        AffinityMatrix(landmark_format("mafl-5"), np.eye(4))


def test_rounding_errors_of_a_given_matrix_are_taken_away():
    noisy = np.array([[1 - 1e-12, 1 + 1e-12, -1e-12], [1.0, 1, 0], [0, 0, 1]])
    found = AffinityMatrix.from_values(noisy)
    np.testing.assert_array_equal(found.values, [[1, 1, 0], [1, 1, 0], [0, 0, 1]])
    assert found.n_shapes is None
    np.testing.assert_array_equal(found.distance, 1 - found.values)
    assert found.mean == pytest.approx(1 / 3)
    assert np.isnan(AffinityMatrix.from_values([[1.0]]).mean)


def test_saved_and_loaded_matrices_are_equal(tmp_path):
    known = landmark_format("mafl-5")
    matrix = affinity(shapes_of(known, 4))
    for one in (matrix, AffinityMatrix.from_values(matrix.values)):
        one.save(tmp_path / "sub" / "a.npz")
        loaded = AffinityMatrix.load(tmp_path / "sub" / "a.npz")
        np.testing.assert_array_equal(loaded.values, one.values)
        assert loaded.format.landmarks == one.format.landmarks
        assert loaded.format.contours == one.format.contours
        assert (loaded.n_shapes, loaded.alignment, loaded.method, loaded.cautions) == (
            one.n_shapes,
            one.alignment,
            one.method,
            one.cautions,
        )


def test_json_keeps_everything_under_documented_keys(tmp_path):
    matrix = affinity(shapes_of(landmark_format("mafl-5"), 4))
    matrix.save_json(tmp_path / "new" / "a.json")
    text = (tmp_path / "new" / "a.json").read_text()
    table = json.loads(text)
    assert set(table) == {"format", "n_shapes", "alignment", "method", "cautions", "values"}
    assert table["format"]["landmarks"] == list(matrix.format.landmarks)
    np.testing.assert_array_equal(table["values"], matrix.values)
    again = AffinityMatrix.from_json(text)
    assert again.format == matrix.format
    np.testing.assert_array_equal(again.values, matrix.values)
    for name in ("n_shapes", "alignment", "method", "cautions"):
        assert getattr(again, name) == getattr(matrix, name)
    assert again.cautions


def test_json_without_what_is_known_of_the_shapes_is_enough():
    text = '{"format": {"name": "two", "landmarks": ["a", "b"]}, "values": [[1, 0.5], [0.5, 1]]}'
    found = AffinityMatrix.from_json(text)
    assert found.n_shapes is found.alignment is None
    assert found.values[0, 1] == 0.5
    assert AffinityMatrix.from_json(found.json()).format == found.format


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"format": {"name": "two", "landmarks": ["a", "b"]}}',
        '{"format": {"name": "two", "landmarks": ["a", "b"]}, "values": [[1, 0], [1]]}',
        '{"format": {"name": "two", "landmarks": ["a", "b"]}, "values": [[1, "x"], [0, 1]]}',
        '{"format": {"name": "two", "landmarks": ["a", "b"]}, "values": [[1, 2], [2, 1]]}',
        '{"format": 3, "values": [[1]]}',
        '{"format": {"name": "one", "landmarks": ["a"]}, "values": [[1]], "n_shapes": -5}',
        '{"format": {"name": "one", "landmarks": ["a"]}, "values": [[1]], "n_shapes": 1e400}',
        '{"format": {"name": "one", "landmarks": ["a"]}, "values": [[1]], "alignment": 7}',
        '{"format": {"name": "one", "landmarks": ["a"]}, "values": [[1]], "cautions": "abc"}',
        '{"format": {"name": "one", "landmarks": ["a"]}, "values": [[1' + "0" * 400 + "]]}",
    ],
)
def test_json_of_something_else_is_refused(text):
    with pytest.raises(ShapeMismatchError, match="not affinities in JSON: "):
        AffinityMatrix.from_json(text)


def test_the_csv_table_has_names_and_all_digits(tmp_path):
    matrix = affinity(shapes_of(landmark_format("mafl-5"), 50))
    matrix.save_csv(tmp_path / "new" / "a.csv")
    lines = (tmp_path / "new" / "a.csv").read_text().splitlines()
    assert lines[0].split(",") == ["landmark", *matrix.format.landmarks]
    assert [line.split(",")[0] for line in lines[1:]] == list(matrix.format.landmarks)
    values = [[float(v) for v in line.split(",")[1:]] for line in lines[1:]]
    np.testing.assert_array_equal(values, matrix.values)


def test_files_that_hold_something_else_are_refused(tmp_path):
    with pytest.raises(FileFormatError, match=r"none\.npz: there is no such file"):
        AffinityMatrix.load(tmp_path / "none.npz")
    text = tmp_path / "text.npz"
    text.write_text("hello")
    array = tmp_path / "array.npz"
    np.savez(array, points=np.zeros(3))
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, n_shapes=np.array([{}], dtype=object))
    half = tmp_path / "half.npz"
    half.write_bytes(array.read_bytes()[:60])
    empty = tmp_path / "empty.npz"
    empty.write_bytes(b"")
    plain = tmp_path / "plain.npz"
    with plain.open("wb") as file:
        np.save(file, np.eye(3))
    for path in (text, array, pickled, half, empty, plain):
        with pytest.raises(FewmarkError, match="not an affinity file"):
            AffinityMatrix.load(path)


def archive_with(path, values):
    """An affinity file whose values are these bytes."""
    AffinityMatrix.from_values(np.eye(3)).save(path)
    with np.load(path) as stored:
        rest = {name: stored[name] for name in stored.files if name != "values"}
    np.savez(path, **rest)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("values.npy", values)
    return path


def header_of(shape):
    buffer = io.BytesIO()
    fields = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_2_0(buffer, fields)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (b"\0" * (300 * 2**20), r"it would swell from 0\.3 to 300\.0 MiB, as no landmarks do"),
        (header_of((2**24, 2**24)) + b"\0" * 80, "not an affinity file: "),
        (header_of((2**17, 2**16)) + b"\0" * 80, "not an affinity file: "),
        (b"\x93NUMPY\x02\x00" + (20_000).to_bytes(4, "little") + b" " * 20_000, "no array"),
    ],
    ids=["swells", "claims-2-PiB", "claims-64-GiB", "long-header"],
)
def test_hostile_archives_are_refused_in_one_line_that_names_them(tmp_path, values, problem):
    path = archive_with(tmp_path / "a.npz", values)
    with pytest.raises(FileFormatError, match=problem) as caught:
        AffinityMatrix.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1
