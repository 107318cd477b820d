import math

import pytest
import torch

from weaksup.losses import LOSSES, squared_distance_loss, wing_loss


def test_loss_is_the_sum_over_landmarks_and_the_mean_over_images():
    predicted = torch.tensor([[[1.0, 2.0], [0.0, 0.0]], [[3.0, 0.0], [0.0, 1.0]]])
    truth = torch.zeros(2, 2, 2)
    counts = torch.ones(2, 2, dtype=torch.bool)
    assert squared_distance_loss(predicted, truth, counts).item() == (5 + 0 + 9 + 1) / 2


@pytest.mark.parametrize(("name", "slope"), [("squared", 2.0), ("wing", 1.0)])
def test_landmarks_that_do_not_count_have_no_loss_and_no_gradient(name, slope):
    predicted = torch.ones(1, 2, 2, requires_grad=True)
    truth = torch.tensor([[[0.0, 0.0], [float("nan"), float("nan")]]])
    loss = LOSSES[name](predicted, truth, torch.tensor([[True, False]]))
    loss.backward()
    assert loss.item() > 0
    assert predicted.grad is not None
    assert torch.equal(predicted.grad[0], torch.tensor([[slope, slope], [0.0, 0.0]]))


def wing(x):
    """Feng et al. 2018, eq. 5, with w = 10 px and epsilon = 2 px of a crop of 256 px."""
    w, epsilon = 10 / 128, 2 / 128
    if abs(x) < w:
        return w * math.log(1 + abs(x) / epsilon)
    return abs(x) - (w - w * math.log(1 + w / epsilon))


def test_the_wing_loss_is_that_of_the_paper_summed_over_coordinates():
    values = [0.0, 0.01, -0.05, 10 / 128, -0.3, 0.9]
    predicted = torch.tensor(values, dtype=torch.float64).reshape(1, 3, 2)
    counts = torch.ones(1, 3, dtype=torch.bool)
    found = wing_loss(predicted, torch.zeros(1, 3, 2, dtype=torch.float64), counts)
    assert found.item() == pytest.approx(sum(wing(x) for x in values))


def test_the_loss_of_a_landmark_does_not_depend_on_how_many_there_are():
    few = squared_distance_loss(
        torch.ones(1, 3, 2), torch.zeros(1, 3, 2), torch.tensor([[True, False, False]])
    )
    many = squared_distance_loss(
        torch.ones(1, 9, 2), torch.zeros(1, 9, 2), torch.eye(9, dtype=torch.bool)[:1]
    )
    assert few.item() == many.item() == 2.0


@pytest.mark.parametrize("name", list(LOSSES))
def test_a_landmark_that_few_images_of_a_batch_have_weighs_no_more_in_each_of_them(name):
    # Over the images that have it, instead of over all, its few labels would outweigh the others.
    predicted = torch.full((4, 2, 2), 0.5, requires_grad=True)
    counts = torch.tensor([[True, True], [True, False], [True, False], [True, False]])
    LOSSES[name](predicted, torch.zeros(4, 2, 2), counts).backward()
    assert predicted.grad is not None
    assert torch.equal(predicted.grad[0, 1], predicted.grad[0, 0])
    assert predicted.grad[1:, 1].abs().max() == 0
