"""Tiles against the whole picture: an objective written with nothing but autograd, at any size and layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from objectives import make_objective

from impasto.encoders import Encoder, load_encoder
from impasto.encoders.architectures import VGG19, Architecture, Layer
from impasto.losses.objective import Evaluation, Objective
from impasto.losses.statistics import Moments
from impasto.losses.style import STYLE_LOSSES
from impasto.losses.style_targets import StyleTarget, style_statistics
from impasto.losses.tiles import WHOLE_PX, Core, build_tiles
from impasto.losses.total_variation import total_variation

STYLE = {"relu1_1": 2.0, "relu2_1": 1.0, "relu3_1": 1.0, "relu4_1": 1.0, "relu5_1": 0.5}
CONTENT = {"relu3_1": 1.0, "relu4_2": 2.0}


def picture(seed: int, height: int, width: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Smooth blots with some noise: neighbours depend on each other, as in a photograph."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, max(1, height // 6), max(1, width // 6), generator=random, dtype=torch.float64)
    smooth = F.interpolate(coarse, (height, width), mode="bilinear", align_corners=False)
    fine = torch.rand(1, 3, height, width, generator=random, dtype=torch.float64)
    return (0.75 * smooth + 0.25 * fine).to(dtype)


def random_encoder(architecture: Architecture, padding_mode: str, dtype: torch.dtype = torch.float64) -> Encoder:
    """He-scaled weights and biases that are not zero: as large as trained ones."""
    random = torch.Generator().manual_seed(5)
    tensors = {}
    for layer in architecture.layers:
        shape = (layer.channels, layer.in_channels, 3, 3)
        tensors[f"{layer.convolution}.weight"] = math.sqrt(2 / (9 * layer.in_channels)) * torch.randn(
            shape, generator=random
        )
        tensors[f"{layer.convolution}.bias"] = 0.1 * torch.randn(layer.channels, generator=random)
    return Encoder("random", "", architecture, tensors, mean=(0.5, 0.5, 0.5), padding_mode=padding_mode, dtype=dtype)


class Case:
    """A photo, two styles in two regions and a pastiche."""

    def __init__(
        self,
        encoder: Encoder,
        height: int,
        width: int,
        *,
        core: Core | None = None,
        style_layers: dict[str, float] = STYLE,
        content_layers: dict[str, float] = CONTENT,
        masked: bool = True,
        style_loss: str = "wasserstein",
    ) -> None:
        dtype = encoder.dtype
        self.encoder, self.style_loss = encoder, style_loss
        self.style_layers, self.content_layers = style_layers, content_layers
        self.core = core or Core(0, 0, height, width)
        self.photo, self.pastiche = picture(1, height, width, dtype), picture(2, height, width, dtype)
        ramp = torch.linspace(0.1, 0.9, width, dtype=dtype).expand(height, width)
        self.masks = [ramp, 1 - ramp.square()] if masked else [None]
        self.targets = [
            StyleTarget(style_statistics(encoder, picture(3 + n, 48, 64, dtype), list(style_layers)), mask, 1.0 + n)
            for n, mask in enumerate(self.masks)
        ]

    def objective(self, tile_px: int, replicas: Sequence[Encoder] = ()) -> Objective:
        return make_objective(
            self.encoder, self.photo, self.core, self.targets, content_layers=self.content_layers,
            style_layers=self.style_layers, style_loss=self.style_loss, style_weight=0.8, tv_weight=0.02,
            tile_px=tile_px, replicas=replicas,
        )  # fmt: skip

    def reference(self) -> Evaluation:
        leaf = self.pastiche.clone().requires_grad_()
        layers = list({*self.style_layers, *self.content_layers})
        ours, theirs = self.encoder(leaf, layers), self.encoder(self.photo, layers)

        def cut(features: torch.Tensor, name: str) -> torch.Tensor:
            return self.core.cut(features, self.encoder.architecture.layer(name).stride_px)

        def turned(features: torch.Tensor, name: str) -> torch.Tensor:
            if name not in self.encoder.geometry:
                return features
            return torch.einsum("oc,bcyx->boyx", self.encoder.geometry[name].to(features), features)

        content = sum(
            weight
            * (turned(cut(ours[name] - theirs[name], name), name)).double().square().sum()
            / (turned(cut(theirs[name], name), name).double().square() + 1e-12).sum()
            for name, weight in self.content_layers.items()
        ) / sum(self.content_layers.values())
        style = torch.zeros((), dtype=torch.float64)
        for region in self.targets:
            for name, weight in self.style_layers.items():
                features = turned(cut(ours[name], name), name)[0].double().flatten(1)
                weights = torch.ones(features.shape[1], dtype=torch.float64)
                if region.mask is not None:
                    stride = self.encoder.architecture.layer(name).stride_px
                    weights = cut(F.avg_pool2d(region.mask[None, None].double(), stride), name).flatten()
                found = Moments(weights.sum(), features @ weights, (features * weights) @ features.T)
                loss = STYLE_LOSSES[self.style_loss](region.statistics[name])(found)
                style = style + region.weight * weight * loss / sum(self.style_layers.values())
        style = style / sum(region.weight for region in self.targets)
        parts = {
            "content": 0.3 * content,
            "style": 0.8 * style,
            "total_variation": 0.02 / 0.01 * total_variation(leaf),
        }
        total = sum(parts.values())
        (gradient,) = torch.autograd.grad(total, leaf)
        return Evaluation({k: float(v.detach()) for k, v in (parts | {"total": total}).items()}, gradient)


def distance(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


def assert_same(found: Evaluation, expected: Evaluation, tolerance: float) -> None:
    for name, value in expected.losses.items():
        assert found.losses[name] == pytest.approx(value, rel=tolerance), name
    assert distance(found.gradient.double(), expected.gradient.double()) <= tolerance


def lite(padding_mode: str, dtype: torch.dtype = torch.float64) -> Encoder:
    return load_encoder("lite", padding_mode=padding_mode, dtype=dtype)


# 336 is three times 112, and not a multiple of 128
@pytest.mark.parametrize(
    ("padding_mode", "tile_px"),
    [*((mode, 112) for mode in ("reflect", "replicate", "zeros")), ("reflect", 128), ("reflect", WHOLE_PX)],
)
def test_lite_in_float64(padding_mode: str, tile_px: int) -> None:
    case = Case(lite(padding_mode), 368, 368, core=Core(16, 16, 336, 336))
    objective = case.objective(tile_px)
    assert objective.tiles == (1 if tile_px == WHOLE_PX else 9)
    assert_same(objective(case.pastiche), case.reference(), 1e-10)


@pytest.mark.parametrize("tile_px", [112, 128])
def test_lite_in_float32_with_statistics_in_float64(tile_px: int) -> None:
    case = Case(lite("reflect", torch.float32), 368, 368, core=Core(16, 16, 336, 336))
    assert_same(case.objective(tile_px)(case.pastiche), case.objective(WHOLE_PX)(case.pastiche), 1e-4)


@pytest.mark.parametrize("size", [(336, 352), (337, 345)])
def test_deepest_layer_alone(size: tuple[int, int]) -> None:
    """Whatever one tile gets wrong at the end of its halo has nothing to hide behind."""
    case = Case(lite("reflect"), *size, style_layers={"relu5_1": 1.0}, content_layers={"relu5_1": 1.0}, masked=False)
    assert_same(case.objective(112)(case.pastiche), case.reference(), 1e-10)


def test_tiles_take_turns_on_several_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as a processor can tell: three encoders, each asked for its tiles, and the same number."""
    case = Case(lite("reflect"), 144, 176, style_layers={"relu3_1": 1.0}, content_layers={"relu2_2": 1.0})
    asked: list[int] = []
    call = Encoder.narrow_maps

    def watch(encoder: Encoder, pictures: torch.Tensor, layers: list[str]) -> dict[str, torch.Tensor]:
        asked.append(id(encoder))
        return call(encoder, pictures, layers)

    replicas = [case.encoder.on(torch.device("cpu", 0)) for _ in range(2)]
    objective = case.objective(48, replicas)
    monkeypatch.setattr(Encoder, "narrow_maps", watch)
    found = objective(case.pastiche)
    monkeypatch.undo()
    assert objective.tiles == 12
    assert [asked.count(id(encoder)) for encoder in (case.encoder, *replicas)] == [8, 8, 8]  # of two passes
    assert_same(found, case.reference(), 1e-10)


