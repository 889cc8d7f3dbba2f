"""Content loss: cases worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from objectives import make_objective

from impasto.encoders import load_encoder
from impasto.losses.content import ContentLoss
from impasto.losses.tiles import Core


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


@pytest.mark.parametrize("tile_px", [16, 1 << 30])
def test_parts_have_weights_of_their_own(tiny_encoder_file: Path, tile_px: int) -> None:
    encoder = load_encoder(str(tiny_encoder_file), dtype=torch.float64)
    random = torch.Generator().manual_seed(0)
    photo, pastiche = (torch.rand(1, 3, 48, 64, generator=random, dtype=torch.float64) for _ in range(2))
    ramp = torch.linspace(0, 1, 64, dtype=torch.float64).expand(48, 64)
    layers = {"relu1_1": 3.0, "relu2_2": 1.0}
    objective = make_objective(
        encoder, photo, Core(0, 0, 48, 64), [], content_layers=layers, style_layers={}, content_weight=(0.5, 2.0),
        content_masks=(ramp, 1 - ramp), tv_weight=0.0, tile_px=tile_px,
    )  # fmt: skip
    leaf = pastiche.clone().requires_grad_()
    ours, theirs = encoder(leaf, list(layers)), encoder(photo, list(layers))
    weights = 0.5 * ramp + 2 * (1 - ramp)
    expected = torch.zeros((), dtype=torch.float64)
    for (name, share), stride in zip(layers.items(), (1, 2), strict=True):
        by_position = F.avg_pool2d(weights[None, None], stride)
        error = (by_position * (ours[name] - theirs[name]).square()).sum() / theirs[name].square().sum()
        expected = expected + share / 4 * error
    evaluation = objective(pastiche)
    assert evaluation.losses["content"] == pytest.approx(float(expected.detach()))
    torch.testing.assert_close(evaluation.gradient, torch.autograd.grad(expected, leaf)[0])
    objective.set_weight("content", [1.0, 1.0])
    plain = make_objective(
        encoder, photo, Core(0, 0, 48, 64), [], content_layers=layers, style_layers={}, content_weight=1.0,
        tv_weight=0.0,
    )  # fmt: skip
    assert objective(pastiche).losses == pytest.approx(plain(pastiche).losses)
