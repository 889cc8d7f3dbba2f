"""Style loss of the Gaussian kernel: a distance between sets of features that is no sum over positions.

It needs whole feature maps, where the other style losses need only `Moments`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from impasto.errors import OptionError
from impasto.losses.maps import TileMaps
from impasto.losses.statistics import SAMPLE, Sample
from impasto.losses.style_targets import StyleTarget
from impasto.losses.terms import Sums, layer_shares


class WholeMapStyleTerm:
    """`StyleTerm` for a style loss that does not add over positions: it takes neither tiles nor guidance masks.

    Parameters
    ----------
    layer_weights, targets, loss, weight, units: as of `StyleTerm`; `loss` is a name of `WHOLE_MAP_LOSSES`, and the
        targets hold samples.
    """

    name, adds = "style", False

    def __init__(
        self,
        layer_weights: Mapping[str, float],
        targets: Sequence[StyleTarget],
        *,
        loss: str,
        weight: float = 1.0,
        units: str = "scale-free",
    ) -> None:
        self.weight = weight
        self._losses: list[tuple[str, float, GaussianKernelLoss]] = []
        whole = sum(target.weight for target in targets)
        for target in targets:
            if target.mask is not None:
                raise OptionError(f"the style loss {loss!r} takes no guidance masks")
            for layer, share in layer_shares(layer_weights, units).items():
                sample = target.statistics[layer]
                assert isinstance(sample, Sample)
                self._losses.append((layer, share * target.weight / whole, WHOLE_MAP_LOSSES[loss](sample)))

    def add(self, maps: TileMaps) -> Sums:
        return {
            (number, layer): share * loss(maps.owned(layer)) for number, (layer, share, loss) in enumerate(self._losses)
        }

    def close(self, sums: Sums) -> tuple[float, Sums]:
        slopes = {key: torch.full_like(value, self.weight) for key, value in sums.items()}
        return self.weight * sum(map(float, sums.values()), 0.0), slopes


class GaussianKernelLoss:
    r"""Squared MMD with the kernel :math:`k(x, y) = \exp(-|x - y|^2 / 2\sigma^2)`, in [0, 2].

    .. math:: \operatorname{E} k(x, x') + \operatorname{E} k(y, y') - 2 \operatorname{E} k(x, y)

    over the features x of a map and y of the painting (Gretton et al., JMLR 2012, eq. 5). Li, Wang, Liu and Hou
    (arXiv 1701.01036): sigma squared is the mean squared distance between features, here those of
    the painting. It is without unit in every loss unit.

    Departure: the paper pairs up random positions anew at every step, which no optimiser with a memory can
    follow. Here the painting lends `SAMPLE` positions, and a map is dealt once into groups of about as many, within
    which x meets x'; up to `SAMPLE` positions this is the formula itself, and all positions always count.
    """

    def __init__(self, target: Sample) -> None:
        features = target.features
        self._centre = features.mean(0)
        spread = 2 * (features - self._centre).square().sum(1).mean(dtype=torch.float64)  # E |y - y'|^2
        self._width = float((2 * (spread + 1e-6 * self._centre.double().square().sum() + 1e-12)).rsqrt())
        self._painting = (features - self._centre) * self._width
        self._within_painting = _MeanKernel.apply(self._painting[None], self._painting[None])  # type: ignore[no-untyped-call]

    def __call__(self, features: Float[Tensor, "1 channels height width"]) -> Float[Tensor, ""]:
        """Distance of a whole map from the painting, float64."""
        rows = (features.flatten(2)[0].T - self._centre) * self._width
        groups = max(1, round(len(rows) / SAMPLE))
        order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(1)).to(rows.device)
        among = torch.zeros((), dtype=torch.float64, device=rows.device)
        across = torch.zeros_like(among)
        for chosen in order.chunk(groups):
            share, group = len(chosen) / len(rows), rows[chosen][None]
            among = among + share * _MeanKernel.apply(group, group)  # type: ignore[no-untyped-call]
            across = across + share * _MeanKernel.apply(group, self._painting[None])  # type: ignore[no-untyped-call]
        distance: Tensor = among + self._within_painting - 2 * across
        return distance


WHOLE_MAP_LOSSES = {"mmd-gaussian": GaussianKernelLoss}  # the style losses that do not add over positions


class _MeanKernel(torch.autograd.Function):
    """Mean of exp(-|x - y|^2) over all pairs of [1, n, channels] and [1, m, channels], float64.

    Derivatives are worked out with the value: the matrix of the kernel is not kept.
    """

    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor) -> Tensor:
        kernel = torch.cdist(left, right).square_().neg_().exp_()
        pairs = kernel.numel()
        by_left = (kernel @ right - kernel.sum(2, keepdim=True) * left) * (2 / pairs)
        turned = kernel.transpose(1, 2)
        by_right = (turned @ left - turned.sum(2, keepdim=True) * right) * (2 / pairs)
        ctx.save_for_backward(by_left, by_right)
        return kernel.mean(dtype=torch.float64)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        by_left, by_right = ctx.saved_tensors
        slope = gradients[0].to(by_left.dtype)
        return by_left * slope, by_right * slope
