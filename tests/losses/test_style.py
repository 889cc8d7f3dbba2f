"""Style losses against SciPy, NumPy and cases that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.linalg import sqrtm

from impasto.errors import OptionError
from impasto.losses.statistics import Moments, moments
from impasto.losses.style import RIDGE, STYLE_LOSSES, GramLoss, WassersteinLoss

Loss = type[WassersteinLoss] | type[GramLoss]
LOSSES = list(STYLE_LOSSES.values())


def feature_map(seed: int, channels: int = 5, side: int = 12) -> torch.Tensor:
    """Rectified and correlated, as an encoder's are."""
    random = torch.Generator().manual_seed(seed)
    mixing = torch.randn(channels, channels, generator=random, dtype=torch.float64)
    noise = torch.randn(channels, side * side, generator=random, dtype=torch.float64)
    return (mixing @ noise + 0.3).relu().view(1, channels, side, side)


def gaussian(mean: list[float], covariance: list[list[float]]) -> Moments:
    """Moments of one position in all with the given mean and covariance."""
    m, c = (torch.tensor(x, dtype=torch.float64) for x in (mean, covariance))
    return Moments(torch.tensor(1.0, dtype=torch.float64), m, c + torch.outer(m, m))


def scipy_distance(one: torch.Tensor, other: torch.Tensor) -> tuple[float, float]:
    """(squared 2-Wasserstein distance of the fitted Gaussians with their ridges, variance of the other)."""

    def fit(features: torch.Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        columns = features[0].flatten(1).numpy()
        covariance = np.cov(columns, bias=True)
        covariance += RIDGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
        return columns.mean(1), covariance

    (m, c), (m_star, c_star) = fit(one), fit(other)
    cross = np.real(np.trace(sqrtm(c @ c_star)))
    return float(np.sum((m - m_star) ** 2) + np.trace(c) + np.trace(c_star) - 2 * cross), float(np.trace(c_star))


@pytest.mark.parametrize("seed", range(4))
def test_wasserstein_equals_scipy(seed: int) -> None:
    pastiche, painting = feature_map(seed), feature_map(seed + 100)
    distance, variance = scipy_distance(pastiche, painting)
    loss = float(WassersteinLoss(moments(painting))(moments(pastiche)))
    # Relative to the painting's variance; a per-mille share of its mean square guards flat ones.
    assert loss == pytest.approx(distance / variance, rel=5e-3)
    ratios = [
        float(WassersteinLoss(moments(painting))(moments(feature_map(s)))) / scipy_distance(feature_map(s), painting)[0]
        for s in (seed + 1, seed + 2)
    ]
    assert ratios[0] == pytest.approx(ratios[1], rel=1e-9)  # the scale is the painting's alone


def test_wasserstein_of_commuting_gaussians_by_hand() -> None:
    # Diagonal: |mean difference|^2 + sum (sigma - sigma_*)^2, over the variance 1 + 4.
    painting = gaussian([0.0, 0.0], [[1.0, 0.0], [0.0, 4.0]])
    pastiche = gaussian([0.3, -0.4], [[9.0, 0.0], [0.0, 1.0]])
    loss = float(WassersteinLoss(painting)(pastiche))
    assert loss == pytest.approx((0.25 + (3 - 1) ** 2 + (1 - 2) ** 2) / 5, rel=1e-3)


def test_wasserstein_in_one_dimension_by_hand() -> None:
    painting, pastiche = gaussian([1.0], [[4.0]]), gaussian([3.0], [[25.0]])
    assert float(WassersteinLoss(painting)(pastiche)) == pytest.approx((2**2 + 3**2) / 4, rel=1e-3)


def test_gram_equals_numpy() -> None:
    pastiche, painting = feature_map(1), feature_map(2)
    gram, gram_star = (np.einsum("bcyx,bdyx->cd", f.numpy(), f.numpy()) / 144 for f in (pastiche, painting))
    expected = ((gram - gram_star) ** 2).sum() / (gram_star**2).sum()
    assert float(GramLoss(moments(painting))(moments(pastiche))) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("loss", LOSSES)
def test_zero_at_the_painting_and_nowhere_near_it(loss: Loss) -> None:
    painting = moments(feature_map(3))
    assert float(loss(painting)(painting)) == pytest.approx(0, abs=1e-9)
    nudged = moments(feature_map(3) * 1.1)
    assert float(loss(painting)(nudged)) > 1e-3


@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_vanishes_at_the_painting(loss: Loss) -> None:
    features = feature_map(3).requires_grad_()
    (there,) = torch.autograd.grad(loss(moments(feature_map(3)))(moments(features)), features)
    (elsewhere,) = torch.autograd.grad(loss(moments(feature_map(4)))(moments(features)), features)
    assert float(there.abs().max()) < 1e-6 * float(elsewhere.abs().max())


@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_equals_finite_differences(loss: Loss) -> None:
    target = loss(moments(feature_map(5, channels=3, side=4)))
    features = (feature_map(6, channels=3, side=4) + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(lambda f: target(moments(f)), features, eps=1e-6, atol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("factor", [0.1, 10.0, 1000.0])
def test_free_of_the_encoders_scale(loss: Loss, factor: float) -> None:
    pastiche, painting = feature_map(7), feature_map(8)
    plain = float(loss(moments(painting))(moments(pastiche)))
    scaled = float(loss(moments(factor * painting))(moments(factor * pastiche)))
    assert scaled == pytest.approx(plain, rel=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_free_of_the_pictures_size(loss: Loss) -> None:
    # A map beside its own copy holds the same distribution.
    pastiche, painting = feature_map(7), feature_map(8)
    plain = float(loss(moments(painting))(moments(pastiche)))
    assert float(loss(moments(painting))(moments(pastiche.repeat(1, 1, 3, 2)))) == pytest.approx(plain, rel=1e-9)
    assert float(loss(moments(painting.repeat(1, 1, 2, 1)))(moments(pastiche))) == pytest.approx(plain, rel=1e-9)


def flat_map(channels: int, side: int) -> torch.Tensor:
    return torch.full((1, channels, side, side), 0.7, dtype=torch.float64)


def dead_channel(features: torch.Tensor) -> torch.Tensor:
    features = features.clone()
    features[:, 0] = 0
    return features


def rank_one(channels: int, side: int) -> torch.Tensor:
    ramp = torch.linspace(0, 1, side * side, dtype=torch.float64).view(1, 1, side, side)
    return ramp * torch.arange(1, channels + 1, dtype=torch.float64).view(1, -1, 1, 1)


DEGENERATE = {
    "flat": flat_map(6, 5),
    "black": torch.zeros(1, 6, 5, 5, dtype=torch.float64),
    "dead channel": dead_channel(feature_map(9, 6, 5)),
    "rank one": rank_one(6, 5),
    "fewer positions than channels": feature_map(10, 6, 2),
    "one position": feature_map(10, 6, 1),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("painting", DEGENERATE)
@pytest.mark.parametrize("pastiche", [*DEGENERATE, "ordinary"])
def test_degenerate_maps_stay_finite(loss: Loss, painting: str, pastiche: str) -> None:
    maps = DEGENERATE | {"ordinary": feature_map(11, 6, 5)}
    features = maps[pastiche].float().requires_grad_()
    value = loss(moments(maps[painting].float()))(moments(features))
    (gradient,) = torch.autograd.grad(value, features)
    assert value.isfinite()
    assert gradient.isfinite().all()
    assert value.item() > -1e-6
    if painting == pastiche:
        assert value.item() == pytest.approx(0, abs=1e-6)


def test_rank_deficient_wasserstein_equals_the_exact_value() -> None:
    # Both of rank one along the same direction: (sigma - sigma_*)^2, whatever the ridge does elsewhere.
    v = torch.tensor([1.0, 2.0, 2.0], dtype=torch.float64) / 3
    painting, pastiche = (gaussian([0.0, 0.0, 0.0], (s * s * torch.outer(v, v)).tolist()) for s in (2.0, 5.0))
    assert float(WassersteinLoss(painting)(pastiche)) == pytest.approx(9 / 4, rel=2e-3)


def test_descending_the_loss_reaches_the_painting() -> None:
    # The gradient points the right way far from the target too.
    target = WassersteinLoss(moments(feature_map(12, 3, 8)))
    features = feature_map(13, 3, 8)
    first = float(target(moments(features)))
    for _ in range(300):
        features = features.detach().requires_grad_()
        value = target(moments(features))
        (gradient,) = torch.autograd.grad(value, features)
        features = features - 0.2 * gradient * 64
    assert value.item() < 1e-3 * first


def test_statistics_that_are_not_finite_are_refused_in_one_line() -> None:
    bad = Moments(*(torch.full(shape, torch.nan, dtype=torch.float64) for shape in ((), (3,), (3, 3))))
    good = Moments(torch.tensor(9.0).double(), torch.zeros(3).double(), 9 * torch.eye(3).double())
    for target, pastiche in ((bad, good), (good, bad)):
        with pytest.raises(OptionError, match="no finite roots"):
            WassersteinLoss(target)(pastiche)
