"""Strength as readability of the photo: the content weight that a picture needs, found while it is painted.

A fixed content weight leaves one photo intact and loses another. So the coarse scales, which are cheap, measure
how readable the photo still is and set the weight until the distance is what the strength asks for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from impasto.encoders import Encoder
from impasto.images.tensors import resize
from impasto.options.fields import PaintOptions

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

    With `masks` of the photo's size a distance is measured for each of them, its positions weighted by it.
    """

    def __init__(
        self,
        encoder: Encoder,
        photo: Float[Tensor, "1 3 height width"],
        masks: Sequence[Float[Tensor, "height width"]] = (),
    ) -> None:
        self._encoder = encoder
        self._size = photo.shape[-2:]
        self.cost = float(self._size[0] * self._size[1])  # pixel-steps of one measurement, counted as a step
        self.usable = min(self._size) >= 2 * max(encoder.architecture.layer(n).stride_px for n in READABILITY_LAYERS)
        if not self.usable:
            return  # fewer than two positions across: nothing to compare, or none at all
        maps = self._features(photo)
        self._directions = [_standardised(features) for features in maps]
        self.usable = all(_varies(features) for features in maps)
        # By layer and part; a mask is averaged over what each position stands for, so that nothing of it is lost.
        self._shares = [[_share(mask, directions.shape[-2:]) for mask in masks] for directions in self._directions]

    def _features(self, picture: Tensor) -> list[Tensor]:
        height, width = self._size
        with torch.no_grad():
            features = self._encoder(resize(picture, height, width, mode="bilinear"), READABILITY_LAYERS)
        return [features[name] for name in READABILITY_LAYERS]

    def distance(self, pastiche: Float[Tensor, "1 3 height width"]) -> float:
        """Distance of `pastiche`, of any size, from the photo; with masks in the first of them."""
        return self.distances(pastiche)[0]

    def distances(self, pastiche: Float[Tensor, "1 3 height width"]) -> list[float]:
        """Distance of `pastiche`, of any size, from the photo, for each mask; one without masks."""
        sums = [0.0] * max(1, len(self._shares[0]))
        for our, their, shares in zip(self._features(pastiche), self._directions, self._shares, strict=True):
            cosines = torch.cosine_similarity(_standardised(our), their, dim=1)
            found = [(cosines * share).sum() for share in shares] or [cosines.mean()]
            sums = [total + float(cosine) for total, cosine in zip(sums, found, strict=True)]
        return [1 - total / len(self._directions) for total in sums]


def _share(mask: Tensor, size: torch.Size) -> Tensor:
    """What each position of a map counts for a mask, with the sum 1."""
    there = F.adaptive_avg_pool2d(mask[None, None], (size[0], size[1]))[0, 0]
    return there / there.sum()


def _varies(features: Tensor) -> bool:
    spread = features.flatten(2).std(2).square().sum().sqrt()
    return bool(spread > 1e-2 * features.square().mean().sqrt())


def _standardised(features: Tensor) -> Tensor:
    centred = features - features.mean((2, 3), keepdim=True)
    deviation = centred.square().mean((2, 3), keepdim=True).sqrt()
    return centred / (deviation + 1e-3 * deviation.mean() + 1e-12)


class Balance:
    """Multiplicative control of content weights towards the readability that strengths ask for.

    Parameters
    ----------
    options: with the strength of the whole picture.
    strengths: one for each of its parts, which have weights of their own; None: that of the whole.
    """

    GAIN = 6.0  # a change of the weight's logarithm by 1 moves the distance by about 0.13
    BOUNDS = (1e-4, 30.0)
    SETTLING = 1  # measurements at the coarsest scale that do not count: the pastiche still is the photo

    def __init__(self, options: PaintOptions, strengths: Sequence[float | None] = (None,)) -> None:
        measured = options.balance == "readability"
        self._strengths = list(strengths)
        self._relief = 1 - DETAIL_RELIEF * options.keep_detail / 100
        asked = [options.strength if strength is None else strength for strength in strengths]
        self._targets = [self._relief * target_distance(strength) for strength in asked]
        self._free = [measured and 0 < strength < 100 for strength in asked]
        self.moves = any(self._free)
        self.weights = [0.0 if measured and strength == 100 else options.content_weight for strength in asked]
        self._measurements = 0

    @property
    def weight(self) -> float:
        """That of the whole picture, or of its first part."""
        return self.weights[0]

    def steer(self, options: PaintOptions) -> None:
        """Aim for another strength of the whole from now on, from the content weights that there are."""
        for part, own in enumerate(self._strengths):
            if own is None:
                self._free[part] = options.strength < 100
                self.weights[part] = max(self.weights[part], self.BOUNDS[0]) if self._free[part] else 0.0
                self._targets[part] = self._relief * target_distance(options.strength)
        self.moves = any(self._free)

    def state(self) -> dict[str, Any]:
        """All that changes while it works, for `restore`."""
        return {"moves": self.moves, "weights": self.weights, "measurements": self._measurements}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on as when `state` was taken."""
        self.moves, self.weights, self._measurements = state["moves"], list(state["weights"]), state["measurements"]

    def update(self, distance: float | Sequence[float], first: bool) -> None:
        """Move the weights after a measurement, one for each; `first`: at the coarsest scale."""
        self._measurements += 1
        if first and self._measurements <= self.SETTLING:
            return
        distances = [distance] if isinstance(distance, float | int) else distance
        for part, (found, target) in enumerate(zip(distances, self._targets, strict=True)):
            if self._free[part]:
                weight = self.weights[part] * math.exp(self.GAIN * (found - target))
                self.weights[part] = min(max(weight, self.BOUNDS[0]), self.BOUNDS[1])


def target_distance(strength: float) -> float:
    """Distance from the photo that a strength in 0-100 asks for."""
    return 0.3 * strength / 50


def detail_weight(options: PaintOptions) -> float:
    """Weight of the detail loss that `keep_detail` asks for."""
    return DETAIL_WEIGHT * (options.keep_detail / 100) ** 2


def style_share(options: PaintOptions, strength: float | None = None) -> float:
    """Share of the painting in the style targets; below strength 30 the photo's own statistics mix in.

    Readability is blind to colour and contrast: without this, the weakest strength would still recolour.
    """
    strength = options.strength if strength is None else strength
    return 1.0 if options.balance == "fixed" else min(1.0, strength / 30)
