"""The commands affinity, select and curve."""

import json

import click
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from annotate.cli import main
from correlation.affinity import affinity
from correlation.cli import COMMANDS
from correlation.clicks import noise_of
from correlation.curve import budget_curve
from correlation.error_selection import forecast_of, select_for_error
from correlation.matrix import AffinityMatrix
from correlation.selection import select
from correlation.stability import curve_spread, stability
from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError
from datasets.formats import SparseFormat, landmark_format
from datasets.io.registry import write
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


def test_affinity_writes_what_python_computes(dataset, folder, tmp_path):
    out = tmp_path / "a" / "valid.npz"
    arguments = ("affinity", folder, "--split", "valid", "--alignment", "box", "--out", out)
    result = json.loads(run(*arguments, "--json").stdout)
    expected = affinity(dataset.split("valid").shapes, "box")
    np.testing.assert_array_equal(AffinityMatrix.load(out).values, expected.values)
    assert result == {
        "format": "300w-inner-41",
        "landmarks": 41,
        "n_shapes": 20,
        "alignment": "box",
        "mean_affinity": expected.mean,
        "written": str(out),
    }


def test_affinity_writes_json_and_a_table(dataset, folder, tmp_path):
    run("affinity", folder, "--out", tmp_path / "a.json")
    found = AffinityMatrix.from_json((tmp_path / "a.json").read_text())
    np.testing.assert_array_equal(found.values, affinity(dataset.shapes).values)
    run("affinity", folder, "--out", tmp_path / "a.csv")
    table = pd.read_csv(tmp_path / "a.csv", index_col="landmark")
    np.testing.assert_array_equal(table.to_numpy(), affinity(dataset.shapes).values)


def test_select_obeys_what_is_demanded(dataset, folder):
    options = ("--pairs", "--at-least", "nose=2", "--at-least", "left_eye=1", "--flip")
    options += ("--cost", "nose_tip=4", "--cost", "0=0.5", "--most-cost", "9")
    result = json.loads(run("select", folder, "--m", 8, *options, "--json").stdout)
    expected = select(
        affinity(dataset.shapes),
        8,
        pairs=True,
        at_least={"nose": 2, "left_eye": 1},
        cost={"nose_tip": 4, 0: 0.5},
        most_cost=9,
        flip=True,
    )
    assert result["chosen"] == list(expected.sparse.chosen)
    assert result["most_cost"] == 9
    assert "together:" not in run("select", folder, "--m", 8, *options).stdout


def test_the_curve_adds_spread_and_errors_where_asked(dataset, folder, tmp_path):
    options = ("--budgets", "3,6", "--resamples", 3, "--expected", "--json")
    rows = json.loads(run("curve", folder, *options).stdout)["rows"]
    spread = curve_spread(dataset.shapes, (3, 6), np.random.default_rng(0), resamples=3)
    assert [row["deviation"] for row in rows] == spread.deviation.tolist()
    assert [row["resampled"] for row in rows] == spread.mean.tolist()
    forecast = forecast_of(dataset.shapes)
    matrix = affinity(dataset.shapes)
    chosen = budget_curve(matrix, [3, 6]).selections
    assert [row["expected_nme"] for row in rows] == [
        forecast.of(s.sparse.chosen).nme for s in chosen
    ]
    assert all(row["smallest_nme"] > 0 for row in rows)
    written = run("curve", folder, *options, "--out", tmp_path / "c.csv").stdout
    assert json.loads(written)["rows"] == rows  # writing a file changes no number
    run("affinity", folder, "--out", tmp_path / "a.npz")
    for option in (("--resamples", 3), ("--expected",)):
        with pytest.raises(FewmarkError, match="an affinity file"):
            run("curve", tmp_path / "a.npz", "--budgets", "3", *option)


def test_select_by_the_expected_error_tells_it(dataset, folder, tmp_path):
    arguments = ("--m", 6, "--criterion", "expected-error", "--out", tmp_path / "m6.toml", "--json")
    result = json.loads(run("select", folder, *arguments).stdout)
    expected = select_for_error(dataset.shapes, 6, affinity=affinity(dataset.shapes))
    assert result["chosen"] == list(expected.sparse.chosen)
    assert result["criterion"] == "expected-error"
    forecast = forecast_of(dataset.shapes)
    assert result["expected_nme"] == forecast.of(expected.sparse.chosen).nme
    plain = json.loads(run("select", folder, "--m", 6, "--json").stdout)
    assert plain["expected_nme"] == forecast.of(plain["chosen"]).nme
    silent = json.loads(run("select", folder, "--m", 6, "--no-forecast", "--json").stdout)
    assert "expected_nme" not in silent


