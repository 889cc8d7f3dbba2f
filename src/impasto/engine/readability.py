"""Readability: the distance of a pastiche from the structure of its photo."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from impasto.encoders import Encoder
from impasto.images.tensors import resize
from impasto.losses.structure import standardised

# Photo and pastiche are reduced to this, so that readability means the same at every size.
READING_LONG_EDGE_PX = 192
FLOOR = 1e-3  # of the mean deviation, added to every channel's
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
        self._directions = [standardised(features, FLOOR) for features in maps]
        self.usable = all(_varies(features) for features in maps)
        # By layer and mask; a mask is averaged over the pixels of each position, so that nothing of it is lost.
        self._mask_weights = [
            [_position_weights(mask, directions.shape[-2:]) for mask in masks] for directions in self._directions
        ]

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
        sums = [0.0] * max(1, len(self._mask_weights[0]))
        for features, directions, weights in zip(
            self._features(pastiche), self._directions, self._mask_weights, strict=True
        ):
            cosines = torch.cosine_similarity(standardised(features, FLOOR), directions, dim=1)
            means = [(cosines * weight).sum() for weight in weights] or [cosines.mean()]
            sums = [total + float(mean) for total, mean in zip(sums, means, strict=True)]
        return [1 - total / len(self._directions) for total in sums]


def _position_weights(mask: Tensor, size: torch.Size) -> Tensor:
    """Weights of a map's positions under a mask, with the sum 1."""
    weights = F.adaptive_avg_pool2d(mask[None, None], (size[0], size[1]))[0, 0]
    return weights / weights.sum()


def _varies(features: Tensor) -> bool:
    spread = features.flatten(2).std(2).square().sum().sqrt()
    return bool(spread > 1e-2 * features.square().mean().sqrt())
