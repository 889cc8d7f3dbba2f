"""Style targets: the style statistics to reach, and how they are read from a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from impasto.encoders import Encoder
from impasto.losses.guidance import guide
from impasto.losses.maps import TiledEncoder, TileMaps
from impasto.losses.statistics import SAMPLE, Moments, Sample, blend_samples, moments, take_sample
from impasto.losses.tiles import WHOLE_PX, Core


@dataclass(frozen=True)
class StyleTarget:
    """Where a style applies, and what it is.

    Attributes
    ----------
    statistics: moments to reach at each style layer, in the encoder's geometry; for `WHOLE_MAP_LOSSES` samples.
    mask: [height, width] of the canvas in [0, 1], the guidance mask; None: everywhere.
    weight: of the region's loss among those of all regions.
    """

    statistics: Mapping[str, Moments | Sample]
    mask: Float[Tensor, "height width"] | None = None
    weight: float = 1.0


def style_statistics(
    encoder: Encoder,
    picture: Float[Tensor, "1 3 height width"],
    layers: Sequence[str],
    tile_px: int = WHOLE_PX,
    mask: Float[Tensor, "height width"] | None = None,
    mask_mode: str = "simple",
) -> dict[str, Moments]:
    """Normalised moments of a picture at `layers`, in the encoder's geometry.

    With a `mask` its positions count as it says, at each layer as `guide` does.
    """
    guides = {} if mask is None else {name: guide(mask, encoder.architecture.layer(name), mask_mode) for name in layers}
    sums: dict[str, Moments] = {}
    for maps in _iter_maps(encoder, picture, layers, tile_px):
        for name in filter(maps.tile.owns_any, layers):
            weights = maps.weights(guides[name], name) if guides else None
            tile = moments(maps.features[name], weights, maps.tile.owns[name])
            sums[name] = sums[name] + tile if name in sums else tile
    return {name: sums[name].normalised().transformed(encoder.geometry.get(name)) for name in layers}


def style_samples(
    encoder: Encoder, picture: Float[Tensor, "1 3 height width"], layers: Sequence[str], tile_px: int = WHOLE_PX
) -> dict[str, Sample]:
    """Features of a picture at random positions of `layers`, in the encoder's geometry."""
    parts: dict[str, list[tuple[Sample, float]]] = {name: [] for name in layers}
    for maps in _iter_maps(encoder, picture, layers, tile_px):
        for name in filter(maps.tile.owns_any, layers):
            features = maps.owned(name)
            parts[name].append((take_sample(features, SAMPLE), float(features[0, 0].numel())))
    return {name: blend_samples(samples) for name, samples in parts.items()}


def _iter_maps(encoder: Encoder, picture: Tensor, layers: Sequence[str], tile_px: int) -> Iterator[TileMaps]:
    height, width = picture.shape[-2:]
    return TiledEncoder([encoder], (height, width), Core(0, 0, height, width), layers, tile_px).iter_maps(picture)
