import dataclasses
import errno
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tomli_w

from datasets.dataset import LandmarkDataset, require_same_pictures
from datasets.errors import FileFormatError, ShapeMismatchError, UnknownNameError
from datasets.formats import landmark_format, read_toml
from datasets.images import write_image
from datasets.samples import BOX_COLUMNS, sample_table
from datasets.shapes import ShapeSet
from datasets.storage import HEADER_FILE, SHAPES_FILE, read_header


def small(N: int = 5, root: Path | None = None, D: int = 2) -> LandmarkDataset:
    points = np.random.default_rng(0).normal(50, 20, (N, 3, D))
    points[0, 1] = np.nan
    images = None if root is None else [f"pictures/{i}.png" for i in range(N)]
    samples = sample_table(
        [f"row {i} é漢" for i in range(N)],
        images,
        height_px=[None, *range(100, 99 + N)],
        width_px=[200] * N,
        box_x_min=[np.nan] + [1.5] * (N - 1),
        box_y_min=[2.0] * N,
        box_x_max=[30.0] * N,
        box_y_max=[40.0] * N,
        split=["train", "valid", "train", None, "valid"][:N],
        subject=["Ása", None, "Ása", "B", "C"][:N],
    )
    return LandmarkDataset(ShapeSet.from_points(points), samples, root)


def assert_same(a: LandmarkDataset, b: LandmarkDataset) -> None:
    assert a.format == b.format
    np.testing.assert_array_equal(a.shapes.points, b.shapes.points)
    np.testing.assert_array_equal(a.shapes.visibility, b.shapes.visibility)
    pd.testing.assert_frame_equal(a.samples, b.samples)
    assert a.root == b.root


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


def test_asking_for_a_picture_that_is_not_there_names_the_row():
    with pytest.raises(ShapeMismatchError, match="row 3 é漢 has no picture"):
        small().image_path(3)


def test_a_box_is_none_where_one_edge_is_unknown():
    dataset = small()
    assert dataset.box(0) is None
    assert dataset.box(1) == (1.5, 2.0, 30.0, 40.0)


def test_columns_that_are_not_given_are_missing():
    table = sample_table(["a", "b"])
    assert table["image"].tolist() == [None, None]
    assert table["width_px"].isna().all()
    assert np.isnan(table[list(BOX_COLUMNS)].to_numpy()).all()


def test_an_unknown_column_is_refused():
    with pytest.raises(UnknownNameError, match="'colour'"):
        sample_table(["a"], colour=["red"])


def test_the_table_must_fit_the_shapes():
    shapes = ShapeSet.from_points(np.zeros((2, 3, 2)))
    with pytest.raises(ShapeMismatchError, match="2 shapes, but 1 rows"):
        LandmarkDataset(shapes, sample_table(["a"]))
    with pytest.raises(ShapeMismatchError, match="'a' stands for more than one"):
        LandmarkDataset(shapes, sample_table(["a", "a"]))
    with pytest.raises(ShapeMismatchError, match="lacks the column 'split'"):
        LandmarkDataset(shapes, sample_table(["a", "b"]).drop(columns="split"))


def test_a_split_has_its_rows_and_an_unknown_one_is_refused():
    dataset = small()
    assert dataset.splits == ("train", "valid")
    assert dataset.split("train").samples["subject"].tolist() == ["Ása", "Ása"]
    with pytest.raises(UnknownNameError, match="'test'; splits are: train, valid"):
        dataset.split("test")


def test_where_there_are_no_splits_the_error_says_how_to_make_them():
    shapes = ShapeSet.from_points(np.zeros((2, 1, 2)))
    dataset = LandmarkDataset(shapes, sample_table(["a", "b"]))
    with pytest.raises(UnknownNameError, match=r"has no splits; `fewmark convert --hold-out 0\.2`"):
        dataset.split("train")
    assert len(dataset.held_out(0.2, np.random.default_rng(0)).split("train")) == 1


def test_holding_out_replaces_the_splits_and_leaves_the_rest():
    before = small()
    after = before.held_out(0.4, np.random.default_rng(0))
    assert set(after.splits) == {"train", "valid"}
    assert after.samples["split"].notna().all()
    pd.testing.assert_frame_equal(
        after.samples.drop(columns="split"), before.samples.drop(columns="split")
    )
    assert before.samples["split"].isna().any()  # what was handed in is not changed


def test_shapes_without_subjects_are_held_out_one_by_one():
    shapes = ShapeSet.from_points(np.zeros((10, 1, 2)))
    dataset = LandmarkDataset(shapes, sample_table([str(i) for i in range(10)]))
    after = dataset.held_out(0.3, np.random.default_rng(1))
    assert len(after.split("valid")) == 3
    assert len(after.split("train")) == 7


