"""The command plan: the grid over m and n, and the two questions asked of it."""

import json

import click
import numpy as np
import pytest
from click.testing import CliRunner

from correlation.affinity import affinity
from correlation.cli import COMMANDS
from correlation.learning_curve import LearningCurve
from correlation.planning import Rates, plans
from correlation.residual_variance import least_variance
from datasets.dataset import LandmarkDataset
from datasets.errors import SelectionError, ShapeMismatchError
from datasets.formats import landmark_format
from datasets.samples import sample_table
from datasets.shape_model import ShapeModel
from datasets.shapes import ShapeSet

GROUP = click.Group("fewmark", commands={c.name: c for c in COMMANDS})


def run(*arguments):
    result = CliRunner().invoke(GROUP, [str(a) for a in arguments], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def asked(*arguments):
    return json.loads(run("plan", *arguments, "--json"))


@pytest.fixture(scope="module")
def dataset():
    rng = np.random.default_rng(2)
    base, bends = rng.normal(size=(10, 2)), rng.normal(size=(4, 10, 2))
    draws = np.einsum("nk,kmd->nmd", rng.normal(size=(120, 4)), bends)
    points = 100 * (base + 0.1 * draws + 0.02 * rng.normal(size=draws.shape))
    table = sample_table([f"s-{i}" for i in range(120)], subject=[f"p{i // 2}" for i in range(120)])
    return LandmarkDataset(ShapeSet.from_points(points, landmark_format("lfw-10")), table)


@pytest.fixture(scope="module")
def folder(dataset, tmp_path_factory):
    return dataset.save(tmp_path_factory.mktemp("plan") / "faces")


def test_the_grid_holds_what_python_computes(dataset, folder):
    found = asked(
        folder, "--images", 1000, "--budgets", "3,5", "--dense", "20,50,200", "--wage", 30
    )
    subjects = list(dataset.samples["subject"])
    learnt = LearningCurve.fit(dataset.shapes, rng=np.random.default_rng(0), subjects=subjects)
    model = ShapeModel.fit(dataset.shapes)
    curves = {m: learnt.of(least_variance(model, m).chosen) for m in (3, 5)}
    expected = {(m, n): curves[m].at(n) for m in (3, 5) for n in (20, 50, 200)}
    made = plans(10, 1000, Rates(wage_per_hour=30), expected)
    assert [(r["m"], r["n"]) for r in found["rows"]] == [(p.m, p.n) for p in made]
    for row, plan in zip(found["rows"], made, strict=True):
        assert row["expected_nme"] == pytest.approx(plan.expected_nme)
        assert (row["hours"], row["cost"]) == (plan.hours, plan.cost)
        assert row["points_saved"] == (10 - row["m"]) * (1000 - row["n"])
    assert found["measured_to_n"] == 96
    assert found["extrapolated_to_n"] == 4 * 96
    assert found["judged_shapes"] == 120
    assert found["spread"]["3"]["96"] == pytest.approx(curves[3].spread[-1])
    assert found["chosen"]["5"] == list(least_variance(model, 5).chosen)
    assert (found["cheapest"], found["best"]) == (None, None)


def test_the_cheapest_and_the_best_plan_are_named(folder):
    found = asked(folder, "--images", 1000, "--wanted-error", 0.03, "--hours", 4)
    rows = [r for r in found["rows"] if r["expected_nme"] is not None]
    good = [r for r in rows if r["expected_nme"] <= 0.03]
    short = [r for r in rows if r["hours"] <= 4]
    assert found["cheapest"]["hours"] == min(r["hours"] for r in good)
    assert found["best"]["expected_nme"] == min(r["expected_nme"] for r in short)
    text = run("plan", folder, "--images", 1000, "--wanted-error", 1e-9, "--hours", 0)
    assert "cheapest with an error of at most 1e-09: none of these plans" in text
    assert "best within 0 hours: none of these plans" in text


def test_people_read_error_and_hours_in_a_grid(folder):
    text = run(
        "plan", folder, "--images", 1000, "--budgets", "3,10", "--dense", "50,200,900",
        "--wanted-error", 0.5,
    )  # fmt: skip
    header, *lines = [line.split() for line in text.splitlines()[-4:]]
    assert "".join(header) == "nm=3m=10"
    assert [line[0] for line in lines] == ["50", "200", "900"]
    assert lines[0][1][0].isdigit()
    assert lines[1][1].startswith("~")
    assert " ".join(lines[2][1:3]) == "not known,"
    assert "all marked" in " ".join(lines[2])
    assert "cheapest with an error of at most 0.5: m = 3, n = " in text


def test_own_times_make_other_hours_and_the_same_errors(folder):
    usual = asked(folder, "--images", 100, "--budgets", 3, "--dense", 20)["rows"][0]
    options = ("--seconds-per-point", 3.6, "--seconds-per-image", 36)
    own = asked(folder, "--images", 100, "--budgets", 3, "--dense", 20, *options)["rows"][0]
    assert own["hours"] == pytest.approx((20 * 10 + 80 * 3) / 1000 + 1)
    assert own["expected_nme"] == usual["expected_nme"]


@pytest.mark.parametrize(
    ("options", "error", "problem"),
    [
        (("--images", 50, "--dense", 80), click.UsageError, "--dense: expected .* 0 to 50, got 80"),
        (("--images", 50, "--budgets", 11), click.UsageError, "--budgets: .* 1 to 10, got 11"),
        (("--images", 50, "--budgets", "some"), click.UsageError, "expected a list such as"),
        (("--images", 50, "--dense", "-3"), click.UsageError, "expected a list such as"),
        (("--images", 0), click.UsageError, "not in the range"),
        (("--images", 50, "--wanted-error", 3), click.UsageError, "not in the range"),
        (("--images", 50, "--wage", -1), click.UsageError, "not in the range"),
        (("--images", 50, "--seconds-per-point", "nan"), click.UsageError, "finite number"),
        (
            ("--images", 50, "--seconds-per-point", 0, "--seconds-per-image", 0),
            SelectionError,
            "must not be negative",
        ),
        ((), click.UsageError, "Missing"),
    ],
)
def test_plans_that_cannot_be_are_refused_before_anything_is_computed(
    folder, monkeypatch, options, error, problem
):
    monkeypatch.setattr(LearningCurve, "fit", None)
    with pytest.raises(error, match=problem):
        run("plan", folder, *options)


def test_too_few_dense_shapes_are_explained(dataset, tmp_path):
    few = dataset.take(np.arange(5)).save(tmp_path / "few")
    with pytest.raises(ShapeMismatchError, match="expected 8 shapes with all 10 landmarks"):
        run("plan", few, "--images", 100)


def test_affinities_tell_no_error(dataset, tmp_path):
    affinity(dataset.shapes).save(tmp_path / "a.npz")
    with pytest.raises(SelectionError, match=r"a\.npz: an affinity file; a plan needs the shapes"):
        run("plan", tmp_path / "a.npz", "--images", 100)
