"""Surface term: the pastiche is as crisp as the painting, and its colours no noisier."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from impasto.losses.laplacian import crispness_sums
from impasto.losses.strips import over_strips
from impasto.losses.tiles import Core

SMOOTH = 2e-4  # crispness that any painting may have
FRINGE = 4.0  # weight of colours that are noisier than the painting's, beside the luma's crispness


@dataclass(frozen=True)
class Surface:
    """Properties of a painting's surface at one size, that moments of features do not hold.

    Attributes
    ----------
    total_variation: mean squared slope.
    crispness: mean squared Laplacian of the luma, and of the colours without it; None where only a style file is
        left of the painting, which does not hold it.
    """

    total_variation: float
    crispness: tuple[float, float] | None

    @classmethod
    def blend(cls, parts: Iterable[tuple[Surface, float]]) -> Surface:
        """The mean of several, by weights with the sum 1."""
        parts = list(parts)
        crispness = None
        known = [(surface.crispness, weight) for surface, weight in parts if surface.crispness is not None]
        if len(known) == len(parts):
            luma, colours = (sum(weight * pair[i] for pair, weight in known) for i in (0, 1))
            crispness = luma, colours
        return cls(sum(weight * surface.total_variation for surface, weight in parts), crispness)


class SurfaceTerm:
    r""":math:`\log^2(L / L_*) + 4 \max(0, \log(C / C_*))^2` of the crispness L of the luma and C of the colours.

    Crispness is the mean squared Laplacian (`losses.laplacian`). The style loss hardly reads either of them:
    without this term a pastiche is soft, or has coloured fringes.

    Parameters
    ----------
    target: crispness of the painting's luma, and of its colours without it.
    core: the part of the canvas that counts.
    """

    name = "surface"

    def __init__(self, target: tuple[float, float], weight: float, core: Core) -> None:
        self.weight, self._core = weight, core
        self._target = torch.tensor(target, dtype=torch.float64) + SMOOTH

    def __call__(
        self, pastiche: Float[Tensor, "1 3 height width"], gradient: Float[Tensor, "1 3 height width"]
    ) -> float:
        pastiche, gradient = self._core.cut(pastiche, 1), self._core.cut(gradient, 1)
        positions = (pastiche.shape[-2] - 2) * (pastiche.shape[-1] - 2)

        def close(sums: Tensor) -> tuple[Tensor, Tensor]:
            means = sums / positions
            ratio = ((means + SMOOTH) / self._target.to(sums.device)).log()
            ratio[1].clamp_(min=0)
            weights = self.weight * torch.tensor([1.0, FRINGE], dtype=sums.dtype, device=sums.device)
            return (weights * ratio.square()).sum(), 2 * weights * ratio / ((means + SMOOTH) * positions)

        return over_strips(
            pastiche, gradient, reach_px=1, energies=lambda pixels, _: crispness_sums(pixels)[0], close=close
        )
