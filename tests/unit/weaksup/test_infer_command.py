import json

import numpy as np
import pytest

from annotate.cli import main
from datasets.dataset import LandmarkDataset
from datasets.images import read_image, write_image
from weaksup import detector
from weaksup.inference import infer


@pytest.fixture
def call(trained, tmp_path, capsys):
    """What the command tells and writes, or its refusal."""

    def call(source, *options):
        main(["infer", str(trained.path), str(source), str(tmp_path / "out"), "--force", "--json",
              *map(str, options)])  # fmt: skip
        out, err = capsys.readouterr()
        return json.loads(out), LandmarkDataset.load(tmp_path / "out"), err

    return call


def test_a_single_picture_is_a_data_set_of_one(call, data, trained):
    told, found, _ = call(data.valid.image_path(3))
    expected = infer(trained, data.valid.take([3])).shapes.points
    assert told["shapes"] == 1
    assert np.allclose(found.shapes.points, expected, atol=1e-4)
    assert found.image_path(0).samefile(data.valid.image_path(3))


def test_boxes_from_a_csv_are_where_the_network_looks(call, data, trained, tmp_path):
    margin = trained.config.margin
    half = 16 / margin  # the square is then the whole picture of 32 px
    low, high = 15.5 - half, 15.5 + half
    boxes = tmp_path / "boxes.csv"
    boxes.write_text(
        f"image,x_min,y_min,x_max,y_max\nb001.png,{low},{low},{high},{high}\n"
        f"b000.png,{low},{low},{high},{high}\nb000.png,2,2,9,9\n"
    )
    told, found, err = call(data.valid.root, "--boxes", boxes)
    assert (told["shapes"], told["without_box"]) == (3, 22)
    assert "22 pictures have no box and are left out, such as b002.png" in err
    assert list(found.samples["shape_id"]) == ["b000", "b000#2", "b001"]
    whole = infer(trained, data.valid.take([0, 1])).shapes.points
    assert np.allclose(found.shapes.points[[0, 2]], whole, atol=1e-3)
    assert not np.allclose(found.shapes.points[1], whole[0], atol=1)


def test_boxes_of_another_split_are_passed_over(call, data, tmp_path):
    samples = data.valid.samples.copy()
    samples["split"] = ["mine", "other"] * 12
    LandmarkDataset(data.valid.shapes, samples, data.valid.root).save(tmp_path / "split")
    boxes = tmp_path / "boxes.csv"
    rows = [f"b{row:03}.png,2,2,29,29\n" for row in range(24)]
    boxes.write_text("image,x_min,y_min,x_max,y_max\n" + "".join(rows))
    told, found, _ = call(tmp_path / "split", "--boxes", boxes, "--split", "other")
    assert told["shapes"] == 12
    assert list(found.samples["shape_id"])[:2] == ["b001", "b003"]


class TwoFaces:
    """Stands for the detector: finds two faces in bright pictures, none in dark ones."""

    def __init__(self, path):
        assert path.name == "model.onnx"

    def boxes(self, image):
        return [(0.0, 0.0, 20.0, 20.0), (9.0, 9.0, 31.0, 31.0)] if image.mean() > 1 else []


def test_detected_faces_are_shapes_and_pictures_without_a_face_are_told(
    call, data, tmp_path, monkeypatch
):
    monkeypatch.setattr(detector, "FaceDetector", TwoFaces)
    folder = tmp_path / "mixed"
    folder.mkdir()
    write_image(folder / "bright.png", read_image(data.valid.image_path(0)))
    write_image(folder / "dark.png", np.zeros((32, 32, 3), np.uint8))
    told, found, err = call(folder, "--detector", tmp_path / "model.onnx")
    assert (told["shapes"], told["without_box"]) == (2, 1)
    assert list(found.samples["shape_id"]) == ["bright", "bright#2"]
    assert found.box(1) == (9.0, 9.0, 31.0, 31.0)
    assert "1 picture has no box and is left out, such as dark.png" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--boxes", "a.csv", "--detector", "b.onnx"], "not both"),
        (["--every", "2"], "--every is about the frames of a video"),
        (["--detector", "b.onnx"], "there is no such model"),
        (["--boxes", "a.csv"], "a.csv: cannot be read"),
        (["--every", "0"], "--every"),
    ],
)
def test_what_does_not_fit_is_refused(call, data, options, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        call(data.valid.root, *options)
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
