"""The command compare."""

import json

import click
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from correlation.cli import COMMANDS
from correlation.detectors import compare_shapes, resampled_errors
from correlation.matrix import AffinityMatrix
from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError
from datasets.formats import landmark_format
from datasets.samples import sample_table
from datasets.shapes import ShapeSet

GROUP = click.Group("fewmark", commands={c.name: c for c in COMMANDS})


def run(*arguments):
    """Run a command as `fewmark` does: its output, or the error it ends with."""
    result = CliRunner().invoke(GROUP, [str(a) for a in arguments], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result


@pytest.fixture(scope="module")
def dataset():
    points = np.random.default_rng(2).normal(size=(60, 41, 2)).cumsum(axis=1)
    shapes = ShapeSet.from_points(points, landmark_format("300w-inner-41"))
    names = [f"face-{i}" for i in range(60)]
    return LandmarkDataset(shapes, sample_table(names, split=["train"] * 40 + ["valid"] * 20))


@pytest.fixture
def folder(dataset, tmp_path):
    return dataset.save(tmp_path / "faces")


def detected(dataset, noise=0.2, rows=slice(None)):
    rng = np.random.default_rng(8)
    points = dataset.shapes.points + rng.normal(0, noise, dataset.shapes.points.shape)
    predicted = dataset.with_shapes(ShapeSet.from_points(points, dataset.format))
    return predicted.take(np.arange(len(dataset))[rows])


def test_compare_joins_predictions_with_the_truth(dataset, folder, tmp_path):
    predicted = detected(dataset, rows=slice(45))
    predicted.save(tmp_path / "found")
    arguments = ("compare", tmp_path / "found", folder, "--split", "train", "--alignment", "box")
    result = run(*arguments, "--top", 3, "--json", "--out", tmp_path / "e.csv")
    found, expected = json.loads(result.stdout), compare_shapes(
        predicted, dataset.split("train"), "box"
    )  # fmt: skip
    assert (found["n_shapes"], found["alignment"]) == (40, "box")
    assert found["mean_error"] == expected.mean
    assert [row["group"] for row in found["groups"]] == ["all pairs", "mirror pairs"]
    assert len(found["components"]) == 15
    pairs = [(pair.names[0], pair.names[1], pair.difference) for pair in expected.ranked(3, -1)]
    rows = found["under_correlated"]
    assert [(r["landmark"], r["other"], r["difference"]) for r in rows] == pairs
    assert found["stages"] == []
    table = pd.read_csv(tmp_path / "e.csv", index_col="landmark")
    np.testing.assert_array_equal(table.to_numpy(), expected.error)
    assert "Warning: 15 of 60" in run("compare", tmp_path / "found", folder).stderr


def test_compare_takes_affinity_files_and_aligns_data_like_them(dataset, folder, tmp_path):
    detected(dataset).save(tmp_path / "found")
    a, b = tmp_path / "a.npz", tmp_path / "b.npz"
    run("affinity", tmp_path / "found", "--alignment", "procrustes", "--out", a)
    run("affinity", folder, "--alignment", "procrustes", "--out", b)
    out = tmp_path / "e.npz"
    of_files = run("compare", a, b, "--json", "--out", out)
    mixed = json.loads(run("compare", a, folder, "--json").stdout)
    assert mixed == json.loads(of_files.stdout) | {"written": None}
    with np.load(out) as stored:
        assert stored["error"].shape == (41, 41)


def test_compare_tells_what_every_stage_changes(dataset, folder, tmp_path):
    for name, noise in (("first", 0.1), ("second", 0.5), ("third", 0.3)):
        detected(dataset, noise).save(tmp_path / name)
    paths = [tmp_path / name for name in ("first", "second", "third")]
    rows = json.loads(run("compare", *paths, folder, "--json").stdout)["stages"]
    assert [row["stage"] for row in rows] == [*map(str, paths), "last - first"]
    means = [row["mean_affinity"] for row in rows[:3]]
    assert [row["mean_change"] for row in rows[1:3]] == pytest.approx(np.diff(means))
    assert rows[3]["mean_change"] == pytest.approx(means[2] - means[0])
    printed = run("compare", *paths, folder, "--top", 2).stdout
    assert "over correlated:" in printed
    assert "last - first" in printed


def test_compare_says_how_much_is_chance(dataset, folder, tmp_path):
    detected(dataset).save(tmp_path / "found")
    arguments = ("compare", tmp_path / "found", folder, "--bootstrap", 20, "--seed", 3, "--json")
    rows = json.loads(run(*arguments).stdout)["groups"]
    noise = resampled_errors(detected(dataset), dataset, 20, np.random.default_rng(3))
    low, high = np.quantile(noise["mirror pairs"], [0.025, 0.975])
    assert (rows[1]["low"], rows[1]["high"]) == (low, high)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("{data}",), "then the truth"),
        (("{data}", "{data}", "--out", "x.txt"), "must end in .npz or .csv"),
        (("{data}", "{data}.none", "--out", "{out}"), "none"),
        (("{data}", "{other}", "--out", "{out}"), "points-4.*no map|300w-inner-41.*points-4"),
        (("{data}", "{data}", "--split", "test", "--out", "{out}"), "train, valid"),
        (("{matrix}", "{data}", "--alignment", "box", "--out", "{out}"), "an affinity file"),
        (("{data}", "{matrix}", "--split", "train", "--out", "{out}"), "an affinity file"),
        (("{data}", "{matrix}", "--bootstrap", "9", "--out", "{out}"), "resampling needs shapes"),
        (("{boxed}", "{matrix}", "--out", "{out}"), "alignment box"),
        (("{data}", "{stranger}", "--out", "{out}"), "no shape is in both"),
    ],
)
def test_what_cannot_be_compared_is_one_line_and_writes_nothing(
    dataset, folder, tmp_path, arguments, message
):
    points = np.random.default_rng(0).normal(size=(9, 4, 2))
    small = LandmarkDataset(ShapeSet.from_points(points), sample_table(list("abcdefghi")))
    stranger = dataset.samples.assign(shape_id=[f"x{i}" for i in range(60)])
    places = {"data": folder, "out": tmp_path / "out.npz", "other": small.save(tmp_path / "other")}
    places["stranger"] = LandmarkDataset(dataset.shapes, stranger).save(tmp_path / "stranger")
    for name, alignment in (("matrix", "centroid-rms"), ("boxed", "box")):
        places[name] = tmp_path / f"{name}.npz"
        run("affinity", folder, "--alignment", alignment, "--out", places[name])
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises((FewmarkError, click.ClickException), match=message) as caught:
        run("compare", *(a.format(**places) for a in arguments))
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_single_landmark_has_no_mean_error(tmp_path):
    matrix = AffinityMatrix.from_values([[1.0]])
    matrix.save(tmp_path / "a.npz")
    result = json.loads(run("compare", tmp_path / "a.npz", tmp_path / "a.npz", "--json").stdout)
    assert result["mean_error"] is None
    assert result["groups"] == []
