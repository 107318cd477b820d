import pytest

from correlation.matrix import AffinityMatrix
from correlation.series import Series
from datasets.errors import FewmarkError, FileFormatError, TrainingError
from datasets.formats import SparseFormat
from weaksup.checkpoints import read_checkpoint, save_checkpoint
from weaksup.inference import load_network
from weaksup.presets import preset
from weaksup.run_folder import METRICS, RunFolder
from weaksup.run_state import INTERRUPTED, RUNNING, RunState, this_process


@pytest.fixture
def run(tmp_path, sparse):
    folder = RunFolder(tmp_path / "run")
    folder.create(preset("quick"), sparse, {"data": ["/a"]})
    return folder


def row(epoch, **values):
    filled = dict.fromkeys(METRICS, 0.5) | {"stage": "s", "epoch": epoch, "valid_nme": None}
    return filled | values


def test_a_run_keeps_what_it_was_told(run, sparse):
    assert run.exists
    assert run.config == preset("quick")
    assert run.sparse == sparse
    assert run.sources == {"data": ["/a"]}
    assert run.metrics().empty
    assert run.state() is None


def test_a_second_run_in_the_same_folder_is_refused(run, sparse):
    with pytest.raises(TrainingError, match="holds a run already"):
        run.create(preset("thesis"), sparse, {})
    assert run.config.preset == "quick"


def test_a_folder_without_a_run_is_refused_by_name(tmp_path):
    with pytest.raises(TrainingError, match=r"nothing holds no training run"):
        RunFolder(tmp_path / "nothing").require()
    with pytest.raises(TrainingError, match="no training run"):
        read_checkpoint(RunFolder(tmp_path / "nothing"))


def test_clearing_leaves_predictions_and_the_log(run):
    run.prediction("faces").mkdir(parents=True)
    (run.path / "job.log").write_text("x")
    run.checkpoint.write_bytes(b"x")
    run.clear()
    assert not run.exists
    assert sorted(p.name for p in run.path.iterdir()) == ["job.log", "predictions"]


def test_metrics_are_read_back_with_missing_values(run):
    run.add_metrics(row(1))
    run.add_metrics(row(2, valid_nme=0.1))
    table = run.metrics()
    assert table["epoch"].tolist() == [1, 2]
    assert table["valid_nme"].isna().tolist() == [True, False]
    assert tuple(table.columns) == METRICS


def test_affinities_of_later_epochs_are_forgotten(run):
    matrix = AffinityMatrix.from_values([[1.0, 0.5], [0.5, 1.0]])
    run.keep_affinities(0)
    for epoch in (2, 4, 6):
        run.add_affinity(epoch, matrix)
    run.keep_affinities(4)
    assert Series.load(run.affinities).positions == (2, 4)
    (run.affinities / "mine.txt").write_text("mine")
    run.keep_affinities(0)
    assert [p.name for p in run.affinities.iterdir()] == ["mine.txt"]
    run.add_affinity(2, matrix)
    (run.affinities / "mine.txt").unlink()
    run.clear()
    assert not run.affinities.exists()


def test_affinities_of_another_run_are_not_taken_over(tmp_path, sparse):
    folder = RunFolder(tmp_path)
    folder.add_affinity(3, AffinityMatrix.from_values([[1.0]]))
    with pytest.raises(TrainingError, match=r"epoch-000003\.npz is there, but no run"):
        folder.create(preset("quick"), sparse, {})
    assert Series.load(folder.affinities).positions == (3,)


def test_a_line_in_the_making_is_not_read(run):
    run.add_metrics(row(1))
    with (run.path / "metrics.csv").open("a") as file:
        file.write("s,2,0.")
    assert run.metrics()["epoch"].tolist() == [1]


def test_keeping_rows_leaves_them_as_they_were_written(run):
    for epoch in (1, 2, 3):
        run.add_metrics(row(epoch, loss=0.1 + 0.2))
    lines = (run.path / "metrics.csv").read_text().splitlines()
    run.keep_metrics(2)
    assert (run.path / "metrics.csv").read_text().splitlines() == lines[:3]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n"])
def test_broken_metrics_are_refused(run, text):
    (run.path / "metrics.csv").write_text(text)
    with pytest.raises(FileFormatError, match=r"metrics\.csv"):
        run.metrics()


def test_missing_metrics_are_refused(run):
    (run.path / "metrics.csv").unlink()
    with pytest.raises(
        FileFormatError, match=r"metrics\.csv: cannot be read: No such file or directory$"
    ):
        run.metrics()


def test_a_run_whose_process_lives_runs_and_one_whose_is_gone_was_interrupted(run):
    process, created = this_process()
    state = RunState(RUNNING, "", 3, 9, ("w",), {"images": 4}, process, created)
    run.set_state(state)
    assert run.state() == state
    run.set_state(RunState(RUNNING, "", 3, 9, process=process, created=created - 100.0))
    found = run.state()
    assert found.status == INTERRUPTED
    assert "3 of 9 epochs" in found.message
    run.set_state(RunState(RUNNING, "", 3, 9, process=2**30))
    assert run.state().status == INTERRUPTED


