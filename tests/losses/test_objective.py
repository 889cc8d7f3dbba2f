"""The objective: its gradient against finite differences, its parts against their sum."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from objectives import make_objective

from impasto.encoders import Encoder, load_encoder
from impasto.losses.objective import Objective
from impasto.losses.statistics import moments
from impasto.losses.style import STYLE_LOSSES
from impasto.losses.style_targets import StyleTarget, style_statistics
from impasto.losses.tiles import Core

LAYERS = {"relu1_1": 2.0, "relu2_1": 1.0, "relu3_1": 0.5}


def picture(seed: int, height: int = 12, width: int = 16) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return 0.1 + 0.8 * torch.rand(1, 3, height, width, generator=random, dtype=torch.float64)


@pytest.fixture(scope="module")
def encoder(tiny_encoder_file: Path) -> Encoder:
    return load_encoder(str(tiny_encoder_file), dtype=torch.float64)


@pytest.fixture(scope="module")
def turned_encoder(tiny_encoder_file: Path) -> Encoder:
    """With a geometry at two layers, as a distilled one has."""
    turned = load_encoder(str(tiny_encoder_file), dtype=torch.float64)
    random = torch.Generator().manual_seed(9)
    for name, channels in (("relu1_1", 4), ("relu3_1", 8)):
        turned.geometry[name] = torch.randn(channels, channels, generator=random, dtype=torch.float64)
    return turned


def build(
    encoder: Encoder, photo: torch.Tensor, painting: torch.Tensor, core: Core | None = None, **changes: Any
) -> Objective:
    """The objective of `photo` and `painting`; everything counts unless `core` says otherwise."""
    values: dict[str, Any] = {
        "content_layers": {"relu2_2": 1.0},
        "style_layers": LAYERS,
    } | changes
    targets = style_statistics(encoder, painting, list(values["style_layers"]))
    core = core or Core(0, 0, *photo.shape[-2:])
    return make_objective(encoder, photo, core, [StyleTarget(targets)], **values)


@pytest.mark.parametrize("style_loss", STYLE_LOSSES)
@pytest.mark.parametrize("kind", ["encoder", "turned_encoder"])
def test_gradient_equals_finite_differences(request: pytest.FixtureRequest, kind: str, style_loss: str) -> None:
    encoder = request.getfixturevalue(kind)
    photo, painting, pastiche = picture(0, 24, 32), picture(1, 28, 28), picture(2, 24, 32)
    objective = build(encoder, photo, painting, Core(3, 2, 19, 28), style_loss=style_loss)
    gradient = objective(pastiche).gradient
    random = torch.Generator().manual_seed(3)
    directions = [torch.randn(pastiche.shape, generator=random, dtype=torch.float64) for _ in range(3)]
    for index in ((0, 0, 0, 0), (0, 1, 5, 7), (0, 2, 23, 31)):  # a corner, the middle, the other corner
        pixel = torch.zeros_like(pastiche)
        pixel[index] = 1
        directions.append(pixel)
    for direction in directions:
        step = 3e-6  # smaller, and rounding in the matrix root shows
        higher, lower = (objective(pastiche + sign * step * direction).losses["total"] for sign in (1, -1))
        slope = (higher - lower) / (2 * step)
        assert float((gradient * direction).sum()) == pytest.approx(slope, rel=1e-5, abs=1e-7)


def test_total_is_the_sum_of_its_parts(encoder: Encoder) -> None:
    losses = build(encoder, picture(0), picture(1))(picture(2)).losses
    assert set(losses) == {"content", "style", "total_variation", "total"}
    assert all(value > 0 for value in losses.values())
    parts = [value for name, value in losses.items() if name != "total"]
    assert losses["total"] == pytest.approx(math.fsum(parts), rel=1e-12)


def test_parts_are_what_they_say(encoder: Encoder) -> None:
    photo, painting, pastiche = picture(0), picture(1), picture(2)
    found = build(encoder, photo, painting, content_layers={"relu1_2": 3.0, "relu2_2": 1.0})(pastiche).losses
    maps = {
        who: encoder(p, ["relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1"])
        for who, p in (("photo", photo), ("painting", painting), ("pastiche", pastiche))
    }

    def relative(name: str) -> torch.Tensor:
        here, there = maps["pastiche"][name], maps["photo"][name]
        return (here - there).pow(2).sum() / there.pow(2).sum()

    content = 0.3 * (3 * relative("relu1_2") + relative("relu2_2")) / 4
    assert found["content"] == pytest.approx(float(content), rel=1e-9)
    style = sum(
        weight * STYLE_LOSSES["wasserstein"](moments(maps["painting"][name]))(moments(maps["pastiche"][name]))
        for name, weight in LAYERS.items()
    )
    assert found["style"] == pytest.approx(float(style) / 3.5, rel=1e-9)


def test_geometry_is_applied_to_both_sides(turned_encoder: Encoder) -> None:
    only = {"relu3_1": 1.0}
    found = build(turned_encoder, picture(0), picture(1), style_layers=only, content_layers=only, style_loss="gram")(
        picture(2)
    ).losses
    matrix = turned_encoder.geometry["relu3_1"]
    photo, painting, pastiche = (
        torch.einsum("oc,bcyx->boyx", matrix, turned_encoder(picture(seed), ["relu3_1"])["relu3_1"])
        for seed in range(3)
    )
    style = STYLE_LOSSES["gram"](moments(painting))(moments(pastiche))
    assert found["style"] == pytest.approx(float(style), rel=1e-9)
    content = 0.3 * (pastiche - photo).pow(2).sum() / photo.pow(2).sum()
    assert found["content"] == pytest.approx(float(content), rel=1e-9)


@pytest.mark.parametrize(
    ("option", "part"),
    [("content_weight", "content"), ("style_weight", "style"), ("tv_weight", "total_variation")],
)
def test_a_weight_multiplies_its_part_alone(encoder: Encoder, option: str, part: str) -> None:
    photo, painting, pastiche = picture(0), picture(1), picture(2)
    one, five, none = (
        build(encoder, photo, painting, **{option: weight})(pastiche).losses for weight in (0.2, 1.0, 0.0)
    )
    assert five[part] == pytest.approx(5 * one[part], rel=1e-12)
    assert none[part] == 0
    for other in {"content", "style", "total_variation"} - {part}:
        assert one[other] == five[other] == none[other]


def test_content_weight_may_change_between_evaluations(encoder: Encoder) -> None:
    photo, painting, pastiche = picture(0), picture(1), picture(2)
    objective = build(encoder, photo, painting, content_weight=0.1)
    before = objective(pastiche)
    objective.set_weight("content", 2.0)
    after, fresh = objective(pastiche), build(encoder, photo, painting, content_weight=2.0)(pastiche)
    assert after.losses == fresh.losses
    assert torch.equal(after.gradient, fresh.gradient)
    assert not torch.allclose(after.gradient, before.gradient)


def test_layer_weights_count_only_relative_to_each_other(encoder: Encoder) -> None:
    photo, painting, pastiche = picture(0), picture(1), picture(2)
    plain = build(encoder, photo, painting)(pastiche).losses
    scaled = build(encoder, photo, painting, style_layers={k: 7 * w for k, w in LAYERS.items()})(pastiche).losses
    assert scaled["total"] == pytest.approx(plain["total"], rel=1e-12)


def test_photo_itself_has_no_content_loss_and_painting_no_style_loss(encoder: Encoder) -> None:
    photo, painting = picture(0), picture(1)
    objective = build(encoder, photo, painting)
    assert objective(photo).losses["content"] == pytest.approx(0, abs=1e-25)  # with a gradient, maps round otherwise
    assert objective(painting).losses["style"] == pytest.approx(0, abs=1e-9)
    assert objective(photo).losses["style"] > 1e-3


@pytest.mark.parametrize("style_loss", STYLE_LOSSES)
def test_a_weight_means_the_same_at_every_size(encoder: Encoder, style_loss: str) -> None:
    """Pictures of one colour have constant feature maps at any size: so must be the objective."""

    def colour(red: float, green: float, blue: float, side: int) -> torch.Tensor:
        values = torch.tensor([red, green, blue], dtype=torch.float64)
        return values.view(1, 3, 1, 1).expand(1, 3, side, side).contiguous()

    evaluations = []
    for side in (16, 32, 80):
        photo, pastiche = colour(0.2, 0.5, 0.7, side), colour(0.4, 0.1, 0.6, side)
        objective = build(encoder, photo, colour(0.9, 0.6, 0.1, side), style_loss=style_loss)
        evaluations.append(objective(pastiche))
    first = evaluations[0]
    assert first.losses["content"] > 1e-4
    assert first.losses["style"] > 1e-4
    for other in evaluations[1:]:
        assert other.losses == pytest.approx(first.losses, rel=1e-6, abs=1e-12)
        # to change the whole picture's colour changes the objective alike
        torch.testing.assert_close(other.gradient.sum((2, 3)), first.gradient.sum((2, 3)), rtol=1e-6, atol=1e-10)


def test_total_variation_is_relative_to_the_paintings(encoder: Encoder) -> None:
    photo, painting, pastiche = picture(0), picture(1), picture(2)
    half, whole = (
        build(encoder, photo, painting, tv_scale=scale)(pastiche).losses["total_variation"] for scale in (0.5, 1.0)
    )
    assert half == pytest.approx(2 * whole)


def test_pastiche_is_left_alone(encoder: Encoder) -> None:
    pastiche = picture(2)
    before = pastiche.clone()
    evaluation = build(encoder, picture(0), picture(1))(pastiche)
    assert torch.equal(pastiche, before)
    assert not pastiche.requires_grad
    assert not evaluation.gradient.requires_grad
    assert evaluation.gradient.shape == pastiche.shape


def test_float32_gradient_is_close_to_float64(tiny_encoder_file: Path, encoder: Encoder) -> None:
    single = load_encoder(str(tiny_encoder_file), dtype=torch.float32)
    pictures = [picture(seed, 64, 64) for seed in range(3)]
    exact = build(encoder, pictures[0], pictures[1])(pictures[2]).gradient
    found = build(single, pictures[0].float(), pictures[1].float())(pictures[2].float()).gradient
    error = (found.double() - exact).norm() / exact.norm()
    assert float(error) < 1e-4


def test_only_the_core_counts_for_content_and_style(encoder: Encoder) -> None:
    photo, painting, pastiche = picture(0, 24, 32), picture(1), picture(2, 24, 32)
    found = build(encoder, photo, painting, Core(4, 8, 12, 16), content_layers={"relu2_2": 1.0})(pastiche).losses

    def inside(p: torch.Tensor, name: str, stride: int) -> torch.Tensor:
        rows, columns = slice(4 // stride, 16 // stride), slice(8 // stride, 24 // stride)
        return encoder(p, [name])[name][..., rows, columns]

    here, there = (inside(p, "relu2_2", 2) for p in (pastiche, photo))
    content = 0.3 * (here - there).pow(2).sum() / there.pow(2).sum()
    assert found["content"] == pytest.approx(float(content), rel=1e-9)
    targets = style_statistics(encoder, painting, list(LAYERS))
    strides = {"relu1_1": 1, "relu2_1": 2, "relu3_1": 4}
    style = sum(
        weight * STYLE_LOSSES["wasserstein"](targets[name])(moments(inside(pastiche, name, strides[name])))
        for name, weight in LAYERS.items()
    )
    assert found["style"] == pytest.approx(float(style) / 3.5, rel=1e-9)


@pytest.mark.parametrize("stride", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("core", [Core(0, 0, 32, 48), Core(9, 11, 13, 20), Core(15, 15, 1, 1), Core(31, 47, 1, 1)])
def test_core_has_a_position_in_every_map(core: Core, stride: int) -> None:
    features = torch.zeros(1, 1, 32 // stride, 48 // stride)
    height, width = core.cut(features, stride).shape[-2:]
    assert height >= 1
    assert width >= 1
    assert abs(height * stride - core.height_px) <= stride
    assert abs(width * stride - core.width_px) <= stride


def test_half_precision_convolutions_leave_the_gradient_near() -> None:
    """Statistics and losses are as exact as ever: what differs is what the convolutions rounded."""
    photo, painting, pastiche = (picture(seed, 64, 80).float() for seed in range(3))
    exact, rounded = (
        build(load_encoder("lite", precision=precision), photo, painting)(pastiche)
        for precision in (None, torch.bfloat16)
    )
    assert rounded.gradient.dtype == torch.float32
    assert 1e-5 < (rounded.gradient - exact.gradient).norm() / exact.gradient.norm() < 0.02
    for name, loss in exact.losses.items():
        assert rounded.losses[name] == pytest.approx(loss, rel=0.01), name


def test_two_passes_over_tiles_are_one_over_the_whole(encoder: Encoder) -> None:
    photo, painting, pastiche = picture(0, 32, 48), picture(1), picture(2, 32, 48)
    tiled, whole = (build(encoder, photo, painting, tile_px=tile_px) for tile_px in (16, 1024))
    assert (tiled.tiles, whole.tiles) == (6, 1)
    assert tiled(pastiche).losses == pytest.approx(whole(pastiche).losses)
    torch.testing.assert_close(tiled(pastiche).gradient, whole(pastiche).gradient)
