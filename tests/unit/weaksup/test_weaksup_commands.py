import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from annotate.cli import main
from datasets.dataset import LandmarkDataset
from tests.unit.weaksup.compared_runs import without_seconds
from weaksup.checkpoints import read_checkpoint
from weaksup.run_folder import RunFolder


@pytest.fixture
def places(tmp_path, pictures, sparse):
    """Data sets and a sparse format on disk."""
    learn, valid = pictures
    dense = learn.take(np.arange(12))
    dense.save(tmp_path / "dense")
    learn.with_shapes(learn.shapes.keep(sparse.chosen)).save(tmp_path / "clicks")
    valid.save(tmp_path / "valid")
    sparse.save(tmp_path / "m2.toml")
    return tmp_path


def training(places, run="run", *more):
    named = ["--data", "dense", "--data", "clicks", "--sparse", "m2.toml", "--valid", "valid"]
    named = [str(places / n) if not n.startswith("-") else n for n in named]
    tiny = ["--scale", "0.1", "--image-size", "32", "--width", "0.0625", "--threads", "1"]
    return ["train", str(places / run), *named, *tiny, *more]


def call(capsys, *arguments):
    """What a command printed, which must end well."""
    main([str(a) for a in arguments])
    return capsys.readouterr().out


def refusal(capsys, *arguments):
    """The one line by which a command refuses."""
    with pytest.raises(SystemExit) as stop:
        main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    assert stop.value.code == 1
    assert out == ""
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    return err


def listing(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def test_the_whole_job_by_commands(places, capsys):
    result = json.loads(call(capsys, *training(places), "--json"))
    assert (result["status"], result["images"], result["dense"]) == ("finished", 48, 12)
    found = json.loads(
        call(capsys, "infer", places / "run", places / "valid", places / "found", "--json")
    )
    assert found["shapes"] == 24
    judged = json.loads(
        call(
            capsys, "evaluate", places / "found", "--truth", places / "valid",
            "--baseline", places / "dense", "--components", "--json",
        )
    )  # fmt: skip
    assert judged["nme"] == pytest.approx(result["valid_nme"])
    assert [row["what"] for row in judged["rows"]] == ["mean shape", "row", "column"]
    assert judged["rows"][0]["nme"] == pytest.approx(result["mean_shape_nme"])
    done = json.loads(
        call(
            capsys, "complete", places / "clicks", places / "completed",
            "--dense", places / "dense", "--json",
        )
    )  # fmt: skip
    assert (done["clicked_landmarks"], done["filled_in"]) == (2 * 48, 3 * 48)
    assert LandmarkDataset.load(places / "completed").shapes.complete.all()
    again = call(capsys, "train", places / "run", "--resume")
    assert "finished before" in again


def test_pictures_are_looked_at_unless_clicks_alone_are_asked_for(places, pictures, capsys):
    wanted = [places / "clicks", places / "completed", "--dense", places / "dense"]
    looked = json.loads(call(capsys, "complete", *wanted, "--json"))
    alone = json.loads(call(capsys, "complete", *wanted, "--clicks-only", "--force", "--json"))
    assert looked["moved_by_pictures"] in (0, looked["shapes"])
    assert alone["moved_by_pictures"] == 0
    name = LandmarkDataset.load(places / "clicks").samples["image"].iloc[-1]
    kept = (pictures[0].root / name).read_bytes()
    try:
        (pictures[0].root / name).write_bytes(b"no picture")
        told = refusal(capsys, "complete", *wanted, "--force")
        assert name in told
        assert "--clicks-only does without pictures" in told
        call(capsys, "complete", *wanted, "--force", "--clicks-only")
    finally:
        (pictures[0].root / name).write_bytes(kept)


def test_a_bare_folder_of_pictures_can_be_inferred(places, pictures, trained, capsys):
    call(capsys, "infer", trained.path, pictures[1].root, places / "bare")
    assert len(LandmarkDataset.load(places / "bare")) == 24


def test_a_config_file_stands_for_a_preset(places, capsys):
    from weaksup.presets import preset

    preset("dense-only").scaled(0.1).save(places / "mine.toml")
    arguments = training(places)
    result = call(capsys, *arguments, "--config", places / "mine.toml")
    assert "status: finished" in result
    assert RunFolder(places / "run").config.preset == "dense-only"
    message = refusal(
        capsys, *training(places, "b"), "--config", places / "mine.toml", "--preset", "quick"
    )
    assert "not both" in message


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--data", "gone"], "gone"),
        (["--sparse", "gone.toml"], "gone.toml: cannot be read"),
        (["--valid-split", "dev"], "this data set has no splits"),
        (["--preset", "fast"], "unknown preset 'fast'"),
        (["--scale", "-1"], "scale of a run must be positive"),
        (["--image-size", "8"], "at least 32"),
        (["--device", "tpu"], "device must be one of"),
        (["--seed", "-3"], "--seed"),
        (["--config", "gone.toml"], "gone.toml: cannot be read"),
    ],
)
def test_bad_input_to_train_is_refused_and_nothing_is_written(places, capsys, more, message):
    before = listing(places)
    assert message in refusal(capsys, *training(places), *more)
    assert listing(places) == before


