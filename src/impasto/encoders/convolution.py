"""3x3 convolution of a feature map that is mirrored at its border."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def convolve_mirrored(current: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """Convolve a map [batch, channels, height, width], two positions a side or more, reflected by one position.

    Where no gradient is wanted the map is not copied to be padded: zeros continue it, which costs nothing, and the
    outermost ring is computed again from four strips.
    """
    if torch.is_grad_enabled() or torch.compiler.is_exporting():
        return F.conv2d(F.pad(current, (1, 1, 1, 1), mode="reflect"), kernel, bias)
    result = F.conv2d(current, kernel, bias, padding=1)
    strips = (
        (result[..., :1, :], current[..., :2, :], (1, 1, 1, 0)),
        (result[..., -1:, :], current[..., -2:, :], (1, 1, 0, 1)),
        (result[..., :1], current[..., :2], (1, 0, 1, 1)),
        (result[..., -1:], current[..., -2:], (0, 1, 1, 1)),
    )
    for ring, strip, padding in strips:
        ring.copy_(F.conv2d(F.pad(strip, padding, mode="reflect"), kernel, bias))
    return result
