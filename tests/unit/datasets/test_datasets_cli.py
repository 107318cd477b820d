import json
import os
import signal
import time

import numpy as np
import pytest

from annotate.cli import main
from datasets.dataset import LandmarkDataset
from datasets.formats import SparseFormat, landmark_format
from datasets.images import write_image
from datasets.io.registry import read, write
from datasets.samples import sample_table
from datasets.shapes import ShapeSet

FORMAT = landmark_format("300w-68")


@pytest.fixture
def faces(tmp_path):
    """A data set of 20 faces, 12 of them in the split ``train``."""
    rng = np.random.default_rng(0)
    shapes = ShapeSet.from_points(rng.uniform(0, 50, (20, 68, 2)), FORMAT)
    ids = [f"face{i:02}" for i in range(20)]
    splits = ["train" if i < 12 else "valid" for i in range(20)]
    samples = sample_table(ids, split=splits, subject=[f"p{i % 7}" for i in range(20)])
    dataset = LandmarkDataset(shapes, samples)
    dataset.save(tmp_path / "faces")
    return dataset


def run(capsys, *arguments):
    """Standard output of a command that must succeed."""
    main([str(argument) for argument in arguments])
    return capsys.readouterr().out


def run_json(capsys, *arguments):
    return json.loads(run(capsys, *arguments, "--json"))


def assert_fails(capsys, tmp_path, *arguments):
    """The single line of a command that must fail and leave everything as it was."""
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert stop.value.code == 1
    assert out == ""
    lines = err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("Error: ")
    assert sorted(tmp_path.rglob("*")) == before
    return lines[0]


def test_convert_draws_the_same_share_of_a_split_for_the_same_seed(faces, tmp_path, capsys):
    part = ("--split", "train", "--share", "0.25", "--seed", "3")
    result = run_json(capsys, "convert", tmp_path / "faces", tmp_path / "a", *part)
    assert result["shapes"] == 3
    assert result["dense"] == 3
    run(capsys, "convert", tmp_path / "faces", tmp_path / "b", *part)
    first, second = read(tmp_path / "a"), read(tmp_path / "b")
    assert list(first.samples["shape_id"]) == list(second.samples["shape_id"])
    expected = faces.split("train").draw(0.25, np.random.default_rng(3))
    np.testing.assert_array_equal(first.shapes.points, expected.shapes.points)


def test_convert_holds_whole_subjects_out_of_a_table_without_splits(tmp_path, capsys):
    rows = [f"p{i // 4},{i},1,2,3" for i in range(20)]
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(["subject,x0,y0,x1,y1", *rows]) + "\n")
    hold_out = ("--hold-out", "0.2", "--seed", "3")
    result = run_json(capsys, "convert", table, tmp_path / "all", *hold_out)
    assert result["seed"] == 3
    whole = read(tmp_path / "all")
    assert {name: len(whole.split(name)) for name in whole.splits} == {"train": 16, "valid": 4}
    assert whole.split("valid").samples["subject"].nunique() == 1
    run(capsys, "convert", tmp_path / "all", tmp_path / "train", "--split", "train")
    run(capsys, "convert", table, tmp_path / "at_once", *hold_out, "--split", "train")
    later, at_once = read(tmp_path / "train"), read(tmp_path / "at_once")
    assert list(later.samples["shape_id"]) == list(at_once.samples["shape_id"])
    assert later.splits == ("train",)


@pytest.mark.usefixtures("faces")
def test_convert_names_no_seed_where_nothing_is_drawn(tmp_path, capsys):
    assert run_json(capsys, "convert", tmp_path / "faces", tmp_path / "out")["seed"] is None


def test_convert_keeps_only_the_landmarks_of_a_sparse_format(faces, tmp_path, capsys):
    sparse = SparseFormat(FORMAT, (3, 30), (3,) * 30 + (30,) * 38)
    sparse.save(tmp_path / "m2.toml")
    result = run_json(
        capsys, "convert", tmp_path / "faces", tmp_path / "out", "--keep", tmp_path / "m2.toml"
    )
    assert result["dense"] == 0
    kept = read(tmp_path / "out").shapes
    assert [int(i) for i in np.flatnonzero(kept.present[0])] == [3, 30]
    np.testing.assert_array_equal(kept.points[:, 30], faces.shapes.points[:, 30])


def test_convert_takes_a_smaller_format_out(faces, tmp_path, capsys):
    run(capsys, "convert", tmp_path / "faces", tmp_path / "out", "--subset", "300w-inner-41")
    inner = read(tmp_path / "out")
    assert inner.format.name == "300w-inner-41"
    np.testing.assert_array_equal(inner.shapes.points, faces.shapes.points[:, 27:])


