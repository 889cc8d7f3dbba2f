"""Strength as readability of the photo: the content weight that a picture needs, found while it is painted.

A fixed content weight leaves one photo intact and loses another. So the coarse scales, which are cheap, measure
how readable the photo still is and set the weight until the distance is what the strength asks for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from impasto.encoders import Encoder
from impasto.images.geometry import resize
from impasto.options import PaintOptions

# Photo and pastiche are reduced to this, so that readability means the same at every size.
READING_LONG_EDGE_PX = 192
DETAIL_WEIGHT = 0.3  # of the detail loss at keep_detail 100
# Edges that are kept make a photo more readable. By this share of the distance the balance asks for less, so that
# the content weight stays about what it is without them, instead of giving the rest of the picture up for them.
DETAIL_RELIEF = 0.25
READABILITY_LAYERS = ("relu3_1", "relu4_2")  # edges and parts


class Readability:
    """Distance between the structure of photo and pastiche: 0 the photo, 1 unrelated.

    One minus the cosine between their feature maps, averaged over positions and over `READABILITY_LAYERS`, each channel
    brought to zero mean and unit deviation over its own map: blind to colour and contrast. Measured at the size
    of `photo`; `usable` is false where that is too small or too flat.
    """

    def __init__(self, encoder: Encoder, photo: Float[Tensor, "1 3 height width"]) -> None:
        self._encoder = encoder
        self._size = photo.shape[-2:]
        self.cost = float(self._size[0] * self._size[1])  # pixel-steps of one measurement, counted as a step
        self.usable = min(self._size) >= 2 * max(encoder.architecture.layer(n).stride_px for n in READABILITY_LAYERS)
        if not self.usable:
            return  # fewer than two positions across: nothing to compare, or none at all
        maps = self._features(photo)
        self._directions = [_standardised(features) for features in maps]
        self.usable = all(_varies(features) for features in maps)

    def _features(self, picture: Tensor) -> list[Tensor]:
        height, width = self._size
        with torch.no_grad():
            features = self._encoder(resize(picture, height, width, mode="bilinear"), READABILITY_LAYERS)
        return [features[name] for name in READABILITY_LAYERS]

    def distance(self, pastiche: Float[Tensor, "1 3 height width"]) -> float:
        """Distance of `pastiche`, of any size, from the photo."""
        ours = [_standardised(features) for features in self._features(pastiche)]
        cosines = [
            float(torch.cosine_similarity(our, their, dim=1).mean())
            for our, their in zip(ours, self._directions, strict=True)
        ]
        return 1 - sum(cosines) / len(cosines)


def _varies(features: Tensor) -> bool:
    spread = features.flatten(2).std(2).square().sum().sqrt()
    return bool(spread > 1e-2 * features.square().mean().sqrt())


def _standardised(features: Tensor) -> Tensor:
    centred = features - features.mean((2, 3), keepdim=True)
    deviation = centred.square().mean((2, 3), keepdim=True).sqrt()
    return centred / (deviation + 1e-3 * deviation.mean() + 1e-12)


class Balance:
    """Multiplicative control of the content weight towards the readability that a strength asks for."""

    GAIN = 6.0  # a change of the weight's logarithm by 1 moves the distance by about 0.13
    BOUNDS = (1e-4, 30.0)
    SETTLING = 1  # measurements at the coarsest scale that do not count: the pastiche still is the photo

    def __init__(self, options: PaintOptions) -> None:
        self.moves = options.balance == "readability" and 0 < options.strength < 100
        self.weight = options.content_weight
        if options.balance == "readability" and options.strength == 100:
            self.weight = 0.0
        self._target = target_distance(options.strength) * (1 - DETAIL_RELIEF * options.keep_detail / 100)
        self._measurements = 0

    def state(self) -> dict[str, Any]:
        """All that changes while it works, for `restore`."""
        return {"moves": self.moves, "weight": self.weight, "measurements": self._measurements}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on as when `state` was taken."""
        self.moves, self.weight, self._measurements = state["moves"], state["weight"], state["measurements"]

    def update(self, distance: float, first: bool) -> None:
        """Move the weight after a measurement; `first`: at the coarsest scale."""
        self._measurements += 1
        if first and self._measurements <= self.SETTLING:
            return
        self.weight *= math.exp(self.GAIN * (distance - self._target))
        self.weight = min(max(self.weight, self.BOUNDS[0]), self.BOUNDS[1])


def target_distance(strength: float) -> float:
    """Distance from the photo that a strength in 0-100 asks for."""
    return 0.3 * strength / 50


def detail_weight(options: PaintOptions) -> float:
    """Weight of the detail loss that `keep_detail` asks for."""
    return DETAIL_WEIGHT * (options.keep_detail / 100) ** 2


def style_share(options: PaintOptions) -> float:
    """Share of the painting in the style targets; below strength 30 the photo's own statistics mix in.

    Readability is blind to colour and contrast: without this, the weakest strength would still recolour.
    """
    return 1.0 if options.balance == "fixed" else min(1.0, options.strength / 30)
