import math

import pytest
import torch
from torch import nn

from weaksup.parts import BODY, MAIN
from weaksup.presets import preset
from weaksup.schedule import LearningRate, make_optimiser
from weaksup.stage import Stage


def stage(decay="plateau", patience=3, optimiser="sgd"):
    return Stage("s", "all", (MAIN,), (BODY, MAIN), 10, 0.1, 4, optimiser, decay, patience)


def rates(rule, steps):
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 1.0)
    seen = []
    for _ in range(steps):
        rule.apply(optimiser)
        seen.append(optimiser.param_groups[0]["lr"])
    return seen


def test_plateau_rate_rises_over_the_first_steps_and_then_stays():
    assert rates(LearningRate(stage(), 100, 4), 6) == pytest.approx(
        [0.025, 0.05, 0.075, 0.1, 0.1, 0.1]
    )


def test_warm_up_takes_at_most_half_of_the_stage():
    assert rates(LearningRate(stage(), 4, 50), 3) == pytest.approx([0.05, 0.1, 0.1])


def test_rate_is_cut_to_a_tenth_when_the_loss_has_not_fallen_for_the_patience():
    rule = LearningRate(stage(), 1, 0)
    for loss in (1.0, 0.9, 0.9, 0.95):
        rule.end_epoch(loss)
    assert rule.cuts == 0
    rule.end_epoch(0.9)
    assert rule.cuts == 1
    assert rule.now == pytest.approx(0.01)
    for loss in (0.9, 0.91, 0.5, 0.6, 0.6):
        rule.end_epoch(loss)
    assert rule.cuts == 1
    rule.end_epoch(0.6)
    assert rule.now == pytest.approx(0.001)


def test_one_cycle_rises_to_the_rate_and_ends_near_nothing():
    seen = rates(LearningRate(stage("one-cycle"), 200, 50), 200)
    top = seen.index(max(seen))
    assert seen[top] == pytest.approx(0.1, rel=1e-3)
    assert top == pytest.approx(60, abs=1)
    assert seen[0] < 0.1 * 0.05
    assert seen[-1] < 0.1 * 1e-4
    assert seen == sorted(seen[: top + 1]) + sorted(seen[top + 1 :], reverse=True)


def test_a_loss_that_always_falls_is_never_a_plateau():
    rule = LearningRate(stage(patience=1), 1, 0)
    for epoch in range(1000):
        rule.end_epoch(1 / (1 + epoch))
    assert rule.cuts == 0


def test_one_cycle_knows_no_plateau():
    rule = LearningRate(stage("one-cycle", patience=1), 10, 0)
    for _ in range(5):
        rule.end_epoch(1.0)
    assert rule.cuts == 0


def test_a_restored_rate_goes_on_as_the_first_would_have():
    first, second = (LearningRate(stage(patience=2), 50, 5) for _ in range(2))
    rates(first, 3)
    for loss in (1.0, 1.0):
        first.end_epoch(loss)
    second.restore(first.state())
    assert second.now == first.now
    first.end_epoch(1.0)
    second.end_epoch(1.0)
    assert (second.cuts, second.state()) == (first.cuts, first.state()) == (1, first.state())


def test_a_fresh_state_can_be_restored_although_it_holds_infinity():
    rule = LearningRate(stage(), 1, 0)
    assert rule.state()["lowest"] == math.inf
    rule.restore(rule.state())


@pytest.mark.parametrize(("name", "kind"), [("sgd", torch.optim.SGD), ("adamw", torch.optim.AdamW)])
def test_optimisers_take_only_what_learns(name, kind):
    learns, frozen = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1), requires_grad=False)
    optimiser = make_optimiser(stage(optimiser=name), preset("thesis"), [learns, frozen])
    assert type(optimiser) is kind
    assert optimiser.param_groups[0]["params"] == [learns]


def test_sgd_has_the_momentum_of_the_config():
    optimiser = make_optimiser(stage(), preset("thesis"), [nn.Parameter(torch.zeros(1))])
    assert optimiser.param_groups[0]["momentum"] == 0.9
