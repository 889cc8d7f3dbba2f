"""Total variation: how restless neighbouring pixels are."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

# (row shift, column shift, weight): horizontal, vertical and both diagonals. A ramp of slope g in any direction
# has the value g squared: the diagonals' differences span sqrt(2) px.
_NEIGHBOURS = ((0, 1, 0.5), (1, 0, 0.5), (1, 1, 0.25), (1, -1, 0.25))


def total_variation(pictures: Float[Tensor, "1 3 height width"]) -> Float[Tensor, ""]:
    """Mean squared slope per pixel over the nine-point neighbourhood (L2 total variation), float64.

    A picture of constant colour has none; a side of one pixel contributes none. The anisotropic form of
    Mahendran and Vedaldi (arXiv 1412.0035, eq. 4, beta = 2) with diagonals added, so that no direction is
    preferred (after Crowson, style-transfer-pytorch).
    """
    value: Tensor = _TotalVariation.apply(pictures)  # type: ignore[no-untyped-call]
    return value


class _TotalVariation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pictures: Tensor) -> Tensor:
        value = torch.zeros((), dtype=torch.float64, device=pictures.device)
        gradient = torch.zeros_like(pictures)
        for rows, columns, weight in _NEIGHBOURS:
            here, there = _pair(pictures, rows, columns)
            difference = there - here
            if difference.numel() == 0:
                continue
            value += weight * difference.square().sum(dtype=torch.float64)
            from_here, from_there = _pair(gradient, rows, columns)
            from_there.add_(difference, alpha=2 * weight)
            from_here.sub_(difference, alpha=2 * weight)
        ctx.save_for_backward(gradient)
        return value / pictures.numel()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (gradient,) = ctx.saved_tensors
        scaled: Tensor = gradient * (gradients[0] / gradient.numel()).to(gradient.dtype)
        return scaled


def _pair(pictures: Tensor, rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """Views of the pixels and of their neighbours at (rows, columns)."""
    height, width = pictures.shape[-2:]
    left, right = max(0, -columns), max(0, columns)
    here = pictures[..., : height - rows, left : width - right]
    there = pictures[..., rows:, left + columns : width - right + columns]
    return here, there
