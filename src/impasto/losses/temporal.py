"""Temporal term: what moves from one frame to the next takes its paint along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from impasto.losses.tiles import Core, Spans


@dataclass(frozen=True)
class FlowLink:
    """Two frames that lie on one canvas, and where the later one's places are found in the earlier one.

    Attributes
    ----------
    late, early: rows and columns of each in the core, of one size.
    flow: [1, height, width, 2] in pixels, right and down, from the later frame to the earlier one.
    believed: [1, 1, height, width] in [0, 1], where the flow counts.
    """

    late: Spans
    early: Spans
    flow: Tensor
    believed: Tensor


class TemporalTerm:
    r"""Mean of :math:`c\,(x_t - W(x_{t-1}))^2` over the linked frames, W carrying the earlier one along the flow.

    Ruder et al. (arXiv 1604.08610), eq. 9, with c from section 4.1. Departure: both frames may move, since they are
    painted by one network at once; there the earlier one is finished.
    """

    name = "temporal"

    def __init__(self, links: Sequence[FlowLink], weight: float, core: Core) -> None:
        self.weight, self._links, self._core = weight, links, core
        self._counts = 3 * sum(float(link.believed.sum()) for link in links) + 1e-6

    def __call__(
        self, pastiche: Float[Tensor, "1 3 height width"], gradient: Float[Tensor, "1 3 height width"]
    ) -> float:
        pixels = self._core.cut(pastiche, 1).detach().requires_grad_()
        with torch.enable_grad():
            squares = [
                (
                    link.believed * (pixels[..., *link.late] - carried(pixels[..., *link.early], link.flow)).square()
                ).sum()
                for link in self._links
            ]
            value = self.weight / self._counts * torch.stack(squares).sum()
        self._core.cut(gradient, 1).add_(torch.autograd.grad(value, pixels)[0])
        return float(value.detach())


def carried(
    picture: Float[Tensor, "1 channels height width"], flow: Float[Tensor, "1 height width 2"]
) -> Float[Tensor, "1 channels height width"]:
    """The picture at the other ends of the flow, sampled bilinearly; edges go on outside. Differentiable by it."""
    height, width = picture.shape[-2:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    places = torch.stack([columns, rows], -1).to(picture) + flow
    sides = picture.new_tensor([max(1, width - 1), max(1, height - 1)])
    return F.grid_sample(picture, 2 * places / sides - 1, "bilinear", "border", align_corners=True)
