"""Style statistics as the stylizer reads them: moments of a picture's pixels and feature maps.

They are small (some 300 kB), they add, and they do not hold the picture: a style file stores them, and they blend.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from impasto.encoders import Encoder
from impasto.losses.statistics import Moments, blend, moments
from impasto.losses.style_targets import style_statistics
from impasto.losses.tiles import WHOLE_PX

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

    def batch(self) -> Batch:
        """Means and covariances as a batch of one, float64."""
        pairs = {}
        for name in CHANNELS:
            mean = self.moments[name].mean - (MIDDLE if name == "rgb" else 0)
            pairs[name] = mean[None], self.moments[name].covariance[None]
        return pairs


def measure_style(
    encoder: Encoder,
    picture: Float[Tensor, "1 3 height width"],
    tile_px: int = WHOLE_PX,
    mask: Float[Tensor, "height width"] | None = None,
) -> StyleStatistics:
    """Statistics of a picture in [0, 1] of 16 px a side or more; they are the same in tiles.

    `mask`: in [0, 1], how much each pixel counts; at the layers those positions count that see little of the rest
    (`guide`).
    """
    plain = copy(encoder)
    plain.geometry = {}
    by_layer = {"rgb": moments(picture, mask).normalised()}
    by_layer |= style_statistics(plain, picture, LAYERS, tile_px, mask, "inside")
    return StyleStatistics(by_layer, encoder.sha256)


def blend_statistics(parts: Iterable[tuple[StyleStatistics, float]]) -> StyleStatistics:
    """Blend paintings, each by its weight: the statistics of a wall on which they hang side by side."""
    parts = list(parts)
    blended = {name: blend((one.moments[name], weight) for one, weight in parts) for name in CHANNELS}
    return StyleStatistics(blended, parts[0][0].encoder_sha256)


def batch_statistics(maps: Mapping[str, Float[Tensor, "batch _ _ _"]]) -> Batch:
    """Means and covariances of a batch's feature maps (``rgb``: pixels less `MIDDLE`), differentiable, float32."""
    pairs = {}
    for name in CHANNELS:
        rows = maps[name].flatten(2)
        mean = rows.mean(2)
        centred = rows - mean[:, :, None]
        pairs[name] = mean, centred @ centred.mT / rows.shape[2]
    return pairs
