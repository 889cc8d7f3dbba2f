"""Teachers: what is loaded computes what the file describes, and its metric is VGG-19's."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

import teacher
from impasto.encoders import Architecture


def picture(seed: int = 0) -> torch.Tensor:
    return torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(seed))


def test_compact_teacher_equals_a_plain_forward_pass(teacher_file: Path) -> None:
    encoder, _ = teacher.load_teacher(teacher_file)
    assert encoder.sha256 == hashlib.sha256(teacher_file.read_bytes()).hexdigest()
    tensors = load_file(teacher_file)
    current = F.conv2d(picture(), tensors["preprocess.weight"], tensors["preprocess.bias"])
    expected = {}
    for block, depth in enumerate((2, 2, 4, 4, 1), start=1):
        if block > 1:
            current = F.max_pool2d(current, 2)
        for index in range(1, depth + 1):
            key = f"{block}_{index}"
            padded = F.pad(current, (1, 1, 1, 1), mode="reflect")
            current = F.conv2d(padded, tensors[f"conv{key}.weight"], tensors[f"conv{key}.bias"]).relu()
            expected[f"relu{key}"] = current
    found = encoder(picture(), list(expected))
    assert len(expected) == 13
    for name, features in expected.items():
        assert features.std() > 0.1
        torch.testing.assert_close(found[name], features, rtol=1e-4, atol=1e-4 * float(features.std()), msg=name)


def test_zero_padding_reaches_the_teacher(teacher_file: Path) -> None:
    reflected, _ = teacher.load_teacher(teacher_file)
    padded, _ = teacher.load_teacher(teacher_file, padding_mode="zeros")
    assert not torch.allclose(reflected(picture(), ["relu2_1"])["relu2_1"], padded(picture(), ["relu2_1"])["relu2_1"])


@pytest.mark.parametrize("layer", teacher.STYLE_LAYERS)
def test_distances_are_those_of_the_full_feature_space(teacher_file: Path, layer: str) -> None:
    encoder, rotations = teacher.load_teacher(teacher_file)
    full = load_file(teacher_file)[f"to_vgg{layer[4:]}.weight"].flatten(1)
    ours, theirs = (encoder(picture(seed), [layer])[layer][0].flatten(1) for seed in (0, 1))
    difference = ours - theirs
    expected = (full @ difference).norm(dim=0)
    rotation = rotations[layer]
    assert rotation.shape == (len(difference), len(difference))
    torch.testing.assert_close((rotation @ difference).norm(dim=0), expected, rtol=1e-4, atol=1e-5)
    # the encoder's own geometry: the same but for one factor
    apart = encoder.in_geometry(layer, difference.view(1, len(difference), 1, -1))[0, :, 0]
    ratios = apart.norm(dim=0) / expected
    torch.testing.assert_close(ratios, ratios.mean().expand_as(ratios), rtol=1e-3, atol=0)
    assert not torch.allclose(difference.norm(dim=0) / expected, ratios.mean(), rtol=1e-3)


@pytest.mark.parametrize("shape", [(20, 6), (6, 6), (3, 6)])
def test_geometry_is_proportional_to_the_heads_metric(shape: tuple[int, int]) -> None:
    random = torch.Generator().manual_seed(0)
    head, vectors = torch.randn(shape, generator=random), torch.randn(6, 50, generator=random)
    geometry = teacher.geometry_of(head)
    torch.testing.assert_close(geometry, geometry.T)
    assert float(geometry.square().sum() / 6) == pytest.approx(1, rel=1e-4)  # mean squared singular value
    ours, theirs = (geometry @ vectors).square().sum(0), (head @ vectors).square().sum(0)
    factor = head.square().sum() / 6
    torch.testing.assert_close(factor * ours, theirs, rtol=1e-3, atol=1e-4)


def test_a_full_vgg19_file_of_torchvision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its depths with few channels: keys in order of numbers, classifier left out, the input normalised."""
    small = Architecture(widths=(4, 5, 6, 7, 8), depths=(2, 2, 4, 4, 4))
    monkeypatch.setattr(teacher, "VGG19", small)
    places = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
    random, state = torch.Generator().manual_seed(0), {"classifier.0.weight": torch.zeros(2, 2)}
    for place, layer in reversed(list(zip(places, small.layers, strict=True))):
        kernel = torch.randn(layer.channels, layer.in_channels, 3, 3, generator=random)
        state[f"features.{place}.weight"] = kernel * (2 / (9 * layer.in_channels)) ** 0.5
        state[f"features.{place}.bias"] = 0.1 * torch.randn(layer.channels, generator=random)
    torch.save(state, tmp_path / "vgg19.pth")
    encoder, rotations = teacher.load_teacher(tmp_path / "vgg19.pth")
    assert rotations == {}
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    current = (picture() - mean.view(1, 3, 1, 1)) / deviation.view(1, 3, 1, 1)
    for place, layer in zip(places, small.layers, strict=True):
        if layer.name in ("relu2_1", "relu3_1", "relu4_1", "relu5_1"):
            current = F.max_pool2d(current, 2)
        padded = F.pad(current, (1, 1, 1, 1), mode="reflect")
        current = F.conv2d(padded, state[f"features.{place}.weight"], state[f"features.{place}.bias"]).relu()
        torch.testing.assert_close(encoder(picture(), [layer.name])[layer.name], current, rtol=1e-3, atol=1e-4)
