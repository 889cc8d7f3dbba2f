"""Strength as readability of the photo: the content weight that a picture needs, found while it is painted.

A fixed content weight leaves one photo intact and loses another. So the coarse scales, which are cheap, measure
how readable the photo still is and set the weight until the distance is what the strength asks for.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from impasto.encoders import Encoder
from impasto.images.geometry import fit_long_edge, resize

LONG_EDGE_PX = 192  # at which readability is measured, whatever the size of the picture
LAYER = "relu4_2"


class Readability:
    """Distance between the structure of photo and pastiche: 0 the photo, 1 unrelated.

    One minus the cosine between their feature maps at `LAYER`, averaged over positions, each channel brought to
    zero mean and unit deviation over its own map: blind to colour and contrast.
    """

    def __init__(self, encoder: Encoder, photo: Float[Tensor, "1 3 height width"]) -> None:
        self._encoder = encoder
        self._size = fit_long_edge(*photo.shape[-2:], LONG_EDGE_PX)
        features = self._features(photo)
        self._directions = _standardised(features)
        spread = features.flatten(2).std(2).square().sum().sqrt()
        self.usable = min(features.shape[-2:]) > 1 and bool(spread > 1e-2 * features.square().mean().sqrt())

    def _features(self, picture: Tensor) -> Tensor:
        with torch.no_grad():
            return self._encoder(resize(picture, *self._size, mode="bilinear"), [LAYER])[LAYER]

    def distance(self, pastiche: Float[Tensor, "1 3 height width"]) -> float:
        directions = _standardised(self._features(pastiche))
        return 1 - float(torch.cosine_similarity(directions, self._directions, dim=1).mean())


def _standardised(features: Tensor) -> Tensor:
    centred = features - features.mean((2, 3), keepdim=True)
    deviation = centred.square().mean((2, 3), keepdim=True).sqrt()
    return centred / (deviation + 1e-3 * deviation.mean() + 1e-12)


class Balance:
    """Multiplicative control of the content weight towards a readability target."""

    GAIN = 0.25
    BOUNDS = (1e-4, 30.0)

    def __init__(self, weight: float, target: float) -> None:
        self.weight, self._target = weight, target

    def update(self, distance: float, steps: int) -> None:
        """Move the weight after `steps` further steps ended at `distance` from the photo."""
        self.weight *= math.exp(self.GAIN * steps * (distance - self._target))
        self.weight = min(max(self.weight, self.BOUNDS[0]), self.BOUNDS[1])
