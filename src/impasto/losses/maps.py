"""Feature maps of a canvas, tile by tile: what the terms of an objective are summed from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from impasto.encoders import Encoder
from impasto.encoders.architectures import Layer
from impasto.errors import OptionError
from impasto.losses.tiles import WHOLE_PX, Core, Tile, build_tiles


@dataclass(frozen=True)
class TileMaps:
    """The feature maps of one tile.

    Attributes
    ----------
    number: place of the tile in `TiledEncoder.tiles`.
    encoder: the encoder that computed the maps; they are on its device.
    pixels: [1, 3, height, width] of what the tile reads; a leaf of the graph where one is kept.
    features: [1, channels, height, width] by layer, halo included, in the encoder's precision; `moments` takes them so.
    """

    number: int
    tile: Tile
    encoder: Encoder
    pixels: Tensor
    features: Mapping[str, Tensor]

    def owned(self, layer: str) -> Float[Tensor, "1 channels height width"]:
        """The positions of a map that the tile owns, in the encoder's geometry and the precision of pictures."""
        features = self.features[layer][..., *self.tile.owns[layer]].to(self.encoder.dtype)
        return self.encoder.in_geometry(layer, features)

    def weights(self, mask: Float[Tensor, "_ _"], layer: str) -> Float[Tensor, "height width"]:
        """A guidance mask of the layer's whole map, cut for this tile; zero where the tile owns nothing."""
        weights = torch.zeros_like(self.features[layer][0, 0], dtype=self.encoder.dtype)
        weights[self.tile.owns[layer]] = mask[self.tile.within[layer]].to(weights)
        return weights


class TiledEncoder:
    """An encoder that reads a canvas in tiles.

    Parameters
    ----------
    encoders: the same encoder on one device or several; tiles take turns.
    size: height and width of the canvas in pixels.
    core: the part of the canvas that counts.
    layers: names of the layers whose maps are computed; without any there are no tiles.
    tile_px: largest core of a tile; the default holds any picture whole.

    Raises `OptionError` for several tiles where the encoder pads circularly.
    """

    def __init__(
        self,
        encoders: Sequence[Encoder],
        size: tuple[int, int],
        core: Core,
        layers: Sequence[str],
        tile_px: int = WHOLE_PX,
    ) -> None:
        self.encoder, self.core, self.layers = encoders[0], core, list(dict.fromkeys(layers))
        self._encoders = encoders
        self.tiles = build_tiles(core, *size, [self.layer(name) for name in self.layers], tile_px)
        if len(self.tiles) > 1 and self.encoder.padding_mode == "circular":
            raise OptionError("an encoder with circular padding takes no tiles")

    def layer(self, name: str) -> Layer:
        """A row of the encoder's table of layers."""
        return self.encoder.architecture.layer(name)

    def read(
        self,
        canvas: Float[Tensor, "1 3 height width"],
        number: int,
        layers: Sequence[str] | None = None,
        *,
        graph: bool = False,
    ) -> TileMaps:
        """The maps of one tile at `layers` (default: all); `graph`: differentiable by the tile's pixels."""
        tile, encoder = self.tiles[number], self._encoders[number % len(self._encoders)]
        pixels = canvas[..., *tile.reads].detach().to(encoder.device).requires_grad_(graph)
        with torch.set_grad_enabled(graph):
            features = encoder.narrow_maps(pixels, self.layers if layers is None else layers)
        return TileMaps(number, tile, encoder, pixels, features)

    def iter_maps(
        self, canvas: Float[Tensor, "1 3 height width"], layers: Sequence[str] | None = None
    ) -> Iterator[TileMaps]:
        """The maps of all tiles, without a graph."""
        for number in range(len(self.tiles)):
            yield self.read(canvas, number, layers)