def test_convert_goes_to_other_types_and_back_and_says_what_is_lost(faces, tmp_path, capsys):
    result = run_json(capsys, "convert", tmp_path / "faces", tmp_path / "p", "--to", "pts")
    assert result["not_kept"] == ["splits", "subjects"]
    run(capsys, "convert", tmp_path / "p", tmp_path / "t.csv")
    run(capsys, "convert", tmp_path / "t.csv", tmp_path / "back", "--format", "300w-68")
    again = read(tmp_path / "back")
    np.testing.assert_allclose(again.shapes.points, faces.shapes.points, atol=1e-6)


def test_convert_measures_pictures_and_refuses_broken_ones(tmp_path, capsys):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    write_image(pictures / "a.png", np.zeros((5, 7, 3), np.uint8))
    common = ("convert", pictures, tmp_path / "out", "--format", "mafl-5")
    run(capsys, *common)
    samples = read(tmp_path / "out").samples
    assert (samples["height_px"][0], samples["width_px"][0]) == (5, 7)
    (pictures / "b.png").write_bytes(b"broken")
    line = assert_fails(capsys, tmp_path, *common, "--force")
    assert "b.png: not a picture that can be read" in line


@pytest.mark.usefixtures("faces")
def test_convert_refuses_what_exists_unless_forced(tmp_path, capsys):
    common = ("convert", tmp_path / "faces", tmp_path / "out")
    (tmp_path / "out").mkdir()  # an empty folder is no loss
    run(capsys, *common)
    line = assert_fails(capsys, tmp_path, *common, "--split", "train")
    assert "exists already; --force replaces it" in line
    run(capsys, *common, "--split", "train", "--force")
    assert len(read(tmp_path / "out")) == 12


@pytest.mark.usefixtures("faces")
def test_convert_never_replaces_what_it_reads(tmp_path, capsys):
    place = tmp_path / "faces"
    line = assert_fails(capsys, tmp_path, "convert", place, place, "--split", "train", "--force")
    assert "this command reads it; name another place" in line
    assert len(read(place)) == 20


@pytest.mark.usefixtures("faces")
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nowhere", "out"], "nowhere: there is no such file or folder"),
        (["faces", "out", "--split", "test"], "no shape is in split 'test'"),
        (["faces", "out", "--share", "0"], "0.0 is not in the range 0<x<=1"),
        (["faces", "out", "--hold-out", "1"], "share to hold out must lie between 0 and 1, got 1"),
        (["faces", "out", "--share", "most"], "is not a valid number"),
        (["faces", "out", "--from", "coco"], "unknown file type 'coco'"),
        (["faces", "out", "--to", "coco"], "unknown file type 'coco'"),
        (["faces", "out", "--to", "images"], "can only be read"),
        (["faces", "out", "--format", "dlib-68"], "unknown landmark format 'dlib-68'"),
        (["faces", "out", "--format", "mafl-5"], "mafl-5 was asked for"),
        (["faces", "out", "--subset", "cofw-29"], "not known to be part of 300w-68"),
        (["faces", "out", "--keep", "nowhere.toml"], "cannot be read"),
        (["faces", "out", "--images", "nowhere"], "no such folder of pictures"),
        (["faces", "out.wflw"], "cannot tell the type from '.wflw'"),
        (["faces", "out.txt"], "names a picture for every shape"),
        (["faces"], "Missing argument 'DST'"),
        (["faces", "out", "--colour"], "No such option"),
    ],
)
def test_convert_says_in_one_line_what_is_wrong_and_writes_nothing(
    tmp_path, capsys, monkeypatch, arguments, reason
):
    monkeypatch.chdir(tmp_path)
    assert reason in assert_fails(capsys, tmp_path, "convert", *arguments)


@pytest.mark.usefixtures("faces")
def test_convert_refuses_a_sparse_format_of_another_dense_one(tmp_path, capsys):
    SparseFormat(landmark_format("mafl-5"), (0,), (0,) * 5).save(tmp_path / "m1.toml")
    line = assert_fails(
        capsys, tmp_path, "convert", tmp_path / "faces", tmp_path / "out",
        "--keep", tmp_path / "m1.toml",
    )  # fmt: skip
    assert "chooses from mafl-5, the data set has 300w-68" in line


def test_convert_lists_the_types(capsys):
    out = run(capsys, "convert", "--types")
    assert "merl-rav-pts" in out
    assert "images        folder of unmarked pictures (only read)" in out