@pytest.mark.parametrize("share", [0.0, 1.0, -0.2, 1.5, float("nan")])
def test_a_share_to_hold_out_lies_between_0_and_1(share):
    with pytest.raises(ShapeMismatchError, match="between 0 and 1"):
        small().held_out(share, np.random.default_rng(0))


@pytest.mark.parametrize("N", [0, 1, 3])
def test_one_subject_cannot_be_held_out_of_itself(N):
    shapes = ShapeSet.from_points(np.zeros((N, 1, 2)))
    samples = sample_table([str(i) for i in range(N)], subject=["Ann"] * N)
    with pytest.raises(ShapeMismatchError, match=rf"two subjects or shapes, found .* in {N} shap"):
        LandmarkDataset(shapes, samples).held_out(0.2, np.random.default_rng(0))


def test_a_smaller_draw_is_part_of_a_larger_one():
    N = 200
    dataset = LandmarkDataset(
        ShapeSet.from_points(np.zeros((N, 3, 2))), sample_table([str(i) for i in range(N)])
    )

    def names(share: float, seed: int = 7) -> list[str]:
        return dataset.draw(share, np.random.default_rng(seed)).samples["shape_id"].tolist()

    assert names(0.1) == names(0.1)
    assert names(0.1) != names(0.1, seed=8)
    assert len(names(0.1)) == 20
    assert set(names(0.1)) < set(names(0.25)) < set(names(1.0))
    assert names(0.25) == sorted(names(0.25), key=int)
    assert len(names(0.001)) == 1


@pytest.mark.parametrize("share", [0, -0.1, 1.1, float("nan")])
def test_a_share_outside_0_to_1_is_refused(share):
    with pytest.raises(ShapeMismatchError, match="share"):
        small().draw(share, np.random.default_rng(0))


def test_chunks_are_the_shapes_in_parts():
    parts = list(small(5).chunks(2))
    assert [len(part) for part in parts] == [2, 2, 1]
    whole = np.concatenate([part.points for part in parts])
    np.testing.assert_array_equal(whole, small(5).shapes.points)


def named(names: list[str], points: np.ndarray, **rest) -> LandmarkDataset:
    return LandmarkDataset(ShapeSet.from_points(points), sample_table(names, **rest), None)


def test_joining_fills_gaps_of_the_same_shape_and_appends_the_others():
    ours = np.arange(12.0).reshape(2, 3, 2)
    ours[1, 2] = np.nan
    theirs = 100 + np.arange(18.0).reshape(3, 3, 2)
    theirs[0, 0] = np.nan
    joined = named(["a", "b"], ours).joined(named(["b", "c", "d"], theirs))
    assert joined.samples["shape_id"].tolist() == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(joined.shapes.points[0], ours[0])
    np.testing.assert_array_equal(joined.shapes.points[1, :2], ours[1, :2])
    np.testing.assert_array_equal(joined.shapes.points[1, 2], theirs[0, 2])
    np.testing.assert_array_equal(joined.shapes.points[2:], theirs[1:])


def test_a_gap_in_both_stays_a_gap():
    points = np.full((1, 3, 2), np.nan)
    joined = named(["a"], points).joined(named(["a"], points))
    assert not joined.shapes.present.any()


def test_joined_data_sets_find_the_pictures_of_both(tmp_path):
    def part(folder: str, name: str) -> LandmarkDataset:
        samples = sample_table([name], [f"{name}.png"])
        return LandmarkDataset(
            ShapeSet.from_points(np.zeros((1, 3, 2))), samples, tmp_path / folder
        )

    joined = part("x/one", "a").joined(part("two", "b"))
    assert joined.image_path(0) == tmp_path / "x/one/a.png"
    assert joined.image_path(1) == tmp_path / "two/b.png"
    same = part("one", "a").joined(part("one", "b"))
    assert same.samples["image"].tolist() == ["a.png", "b.png"]


def test_joining_with_a_set_without_pictures_keeps_ours(tmp_path):
    points = np.zeros((1, 3, 2))
    bare = named(["b"], points)
    ours = LandmarkDataset(ShapeSet.from_points(points), sample_table(["a"], ["a.png"]), tmp_path)
    assert ours.joined(bare).image_path(0) == tmp_path / "a.png"
    assert bare.joined(ours).image_path(1) == tmp_path / "a.png"


def test_joining_different_formats_is_refused():
    with pytest.raises(ShapeMismatchError, match="cannot join points-3 with points-4"):
        named(["a"], np.zeros((1, 3, 2))).joined(named(["a"], np.zeros((1, 4, 2))))


