"""The objective: a picture in, a loss breakdown and a gradient out. Optimisers see nothing else.

It is a list of terms. Whole or in tiles it is the same number: with several tiles every evaluation goes over them
twice, once to sum without a graph, once to carry the derivative by the sums back to the pixels. A single tile keeps
its graph and is gone over once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from impasto.errors import OptionError
from impasto.losses.maps import TiledEncoder
from impasto.losses.terms import PixelTerm, Sums, Term


@dataclass(frozen=True)
class Evaluation:
    """Weighted loss parts with their sum ``total``, and d total / d picture [1, 3, height, width]."""

    losses: dict[str, float]
    gradient: Tensor = field(repr=False)


class Objective:
    """The sum of weighted terms.

    Parameters
    ----------
    reader: the encoder and the tiles of the canvas.
    terms: in the order of the loss breakdown.
    photo: [1, 3, height, width], what the pastiche is where `photo_mask` says so, whatever the optimiser's picture is.
    photo_mask: [height, width] in [0, 1]; where it is soft, photo and picture are mixed before anything is compared.
        Default: nowhere.

    Raises `OptionError` for several tiles with a term that does not add over positions.
    """

    def __init__(
        self,
        reader: TiledEncoder,
        terms: Sequence[Term | PixelTerm],
        photo: Float[Tensor, "1 3 height width"] | None = None,
        photo_mask: Float[Tensor, "height width"] | None = None,
    ) -> None:
        self._reader, self._photo_mask = reader, photo_mask
        self._photo = None if photo_mask is None else photo  # not held where nothing of it is shown
        self._all_terms = list(terms)
        self._terms = [term for term in terms if isinstance(term, Term)]
        self._pixel_terms = [term for term in terms if not isinstance(term, Term)]
        for term in self._terms:
            if len(reader.tiles) > 1 and not term.adds:
                raise OptionError(f"this {term.name} loss does not add over positions: it takes no tiles")

    @property
    def tiles(self) -> int:
        """Number of tiles that an evaluation goes over."""
        return len(self._reader.tiles)

    def set_weight(self, name: str, weight: float | Sequence[float]) -> None:
        """Change the weight of the terms of that name, from the next evaluation on."""
        for term in self._all_terms:
            if term.name == name:
                term.weight = weight

    def composite(self, picture: Float[Tensor, "1 3 height width"]) -> Float[Tensor, "1 3 height width"]:
        """The pastiche that the optimiser's picture stands for: the photo where the mask says so."""
        if self._photo is None or self._photo_mask is None:
            return picture
        return torch.lerp(picture, self._photo, self._photo_mask)

    def __call__(self, picture: Float[Tensor, "1 3 height width"]) -> Evaluation:
        pastiche = self.composite(picture)
        gradient = torch.zeros_like(pastiche)
        losses = dict.fromkeys([term.name for term in self._all_terms], 0.0)
        for pixel_term in self._pixel_terms:
            losses[pixel_term.name] += pixel_term(pastiche, gradient)
        whole = self.tiles == 1
        totals: list[Sums] = [{} for _ in self._terms]
        for number in range(self.tiles):
            pixels, sums = self._add_up(pastiche, number, graph=whole)
            _accumulate(totals, sums, pastiche.device)
        slopes: list[Sums] = []
        for term, total in zip(self._terms, totals, strict=True):
            value, by_sums = term.close(total)
            losses[term.name] += value
            slopes.append(by_sums)
        for number, tile in enumerate(self._reader.tiles):
            if not whole:
                pixels, sums = self._add_up(pastiche, number, graph=True)
            gradient[..., *tile.reads] += _carry_back(pixels, sums, slopes).to(gradient.device)
        if self._photo_mask is not None:
            gradient *= 1 - self._photo_mask
        return Evaluation(losses | {"total": sum(losses.values())}, gradient)

    def _add_up(self, pastiche: Tensor, number: int, *, graph: bool) -> tuple[Tensor, list[Sums]]:
        """The pixels that a tile reads, and the sums of every term over what it owns."""
        maps = self._reader.read(pastiche, number, graph=graph)
        return maps.pixels, [term.add(maps) for term in self._terms]


def _accumulate(totals: Sequence[Sums], sums: Sequence[Sums], device: torch.device) -> None:
    """Add a tile's sums to the totals, without their graph, on `device`."""
    for total, of_tile in zip(totals, sums, strict=True):
        for key, value in of_tile.items():
            here = value.detach().to(device)
            total[key] = total[key] + here if key in total else here


def _carry_back(pixels: Tensor, sums: Sequence[Sums], slopes: Sequence[Sums]) -> Tensor:
    """Derivative of the objective by the pixels of one tile, from its derivative by the sums."""
    products = [
        (by_sums[key].to(pixels.device) * value).sum()
        for of_tile, by_sums in zip(sums, slopes, strict=True)
        for key, value in of_tile.items()
        if key in by_sums
    ]
    if not products:
        return torch.zeros_like(pixels)
    return torch.autograd.grad(torch.stack(products).sum(), pixels)[0]
