import torch
from hypothesis import given
from hypothesis import strategies as st

from weaksup.augmentation import Augmentation, move_points
from weaksup.losses import squared_distance_loss
from weaksup.schedule import LearningRate
from weaksup.stage import Stage

SIZES = st.integers(1, 5)
SEEDS = st.integers(0, 2**31 - 1)


@given(
    seed=SEEDS, B=SIZES, rotation=st.floats(0, 180), scaling=st.floats(0, 0.9),
    shift=st.floats(0, 1),
)  # fmt: skip
def test_augmentation_is_a_similarity_that_mirrors_nothing(seed, B, rotation, scaling, shift):
    change = Augmentation(rotation, scaling, shift, 0.0, 0.0).draw(
        B, torch.Generator().manual_seed(seed)
    )
    linear = change.matrix[:, :, :2].double()
    product = linear @ linear.transpose(1, 2)
    scale = torch.linalg.det(linear)
    assert (scale > 0).all()
    expected = torch.eye(2).double() * scale[:, None, None]
    assert torch.allclose(product, expected, atol=1e-5)


@given(seed=SEEDS, B=SIZES, M=SIZES)
def test_distances_change_by_one_factor(seed, B, M):
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(B, M, 2, generator=generator)
    matrix = Augmentation(30.0, 0.3, 0.2, 0.0, 0.0).draw(B, generator).matrix
    moved = move_points(points, matrix)
    scale = torch.linalg.det(matrix[:, :, :2]).sqrt()
    # Not `cdist`, whose matrix product loses digits for points that lie close together.
    before = (points[:, :, None] - points[:, None]).norm(dim=-1)
    after = (moved[:, :, None] - moved[:, None]).norm(dim=-1)
    assert torch.allclose(after, before * scale[:, None, None], atol=1e-4)


@given(seed=SEEDS, B=SIZES, M=SIZES)
def test_the_loss_equals_its_definition(seed, B, M):
    generator = torch.Generator().manual_seed(seed)
    predicted, truth = torch.randn(2, B, M, 2, generator=generator).double()
    counts = torch.rand(B, M, generator=generator) < 0.6
    truth = truth.where(counts[..., None], float("nan"))
    expected = sum(
        float(((predicted[b, j] - truth[b, j]) ** 2).sum())
        for b in range(B)
        for j in range(M)
        if counts[b, j]
    )
    assert abs(squared_distance_loss(predicted, truth, counts).item() - expected / B) < 1e-9


@given(
    losses=st.lists(st.floats(0, 10), max_size=40),
    patience=st.integers(1, 5),
    steps=st.integers(1, 500),
)
def test_the_plateau_rate_never_rises_after_its_warm_up(losses, patience, steps):
    stage = Stage("s", "all", ("main",), ("main",), 10, 0.1, 8, "sgd", "plateau", patience)
    rule = LearningRate(stage, steps, 0)
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 1.0)
    rates = []
    for loss in losses:
        rule.apply(optimiser)
        rates.append(optimiser.param_groups[0]["lr"])
        rule.end_epoch(loss)
    assert rates == sorted(rates, reverse=True)
    assert rule.cuts <= len(losses) // patience