def test_train_without_data_and_with_sparse_labels_only_is_refused(places, capsys):
    assert "--data" in refusal(capsys, "train", places / "run")
    message = refusal(
        capsys, "train", places / "run", "--data", places / "clicks", "--sparse", places / "m2.toml"
    )
    assert "stage 'prior' needs at least 1 images with all 5 landmarks" in message
    assert not (places / "run").exists()


def test_a_run_is_replaced_by_force_only_and_only_if_all_is_well(places, capsys):
    call(capsys, *training(places))
    before = (places / "run" / "checkpoint.pt").read_bytes()
    assert "--resume goes on with it, --force forgets it" in refusal(capsys, *training(places))
    broken = ["--force", "--data", places / "gone"]
    refusal(capsys, *training(places), *broken)
    assert (places / "run" / "checkpoint.pt").read_bytes() == before
    call(capsys, *training(places), "--force", "--seed", "4")
    assert RunFolder(places / "run").config.seed == 4


def test_resume_takes_nothing_that_is_settled(places, capsys, trained):
    message = refusal(capsys, "train", trained.path, "--resume", "--image-size", "48")
    assert "leave out --image-size" in message
    assert "no training run" in refusal(capsys, "train", places / "none", "--resume")
    assert "only from Python" in refusal(capsys, "train", trained.path, "--resume")
    assert "give one" in refusal(capsys, "train", trained.path, "--resume", "--force")


def test_bad_input_to_infer_complete_and_evaluate_is_refused(places, capsys, trained):
    before = listing(places)
    valid, dense, clicks = places / "valid", places / "dense", places / "clicks"
    for arguments, message in (
        (["infer", places, valid, places / "out"], "no training run"),
        (["infer", trained.path, places / "gone", places / "out"], "gone"),
        (
            ["infer", trained.path, valid, places / "out", "--split", "x"],
            f"{valid}: this data set has no splits",
        ),
        (["infer", trained.path, valid, dense], "exists already"),
        (["complete", clicks, valid, "--dense", dense], "exists already"),
        (["complete", clicks, places / "out", "--dense", clicks], "two at least; found 0"),
        (["complete", clicks, places / "out", "--dense", clicks], f"{clicks} and {clicks}: "),
        (["complete", clicks, places / "out"], "--dense"),
        (["evaluate", dense, "--truth", valid], "no shape is in both data sets"),
        (["evaluate", dense, "--truth", valid], f"{dense} and {valid}: "),
        (["evaluate", valid, "--truth", valid, "--span", "eyes"], "no span 'eyes'"),
        (
            ["evaluate", valid, "--truth", valid, "--without", valid],
            f"{valid} and {valid}: all 24 shapes are among those to leave out",
        ),
        (["evaluate", valid, "--truth", places / "gone"], "gone"),
    ):
        assert message in refusal(capsys, *arguments)
    assert listing(places) == before


def test_results_never_take_the_place_of_what_they_come_from(places, capsys, trained):
    clicks, dense = places / "clicks", places / "dense"
    before = [(each / "shapes.parquet").read_bytes() for each in (clicks, dense)]
    (places / "link").symlink_to(dense)
    for arguments in (
        ["infer", trained.path, dense, dense],
        ["infer", trained.path, dense, places / "link"],
        ["complete", clicks, clicks, "--dense", dense],
        ["complete", clicks, dense, "--dense", dense],
        ["occlude", dense, dense],
    ):
        message = f"{arguments[3 if arguments[0] == 'infer' else 2]}: this command reads it"
        assert message in refusal(capsys, *arguments, "--force")
    assert [(each / "shapes.parquet").read_bytes() for each in (clicks, dense)] == before


