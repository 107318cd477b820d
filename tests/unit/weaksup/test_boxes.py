import numpy as np
import pytest

from datasets.dataset import LandmarkDataset
from datasets.errors import FileFormatError, ShapeMismatchError
from datasets.samples import sample_table
from datasets.shapes import empty_shapes
from weaksup import inference
from weaksup.boxes import detected, read_boxes, require_known, with_boxes
from weaksup.inference import infer

HEADER = "image,x_min,y_min,x_max,y_max\n"


def written(tmp_path, text):
    path = tmp_path / "boxes.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_row_is_a_box_and_a_picture_may_have_several(tmp_path):
    path = written(tmp_path, "score," + HEADER + "1,a/x.png,-0.5,1,10,20.5\n1,b.png,0,0,1,1\n"
                   "1,a/x.png,3,4,5,6\n")  # fmt: skip
    assert read_boxes(path) == {
        "a/x.png": [(-0.5, 1.0, 10.0, 20.5), (3.0, 4.0, 5.0, 6.0)],
        "b.png": [(0.0, 0.0, 1.0, 1.0)],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,x,y,w,h\n", r"boxes\.csv:1: .*'x_min' is missing"),
        (HEADER, r"boxes\.csv: there is no box"),
        (HEADER + "a.png,0,0,9,9\na.png,0,0,?,9\n", r"boxes\.csv:3: expected a number, got '\?'"),
        (HEADER + "a.png,0,0,9,9\na.png,9,0,3,9\n", r"boxes\.csv:3: expected x and y to grow"),
        (HEADER + "a.png,0,0,9\n", r"boxes\.csv:2: expected 5 cells"),
    ],
)
def test_what_is_no_box_is_told_by_its_line(tmp_path, text, message):
    with pytest.raises(FileFormatError, match=message):
        read_boxes(written(tmp_path, text))


def test_boxes_of_pictures_that_are_not_there_are_refused(tmp_path):
    boxes = {"a.png": [(0.0, 0.0, 1.0, 1.0)], "z.png": [(0.0, 0.0, 1.0, 1.0)]}
    require_known(boxes, ["a.png", "z.png", "more.png"], tmp_path / "boxes.csv")
    with pytest.raises(FileFormatError, match=r"boxes\.csv: 'z\.png' .*1 of 2"):
        require_known(boxes, ["a.png"], tmp_path / "boxes.csv")


def test_every_box_becomes_a_shape_and_pictures_without_one_are_told(data):
    pictures = data.valid.take([0, 1, 2])
    first, second, third = pictures.samples["image"]
    boxes = {third: [(1.0, 2.0, 20.0, 30.0)], first: [(0.0, 0.0, 9.0, 9.0), (5.0, 6.0, 31.0, 29.0)]}
    boxed = with_boxes(pictures, boxes)
    names = [pictures.samples["shape_id"].iloc[row] for row in (0, 2)]
    assert list(boxed.dataset.samples["shape_id"]) == [names[0], f"{names[0]}#2", names[1]]
    assert [boxed.dataset.box(row) for row in range(3)] == [*boxes[first], *boxes[third]]
    assert boxed.without == (second,)
    with pytest.raises(ShapeMismatchError, match="no box in any of the 3 pictures"):
        with_boxes(pictures, {})


def test_a_picture_of_several_shapes_is_detected_in_and_read_once(data, trained, monkeypatch):
    name = str(data.valid.samples["image"].iloc[0])
    samples = sample_table(["a", "b", "c"], [name] * 3)
    three = LandmarkDataset(empty_shapes(data.sparse.dense, 3), samples, data.valid.root)
    seen = []
    boxes = detected(three, lambda image: seen.append(image) or [(0.0, 0.0, 31.0, 31.0)] * 2)
    assert len(seen) == 1
    assert len(with_boxes(three, boxes).dataset) == 2

    read, before = [], inference.read_image
    monkeypatch.setattr(inference, "read_image", lambda path: read.append(path) or before(path))
    found = infer(trained, three).shapes.points
    assert len(read) == 1
    assert np.array_equal(found[0], found[2])
