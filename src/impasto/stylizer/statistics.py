"""What the stylizer knows of a painting: the moments of its pixels and feature maps, a value of its own.

Small (some 300 kB), additive and without the picture: what a style file holds, and what blends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from impasto.encoders import Encoder
from impasto.losses.objective import WHOLE_PX, style_statistics
from impasto.losses.statistics import Moments, blend, moments

CHANNELS = {"rgb": 3, "relu1_1": 16, "relu2_1": 32, "relu3_1": 64, "relu4_1": 128, "relu5_1": 128}
LAYERS = tuple(name for name in CHANNELS if name != "rgb")
MIDDLE = 0.5  # subtracted from pixels wherever the network reads them

Batch = Mapping[str, tuple[Float[Tensor, "_ _"], Float[Tensor, "_ _ _"]]]
"""By layer, means [batch, channels] and covariances [batch, channels, channels]; of pixels less `MIDDLE`."""


@dataclass(frozen=True)
class StyleStatistics:
    """Normalised moments of a picture.

    Attributes
    ----------
    moments: by layer, in the order of `CHANNELS`: of the RGB values in [0, 1], and of the encoder's feature maps
        as they are (not in its geometry).
    encoder_sha256: of the encoder that made them; they mean nothing to another.
    """

    moments: Mapping[str, Moments]
    encoder_sha256: str

    def batch(self, layers: Sequence[str] = tuple(CHANNELS)) -> Batch:
        """Means and covariances at `layers` as a batch of one, float64."""
        found = {}
        for name in layers:
            mean = self.moments[name].mean - (MIDDLE if name == "rgb" else 0)
            found[name] = mean[None], self.moments[name].covariance[None]
        return found


def study(
    encoder: Encoder,
    picture: Float[Tensor, "1 3 height width"],
    tile_px: int = WHOLE_PX,
    mask: Float[Tensor, "height width"] | None = None,
) -> StyleStatistics:
    """Statistics of a picture in [0, 1], 16 px or more a side; in tiles they are the same.

    `mask`: in [0, 1], how much each pixel counts; at the layers what sees little of the rest (`guide`).
    """
    plain = copy(encoder)
    plain.geometry = {}
    found = {"rgb": moments(picture, mask).normalised()}
    found |= style_statistics(plain, [(picture, 1.0)], LAYERS, tile_px, mask, "inside")
    return StyleStatistics(found, encoder.sha256)


def blend_statistics(parts: Iterable[tuple[StyleStatistics, float]]) -> StyleStatistics:
    """Several paintings as one, each by its weight: the statistics of a wall on which they hang side by side."""
    parts = list(parts)
    mixed = {name: blend((one.moments[name], weight) for one, weight in parts) for name in CHANNELS}
    return StyleStatistics(mixed, parts[0][0].encoder_sha256)


def in_float32(batch: Batch) -> dict[str, tuple[Tensor, Tensor]]:
    """The same, as the network takes them."""
    return {name: (mean.to(torch.float32), covariance.to(torch.float32)) for name, (mean, covariance) in batch.items()}
