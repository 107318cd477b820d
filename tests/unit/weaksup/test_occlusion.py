import json
from dataclasses import replace

import numpy as np
import pytest

from annotate.cli import main
from datasets.dataset import LandmarkDataset
from datasets.errors import UnknownNameError
from datasets.images import read_image
from datasets.shapes import empty_shapes
from weaksup.occlusion import PROTOCOLS, Ellipse, draw_ellipse, occlude


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture
def faces(pictures):
    return pictures[1].take(np.arange(12))


def test_an_ellipse_holds_what_lies_within_its_axes():
    ellipse = Ellipse((10.0, 20.0), (4.0, 2.0), np.pi / 2)  # upright: the first axis runs down
    points = np.array([[10, 23.9], [10, 24.1], [11.9, 20], [12.1, 20], [np.nan, np.nan]])
    assert ellipse.holds(points).tolist() == [True, False, True, False, False]
    slanted = Ellipse((0.0, 0.0), (4.0, 1.0), np.pi / 4)
    assert slanted.holds(np.array([[2.5, 2.5], [2.5, -2.5]])).tolist() == [True, False]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_ellipses_are_as_large_as_the_protocol_says_and_lie_in_the_box(protocol):
    least, most = PROTOCOLS[protocol]
    draws = rng()
    for _ in range(200):
        ellipse = draw_ellipse((10.0, 20.0, 50.0, 40.0), protocol, draws)
        assert 10 <= ellipse.centre[0] <= 50
        assert 20 <= ellipse.centre[1] <= 40
        assert all(40 * least <= 2 * a <= 40 * most for a in ellipse.semi_axes)


def test_exactly_the_covered_landmarks_are_black_and_occluded(faces, tmp_path):
    covered = occlude(faces, tmp_path / "out", "medium", rng())
    loaded = LandmarkDataset.load(tmp_path / "out")
    assert np.array_equal(loaded.shapes.visibility, covered.shapes.visibility)
    assert np.array_equal(loaded.shapes.points, faces.shapes.points)
    hidden = loaded.shapes.visibility == 1
    assert 0 < hidden.sum() < hidden.size
    for row in range(len(faces)):
        before, after = read_image(faces.image_path(row)), read_image(loaded.image_path(row))
        black = (after == 0).all(axis=2)
        assert black.any()
        assert np.array_equal(after[~black], before[~black])
        x, y = np.round(loaded.shapes.points[row]).astype(int).T
        agree = black[y, x] == hidden[row]
        assert agree.mean() >= 0.8  # a landmark within half a pixel of the edge may differ


def test_the_seed_decides(faces, tmp_path):
    first = occlude(faces, tmp_path / "a", "large", rng())
    again = occlude(faces, tmp_path / "b", "large", rng())
    other = occlude(faces, tmp_path / "c", "large", rng(1))
    assert np.array_equal(first.shapes.visibility, again.shapes.visibility)
    assert first.image_path(3).read_bytes() == again.image_path(3).read_bytes()
    assert first.image_path(3).read_bytes() != other.image_path(3).read_bytes()


def test_objects_of_one_picture_share_it_with_all_ellipses(faces, tmp_path):
    samples = faces.samples.assign(image=faces.samples["image"].iloc[0])
    covered = occlude(replace(faces, samples=samples), tmp_path / "out", "medium", rng())
    assert covered.samples["image"].nunique() == 1
    assert len(list((tmp_path / "out" / "images").iterdir())) == 1
    alone = occlude(faces, tmp_path / "alone", "medium", rng())
    assert (covered.shapes.visibility == 1).sum() > 2 * (alone.shapes.visibility == 1).sum()


def test_pictures_without_landmarks_are_covered_somewhere(faces, tmp_path):
    bare = faces.with_shapes(empty_shapes(faces.format, len(faces)))
    covered = occlude(bare, tmp_path / "out", "large", rng())
    assert not covered.shapes.present.any()
    assert (read_image(covered.image_path(0)) == 0).all(axis=2).mean() > 0.05


def test_unknown_protocols_are_refused_with_the_known_ones(faces, tmp_path):
    with pytest.raises(UnknownNameError, match="'tiny' of occlusion; known are medium, large"):
        occlude(faces, tmp_path / "out", "tiny", rng())
    assert not (tmp_path / "out").exists()


def test_the_rise_of_errors_is_measured_by_commands(faces, tmp_path, capsys):
    def call(*arguments):
        main([*(str(a) for a in arguments), "--json"])
        return json.loads(capsys.readouterr().out)

    faces.save(tmp_path / "faces")
    told = call("occlude", tmp_path / "faces", tmp_path / "covered", "--protocol", "large")
    assert (told["shapes"], told["protocol"], told["seed"]) == (12, "large", 0)
    covered = LandmarkDataset.load(tmp_path / "covered")
    assert told["covered_landmarks"] == (covered.shapes.visibility == 1).mean()
    shift = np.where(covered.shapes.visibility == 1, 3.0, 0.0)[..., None]
    found = replace(covered.shapes, points=covered.shapes.points + shift)
    covered.with_shapes(found).save(tmp_path / "found")
    faces.save(tmp_path / "clean")
    judged = call(
        "evaluate", tmp_path / "found", "--truth", tmp_path / "covered",
        "--against", tmp_path / "clean", "--altered",
    )  # fmt: skip
    parts = {row["what"]: row["nme"] for row in judged["rows"]}
    assert parts["visible landmarks"] == 0 < parts["occluded landmarks"]
    rise = {row["what"]: row["difference"] for row in judged["against"][0]["rows"]}
    assert rise["nme"] == judged["nme"] > 0
    with pytest.raises(SystemExit):
        main(["occlude", str(tmp_path / "faces"), str(tmp_path / "covered")])
    assert "--force" in capsys.readouterr().err