def test_a_region_that_covers_nothing_of_the_picture_has_no_say() -> None:
    case = Case(lite("reflect"), 64, 96, core=Core(16, 16, 32, 48))
    nothing = torch.ones(64, 96, dtype=torch.float64)
    nothing[16:48, 16:64] = 0
    with_nothing = Case(lite("reflect"), 64, 96, core=Core(16, 16, 32, 48))
    with_nothing.targets = [case.targets[0], StyleTarget(case.targets[1].statistics, nothing, 2.0)]
    case.targets = case.targets[:1]
    for size in (16, WHOLE_PX):
        alone, both = (c.objective(size)(c.pastiche).losses["style"] for c in (case, with_nothing))
        assert both == pytest.approx(alone / 3)


def test_a_halo_one_stride_too_short_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(lite("reflect"), 336, 352, style_layers={"relu5_1": 1.0}, content_layers={"relu5_1": 1.0}, masked=False)
    expected = case.reference()
    reach = Layer.reach_px.fget
    assert reach is not None
    monkeypatch.setattr(Layer, "reach_px", property(lambda layer: reach(layer) - layer.stride_px))
    assert distance(case.objective(112)(case.pastiche).gradient, expected.gradient) > 1e-8


def test_vgg19_in_float64() -> None:
    """Narrower than VGG-19 would be too kind: all its channels, its depth up to relu5_1, 3 x 3 tiles."""
    case = Case(random_encoder(VGG19, "reflect"), 336, 336, masked=False)
    assert_same(case.objective(112)(case.pastiche), case.reference(), 1e-10)


