import numpy as np
import pandas as pd
import pytest
import tomli_w

from datasets.dataset import LandmarkDataset, require_same_pictures
from datasets.errors import FileFormatError, ShapeMismatchError, UnknownNameError
from datasets.formats import read_toml
from datasets.images import write_image
from datasets.samples import BOX_COLUMNS, sample_table
from datasets.shapes import ShapeSet
from datasets.storage import HEADER_FILE, read_header
from tests.unit.datasets.small_dataset import small


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


@pytest.mark.parametrize("size", [0, -1, 1.5, np.inf, 1e30])
def test_a_size_is_a_whole_number_of_pixels(size):
    with pytest.raises(ShapeMismatchError, match="width_px: expected a whole number"):
        sample_table(["a"], width_px=[size])


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
