"""Content loss: how far the pastiche's feature map is from the photo's."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


class ContentLoss:
    r"""Relative squared error :math:`|F - F_*|^2 / |F_*|^2` of a feature map, given whole or in pieces.

    Gatys, Ecker and Bethge (arXiv 1508.06576), eq. 1, which halves the sum of squares: units ``gatys``.
    TensorFlow's tutorial takes its mean: ``tutorial``. Relative to the photo's own magnitude (scale-free) the
    loss is the same at every size and for every encoder.

    Parameters
    ----------
    target: the photo's map, [1, channels, height, width] for every piece; a piece may be empty.
    units: scale-free, gatys or tutorial.
    """

    def __init__(self, target: Sequence[Float[Tensor, "1 channels _ _"]], units: str = "scale-free") -> None:
        self._target = target
        numbers = sum(piece.numel() for piece in target)
        energy = sum(float(piece.square().sum(dtype=torch.float64)) for piece in target)
        raw = {"gatys": 0.5, "tutorial": 1 / numbers}
        self._scale = raw[units] if units in raw else 1 / (energy + 1e-12 * numbers)

    def __call__(self, features: Float[Tensor, "1 channels height width"], piece: int = 0) -> Float[Tensor, ""]:
        """What one piece of the pastiche's map adds to the loss, float64."""
        return (features - self._target[piece]).square().sum(dtype=torch.float64) * self._scale

    def of_parts(
        self,
        features: Float[Tensor, "1 channels height width"],
        masks: Sequence[Float[Tensor, "height width"]],
        piece: int = 0,
    ) -> list[Float[Tensor, ""]]:
        """The same for parts of the picture: each of the positions counts for a part as its mask says."""
        errors = (features - self._target[piece]).square().sum((0, 1), dtype=torch.float64)
        return [(errors * mask).sum() * self._scale for mask in masks]
