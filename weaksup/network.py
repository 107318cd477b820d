"""The network: ResNet-18 (He et al. 2015) with two linear branches (Yan 2020, sec. 5.5.2).

`main` gives the m landmarks of the sparse format, `secondary` the other M - m. Positions are in
[-1, 1] across the frame (`datasets.images.Frame.to_unit`), so no number depends on the picture's
size in pixels.
"""

from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn

from weaksup.normalisation import BatchNorm
from weaksup.parts import PARTS

_CHANNELS = (64, 128, 256, 512)
_BLOCKS = 2


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions and a way around them (He et al. 2015, fig. 5 left).

    Where size or number of channels change, the way around is a 1 x 1 convolution (their option B).
    """

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.first_norm = BatchNorm(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second_norm = BatchNorm(channels)
        self.around: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels:
            self.around = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride, bias=False), BatchNorm(channels)
            )

    def forward(self, features: Tensor) -> Tensor:
        """(B, channels_in, H, W) to (B, channels, H / stride, W / stride)."""
        new = torch.relu(self.first_norm(self.first(features)))
        new = self.second_norm(self.second(new))
        return torch.relu(new + self.around(features))


def resnet18_body(width: float) -> tuple[nn.Sequential, int]:
    """ResNet-18 up to its global average, with `width` times the channels, and its output's size.

    Images (B, 3, H, W) become features (B, C), C = 512 * width.
    """
    channels = [max(1, round(width * c)) for c in _CHANNELS]
    layers: list[nn.Module] = [
        nn.Conv2d(3, channels[0], 7, stride=2, padding=3, bias=False),
        BatchNorm(channels[0]),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2, padding=1),
    ]
    before = channels[0]
    for level, count in enumerate(channels):
        for block in range(_BLOCKS):
            stride = 2 if level > 0 and block == 0 else 1
            layers.append(ResidualBlock(before, count, stride))
            before = count
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers), before


class Branch(nn.Linear):
    """A linear map of features to landmarks that starts as the same landmarks for every image."""

    def __init__(self, features: int, places: Tensor) -> None:
        super().__init__(features, places.numel())
        with torch.no_grad():
            self.bias.copy_(places.flatten())

    def reset_parameters(self) -> None:
        """Start at zero; without landmarks there is nothing that PyTorch's own way could draw."""
        nn.init.zeros_(self.weight)


class TwoBranchResNet(nn.Module):
    """Places of all M landmarks from a square crop of the object.

    Untrained, it gives the mean shape for every image: the weights of both branches start at
    zero and their biases at the mean shape.

    Parameters
    ----------
    chosen
        m increasing indices in 0..M-1: the landmarks of the sparse format, given by `main`.
    mean_shape
        float (M, 2) in [-1, 1] across the frame.
    width
        Share of ResNet-18's channels: 1.0 (11.2 M parameters) or 0.25 (0.7 M).
    generator
        Source of the convolutions' first weights (He et al. 2015b, fan-out, as for ResNet).
    """

    order: Tensor

    def __init__(
        self,
        chosen: Sequence[int],
        mean_shape: Tensor,
        width: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        M = len(mean_shape)
        taken = set(chosen)
        first = [*chosen, *(i for i in range(M) if i not in taken)]
        self.body, size = resnet18_body(width)
        self.main = Branch(size, mean_shape[first[: len(chosen)]])
        self.secondary = Branch(size, mean_shape[first[len(chosen) :]])
        self.register_buffer("order", torch.argsort(torch.tensor(first)))
        for module in self.body.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(
                    module.weight, mode="fan_out", nonlinearity="relu", generator=generator
                )

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W), normalised, to landmarks (B, M, 2) in the dense format's order."""
        features = self.body(images)
        both = torch.cat([self.main(features), self.secondary(features)], dim=1)
        return torch.unflatten(both, 1, (len(self.order), 2))[:, self.order]

    def set_trained(self, parts: Collection[str]) -> None:
        """Let these of `PARTS` learn; the rest is frozen, batch statistics included."""
        for name in PARTS:
            part = self.get_submodule(name)
            part.requires_grad_(name in parts)
            part.train(name in parts)
