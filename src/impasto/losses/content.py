"""Content loss: how far the pastiche's feature map is from the photo's."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


class ContentLoss:
    r"""Relative squared error :math:`|F - F_*|^2 / |F_*|^2` of a feature map [1, channels, height, width].

    Gatys, Ecker and Bethge (arXiv 1508.06576), eq. 1. Departure: the paper halves the sum of squares; relative
    to the photo's own magnitude the loss is the same at every size and for every encoder.
    """

    def __init__(self, target: Float[Tensor, "1 channels height width"]) -> None:
        self._target = target
        self._scale = 1 / (target.square().sum(dtype=torch.float64) + 1e-12 * target.numel())

    def __call__(self, features: Float[Tensor, "1 channels height width"]) -> Float[Tensor, ""]:
        return (features - self._target).square().sum(dtype=torch.float64) * self._scale
