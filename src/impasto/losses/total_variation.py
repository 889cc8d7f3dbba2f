"""Total variation: how much neighbouring pixels differ."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

# (row shift, column shift, weight): horizontal, vertical and both diagonals. A ramp of slope g in any direction
# has the value g squared: the diagonals' differences span sqrt(2) px.
_NEIGHBOURS = ((0, 1, 0.5), (1, 0, 0.5), (1, 1, 0.25), (1, -1, 0.25))
# The papers' differences are to the right and down alone, and summed over the picture: on 0-255 pixels squared,
# on [0, 1] absolute.
_FORMS = {
    "scale-free": _NEIGHBOURS,
    "gatys": ((0, 1, 255.0**2), (1, 0, 255.0**2)),
    "tutorial": ((0, 1, 1.0), (1, 0, 1.0)),
}
_STRIP_NUMBERS = 1 << 16  # taken at a time: what is computed of them stays in the processor's cache


@dataclass
class TotalVariationTerm:
    """Total variation of the whole canvas, margin included.

    Attributes
    ----------
    weight: multiplier. units, wrap: as of `total_variation`.
    """

    weight: float
    units: str = "scale-free"
    wrap: bool = False
    name = "total_variation"

    def __call__(
        self, pastiche: Float[Tensor, "1 3 height width"], gradient: Float[Tensor, "1 3 height width"]
    ) -> float:
        return self.weight * float(total_variation(pastiche, gradient, self.weight, units=self.units, wrap=self.wrap))


def total_variation(
    pictures: Float[Tensor, "1 3 height width"],
    gradient: Float[Tensor, "1 3 height width"] | None = None,
    weight: float = 1.0,
    *,
    units: str = "scale-free",
    wrap: bool = False,
) -> Float[Tensor, ""]:
    """Mean squared slope per pixel over the nine-point neighbourhood (L2 total variation), float64.

    In units ``gatys`` it is the sum of squared differences on 0-255 pixels (the paper has none: eq. 4 of Mahendran
    and Vedaldi), in ``tutorial`` the sum of absolute ones (TensorFlow's ``total_variation``). With `wrap` the last
    row and column neighbour the first.

    `weight` times its derivative is added to `gradient`, if one is given; it is written out, not left to
    autograd, so that a large picture needs no more than itself.

    A picture of constant colour has none; a side of one pixel contributes none. The anisotropic form of
    Mahendran and Vedaldi (arXiv 1412.0035, eq. 4, beta = 2) with diagonals added, so that no direction is
    preferred (after Crowson, style-transfer-pytorch).
    """
    value = torch.zeros((), dtype=torch.float64, device=pictures.device)
    height, step_rows = pictures.shape[-2], max(1, _STRIP_NUMBERS // pictures[..., 0, :].numel())
    whole = pictures.numel() if units == "scale-free" else 1
    if wrap:
        for down, across, share in _FORMS[units]:
            difference = pictures.roll((-down, -across), (-2, -1)) - pictures
            value += share * _summed(difference, units)
            if gradient is not None:
                slope, step = _slope(difference, units), _slope_factor(units) * share * weight / whole
                gradient.sub_(slope, alpha=step).add_(slope.roll((down, across), (-2, -1)), alpha=step)
        return value / whole
    for start in range(0, height, step_rows):
        for down, across, share in _FORMS[units]:
            stop = min(start + step_rows, height - down)
            here, there = _pair(pictures, start, stop, down, across)
            if here.numel() == 0:
                continue
            difference = there - here
            value += share * _summed(difference, units)
            if gradient is not None:
                from_here, from_there = _pair(gradient, start, stop, down, across)
                slope, step = _slope(difference, units), _slope_factor(units) * share * weight / whole
                from_there.add_(slope, alpha=step)
                from_here.sub_(slope, alpha=step)
    return value / whole


def _summed(difference: Tensor, units: str) -> Tensor:
    """The sum of sizes or of squares in float64; squares are summed as they are over few numbers at a time."""
    if units == "tutorial":
        return difference.abs().sum(dtype=torch.float64)
    pieces = torch.split(difference.flatten(), _STRIP_NUMBERS)
    return torch.stack([torch.dot(piece, piece) for piece in pieces]).sum(dtype=torch.float64)


def _slope(difference: Tensor, units: str) -> Tensor:
    """The derivative of a size or of a square, but for `_slope_factor`."""
    return difference.sign() if units == "tutorial" else difference


def _slope_factor(units: str) -> int:
    return 1 if units == "tutorial" else 2


def _pair(pictures: Tensor, start: int, stop: int, down: int, across: int) -> tuple[Tensor, Tensor]:
    """Views of the pixels in rows `start` to `stop` and of their neighbours at (down, across)."""
    width = pictures.shape[-1]
    left, right = max(0, -across), max(0, across)
    here = pictures[..., start : max(start, stop), left : max(left, width - right)]
    there = pictures[..., start + down : max(start, stop) + down, left + across : max(left, width - right) + across]
    return here, there
