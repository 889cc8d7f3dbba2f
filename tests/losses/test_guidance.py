"""Guidance masks at the layers, against a slow version, and what they are for: no leak across an edge."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from objectives import make_objective

from impasto.encoders import Encoder, load_encoder
from impasto.encoders.architectures import LITE, Layer
from impasto.losses.guidance import guide
from impasto.losses.style_targets import StyleTarget, style_statistics
from impasto.losses.tiles import Core

LAYERS = [LITE.layer(name) for name in ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")]


def halves(height: int = 128, width: int = 192, edge: int = 96) -> torch.Tensor:
    mask = torch.zeros(height, width)
    mask[:, :edge] = 1
    return mask


def slow_guide(mask: np.ndarray, layer: Layer) -> np.ndarray:
    """The definition of ``inside``, position by position."""
    step, around = layer.stride_px, max(1, round(layer.reach_px / layer.stride_px))
    height, width = (side // step for side in mask.shape)
    own = np.zeros((height, width))
    for y, x in np.ndindex(height, width):
        own[y, x] = mask[y * step : (y + 1) * step, x * step : (x + 1) * step].mean()
    share = np.zeros_like(own)
    for y in range(height):
        for x in range(width):
            seen = own[max(0, y - around) : y + around + 1, max(0, x - around) : x + around + 1]
            share[y, x] = seen.mean() / max(seen.max(), 1e-12)
    half = 0.5 * (share * own).max() / own.max()
    return own * np.clip((share - half) / half, 0, 1)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_inside_is_what_it_says(layer: Layer) -> None:
    blob = np.random.default_rng(3).random((96, 128)) * (np.hypot(*np.mgrid[-48:48, -64:64]) < 40)
    found = guide(torch.from_numpy(blob), layer, "inside").numpy()
    assert found == pytest.approx(slow_guide(blob, layer), abs=1e-9)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_simple_is_the_mean_over_a_position(layer: Layer) -> None:
    step, mask = layer.stride_px, torch.rand(64, 80, generator=torch.Generator().manual_seed(0))
    found = guide(mask, layer, "simple")
    assert found.shape == (64 // step, 80 // step)
    assert float(found[1, 2]) == pytest.approx(float(mask[step : 2 * step, 2 * step : 3 * step].mean()), abs=1e-6)


@pytest.mark.parametrize("layer", LAYERS[:4], ids=lambda layer: layer.name)
def test_nothing_at_the_edge_all_of_it_deep_inside(layer: Layer) -> None:
    row = guide(halves(), layer, "inside")[4]
    edge, reach = 96 // layer.stride_px, round(layer.reach_px / layer.stride_px)
    assert row[edge - reach - 1] == 1
    assert float(row[edge - 1]) < 0.4
    assert (row[edge:] == 0).all()
    assert (row.diff() <= 1e-6).all()  # it only falls


@pytest.mark.parametrize("mode", ["inside", "simple"])
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_a_thin_region_keeps_positions_at_every_layer(layer: Layer, mode: str) -> None:
    thin = torch.zeros(128, 128)
    thin[60:64] = 1
    assert float(guide(thin, layer, mode).max()) > 0.05
    ring = torch.from_numpy((abs(np.hypot(*np.mgrid[-64:64, -64:64]) - 40) < 3).astype(np.float32))
    found = guide(ring, layer, mode)
    assert float(found.max()) > 0.05
    assert float(found[found.shape[0] // 2, found.shape[1] // 2]) == 0  # not the hole, which sees all of it


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_a_soft_transition_belongs_to_both(layer: Layer) -> None:
    ramp = torch.linspace(0, 1, 512).repeat(128, 1)
    both = guide(ramp, layer, "inside") + guide(1 - ramp, layer, "inside")
    assert float(both.min()) > 0.35


@pytest.fixture(scope="module")
def encoder(tiny_encoder_file: object) -> Encoder:
    return load_encoder(str(tiny_encoder_file), dtype=torch.float64)


def test_inside_keeps_a_manner_on_its_side(encoder: Encoder) -> None:
    """Gradient that a region sends across its edge, against what it keeps."""
    random = torch.Generator().manual_seed(1)
    photo, painting = (torch.rand(1, 3, 64, 128, generator=random, dtype=torch.float64) for _ in range(2))
    layers = {"relu3_1": 1.0, "relu4_1": 1.0}
    leaks = {}
    for mode in ("inside", "simple"):
        objective = make_objective(
            encoder, photo, Core(0, 0, 64, 128),
            [StyleTarget(style_statistics(encoder, painting, list(layers)), halves(64, 128, 64).double())],
            content_layers={}, style_layers=layers, style_loss="gram", tv_weight=0.0, mask_mode=mode,
        )  # fmt: skip
        gradient = objective(photo).gradient.abs()
        leaks[mode] = float(gradient[..., 64:].sum() / gradient[..., :64].sum())
    assert leaks["inside"] < 0.6 * leaks["simple"]
