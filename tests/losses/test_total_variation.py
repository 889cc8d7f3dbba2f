"""Total variation against loops over pixels and ramps whose slope is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from impasto.losses.total_variation import total_variation


def slow_total_variation(pixels: NDArray[np.float64]) -> float:
    """Sum over pixels and neighbours; straight differences weigh a half, diagonal ones a quarter."""
    _, channels, height, width = pixels.shape
    total = 0.0
    for channel in range(channels):
        for row in range(height):
            for column in range(width):
                for down, right, weight in ((0, 1, 0.5), (1, 0, 0.5), (1, 1, 0.25), (1, -1, 0.25)):
                    if row + down < height and 0 <= column + right < width:
                        here = pixels[0, channel, row, column]
                        total += weight * (pixels[0, channel, row + down, column + right] - here) ** 2
    return total / pixels.size


@pytest.mark.parametrize("size", [(7, 9), (2, 2), (1, 6), (6, 1), (1, 1), (2, 1)])
def test_equals_loops(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).random((1, 3, *size))
    assert float(total_variation(torch.from_numpy(pixels))) == pytest.approx(slow_total_variation(pixels))


def test_constant_colour_has_none() -> None:
    assert float(total_variation(torch.tensor([0.2, 0.9, 0.4]).view(1, 3, 1, 1).expand(1, 3, 9, 9))) == 0


@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 135, 200])
@pytest.mark.parametrize("slope", [0.001, 0.01])
def test_ramp_in_any_direction_has_its_slope_squared(degrees: float, slope: float) -> None:
    size = 400
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float64)
    angle = math.radians(degrees)
    ramp = slope * (columns * math.cos(angle) + rows * math.sin(angle))
    found = float(total_variation(torch.from_numpy(np.broadcast_to(ramp, (1, 3, size, size)).copy())))
    # Pairs across the border are missing: a share of at most two in `size` of them.
    assert found == pytest.approx(slope**2, rel=2 / size)


def test_a_lone_pixel_weighs_the_same_wherever_it_is_not_at_the_border() -> None:
    def spike(row: int, column: int) -> float:
        pixels = torch.zeros(1, 3, 9, 8)
        pixels[0, 1, row, column] = 1
        return float(total_variation(pixels))

    # four straight neighbours and four diagonal ones
    assert spike(4, 4) == pytest.approx((4 * 0.5 + 4 * 0.25) / (3 * 9 * 8))
    assert spike(4, 4) == spike(1, 6) == spike(7, 1)


@pytest.mark.parametrize("size", [(4, 5), (1, 4), (4, 1), (300, 3)])
def test_gradient_equals_autograd(size: tuple[int, int]) -> None:
    pixels = torch.rand(1, 3, *size, dtype=torch.float64, requires_grad=True)
    gradient = torch.ones_like(pixels)
    total_variation(pixels.detach(), gradient, weight=7.0)
    (slope,) = torch.autograd.grad(total_variation(pixels), pixels)
    torch.testing.assert_close(gradient, 1 + 7 * slope)


def test_float32_pictures_are_summed_in_float64() -> None:
    pixels = torch.rand(1, 3, 300, 300, generator=torch.Generator().manual_seed(0))
    exact = float(total_variation(pixels.double()))
    assert float(total_variation(pixels)) == pytest.approx(exact, rel=1e-6)
