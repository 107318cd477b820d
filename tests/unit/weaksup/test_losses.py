import torch

from weaksup.losses import squared_distance_loss


def test_loss_is_the_sum_over_landmarks_and_the_mean_over_images():
    predicted = torch.tensor([[[1.0, 2.0], [0.0, 0.0]], [[3.0, 0.0], [0.0, 1.0]]])
    truth = torch.zeros(2, 2, 2)
    counts = torch.ones(2, 2, dtype=torch.bool)
    assert squared_distance_loss(predicted, truth, counts).item() == (5 + 0 + 9 + 1) / 2


def test_landmarks_that_do_not_count_have_no_loss_and_no_gradient():
    predicted = torch.ones(1, 2, 2, requires_grad=True)
    truth = torch.tensor([[[0.0, 0.0], [float("nan"), float("nan")]]])
    loss = squared_distance_loss(predicted, truth, torch.tensor([[True, False]]))
    loss.backward()
    assert loss.item() == 2.0
    assert predicted.grad is not None
    assert torch.equal(predicted.grad[0], torch.tensor([[2.0, 2.0], [0.0, 0.0]]))


def test_the_loss_of_a_landmark_does_not_depend_on_how_many_there_are():
    few = squared_distance_loss(
        torch.ones(1, 3, 2), torch.zeros(1, 3, 2), torch.tensor([[True, False, False]])
    )
    many = squared_distance_loss(
        torch.ones(1, 9, 2), torch.zeros(1, 9, 2), torch.eye(9, dtype=torch.bool)[:1]
    )
    assert few.item() == many.item() == 2.0
