from dataclasses import replace

import numpy as np
import pytest
import torch

from weaksup.augmentation import Augmentation, Change, apply_change, move_points, normalise, warp

STILL = Augmentation(0.0, 0.0, 0.0, 0.0, 0.0)
STRONG = Augmentation(25.0, 0.2, 0.1, 0.2, 0.2)
SIZE, BORDER = 48, 6


def blobs(places):
    """Crops of SIZE px with a border, each with a bright spot at a place of [-1, 1]."""
    whole = SIZE + 2 * BORDER
    centres = (places + 1) / 2 * SIZE - 0.5 + BORDER
    row, column = torch.meshgrid(torch.arange(whole), torch.arange(whole), indexing="ij")
    distance = (column - centres[:, 0, None, None]) ** 2 + (row - centres[:, 1, None, None]) ** 2
    return (255 * torch.exp(-distance / 8))[:, None].repeat(1, 3, 1, 1)


def centres_of_light(images):
    light = images[:, 0].double()
    axis = (torch.arange(SIZE).double() + 0.5) / SIZE * 2 - 1
    total = light.sum((1, 2))
    x, y = (light.sum(1) @ axis) / total, (light.sum(2) @ axis) / total
    return torch.stack([x, y], dim=1)


def test_the_picture_and_its_landmark_move_together():
    generator = torch.Generator().manual_seed(3)
    places = torch.rand(32, 2, generator=generator) - 0.5
    change = STRONG.draw(32, generator)
    moved = move_points(places[:, None], change.matrix)[:, 0]
    seen = centres_of_light(warp(blobs(places), change.matrix, SIZE))
    assert (moved - places).abs().max() > 0.2
    assert (seen - moved).abs().max() * SIZE / 2 < 0.05  # pixels


def test_no_change_gives_the_pixels_of_the_frame():
    images = torch.randint(0, 256, (2, 3, SIZE + 2 * BORDER, SIZE + 2 * BORDER), dtype=torch.uint8)
    points = torch.rand(2, 4, 2)
    out, same = apply_change(images, points, STILL.draw(2, torch.Generator()), SIZE)
    inner = images[:, :, BORDER:-BORDER, BORDER:-BORDER]
    assert torch.allclose(out, normalise(inner), atol=1e-3)
    assert torch.allclose(same, points)


def test_absent_landmarks_stay_absent():
    points = torch.full((1, 2, 2), float("nan"))
    points[0, 0] = 0.5
    moved = move_points(points, STRONG.draw(1, torch.Generator().manual_seed(0)).matrix)
    assert moved[0, 0].isfinite().all()
    assert moved[0, 1].isnan().all()


def test_brightness_and_contrast_are_in_parts_of_white():
    image = torch.full((1, 3, SIZE, SIZE), 255, dtype=torch.uint8)
    matrix = torch.eye(3)[None, :2]
    change = Change(matrix, torch.tensor([0.5]), torch.tensor([0.25]))
    out, _ = apply_change(image, torch.zeros(1, 1, 2), change, SIZE)
    white, black = normalise(torch.tensor(255)), normalise(torch.tensor(0))
    assert out[0, 0, 9, 9].item() == pytest.approx((white * 0.5 + 0.25 * (white - black)).item())


def test_draws_stay_within_their_limits_and_reach_both_sides():
    change = STRONG.draw(4000, torch.Generator().manual_seed(1))
    matrix = change.matrix.double().numpy()
    scale = np.sqrt(np.linalg.det(matrix[:, :, :2]))
    angle = np.degrees(np.arctan2(matrix[:, 1, 0], matrix[:, 0, 0]))
    for values, low, high in (
        (scale, 1 / 1.2, 1.2),
        (angle, -25, 25),
        (matrix[:, 0, 2], -0.1, 0.1),
        (matrix[:, 1, 2], -0.1, 0.1),
        (change.contrast.numpy(), 1 / 1.2, 1.2),
        (change.brightness.numpy(), -0.2, 0.2),
    ):
        span = high - low
        assert low - 1e-6 <= values.min() < low + 0.05 * span
        assert high - 0.05 * span < values.max() <= high + 1e-6


def test_draws_depend_on_the_generator_alone():
    first = STRONG.draw(3, torch.Generator().manual_seed(5)).matrix
    torch.manual_seed(0)
    again = STRONG.draw(3, torch.Generator().manual_seed(5)).matrix
    assert torch.equal(first, again)


PAIRED = (1, 0, 2)  # left, right, middle


def pairs(generator, B=64):
    """Places of three landmarks: the first left, the second right, the third between them."""
    left = torch.rand(B, 2, generator=generator) * 0.3 - 0.5
    right = torch.rand(B, 2, generator=generator) * 0.3 + 0.2
    return torch.stack([left, right, (left + right) / 2], dim=1)


def test_a_mirrored_picture_and_its_reordered_landmarks_agree_to_a_twentieth_of_a_pixel():
    generator = torch.Generator().manual_seed(4)
    points = pairs(generator)
    change = replace(STRONG, mirror=PAIRED).draw(64, generator)
    moved = change.reordered(move_points(points, change.matrix))
    for landmark in range(3):
        source = change.reordered(points)[:, landmark]
        seen = centres_of_light(warp(blobs(source), change.matrix, SIZE))
        assert (seen - moved[:, landmark]).abs().max() * SIZE / 2 < 0.05


def test_half_of_the_samples_are_mirrored_and_left_stays_left():
    generator = torch.Generator().manual_seed(5)
    points = pairs(generator)
    change = replace(STILL, mirror=PAIRED).draw(64, generator)
    mirrored = change.matrix[:, 0, 0] < 0
    assert 20 < mirrored.sum() < 44
    moved = change.reordered(move_points(points, change.matrix))
    assert (moved[:, 0, 0] < moved[:, 1, 0]).all()
    assert torch.equal(moved[~mirrored], points[~mirrored])
    flipped = points[mirrored][:, list(PAIRED)] * torch.tensor([-1.0, 1.0])
    assert torch.equal(moved[mirrored], flipped)


def test_what_counts_is_reordered_with_the_landmarks():
    generator = torch.Generator().manual_seed(6)
    points = pairs(generator)
    points[:, 0] = float("nan")
    counted = points.isfinite().all(dim=2)
    change = replace(STRONG, mirror=PAIRED).draw(64, generator)
    moved = change.reordered(move_points(points, change.matrix))
    assert torch.equal(change.reordered(counted), moved.isfinite().all(dim=2))
    assert 0 < change.reordered(counted)[:, 0].sum() < 64


def test_drawing_mirrors_leaves_all_other_draws_of_a_batch_as_they_are():
    plain, both = (
        a.draw(8, torch.Generator().manual_seed(7))
        for a in (STRONG, replace(STRONG, mirror=PAIRED))
    )
    assert plain.order is None
    assert torch.equal(plain.matrix[:, :, 1:], both.matrix[:, :, 1:])
    assert torch.equal(plain.matrix[:, :, 0].abs(), both.matrix[:, :, 0].abs())
    assert torch.equal(plain.brightness, both.brightness)