def test_results_do_not_go_into_a_run_or_a_file(places, capsys, trained):
    run = shutil.copytree(trained.path, places / "run")
    (places / "file").write_text("mine", encoding="utf-8")
    before = listing(run)
    for place, told in ((run, "holds a training run"), (places / "file", "is a file; what is")):
        for arguments in (
            ["infer", trained.path, places / "valid", place],
            ["complete", places / "clicks", place, "--dense", places / "dense"],
            ["occlude", places / "valid", place],
        ):
            assert f"{place} {told}" in refusal(capsys, *arguments, "--force")
    assert listing(run) == before


def test_a_run_in_which_a_data_set_lies_is_not_forgotten(places, capsys):
    call(capsys, *training(places))
    for file in (places / "valid").iterdir():
        shutil.copy(file, places / "run")
    before = listing(places / "run")
    assert "is a data set's, no run's" in refusal(capsys, *training(places), "--force")
    assert listing(places / "run") == before


def test_a_table_of_dense_shapes_has_the_format_of_the_clicks(places, capsys):
    call(capsys, "convert", places / "dense", places / "dense.csv")
    call(capsys, "complete", places / "clicks", places / "out", "--dense", places / "dense.csv")
    assert (places / "out" / "bounds.csv").exists()


def start(arguments):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "annotate.cli", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
    )  # fmt: skip


def wait_for_stage(process, run, stage, epoch):
    """Look until the run has written an epoch of a stage; its process is still at work then."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(process.communicate()[0])
        if run.checkpoint.exists():
            rows = run.metrics()
            if ((rows["stage"] == stage) & (rows["epoch"] >= epoch)).any():
                return
        time.sleep(0.005)
    raise AssertionError("the run did not come that far")


def test_a_killed_run_goes_on_bit_by_bit(places, capsys):
    """Killed in stage 1 and again in stage 2, asked to stop in stage 3, it ends as if unharmed."""
    from weaksup.presets import preset

    long = preset("quick").changed(checkpoint_every_s=0.0, validate_every=7)
    long.save(places / "long.toml")
    options = ["--config", str(places / "long.toml"), "--scale", "0.5"]
    call(capsys, *training(places, "whole", *options))
    killed = RunFolder(places / "killed")
    arguments = training(places, "killed", *options)
    for stage, ending in (
        ("sparse", signal.SIGKILL),
        ("secondary", signal.SIGKILL),
        ("everything", signal.SIGTERM),
    ):
        process = start(arguments)
        wait_for_stage(process, killed, stage, 2)
        process.send_signal(ending)
        printed = process.communicate()[0]
        status = killed.state().status
        if ending == signal.SIGTERM:
            assert process.returncode == 1
            assert f"fewmark train {killed.path} --resume" in printed
            assert status == "stopped"
        else:
            assert status == "interrupted"
        arguments = ["train", str(killed.path), "--resume"]
    call(capsys, *arguments)
    whole = RunFolder(places / "whole")
    assert without_seconds(whole) == without_seconds(killed)
    ours, theirs = (read_checkpoint(run)["learner"]["network"] for run in (whole, killed))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_missing_pictures_are_told_before_the_run_begins(places, pictures, capsys):
    picture = pictures[1].image_path(3)
    bytes_ = picture.read_bytes()
    picture.unlink()
    try:
        before = listing(places)
        message = refusal(capsys, *training(places))
        assert f"{picture}: there is no such picture" in message
        assert listing(places) == before
    finally:
        picture.write_bytes(bytes_)


def test_a_run_begins_with_another_one_and_remembers_which(places, capsys):
    call(capsys, *training(places, "first"))
    result = call(capsys, *training(places, "second", "--start", str(places / "first")), "--json")
    assert json.loads(result)["status"] == "finished"
    assert RunFolder(places / "second").sources["start"] == str(places / "first")
    told = ["train", str(places / "second"), "--resume", "--start", str(places / "first")]
    with pytest.raises(SystemExit):
        main(told)
    assert "leave out --start" in capsys.readouterr().err
    wider = training(places, "third", "--start", str(places / "first"), "--width", "0.125")
    assert "its width is 0.0625" in refusal(capsys, *wider)
    assert not (places / "third").exists()
