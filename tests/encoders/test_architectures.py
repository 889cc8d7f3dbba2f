"""Names, strides and receptive fields, against a probe that pokes pixels one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from impasto.encoders import LITE, VGG16, VGG19, Architecture, Encoder, Layer
from impasto.errors import OptionError


def positive_encoder(architecture: Architecture) -> Encoder:
    """Weights that are positive along a row: a pixel that rises raises all that reads it, and no more."""
    random = torch.Generator().manual_seed(1)
    weights = {}
    for layer in architecture.layers:
        kernel = torch.zeros(layer.channels, layer.in_channels, 3, 3, dtype=torch.float64)
        row = torch.rand(layer.channels, layer.in_channels, 3, generator=random, dtype=torch.float64) + 0.5
        kernel[:, :, 1] = row / row.sum((1, 2), keepdim=True)
        weights[f"{layer.convolution}.weight"] = kernel
        weights[f"{layer.convolution}.bias"] = torch.zeros(layer.channels, dtype=torch.float64)
    return Encoder("probe", "", architecture, weights, padding_mode="zeros", dtype=torch.float64)


def columns_read(encoder: Encoder, layer: Layer, width_px: int, position: int) -> list[int]:
    """Columns of the picture whose change alone changes the feature map at `position`."""
    height_px = layer.stride_px
    plain = torch.full((1, 3, height_px, width_px), 0.5, dtype=torch.float64)
    poked = plain.repeat(width_px, 1, 1, 1)
    poked[range(width_px), :, :, range(width_px)] += 1.0
    before, after = (encoder(pictures, [layer.name])[layer.name] for pictures in (plain, poked))
    changed = (after != before).any(1).any(1)  # [poked column, position]
    return changed[:, position].nonzero().flatten().tolist()


def names(blocks: str) -> list[str]:
    return [f"relu{b}_{i}" for b, n in enumerate(map(int, blocks), 1) for i in range(1, n + 1)]


def test_layers_are_named_as_in_the_papers() -> None:
    assert [layer.name for layer in VGG19.layers] == names("22444")
    # the layers of the classic recipes are all there
    lite = [layer.name for layer in LITE.layers]
    assert lite == names("22341")
    assert {"relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1"} <= set(lite)
    assert [layer.name for layer in VGG16.layers] == names("22333")
    assert VGG19.layer("relu4_2").convolution == "conv4_2"
    assert VGG19.layer("conv4_2") == replace(VGG19.layer("relu4_2"), name="conv4_2")


def test_channels_chain() -> None:
    previous = 3
    for layer in VGG19.layers:
        assert layer.in_channels == previous
        previous = layer.channels
    assert [VGG19.layer(f"relu{b}_1").channels for b in range(1, 6)] == [64, 128, 256, 512, 512]


def test_published_receptive_fields() -> None:
    # The numbers that the literature gives for VGG-19.
    fields = {"relu1_1": 3, "relu2_1": 10, "relu3_1": 24, "relu4_1": 68, "relu5_1": 156}
    assert {name: VGG19.layer(name).receptive_field_px for name in fields} == fields


@pytest.mark.parametrize("name", names("22341"))
def test_stride_and_receptive_field_by_probe(name: str) -> None:
    probe = positive_encoder(Architecture((1, 2, 1, 2, 1), LITE.depths))
    layer = probe.architecture.layer(name)
    middle = layer.receptive_field_px // layer.stride_px  # far enough from both borders
    width_px = (2 * middle + 3) * layer.stride_px
    here, beside = (columns_read(probe, layer, width_px, middle + n) for n in (0, 1))
    assert here == list(range(here[0], here[0] + layer.receptive_field_px))
    assert [column + layer.stride_px for column in here] == beside
    assert LITE.layer(name).receptive_field_px == layer.receptive_field_px


def test_up_to_the_deepest_named_layer() -> None:
    assert [layer.name for layer in LITE.up_to(["relu2_1", "relu1_1"])] == ["relu1_1", "relu1_2", "relu2_1"]
    assert LITE.up_to(["relu1_1", "conv2_1"]) == LITE.up_to(["relu2_1"])


@pytest.mark.parametrize(
    ("wrong", "near"), [("relu4-2", "relu4_2"), ("Relu4_2", "relu4_2"), ("relu31", "relu3_1"), ("conv4-2", "conv4_2")]
)
def test_unknown_layer_offers_the_nearest(wrong: str, near: str) -> None:
    for ask in (LITE.layer, lambda name: LITE.up_to(["relu1_1", name])):
        with pytest.raises(OptionError, match=rf"no layer '{wrong}'; did you mean '{near}'\?"):
            ask(wrong)
