import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from annotate.cli import main
from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError, TrainingError
from datasets.images import cut, frame_of, read_image, write_image
from datasets.samples import sample_table
from datasets.shapes import empty_shapes
from weaksup import export as module
from weaksup.boxed_network import BoxedNetwork
from weaksup.export import export
from weaksup.inference import infer, load_network
from weaksup.run_folder import RunFolder

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def exported(trained, data, tmp_path_factory):
    return export(trained, tmp_path_factory.mktemp("onnx") / "spots.onnx", data.valid)


def session(path):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def found_by(path, image, boxes):
    return session(path).run(None, {"image": image, "boxes": np.asarray(boxes, np.float32)})[0]


def large_picture():
    """Smooth and larger than a crop, so that pixels are averaged."""
    rng = np.random.default_rng(5)
    return rng.integers(0, 256, (9, 13, 3)).astype(np.uint8).repeat(23, 0).repeat(17, 1)


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_any_number_of_boxes_gives_what_torch_gives(exported, trained, count):
    image, rng = large_picture(), np.random.default_rng(count)
    low = rng.uniform(-20, 90, (count, 2))
    boxes = np.hstack([low, low + rng.uniform(10, 200, (count, 2))]).astype(np.float32)
    config = trained.config
    model = BoxedNetwork(load_network(trained), config.image_size_px, config.margin)
    found = found_by(exported.path, image, boxes)
    assert found.shape == (count, 5, 2)
    if count:
        with torch.inference_mode():
            expected = model(torch.from_numpy(image), torch.from_numpy(boxes)).numpy()
        assert np.abs(found - expected).max() < 1e-3
        alone = found_by(exported.path, image, boxes[-1:])
        assert np.abs(found[-1:] - alone).max() < 1e-3


def test_the_file_finds_what_infer_finds_with_and_without_a_box(exported, trained, data, tmp_path):
    write_image(tmp_path / "large.png", large_picture())
    edges = {"box_x_min": 31.5, "box_y_min": -12.0, "box_x_max": 190.25, "box_y_max": 99.0}
    columns = {name: [edge, np.nan] for name, edge in edges.items()}
    samples = sample_table(["boxed", "whole"], ["large.png"] * 2, **columns)
    dataset = LandmarkDataset(empty_shapes(data.sparse.dense, 2), samples, tmp_path)
    expected = infer(trained, dataset).shapes.points
    found = found_by(exported.path, large_picture(), [[*edges.values()], [np.nan] * 4])
    sides = np.array([158.75 * trained.config.margin, 13 * 17])
    assert (np.abs(found - expected).max(axis=(1, 2)) / sides).max() < 5e-3


@pytest.mark.parametrize("side", [20.0, 32.0, 50.0, 130.5])
def test_squares_are_cut_as_by_the_library_up_to_grey_levels(trained, side):
    """Also across the edge, where the picture fades to black."""
    seen = []
    network = load_network(trained)
    network.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    image = large_picture()
    box = (-9.3, 4.2, side - 9.3, side + 4.2)
    with torch.inference_mode():
        BoxedNetwork(network, 32, 1.0)(torch.from_numpy(image), torch.tensor([box]))
    found = (seen[0][0] * 63.75 + 127.5).permute(1, 2, 0).numpy()
    expected = cut(image, frame_of(box, *image.shape[:2]), 32)
    assert np.abs(found - expected).max() < 8  # OpenCV samples at whole 32nds of a pixel
    assert np.abs(found - expected).mean() < 0.7


def test_the_file_says_what_its_landmarks_and_boxes_are(exported, trained, data):
    known = session(exported.path).get_modelmeta().custom_metadata_map
    assert tuple(json.loads(known["landmarks"])) == data.sparse.dense.landmarks
    assert json.loads(known["sparse"]) == list(data.sparse.names)
    assert known["landmark_format"] == "spots-5"
    assert float(known["margin"]) == trained.config.margin
    assert known["size_px"] == "32"
    assert known["normaliser"] == "width"
    assert "top-left pixel is (0, 0)" in known["convention"]
    assert known["fewmark_version"]
    assert known["card"] == (trained.path / "card.md").read_text(encoding="utf-8")


def test_a_file_that_differs_from_the_network_is_not_left(
    trained, data, tmp_path, monkeypatch, exported
):
    assert exported.off_px < 1e-3
    before = module._write

    def write_other(model, path, metadata):
        model.network.main.bias.data += 0.01
        before(model, path, metadata)
        model.network.main.bias.data -= 0.01

    monkeypatch.setattr(module, "_write", write_other)
    (tmp_path / "old.onnx").write_text("old")
    with pytest.raises(TrainingError, match=r"old\.onnx is not written: its landmarks are off"):
        export(trained, tmp_path / "old.onnx", data.valid)
    assert (tmp_path / "old.onnx").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_run_from_python_is_tried_on_noise(trained, tmp_path):
    assert export(trained, tmp_path / "a.onnx").off_px < 1e-3


def test_a_run_whose_pictures_are_gone_is_tried_on_noise(trained, data, tmp_path, monkeypatch):
    run = RunFolder(shutil.copytree(trained.path, tmp_path / "run"))
    shutil.copytree(data.images.root, tmp_path / "pictures")
    replace(data.images, root=tmp_path / "pictures").save(tmp_path / "data")
    sources = f'data = ["{(tmp_path / "data").as_posix()}"]\n'
    (run.path / "sources.toml").write_text(sources, encoding="utf-8")
    tried = []
    looked_at = module._tries
    monkeypatch.setattr(module, "_tries", lambda found: tried.append(found) or looked_at(found))
    export(run, tmp_path / "a.onnx")
    shutil.rmtree(tmp_path / "pictures")
    assert export(run, tmp_path / "b.onnx").off_px < 1e-3
    assert [found is None for found in tried] == [False, True]


def test_the_command_writes_the_file_and_tells_how_it_was_tried(trained, tmp_path, capsys):
    main(["onnx", str(trained.path), str(tmp_path / "net.onnx"), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["tried_with_boxes"] == [1, 2, 5]
    assert told["off_px"] < 1e-3
    assert (tmp_path / "net.onnx").is_file()
    for arguments, message in (
        ([trained.path, tmp_path / "net.onnx"], "exists already; --force"),
        ([trained.path, tmp_path / "net.pt"], "ends in .onnx"),
        ([tmp_path, tmp_path / "b.onnx"], "no training run"),
    ):
        with pytest.raises(SystemExit):
            main(["onnx", *map(str, arguments)])
        assert message in capsys.readouterr().err


def test_without_the_extra_it_is_told_how_to_install_it(trained, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(FewmarkError, match=r"pip install 'fewmark\[onnx\]'"):
        export(trained, tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


def test_one_session_serves_pictures_of_any_size(exported, data):
    one = session(exported.path)
    for row in (0, 1):
        image = read_image(data.valid.image_path(row))[: 32 - row]
        found = one.run(None, {"image": image, "boxes": np.full((1, 4), np.nan, np.float32)})[0]
        assert np.isfinite(found).all()


def test_the_example_of_the_documentation_runs(exported, data, tmp_path, monkeypatch):
    text = (Path(__file__).parents[3] / "docs" / "inference.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    shutil.copy(exported.path, tmp_path / "first.onnx")
    shutil.copy(data.valid.image_path(0), tmp_path / "picture.png")
    monkeypatch.chdir(tmp_path)
    known = {}
    exec(example, known)
    assert known["landmarks"].shape == (1, 5, 2)
    assert tuple(known["names"]) == data.sparse.dense.landmarks
