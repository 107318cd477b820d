import pytest

from datasets.errors import UnknownNameError
from weaksup.presets import preset


def test_thesis_is_the_thesis_to_the_letter():
    config = preset("thesis")
    assert [(s.epochs, s.rate) for s in config.stages] == [
        (1500, 0.01),
        (3000, 0.01),
        (3000, 0.001),
    ]
    assert [(s.images, s.loss_on, s.train) for s in config.stages] == [
        ("all", ("main",), ("body", "main")),
        ("dense", ("secondary",), ("secondary",)),
        ("dense", ("main", "secondary"), ("body", "main", "secondary")),
    ]
    assert {(s.optimiser, s.decay, s.patience) for s in config.stages} == {("sgd", "plateau", 200)}
    assert config.width == 1.0


def test_quick_has_the_stages_of_the_thesis():
    quick, thesis = preset("quick").stages, preset("thesis").stages
    assert [(s.name, s.images, s.loss_on, s.train) for s in quick] == [
        (s.name, s.images, s.loss_on, s.train) for s in thesis
    ]


def test_unknown_preset_is_refused_with_those_known():
    with pytest.raises(UnknownNameError, match=r"'fast'.*quick, thesis, joint, dense-only"):
        preset("fast")


@pytest.mark.parametrize(("name", "scale"), [("quick", 1), ("quick", 3.0), ("thesis", 1)])
def test_a_run_keeps_some_tens_of_affinities_however_long_it_is(name, scale):
    config = preset(name).scaled(scale)
    assert 10 <= config.epochs / config.affinity_every <= 75
    assert preset(name).changed(affinity_every=0).scaled(scale).affinity_every == 0