def test_select_heeds_how_far_clicks_scatter(dataset, folder, tmp_path):
    by_error = ("select", folder, "--m", 4, "--criterion", "expected-error", "--json")
    hard = json.loads(run(*by_error).stdout)["chosen"][0]
    path = tmp_path / "precision.csv"
    path.write_text(f"landmark,percent\n{dataset.format.landmarks[hard]},100\n5,1\n")
    told = json.loads(run(*by_error, "--precision", path, "--precision", "5=2").stdout)
    noise = noise_of(dataset.shapes, {hard: 1.0, 5: 0.02})
    matrix = affinity(dataset.shapes)
    expected = select_for_error(
        dataset.shapes, 4, affinity=matrix, forecast=forecast_of(dataset.shapes), noise=noise
    )
    assert told["chosen"] == list(expected.sparse.chosen)
    assert hard not in told["chosen"]
    assert told["expected_nme"] == expected.expected.nme


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--precision", "5=2"), "--precision goes with --criterion expected-error"),
        (("--criterion", "expected-error", "--precision", "5=x"), "expected NAME=NUMBER"),
        (("--criterion", "expected-error", "--precision", "none.csv"), "none.csv: cannot be read"),
        (("--criterion", "expected-error", "--precision", "chin=2"), "no landmark 'chin'"),
        (("--criterion", "expected-error", "--precision", "5=-2"), "got -2 % for 5"),
    ],
)
def test_a_precision_that_cannot_be_read_is_one_clear_line(folder, options, message):
    with pytest.raises((click.UsageError, FewmarkError), match=message) as caught:
        run("select", folder, "--m", 4, *options)
    assert "\n" not in str(caught.value)


def test_the_expected_error_needs_shapes(folder, tmp_path):
    run("affinity", folder, "--out", tmp_path / "a.npz")
    by_error = ("--m", 4, "--criterion", "expected-error")
    with pytest.raises(FewmarkError, match=r"a\.npz: an affinity file; the expected error needs"):
        run("select", tmp_path / "a.npz", *by_error)
    with pytest.raises(click.UsageError, match="--flip is about affinities"):
        run("select", folder, *by_error, "--flip")
    few = run("select", folder, "--m", 4, "--share", "0.08", "--json")
    assert "cannot be measured" in few.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--at-least", "nose"), "--at-least: expected NAME=NUMBER, got 'nose'"),
        (("--at-least", "nose=1.5"), "expected a whole number, got 1.5"),
        (("--cost", "nose_tip=x", "--most-cost", 3), "--cost: expected NAME=NUMBER"),
        (("--cost", "nose_tip=2"), "nothing without --most-cost"),
        (("--cost", "nose_tip=nan", "--most-cost", 3), "--cost nose_tip: expected a finite number"),
    ],
)
def test_demands_that_cannot_be_read_are_refused(folder, options, message):
    with pytest.raises(click.UsageError, match=message):
        run("select", folder, "--m", 4, *options)


def test_select_takes_data_or_affinities(dataset, folder, tmp_path):
    expected = select(affinity(dataset.shapes), 6, include=["nose_tip"], exclude=[0])
    run("affinity", folder, "--out", tmp_path / "a.npz")
    for source in (folder, tmp_path / "a.npz"):
        out = tmp_path / f"{source.stem}.toml"
        arguments = ("--m", 6, "--include", " nose_tip", "--exclude", "0", "--out", out, "--json")
        result = json.loads(run("select", source, *arguments).stdout)
        assert SparseFormat.load(out) == expected.sparse
        assert result["chosen"] == list(expected.sparse.chosen)
        assert result["represented_by"] == list(expected.sparse.represented_by)
        assert result["min_correlation"] == expected.min_correlation
        assert result["proven"] is True
        assert len(result["rows"]) == 6
        assert sum(row["represents"] for row in result["rows"]) == 41


def test_a_share_is_drawn_as_python_draws_it(dataset, folder):
    arguments = ("--m", 5, "--share", 0.5, "--seed", 7, "--json")
    result = json.loads(run("select", folder, *arguments).stdout)
    part = dataset.draw(0.5, np.random.default_rng(7))
    assert result["n_shapes"] == 30
    assert result["min_correlation"] == select(affinity(part.shapes), 5).min_correlation


