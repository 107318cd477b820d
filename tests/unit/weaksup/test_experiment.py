import dataclasses
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from datasets.errors import FileFormatError, TrainingError
from datasets.formats import SparseFormat
from datasets.metrics import nme, normalised_errors
from weaksup.completion import mean_shape_prediction
from weaksup.experiments import bench as bench_module
from weaksup.experiments.cli import experiment as command
from weaksup.experiments.data import ExperimentData
from weaksup.experiments.folder import Experiment, alone
from weaksup.experiments.grid import Cell, Grid
from weaksup.experiments.opening import open_experiment
from weaksup.experiments.report import write_report
from weaksup.experiments.results import CellResult
from weaksup.experiments.work import run_experiment, tasks_left
from weaksup.presets import preset
from weaksup.stopping import StoppedError


@pytest.fixture(scope="module")
def places(pictures, tmp_path_factory):
    """The pictures as two data sets on disk."""
    folder = tmp_path_factory.mktemp("experiment")
    for name, dataset in zip(("learn", "valid"), pictures, strict=True):
        dataset.save(folder / name)
    return folder


def tiny_grid(places, **values):
    grid = Grid(
        str(places / "learn"), str(places / "valid"), m=(2,), ratios=(0.2, 0.5),
        formats=("k-center", "random"), presets=("recommended", "quick"), seeds=1, scale=0.05,
        image_size_px=32, width=0.0625,
    )  # fmt: skip
    return grid.changed(**values)


def carry_out(experiment):
    return run_experiment(experiment, device="cpu", processes=1, stop=lambda: False)


@pytest.fixture(scope="module")
def done(places):
    experiment = open_experiment(places / "out", tiny_grid(places))
    assert carry_out(experiment) == {}
    return experiment


@pytest.fixture
def copy(done, tmp_path):
    """The experiment that is done, to be changed."""
    shutil.copytree(done.path, tmp_path / "out")
    return Experiment.load(tmp_path / "out")


@pytest.fixture
def trained(monkeypatch):
    """Names of the folders in which runs begin."""
    begun = []

    def train(config, folder, data, **more):
        begun.append(folder.name)
        return real(config, folder, data, **more)

    real = bench_module.train
    monkeypatch.setattr(bench_module, "train", train)
    return begun


def result(experiment, *cell):
    return CellResult.load(experiment.result_file(Cell(*cell)))


def test_every_cell_is_measured_on_other_people(done):
    cells = done.cells()
    assert len(cells) == 2 * 2 * 4 + 2 + 2 + 1
    results = [CellResult.load(done.result_file(cell)) for cell in cells]
    assert [each.cell for each in results] == list(cells)
    assert {len(each.errors) for each in results} == {24}
    assert {each.n for each in results} == {10, 24, 48}
    assert not any(done.path.joinpath("runs").iterdir())


def test_what_is_done_is_not_done_again(copy, trained):
    assert tasks_left(copy) == {}
    gone = Cell("quick", 0.5, 0, "random", 2)
    copy.result_file(gone).unlink()
    assert carry_out(copy) == {}
    assert trained == [gone.key]
    assert copy.result_file(gone).exists()


def test_first_stages_are_trained_once_for_all_ratios(places, tmp_path, trained):
    grid = tiny_grid(places, formats=("random",), presets=("quick",)).without_baselines()
    experiment = open_experiment(tmp_path / "out", grid)
    assert carry_out(experiment) == {}
    (stage,) = {experiment.stage_key(cell) for cell in experiment.cells()}
    assert sorted(trained) == sorted([stage, *(cell.key for cell in experiment.cells())])


def test_presets_of_one_first_stage_share_it(places, tmp_path):
    other = preset("quick")
    other.changed(stages=(*other.stages[:2],)).save(tmp_path / "short.toml")
    presets = ("quick", str(tmp_path / "short.toml"), "recommended")
    experiment = open_experiment(tmp_path / "out", tiny_grid(places, presets=presets))
    keys = {
        method: experiment.stage_key(Cell(method, 0.2, 0, "random", 2))
        for method in ("quick", "short", "recommended", "dense-only", "clicked")
    }
    assert keys["quick"] == keys["short"] != keys["recommended"]
    assert keys["dense-only"] is keys["clicked"] is None


