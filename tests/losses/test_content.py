"""Content loss: cases worked out by hand."""

from __future__ import annotations

import pytest
import torch

from impasto.losses.content import ContentLoss


def photo_map() -> torch.Tensor:
    return torch.arange(24.0, dtype=torch.float64).view(1, 2, 3, 4)


def test_nothing_of_the_photo_left_is_one() -> None:
    assert float(ContentLoss([photo_map()])(torch.zeros(1, 2, 3, 4, dtype=torch.float64))) == pytest.approx(1)


@pytest.mark.parametrize("factor", [1.0, 1.5, 2.0, -1.0])
def test_a_scaled_map_by_hand(factor: float) -> None:
    loss = float(ContentLoss([photo_map()])(factor * photo_map()))
    assert loss == pytest.approx((factor - 1) ** 2)


def test_one_changed_position_by_hand() -> None:
    changed = photo_map()
    changed[0, 1, 2, 0] += 3
    assert float(ContentLoss([photo_map()])(changed)) == pytest.approx(9 / sum(n * n for n in range(24)))


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_free_of_scale_and_size(factor: float) -> None:
    pastiche = photo_map().flip(3)
    plain = float(ContentLoss([photo_map()])(pastiche))
    scaled = ContentLoss([factor * photo_map().repeat(1, 1, 2, 3)])(factor * pastiche.repeat(1, 1, 2, 3))
    assert float(scaled) == pytest.approx(plain)


def test_gradient_equals_finite_differences() -> None:
    loss = ContentLoss([photo_map()])
    assert torch.autograd.gradcheck(loss, torch.rand(1, 2, 3, 4, dtype=torch.float64, requires_grad=True))


def test_black_map_stays_finite() -> None:
    features = torch.ones(1, 2, 3, 4, requires_grad=True)
    loss = ContentLoss([torch.zeros(1, 2, 3, 4)])(features)
    (gradient,) = torch.autograd.grad(loss, features)
    assert loss.isfinite()
    assert gradient.isfinite().all()
    assert float(ContentLoss([torch.zeros(1, 2, 3, 4)])(torch.zeros(1, 2, 3, 4))) == 0
