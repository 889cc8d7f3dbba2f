"""Pixel terms that are functions of sums over positions, worked out in strips of rows to spare memory."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

STRIP_ROWS = 512

Energies = Callable[[Tensor, slice], Tensor]
Close = Callable[[Tensor], tuple[Tensor, Tensor]]


def over_strips(
    pastiche: Float[Tensor, "1 3 height width"],
    gradient: Float[Tensor, "1 3 height width"] | None,
    *,
    reach_px: int,
    energies: Energies,
    close: Close,
) -> float:
    """Value of a term; its derivative is added to `gradient`.

    Parameters
    ----------
    reach_px: how far a position reads on each side. There are positions only where it reads nothing outside.
    energies: sums [k] in float64 over the positions of a strip, from its pixels and its rows of positions.
    close: the value, and its derivative by the k sums, from the sums of all strips.
    """
    rows = pastiche.shape[-2] - 2 * reach_px
    strips = [slice(start, min(start + STRIP_ROWS, rows)) for start in range(0, rows, STRIP_ROWS)]

    def summed(strip: slice, *, graph: bool) -> tuple[Tensor, Tensor]:
        pixels = pastiche[..., strip.start : strip.stop + 2 * reach_px, :].detach().requires_grad_(graph)
        with torch.set_grad_enabled(graph):
            return pixels, energies(pixels, strip)

    if not strips or pastiche.shape[-1] <= 2 * reach_px:
        return 0.0
    whole = len(strips) == 1 and gradient is not None
    first = [summed(strip, graph=whole) for strip in strips]
    value, slopes = close(torch.stack([sums.detach() for _, sums in first]).sum(0))
    if gradient is None:
        return float(value)
    for strip, (pixels, sums) in zip(strips, first, strict=True):
        if not whole:
            pixels, sums = summed(strip, graph=True)
        slope = torch.autograd.grad((sums * slopes).sum(), pixels)[0]
        gradient[..., strip.start : strip.stop + 2 * reach_px, :] += slope
    return float(value)