def test_joining_different_dimensions_is_refused():
    with pytest.raises(ShapeMismatchError, match="2 dimensions with 3"):
        named(["a"], np.zeros((1, 3, 2))).joined(named(["b"], np.zeros((1, 3, 3))))


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


@pytest.mark.parametrize("size", [0, -1, 1.5, np.inf, 1e30])
def test_a_size_is_a_whole_number_of_pixels(size):
    with pytest.raises(ShapeMismatchError, match="width_px: expected a whole number"):
        sample_table(["a"], width_px=[size])


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


def pictured(folder, name, value, **more):
    """One shape of a small picture."""
    folder.mkdir(parents=True, exist_ok=True)
    write_image(folder / f"{name}.png", np.full((8, 8, 3), value, np.uint8))
    shapes = ShapeSet.from_points(np.array([[[1.0, 2.0], [3.0, 4.0]]]))
    return LandmarkDataset(shapes, sample_table([name], [f"{name}.png"]), folder, **more)


def test_rows_of_one_name_that_show_other_pictures_are_not_joined(tmp_path):
    ours, theirs = pictured(tmp_path / "a", "0001", 10), pictured(tmp_path / "b", "0001", 200)
    with pytest.raises(ShapeMismatchError, match=r"'0001' is another picture .*a.0001.*b.0001"):
        ours.joined(theirs)
    both = ours.joined(theirs.prefixed("b-"))
    assert both.samples["shape_id"].tolist() == ["0001", "b-0001"]
    require_same_pictures(ours, pictured(tmp_path / "c", "0001", 10))  # a copy
    assert len(ours.joined(pictured(tmp_path / "c", "0001", 10))) == 1
    (tmp_path / "b" / "0001.png").unlink()
    assert len(ours.joined(theirs)) == 1  # what is not there cannot be told apart


def test_what_a_model_placed_stays_marked_as_such(tmp_path):
    truth = pictured(tmp_path / "a", "0001", 10)
    inferred = pictured(tmp_path / "a", "0001", 10, inferred=True)
    assert not truth.inferred
    assert inferred.take([0]).with_shapes(truth.shapes).inferred
    assert truth.joined(inferred).inferred
    assert LandmarkDataset.load(inferred.save(tmp_path / "set")).inferred
    assert read_header(tmp_path / "set").inferred
    header = read_toml(tmp_path / "set" / HEADER_FILE)
    header["fewmark"]["inferred"] = 1
    (tmp_path / "set" / HEADER_FILE).write_text(tomli_w.dumps(header))
    with pytest.raises(FileFormatError, match="expected true or false, got 1"):
        read_header(tmp_path / "set")


@pytest.mark.parametrize("column", ["shape_id", "image", "split", "subject"])
@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\0b", "\x1b[1m", "a\x7f", "\x85", "a\udc80"])
def test_a_text_with_characters_that_no_file_type_keeps_is_refused(column, text):
    columns = {"shape_ids": ["x", "y"], column: ["good", text]}
    columns["shape_ids"] = columns.pop("shape_id", columns["shape_ids"])
    columns["images"] = columns.pop("image", None)
    with pytest.raises(ShapeMismatchError, match=rf"{column} of row 1: .*control characters"):
        sample_table(**columns)


@pytest.mark.parametrize("image", ["/etc/a.png", "../a.png", "a/../../b.png"])
def test_a_picture_outside_its_folder_is_refused(image):
    with pytest.raises(ShapeMismatchError, match=r"picture .* lies outside its folder"):
        sample_table(["a"], [image])


def test_a_folder_that_names_a_picture_outside_is_refused(folder):
    images = pa.array(["/etc/passwd"] + [None] * 4, pa.string())
    edited_shapes(folder, lambda table: replaced(table, "image", images))
    assert "'/etc/passwd' lies outside its folder" in refused(folder)


@pytest.mark.parametrize(
    ("box", "problem"),
    [
        ((1, 2, np.inf, 4), "box_x_max is inf"),
        ((-1e300, 2, 3, 4), "box_x_min is -1e+300"),
        ((3, 2, 1, 4), "box_x_min 3 is not below box_x_max 1"),
        ((1, 4, 3, 4), "box_y_min 4 is not below box_y_max 4"),
        ((np.nan, 4, 3, 2), "box_y_min 4 is not below box_y_max 2"),
    ],
)
def test_a_box_that_cannot_be_is_refused_with_its_row(box, problem):
    boxes = np.array([(0, 0, 9, 9), (np.nan,) * 4, box], dtype=float)
    with pytest.raises(ShapeMismatchError) as caught:
        sample_table(["a", "b", "c"], **dict(zip(BOX_COLUMNS, boxes.T, strict=True)))
    assert str(caught.value).startswith("row 2 ('c'): ")
    assert problem in str(caught.value)


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
