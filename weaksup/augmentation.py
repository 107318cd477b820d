"""Random changes of crops and their landmarks: one affine map for both, one a sample.

All numbers are drawn on the CPU, so that a run sees the same ones on every device.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to B samples.

    Parameters
    ----------
    matrix
        (B, 2, 3): where a position of [-1, 1] across the frame goes.
    contrast, brightness
        (B,): factor around mid-grey, and what is added, in parts of white.
    order
        (B, M) indices: which landmark is the format's first now, and so on; None: none has moved
        to another's place, for no sample is mirrored.
    """

    matrix: Tensor
    contrast: Tensor
    brightness: Tensor
    order: Tensor | None = None

    def reordered(self, values: Tensor) -> Tensor:
        """What is known of each landmark, (B, M) or (B, M, 2), in the order after the change."""
        if self.order is None:
            return values
        rows = torch.arange(len(values), device=values.device)[:, None]
        return values[rows, self.order.to(values.device)]

    def part(self, part: slice) -> "Change":
        """What is done to some of the samples."""
        order = None if self.order is None else self.order[part]
        return Change(self.matrix[part], self.contrast[part], self.brightness[part], order)


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Largest changes, either way; see `weaksup.config.TrainingConfig`.

    With `mirror`, that of a `LandmarkFormat`, every second sample is mirrored by chance.
    """

    rotation_deg: float
    scaling: float
    shift: float
    brightness: float
    contrast: float
    mirror: tuple[int, ...] | None = None

    def draw(self, B: int, generator: torch.Generator) -> Change:
        """Draw the changes of B samples, uniformly."""
        angle, scale, x, y, contrast, brightness = 2 * torch.rand(6, B, generator=generator) - 1
        angle = angle * math.radians(self.rotation_deg)
        scale = (1 + self.scaling) ** scale
        cos, sin = scale * angle.cos(), scale * angle.sin()
        rows = [cos, -sin, x * self.shift, sin, cos, y * self.shift]
        matrix = torch.stack(rows, dim=1).reshape(B, 2, 3)
        order = None
        if self.mirror is not None:
            mirrored = torch.rand(B, generator=generator) < 0.5
            matrix[mirrored, :, 0] *= -1  # x is mirrored first
            turned, own = torch.tensor(self.mirror), torch.arange(len(self.mirror))
            order = torch.where(mirrored[:, None], turned, own)
        return Change(matrix, (1 + self.contrast) ** contrast, brightness * self.brightness, order)


def move_points(points: Tensor, matrix: Tensor) -> Tensor:
    """Positions (B, M, 2) under the maps (B, 2, 3); NaN stays NaN."""
    return points @ matrix[:, :, :2].transpose(1, 2) + matrix[:, None, :, 2]


def warp(images: Tensor, matrix: Tensor, size_px: int) -> Tensor:
    """Crops under the maps: bilinear, black where the source ends.

    Parameters
    ----------
    images
        float (B, 3, S, S): the frame and, around it, a border of (S - size_px) / 2 pixels.
    matrix
        (B, 2, 3): as for `move_points`.
    size_px
        Side of the result, (B, 3, size_px, size_px).
    """
    linear = torch.linalg.inv(matrix[:, :, :2])  # where it was drawn: a GPU would wait for it
    back = torch.cat([linear, -linear @ matrix[:, :, 2:]], dim=2) * (size_px / images.shape[-1])
    grid = affine_grid(
        back.to(images.device), [len(images), 3, size_px, size_px], align_corners=False
    )
    return grid_sample(images, grid, padding_mode="zeros", align_corners=False)


def normalise(images: Tensor) -> Tensor:
    """Pixels 0..255 as the network takes them: mid-grey 0, white 2, black -2."""
    return (images.float() - 127.5) / 63.75


def apply_change(
    images: Tensor, points: Tensor, change: Change, size_px: int
) -> tuple[Tensor, Tensor]:
    """Changed crops, ready for the network, and their landmarks.

    Parameters
    ----------
    images
        uint8 (B, 3, S, S) with a border, see `warp`.
    points
        (B, M, 2) in [-1, 1] across the frame.
    """
    device = images.device
    warped = normalise(warp(images.float(), change.matrix, size_px))
    contrast, brightness = (
        v.to(device)[:, None, None, None] for v in (change.contrast, change.brightness)
    )
    moved = move_points(points, change.matrix.to(device))
    return warped * contrast + 4 * brightness, change.reordered(moved)