def test_select_without_json_names_the_landmarks(folder):
    printed = run("select", folder, "--m", 4, "--time-limit", 30).stdout
    assert "proven: True" in printed
    assert "criterion: k-center" in printed


def test_the_curve_stands_beside_predefined_formats(dataset, folder, tmp_path):
    out = tmp_path / "curve.csv"
    result = json.loads(run("curve", folder, "--budgets", "2-4, 10", "--out", out, "--json").stdout)
    matrix = affinity(dataset.shapes)
    assert [row["m"] for row in result["rows"]] == [2, 3, 4, 10]
    for row in result["rows"]:
        assert row["min_correlation"] == select(matrix, row["m"]).min_correlation
    assert "lfw-10" in result["rows"][-1]["predefined"]
    table = pd.read_csv(out)
    assert table["chosen"][0].split() == list(select(matrix, 2).sparse.names)


def test_the_default_budgets_hold_the_predefined_ones(folder):
    result = json.loads(run("curve", folder, "--json").stdout)
    assert [row["m"] for row in result["rows"]] == list(range(1, 31))
    assert "predefined" in run("curve", folder, "--budgets", "2").stdout


def test_cautions_go_to_standard_error(tmp_path):
    points = np.random.default_rng(0).normal(size=(4, 5, 2))
    dataset = LandmarkDataset(ShapeSet.from_points(points), sample_table(list("abcd")))
    result = run("select", dataset.save(tmp_path / "few"), "--m", 2, "--json")
    assert "Warning: Only 4 shapes" in result.stderr
    assert json.loads(result.stdout)["m"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("affinity", "{data}", "--out", "x.txt"), "must end in .npz or .json or .csv"),
        (("select", "{data}", "--m", "3", "--out", "x.npz"), "must end in .toml"),
        (("curve", "{data}", "--out", "x.npz"), "must end in .csv"),
        (("curve", "{data}", "--budgets", "5,x"), "1-30 or 5,10,19"),
        (("curve", "{data}", "--budgets", "5-2"), "holds no number"),
        (
            ("curve", "{data}", "--budgets", "5-99"),
            "--budgets: expected numbers of 1 to 41, got 42",
        ),
        (("select", "{data}", "--m", "0", "--out", "{out}"), "0 is not in the range"),
        (("select", "{data}", "--m", "3", "--include", "tail", "--out", "{out}"), "'tail'"),
        (("select", "{data}", "--m", "3", "--split", "test", "--out", "{out}"), "train, valid"),
        (("select", "{data}", "--m", "3", "--share", "2", "--out", "{out}"), "not in the range"),
        (("select", "{data}", "--m", "3", "--share", "nan", "--out", "{out}"), "finite number"),
        (
            ("select", "{data}", "--m", "3", "--include", "tail", "--no-forecast"),
            "no landmark .tail.; ",
        ),
        (("select", "{data}", "--m", "3", "--most-cost", "0", "--out", "{out}"), "range x>0"),
        (("select", "{data}", "--m", "3", "--share", "0.02", "--out", "{out}"), "3 at least"),
        (("select", "{data}.none", "--m", "3", "--out", "{out}"), "none"),
        (("affinity", "{data}", "--format", "coco", "--out", "{out}.npz"), "coco"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(folder, tmp_path, arguments, message):
    before = sorted(tmp_path.rglob("*"))
    places = {"data": folder, "out": tmp_path / "out.toml"}
    with pytest.raises((FewmarkError, click.ClickException), match=message) as caught:
        run(*(a.format(**places) for a in arguments))
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_affinity_files_cannot_be_aligned_anew(folder, tmp_path):
    run("affinity", folder, "--out", tmp_path / "a.npz")
    for option in (("--alignment", "box"), ("--split", "valid"), ("--share", "0.5")):
        with pytest.raises(FewmarkError, match="an affinity file"):
            run("select", tmp_path / "a.npz", "--m", 3, *option)


def test_files_are_replaced_only_when_forced(folder, tmp_path):
    out = tmp_path / "m.toml"
    run("select", folder, "--m", 3, "--out", out)
    with pytest.raises(FewmarkError, match="--force"):
        run("select", folder, "--m", 4, "--out", out)
    assert len(SparseFormat.load(out)) == 3
    run("select", folder, "--m", 4, "--out", out, "--force")
    assert len(SparseFormat.load(out)) == 4


@pytest.mark.parametrize("budgets", ["1-1000000000000", "9" * 5000, "1-", "\u00b2"])
def test_budgets_beyond_any_format_are_refused(budgets, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["curve", str(tmp_path), "--budgets", budgets])
    assert "expected a list such as" in capsys.readouterr().err


def test_affinity_streams_folders_and_gives_the_same_numbers(dataset, tmp_path, monkeypatch):
    """Chunk by chunk here and on a cluster, against all shapes at once from another file type."""
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr("datasets.storage._PART_BYTES", 7 * 8 * 41 * 2)
    folder = dataset.save(tmp_path / "parts")
    monkeypatch.setattr(LandmarkDataset, "load", lambda _: pytest.fail("was read as a whole"))
    write(dataset, tmp_path / "faces.npz")
    run("affinity", tmp_path / "faces.npz", "--out", tmp_path / "whole.npz")
    run("affinity", folder, "--out", tmp_path / "parts.npz")
    expected = AffinityMatrix.load(tmp_path / "whole.npz")
    found = AffinityMatrix.load(tmp_path / "parts.npz")
    np.testing.assert_allclose(found.values, expected.values, rtol=0, atol=1e-10)
    assert found.cautions == expected.cautions
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        protocol="tcp://",
        host="127.0.0.1",
        dashboard_address=None,
    ) as cluster:
        address = cluster.scheduler_address
        run("affinity", folder, "--dask", address, "--out", tmp_path / "dask.npz")
    shared = AffinityMatrix.load(tmp_path / "dask.npz")
    np.testing.assert_allclose(shared.values, expected.values, rtol=0, atol=1e-10)
    assert shared.n_shapes == 60


