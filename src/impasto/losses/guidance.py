"""Guidance masks at the layers: how much each position of a feature map counts for a region.

Gatys, Ecker, Bethge, Hertzmann and Shechtman, "Controlling Perceptual Factors in Neural Style Transfer" (arXiv
1611.07865), section 4.
"""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from impasto.encoders.architectures import Layer


def guide(mask: Float[Tensor, "height width"], layer: Layer, mode: str = "simple") -> Float[Tensor, "_ _"]:
    """A mask in [0, 1] at a layer's positions.

    ``simple``: its mean over the square of pixels that each position stands for. ``inside``: the same, times how
    far what the position reads lies inside, as the mean of the mask over its receptive field against its maximum
    there: 0 up to one half (an edge through the middle), 1 where they are equal. Departures: the paper counts only
    positions that read nothing else, which at deep layers leaves none in most regions, so here the weight rises over
    the receptive field; where none has more than a half, half of the best one's share takes its place, so that a
    thin region keeps its best positions at every layer.
    """
    pooled = F.avg_pool2d(mask[None, None], layer.stride_px)
    if mode == "simple":
        return pooled[0, 0]
    around = max(1, round(layer.reach_px / layer.stride_px))  # positions that are read on each side
    mean = F.avg_pool2d(pooled, 2 * around + 1, stride=1, padding=around, count_include_pad=False)
    share = mean / F.max_pool2d(pooled, 2 * around + 1, stride=1, padding=around).clamp_min(1e-12)
    half = ((0.5 * share * pooled).max() / pooled.max().clamp_min(1e-12)).clamp_min(1e-12)
    return (pooled * ((share - half) / half).clamp(0, 1))[0, 0]
