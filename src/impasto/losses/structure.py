"""Structure term: a content loss that is blind to colour and contrast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from impasto.losses.guidance import guide
from impasto.losses.maps import TiledEncoder, TileMaps
from impasto.losses.terms import Sums, layer_shares, weigh_parts


class StructureTerm:
    r"""Weighted mean over the layers of :math:`1 - \cos(\hat f, \hat f_*)`, averaged over positions.

    f and f* are the features of pastiche and photo at a position, each channel brought to zero mean and unit
    deviation over its own map (`standardised`): 0 is the photo, 1 is unrelated. A new palette costs nothing, a lost
    contour does. It is what readability measures, as a loss. The mean of a map is needed before any position
    counts, so it does not add: no tiles.

    Parameters are those of `ContentTerm`; there are no other units.
    """

    name, adds = "content", False

    def __init__(
        self,
        reader: TiledEncoder,
        photo: Float[Tensor, "1 3 height width"],
        layer_weights: Mapping[str, float],
        *,
        weight: float | Sequence[float] = 1.0,
        masks: Sequence[Float[Tensor, "height width"]] = (),
    ) -> None:
        self.weight = weight
        self._shares = layer_shares(layer_weights, "scale-free")
        self._targets: dict[str, Tensor] = {}
        for maps in reader.iter_maps(photo, list(layer_weights)) if layer_weights else ():
            self._targets = {name: standardised(_owned(maps, name)) for name in layer_weights}
        self._guides = {name: [guide(mask, reader.layer(name)) for mask in masks] for name in layer_weights}

    def add(self, maps: TileMaps) -> Sums:
        sums: Sums = {}
        for name, target in self._targets.items():
            distances = 1 - torch.cosine_similarity(standardised(_owned(maps, name)), target, dim=1)
            masks = [guide[maps.tile.within[name]].to(distances) for guide in self._guides[name]]
            parts = [(distances * mask).mean(dtype=torch.float64) for mask in masks]
            for part, value in enumerate(parts or [distances.mean(dtype=torch.float64)]):
                sums[part, name] = value
        return sums

    def close(self, sums: Sums) -> tuple[float, Sums]:
        return weigh_parts(self.weight, self._shares, sums)


def standardised(features: Float[Tensor, "batch _ _ _"], floor: float = 1e-2) -> Float[Tensor, "batch _ _ _"]:
    """Every channel at zero mean and unit deviation over its own map.

    A share `floor` of the channels' mean deviation is added to each: one that never fires stays near zero.
    """
    centred = features - features.mean((2, 3), keepdim=True)
    deviation = centred.square().mean((2, 3), keepdim=True).sqrt()
    return centred / (deviation + floor * deviation.mean((1, 2, 3), keepdim=True) + 1e-12)


def _owned(maps: TileMaps, name: str) -> Tensor:
    """The positions that count, not in the encoder's geometry: channels are compared one by one."""
    return maps.features[name][..., *maps.tile.owns[name]].to(maps.encoder.dtype)
