import numpy as np
import pytest

from weaksup.experiments.figures import correlation_figure
from weaksup.experiments.grid import Cell
from weaksup.experiments.recipes import entries_of
from weaksup.experiments.report import rows_of, table_text
from weaksup.experiments.results import CellResult

PEOPLE = ["ann", "ann", "bob", "bob"]


def result(errors, name="k-center", method="thesis", ratio=0.1, seed=0, m=2, **more):
    return CellResult(Cell(method, ratio, seed, name, m), tuple(errors), n=4, **more)


def entries(results):
    return entries_of(
        results, PEOPLE, formats=("k-center", "random"), methods=("thesis", "recommended")
    )


RESULTS = [
    result([0.10, 0.12, 0.20, 0.22], seed=0),
    result([0.11, 0.13, 0.21, 0.23], seed=1),
    result([0.09, 0.11, 0.18, 0.20], "random", seed=0),
    result([0.10, 0.12, 0.19, 0.21], "random", seed=1),
    result([0.12, 0.12, 0.22, 0.22], "random", seed=2),
    result([0.05, 0.05, 0.05, 0.05], method="recommended", seed=1),
]


def test_means_and_deviations_are_over_seeds():
    first = entries(RESULTS)[0]
    assert first.nme == pytest.approx(0.165)
    assert first.deviation == pytest.approx(np.std([0.16, 0.17], ddof=1))
    alone = entries(RESULTS[:1])[0]
    assert np.isnan(alone.deviation)
    assert rows_of([alone])[0]["sd"] is None


def test_differences_are_of_the_seeds_that_both_have():
    by_key = {(e.cell.format, e.cell.method): e for e in entries(RESULTS)}
    difference = by_key["random", "thesis"].differences["format"]
    # Image by image -1, -1, -2, -2 points in both seeds: ann -1, bob -2, so no draw leaves these.
    assert difference.interval.mean == pytest.approx(-0.015)
    assert (difference.interval.low, difference.interval.high) == pytest.approx((-0.02, -0.01))
    assert (difference.to, difference.lower, difference.seeds) == ("k-center", 2, 2)
    assert set(by_key["random", "thesis"].differences) == {"format"}
    method = by_key["k-center", "recommended"].differences["method"]
    assert (method.seeds, method.interval.mean) == (1, pytest.approx(-0.12))
    assert by_key["k-center", "thesis"].differences == {}


def test_what_sparse_images_add_is_told_at_the_same_ratio():
    alone = [result([0.2] * 4, "", "dense-only", seed=seed, m=0) for seed in (0, 1)]
    other = result([0.9] * 4, "", "dense-only", ratio=0.5, m=0)
    found = {e.cell: e for e in entries([*RESULTS, *alone, other])}
    difference = found[Cell("thesis", 0.1, 0, "k-center", 2)].differences["dense-only"]
    assert (difference.interval.mean, difference.lower) == (pytest.approx(-0.035), 2)


def test_recipes_without_a_common_seed_are_not_compared():
    found = entries([result([0.1] * 4, seed=0), result([0.2] * 4, "random", seed=1)])
    assert [entry.differences for entry in found] == [{}, {}]


def test_the_table_has_a_column_for_each_ratio():
    more = [*RESULTS, result([0.08, 0.1, 0.1, 0.12], ratio=0.25)]
    text = table_text(entries(more), "faces")
    assert "| m | format | method | 10 % | 25 % |" in text
    assert "| 2 | k-center | thesis | 16.50 ± 0.71 (2) | 10.00 (1) |" in text
    assert "| 2 | random | thesis | -1.50 [-2.00, -1.00], 2 of 2 lower |  |" in text


def test_a_result_comes_back_from_its_file(tmp_path):
    kept = result([0.1, np.nan], sparse_nme=0.2, chosen=(1, 2), warnings=("slow",), device="cpu")
    kept.save(tmp_path / "a.json")
    found = CellResult.load(tmp_path / "a.json")
    np.testing.assert_equal(found.errors, kept.errors)
    assert (found.cell, found.chosen, found.warnings) == (kept.cell, (1, 2), ("slow",))
    assert found.nme == pytest.approx(0.1)


def test_the_figure_has_a_line_for_each_ratio_with_a_point_for_each_size():
    results = [
        result([nme] * 4, m=m, ratio=ratio, seed=seed, c_found=c)
        for ratio in (0.1, 0.25)
        for m, c, nme in ((3, 0.6, 0.2), (5, 0.7, 0.1))
        for seed in (0, 1)
    ]
    figure = correlation_figure(entries(results))
    assert len(figure.data) == 2
    assert [list(line.x) for line in figure.data] == [pytest.approx([0.6, 0.7])] * 2
    assert list(figure.data[0].y) == pytest.approx([20, 10])
    assert correlation_figure(entries(results[:2])) is None
