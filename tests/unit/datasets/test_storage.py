"""Data sets on disk: what is saved is loaded, and broken folders are refused by their fault."""

import dataclasses
import errno
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tomli_w

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError
from datasets.formats import landmark_format, read_toml
from datasets.shapes import ShapeSet
from datasets.storage import HEADER_FILE, SHAPES_FILE, read_header
from tests.unit.datasets.small_dataset import assert_same, small


@pytest.mark.parametrize("D", [2, 3])
def test_a_data_set_survives_its_folder(tmp_path, D):
    before = small(root=tmp_path / "elsewhere", D=D)
    assert_same(LandmarkDataset.load(before.save(tmp_path / "out" / "set")), before)


def test_a_data_set_without_pictures_survives_its_folder(tmp_path):
    before = small()
    after = LandmarkDataset.load(before.save(tmp_path / "set"))
    assert_same(after, before)
    assert after.root is None


def test_no_shapes_survive_their_folder(tmp_path):
    before = small().take([])
    assert len(LandmarkDataset.load(before.save(tmp_path / "set"))) == 0


def test_saving_again_replaces_and_leaves_nothing_behind(tmp_path):
    small(5).save(tmp_path)
    small(2).save(tmp_path)
    assert len(LandmarkDataset.load(tmp_path)) == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == [HEADER_FILE, SHAPES_FILE]


def test_pictures_are_found_when_set_and_pictures_move_together(tmp_path):
    small(root=tmp_path / "a" / "pics").save(tmp_path / "a" / "set")
    (tmp_path / "a").rename(tmp_path / "b")
    after = LandmarkDataset.load(tmp_path / "b" / "set")
    assert after.image_path(1) == tmp_path / "b" / "pics" / "pictures" / "1.png"


def test_occluded_landmarks_stay_occluded_on_disk(tmp_path):
    before = small()
    seen = before.shapes.visibility.copy()
    seen[1, 1] = 1
    marked = before.with_shapes(ShapeSet(before.format, before.shapes.points, seen))
    assert LandmarkDataset.load(marked.save(tmp_path)).shapes.visibility[1, 1] == 1


@pytest.fixture
def folder(tmp_path) -> Path:
    return small(root=tmp_path / "pics").save(tmp_path / "set")


def edited_header(folder: Path, edit) -> None:
    table = read_toml(folder / HEADER_FILE)
    edit(table)
    (folder / HEADER_FILE).write_text(tomli_w.dumps(table), "utf-8")


def edited_shapes(folder: Path, edit) -> None:
    pq.write_table(edit(pq.read_table(folder / SHAPES_FILE)), folder / SHAPES_FILE)


def refused(folder: Path) -> str:
    with pytest.raises(FileFormatError) as caught:
        LandmarkDataset.load(folder)
    return str(caught.value)


def test_a_folder_that_is_no_data_set_is_refused(tmp_path):
    assert "there is no dataset.toml in it" in refused(tmp_path)
    assert "there is no dataset.toml in it" in refused(tmp_path / "missing")


def test_a_header_that_is_not_toml_is_refused(folder):
    (folder / HEADER_FILE).write_text("[[", "utf-8")
    assert "not a TOML file" in refused(folder)


def test_an_unknown_version_is_refused(folder):
    edited_header(folder, lambda t: t["fewmark"].update(version=2))
    assert "dataset.toml:version: expected 1, got 2" in refused(folder)


@pytest.mark.parametrize(
    ("table", "field"),
    [(None, "fewmark"), (None, "format"), ("fewmark", "dimensions"), ("format", "landmarks")],
)
def test_a_missing_header_field_is_named(folder, table, field):
    edited_header(folder, lambda t: (t[table] if table else t).pop(field))
    assert f"dataset.toml:{field}: this field is missing" in refused(folder)


@pytest.mark.parametrize("value", ["two", 4, 0, [2]])
def test_wrong_dimensions_are_refused(folder, value):
    edited_header(folder, lambda t: t["fewmark"].update(dimensions=value))
    assert "dataset.toml:dimensions" in refused(folder)


@pytest.mark.parametrize(("table", "value"), [("fewmark", 3), ("format", "300w-68")])
def test_a_header_table_that_is_none_is_refused(folder, table, value):
    edited_header(folder, lambda t: t.update({table: value}))
    assert "dataset.toml" in refused(folder)


def test_a_header_format_that_contradicts_itself_is_refused(folder):
    edited_header(folder, lambda t: t["format"].update(mirror=[0, 0, 0]))
    assert "dataset.toml:format" in refused(folder)


def test_a_missing_or_truncated_table_is_refused(folder):
    path = folder / SHAPES_FILE
    path.write_bytes(path.read_bytes()[:-100])
    assert "shapes.parquet: not a readable Parquet file" in refused(folder)
    path.write_bytes(b"")
    assert "not a readable Parquet file" in refused(folder)
    path.unlink()
    assert "not a readable Parquet file" in refused(folder)


@pytest.mark.parametrize("column", ["points", "visibility", "shape_id", "image"])
def test_a_missing_column_is_named(folder, column):
    edited_shapes(folder, lambda t: t.drop_columns([column]))
    assert f"the column '{column}' is missing" in refused(folder)


@pytest.mark.parametrize("column", ["split", "subject", "width_px", "box_x_min"])
def test_other_columns_may_be_missing(folder, column):
    edited_shapes(folder, lambda t: t.drop_columns([column]))
    assert LandmarkDataset.load(folder).samples[column].isna().all()


