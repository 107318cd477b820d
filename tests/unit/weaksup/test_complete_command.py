import csv
import json

import numpy as np
import pytest

from annotate.cli import main
from datasets.dataset import LandmarkDataset
from datasets.images import write_image
from datasets.plausibility import SCORES_FILE
from datasets.samples import sample_table
from datasets.shapes import ShapeSet
from weaksup.bounds import BOUNDS_FILE

CHOSEN = [0, 3, 5, 7]


def solids(root=None):
    """40 shapes of ten landmarks in space; with a picture each where there is a folder."""
    rng = np.random.default_rng(0)
    points = 32 + 9 * rng.normal(size=(10, 3)) + rng.normal(size=(40, 10, 3))
    names = [f"s{i}" for i in range(40)]
    images = None if root is None else [f"{name}.png" for name in names]
    for image in images or ():
        write_image(root / image, np.full((64, 64, 3), 90, np.uint8))
    return LandmarkDataset(ShapeSet.from_points(points), sample_table(names, images), root)


def completed(folder, capsys, clicked, dense, *more):
    """What the command says and tells, and what it writes."""
    clicked.save(folder / "clicks")
    dense.save(folder / "dense")
    places = [str(folder / name) for name in ("clicks", "out")]
    main(["complete", *places, "--dense", str(folder / "dense"), "--json", *more])
    out, told = capsys.readouterr()
    return json.loads(out), told, LandmarkDataset.load(folder / "out")


def radii(folder):
    with (folder / "out" / BOUNDS_FILE).open(newline="") as file:
        return {row[0]: row[1:] for row in list(csv.reader(file))[1:]}


@pytest.mark.parametrize("pictured", [False, True])
def test_shapes_in_space_are_completed_with_bounds(tmp_path, capsys, pictured):
    solid = solids(tmp_path if pictured else None)
    truth, dense = solid.take(np.arange(10)), solid.take(np.arange(10, 40))
    clicked = truth.with_shapes(truth.shapes.keep(CHOSEN))
    result, told, done = completed(tmp_path, capsys, clicked, dense)
    assert "Note: the pictures are not looked at: shapes of three dimensions" in told
    assert (result["filled_in"], result["moved_by_pictures"]) == (60, 0)
    distance = np.linalg.norm(done.shapes.points - truth.shapes.points, axis=2)
    assert (distance[:, CHOSEN] == 0).all()
    bounds = np.array([[float(cell) for cell in row] for row in radii(tmp_path).values()])
    assert (distance <= bounds).mean() > 0.8
    assert (tmp_path / "out" / SCORES_FILE).read_text().count("\n") == 11


def test_a_shape_that_cannot_be_completed_is_told_and_stops_no_other(tmp_path, capsys, pictures):
    learn, valid = pictures
    points = valid.shapes.keep([0, 1]).points.copy()
    points[2, 1] = points[2, 0]
    clicked = valid.with_shapes(ShapeSet.from_points(points, valid.format))
    result, told, done = completed(tmp_path, capsys, clicked, learn)
    assert (
        "Note: shapes whose clicks are all in one place stay as they are: 1, such as b002" in told
    )
    assert result["filled_in"] == 3 * 23
    assert np.flatnonzero(~done.shapes.complete).tolist() == [2]
    found = radii(tmp_path)
    assert found["b002"] == ["0.00", "0.00", "", "", ""]
    assert "" not in found["b003"]


def test_what_is_replaced_leaves_no_bounds_behind(tmp_path, capsys, pictures):
    learn, valid = pictures
    clicked = valid.with_shapes(valid.shapes.keep([0, 1]))
    completed(tmp_path, capsys, clicked, learn)
    assert len(radii(tmp_path)) == 24
    few = learn.take(np.arange(5))
    result, told, done = completed(tmp_path, capsys, clicked, few, "--force")
    assert "Note: the pictures are not looked at: expected 8 shapes" in told
    assert "Note: bounds of the errors cannot be told: expected 8 shapes" in told
    assert done.shapes.complete.all()
    assert "expected_nme" not in result
    assert not {BOUNDS_FILE, SCORES_FILE} & {path.name for path in (tmp_path / "out").iterdir()}


def test_what_was_completed_is_kept_where_bounds_fail(tmp_path, capsys, pictures, monkeypatch):
    def broken(*_, **__):
        raise MemoryError

    monkeypatch.setattr("weaksup.clicks.completion_bounds", broken)
    learn, valid = pictures
    with pytest.raises((MemoryError, SystemExit)):
        completed(tmp_path, capsys, valid.with_shapes(valid.shapes.keep([0, 1])), learn)
    assert LandmarkDataset.load(tmp_path / "out").shapes.complete.all()


def test_a_broken_line_of_the_clicks_is_told_and_nothing_else(tmp_path, capsys, pictures):
    learn, _ = pictures
    learn.save(tmp_path / "dense")
    main(["convert", str(tmp_path / "dense"), str(tmp_path / "c.csv")])
    lines = (tmp_path / "c.csv").read_text(encoding="utf-8").splitlines()
    lines[3] = lines[3].replace(lines[3].split(",")[-1], "far")
    (tmp_path / "c.csv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["complete", str(tmp_path / "c.csv"), str(tmp_path / "out"), "--dense",
              str(tmp_path / "dense")])  # fmt: skip
    told = capsys.readouterr().err
    assert f"{tmp_path / 'c.csv'}:4" in told
    assert "far" in told
