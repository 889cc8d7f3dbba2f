"""The tools are scripts, not a package: they import each other from their own folder."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))


@pytest.fixture(scope="session")
def teacher_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the keys and shapes of the compact VGG-19, with seeded random weights."""
    import torch
    from safetensors.torch import save_file

    from teacher import COMPACT, STYLE_LAYERS

    random = torch.Generator().manual_seed(0)
    swap = torch.tensor([[0.0, 0, 1], [0, 1, 0], [1, 0, 0]]) + 0.1 * torch.randn(3, 3, generator=random)
    tensors = {"preprocess.weight": 4 * swap.view(3, 3, 1, 1), "preprocess.bias": torch.tensor([-1.5, -2.0, -1.8])}
    for layer in COMPACT.layers:
        shape = (layer.channels, layer.in_channels, 3, 3)
        scale = (2 / (9 * layer.in_channels)) ** 0.5
        tensors[f"{layer.convolution}.weight"] = scale * torch.randn(shape, generator=random)
        tensors[f"{layer.convolution}.bias"] = 0.1 * torch.randn(layer.channels, generator=random)
    for name, full in zip(STYLE_LAYERS, (64, 128, 256, 512, 512), strict=True):
        width = COMPACT.layer(name).channels
        tensors[f"to_vgg{name[4:]}.weight"] = torch.randn(full, width, 1, 1, generator=random) / width**0.5
        tensors[f"to_vgg{name[4:]}.bias"] = torch.randn(full, generator=random)
    path = tmp_path_factory.mktemp("teacher") / "compact.safetensors"
    save_file(tensors, path)
    return path


@pytest.fixture(scope="session")
def pictures_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five pictures of 192 x 144 px: soft random colour fields, one of them grey."""
    folder, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for index in range(5):
        coarse = Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        picture = coarse.resize((192, 144), Image.Resampling.BICUBIC)
        (picture.convert("L") if index == 0 else picture).save(folder / f"{index}.png")
    return folder
