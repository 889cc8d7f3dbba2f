"""Detail: how far the pastiche's edges are from the photo's, where the photo has any."""

from __future__ import annotations

import os

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

LUMA = (0.2126, 0.7152, 0.0722)  # Rec. 709, on sRGB values
POOLED = (2, 4)  # pixels that become one before edges are looked for
_STRIP_ROWS = 256  # taken at a time, to spare memory; a multiple of every size in POOLED


class DetailLoss:
    def __init__(self, photo: Float[Tensor, "1 3 height width"]) -> None:
        self._targets: list[tuple[int, Tensor, Tensor]] = []
        for size in POOLED:
            if min(photo.shape[-2:]) < 3 * size:
                continue
            edges = _laplacian(_pooled(photo, size))
            energy = F.avg_pool2d(F.pad(edges.square(), (1, 1, 1, 1), mode="replicate"), 3, 1) if min(edges.shape[-2:])>0 else edges
            weights = energy / (energy + energy.mean() + 1e-12)
            if os.environ.get("DETAIL_FLAT"):
                weights = torch.ones_like(weights)
            whole = (weights * edges.square()).sum(dtype=torch.float64) + 1e-12 * edges.numel()
            self._targets.append((size, edges, weights / float(whole)))

    def __call__(self, pastiche, gradient=None, weight: float = 1.0):
        value = torch.zeros((), dtype=torch.float64, device=pastiche.device)
        for size, edges, weights in self._targets:
            error = _laplacian(_pooled(pastiche, size)).sub_(edges)
            slope = weights * error
            value += (slope * error).sum(dtype=torch.float64) / len(self._targets)
            if gradient is not None:
                _carry_back(slope.mul_(2 * weight / len(self._targets)), size, gradient)
        return value


def _pooled(picture: Tensor, size: int) -> Tensor:
    luma = picture.new_tensor(LUMA)[:, None, None]
    height = picture.shape[-2] // size * size
    return torch.cat(
        [
            F.avg_pool2d((picture[0, :, start : min(start + _STRIP_ROWS, height)] * luma).sum(0)[None, None], size)
            for start in range(0, height, _STRIP_ROWS)
        ],
        dim=-2,
    )


def _laplacian(plane: Tensor) -> Tensor:
    return (
        4 * plane[..., 1:-1, 1:-1]
        - plane[..., :-2, 1:-1]
        - plane[..., 2:, 1:-1]
        - plane[..., 1:-1, :-2]
        - plane[..., 1:-1, 2:]
    )


def _carry_back(slope: Tensor, size: int, gradient: Tensor) -> None:
    """Add to `gradient` what a derivative by the pooled edges is by the pixels."""
    pooled = F.pad(4 * slope, (1, 1, 1, 1))
    pooled[..., :-2, 1:-1] -= slope
    pooled[..., 2:, 1:-1] -= slope
    pooled[..., 1:-1, :-2] -= slope
    pooled[..., 1:-1, 2:] -= slope
    height, width = (side * size for side in pooled.shape[-2:])
    blocks = gradient[0, :, :height, :width].unfold(1, size, size).unfold(2, size, size)
    for channel, share in enumerate(LUMA):
        blocks[channel].add_(pooled[0, 0, :, :, None, None], alpha=share / size**2)
