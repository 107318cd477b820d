import dataclasses

import numpy as np
import pytest
import torch

from datasets.errors import TrainingError
from weaksup.checkpoints import read_checkpoint
from weaksup.network import TwoBranchResNet
from weaksup.presets import preset
from weaksup.prior import linear_map, set_prior
from weaksup.run_state import FINISHED
from weaksup.stage import Stage
from weaksup.training import train

CHOSEN, REST = (1, 3), (0, 2, 4)


def linear_shapes(n=400):
    """Shapes whose others are a linear map of the chosen ones, and that map."""
    generator = torch.Generator().manual_seed(0)
    known = torch.randn(n, 4, generator=generator, dtype=torch.float64)
    matrix = torch.randn(6, 4, generator=generator, dtype=torch.float64)
    offset = torch.randn(6, generator=generator, dtype=torch.float64)
    shapes = torch.empty(n, 5, 2, dtype=torch.float64)
    shapes[:, CHOSEN] = known.unflatten(1, (2, 2))
    shapes[:, REST] = (known @ matrix.T + offset).unflatten(1, (3, 2))
    return shapes, matrix, offset


def test_what_follows_linearly_is_found_but_for_the_noise_that_is_reckoned_with():
    shapes, matrix, offset = linear_shapes()
    found, shift = linear_map(shapes, CHOSEN, REST)
    # Known landmarks of unit variance and noise of 0.07: the map shrinks by 1 / (1 + 0.07^2).
    np.testing.assert_allclose(found, matrix, atol=0.03)
    np.testing.assert_allclose(shift, offset, atol=0.03)


def test_the_map_is_that_of_ridge_regression():
    from sklearn.linear_model import Ridge

    shapes, _, _ = linear_shapes(12)
    shapes += 0.1 * torch.randn(shapes.shape, generator=torch.Generator().manual_seed(1))
    found, shift = linear_map(shapes, CHOSEN, REST)
    known, wanted = (shapes[:, part].flatten(1).numpy() for part in (CHOSEN, REST))
    peer = Ridge(alpha=12 * 0.07**2).fit(known, wanted)
    np.testing.assert_allclose(found, peer.coef_, atol=1e-9)
    np.testing.assert_allclose(shift, peer.intercept_, atol=1e-9)


def test_the_secondary_branch_says_what_the_map_makes_of_the_main_branch():
    shapes, _, _ = linear_shapes()
    generator = torch.Generator().manual_seed(2)
    network = TwoBranchResNet(CHOSEN, torch.zeros(5, 2), 0.0625, generator).eval()
    torch.nn.init.normal_(network.main.weight, generator=generator)
    set_prior(network, shapes.float())
    matrix, offset = linear_map(shapes, CHOSEN, REST)
    images = torch.randn(3, 3, 32, 32, generator=generator)
    with torch.no_grad():
        points = network(images).double()
    expected = points[:, CHOSEN].flatten(1) @ matrix.T + offset
    np.testing.assert_allclose(points[:, REST].flatten(1), expected, rtol=1e-3, atol=1e-3)


def recommended():
    return (
        preset("recommended")
        .changed(image_size_px=32, width=0.125, threads=1, checkpoint_every_s=0.0)
        .changed(rotation_deg=5.0, scaling=0.05, shift=0.06, validate_every=1)
    )


def test_a_run_with_the_prior_ends_where_its_main_branch_leads(data, tmp_path):
    run = train(recommended(), tmp_path / "run", data)
    metrics, state = run.metrics(), run.state()
    assert state.status == FINISHED
    assert metrics["stage"].iloc[-1] == "prior"
    before, after = metrics["valid_nme"].iloc[-2:]
    sparse = metrics["valid_nme_sparse"]
    assert after < 0.8 * before
    assert after < 1.3 * sparse.iloc[-1]
    assert sparse.iloc[-1] == sparse.iloc[-2]  # the main branch is as it was
    assert read_checkpoint(run)["learner"]["optimiser"] is None


def test_a_run_that_was_stopped_before_the_prior_ends_the_same(data, tmp_path):
    config = recommended().scaled(0.1)
    whole = train(config, tmp_path / "whole", data)
    asked = iter(range(10_000))
    steps = 2 * 3  # both epochs of stage 1 have three steps or more: stopped within them
    train(config, tmp_path / "run", data, stop=lambda: next(asked) > steps)
    resumed = train(config, tmp_path / "run", data, resume=True)
    ours, theirs = (read_checkpoint(run)["learner"]["network"] for run in (resumed, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize(
    "change", [{"images": "all"}, {"train": ("main",)}, {"loss_on": ("main",)}, {"epochs": 2}]
)
def test_ridge_is_refused_where_it_cannot_be(change):
    stage = Stage("prior", "dense", ("secondary",), ("secondary",), 1, 1.0, optimiser="ridge")
    with pytest.raises(TrainingError, match="stage 'prior': ridge sets the secondary branch"):
        dataclasses.replace(stage, **change)
