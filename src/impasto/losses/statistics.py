"""Style statistics: sums over positions, which add, so that tiles, regions and paintings are merged by adding.

For a feature map f with weights w over its positions: n = sum w, t = sum w f, O = sum w f f^T. From these
come the mean t / n, the second moment O / n, the Gram matrix and the covariance. A style loss that does not add over
positions compares with a `Sample` of features instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

SAMPLE = 512  # positions of a painting that a `Sample` holds
CHUNK = 4096  # positions, about, whose products are summed in float32 before float64 takes over


@dataclass(frozen=True)
class Moments:
    """Weighted sums over the positions of one feature map, in float64.

    Attributes
    ----------
    count: scalar, sum of the weights.
    total: [channels], weighted sum of f.
    outer: [channels, channels], weighted sum of f f^T.
    """

    count: Float[Tensor, ""]
    total: Float[Tensor, " channels"]
    outer: Float[Tensor, "channels channels"]

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.count + other.count, self.total + other.total, self.outer + other.outer)

    @property
    def mean(self) -> Float[Tensor, " channels"]:
        return self.total / self.count

    @property
    def second_moment(self) -> Float[Tensor, "channels channels"]:
        """E[f f^T]: the Gram matrix divided by the number of positions."""
        return self.outer / self.count

    @property
    def covariance(self) -> Float[Tensor, "channels channels"]:
        mean = self.mean
        return self.second_moment - torch.outer(mean, mean)

    def normalised(self, weight: float = 1.0) -> Moments:
        """The same mean and second moment with a count of `weight`."""
        factor = weight / self.count
        return Moments(self.count * factor, self.total * factor, self.outer * factor)

    def transformed(self, matrix: Float[Tensor, "out channels"] | None) -> Moments:
        """Moments of `matrix` f; without a matrix these."""
        if matrix is None:
            return self
        return Moments(self.count, matrix @ self.total, matrix @ self.outer @ matrix.T)

    def detached(self, device: torch.device) -> Moments:
        """The same sums without their graph, on `device`."""
        return Moments(*(sums.detach().to(device) for sums in (self.count, self.total, self.outer)))


def moments(
    features: Float[Tensor, "1 channels height width"],
    weights: Float[Tensor, "height width"] | None = None,
    inside: tuple[slice, slice] | None = None,
) -> Moments:
    """Sums of `features` over its positions, each weighted by `weights` (a guidance mask; default: ones).

    Only positions `inside` (rows, columns) count; default: all. Differentiable with respect to `features`.
    Products are formed around the mean of the map and in its own precision (float32 at least) for about `CHUNK`
    positions at a time; everything else is float64: raw float32 second moments cancel (a true variance of 1e-4 at a
    mean of 10 came out as 3e-5, with a negative eigenvalue).
    """
    rows, columns = inside or (slice(None), slice(None))
    plane = features.squeeze(0).permute(1, 2, 0)  # indexing [0] would give its gradient another memory layout
    if weights is None:
        positions = plane[rows, columns, 0].numel()
        count = torch.tensor(float(positions), dtype=torch.float64, device=features.device)
    else:
        count = weights[rows, columns].sum(dtype=torch.float64)
    total, outer = _Sums.apply(plane, weights, (rows, columns), count)  # type: ignore[no-untyped-call]
    return Moments(count, total, outer)


def blend(parts: Iterable[tuple[Moments, float]]) -> Moments:
    """Weighted mean of normalised moments: several paintings as one, whatever their sizes."""
    return reduce(Moments.__add__, (part.normalised(weight) for part, weight in parts)).normalised()


@dataclass(frozen=True)
class Sample:
    """Features at some positions of a painting: [positions, channels]."""

    features: Float[Tensor, "positions channels"]


def take_sample(features: Float[Tensor, "1 channels _ _"], positions: int, seed: int = 0) -> Sample:
    """Features at `positions` random positions, at all where there are no more; the same at every call."""
    rows = features.flatten(2)[0].T
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
    return Sample(rows[order[:positions].to(rows.device)])


def blend_samples(parts: Iterable[tuple[Sample, float]]) -> Sample:
    """Several paintings as one: of each as many positions as its weight is large, one at least."""
    parts = list(parts)
    whole = sum(weight for _, weight in parts)
    return Sample(torch.cat([s.features[: max(1, round(len(s.features) * w / whole))] for s, w in parts]))


class _Sums(torch.autograd.Function):
    """(sum w f, sum w f f^T) in float64 of a map [height, width, channels] over the positions inside.

    Rows are taken some at a time, so that what is computed of them stays in the processor's cache; a map in a narrow
    precision is widened there and nowhere else.
    """

    @staticmethod
    def forward(
        ctx: Any, plane: Tensor, weights: Tensor | None, inside: tuple[slice, slice], count: Tensor
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(plane, weights)
        ctx.inside = inside
        owned, wide = plane[inside], _wide(plane)
        channels = plane.shape[2]
        shift = owned[::4, ::4].to(wide).reshape(-1, channels).mean(0)  # near the mean is near enough
        # Half the weight on each side: the products of a float32 map then stay positive semi-definite.
        roots = None if weights is None else weights[inside].sqrt().to(wide)[:, :, None]
        total = torch.zeros(channels, dtype=torch.float64, device=plane.device)
        outer = torch.zeros(channels, channels, dtype=torch.float64, device=plane.device)
        for rows in _chunks(owned):
            centred = owned[rows].to(wide) - shift if plane.dtype == wide else owned[rows].to(wide).sub_(shift)
            if roots is None:
                flat = centred.reshape(-1, channels)
                total += flat.sum(0)
            else:
                flat = centred.mul_(roots[rows]).reshape(-1, channels)
                total += roots[rows].reshape(-1) @ flat
            outer += flat.T @ flat
        shift = shift.double()
        cross = torch.outer(total, shift)
        return total + count * shift, outer + cross + cross.T + count * torch.outer(shift, shift)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        plane, weights = ctx.saved_tensors
        wide, channels = _wide(plane), plane.shape[2]
        for_total, for_outer = gradients
        for_total, matrix = for_total.to(wide), (for_outer + for_outer.T).to(wide)
        gradient = torch.empty_like(plane, memory_format=torch.contiguous_format)
        owned, slopes = plane[ctx.inside], _zeroed_outside(gradient, ctx.inside)
        for rows in _chunks(owned):
            flat = owned[rows].to(wide).reshape(-1, channels)
            slope = torch.addmm(for_total, flat, matrix).view_as(slopes[rows])
            if weights is not None:
                slope *= weights[ctx.inside][rows].to(wide)[:, :, None]
            slopes[rows] = slope
        return gradient, None, None, None


def _wide(plane: Tensor) -> torch.dtype:
    """The precision in which products are formed: the map's own, float32 at least."""
    return torch.promote_types(plane.dtype, torch.float32)


def _chunks(plane: Tensor) -> Iterator[slice]:
    """Rows of a map [height, width, channels], about `CHUNK` positions at a time."""
    step = max(1, CHUNK // max(1, plane.shape[1]))
    for start in range(0, plane.shape[0], step):
        yield slice(start, start + step)


def _zeroed_outside(plane: Tensor, inside: tuple[slice, slice]) -> Tensor:
    """What is inside, once what is outside was set to zero."""
    for axis, span in enumerate(inside):
        start, stop, _ = span.indices(plane.shape[axis])
        plane.narrow(axis, 0, start).zero_()
        plane.narrow(axis, stop, plane.shape[axis] - stop).zero_()
    return plane[inside]
