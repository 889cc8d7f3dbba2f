"""Layout term: where the colours of a picture lie, seen from afar."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from impasto.losses.tiles import Core

CELL_SHARE = 1 / 16  # of the long edge


class LayoutTerm:
    """Mean squared distance between the mean colours of square cells, half overlapping, of pastiche and `target`.

    The style loss asks for the painting's colours in their proportions, wherever: without this term a red field lies
    across half a river. Within a cell the pastiche is free.

    Parameters
    ----------
    target: [1, 3, height, width], a picture of the canvas's size in the pastiche's colours: its draft.
    core: the part of the canvas that counts.
    """

    name = "layout"

    def __init__(self, target: Float[Tensor, "1 3 height width"], weight: float, core: Core) -> None:
        self.weight, self._core = weight, core
        side = max(2, round(max(core.height_px, core.width_px) * CELL_SHARE))
        self._cell = min(side, core.height_px), min(side, core.width_px)
        self._target = self._means(core.cut(target, 1))

    def __call__(
        self, pastiche: Float[Tensor, "1 3 height width"], gradient: Float[Tensor, "1 3 height width"]
    ) -> float:
        pixels = self._core.cut(pastiche, 1).detach().requires_grad_()
        with torch.enable_grad():
            value = self.weight * (self._means(pixels) - self._target).square().sum(1).mean()
        self._core.cut(gradient, 1).add_(torch.autograd.grad(value, pixels)[0])
        return float(value.detach())

    def _means(self, picture: Tensor) -> Tensor:
        strides = [max(1, side // 2) for side in self._cell]
        return F.avg_pool2d(picture, self._cell, strides)
