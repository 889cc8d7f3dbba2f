"""Terms worked out in strips: the number of strips changes nothing."""

from __future__ import annotations

import pytest
import torch
from pixel_terms import smooth_picture
from torch import Tensor

from impasto.losses import strips
from impasto.losses.strips import over_strips


def energies(pixels: Tensor, rows: slice) -> Tensor:
    """Sum of the squares of three rows' means, weighted by where they are."""
    means = (pixels[..., :-2, :] + pixels[..., 1:-1, :] + pixels[..., 2:, :]) / 3
    places = torch.arange(rows.start, rows.stop, dtype=pixels.dtype)[:, None]
    squares = means.square()[..., 1:-1]
    return torch.stack([squares.sum(), (places * squares).sum()])


def close(sums: Tensor) -> tuple[Tensor, Tensor]:
    return sums[0] * sums[1], sums.flip(0)


@pytest.mark.parametrize("rows", [1, 5, 38, 1000])
def test_value_and_gradient_are_autograds(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strips, "STRIP_ROWS", rows)
    picture = smooth_picture(0)
    gradient = torch.ones_like(picture)
    value = over_strips(picture, gradient, reach_px=1, energies=energies, close=close)
    leaf = picture.clone().requires_grad_()
    whole = energies(leaf, slice(0, 38)).prod()
    whole.backward()
    assert value == pytest.approx(float(whole.detach()))
    torch.testing.assert_close(gradient, 1 + leaf.grad)


def test_without_a_gradient_the_value_alone() -> None:
    picture = smooth_picture(0)
    expected = float(energies(picture, slice(0, 38)).prod())
    assert over_strips(picture, None, reach_px=1, energies=energies, close=close) == pytest.approx(expected)


def test_a_picture_without_positions_is_nothing() -> None:
    picture = smooth_picture(0, 2, 52)
    assert over_strips(picture, torch.zeros_like(picture), reach_px=1, energies=energies, close=close) == 0