@settings(max_examples=12, deadline=None)
@given(
    height=st.integers(16, 150),
    width=st.integers(16, 150),
    top=st.integers(0, 30),
    left=st.integers(0, 30),
    tile_px=st.integers(1, 140),
    padding_mode=st.sampled_from(["reflect", "replicate", "zeros"]),
    style_loss=st.sampled_from(sorted(STYLE_LOSSES)),
    masked=st.booleans(),
    deepest=st.sampled_from(sorted(STYLE)),
)
def test_any_shape(
    tiny_encoder_file: Path, height: int, width: int, top: int, left: int, tile_px: int, padding_mode: str,
    style_loss: str, masked: bool, deepest: str,
) -> None:  # fmt: skip
    encoder = load_encoder(str(tiny_encoder_file), padding_mode=padding_mode, dtype=torch.float64)
    top, left = min(top, height - 1), min(left, width - 1)
    core = Core(top, left, max(1, height - 2 * top), max(1, width - left))
    style = {name: weight for name, weight in STYLE.items() if name <= deepest}
    case = Case(
        encoder, height, width, core=core, style_layers=style, content_layers={deepest: 1.0}, masked=masked,
        style_loss=style_loss,
    )  # fmt: skip
    expected = case.reference()
    for size in (tile_px, WHOLE_PX):
        found = case.objective(size)(case.pastiche)
        for name, value in expected.losses.items():
            assert found.losses[name] == pytest.approx(value, rel=1e-9, abs=1e-14), (name, size)
        assert float((found.gradient - expected.gradient).norm()) <= 1e-9 * float(expected.gradient.norm()) + 1e-14


@settings(deadline=None)
@given(height=st.integers(1, 400), width=st.integers(1, 400), tile_px=st.integers(1, 500), start=st.integers(0, 40))
def test_every_position_that_counts_belongs_to_one_tile(height: int, width: int, tile_px: int, start: int) -> None:
    core = Core(min(start, height - 1), 0, max(1, height - 2 * start), width)
    layers = [la for la in VGG19.layers if la.stride_px <= min(height, width)]
    tiles = build_tiles(core, height, width, layers, tile_px)
    for layer in layers:
        owned = torch.zeros(height // layer.stride_px, width // layer.stride_px)
        for tile in tiles:
            owned[tile.within[layer.name]] += 1
            for axis, (here, there) in enumerate(zip(tile.owns[layer.name], tile.within[layer.name], strict=True)):
                offset = tile.reads[axis].start // layer.stride_px
                assert (here.start + offset, here.stop + offset) == (there.start, there.stop)
        counted = torch.zeros_like(owned)
        core.cut(counted[None, None], layer.stride_px).fill_(1)
        assert torch.equal(owned, counted)
