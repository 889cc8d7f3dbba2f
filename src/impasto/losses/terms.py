"""What a term of the objective is: a name, a weight and two calls. Each term is in a file of its own.

A term is a function of sums over positions. `add` gives the sums of what one tile owns; sums of tiles add. `close`
gives the value of the whole and its derivative by the sums, which the objective carries back through each tile to the
pixels. A term of pixels that needs no feature maps may go over the canvas itself (`PixelTerm`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from impasto.losses.maps import TileMaps

Sums = dict[tuple[Any, ...], Tensor]  # by region, layer, ...: each term has keys of its own


@runtime_checkable
class Term(Protocol):
    """A weighted term whose value follows from sums over positions.

    Attributes
    ----------
    name: key in the loss breakdown; terms of one name are added there.
    weight: multiplier, which may change between evaluations; of a term with parts one for each.
    adds: whether it adds over positions. A term that does not refuses several tiles.
    """

    name: str
    weight: Any
    adds: bool

    def add(self, maps: TileMaps) -> Sums:
        """The sums over what a tile owns, differentiable by its pixels where its maps are."""
        ...

    def close(self, sums: Sums) -> tuple[float, Sums]:
        """The weighted value, from the sums of all tiles, and its derivative by those that depend on pixels."""
        ...


@runtime_checkable
class PixelTerm(Protocol):
    """A weighted term that reads the whole canvas, with a derivative that is written out to spare memory."""

    name: str
    weight: float

    def __call__(
        self, pastiche: Float[Tensor, "1 3 height width"], gradient: Float[Tensor, "1 3 height width"]
    ) -> float:
        """The weighted value; its derivative is added to `gradient`."""
        ...


def layer_shares(layer_weights: Mapping[str, float], units: str) -> dict[str, float]:
    """Multiplier of each layer's loss: a mean; Gatys et al. take their weights as they are (eq. 5)."""
    whole = 1.0 if units == "gatys" else sum(layer_weights.values())
    return {name: weight / whole for name, weight in layer_weights.items()}


def weigh_parts(weight: float | Sequence[float], shares: Mapping[str, float], sums: Sums) -> tuple[float, Sums]:
    """Close a term whose sums are losses already, by (part of the picture, layer).

    `weight`: of all parts, or one for each. Returns the weighted value, and its derivative by the sums.
    """
    weights = [weight] if isinstance(weight, float | int) else weight
    factors = {(part, name): own * share for name, share in shares.items() for part, own in enumerate(weights)}
    value = sum((factor * float(sums[key]) for key, factor in factors.items()), 0.0)
    return value, {key: torch.full_like(sums[key], factor) for key, factor in factors.items()}