def test_dense_images_of_a_smaller_ratio_are_dense_with_a_larger_one(places):
    data = ExperimentData.read(tiny_grid(places, images=40))
    few, more = (list(data.dense(0, ratio).samples["shape_id"]) for ratio in (0.2, 0.5))
    assert few == more[: len(few)]
    assert set(more) <= set(data.pool.take(data.rows(0)).samples["shape_id"])


def test_the_mean_shape_is_that_of_the_dense_images(done, places, pictures):
    _, valid = pictures
    dense = ExperimentData.read(tiny_grid(places)).dense(0, 0.2)
    expected = nme(normalised_errors(mean_shape_prediction(dense, valid).shapes, valid.shapes))
    assert result(done, "mean-shape", 0.2, 0).nme == pytest.approx(expected, rel=1e-4)


def test_clicks_are_without_error_and_the_rest_follows(done):
    clicked = result(done, "clicked", 0.5, 0, "random", 2)
    assert clicked.sparse_nme == 0
    assert clicked.nme < result(done, "mean-shape", 0.5, 0).nme


def test_a_cell_that_fails_is_told_and_the_others_are_done(copy, monkeypatch):
    broken = Cell("recommended", 0.2, 0, "random", 2)
    whole = Cell("recommended", 0.5, 0, "random", 2)
    for cell in (broken, whole):
        copy.result_file(cell).unlink()
    real = bench_module.train

    def train(config, folder, data, **more):
        if folder.name == broken.key:
            raise TrainingError("the loss is no longer finite")
        return real(config, folder, data, **more)

    monkeypatch.setattr(bench_module, "train", train)
    assert carry_out(copy) == {f"cell:{broken.key}": "the loss is no longer finite"}
    assert copy.result_file(whole).exists()
    told = CliRunner().invoke(
        command, [str(copy.path), "--processes", "1", "--device", "cpu", "--json"]
    )
    assert told.exit_code == 1
    assert "the loss is no longer finite" in told.output


def test_more_cells_may_be_added_and_others_stay(copy, places):
    grown = open_experiment(copy.path, tiny_grid(places, ratios=(0.2, 0.5, 0.8), seeds=2))
    left = tasks_left(grown)
    known = {cell.key for cell in copy.cells()}
    assert left
    assert not any(name.startswith("cell:") and name[5:] in known for name in left)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"width": 0.125}, "width was 0.0625, now 0.125"),
        ({"scale": 0.1}, "the config of .* was another"),
        ({"formats": ("k-center",)}, "formats had 'random', which is gone"),
    ],
)
def test_a_changed_grid_is_refused(copy, places, values, told):
    with pytest.raises(TrainingError, match=f"begun with another grid: {told}"):
        open_experiment(copy.path, tiny_grid(places, **values))