def test_a_wrong_number_of_points_is_refused(folder):
    edited_header(folder, lambda t: t.update(format={"name": "x", "landmarks": ["a", "b"]}))
    assert "points: expected 4 values a row, found 6" in refused(folder)


def replaced(table: pa.Table, column: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(column), column, values)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("points", pa.array([1.0] * 5)),
        ("points", pa.array([["a"] * 6] * 5)),
        ("points", pa.array([None] * 5, pa.list_(pa.float64()))),
        ("visibility", pa.array([[2, 2, 7]] * 5)),
        ("visibility", pa.array([["x"] * 3] * 5)),
        ("visibility", pa.array([[2, 2, 2]] * 5)),
        ("shape_id", pa.array(["same"] * 5)),
        ("width_px", pa.array(["wide"] * 5)),
        ("box_x_min", pa.array(["left"] * 5)),
        ("width_px", pa.array([1.5] * 5)),
    ],
)
def test_a_column_of_wrong_values_is_refused(folder, column, values):
    edited_shapes(folder, lambda t: replaced(t, column, values))
    assert "shapes.parquet" in refused(folder)


def test_the_header_alone_can_be_read(folder, tmp_path):
    assert read_header(folder) == (landmark_format("points-3"), 2, tmp_path / "pics", False)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("points", [[1.0] * 6] * 3 + [[1.0] * 5, [1.0] * 7], "expected 6 values a row, found 5"),
        ("points", [[True] * 6] * 5, "expected lists of numbers"),
        ("visibility", [[258] * 3] * 5, "visibility: expected 0, 1 or 2"),
        ("visibility", [[1.5] * 3] * 5, "visibility: expected 0, 1 or 2"),
        ("subject", [["a"]] * 5, "subject: expected texts"),
        ("shape_id", ["a", None, "b", "c", "d"], "shape_id: missing in 1 rows"),
        ("height_px", [-4] * 5, "height_px: expected a whole number of pixels"),
    ],
)
def test_a_column_of_other_things_is_refused(tmp_path, column, values, message):
    path = small().save(tmp_path / "d") / SHAPES_FILE
    table = pq.read_table(path)
    place = table.column_names.index(column)
    pq.write_table(table.set_column(place, column, pa.array(values)), path)
    with pytest.raises(FileFormatError, match=message):
        LandmarkDataset.load(tmp_path / "d")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mirror", ["x", 1, 2]),
        ("mirror", [float("inf"), 1, 2]),
        ("spans", {"a": [0, 1, 2]}),
        ("components", [{"name": "a", "indices": [0.5]}]),
        ("maps", {"other": "abc"}),
    ],
)
def test_a_format_of_wrong_values_is_refused_with_the_file(tmp_path, field, value):
    path = small().save(tmp_path / "d") / HEADER_FILE
    header = read_toml(path)
    header["format"][field] = value
    path.write_text(tomli_w.dumps(header))
    with pytest.raises(FileFormatError, match=r"dataset\.toml:format"):
        read_header(tmp_path / "d")


def test_a_save_that_fails_leaves_the_old_data_set(tmp_path, monkeypatch):
    old = small(3)
    old.save(tmp_path / "d")

    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tomli_w, "dumps", full)
    with pytest.raises(FileFormatError, match="No space left"):
        small(5).save(tmp_path / "d")
    monkeypatch.undo()
    assert_same(LandmarkDataset.load(tmp_path / "d"), old)
    assert len(list((tmp_path / "d").iterdir())) == 2


def test_a_folder_that_names_a_picture_outside_is_refused(folder):
    images = pa.array(["/etc/passwd"] + [None] * 4, pa.string())
    edited_shapes(folder, lambda table: replaced(table, "image", images))
    assert "'/etc/passwd' lies outside its folder" in refused(folder)


def test_a_folder_written_half_by_one_save_and_half_by_another_is_refused(folder, tmp_path):
    other = small()
    renamed = landmark_format("points-3")
    renamed = dataclasses.replace(renamed, landmarks=("a", "b", "c"))
    shapes = ShapeSet(renamed, other.shapes.points, other.shapes.visibility)
    LandmarkDataset(shapes, other.samples).save(tmp_path / "other")
    (tmp_path / "other" / SHAPES_FILE).replace(folder / SHAPES_FILE)
    assert "were not written together" in refused(folder)


def test_a_folder_whose_header_a_person_changed_is_loaded(folder):
    def edit(header):
        header["format"]["landmarks"] = ["a", "b", "c"]

    edited_header(folder, edit)
    assert LandmarkDataset.load(folder).format.landmarks == ("a", "b", "c")


def test_a_folder_of_before_fingerprints_is_loaded(folder):
    edited_header(folder, lambda header: header["fewmark"].pop("fingerprint"))
    edited_shapes(folder, lambda table: table.replace_schema_metadata(None))
    assert len(LandmarkDataset.load(folder)) == 5


def test_a_place_whose_name_is_not_utf_8_can_be_written_and_read(tmp_path):
    dataset = small()
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    dataset.save(folder)
    assert_same(LandmarkDataset.load(folder), dataset)


@pytest.mark.parametrize("value", [5, True, ["a"]])
def test_a_picture_folder_that_is_no_text_is_refused(folder, value):
    edited_header(folder, lambda header: header["fewmark"].update(images=value))
    assert f"images: expected a text, got {value!r}" in refused(folder)
