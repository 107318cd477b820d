import logging

import numpy as np
import pandas as pd
import pytest

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError
from datasets.formats import landmark_format
from datasets.images import write_image
from datasets.io.registry import read, write
from datasets.io.writing import write_table
from datasets.samples import sample_table
from datasets.shapes import ShapeSet

TWO = landmark_format("points-2")
CSV = "image,identity,split,x0,y0,x1,y1\na.jpg,Ann,train,1,2,3,4.5\nb.jpg,,valid,5,6,,\n"
HRNET = (
    "image_name,scale,center_w,center_h,original_0_x,original_0_y,original_1_x,original_1_y\n"
    "a.jpg,0.5,51,61,11,21,91,101\n"
)
WFLW = "1 2 3 4.5 a.jpg\n5 6 7 8 1 2 9 10 0 1 0 1 0 1 d/b.jpg\n"


def write_text(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def assert_refused(path, place, problem, **options):
    with pytest.raises(FileFormatError) as caught:
        read(path, **options)
    assert str(caught.value).startswith(f"{path}{place}: ")
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_plain_csv_gives_subject_split_and_absent_landmarks(tmp_path):
    dataset = read(write_text(tmp_path / "t.csv", CSV))
    expected = [[[1, 2], [3, 4.5]], [[5, 6], [np.nan, np.nan]]]
    np.testing.assert_array_equal(dataset.shapes.points, expected)
    assert list(dataset.samples["shape_id"]) == ["a", "b"]
    assert list(dataset.samples["subject"]) == ["Ann", None]
    assert dataset.splits == ("train", "valid")
    assert dataset.format.name == "points-2"
    assert dataset.root is None


def test_a_csv_may_have_a_third_coordinate_and_visibility(tmp_path):
    text = "x0,y0,z0,v0\n1,2,3,1\n,,,0\n"
    shapes = read(write_text(tmp_path / "t.csv", text)).shapes
    np.testing.assert_array_equal(shapes.points, [[[1, 2, 3]], [[np.nan] * 3]])
    np.testing.assert_array_equal(shapes.visibility, [[1], [0]])


def test_repeated_pictures_give_numbered_shapes(tmp_path):
    text = "image,x0,y0\na.jpg,1,2\na.jpg,3,4\na.jpg,5,6\n"
    dataset = read(write_text(tmp_path / "t.csv", text))
    assert list(dataset.samples["shape_id"]) == ["a", "a#2", "a#3"]


def test_columns_that_are_not_read_are_named(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        read(write_text(tmp_path / "t.csv", "x0,y0,colour\n1,2,red\n"))
    assert "not read: colour" in caplog.text


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("", "", "the file is empty"),
        ("\n\n", "", "the file is empty"),
        ("image,x0,y0\n", "", "there is no row below the header"),
        ("image,x0,x1,y1\na,1,2,3\n", ":1", "the column 'y0' is missing"),
        ("x0,y0,x2,y2\n1,2,3,4\n", ":1", "the column 'x2' comes after a gap at number 1"),
        ("x0,y0,x1,y1,z1\n1,2,3,4,5\n", ":1", "the column 'z1' is there, but not 'z0'"),
        ("x0,y0,x0\n1,2,3\n", ":1", "the column 'x0' is named twice"),
        ("identity,subject,x0,y0\na,b,1,2\n", ":1", "'identity' and 'subject' mean the same"),
        (CSV.replace("4.5", "4.5,9"), ":2", "expected 7 cells as in the header, found 8"),
        (CSV.replace("4.5", "much"), ":2", "expected a number, got 'much'"),
        (CSV.replace("4.5", "nan"), ":2", "expected a number, got 'nan'"),
        (CSV.replace("4.5", "-inf"), ":2", "expected a number, got '-inf'"),
        (CSV.replace("4.5", "1e10"), ":2", "expected a number within 1,000,000,000, got '1e10'"),
        (CSV.replace("4.5", ""), ":2", "y1 is empty, but not every coordinate of its landmark"),
        ("x0,y0,v0\n1,2,3\n", ":2", "v0: expected 0 (absent), 1 (occluded) or 2 (visible)"),
        ("x0,y0,v0\n1,2,0\n", ":2", "v0 is 0, but the coordinates of its landmark are not empty"),
        ("x0,y0,v0\n1,2,2\n,,1\n", ":3", "v0 is 1, but the coordinates of its landmark are empty"),
        ("shape_id,x0,y0\na,1,2\na,3,4\n", ":3", "the shape_id 'a' stands in line 2 already"),
        ("shape_id,x0,y0\n,1,2\n", ":2", "the shape_id is empty"),
        ("height_px,x0,y0\n1.5,1,2\n", "", "height_px: expected a whole number of pixels"),
        ("box_x_min,x0,y0\nwide,1,2\n", ":2", "expected a number, got 'wide'"),
        ("image,x0,y0\n../a.jpg,1,2\n", None, "the picture '../a.jpg' lies outside its folder"),
        ("image,x0,y0\n/etc/a.jpg,1,2\n", None, "lies outside its folder"),
        ('x0,y0\n"1,2\n', ":2", "not a row of a csv"),
        (b"x0,y0\n\x00\n", ":2", "null bytes"),
        (b"x0,y0\n\xff\xfe\n", "", "not a text file in UTF-8"),
        ("x0,y0\n" + "1" * 1_000_001, ":2", "more than 1000000 characters"),
        ("name,colour\nx,red\n", "", "cannot tell the type of this file; give one of fewmark"),
    ],
)
def test_every_broken_cell_of_a_csv_is_named_with_its_line(tmp_path, text, place, problem):
    path = write_text(tmp_path / "t.csv", text)
    if place is None:
        with pytest.raises(FileFormatError, match=r"lies outside its folder"):
            read(path)
        return
    assert_refused(path, place, problem)