def test_other_data_are_refused(copy, places, pictures, tmp_path):
    learn, _ = pictures
    learn.take(np.arange(40)).save(tmp_path / "fewer")
    with pytest.raises(TrainingError, match="the data were others"):
        open_experiment(copy.path, tiny_grid(places, data=str(tmp_path / "fewer")))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"formats": ("mafl-5",)}, "unknown format 'mafl-5'"),
        ({"valid": "learn"}, "48 images are both learnt from and measured on"),
        ({"images": 49}, "expected 49 images to learn from, found 48"),
        ({"epochs": {"quick": (1, 2)}}, "quick has 3 stages, but 2"),
        ({"m": (2, 6)}, "m is 6, but spots-5 has 5 landmarks"),
        ({"ratios": (0.03, 0.5)}, "different numbers of dense ones, 3 at least; found 0.03 2"),
        ({"ratios": (0.2, 0.201)}, "different numbers of dense ones"),
        ({"part": "mafl-5"}, "mafl-5 is no known part of spots-5"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(places, tmp_path, values, told):
    if "valid" in values:
        values = {"valid": str(places / values["valid"])}
    with pytest.raises(TrainingError, match=told):
        open_experiment(tmp_path / "out", tiny_grid(places, **values))
    assert not (tmp_path / "out").exists()


def test_a_refused_experiment_leaves_nothing(places, tmp_path):
    out = tmp_path / "out"
    asked = [str(out), "--data", str(places / "learn"), "--valid", str(places / "valid")]
    told = CliRunner().invoke(command, [*asked, "--m", "9", "--ratio", "0.2"])
    assert "m is 9, but spots-5 has 5 landmarks" in str(told.exception)
    assert not out.exists()
    out.mkdir()
    (out / "mine.txt").touch()
    CliRunner().invoke(command, [*asked, "--m", "9", "--ratio", "0.2"])
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_networks_of_all_landmarks_need_no_sparse_format(places, tmp_path):
    grid = Grid(str(places / "learn"), str(places / "valid"), m=(), ratios=(0.2,), formats=(),
                presets=(), baselines=("mean-shape",), seeds=1, image_size_px=32)  # fmt: skip
    experiment = open_experiment(tmp_path / "out", grid)
    assert [cell.key for cell in experiment.cells()] == ["mean-shape--r0.2--s0"]


def test_a_format_of_a_file_is_compared_under_its_name(places, sparse, tmp_path):
    sparse.save(tmp_path / "mine.toml")
    grid = tiny_grid(places, formats=("random", str(tmp_path / "mine.toml")), presets=(),
                     baselines=("clicked",))  # fmt: skip
    grid = Grid(**{**{f: getattr(grid, f) for f in Grid.__dataclass_fields__}, "presets": ()})
    experiment = open_experiment(tmp_path / "out", grid)
    (tmp_path / "mine.toml").unlink()
    again = open_experiment(tmp_path / "out", None)
    assert carry_out(again) == {}
    assert again.formats == experiment.formats == {"random": None, "mine": 2}
    assert result(again, "clicked", 0.2, 0, "mine", 2).chosen == sparse.chosen
    own = SparseFormat.load(again.format_file("mine--m2--s0"))
    assert own.chosen == sparse.chosen


def test_a_file_that_has_another_format_now_is_refused(places, sparse, tmp_path):
    path = tmp_path / "mine.toml"
    sparse.save(path)
    grid = tiny_grid(places, formats=(str(path),))
    open_experiment(tmp_path / "out", grid)
    open_experiment(tmp_path / "out", grid)
    SparseFormat(sparse.dense, (0, 2), (0, 0, 2, 2, 2)).save(path)
    with pytest.raises(TrainingError, match="the format mine was another; take another folder"):
        open_experiment(tmp_path / "out", grid)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("people.csv", "subject", "person"),
        ("data.json", '"formats": {', '"formats": [], "x": {'),
        ("cells/clicked*", "[0", "[0.5, 0"),
        ("cells/random*", '"ratio": 0.2', '"ratio": "0.2"'),
    ],
)
def test_a_file_that_was_changed_is_named(copy, name, old, new):
    file = sorted(copy.path.glob(name.replace("clicked*", "*clicked*")))[0]
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(FileFormatError) as caught:
        write_report(Experiment.load(copy.path))
    assert caught.value.path == file


def test_two_do_not_work_on_one_experiment(copy):
    before = (copy.path / "grid.toml").read_text(encoding="utf-8")
    with alone(copy.path):
        told = CliRunner().invoke(command, [str(copy.path), "--device", "cpu", "--seeds", "2"])
    assert told.exit_code == 1
    assert str(told.exception) == f"{copy.path}: another process is at work on it"
    assert (copy.path / "grid.toml").read_text(encoding="utf-8") == before


@pytest.mark.parametrize("name", ["random", "k-center", "mine"])
def test_a_file_does_not_go_by_the_name_of_something_else(places, sparse, tmp_path, name):
    first, second = tmp_path / f"{name}.toml", tmp_path / "other" / f"{name}.toml"
    second.parent.mkdir()
    for path in (first, second):
        sparse.save(path)
    grid = tiny_grid(places, formats=("worst", str(first), str(second)))
    with pytest.raises(TrainingError, match=f"{name}.toml would be called {name}, but"):
        open_experiment(tmp_path / "out", grid)