@pytest.mark.parametrize("text", ["{", "[]", '{"status": "running"}', '{"warnings": [], "x": 1}'])
def test_a_broken_state_is_refused(run, text):
    (run.path / "state.json").write_text(text)
    with pytest.raises(FileFormatError, match="not the state of a run"):
        run.state()


def test_what_is_somebody_elses_is_not_taken_for_a_runs(tmp_path, sparse):
    for name in ("checkpoint.pt", "state.json", "metrics.csv", "sparse.toml"):
        folder = RunFolder(tmp_path / f"with-{name}")
        folder.path.mkdir()
        (folder.path / name).write_text("mine")
        folder.clear()
        with pytest.raises(FewmarkError, match=name):
            folder.create(preset("quick"), sparse, {})
        assert [p.name for p in folder.path.iterdir()] == [name]
        assert (folder.path / name).read_text() == "mine"


@pytest.mark.parametrize("name", ["dataset.toml", "shapes.parquet"])
def test_a_run_does_not_begin_in_the_folder_of_a_data_set(tmp_path, sparse, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(TrainingError, match=f"{name} is a data set.s, no run.s"):
        RunFolder(tmp_path).create(preset("quick"), sparse, {})
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_folder_with_another_config_is_not_cleared(tmp_path):
    folder = RunFolder(tmp_path)
    (tmp_path / "config.toml").write_text("[server]")
    (tmp_path / "metrics.csv").write_text("mine")
    with pytest.raises(FileFormatError, match=r"config\.toml"):
        folder.clear()
    assert (tmp_path / "metrics.csv").read_text() == "mine"


def test_what_a_stopped_beginning_left_is_written_again(run, sparse):
    (run.path / "config.toml").unlink()
    run.create(preset("quick"), sparse, {"data": ["/b"]})
    assert run.sources == {"data": ["/b"]}


def test_a_run_cannot_lie_below_a_file(tmp_path, sparse):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileFormatError, match=r"file/run.*cannot be written"):
        RunFolder(tmp_path / "file" / "run").create(preset("quick"), sparse, {})


def test_a_run_without_a_checkpoint_says_so(run):
    with pytest.raises(TrainingError, match="no checkpoint yet"):
        read_checkpoint(run)


@pytest.mark.parametrize("content", [b"", b"junk", b"not a checkpoint", b"PK\x03\x04broken"])
def test_a_broken_checkpoint_is_refused(run, content):
    run.checkpoint.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"checkpoint\.pt: not a checkpoint"):
        read_checkpoint(run)


def test_a_checkpoint_of_something_else_is_refused(run):
    save_checkpoint(run, {"epoch": 1})
    with pytest.raises(FileFormatError, match="not a checkpoint of a training run"):
        read_checkpoint(run)


def test_a_checkpoint_that_would_run_code_is_refused(run):
    import torch

    class Evil:
        def __reduce__(self):
            return print, ("owned",)

    torch.save({"version": Evil()}, run.checkpoint)
    with pytest.raises(FileFormatError, match="not a checkpoint"):
        read_checkpoint(run)


def test_a_checkpoint_of_another_version_is_refused(run, trained):
    import torch

    saved = read_checkpoint(trained)
    torch.save(saved | {"version": 99}, run.checkpoint)
    with pytest.raises(FileFormatError, match="version: expected 1, found 99"):
        read_checkpoint(run)


def test_a_checkpoint_that_does_not_fit_its_run_is_refused(run, trained):
    run.checkpoint.write_bytes(trained.checkpoint.read_bytes())
    with pytest.raises(TrainingError, match=r"config\.toml says width = 0\.25, but"):
        load_network(run)
    trained.config.save(run.path / "config.toml")
    SparseFormat(trained.sparse.dense, (0,), (0,) * 5).save(run.path / "sparse.toml")
    with pytest.raises(TrainingError, match=r"does not fit config\.toml and sparse\.toml"):
        load_network(run)


def test_metrics_from_before_images_were_held_out_are_read_and_go_on(run):
    old = [name for name in METRICS if name != "held_out_nme"]
    lines = [",".join(old), "s,1,0.5,0.6,0.1,0,0.2,0.3,1.5", "s,2,0.4,,,,,,"]
    (run.path / "metrics.csv").write_text("\n".join(lines) + "\n")
    table = run.metrics()
    assert tuple(table.columns) == METRICS
    assert table["held_out_nme"].isna().all()
    run.keep_metrics(1)
    run.add_metrics(row(2, held_out_nme=0.25))
    table = run.metrics()
    assert table["seconds"].tolist() == [1.5, 0.5]
    assert table["held_out_nme"].tolist()[1:] == [0.25]
