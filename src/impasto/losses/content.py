"""Content loss: how far the pastiche's feature maps are from the photo's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from impasto.losses.guidance import guide
from impasto.losses.maps import TiledEncoder, TileMaps
from impasto.losses.terms import Sums, layer_shares, weigh_parts


class ContentTerm:
    """Weighted mean of the content losses of several layers, in units ``gatys`` the sum.

    Parameters
    ----------
    reader: the encoder and the tiles of the canvas.
    photo: [1, 3, height, width], the canvas whose feature maps are the targets.
    layer_weights: by layer.
    weight: multiplier; with `masks` one for each of them.
    units: scale-free, gatys or tutorial.
    masks: [height, width] in [0, 1], parts of the canvas with a weight of their own; none: one weight for all.
    """

    name, adds = "content", True

    def __init__(
        self,
        reader: TiledEncoder,
        photo: Float[Tensor, "1 3 height width"],
        layer_weights: Mapping[str, float],
        *,
        weight: float | Sequence[float] = 1.0,
        units: str = "scale-free",
        masks: Sequence[Float[Tensor, "height width"]] = (),
    ) -> None:
        self.weight = weight
        self._shares = layer_shares(layer_weights, units)
        targets: dict[str, list[Tensor]] = {name: [] for name in layer_weights}
        for maps in reader.iter_maps(photo, list(targets)) if targets else ():
            for name, pieces in targets.items():
                pieces.append(maps.owned(name))
        self._losses = {name: ContentLoss(pieces, units) for name, pieces in targets.items()}
        self._guides = {name: [guide(mask, reader.layer(name)) for mask in masks] for name in targets}

    def add(self, maps: TileMaps) -> Sums:
        sums: Sums = {}
        for name, loss in self._losses.items():
            features = maps.owned(name)
            masks = [guide[maps.tile.within[name]].to(features) for guide in self._guides[name]]
            parts = loss.of_parts(features, masks, maps.number) if masks else [loss(features, maps.number)]
            sums |= {(part, name): value for part, value in enumerate(parts)}
        return sums

    def close(self, sums: Sums) -> tuple[float, Sums]:
        return weigh_parts(self.weight, self._shares, sums)


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
        """The loss of one piece of the pastiche's map, float64; pieces add."""
        return self._errors(features, piece).sum(dtype=torch.float64) * self._scale

    def of_parts(
        self,
        features: Float[Tensor, "1 channels height width"],
        masks: Sequence[Float[Tensor, "height width"]],
        piece: int = 0,
    ) -> list[Float[Tensor, ""]]:
        """The same for parts of the picture: every position counts for a part as its mask says."""
        errors = self._errors(features, piece).sum((0, 1), dtype=torch.float64)
        return [(errors * mask).sum() * self._scale for mask in masks]

    def _errors(self, features: Tensor, piece: int) -> Tensor:
        return (features - self._target[piece]).square()
