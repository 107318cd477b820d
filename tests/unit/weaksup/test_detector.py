"""The detector of OpenCV itself, run on a network as small as its decoder allows."""

import cv2
import numpy as np
import pytest

from datasets.errors import FileFormatError
from datasets.images import Image
from weaksup.detector import FaceDetector

onnx = pytest.importorskip("onnx")


def tiny_yunet(path, side):
    """Every 32 px cell that is white is a face of 64 px around the cell's left upper corner."""
    from onnx import TensorProto, helper, numpy_helper

    def constant(name, values):
        return numpy_helper.from_array(np.asarray(values), name)

    nodes, outputs = [], []
    tensors = [
        constant("grey", np.full((1, 3, 1, 1), 1 / 765, np.float32)),
        constant("none", np.zeros((1, 3, 1, 1), np.float32)),
        constant("limit", np.float32(0.9)),
    ]
    for stride in (8, 16, 32):
        for kind, channels in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            name = f"{kind}_{stride}"
            sees = kind in ("cls", "obj") and stride == 32
            weight = "grey" if sees else "none"
            bias = np.log(2.0) if kind == "bbox" else 0.0
            tensors += [
                constant(f"{name}_bias", np.full((1, 1, channels), [0, 0, bias, bias]
                         if kind == "bbox" else 0.0, np.float32)),
                constant(f"{name}_shape", np.array([1, -1, 1], np.int64)),
            ]  # fmt: skip
            nodes += [
                helper.make_node(
                    "AveragePool", ["input"], [f"{name}_pool"],
                    kernel_shape=[stride] * 2, strides=[stride] * 2,
                ),
                helper.make_node("Conv", [f"{name}_pool", weight], [f"{name}_conv"]),
                helper.make_node("Reshape", [f"{name}_conv", f"{name}_shape"], [f"{name}_flat"]),
                helper.make_node("Add", [f"{name}_flat", f"{name}_bias"], [name]),
            ]  # fmt: skip
            cells = None if side is None else (side // stride) ** 2
            outputs.append(
                helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, cells, channels])
            )
    sides = ["H", "W"] if side is None else [side, side]
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, *sides])]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)
    return path


def picture(*corners, size=(128, 192)) -> Image:
    """Black, with white cells of 32 px at these (x, y)."""
    image = np.zeros((*size, 3), np.uint8)
    for x, y in corners:
        image[y : y + 32, x : x + 32] = 255
    return image


@pytest.fixture(params=[None, 640], ids=["any size", "one size"])
def model(tmp_path, request):
    return tiny_yunet(tmp_path / "tiny.onnx", request.param)


def test_every_face_has_a_box_in_our_pixels(model):
    found = FaceDetector(model).boxes(picture((32, 64), (128, 0)))
    expected = [(-0.5, 31.5, 63.5, 95.5), (95.5, -32.5, 159.5, 31.5)]
    assert np.allclose(sorted(found), expected, atol=1e-3)


def test_none_found_is_an_empty_list_and_sizes_may_change(model):
    detector = FaceDetector(model)
    assert detector.boxes(picture()) == []
    assert len(detector.boxes(picture((32, 64), size=(100, 80)))) == 1
    assert detector.boxes(picture(size=(31, 640))) == []


def test_boxes_of_a_large_picture_are_in_its_own_pixels(model):
    small = picture((320, 96), size=(256, 640))
    large = small.repeat(3, axis=0).repeat(3, axis=1)
    found = FaceDetector(model).boxes(large)
    one = np.array(FaceDetector(model).boxes(small))
    assert np.allclose(found, (one + 0.5) * 3 - 0.5, atol=1e-2)


def test_what_is_no_detector_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match="there is no such model"):
        FaceDetector(tmp_path / "gone.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(FileFormatError, match="not a model that OpenCV's FaceDetectorYN can run"):
        FaceDetector(tmp_path / "text.onnx")
    assert cv2.FaceDetectorYN
