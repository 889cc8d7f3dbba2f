"""Total variation: how restless neighbouring pixels are."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

# (row shift, column shift, weight): horizontal, vertical and both diagonals. A ramp of slope g in any direction
# has the value g squared: the diagonals' differences span sqrt(2) px.
_NEIGHBOURS = ((0, 1, 0.5), (1, 0, 0.5), (1, 1, 0.25), (1, -1, 0.25))
_STRIP_ROWS = 256  # taken at a time, to spare memory


def total_variation(
    pictures: Float[Tensor, "1 3 height width"],
    gradient: Float[Tensor, "1 3 height width"] | None = None,
    weight: float = 1.0,
) -> Float[Tensor, ""]:
    """Mean squared slope per pixel over the nine-point neighbourhood (L2 total variation), float64.

    `weight` times its derivative is added to `gradient`, if one is given; it is written out, not left to
    autograd, so that a large picture needs no more than itself.

    A picture of constant colour has none; a side of one pixel contributes none. The anisotropic form of
    Mahendran and Vedaldi (arXiv 1412.0035, eq. 4, beta = 2) with diagonals added, so that no direction is
    preferred (after Crowson, style-transfer-pytorch).
    """
    value = torch.zeros((), dtype=torch.float64, device=pictures.device)
    height = pictures.shape[-2]
    for start in range(0, height, _STRIP_ROWS):
        for down, across, share in _NEIGHBOURS:
            stop = min(start + _STRIP_ROWS, height - down)
            here, there = _pair(pictures, start, stop, down, across)
            if here.numel() == 0:
                continue
            difference = there - here
            value += share * difference.square().sum(dtype=torch.float64)
            if gradient is not None:
                from_here, from_there = _pair(gradient, start, stop, down, across)
                step = 2 * share * weight / pictures.numel()
                from_there.add_(difference, alpha=step)
                from_here.sub_(difference, alpha=step)
    return value / pictures.numel()


def _pair(pictures: Tensor, start: int, stop: int, down: int, across: int) -> tuple[Tensor, Tensor]:
    """Views of the pixels in rows `start` to `stop` and of their neighbours at (down, across)."""
    width = pictures.shape[-1]
    left, right = max(0, -across), max(0, across)
    here = pictures[..., start : max(start, stop), left : max(left, width - right)]
    there = pictures[..., start + down : max(start, stop) + down, left + across : max(left, width - right) + across]
    return here, there
