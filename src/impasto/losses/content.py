"""Content loss: how far the pastiche's feature map is from the photo's."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


class ContentLoss:
    r"""Relative squared error :math:`|F - F_*|^2 / |F_*|^2` of a feature map, given whole or in pieces.

    Gatys, Ecker and Bethge (arXiv 1508.06576), eq. 1. Departure: the paper halves the sum of squares; relative
    to the photo's own magnitude the loss is the same at every size and for every encoder.

    Parameters
    ----------
    target: the photo's map, [1, channels, height, width] for every piece; a piece may be empty.
    """

    def __init__(self, target: Sequence[Float[Tensor, "1 channels _ _"]]) -> None:
        self._target = target
        energy = torch.stack([piece.square().sum(dtype=torch.float64) for piece in target]).sum()
        self._scale = 1 / (energy + 1e-12 * sum(piece.numel() for piece in target))

    def __call__(self, features: Float[Tensor, "1 channels height width"], piece: int = 0) -> Float[Tensor, ""]:
        """What one piece of the pastiche's map adds to the loss, float64."""
        return (features - self._target[piece]).square().sum(dtype=torch.float64) * self._scale
