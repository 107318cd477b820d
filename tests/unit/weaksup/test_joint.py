import dataclasses

import numpy as np
import pytest

from datasets.dataset import LandmarkDataset
from datasets.errors import TrainingError
from datasets.formats import SparseFormat, landmark_format
from datasets.shapes import ShapeSet
from weaksup.checkpoints import read_checkpoint
from weaksup.presets import preset
from weaksup.run_state import FINISHED
from weaksup.samples import TrainingData, mirror_of
from weaksup.training import train


def config(**stage_values):
    joint = preset("joint")
    (stage,) = joint.stages
    stage = dataclasses.replace(stage, **stage_values)
    return joint.changed(
        stages=(stage,), image_size_px=32, width=0.125, threads=1, checkpoint_every_s=0.0,
        rotation_deg=5.0, scaling=0.05, shift=0.06,
    )  # fmt: skip


def weights(run):
    return {k: v.numpy() for k, v in read_checkpoint(run)["learner"]["network"].items()}


def test_joint_learns_all_landmarks_from_mixed_batches_and_mirrored_crops(data, tmp_path):
    run = train(config(), tmp_path / "run", data)
    state, nme = run.state(), run.metrics()["valid_nme"].iloc[-1]
    assert (state.status, state.warnings) == (FINISHED, ())
    assert nme < 0.6 * state.facts["mean_shape_nme"]


def test_a_joint_run_that_stops_goes_on_as_if_it_had_not(data, tmp_path):
    whole = train(config(epochs=4), tmp_path / "a", data)
    asked = iter(range(1000))
    train(config(epochs=4), tmp_path / "b", data, stop=lambda: next(asked) > 48 + 6)
    resumed = train(config(epochs=4), tmp_path / "b", data, resume=True)
    assert resumed.metrics()["loss"].tolist() == whole.metrics()["loss"].tolist()
    for name, values in weights(whole).items():
        np.testing.assert_array_equal(weights(resumed)[name], values)


def test_without_mirrored_landmarks_joint_mirrors_nothing_and_says_so(data, tmp_path):
    plain = dataclasses.replace(data.sparse.dense, name="plain", mirror=tuple(range(5)))

    def renamed(dataset):
        shapes = ShapeSet(plain, dataset.shapes.points, dataset.shapes.visibility)
        return LandmarkDataset(shapes, dataset.samples, dataset.root)

    sparse = dataclasses.replace(data.sparse, dense=plain)
    other = TrainingData(renamed(data.images), sparse, None)
    mirrored = train(config(epochs=2), tmp_path / "a", other)
    never = train(config(epochs=2, mirror=False), tmp_path / "b", other)
    (told,) = [text for text in mirrored.state().warnings if "mirrors no picture" in text]
    assert "plain has no mirrored landmarks" in told
    assert mirrored.metrics()["loss"].tolist() == never.metrics()["loss"].tolist()
    assert not any("mirrors" in text for text in never.state().warnings)


def test_mirrors_change_what_is_learnt(data, tmp_path):
    first, other = (
        train(config(epochs=1, mirror=on), tmp_path / str(on), data).metrics()["loss"].tolist()
        for on in (True, False)
    )
    assert first != other


def test_a_format_that_is_not_its_own_mirror_image_learns_from_what_the_mirrored_picture_has(
    pictures, tmp_path
):
    left = SparseFormat(pictures[0].format, (0, 2), (0, 2, 2, 0, 0))
    shapes = pictures[0].shapes
    dense, rest = pictures[0].take(np.arange(12)), pictures[0].take(np.arange(12, 48))
    images = dense.joined(rest.with_shapes(shapes.take(np.arange(12, 48)).keep(left.chosen)))
    run = train(config(epochs=1), tmp_path / "run", TrainingData(images, left))
    assert np.isfinite(run.metrics()["loss"]).all()


def test_joint_without_a_dense_image_is_refused(data, tmp_path):
    none = dataclasses.replace(data, images=data.images.take(np.arange(12, 48)))
    with pytest.raises(TrainingError, match=r"'joint' draws a share .* all 5 landmarks, but there"):
        train(config(), tmp_path / "run", none)


def test_formats_without_names_have_no_mirror_that_counts():
    assert mirror_of(landmark_format("points-4")) is None
    faces = landmark_format("300w-68")
    assert mirror_of(faces) == faces.mirror
