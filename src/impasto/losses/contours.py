"""Contour term: the lines of the photo run on in the pastiche, whatever their colours."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from impasto.images.color import LUMA
from impasto.losses.strips import over_strips
from impasto.losses.tiles import Core

REACH_PX = 2  # of a slope: a mean over three pixels, then a difference over two
FAINT = 1e-4  # slope below which a direction means nothing


class ContourTerm:
    r"""Mean of :math:`1 - \cos(g, g_*)` over the slopes g and g* of pastiche and photo, weighted by the photo's |g*|.

    Slopes are those of the luma, averaged over 3x3 px. A line may be drawn stronger, fainter or broader, not
    elsewhere: this is what brings letters, eyes and window frames back. A photo without slopes has none to keep: 0.

    Parameters
    ----------
    photo: [1, 3, height, width], the canvas.
    core: the part of the canvas that counts.
    """

    name = "contours"

    def __init__(self, photo: Float[Tensor, "1 3 height width"], weight: float, core: Core) -> None:
        self.weight, self._core = weight, core
        self._slopes = _slopes(core.cut(photo, 1))
        self._lengths = _lengths(self._slopes)
        self._whole = float(self._lengths.sum(dtype=torch.float64)) + FAINT * self._lengths.numel()

    def __call__(
        self, pastiche: Float[Tensor, "1 3 height width"], gradient: Float[Tensor, "1 3 height width"]
    ) -> float:
        def energies(pixels: Tensor, rows: slice) -> Tensor:
            slopes, of_photo, lengths = _slopes(pixels), self._slopes[..., rows, :], self._lengths[..., rows, :]
            along = (slopes * of_photo).sum(1, keepdim=True) / _lengths(slopes)
            return (lengths - along).sum(dtype=torch.float64)[None]

        def close(sums: Tensor) -> tuple[Tensor, Tensor]:
            share = self.weight / self._whole
            return share * sums[0], torch.full_like(sums, share)

        cut = self._core.cut
        return over_strips(cut(pastiche, 1), cut(gradient, 1), reach_px=REACH_PX, energies=energies, close=close)


def _slopes(picture: Tensor) -> Float[Tensor, "1 2 rows columns"]:
    """Differences across and down, of positions that read nothing outside."""
    luma = (picture * picture.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True)
    if min(luma.shape[-2:]) <= 2 * REACH_PX:
        return luma.new_zeros(1, 2, 0, 0)
    soft = F.avg_pool2d(luma, 3, 1)
    across = soft[..., 1:-1, 2:] - soft[..., 1:-1, :-2]
    down = soft[..., 2:, 1:-1] - soft[..., :-2, 1:-1]
    return torch.cat([across, down], 1) / 2


def _lengths(slopes: Tensor) -> Tensor:
    return (slopes.square().sum(1, keepdim=True) + FAINT**2).sqrt()
