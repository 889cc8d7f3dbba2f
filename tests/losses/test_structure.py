"""The structure term: readability as a loss; blind to colour and contrast, and no tiles."""

from __future__ import annotations

import pytest
import torch
from stylizers import random_picture

from impasto.encoders import load_encoder
from impasto.engine.readability import READABILITY_LAYERS, Readability
from impasto.errors import OptionError
from impasto.losses.maps import TiledEncoder
from impasto.losses.objective import Objective
from impasto.losses.structure import StructureTerm, standardised
from impasto.losses.tiles import WHOLE_PX, Core

LAYERS = dict.fromkeys(READABILITY_LAYERS, 1.0)


def objective(
    photo: torch.Tensor, tile_px: int = WHOLE_PX, precision: torch.dtype | None = None, **more: object
) -> Objective:
    size = photo.shape[-2], photo.shape[-1]
    reader = TiledEncoder([load_encoder("lite", precision=precision)], size, Core(0, 0, *size), list(LAYERS), tile_px)
    return Objective(reader, [StructureTerm(reader, photo, LAYERS, **more)])  # type: ignore[arg-type]


def test_it_is_readability() -> None:
    photo, other = random_picture(96, 128, 0), random_picture(96, 128, 1)
    pastiche = (photo + other) / 2
    expected = Readability(load_encoder("lite"), photo).distance(pastiche)
    assert objective(photo)(pastiche).losses["content"] == pytest.approx(expected, rel=0.05)
    assert objective(photo)(photo).losses["content"] == pytest.approx(0, abs=1e-5)


def test_narrow_maps_are_compared_in_full() -> None:
    photo, pastiche = random_picture(64, 96, 0), random_picture(64, 96, 1)
    narrow, plain = (objective(photo, precision=kind)(pastiche) for kind in (torch.bfloat16, None))
    assert narrow.losses["content"] == pytest.approx(plain.losses["content"], rel=0.01)
    cosine = torch.cosine_similarity(narrow.gradient.flatten(), plain.gradient.flatten(), dim=0)
    assert float(cosine) > 0.97


def test_contrast_and_colour_hardly_count() -> None:
    photo = random_picture(96, 128, 0)
    faint = objective(photo)(0.4 + 0.4 * photo).losses["content"]
    assert faint < 0.3 * objective(photo)(photo.flip(3)).losses["content"]


def test_gradient_equals_finite_differences() -> None:
    photo, pastiche, direction = (random_picture(64, 64, seed).double() for seed in (0, 1, 2))
    reader = TiledEncoder([load_encoder("lite", dtype=torch.float64)], (64, 64), Core(0, 0, 64, 64), list(LAYERS))
    loss = Objective(reader, [StructureTerm(reader, photo, LAYERS)])
    gradient = loss(pastiche).gradient
    ahead, back = (loss(pastiche + step * direction).losses["total"] for step in (1e-6, -1e-6))
    assert float((gradient * direction).sum()) == pytest.approx((ahead - back) / 2e-6, rel=0.01)


def test_parts_have_weights_of_their_own() -> None:
    photo, pastiche = random_picture(64, 64, 0), random_picture(64, 64, 1)
    left = torch.zeros(64, 64)
    left[:, :32] = 1
    whole = objective(photo, weight=1.0)(pastiche).losses["content"]
    parts = objective(photo, weight=(1.0, 1.0), masks=[left, 1 - left])(pastiche).losses["content"]
    assert parts == pytest.approx(whole, rel=1e-5)
    one = objective(photo, weight=(1.0, 0.0), masks=[left, 1 - left])(pastiche).losses["content"]
    assert 0.2 * whole < one < 0.8 * whole


def test_it_takes_no_tiles() -> None:
    with pytest.raises(OptionError, match="content loss does not add"):
        objective(random_picture(256, 256), tile_px=128)


def test_standardised_channels_have_zero_mean_and_unit_deviation() -> None:
    maps = torch.rand(2, 3, 8, 9) * torch.tensor([1.0, 10.0, 100.0])[:, None, None]
    plain = standardised(maps, floor=0.0)
    torch.testing.assert_close(plain.mean((2, 3)), torch.zeros(2, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(plain.std((2, 3), correction=0), torch.ones(2, 3), atol=1e-4, rtol=0)
    flat = torch.zeros(1, 2, 8, 8)
    assert not standardised(flat).isnan().any()
