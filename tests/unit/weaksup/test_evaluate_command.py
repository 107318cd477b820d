import json
from dataclasses import replace

import numpy as np
import pytest

from annotate.cli import main
from datasets.formats import LandmarkFormat
from weaksup.completion import mean_shape_prediction
from weaksup.evaluation import evaluate, rates

RATES = tuple(rates(np.zeros((1, 1))))


@pytest.fixture
def places(tmp_path, pictures):
    """24 pictures of 8 people, and two predictions: `near` and, off by more, `far`."""
    samples = pictures[1].samples.assign(subject=[f"p{i % 8}" for i in range(24)])
    truth = replace(pictures[1], samples=samples)
    truth.save(tmp_path / "truth")
    rng = np.random.default_rng(0)
    for name, by in (("near", 0.3), ("far", 2.0)):
        points = truth.shapes.points + rng.normal(0, by, truth.shapes.points.shape)
        truth.with_shapes(replace(truth.shapes, points=points)).save(tmp_path / name)
    return tmp_path


def call(capsys, *arguments):
    """What `evaluate` printed, and its notes."""
    main(["evaluate", *(str(a) for a in arguments)])
    return capsys.readouterr()


def measured(capsys, *arguments):
    return json.loads(call(capsys, *arguments, "--json").out)


def test_intervals_stand_behind_their_rates(places, capsys):
    printed = call(capsys, places / "near", "--truth", places / "truth")
    names = [line.split(":")[0] for line in printed.out.splitlines()]
    assert names[names.index("nme") + 1] == "nme interval"
    assert "subjects: 8" in printed.out
    assert printed.err == ""
    told = measured(capsys, places / "near", "--truth", places / "truth")
    assert told["nme_interval"][0] < told["nme"] < told["nme_interval"][1]
    assert (told["confidence"], told["seed"]) == (0.95, 0)
    assert told == measured(capsys, places / "near", "--truth", places / "truth")


def test_the_mean_shape_is_judged_where_the_prediction_is(places, pictures, capsys):
    truth = pictures[1]
    truth.save(places / "dense")
    level = mean_shape_prediction(truth, truth)
    level.with_shapes(level.shapes.keep((0, 3))).take(range(9)).save(places / "few")
    arguments = ("--truth", places / "truth", "--baseline", places / "dense")
    told = measured(capsys, places / "few", *arguments)
    assert told["rows"] == [{"what": "mean shape", **{name: told[name] for name in RATES}}]
    assert told["nme"] != pytest.approx(evaluate(level, truth).summary()["nme"], abs=1e-3)


def test_images_without_subjects_bring_a_note(places, pictures, capsys):
    pictures[1].save(places / "unnamed")
    printed = call(capsys, places / "near", "--truth", places / "unnamed")
    assert "Note: 24 of 24 images name no subject" in printed.err
    assert "subjects: 24" in printed.out


def test_others_are_compared_each_with_its_verdict(places, capsys):
    others = ["--against", places / "far", "--against", places / "near"]
    printed = call(capsys, places / "near", "--truth", places / "truth", *others).out
    assert "verdict: the NME is lower, by" in printed
    assert "verdict: no difference of the NME is shown" in printed
    told = measured(capsys, places / "near", "--truth", places / "truth", *others, "--landmarks")
    first, second = told["against"]
    assert first["against"] == str(places / "far")
    assert (first["images_of_both"], second["images_better"]) == (24, 0.0)
    nme = {row["what"]: row for row in first["rows"]}
    assert nme["nme"]["ours"] == told["nme"]
    assert nme["left"]["difference"] < 0
    assert [row["what"] for row in told["rows"]] == ["left", "right", "middle", "bottom", "top"]


def test_a_prediction_of_another_format_is_judged_and_compared(places, pictures, capsys):
    ends = LandmarkFormat("ends-2", ("r", "l"), (1, 0), maps={"spots-5": (1, 0)})
    truth = pictures[1]
    truth.with_shapes(truth.shapes.subset(ends, (1, 0))).save(places / "ends")
    told = measured(
        capsys, places / "ends", "--truth", places / "truth", "--against", places / "far"
    )
    assert (told["predicted_format"], told["landmarks"], told["nme"]) == ("ends-2", 2, 0.0)
    assert told["against"][0]["images_better"] == 1.0
    with pytest.raises(SystemExit):
        main(["evaluate", str(places / "gone"), "--truth", str(places / "truth")])
    assert "gone" in capsys.readouterr().err


def test_occluded_landmarks_have_a_row(places, pictures, capsys):
    truth = pictures[1]
    seen = truth.shapes.visibility.copy()
    seen[:, 4] = 1
    hidden = truth.with_shapes(replace(truth.shapes, visibility=seen))
    hidden.save(places / "hidden")
    rows = measured(capsys, places / "far", "--truth", places / "hidden")["rows"]
    assert [row["what"] for row in rows] == ["visible landmarks", "occluded landmarks"]
    found = evaluate(hidden.with_shapes(truth.shapes), hidden)
    assert np.isnan(found.per_visibility["visible"][:, 4]).all()
