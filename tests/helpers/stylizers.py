"""Pictures and networks that tests of the stylizer share."""

from __future__ import annotations

import torch
from torch import Tensor

from impasto.encoders import load_encoder
from impasto.stylizer.network import Network
from impasto.stylizer.stylizer import Stylizer


def random_picture(height: int, width: int, seed: int = 0, noise: float = 0.1) -> Tensor:
    """Smooth random colours with some noise, [1, 3, height, width] in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, max(2, height // 16), max(2, width // 16), generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")
    return (smooth + noise * torch.randn(1, 3, height, width, generator=generator)).clamp(0, 1)


def random_images(count: int, first: int, side: int = 96) -> list[Tensor]:
    """Training pictures: uint8 [3, side, side]."""
    return [(random_picture(side, side, first + index, noise=0.05)[0] * 255).byte() for index in range(count)]


def random_stylizer(seed: int) -> Stylizer:
    """Random weights, strong enough that every part of the network shows in the picture."""
    torch.manual_seed(seed)
    network = Network()
    with torch.no_grad():
        network.leave.weight.mul_(10)
        for name, parameter in network.named_parameters():
            if "affine" in name or "shares" in name:
                parameter.normal_(std=0.3)
    return Stylizer("random", "", load_encoder("lite"), network)
