"""The Gaussian kernel's style loss against loops over all pairs, and what its term refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from objectives import make_objective

from impasto.encoders import load_encoder
from impasto.errors import OptionError
from impasto.losses.mmd import GaussianKernelLoss
from impasto.losses.statistics import SAMPLE, Sample, take_sample
from impasto.losses.style_targets import StyleTarget, style_samples
from impasto.losses.tiles import Core

Array = NDArray[np.float64]
Kernel = Callable[[Array, Array], float]


def feature_map(seed: int, channels: int = 4, height: int = 6, width: int = 5) -> torch.Tensor:
    """Rectified and correlated, as an encoder's are: [1, channels, height, width]."""
    random = torch.Generator().manual_seed(seed)
    mixing = torch.randn(channels, channels, generator=random, dtype=torch.float64)
    noise = torch.randn(channels, height * width, generator=random, dtype=torch.float64)
    return (mixing @ noise + 0.3).relu().view(1, channels, height, width)


def columns(features: torch.Tensor) -> Array:
    """F of the papers: [channels N, positions M]."""
    found: Array = features[0].flatten(1).numpy()
    return found


def slow_mmd(kernel: Kernel, one: Array, other: Array) -> float:
    """Squared maximum mean discrepancy, Gretton et al. (JMLR 2012), eq. 5: loops over all pairs of positions."""

    def mean(left: Array, right: Array) -> float:
        return float(np.mean([[kernel(x, y) for y in right.T] for x in left.T]))

    return mean(one, one) + mean(other, other) - 2 * mean(one, other)


def test_gaussian_kernel_equals_loops() -> None:
    pastiche, painting = feature_map(9), feature_map(10, width=7)
    f, s = columns(pastiche), columns(painting)
    squared = np.mean([[((x - y) ** 2).sum() for y in s.T] for x in s.T])  # sigma squared
    expected = slow_mmd(lambda x, y: float(np.exp(-((x - y) ** 2).sum() / (2 * squared))), f, s)
    loss = GaussianKernelLoss(take_sample(painting, SAMPLE))
    assert float(loss(pastiche)) == pytest.approx(expected, rel=1e-4)
    assert float(loss(painting)) == pytest.approx(0, abs=1e-12)


def test_gaussian_kernel_gradient() -> None:
    loss = GaussianKernelLoss(take_sample(feature_map(11, 3, 4, 4), SAMPLE))
    features = (feature_map(12, 3, 4, 4) + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(loss, features, eps=1e-6, atol=1e-6)


def test_gaussian_kernel_of_a_large_map_is_close_to_that_of_all_pairs() -> None:
    pastiche, painting = feature_map(13, height=40, width=40), feature_map(14, height=40, width=45)
    whole = GaussianKernelLoss(Sample(painting[0].flatten(1).T))
    rows = (pastiche[0].flatten(1).T - whole._centre) * whole._width
    exact = sum(
        sign * float(torch.cdist(one, other).square().neg().exp().mean())
        for one, other, sign in (
            (rows, rows, 1), (whole._painting, whole._painting, 1), (rows, whole._painting, -2),
        )
    )  # fmt: skip
    assert float(GaussianKernelLoss(take_sample(painting, SAMPLE))(pastiche)) == pytest.approx(exact, rel=0.1)


def test_every_position_of_a_large_map_counts() -> None:
    features = feature_map(15, height=30, width=40).requires_grad_()
    value = GaussianKernelLoss(take_sample(feature_map(16), SAMPLE))(features)
    (gradient,) = torch.autograd.grad(value, features)
    assert bool((gradient.abs().sum(1) > 0).all())


def test_the_gaussian_kernel_takes_no_masks(tiny_encoder_file: Path) -> None:
    encoder = load_encoder(str(tiny_encoder_file), dtype=torch.float64)
    samples = style_samples(encoder, torch.rand(1, 3, 32, 48, dtype=torch.float64), ["relu1_1"])
    with pytest.raises(OptionError, match="takes no guidance masks"):
        make_objective(
            encoder, torch.rand(1, 3, 32, 48, dtype=torch.float64), Core(0, 0, 32, 48),
            [StyleTarget(samples, torch.ones(32, 48))], content_layers={}, style_layers={"relu1_1": 1.0},
            style_loss="mmd-gaussian",
        )  # fmt: skip


def test_regions_weigh_relative_to_each_other(tiny_encoder_file: Path) -> None:
    encoder = load_encoder(str(tiny_encoder_file), dtype=torch.float64)
    random = torch.Generator().manual_seed(0)
    photo, one, other = (torch.rand(1, 3, 32, 48, generator=random, dtype=torch.float64) for _ in range(3))
    layers = {"relu1_1": 2.0, "relu2_1": 1.0}

    def style(*weighted: tuple[torch.Tensor, float]) -> float:
        targets = [StyleTarget(style_samples(encoder, p, list(layers)), weight=weight) for p, weight in weighted]
        objective = make_objective(
            encoder, photo, Core(0, 0, 32, 48), targets, content_layers={}, style_layers=layers,
            style_loss="mmd-gaussian", style_weight=0.7,
        )  # fmt: skip
        return objective(photo).losses["style"]

    assert style((one, 3.0), (other, 1.0)) == pytest.approx(0.75 * style((one, 1.0)) + 0.25 * style((other, 1.0)))
    features = {name: encoder(photo, [name])[name] for name in layers}
    alone = {n: float(GaussianKernelLoss(style_samples(encoder, one, [n])[n])(features[n])) for n in layers}
    assert style((one, 1.0)) == pytest.approx(0.7 * (2 * alone["relu1_1"] + alone["relu2_1"]) / 3)
