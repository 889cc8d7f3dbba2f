"""Terms of pixels against finite differences."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from impasto.losses.terms import PixelTerm


def smooth_picture(seed: int, height: int = 40, width: int = 52) -> Tensor:
    """[1, 3, height, width], float64, colours that change slowly with a little noise."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 5, 6, generator=generator, dtype=torch.float64)
    fine = torch.rand(1, 3, height, width, generator=generator, dtype=torch.float64)
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear") * 0.9 + 0.1 * fine


def value(term: PixelTerm, picture: Tensor) -> float:
    """The weighted value alone."""
    return term(picture, torch.zeros_like(picture))


def check_gradient(term: PixelTerm, picture: Tensor) -> None:
    """The derivative that a term adds is that of its value, along three random directions."""
    gradient = torch.zeros_like(picture)
    term(picture, gradient)
    for seed in range(3):
        direction = torch.randn(picture.shape, dtype=picture.dtype, generator=torch.Generator().manual_seed(seed))
        step = 1e-5
        slope = (value(term, picture + step * direction) - value(term, picture - step * direction)) / (2 * step)
        assert float((gradient * direction).sum()) == pytest.approx(slope, rel=1e-3, abs=1e-7)