@pytest.mark.parametrize("name", ["quick", "clicked"])
def test_a_config_does_not_go_by_the_name_of_something_else(places, tmp_path, name):
    preset("joint").save(tmp_path / f"{name}.toml")
    grid = tiny_grid(places, presets=(str(tmp_path / f"{name}.toml"),))
    with pytest.raises(TrainingError, match=f"would be called {name}, but"):
        open_experiment(tmp_path / "out", grid)


def test_completed_clicks_are_those_of_the_command_however_few_are_dense(places, tmp_path):
    grid = tiny_grid(places, formats=("random",), ratios=(0.1, 0.5), m=(1,))
    grid = dataclasses.replace(grid, presets=(), baselines=("clicked", "completed"))
    experiment = open_experiment(tmp_path / "out", grid)
    assert carry_out(experiment) == {}
    for ratio, n, looked in ((0.1, 5, False), (0.5, 24, True)):
        clicked, completed = (
            result(experiment, name, ratio, 0, "random", 1) for name in ("clicked", "completed")
        )
        assert clicked.n == completed.n == n
        assert (completed.errors != clicked.errors) == looked


def test_the_report_has_a_row_for_each_recipe(done):
    rows = write_report(done)
    assert len(rows) == len(done.cells())  # one seed
    table = pd.read_csv(done.path / "table.csv")
    assert table["nme"].tolist() == pytest.approx([row["nme"] for row in rows])
    differences = table[table["format"] == "random"]["format_difference"]
    assert differences.notna().all()
    text = (done.path / "table.md").read_text(encoding="utf-8")
    assert "errors on 24 images of people who were not learnt from" in text


def test_the_command_takes_up_what_is_there(copy):
    gone = copy.result_file(Cell("clicked", 0.2, 0, "random", 2))
    gone.unlink()
    told = CliRunner().invoke(
        command, [str(copy.path), "--processes", "1", "--device", "cpu", "--json"]
    )
    assert told.exit_code == 0, told.output
    answer = json.loads(told.stdout)
    assert (answer["cells"], answer["done"], answer["failed"]) == (21, 21, 0)
    assert gone.exists()
    gone.unlink()
    looked = CliRunner().invoke(command, [str(copy.path), "--report"])
    assert looked.exit_code == 1
    assert "1 cells are left" in looked.output
    assert not gone.exists()


def test_an_experiment_needs_data(tmp_path):
    told = CliRunner().invoke(command, [str(tmp_path / "out")])
    assert told.exit_code == 2
    assert "--data" in told.output


def test_options_make_a_grid_and_a_broken_folder_is_told(places, tmp_path):
    out = tmp_path / "out"
    asked = [
        str(out), "--data", str(places / "learn"), "--valid", str(places / "valid"), "--m", "2",
        "--m", "3", "--ratio", "0.2", "--format", "random", "--baseline", "clicked", "--preset",
        "quick", "--scale", "0.05", "--image-size", "32", "--width", "0.0625", "--seeds", "1",
        "--processes", "1", "--device", "cpu",
    ]  # fmt: skip
    told = CliRunner().invoke(command, asked)
    assert told.exit_code == 0, told.output
    grid = Grid.load(out / "grid.toml")
    assert (grid.m, grid.ratios, grid.seeds, grid.scale) == ((2, 3), (0.2,), 1, 0.05)
    figure = (out / "figure.html").read_text(encoding="utf-8")
    assert "c of the sparse format" in figure
    without = CliRunner().invoke(command, [str(out), "--baseline", "none"])
    assert "baselines had 'clicked', which is gone" in str(without.exception)
    (out / "data.json").write_text("{}", encoding="utf-8")
    with pytest.raises(FileFormatError, match=r"data\.json: not what an experiment writes"):
        Experiment.load(out)


def test_a_stopped_experiment_leaves_what_was_not_begun(copy):
    for file in (copy.path / "cells").iterdir():
        file.unlink()
    failed = run_experiment(copy, device="cpu", processes=1, stop=lambda: True)
    assert failed == {}
    assert not any((copy.path / "cells").iterdir())
    bench = bench_module.Bench(copy, "cpu", lambda: True)
    with pytest.raises(StoppedError):
        bench.do("cell:mean-shape--r0.2--s0")