def test_a_csv_must_fit_the_format_asked_for(tmp_path):
    path = write_text(tmp_path / "t.csv", CSV)
    assert_refused(path, ":1", "expected 5 landmarks (mafl-5), found 2", landmark_format="mafl-5")


def test_pictures_beside_the_file_or_in_its_images_folder_are_found(tmp_path):
    path = write_text(tmp_path / "t.csv", CSV)
    (tmp_path / "images").mkdir()
    for name in ("a.jpg", "b.jpg"):
        write_image(tmp_path / "images" / name, np.zeros((4, 4, 3), np.uint8))
    assert read(path).root == tmp_path / "images"


def test_some_pictures_missing_is_an_error_that_counts_them(tmp_path):
    path = write_text(tmp_path / "t.csv", CSV)
    write_image(tmp_path / "a.jpg", np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(FileFormatError, match=r"b\.jpg: there is no such picture \(1 of 2 are mi"):
        read(path)
    with pytest.raises(FileFormatError, match="there is no such folder of pictures"):
        read(path, images=tmp_path / "nowhere")


def test_the_table_of_hrnet_gives_pixels_pictures_and_boxes(tmp_path):
    dataset = read(write_text(tmp_path / "t.csv", HRNET), landmark_format=TWO)
    np.testing.assert_array_equal(dataset.shapes.points, [[[10, 20], [90, 100]]])
    assert dataset.box(0) == (0.0, 10.0, 100.0, 110.0)
    assert dataset.samples["image"][0] == "a.jpg"


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        (HRNET.replace("scale", "size"), ":1", "the column 'scale' is missing"),
        (HRNET.replace("1_x", "7_x"), ":1", "the column 'original_1_x' is missing"),
        (HRNET.splitlines()[0] + "\n", "", "there is no row below the header"),
        (HRNET.replace("101", "a lot"), ":2", "expected a number, got 'a lot'"),
        (HRNET.replace("101", ""), ":2", "expected a number, got ''"),
        (HRNET.replace(",101", ""), ":2", "expected 8 cells as in the header, found 7"),
    ],
)
def test_every_broken_cell_of_hrnets_table_is_named(tmp_path, text, place, problem):
    path = write_text(tmp_path / "t.csv", text)
    assert_refused(path, place, problem, landmark_format=TWO)


