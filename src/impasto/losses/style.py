"""Style losses that are distances between `Moments`; the Gaussian kernel's is in `mmd`.

They return a float64 scalar, by default without unit: relative to the painting's own magnitude, so that a
weight means the same at every size, for every encoder and painting. In the units of a paper (`UNITS`) they are
what it writes, N channels being the only thing that they are divided by; the paper's M positions are in the
moments. Departure: where pastiche and painting have different M, the papers leave open which is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from impasto.losses.guidance import guide
from impasto.losses.maps import TiledEncoder, TileMaps
from impasto.losses.roots import TraceRoot, matrix_power
from impasto.losses.statistics import Moments, moments
from impasto.losses.style_targets import StyleTarget
from impasto.losses.terms import Sums, layer_shares

UNITS = ("scale-free", "gatys", "tutorial")

# Share of its mean variance that is added to the diagonal of a covariance before a root is taken: keeps the
# root differentiable where a channel never fires.
RIDGE = 1e-4


class StyleTerm:
    """Weighted mean of the style losses of several regions and layers, in units ``gatys`` the sum over layers.

    Parameters
    ----------
    reader: the encoder and the tiles of the canvas.
    layer_weights: by layer.
    targets: one for each region, with moments; the regions' weights count relative to each other.
    loss: a name of `STYLE_LOSSES`.
    weight: multiplier.
    units: scale-free, gatys or tutorial.
    mask_mode: how guidance masks are brought to the layers (`guide`).
    softness: distance s from which a layer counts by its logarithm, s log(1 + distance / s): what is near is brought
        nearer still, and no layer that cannot follow outweighs the others. 0: as it is.
    """

    name, adds = "style", True

    def __init__(
        self,
        reader: TiledEncoder,
        layer_weights: Mapping[str, float],
        targets: Sequence[StyleTarget],
        *,
        loss: str,
        weight: float = 1.0,
        units: str = "scale-free",
        mask_mode: str = "simple",
        softness: float = 0.0,
    ) -> None:
        self.weight, self._softness = weight, softness
        self._geometry = reader.encoder.geometry
        self._losses: dict[tuple[int, str], tuple[float, StyleLoss]] = {}
        self._masks: dict[tuple[int, str], Tensor] = {}
        whole = sum(target.weight for target in targets)
        for region, target in enumerate(targets):
            for name, share in layer_shares(layer_weights, units).items():
                if target.mask is not None:
                    layer = reader.layer(name)
                    mask = guide(target.mask, layer, mask_mode)
                    if not reader.core.cut(mask[None, None], layer.stride_px).any():
                        continue  # nothing of this region lies in the picture
                    self._masks[region, name] = mask
                statistics = target.statistics[name]
                assert isinstance(statistics, Moments)
                self._losses[region, name] = share * target.weight / whole, STYLE_LOSSES[loss](statistics, units)

    def add(self, maps: TileMaps) -> Sums:
        sums: Sums = {}
        for region, name in self._losses:
            mask = self._masks.get((region, name))
            if not maps.tile.owns_any(name) or (mask is not None and not mask[maps.tile.within[name]].any()):
                continue
            weights = None if mask is None else maps.weights(mask, name)
            tile = moments(maps.features[name], weights, maps.tile.owns[name])
            sums |= {(region, name, part): getattr(tile, part) for part in ("count", "total", "outer")}
        return sums

    def close(self, sums: Sums) -> tuple[float, Sums]:
        leaves = {key: value.requires_grad_() for key, value in sums.items() if key[2] != "count"}
        if not leaves:
            return 0.0, {}
        with torch.enable_grad():
            losses = []
            for (region, name), (share, loss) in self._losses.items():
                tiles = Moments(*(sums[region, name, part] for part in ("count", "total", "outer")))
                distance = loss(tiles.transformed(self._geometry.get(name)))
                if self._softness:
                    distance = self._softness * (distance.clamp_min(0) / self._softness).log1p()
                losses.append(share * distance)
            style = self.weight * torch.stack(losses).sum()
            slopes = torch.autograd.grad(style, list(leaves.values()), materialize_grads=True)
        return float(style.detach()), dict(zip(leaves, slopes, strict=True))


class WassersteinLoss:
    r"""Squared 2-Wasserstein distance between Gaussians with the two maps' means and covariances.

    .. math:: \frac{|\mu - \mu_*|^2 + \operatorname{tr}\bigl(C + C_* - 2 (C_*^{1/2} C\, C_*^{1/2})^{1/2}\bigr)}
        {\operatorname{tr} C_*}

    Dowson and Landau, "The Fréchet distance between multivariate normal distributions" (1982), eq. 4; as a
    style loss: Crowson, style-transfer-pytorch. Departures: `RIDGE` is added to both covariances, and the
    distance is divided by the total variance of the painting's map.
    """

    def __init__(self, target: Moments, units: str = "scale-free") -> None:
        assert units == "scale-free", "no paper gives this loss in other units"
        self._mean = target.mean
        self._covariance = _ridged(target.covariance)
        self._scale = 1 / _magnitude(self._covariance, self._mean)

    @cached_property
    def _root(self) -> Tensor:
        return matrix_power(self._covariance, 0.5)

    def __call__(self, pastiche: Moments) -> Float[Tensor, ""]:
        covariance = _ridged(pastiche.covariance)
        shift = (pastiche.mean - self._mean).square().sum()
        overlap: Tensor = TraceRoot.apply(covariance, self._root)  # type: ignore[no-untyped-call]
        spread = covariance.trace() + self._covariance.trace() - 2 * overlap
        return (shift + spread) * self._scale


class GramLoss:
    r"""Squared Frobenius distance between Gram matrices per position, relative to the painting's.

    .. math:: |G - G_*|_F^2 / |G_*|_F^2, \quad G = \frac1n \sum f f^T

    Gatys, Ecker and Bethge, "A Neural Algorithm of Artistic Style" (arXiv 1508.06576), eq. 4, which divides by
    4 N^2 M^2 in place of the painting's norm: units ``gatys``. TensorFlow's tutorial takes the mean of the N^2
    squared differences: ``tutorial``.
    """

    def __init__(self, target: Moments, units: str = "scale-free") -> None:
        self._gram = target.second_moment
        self._scale = _scale(units, self._gram.square().sum() + 1e-24, len(self._gram) ** 2)

    def __call__(self, pastiche: Moments) -> Float[Tensor, ""]:
        return (pastiche.second_moment - self._gram).square().sum() * self._scale


class LinearKernelLoss:
    r"""Squared maximum mean discrepancy (MMD) with the kernel :math:`x^\top y`: distance of the means.

    .. math:: |\mu - \mu_*|^2 / \operatorname{E} |f_*|^2

    Li, Wang, Liu and Hou, "Demystifying Neural Style Transfer" (arXiv 1701.01036). Its factor 1/Z is open
    there; in units of ``gatys`` and ``tutorial`` it is that of the Gram loss with N for N^2: 1/(4N), 1/N.
    """

    def __init__(self, target: Moments, units: str = "scale-free") -> None:
        self._mean = target.mean
        self._scale = _scale(units, _mean_square(target), len(self._mean))

    def __call__(self, pastiche: Moments) -> Float[Tensor, ""]:
        return (pastiche.mean - self._mean).square().sum() * self._scale


class PolynomialKernelLoss:
    r"""Squared MMD with the kernel :math:`(x^\top y + c)^2`: distance of second moments and of means.

    .. math:: \frac{|G - G_*|_F^2 + 2 c\, |\mu - \mu_*|^2}{|G_*|_F^2 + 2 c\, |\mu_*|^2}, \quad
        c = \operatorname{E} |f_*|^2

    Li et al. (arXiv 1701.01036). With the paper's c = 0, taken in its units, it is the Gram
    loss, which is the paper's point. Departure of scale-free units: c is of the size of the product beside it.
    """

    def __init__(self, target: Moments, units: str = "scale-free") -> None:
        self._gram, self._mean = target.second_moment, target.mean
        self._offset = _mean_square(target) if units == "scale-free" else torch.zeros_like(self._mean[0])
        magnitude = self._distance(self._gram, self._mean)
        self._scale = _scale(units, magnitude + 1e-24, len(self._gram) ** 2)

    def __call__(self, pastiche: Moments) -> Float[Tensor, ""]:
        return self._distance(pastiche.second_moment - self._gram, pastiche.mean - self._mean) * self._scale

    def _distance(self, gram: Tensor, mean: Tensor) -> Tensor:
        return gram.square().sum() + 2 * self._offset * mean.square().sum()


class BatchNormLoss:
    r"""Squared distance of every channel's mean and standard deviation: batch-normalisation statistics.

    .. math:: \sum_i \frac{(\mu^i - \mu_*^i)^2 + (\sigma^i - \sigma_*^i)^2}{\operatorname{tr} C_*}

    Li et al. (arXiv 1701.01036), BN statistics matching, which divides by N in place of the trace: units ``gatys``
    and ``tutorial``. Departure: `RIDGE` is added to every variance.
    """

    def __init__(self, target: Moments, units: str = "scale-free") -> None:
        self._mean = target.mean
        variance = target.covariance.diagonal()
        self._ridge = RIDGE * variance.mean() + 1e-12
        self._deviation = (variance.clamp_min(0) + self._ridge).sqrt()
        magnitude = _magnitude(target.covariance, self._mean)
        self._scale = 1 / magnitude if units == "scale-free" else torch.ones_like(magnitude) / len(self._mean)

    def __call__(self, pastiche: Moments) -> Float[Tensor, ""]:
        deviation = (pastiche.covariance.diagonal().clamp_min(0) + self._ridge).sqrt()
        distance = (pastiche.mean - self._mean).square() + (deviation - self._deviation).square()
        return distance.sum() * self._scale


StyleLoss = WassersteinLoss | GramLoss | LinearKernelLoss | PolynomialKernelLoss | BatchNormLoss
STYLE_LOSSES: dict[str, Callable[[Moments, str], StyleLoss]] = {
    "wasserstein": WassersteinLoss,
    "gram": GramLoss,
    "mmd-linear": LinearKernelLoss,
    "mmd-polynomial": PolynomialKernelLoss,
    "batch-norm": BatchNormLoss,
}


def _scale(units: str, magnitude: Tensor, numbers: int) -> Tensor:
    """Multiplier of a sum of squares: free of scale, or a paper's factor for so many numbers."""
    if units == "scale-free":
        return 1 / magnitude
    return torch.ones_like(magnitude) / (4 * numbers if units == "gatys" else numbers)


def _mean_square(target: Moments) -> Tensor:
    """E |f|^2, never quite zero."""
    return target.second_moment.trace() + 1e-12


def _ridged(covariance: Tensor) -> Tensor:
    size = len(covariance)
    ridge = RIDGE * covariance.trace() / size + 1e-12
    return covariance + ridge * torch.eye(size, dtype=covariance.dtype, device=covariance.device)


def _magnitude(covariance: Tensor, mean: Tensor) -> Tensor:
    """Total variance; for a painting that is flat a small share of its mean square stands in."""
    return covariance.trace() + 1e-3 * mean.square().sum() + 1e-9
