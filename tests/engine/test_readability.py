"""Strength as readability: which way the weight moves, and what the measure sees and does not see."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from impasto.encoders import Encoder, load_encoder
from impasto.engine.readability import Readability
from impasto.images.tensors import resize

SIDE = 96


@pytest.fixture(scope="module")
def lite() -> Encoder:
    return load_encoder("lite")


def scene(seed: int = 0, side: int = SIDE) -> torch.Tensor:
    """Discs and a gradient, drawn at any size."""
    random = np.random.default_rng(seed)
    rows, columns = (np.mgrid[0:side, 0:side] + 0.5) / side
    pixels = np.stack([rows, 0.6 * columns, 0.7 - 0.5 * rows])
    for _ in range(9):
        y, x, radius, *colour = random.random(6)
        disc = np.hypot(rows - y, columns - x) < 0.05 + 0.2 * radius
        pixels[:, disc] = np.array(colour)[:, None]
    return torch.from_numpy(0.1 + 0.8 * pixels).float()[None]


def noise(seed: int = 0, side: int = SIDE) -> torch.Tensor:
    return torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(seed))


def test_photo_itself_is_at_zero(lite: Encoder) -> None:
    assert Readability(lite, scene()).distance(scene()) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_unrelated_pictures_are_near_one(lite: Encoder, seed: int) -> None:
    readability = Readability(lite, scene(seed))
    assert 0.75 < readability.distance(noise(seed)) < 1.15
    assert 0.75 < readability.distance(scene(seed + 10)) < 1.15


def test_equals_a_plain_numpy_version(lite: Encoder) -> None:
    photo, pastiche = scene(0), 0.6 * scene(0) + 0.4 * scene(5)

    def directions(picture: torch.Tensor, layer: str) -> np.ndarray:
        maps = lite(picture, [layer])[layer][0].double().numpy()
        values = maps.reshape(len(maps), -1)
        centred = values - values.mean(1, keepdims=True)
        deviation = centred.std(1, keepdims=True)
        # channels that hardly ever fire are not blown up
        standard = centred / (deviation + 1e-3 * deviation.mean() + 1e-12)
        return standard / np.linalg.norm(standard, axis=0)

    # edges and parts, each averaged over its own positions
    cosines = [(directions(photo, la) * directions(pastiche, la)).sum(0).mean() for la in ("relu3_1", "relu4_2")]
    expected = 1 - np.mean(cosines)
    assert 0.1 < expected < 0.9
    assert abs(cosines[0] - cosines[1]) > 0.05  # one layer alone would be noticed
    assert Readability(lite, photo).distance(pastiche) == pytest.approx(expected, abs=1e-4)


def test_grows_as_the_photo_disappears(lite: Encoder) -> None:
    readability = Readability(lite, scene())
    distances = [readability.distance((1 - w) * scene() + w * noise()) for w in (0, 0.1, 0.25, 0.5, 0.75, 1)]
    assert distances == sorted(distances)
    assert distances[-1] - distances[0] > 0.6


@pytest.mark.parametrize(("gain", "offset"), [(0.7, 0.0), (1.0, 0.08), (0.8, 0.1), (1.15, 0.0)])
def test_hardly_sees_contrast_and_brightness(lite: Encoder, gain: float, offset: float) -> None:
    changed = (gain * scene() + offset).clamp(0, 1)
    assert Readability(lite, scene()).distance(changed) < 0.1


def test_measures_at_one_size_whatever_the_pastiches(lite: Encoder) -> None:
    readability = Readability(lite, scene(side=64))
    smooth = resize(0.7 * scene(side=64) + 0.3 * noise(side=64), 32, 32, "bilinear")
    small, large = (resize(smooth, side, side, "bilinear") for side in (64, 192))
    assert readability.distance(large) == pytest.approx(readability.distance(small), abs=0.05)


@pytest.mark.parametrize("size", [(1, 1), (1, 128), (128, 1), (4, 96), (96, 15), (8, 8)])
def test_too_small_a_photo_is_not_usable(lite: Encoder, size: tuple[int, int]) -> None:
    assert not Readability(lite, torch.rand(1, 3, *size)).usable


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_flat_photo_is_not_usable(lite: Encoder, level: float) -> None:
    assert not Readability(lite, torch.full((1, 3, 64, 64), level)).usable


def test_an_ordinary_photo_is_usable(lite: Encoder) -> None:
    assert all(Readability(lite, scene(seed, side)).usable for seed in range(3) for side in (32, 96))
