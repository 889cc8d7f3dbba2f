"""Statistics of paintings: in tiles, under masks, several as one; samples of whole maps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from impasto.encoders import Encoder, load_encoder
from impasto.losses.statistics import SAMPLE, blend, moments
from impasto.losses.style_targets import style_samples, style_statistics


def picture(seed: int, height: int = 32, width: int = 48) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return 0.1 + 0.8 * torch.rand(1, 3, height, width, generator=random, dtype=torch.float64)


@pytest.fixture(scope="module")
def encoder(tiny_encoder_file: Path) -> Encoder:
    return load_encoder(str(tiny_encoder_file), dtype=torch.float64)


def test_statistics_of_a_painting_in_tiles() -> None:
    painting = picture(0, 340, 272)
    encoder = load_encoder("lite", dtype=torch.float64)
    whole = moments(encoder(painting, ["relu4_1"])["relu4_1"]).transformed(encoder.geometry["relu4_1"])
    tiled = style_statistics(encoder, painting, ["relu4_1"], tile_px=96)["relu4_1"]
    torch.testing.assert_close(tiled.mean, whole.mean, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(tiled.covariance, whole.covariance, rtol=1e-8, atol=1e-10)


def test_statistics_of_a_part_of_a_picture(encoder: Encoder) -> None:
    picture = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    mask = torch.rand(64, 96, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    for tile_px in (1 << 30, 32):
        found = style_statistics(encoder, picture, ["relu2_1"], tile_px, mask, "simple")["relu2_1"]
        features = encoder(picture, ["relu2_1"])["relu2_1"][0].numpy()
        weights = mask.numpy().reshape(32, 2, 48, 2).mean(axis=(1, 3))
        mean = (features.reshape(len(features), -1) * weights.ravel()).sum(1) / weights.sum()
        assert found.mean.numpy() == pytest.approx(mean, rel=1e-9)


def test_a_part_of_any_size_counts_by_its_weight_alone(encoder: Encoder) -> None:
    """A mask that halves what is learned from does not halve its share among several."""
    random = torch.Generator().manual_seed(4)
    picture, other = (torch.rand(1, 3, 64, 64, generator=random, dtype=torch.float64) for _ in range(2))
    half = torch.zeros(64, 64, dtype=torch.float64)
    half[:, :32] = 1
    whole = style_statistics(encoder, picture, ["relu1_1"], mask=half)["relu1_1"]
    single = style_statistics(encoder, other, ["relu1_1"])["relu1_1"]

    mixed = blend([(whole, 1.0), (single, 3.0)])
    assert mixed.mean.numpy() == pytest.approx((whole.mean + 3 * single.mean).numpy() / 4, rel=1e-12)


def test_style_statistics_of_several_paintings(encoder: Encoder) -> None:
    small, large = picture(1, 8, 8), picture(2, 40, 32)
    parts = [(style_statistics(encoder, p, ["relu1_1"])["relu1_1"], w) for p, w in ((small, 3.0), (large, 1.0))]
    mixed = blend(parts)
    means = [encoder(p, ["relu1_1"])["relu1_1"].mean((0, 2, 3)) for p in (small, large)]
    torch.testing.assert_close(mixed.mean, 0.75 * means[0] + 0.25 * means[1])


def test_samples_of_tiles_are_of_the_whole_picture(encoder: Encoder) -> None:
    painting = picture(4, 320, 160)
    whole, tiled = (style_samples(encoder, painting, ["relu2_1"], tile_px=t) for t in (1 << 30, 160))
    a, b = whole["relu2_1"].features, tiled["relu2_1"].features
    assert len(a) == len(b) == SAMPLE
    assert torch.allclose(a.mean(0), b.mean(0), atol=0.2 * float(a.std()))
