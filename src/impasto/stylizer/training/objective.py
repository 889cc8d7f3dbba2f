"""Losses that train the stylizer, for a batch in which every photo has its own painting.

They are the engine's (`WassersteinLoss`, `Readability`), written for batches and for autograd.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from impasto.encoders import Encoder
from impasto.engine.readability import READABILITY_LAYERS
from impasto.losses.laplacian import crispness
from impasto.losses.roots import TraceRoot, matrix_power
from impasto.losses.structure import standardised
from impasto.losses.style import RIDGE
from impasto.losses.surface import SMOOTH
from impasto.stylizer.statistics import CHANNELS, LAYERS, Batch
from impasto.stylizer.transport import mean_variance, ridged

STYLE_WEIGHTS = {"relu1_1": 4.0, "relu2_1": 4.0, "relu3_1": 4.0, "relu4_1": 6.0, "relu5_1": 8.0}
SOFT = 0.1  # distance from which a layer counts by its logarithm
FLAT = 0.05  # of a layer's usual variance, added to what its distance is divided by
ENCODED = tuple(dict.fromkeys([*LAYERS, *READABILITY_LAYERS]))


def stack(parts: Sequence[Batch]) -> Batch:
    """Join several batches into one."""
    return {name: (torch.cat([p[name][0] for p in parts]), torch.cat([p[name][1] for p in parts])) for name in CHANNELS}


def mix(first: Batch, second: Batch, weight: float) -> Batch:
    """Blend two paintings as `blend_statistics` does; `weight` is the second's, 1 - `weight` the first's."""
    mixed = {}
    for name, (mean, covariance) in first.items():
        other_mean, other_covariance = second[name]
        apart = mean - other_mean
        between = weight * (1 - weight) * apart[:, :, None] * apart[:, None, :]
        mixed[name] = torch.lerp(mean, other_mean, weight), torch.lerp(covariance, other_covariance, weight) + between
    return mixed


class BatchStyleLoss:
    """`WassersteinLoss` of every picture of a batch to its own painting, in the encoder's geometry.

    Departure: a share `FLAT` of the `usual` variance of a layer is added to what a distance is divided by. Against
    the variance of a picture that is almost flat, the least unevenness is a thousand times too far.
    """

    def __init__(self, encoder: Encoder, paintings: Batch, usual: Mapping[str, float]) -> None:
        self._encoder = encoder
        self._targets = {}
        for name in LAYERS:
            mean, covariance = self._in_geometry(name, paintings[name])
            root = matrix_power(covariance, 0.5)
            size = covariance.diagonal(dim1=1, dim2=2).sum(1) + FLAT * usual[name]
            self._targets[name] = mean, covariance, root, size

    def distances(self, pastiches: Batch) -> dict[str, Float[Tensor, " batch"]]:
        """Distance by layer; 0 is the painting."""
        by_layer = {}
        for name, (target_mean, target, root, size) in self._targets.items():
            mean, covariance = self._in_geometry(name, pastiches[name])
            overlap: Tensor = TraceRoot.apply(covariance, root)  # type: ignore[no-untyped-call]
            spread = (covariance + target).diagonal(dim1=1, dim2=2).sum(1) - 2 * overlap
            by_layer[name] = ((mean - target_mean).square().sum(1) + spread) / size
        return by_layer

    def _in_geometry(self, name: str, pair: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        mean, covariance = pair[0].double(), pair[1].double()
        if name in self._encoder.geometry:
            matrix = self._encoder.geometry[name]
            mean, covariance = mean @ matrix.T, matrix @ covariance @ matrix.T
        return mean, ridged(covariance, RIDGE * mean_variance(covariance))


def style_distance(distances: Mapping[str, Tensor]) -> Float[Tensor, " batch"]:
    """Weighted mean over the layers of s log (1 + distance / s), s `SOFT`.

    So a near picture is brought nearer still, and no painting that is almost flat outweighs the others.
    """
    weighted = [weight * SOFT * (distances[name] / SOFT).log1p() for name, weight in STYLE_WEIGHTS.items()]
    return torch.stack(weighted).sum(0) / sum(STYLE_WEIGHTS.values())


def unreadability(pastiches: Mapping[str, Tensor], photos: Mapping[str, Tensor]) -> Float[Tensor, " batch"]:
    """`Readability.distance` of a batch, from its feature maps and differentiable: 0 is the photo, 1 is unrelated."""
    distances = [
        1 - F.cosine_similarity(standardised(pastiches[name]), standardised(photos[name]), dim=1).mean((1, 2))
        for name in READABILITY_LAYERS
    ]
    return torch.stack(distances).mean(0)


def surface_statistics(pictures: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 3"]:
    """Properties of a surface that moments do not hold: total variation, crispness of the luma and of the colours."""
    return torch.cat([variation(pictures)[:, None], crispness(pictures)], 1)


def variation(pictures: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, " batch"]:
    """Mean squared difference of neighbouring pixels."""
    down = (pictures[..., 1:, :] - pictures[..., :-1, :]).square().mean((1, 2, 3))
    across = (pictures[..., 1:] - pictures[..., :-1]).square().mean((1, 2, 3))
    return down + across


def crispness_distance(
    pastiches: Float[Tensor, "batch 2"], paintings: Float[Tensor, "batch 2"]
) -> Float[Tensor, " batch"]:
    """Sum of the squared logarithms of how much crisper one is than the other."""
    return ((pastiches + SMOOTH) / (paintings + SMOOTH)).log().square().sum(1)
