"""The detail loss against SciPy and finite differences; what it is blind to, and what not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from objectives import make_objective
from scipy import ndimage

from impasto.encoders import Encoder, load_encoder
from impasto.images.color import LUMA
from impasto.losses import laplacian as detail
from impasto.losses.laplacian import POOLED_PX, DetailLoss, crispness
from impasto.losses.objective import Objective
from impasto.losses.style_targets import StyleTarget, style_statistics
from impasto.losses.tiles import Core


def picture(seed: int, height: int = 27, width: int = 34) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, height, width, generator=random, dtype=torch.float64)


def slow_loss(photo: NDArray[np.float64], pastiche: NDArray[np.float64]) -> float:
    total = 0.0
    kernel, ones = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]]), np.ones((3, 3))

    def edges(plane: NDArray[np.float64], size: int) -> NDArray[np.float64]:
        rows, columns = (side // size for side in plane.shape)
        pooled = plane[: rows * size, : columns * size].reshape(rows, size, columns, size).mean((1, 3))
        return np.asarray(ndimage.convolve(pooled, kernel)[1:-1, 1:-1])

    for size in POOLED_PX:
        theirs = edges(photo[0].mean(0), size)
        counted = ndimage.convolve(np.ones_like(theirs), ones, mode="constant")
        near = ndimage.convolve(theirs**2, ones, mode="constant") / counted
        weights = near / (near + (theirs**2).mean() + 1e-12)
        whole = (weights * theirs**2).sum() + 1e-6 * theirs.size
        total += sum((weights * (edges(plane, size) - theirs) ** 2).sum() for plane in pastiche[0]) / whole / 3
    return float(total / len(POOLED_PX))


def test_edges_of_single_pixels_count() -> None:
    """A checkerboard of single pixels is gray in squares of two and four: only the finest size sees it."""
    photo = picture(0, 32, 32).mean(1, keepdim=True).expand(1, 3, -1, -1)
    board = (torch.arange(32)[:, None] + torch.arange(32)) % 2 - 0.5
    assert float(DetailLoss(photo)(photo)) == pytest.approx(0, abs=1e-12)
    assert float(DetailLoss(photo)(photo + 0.01 * board)) > 1e-4


@pytest.mark.parametrize("size", [(27, 34), (12, 12), (64, 13)])
def test_equals_scipy(size: tuple[int, int]) -> None:
    photo, pastiche = picture(0, *size), picture(1, *size)
    assert float(DetailLoss(photo)(pastiche)) == pytest.approx(slow_loss(photo.numpy(), pastiche.numpy()))


def test_gradient_equals_finite_differences() -> None:
    loss, pastiche = DetailLoss(picture(0), weight=0.7), picture(1)
    gradient = torch.full_like(pastiche, 0.5)  # it is added to what is there
    loss(pastiche, gradient)
    random = torch.Generator().manual_seed(3)
    for _ in range(4):
        direction = torch.randn(pastiche.shape, generator=random, dtype=torch.float64)
        higher, lower = (float(loss(pastiche + sign * 1e-4 * direction)) for sign in (1, -1))
        found = float(((gradient - 0.5) * direction).sum())
        assert found == pytest.approx((higher - lower) / 2e-4, rel=1e-6)


def test_the_photo_in_gray_has_none_and_a_plain_pastiche_has_one() -> None:
    photo = picture(0)
    gray = photo.mean(1, keepdim=True).expand_as(photo)
    assert float(DetailLoss(photo)(gray)) == pytest.approx(0, abs=1e-12)
    assert float(DetailLoss(photo)(torch.full_like(photo, 0.3))) == pytest.approx(1, rel=1e-3)


def test_it_is_blind_to_shades_and_tints_but_not_to_fringes() -> None:
    photo = picture(0)
    gray = photo.mean(1, keepdim=True).expand_as(photo)
    ramp = torch.linspace(0, 0.2, photo.shape[-1], dtype=torch.float64)
    tint = torch.tensor([0.3, -0.2, 0.1], dtype=torch.float64)[:, None, None]
    assert float(DetailLoss(photo)(gray + ramp * tint + tint)) < 1e-12
    fringes = torch.tensor([1.0, -1.0, 0.0], dtype=torch.float64)[:, None, None] * torch.sin(9 * photo[:, :1])
    assert float(DetailLoss(photo)(gray + 0.3 * fringes)) > 0.05


def test_strokes_on_plain_ground_cost_less_than_on_edges() -> None:
    photo = torch.full((1, 3, 64, 64), 0.5, dtype=torch.float64)
    photo[..., 8:24, 8:24] = 0.9
    strokes = torch.zeros_like(photo)
    strokes[..., 6:26:4, 6:26] = 0.1
    loss = DetailLoss(photo)
    on_edges, on_ground = (float(loss(photo + strokes.roll(shift, (-2, -1)))) for shift in ((0, 0), (32, 32)))
    assert on_ground < 0.05 * on_edges


@pytest.mark.parametrize("size", [(1, 40), (2, 2), (2, 9)])
def test_a_photo_too_small_or_too_plain_keeps_nothing(size: tuple[int, int]) -> None:
    assert float(DetailLoss(picture(0, *size))(picture(1, *size))) == 0
    plain = torch.full((1, 3, 20, 20), 0.5, dtype=torch.float64)
    assert float(DetailLoss(plain)(plain + 0.01)) == pytest.approx(0)
    assert np.isfinite(float(DetailLoss(plain)(picture(0, 20, 20))))


def test_strips_show_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    photo, pastiche = picture(0, 50, 20), picture(1, 50, 20)
    whole = float(DetailLoss(photo)(pastiche))
    monkeypatch.setattr(detail, "_STRIP_ROWS", 8)
    assert float(DetailLoss(photo)(pastiche)) == pytest.approx(whole, rel=1e-12)


# ---------------------------------------------------------------------------------- in the objective


@pytest.fixture(scope="module")
def encoder(tiny_encoder_file: Path) -> Encoder:
    return load_encoder(str(tiny_encoder_file), dtype=torch.float64)


def objective(encoder: Encoder, detail_weight: float, tile_px: int) -> Objective:
    layers = {"relu1_1": 1.0, "relu3_1": 1.0}
    return make_objective(
        encoder, picture(0, 160, 96), Core(8, 5, 143, 85),
        [StyleTarget(style_statistics(encoder, picture(1, 64, 64), list(layers)))],
        content_layers={"relu2_2": 1.0}, style_layers=layers, detail_weight=detail_weight, tile_px=tile_px,
    )  # fmt: skip


def test_tiles_and_whole_are_the_same_and_the_margin_does_not_count(encoder: Encoder) -> None:
    pastiche = picture(2, 160, 96)
    whole, tiled = (objective(encoder, 0.4, tile_px)(pastiche) for tile_px in (1024, 64))
    without = objective(encoder, 0.0, 1024)(pastiche)
    assert tiled.losses == pytest.approx(whole.losses)
    torch.testing.assert_close(tiled.gradient, whole.gradient)
    core = (slice(8, 151), slice(5, 90))
    expected = 0.4 * float(DetailLoss(picture(0, 160, 96)[..., *core])(pastiche[..., *core]))
    assert whole.losses["detail"] == pytest.approx(expected)
    assert whole.losses["total"] == pytest.approx(without.losses["total"] + expected)
    assert "detail" not in without.losses
    added = whole.gradient - without.gradient
    assert added[..., *core].abs().max() > 0
    added[..., *core] = 0
    assert added.abs().max() < 1e-12


def test_crispness_of_chessboards() -> None:
    board = (torch.arange(8)[:, None] + torch.arange(6)) % 2 * 1.0
    gray = board.expand(1, 3, 8, 6)
    torch.testing.assert_close(crispness(gray), torch.tensor([[16.0, 0.0]]), atol=1e-5, rtol=1e-5)
    tint = torch.tensor([LUMA[1], -LUMA[0], 0.0])  # two colours of the same luma
    found = crispness((0.5 + tint[:, None, None] * board)[None])
    torch.testing.assert_close(found, 16 * torch.tensor([[0.0, float(tint.square().sum())]]), atol=1e-5, rtol=1e-5)
    ramp = torch.arange(6.0).expand(1, 3, 8, 6)
    torch.testing.assert_close(crispness(ramp), torch.zeros(1, 2), atol=1e-5, rtol=0)
