"""Style losses: distances between style statistics, relative to the painting's own magnitude.

Both are functions of `Moments` alone and return a float64 scalar without unit, so that a weight means the
same at every size, for every encoder and painting.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from impasto.errors import OptionError
from impasto.losses.statistics import Moments

# Share of its mean variance that is added to the diagonal of a covariance before a root is taken: keeps the
# root differentiable where a channel never fires.
RIDGE = 1e-4


class WassersteinLoss:
    r"""Squared 2-Wasserstein distance between Gaussians with the two maps' means and covariances.

    .. math:: \frac{|\mu - \mu_*|^2 + \operatorname{tr}\bigl(C + C_* - 2 (C_*^{1/2} C\, C_*^{1/2})^{1/2}\bigr)}
        {\operatorname{tr} C_*}

    Dowson and Landau, "The Fréchet distance between multivariate normal distributions" (1982), eq. 4; as a
    style loss: Crowson, style-transfer-pytorch. Departures: `RIDGE` is added to both covariances, and the
    distance is divided by the total variance of the painting's map.
    """

    def __init__(self, target: Moments) -> None:
        self._mean = target.mean
        self._covariance = _ridged(target.covariance)
        self._scale = 1 / _magnitude(self._covariance, self._mean)

    @cached_property
    def _root(self) -> Tensor:
        values, vectors = _eigh(self._covariance)
        root: Tensor = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
        return root

    def __call__(self, pastiche: Moments) -> Float[Tensor, ""]:
        covariance = _ridged(pastiche.covariance)
        shift = (pastiche.mean - self._mean).square().sum()
        overlap: Tensor = _TraceRoot.apply(covariance, self._root)  # type: ignore[no-untyped-call]
        spread = covariance.trace() + self._covariance.trace() - 2 * overlap
        return (shift + spread) * self._scale


class GramLoss:
    r"""Squared Frobenius distance between Gram matrices per position, relative to the painting's.

    .. math:: |G - G_*|_F^2 / |G_*|_F^2, \quad G = \frac1n \sum f f^T

    Gatys, Ecker and Bethge, "A Neural Algorithm of Artistic Style" (arXiv 1508.06576), eq. 4. Departure: the
    paper divides by 4 N^2 M^2; relative to the painting, the loss is free of both.
    """

    def __init__(self, target: Moments) -> None:
        self._gram = target.second_moment
        self._scale = 1 / (self._gram.square().sum() + 1e-24)

    def __call__(self, pastiche: Moments) -> Float[Tensor, ""]:
        return (pastiche.second_moment - self._gram).square().sum() * self._scale


StyleLoss = WassersteinLoss | GramLoss
STYLE_LOSSES: dict[str, Callable[[Moments], StyleLoss]] = {
    "wasserstein": WassersteinLoss,
    "gram": GramLoss,
}


def _ridged(covariance: Tensor) -> Tensor:
    size = len(covariance)
    ridge = RIDGE * covariance.trace() / size + 1e-12
    return covariance + ridge * torch.eye(size, dtype=covariance.dtype, device=covariance.device)


def _magnitude(covariance: Tensor, mean: Tensor) -> Tensor:
    """Total variance; for a painting that is flat a small share of its mean square stands in."""
    return covariance.trace() + 1e-3 * mean.square().sum() + 1e-9


def _eigh(matrix: Tensor) -> tuple[Tensor, Tensor]:
    try:
        values, vectors = torch.linalg.eigh(matrix)
    except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
        raise OptionError("the style statistics have no finite roots: use another encoder, or the gram loss") from error
    return values, vectors


class _TraceRoot(torch.autograd.Function):
    """tr (S C S)^(1/2) for symmetric S, C; derivative 1/2 S (S C S)^(-1/2) S."""

    @staticmethod
    def forward(ctx: Any, covariance: Tensor, root: Tensor) -> Tensor:
        values, vectors = _eigh(root @ covariance @ root)
        roots = values.clamp_min(values[-1].clamp_min(1e-300) * 1e-15).sqrt()
        ctx.save_for_backward(roots, root @ vectors)
        value: Tensor = roots.sum()
        return value

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        roots, turned = ctx.saved_tensors
        return gradients[0] * 0.5 * (turned / roots) @ turned.T, None