def test_hrnets_table_is_300w_68_unless_told(tmp_path):
    path = write_text(tmp_path / "t.csv", HRNET)
    assert_refused(path, ":1", "expected 68 landmarks (300w-68), found 2")
    assert_refused(
        write_text(tmp_path / "u.csv", "image_name\na\n"),
        ":1",
        "the column 'scale' is missing",
        file_type="300w-csv",
    )


def test_a_wflw_list_may_have_boxes_and_attributes(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        dataset = read(write_text(tmp_path / "l.txt", WFLW), landmark_format=TWO)
    np.testing.assert_array_equal(dataset.shapes.points, [[[1, 2], [3, 4.5]], [[5, 6], [7, 8]]])
    assert dataset.box(0) is None
    assert dataset.box(1) == (1.0, 2.0, 9.0, 10.0)
    assert list(dataset.samples["shape_id"]) == ["a", "d/b"]
    assert "not read: pose, expression" in caplog.text


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("", "", "the file is empty"),
        ("1 2 3 a.jpg\n", ":1", "found 4 values"),
        (WFLW + "1 2 3 4 5 a.jpg\n", ":3", "expected 4 coordinates (points-2), optionally 10"),
        (WFLW.replace("4.5", "four"), ":1", "expected a number, got 'four'"),
        (WFLW.replace("4.5", "inf"), ":1", "expected a number, got 'inf'"),
        (b"\x00\x01\x02", ":1", "null bytes"),
    ],
)
def test_every_broken_value_of_a_wflw_list_is_named(tmp_path, text, place, problem):
    path = write_text(tmp_path / "l.txt", text)
    assert_refused(path, place, problem, landmark_format=TWO)


def marked(image="a.jpg", points=((1.0, 2.0), (3.0, 4.0))):
    shapes = ShapeSet.from_points([points])
    return LandmarkDataset(shapes, sample_table(["a"], [image]))


@pytest.mark.parametrize(
    ("dataset", "file_type", "problem"),
    [
        (marked(image=None), "300w-csv", "names a picture for every shape, and 'a' has none"),
        (marked(image=None), "wflw", "names a picture for every shape"),
        (marked(image="a,b.jpg"), "300w-csv", "has a comma or quote"),
        (marked(image="a b.jpg"), "wflw", "has a space"),
        (marked(points=((1, 2), (np.nan, np.nan))), "wflw", "cannot tell absent landmarks"),
        (marked(points=((1, 2), (np.nan, np.nan))), "300w-csv", "cannot tell absent landmarks"),
        (marked(points=((1, 2, 3), (4, 5, 6))), "wflw", "holds 2 coordinates"),
    ],
)
def test_what_a_type_cannot_hold_is_refused_and_nothing_written(
    tmp_path, dataset, file_type, problem
):
    with pytest.raises(FileFormatError, match=problem):
        write(dataset, tmp_path / "out", file_type)
    assert not list(tmp_path.iterdir())


def test_a_face_without_a_box_gets_that_of_its_landmarks_in_hrnets_table(tmp_path):
    write(marked(points=((9.5, 19.5), (109.5, 59.5))), tmp_path / "t.csv", "300w-csv")
    cells = (tmp_path / "t.csv").read_text().splitlines()[1].split(",")
    # counted from 1: x 10.5..110.5, y 20.5..60.5, so 10..111 and 20..61
    assert [float(cell) for cell in cells[1:4]] == [101 / 200, 60.5, 40.5]


def test_names_with_commas_and_quotes_survive_a_csv(tmp_path):
    dataset = LandmarkDataset(
        ShapeSet.from_points([[[1.0, 2.0]]]), sample_table(['the "a", b'], subject=["Ann, B."])
    )
    write(dataset, tmp_path / "t.csv")
    again = read(tmp_path / "t.csv")
    assert again.samples["shape_id"][0] == 'the "a", b'
    assert again.samples["subject"][0] == "Ann, B."


