"""The network: kernels of each painting, and the noise that it paints with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate

from impasto.stylizer.network import CODE, MixedConvolution, convolve, smooth_noise


def test_a_kernel_of_its_own_for_every_painting() -> None:
    torch.manual_seed(0)
    layer, maps, codes = MixedConvolution(3, 5), torch.randn(2, 3, 7, 9), torch.randn(2, CODE)
    with torch.no_grad():
        layer.shares.weight.normal_(std=0.1)
        layer.shares.bias.normal_(std=0.1)
        found = convolve(maps, layer, codes)
    weight, bank, matrix = (parameter.detach().numpy() for parameter in (layer.weight, layer.bank, layer.shares.weight))
    for row, code, picture_maps in zip(found, codes.numpy(), maps.numpy(), strict=True):
        shares = np.tanh(matrix @ code + layer.shares.bias.detach().numpy())
        kernel = weight + sum(share * one.reshape(weight.shape) for share, one in zip(shares, bank, strict=True))
        for channel in range(5):
            layers = zip(picture_maps, kernel[channel], strict=True)
            wanted = sum(correlate(one, part, mode="mirror") for one, part in layers)
            np.testing.assert_allclose(row[channel], wanted, atol=1e-5)


def test_smooth_noise_is_of_unit_variance_and_its_sides_meet() -> None:
    noise = torch.randn(1, 4, 64, 64, generator=torch.Generator().manual_seed(0))
    smooth = smooth_noise(noise)
    assert float(smooth.std()) == pytest.approx(1, abs=0.05)
    rolled = smooth_noise(noise.roll((5, 9), (2, 3)))
    torch.testing.assert_close(rolled, smooth.roll((5, 9), (2, 3)))
