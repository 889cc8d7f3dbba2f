"""Strength as readability: which way the weight moves, and what the measure sees and does not see."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from impasto.encoders import Encoder, load_encoder
from impasto.engine.content_weight import ContentWeightController, style_share, target_readability
from impasto.engine.paint import BALANCE_EVERY
from impasto.engine.readability import Readability
from impasto.images.tensors import resize
from impasto.options.fields import PaintOptions

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


def balance(**changes: Any) -> ContentWeightController:
    return ContentWeightController(PaintOptions(**({"strength": 50.0, "content_weight": 1.0} | changes)))


def test_weight_moves_against_the_error() -> None:
    target = target_readability(50.0)
    unreadable, readable, right = balance(), balance(), balance()
    unreadable.update([target + 0.2], coarsest=False)
    readable.update([target - 0.2], coarsest=False)
    right.update([target], coarsest=False)
    assert unreadable.weight > 1.0 > readable.weight
    assert right.weight == pytest.approx(1.0)
    # in proportion: up and down again by the same error is back where it was
    unreadable.update([target - 0.2], coarsest=False)
    assert unreadable.weight == pytest.approx(1.0)


def test_weight_is_clamped_and_comes_back() -> None:
    low, high = ContentWeightController.BOUNDS
    for distance, bound in ((2.0, high), (-2.0, low)):
        moved = balance()
        for _ in range(100):
            moved.update([distance], coarsest=False)
            assert low <= moved.weight <= high
        assert moved.weight == bound
        moved.update([target_readability(50.0) - np.sign(distance)], coarsest=False)
        assert low < moved.weight < high


def test_first_measurements_at_the_coarsest_scale_do_not_count() -> None:
    settling = balance()
    for _ in range(ContentWeightController.SETTLING):
        settling.update([1.0], coarsest=True)
        assert settling.weight == 1.0
    settling.update([1.0], coarsest=True)
    assert settling.weight > 1.0


class Plant:
    """A picture that follows the content weight: its distance falls by `slope` for a factor of e.

    Measured over the gallery the slope is 0.1 to 0.18. `lag`: steps after which 63 % of a change has happened;
    8 steps lie between two measurements.
    """

    def __init__(self, slope: float, lag: float) -> None:
        self._slope, self._followed = slope, 1 - math.exp(-BALANCE_EVERY / lag) if lag else 1.0
        self.distance = 0.0  # the photo

    def react(self, weight: float) -> float:
        self.distance += self._followed * (0.15 - self._slope * math.log(weight) - self.distance)
        return self.distance


@pytest.mark.parametrize("strength", [20.0, 50.0, 80.0])
@pytest.mark.parametrize(("slope", "lag"), [(0.1, 0), (0.13, 0), (0.2, 0), (0.13, 10), (0.1, 10), (0.2, 10)])
def test_control_settles_where_the_strength_asks(slope: float, lag: float, strength: float) -> None:
    """A run of the default steps at 1024 px measures about 14 times: by then the loop is where it should be."""
    loop, plant, target = (
        balance(strength=strength, content_weight=0.05),
        Plant(slope, lag),
        target_readability(strength),
    )
    errors = []
    for _ in range(40):
        errors.append(plant.react(loop.weight) - target)
        loop.update([plant.distance], coarsest=False)
    assert max(map(abs, errors[12:])) < 0.03
    assert max(map(abs, errors[25:])) < 0.005


def test_distance_asked_for_rises_with_strength_from_zero() -> None:
    distances = [target_readability(10.0 * tenth) for tenth in range(11)]
    assert distances[0] == 0
    assert all(below < above for below, above in pairwise(distances))
    assert distances[-1] <= 1


@pytest.mark.parametrize(
    ("changes", "moves", "weight"),
    [
        ({"strength": 50}, True, 1.0),
        ({"strength": 100}, False, 0.0),
        ({"strength": 50, "balance": "fixed"}, False, 1.0),
        ({"strength": 100, "balance": "fixed"}, False, 1.0),
    ],
)
def test_when_the_weight_moves(changes: dict[str, Any], moves: bool, weight: float) -> None:
    found = balance(**changes)
    assert found.moves is moves
    assert found.weight == weight


def test_share_of_the_painting_in_the_targets() -> None:
    shares = [style_share(PaintOptions(strength=strength)) for strength in (0, 5, 15, 25, 50, 75, 100)]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert style_share(PaintOptions(strength=50)) == 1
    assert style_share(PaintOptions(strength=0, balance="fixed")) == 1