def test_info_counts_dense_sparse_and_empty_shapes(tmp_path, capsys):
    points = np.ones((3, 5, 2))
    points[1, 2] = np.nan
    points[2] = np.nan
    shapes = ShapeSet.from_points(points, landmark_format("mafl-5"))
    samples = sample_table(
        list("abc"), ["a.png", "b.png", None], split=["train", "train", None],
        height_px=[10, 20, None], width_px=[30, 10, None],
    )  # fmt: skip
    LandmarkDataset(shapes, samples, tmp_path).save(tmp_path / "set")
    write_image(tmp_path / "a.png", np.zeros((10, 30, 3), np.uint8))
    result = run_json(capsys, "info", tmp_path / "set")
    assert (result["dense"], result["sparse"], result["empty"]) == (1, 1, 1)
    assert result["present"] == pytest.approx(9 / 15)
    assert (result["pictures"], result["missing_pictures"]) == (2, 1)
    assert result["splits"] == {"train": 2}
    assert result["sizes_px"] == [[20, 10], [10, 30]]
    text = run(capsys, "info", tmp_path / "set")
    assert "sparse: 1" in text
    assert "sizes px: 20 x 10 to 10 x 30" in text
    assert "splits: train 2" in text


def test_info_on_a_broken_file_is_one_line(tmp_path, capsys):
    (tmp_path / "a.pts").write_text("version: 1\nn_points: 3\n{\n1 2\n}\n")
    line = assert_fails(capsys, tmp_path, "info", tmp_path / "a.pts")
    assert "a.pts:5: expected 3 points, found 1" in line


def test_faces_draws_a_data_set(tmp_path, capsys):
    result = run_json(
        capsys, "faces", tmp_path / "demo", "--count", "3", "--size", "48", "--seed", "5"
    )
    assert result["shapes"] == 3
    made = read(tmp_path / "demo")
    assert made.format.name == "300w-68"
    assert made.image_path(2).is_file()
    assert "new or empty folder" in assert_fails(capsys, tmp_path, "faces", tmp_path / "demo")
    assert "is not in the range" in assert_fails(
        capsys, tmp_path, "faces", tmp_path / "none", "--count", "1"
    )


@pytest.mark.usefixtures("faces")
def test_what_the_system_refuses_is_one_line_with_the_path(capsys, tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    for target, more in ((tmp_path / "file" / "below", ()), (tmp_path / "folder", ("--to", "csv"))):
        with pytest.raises(SystemExit):
            main(["convert", str(tmp_path / "faces"), str(target), *more])
        assert f"{target}: cannot be written" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["info", str(tmp_path / ("a" * 300))])
    assert "cannot be read: File name too long" in capsys.readouterr().err


@pytest.mark.usefixtures("faces")
def test_a_negative_seed_is_refused(capsys, tmp_path):
    arguments = ("--share", "0.5", "--seed", "-1")
    with pytest.raises(SystemExit):
        main(["convert", str(tmp_path / "faces"), str(tmp_path / "out"), *arguments])
    assert "--seed" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_convert_puts_a_text_before_every_name(faces, tmp_path, capsys):
    run(capsys, "convert", tmp_path / "faces", tmp_path / "a", "--prefix", "cam2-")
    names = list(read(tmp_path / "a").samples["shape_id"])
    assert names == [f"cam2-{name}" for name in faces.samples["shape_id"]]


@pytest.mark.usefixtures("faces")
def test_a_killed_convert_does_not_stand_in_the_way_of_its_repetition(tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".new-abc.part").write_text("half")
    run(capsys, "convert", tmp_path / "faces", tmp_path / "out")


@pytest.mark.usefixtures("faces")
def test_a_command_that_is_asked_to_end_says_so_and_leaves_nothing(tmp_path, capsys, monkeypatch):
    def asked(*_, **_more):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("datasets.dataset.pq.ParquetWriter", asked)
    with pytest.raises(SystemExit) as stop:
        main(["convert", str(tmp_path / "faces"), str(tmp_path / "out")])
    assert stop.value.code == 1
    assert capsys.readouterr().err.strip() == "Error: stopped"
    assert not list(tmp_path.glob("out/*"))
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.usefixtures("faces")
def test_an_empty_path_is_not_the_folder_that_one_is_in(faces, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path / "faces")
    for arguments in (["info", ""], ["convert", "", "x"], ["convert", "x", ""]):
        assert "expected a path, got ''" in assert_fails(capsys, tmp_path, *arguments)
    for act in (lambda: read(""), lambda: write(faces, ""), lambda: faces.save("")):
        with pytest.raises(ValueError, match="expected a path, got ''"):
            act()
