"""Losses of a batch: against the engine's, finite differences and plain cases."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from stylizers import random_picture
from torch import Tensor

from impasto.encoders import Encoder, load_encoder
from impasto.engine.readability import Readability
from impasto.losses.style import WassersteinLoss
from impasto.stylizer.statistics import (
    CHANNELS,
    LAYERS,
    MIDDLE,
    Batch,
    batch_statistics,
    blend_statistics,
    measure_style,
)
from impasto.stylizer.training.objective import (
    ENCODED,
    FLAT,
    BatchStyleLoss,
    crispness_distance,
    mix,
    style_distance,
    unreadability,
    variation,
)

NONE = dict.fromkeys(CHANNELS, 0.0)


def statistics(encoder: Encoder, pictures: Tensor) -> Batch:
    return batch_statistics({"rgb": pictures - MIDDLE, **encoder(pictures, ENCODED)})


def test_style_distance_is_the_engines() -> None:
    encoder, pastiche, painting = load_encoder("lite"), random_picture(96, 96, 0), random_picture(96, 96, 1)
    measured = measure_style(encoder, painting)
    distances = BatchStyleLoss(encoder, measured.batch(), NONE).distances(statistics(encoder, pastiche))
    for name in LAYERS:
        target = measured.moments[name].transformed(encoder.geometry[name])
        moments = measure_style(encoder, pastiche).moments[name].transformed(encoder.geometry[name])
        expected = WassersteinLoss(target)(moments)
        # The engine adds a little of the mean square to what it divides by.
        ridged = float(target.covariance.trace()) * (1 + 1e-4)
        divisor = ridged + 1e-3 * float(target.mean.square().sum())
        assert float(distances[name]) * ridged == pytest.approx(float(expected) * divisor, rel=2e-3, abs=1e-6)


def test_a_flat_painting_does_not_count_a_thousandfold() -> None:
    encoder, flat = load_encoder("lite"), torch.full((1, 3, 64, 64), 0.4)
    lively = measure_style(encoder, random_picture(96, 96, 1)).moments
    usual = {name: float(moments.covariance.trace()) for name, moments in lively.items()}
    loss = BatchStyleLoss(encoder, measure_style(encoder, flat).batch(), usual)
    distances = loss.distances(statistics(encoder, random_picture(96, 96, 0)))
    assert max(float(distance) for distance in distances.values()) < 10 / FLAT


def test_distances_of_a_batch_are_those_of_its_pictures() -> None:
    encoder, usual = load_encoder("lite"), dict.fromkeys(CHANNELS, 1.0)
    first, second, third, fourth = (random_picture(96, 96, seed) for seed in range(4))
    pastiches, paintings = torch.cat([first, second]), torch.cat([third, fourth])

    def distances(of: Tensor, to: Tensor) -> dict[str, Tensor]:
        return BatchStyleLoss(encoder, statistics(encoder, to), usual).distances(statistics(encoder, of))

    together = distances(pastiches, paintings)
    for row in (0, 1):
        alone = distances(pastiches[row : row + 1], paintings[row : row + 1])
        assert float(style_distance(alone)) == pytest.approx(float(style_distance(together)[row]), rel=1e-4)


def test_gradient_of_the_style_distance_by_finite_differences() -> None:
    encoder = load_encoder("lite", dtype=torch.float64)
    targets = BatchStyleLoss(encoder, measure_style(encoder, random_picture(32, 32, 1).double()).batch(), NONE)

    def loss(pixels: Tensor) -> Tensor:
        return style_distance(targets.distances(statistics(encoder, pixels))).sum()

    at = random_picture(32, 32, 0).double().requires_grad_()
    loss(at).backward()
    assert at.grad is not None
    direction = torch.randn(at.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    step = 1e-6
    with torch.no_grad():
        slope = (loss(at + step * direction) - loss(at - step * direction)) / (2 * step)
    assert float((at.grad * direction).sum()) == pytest.approx(float(slope), rel=1e-3)


def test_unreadability_is_the_engines() -> None:
    encoder, photo = load_encoder("lite"), random_picture(96, 96, 0)
    pastiche = (photo + random_picture(96, 96, 5)) / 2
    distance = unreadability(encoder(pastiche, ENCODED), encoder(photo, ENCODED))
    assert float(distance) == pytest.approx(Readability(encoder, photo).distance(pastiche), abs=0.02)
    assert float(unreadability(encoder(photo, ENCODED), encoder(photo, ENCODED))) == pytest.approx(0, abs=1e-5)


def test_variation_of_a_ramp() -> None:
    ramp = torch.arange(8.0).expand(1, 3, 8, 8) / 10
    assert float(variation(ramp)) == pytest.approx(0.01)
    assert float(variation(ramp.mT)) == pytest.approx(0.01)


def test_crispness_counts_by_ratios() -> None:
    wanted = torch.tensor([[10.0, 3.0], [0.0, 0.0]])
    found = crispness_distance(wanted * torch.tensor([np.e, np.e**-2]), wanted)
    torch.testing.assert_close(found, torch.tensor([5.0, 0.0]), atol=1e-2, rtol=0)


def test_two_paintings_mix_as_they_blend() -> None:
    encoder, first, second = load_encoder("lite"), random_picture(64, 64, 0), random_picture(64, 64, 1)
    expected = blend_statistics([(measure_style(encoder, first), 0.3), (measure_style(encoder, second), 0.7)]).batch()
    found = mix(statistics(encoder, first), statistics(encoder, second), 0.7)
    for name in CHANNELS:
        for place in (0, 1):
            torch.testing.assert_close(found[name][place], expected[name][place].float(), atol=1e-3, rtol=1e-3)
