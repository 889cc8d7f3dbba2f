"""Convolution of mirrored maps: in strips, without a gradient, as padded and with one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate

from impasto.encoders.convolution import convolve_mirrored


@pytest.mark.parametrize("size", [(2, 2), (2, 9), (3, 3), (8, 2), (13, 17)])
@pytest.mark.parametrize("gradient", [False, True])
def test_as_scipy_mirrors(size: tuple[int, int], gradient: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    maps, kernel, bias = (torch.randn(*shape, generator=generator) for shape in ((2, 3, *size), (4, 3, 3, 3), (4,)))
    maps = maps.contiguous(memory_format=torch.channels_last)
    with torch.set_grad_enabled(gradient):
        found = convolve_mirrored(maps, kernel, bias).numpy()
    for row, picture in zip(found, maps.numpy(), strict=True):
        for channel, weights, start in zip(row, kernel.numpy(), bias.numpy(), strict=True):
            wanted = start + sum(correlate(one, w, mode="mirror") for one, w in zip(picture, weights, strict=True))
            np.testing.assert_allclose(channel, wanted, atol=1e-5)
