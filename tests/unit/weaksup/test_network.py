import math

import pytest
import torch

from weaksup.network import TwoBranchResNet
from weaksup.parts import BODY, MAIN, PARTS, SECONDARY

SHAPE = torch.linspace(-0.9, 0.9, 10).reshape(5, 2)


def network(width=0.0625, chosen=(1, 3)):
    return TwoBranchResNet(chosen, SHAPE, width, torch.Generator().manual_seed(0))


def test_untrained_network_gives_the_mean_shape_in_dense_order():
    out = network().eval()(torch.randn(3, 3, 40, 40))
    assert torch.allclose(out, SHAPE.expand(3, 5, 2))


def test_full_width_has_the_convolutions_of_resnet_18():
    parts = network(width=1.0)
    counted = sum(p.numel() for p in parts.body.parameters())
    assert counted == 11_176_512  # He et al. 2015: 11,689,512 with the classifier's 513,000
    assert sum(p.numel() for p in parts.main.parameters()) == 2 * 2 * 513


def test_quarter_width_has_a_quarter_of_the_channels():
    assert network(width=0.25).main.in_features == 128


@pytest.mark.parametrize("B", [1, 2, 5])
def test_any_batch_size_passes(B):
    assert network().eval()(torch.zeros(B, 3, 32, 32)).shape == (B, 5, 2)


def test_each_branch_moves_its_own_landmarks_only():
    model = network().eval()
    with torch.no_grad():
        model.main.bias.add_(1.0)
    moved = model(torch.zeros(1, 3, 32, 32))[0] - SHAPE
    assert torch.allclose(moved[[1, 3]], torch.ones(2, 2))
    assert torch.equal(moved[[0, 2, 4]], torch.zeros(3, 2))


def test_a_sparse_format_of_all_landmarks_leaves_the_secondary_branch_empty():
    out = network(chosen=range(5)).eval()(torch.zeros(2, 3, 32, 32))
    assert torch.allclose(out, SHAPE.expand(2, 5, 2))


def test_frozen_parts_do_not_learn_and_keep_their_batch_statistics():
    model = network()
    model.set_trained((SECONDARY,))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)
    model(torch.randn(4, 3, 32, 32)).square().sum().backward()
    optimiser.step()
    changed = {n for n, v in model.state_dict().items() if not torch.equal(v, before[n])}
    assert changed
    assert all(name.startswith(SECONDARY) for name in changed)


def test_set_trained_can_be_taken_back():
    model = network()
    model.set_trained((BODY, MAIN))
    model.set_trained(PARTS)
    assert all(p.requires_grad for p in model.parameters())
    assert model.body.training


def test_first_weights_follow_he_and_the_generator():
    model, same = network(width=1.0), network(width=1.0)
    weight = model.body[4].first.weight
    assert torch.equal(weight, same.body[4].first.weight)
    assert weight.detach().std().item() == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.02)
