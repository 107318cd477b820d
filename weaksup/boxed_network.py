"""A network that takes pictures and boxes: what an exported file computes, in torch."""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, grid_sample, pad

from datasets.images import Image, cut, frame_of
from weaksup.augmentation import normalise
from weaksup.network import TwoBranchResNet
from weaksup.validation import predict_crops

Points = NDArray[np.float64]


class _AlignedRegions(torch.autograd.Function):
    """ONNX's operator RoiAlign, which averages as many samples as `datasets.images.cut` does."""

    @staticmethod
    def forward(_ctx: Any, image: Tensor, regions: Tensor, _of: Tensor, size_px: int) -> Tensor:  # noqa: ANN401
        """Cut squares (B, 4), corner origin, out of (1, 3, H, W) as (B, 3, size_px, size_px)."""
        return torch.cat([_region(image, region - 0.5, size_px) for region in regions])

    @staticmethod
    def symbolic(g: Any, image: Any, regions: Any, of: Any, size_px: int) -> Any:  # noqa: ANN401
        """The operator's node."""
        return g.op(
            "RoiAlign", image, regions, of,
            coordinate_transformation_mode_s="half_pixel", mode_s="avg",
            output_height_i=size_px, output_width_i=size_px,
            sampling_ratio_i=0, spatial_scale_f=1.0,
        )  # fmt: skip


def _region(image: Tensor, region: Tensor, size_px: int) -> Tensor:
    """One square: bilinear samples in rows and columns at most a pixel apart, then averaged."""
    low, extent = region[:2], region[2:] - region[:2]
    factor = max(1, math.ceil(float(extent.max() / size_px)))
    places = (torch.arange(size_px * factor) + 0.5) / (size_px * factor)
    x, y = low[:, None] + places * extent[:, None]
    H, W = image.shape[2:]
    across, down = (2 * x + 1) / W - 1, (2 * y + 1) / H - 1
    grid = torch.stack([across.repeat(len(y), 1), down.repeat(len(x), 1).T], dim=-1)
    return avg_pool2d(grid_sample(image, grid[None], align_corners=False), factor)


class BoxedNetwork(nn.Module):
    """A network from pictures and boxes to landmarks in pixels.

    Parameters
    ----------
    network
        Of a run, in `eval`.
    size_px, margin
        Of the crops it was trained on.
    """

    def __init__(self, network: TwoBranchResNet, size_px: int, margin: float) -> None:
        super().__init__()
        self.network, self._size_px, self._margin = network, size_px, margin

    def forward(self, image: Tensor, boxes: Tensor) -> Tensor:
        """Picture uint8 (H, W, 3) and boxes (B, 4) to landmarks float32 (B, M, 2)."""
        corners, sides = self._squares(boxes, image.shape[0], image.shape[1])
        # Black around: what is half outside fades to it, as in `cut`. It moves the picture by 1.
        framed = pad(image.permute(2, 0, 1)[None].float(), (1, 1, 1, 1))
        regions = torch.cat([corners, corners + sides], dim=1) + 1.5
        of = torch.zeros_like(sides[:, 0], dtype=torch.int64)
        crops = _AlignedRegions.apply(framed, regions, of, self._size_px)  # type: ignore[no-untyped-call]
        units: Tensor = self.network(normalise(crops))
        return corners[:, None] + (units + 1) * sides[:, None] / 2

    def inferred(self, image: Image, boxes: NDArray[np.float32]) -> tuple[Points, Points]:
        """The same landmarks by crops in whole grey levels, (B, M, 2), and sides (B, 1, 1)."""
        H, W = image.shape[:2]
        frames = [
            frame_of(None, H, W)
            if np.isnan(box).any()
            else frame_of(tuple(box.tolist()), H, W, self._margin)
            for box in boxes
        ]
        crops = np.stack([cut(image, frame, self._size_px) for frame in frames])
        units = predict_crops(self.network, torch.from_numpy(crops.transpose(0, 3, 1, 2)))
        placed = [frame.from_unit(unit) for frame, unit in zip(frames, units, strict=True)]
        return np.stack(placed), np.array([frame.side for frame in frames])[:, None, None]

    def _squares(self, boxes: Tensor, H: int, W: int) -> tuple[Tensor, Tensor]:
        """Left upper corners (B, 2) and sides (B, 1), as `datasets.images.frame_of` has them."""
        one = torch.ones_like(boxes[:1, :1])
        whole = torch.cat([0 * one, 0 * one, one * W, one * H], dim=1) - 0.5
        unknown = torch.isnan(boxes).any(dim=1, keepdim=True)
        known = torch.where(unknown, whole, boxes)
        longest = (known[:, 2:] - known[:, :2]).amax(dim=1, keepdim=True)
        sides = torch.where(unknown, longest, longest * self._margin)
        return (known[:, :2] + known[:, 2:] - sides) / 2, sides