@pytest.mark.parametrize("column", ["shape_id", "image", "split", "subject"])
def test_a_csv_refuses_names_with_spaces_around_that_it_would_not_read_back(tmp_path, column):
    columns = {"shape_id": ["x", "y"], column: ["good", " a"]}
    ids, images = columns.pop("shape_id"), columns.pop("image", None)
    dataset = LandmarkDataset(
        ShapeSet.from_points(np.ones((2, 2, 2))), sample_table(ids, images, **columns)
    )
    with pytest.raises(FileFormatError, match=f"{column} ' a' has spaces around it"):
        write(dataset, tmp_path / "t.csv")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("scale", ["-1", "0", "1e300"])
def test_a_box_of_hrnet_that_cannot_be_is_refused(tmp_path, scale):
    path = write_text(tmp_path / "t.csv", HRNET.replace("0.5", scale))
    with pytest.raises(FileFormatError, match=r"t\.csv"):
        read(path, landmark_format=TWO)


def test_one_landmark_has_a_box_in_the_table_of_hrnet(tmp_path):
    points = ShapeSet.from_points(np.full((1, 1, 2), 5.0))
    write(LandmarkDataset(points, sample_table(["a"], ["a.jpg"])), tmp_path / "t.csv", "300w-csv")
    again = read(tmp_path / "t.csv", landmark_format="points-1")
    assert again.box(0) == (4.5, 4.5, 5.5, 5.5)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("image;x0;y0\na;1;2\n", "its columns are parted by ';', expected ','"),
        ("image\tx0\ty0\na\t1\t2\n", r"its columns are parted by '\t', expected ','"),
        ("image,X0,Y0\na,1,2\n", "its columns are named 'X0', expected 'x0'"),
        ("image,x_0,y_0\na,1,2\n", "told by columns x0, y0, x1, ... (or HRNet's original_0_x)"),
    ],
)
def test_a_csv_that_is_nearly_one_says_what_is_expected(tmp_path, text, hint):
    with pytest.raises(FileFormatError) as caught:
        read(write_text(tmp_path / "t.csv", text))
    assert "cannot tell the type of this file" in str(caught.value)
    assert hint in str(caught.value)


def test_convention_no_cell_of_a_csv_is_a_formula_and_all_texts_come_back(tmp_path):
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "'=x", "''-x", "'x", "x=1", '=HYPERLINK("//b.c")']
    points = np.ones((len(texts), 2, 2))
    samples = sample_table(texts, subject=texts, split=texts)
    write(LandmarkDataset(ShapeSet.from_points(points, TWO), samples), tmp_path / "t.csv", "csv")
    lines = (tmp_path / "t.csv").read_text().splitlines()[1:]
    for line in lines:
        assert not {cell.strip('"')[0] for cell in line.split(",")} & set("=+-@\t")
    read_back = read(tmp_path / "t.csv").samples
    for column in ("shape_id", "subject", "split"):
        assert list(read_back[column]) == texts


def test_convention_no_cell_of_the_csv_of_300w_is_a_formula_and_all_names_come_back(tmp_path):
    names = ["=1+1.png", "+1.png", "-1.png", "@a.png", "'=x.png", "a=b.png"]
    points = np.ones((len(names), 2, 2))
    dataset = LandmarkDataset(
        ShapeSet.from_points(points, TWO), sample_table([f"s{i}" for i in range(6)], names)
    )
    write(dataset, tmp_path / "t.csv", "300w-csv")
    lines = (tmp_path / "t.csv").read_text().splitlines()[1:]
    assert not {line[0] for line in lines} & set("=+-@\t")
    assert list(read(tmp_path / "t.csv", landmark_format=TWO).samples["image"]) == names


def test_no_cell_of_a_written_table_is_a_formula_and_numbers_stay_numbers(tmp_path):
    table = pd.DataFrame({"=a": ["=1+1", "b", None], "number": [-1.5, 2, np.nan]})
    write_table(tmp_path / "t.csv", table)
    assert (tmp_path / "t.csv").read_text() == "'=a,number\n'=1+1,-1.5\nb,2.0\n,\n"
