"""Feature maps of tiles: what a tile owns, its part of a mask, and who refuses tiles."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from impasto.encoders import Encoder, load_encoder
from impasto.errors import OptionError
from impasto.losses.maps import TiledEncoder
from impasto.losses.tiles import Core

LAYERS = ["relu1_1", "relu3_1"]


@pytest.fixture(scope="module")
def encoder(tiny_encoder_file: Path) -> Encoder:
    """With a geometry at one layer."""
    encoder = load_encoder(str(tiny_encoder_file), dtype=torch.float64)
    random = torch.Generator().manual_seed(9)
    encoder.geometry["relu3_1"] = torch.randn(8, 8, generator=random, dtype=torch.float64)
    return encoder


@pytest.mark.parametrize("tile_px", [16, 1 << 30])
def test_what_tiles_own_is_the_whole_map_in_the_encoders_geometry(encoder: Encoder, tile_px: int) -> None:
    canvas = torch.rand(1, 3, 64, 48, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mask = torch.rand(16, 12, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    reader = TiledEncoder([encoder], (64, 48), Core(8, 8, 48, 32), [*LAYERS, "relu1_1"], tile_px)
    assert reader.layers == LAYERS
    whole = encoder.in_geometry("relu3_1", encoder(canvas, LAYERS)["relu3_1"])
    found, weights = torch.zeros_like(whole), torch.zeros_like(mask)
    for maps in reader.iter_maps(canvas):
        assert not maps.pixels.requires_grad
        place = maps.tile.within["relu3_1"]
        found[..., *place] = maps.owned("relu3_1")
        weights[place] += maps.weights(mask, "relu3_1")[maps.tile.owns["relu3_1"]]
        outside = maps.weights(mask, "relu3_1")
        outside[maps.tile.owns["relu3_1"]] = 0
        assert not outside.any()
    core = (slice(2, 14), slice(2, 10))
    torch.testing.assert_close(found[..., *core], whole[..., *core])
    torch.testing.assert_close(weights[core], mask[core])
    assert float(found.abs().sum()) == pytest.approx(float(whole[..., *core].abs().sum()))


def test_only_the_layers_asked_for_are_computed(encoder: Encoder) -> None:
    reader = TiledEncoder([encoder], (32, 32), Core(0, 0, 32, 32), LAYERS)
    assert list(reader.read(torch.rand(1, 3, 32, 32, dtype=torch.float64), 0, ["relu1_1"]).features) == ["relu1_1"]
    leaf = reader.read(torch.rand(1, 3, 32, 32, dtype=torch.float64), 0, graph=True)
    assert leaf.pixels.requires_grad
    assert leaf.features["relu3_1"].requires_grad


def test_without_layers_there_are_no_tiles(encoder: Encoder) -> None:
    assert TiledEncoder([encoder], (32, 32), Core(0, 0, 32, 32), []).tiles == []


def test_an_encoder_that_wraps_around_takes_no_tiles(encoder: Encoder) -> None:
    circular = encoder.with_changes(padding_mode="circular")
    assert len(TiledEncoder([circular], (32, 32), Core(0, 0, 32, 32), LAYERS).tiles) == 1
    with pytest.raises(OptionError, match="circular padding takes no tiles"):
        TiledEncoder([circular], (32, 32), Core(0, 0, 32, 32), LAYERS, 16)
