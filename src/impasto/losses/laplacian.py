"""Detail loss: how far the pastiche's edges are from the photo's, where the photo has any; and what Laplacians tell."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from impasto.images.color import LUMA
from impasto.losses.tiles import Core

POOLED_PX = (1, 2, 4)  # squares whose mean is one value before edges are looked for
_NEAR_PX = 3  # of these, a side, over which edges count as one
_STRIP_ROWS = 256  # of pixels, taken at a time to spare memory
_NEIGHBOURS = ((slice(None, -2), slice(1, -1)), (slice(2, None), slice(1, -1)),
               (slice(1, -1), slice(None, -2)), (slice(1, -1), slice(2, None)))  # fmt: skip


class DetailLoss:
    r"""Relative squared error :math:`\sum w (D - D_*)^2 / \sum w D_*^2` of Laplacians, over channels and sizes.

    Li, Xu, Nie and Chua, "Laplacian-Steered Neural Style Transfer" (arXiv 1707.01253), eq. 5, after pooling as there.
    Departures: every channel is to have the edges of the photo's gray (their mean), so that the photo's colours are
    not asked for, nor an edge hidden in one channel as a bright fringe; relative to the photo's own edges; and each
    position weighs w, from 0 on plain ground to 1 at strong edges, so that strokes stay free where there is nothing
    to keep.

    It reads pixels alone: tiles and encoders make no difference. Value and derivative are written out, not left to
    autograd, so that a large picture needs little more than itself. A photo without edges, or with sides of fewer
    than three squares, has none to keep: the loss is 0.

    Parameters
    ----------
    photo: the canvas whose edges are kept.
    weight: multiplier.
    core: the part of the canvas that counts; default: all of it.
    """

    name = "detail"

    def __init__(self, photo: Float[Tensor, "1 3 height width"], weight: float = 1.0, core: Core | None = None) -> None:
        self.weight = weight
        self._core = core or Core(0, 0, *photo.shape[-2:])
        photo = self._core.cut(photo, 1)
        self._targets: list[tuple[int, Tensor, Tensor]] = []
        sizes = [size for size in POOLED_PX if min(photo.shape[-2:]) >= 3 * size]
        for size in sizes:
            edges = laplacian(F.avg_pool2d(photo.mean(1, keepdim=True), size))
            energy = edges.square()
            near = F.avg_pool2d(energy, _NEAR_PX, 1, _NEAR_PX // 2, count_include_pad=False)
            weights = near / (near + energy.mean() + 1e-12)
            whole = float((weights * energy).sum(dtype=torch.float64)) + 1e-6 * edges.numel()
            self._targets.append((size, edges, weights.div_(3 * whole * len(sizes))))

    def __call__(
        self, pastiche: Float[Tensor, "1 3 height width"], gradient: Float[Tensor, "1 3 height width"] | None = None
    ) -> float:
        """The weighted loss of a pastiche of the photo's size; its derivative is added to `gradient`."""
        pastiche = self._core.cut(pastiche, 1)
        gradient = None if gradient is None else self._core.cut(gradient, 1)
        value = torch.zeros((), dtype=torch.float64, device=pastiche.device)
        for size, edges, weights in self._targets:
            step = _STRIP_ROWS // size
            for start in range(0, edges.shape[-2], step):
                strip = slice(start, start + step)
                pixels = slice(start * size, (min(strip.stop, edges.shape[-2]) + 2) * size)
                error = laplacian(F.avg_pool2d(pastiche[..., pixels, :], size)).sub_(edges[..., strip, :])
                slope = weights[..., strip, :] * error
                value += (slope * error).sum(dtype=torch.float64)
                if gradient is not None:
                    _add_slope(slope.mul_(2 * self.weight), size, gradient[..., pixels, :])
        return self.weight * float(value)


def laplacian(planes: Tensor) -> Tensor:
    """Four times each value less its four neighbours, where it has four."""
    edges = 4 * planes[..., 1:-1, 1:-1]
    for rows, columns in _NEIGHBOURS:
        edges -= planes[..., rows, columns]
    return edges


def crispness(pictures: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 2"]:
    """Mean squared Laplacian of the luma, and of the colours without it: how crisp strokes are, how noisy colours."""
    return crispness_sums(pictures).div_((pictures.shape[-2] - 2) * (pictures.shape[-1] - 2)).to(pictures.dtype)


def crispness_sums(pictures: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 2"]:
    """What `crispness` is the mean of, summed over positions, float64."""
    luma = (pictures * pictures.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True)
    parts = luma, pictures - luma
    return torch.stack([laplacian(part).square().sum((1, 2, 3), dtype=torch.float64) for part in parts], 1)


def _add_slope(slope: Tensor, size_px: int, gradient: Tensor) -> None:
    """Add to `gradient` a derivative by the edges, carried to the pixels: Laplacian and pooling transposed."""
    pooled = F.pad(4 * slope, (1, 1, 1, 1))
    for rows, columns in _NEIGHBOURS:
        pooled[..., rows, columns] -= slope
    height, width = (side * size_px for side in pooled.shape[-2:])
    squares = gradient[..., :height, :width].unfold(-2, size_px, size_px).unfold(-2, size_px, size_px)
    squares.add_(pooled[..., None, None], alpha=1 / size_px**2)
