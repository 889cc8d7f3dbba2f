"""The layers of an encoder as one function whose derivative is written out: what autograd would keep is not kept.

Autograd pads a copy of every map, keeps both, and scatters the gradient back into a third. Here the rectifier
writes into a map that has its border already, a convolution leaves nothing behind but its rectified output, and
the gradient is folded at the border in place. On the way back every map is let go as soon as it is used, and what
pooling chose is found again. The derivative is by the picture alone, since kernels are fixed, and can be taken once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Pool = Callable[[Tensor, int], Tensor]


@dataclass(frozen=True)
class Link:
    """One layer: pooling where `pools`, a 3x3 convolution of the continued map, a rectifier.

    Attributes
    ----------
    keeps: whether the rectified map is handed out. keeps_convolution: whether the map before the rectifier is.
    """

    kernel: Tensor
    bias: Tensor
    pools: bool
    keeps: bool
    keeps_convolution: bool


def chain_maps(picture: Tensor, links: Sequence[Link], pool: Pool, *, mirrors: bool = True) -> tuple[Tensor, ...]:
    """The maps that the links keep, in their order; of one link the convolution first.

    Parameters
    ----------
    picture: [batch, channels, height, width], channels last in memory. The maps are differentiable by it.
    pool: of a map, with the side of its squares.
    mirrors: whether maps are continued by reflection; else by zeros.

    A map with a side of one position cannot be mirrored: there may be none but the last one.
    """
    maps: tuple[Tensor, ...] = _Chain.apply(picture, links, pool, mirrors)  # type: ignore[no-untyped-call]
    return maps


class _Chain(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, picture: Tensor, links: Sequence[Link], pool: Pool, mirrors: bool) -> tuple[Tensor, ...]:
        rectified: list[Tensor] = []
        handed_out: list[Tensor] = []
        bordered = _continued(picture) if mirrors else picture
        for index, link in enumerate(links):
            if link.pools:
                pooled = pool(rectified[-1], 2)
                bordered = _continued(pooled) if mirrors else pooled
            convolved = F.conv2d(bordered, link.kernel, link.bias, padding=0 if mirrors else 1)
            if link.keeps_convolution:
                handed_out.append(convolved)
            if mirrors and index + 1 < len(links) and not links[index + 1].pools:
                bordered = _bordered(convolved)
                rectified.append(torch.clamp_min(convolved, 0, out=_inside(bordered)))
                _mirror(bordered)
            else:
                bordered = convolved.relu() if link.keeps_convolution else convolved.relu_()
                rectified.append(bordered)
            if link.keeps:
                handed_out.append(rectified[-1])
            del convolved  # before the next one is computed
        # Not by save_for_backward, which holds every map to the end. Detached: some of them are outputs.
        ctx.rectified = [features.detach() for features in rectified]
        ctx.set_materialize_grads(False)
        ctx.links, ctx.pool, ctx.mirrors = links, pool, mirrors
        return tuple(handed_out)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, None, None, None]:
        handed_in, rectified = list(gradients), ctx.rectified
        if not rectified:
            raise RuntimeError("the maps of the encoder are gone: their derivative can be taken once")
        gradient: Tensor | None = None
        for link in reversed(ctx.links):
            if link.keeps:
                gradient = _sum(gradient, handed_in.pop())
            features = rectified.pop()
            if gradient is not None:
                gradient = torch.ops.aten.threshold_backward(gradient, features, 0)
            del features  # before memory for the next gradient is taken
            if link.keeps_convolution:
                gradient = _sum(gradient, handed_in.pop())
            if gradient is not None:
                gradient = _through_convolution(gradient, link.kernel, ctx.mirrors)
                if link.pools:
                    gradient = _through_pooling(gradient, rectified[-1], ctx.pool)
        return gradient, None, None, None


def _through_pooling(gradient: Tensor, features: Tensor, pool: Pool) -> Tensor:
    """Derivative by a map from that by what it was pooled to."""
    with torch.enable_grad():
        leaf = features.detach().requires_grad_()
        return torch.autograd.grad(pool(leaf, 2), leaf, gradient)[0]


def _continued(inside: Tensor) -> Tensor:
    """A copy of a map with a border, by reflection."""
    return F.pad(inside, (1, 1, 1, 1), mode="reflect")


def _bordered(inside: Tensor) -> Tensor:
    """Memory for a map with one more position on every side."""
    batch, channels, height, width = inside.shape
    size = (batch, channels, height + 2, width + 2)
    return torch.empty(size, dtype=inside.dtype, device=inside.device, memory_format=torch.channels_last)


def _inside(bordered: Tensor) -> Tensor:
    return bordered[..., 1:-1, 1:-1]


def _mirror(bordered: Tensor) -> None:
    """Fill the border of a map from its inside, by reflection."""
    for border, source in ((0, 2), (-1, -3)):
        bordered[..., border, :].copy_(bordered[..., source, :])
    for border, source in ((0, 2), (-1, -3)):
        bordered[..., border].copy_(bordered[..., source])


def _through_convolution(gradient: Tensor, kernel: Tensor, mirrors: bool) -> Tensor:
    """Derivative by a map from that by its convolution: what falls on a mirrored border is added to its source."""
    if not mirrors:
        return F.conv_transpose2d(gradient, kernel, padding=1)
    bordered = F.conv_transpose2d(gradient, kernel)
    for border, source in ((0, 2), (-1, -3)):
        bordered[..., source].add_(bordered[..., border])
    for border, source in ((0, 2), (-1, -3)):
        bordered[..., source, :].add_(bordered[..., border, :])
    return _inside(bordered)


def _sum(gradient: Tensor | None, more: Tensor | None) -> Tensor | None:
    """The sum, in the memory of the first."""
    if gradient is None or more is None:
        return more if gradient is None else gradient
    return gradient.add_(more)