def test_a_cluster_needs_a_folder_that_can_be_read_in_parts(dataset, tmp_path):
    write(dataset, tmp_path / "faces.npz")
    with pytest.raises(FewmarkError, match="needs a folder of Fewmark's"):
        run("affinity", tmp_path / "faces.npz", "--dask", "tcp://127.0.0.1:9")
    run("affinity", tmp_path / "faces.npz", "--out", tmp_path / "a.npz")
    with pytest.raises(FewmarkError, match="an affinity file"):
        run("affinity", tmp_path / "a.npz", "--dask", "tcp://127.0.0.1:9")


def test_stability_draws_the_subjects_of_the_data(dataset, tmp_path):
    samples = dataset.samples.assign(subject=[f"p{i // 3}" for i in range(60)])
    folder = LandmarkDataset(dataset.shapes, samples).save(tmp_path / "people")
    arguments = ("stability", folder, "--m", 4, "--resamples", 5, "--seed", 2, "--json")
    result = json.loads(run(*arguments).stdout)
    subjects, rng = list(samples["subject"]), np.random.default_rng(2)
    expected = stability(dataset.shapes, 4, rng, subjects=subjects, resamples=5)
    assert result["n_subjects"] == 20
    assert result["jaccard"] == expected.jaccard
    assert result["rows"] == expected.rows()
    rows = json.loads(run(*arguments, "--sizes", "--split", "train").stdout)["rows"]
    assert [row["subjects"] for row in rows] == [10, 14]
    assert "jaccard" in run("stability", folder, "--m", 2, "--resamples", 2, "--share", 0.5).stdout


def test_few_subjects_are_warned_of_and_never_called_enough(dataset, tmp_path):
    samples = dataset.samples.assign(subject=[f"p{i // 20}" for i in range(60)])
    folder = LandmarkDataset(dataset.shapes, samples).save(tmp_path / "people")
    for more in ((), ("--sizes",)):
        done = run("stability", folder, "--m", 4, "--resamples", 3, *more)
        assert "Warning: 3 subjects: draws of fewer than 10 can hardly differ" in done.stderr
    result = json.loads(run("stability", folder, "--m", 4, "--sizes", "--json").stdout)
    assert result["enough"] is None


def test_what_is_wrong_with_the_shapes_names_their_file(folder, tmp_path):
    with pytest.raises(FewmarkError, match=r"faces: no shape is in split 'dev'"):
        run("affinity", folder, "--split", "dev")
    empty = LandmarkDataset.load(folder).take([])
    empty.save(tmp_path / "empty")
    with pytest.raises(FewmarkError, match=r"empty: no shape has two landmarks"):
        run("affinity", tmp_path / "empty")
