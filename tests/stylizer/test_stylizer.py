"""The stylizer: tiles, strength, what it refuses. A random network says most; the bundled one the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from stylizers import random_picture, random_stylizer

from impasto.errors import OptionError
from impasto.stylizer import stylizer as module
from impasto.stylizer.statistics import StyleStatistics
from impasto.stylizer.stylizer import Stylizer, load_stylizer


@pytest.fixture(scope="module")
def strong() -> Stylizer:
    return random_stylizer(1)


@pytest.fixture(scope="module")
def bundled() -> Stylizer:
    return load_stylizer()


@pytest.mark.parametrize(("height", "width", "tile_px"), [(150, 210, 96), (101, 275, 128), (64, 330, 96)])
def test_tiles_paint_the_whole_picture(strong: Stylizer, height: int, width: int, tile_px: int) -> None:
    photo, style = random_picture(height, width), strong.measure_style(random_picture(120, 150, seed=1))
    whole = strong.paint(photo, style, tile_px=10_000)
    tiled = strong.paint(photo, style, tile_px=tile_px)
    assert whole.shape == photo.shape
    assert float(whole.std()) > 0.05
    assert float((whole - photo).abs().mean()) > 0.02
    torch.testing.assert_close(tiled, whole, atol=2e-5, rtol=0)


@pytest.mark.parametrize("tile_px", [10_000, 64])
def test_a_photo_encoded_once_is_painted_after_many_paintings(strong: Stylizer, tile_px: int) -> None:
    photo = random_picture(70, 101)
    first, second = (strong.measure_style(random_picture(60, 75, seed=seed)) for seed in (1, 2))
    encoded = strong.encode(photo, tile_px=tile_px)
    for style, strength in ((first, 100.0), (second, 60.0), (second, 10.0), (first, 0.0), (first, 100.0)):
        alone = strong.paint(photo, style, strength=strength, tile_px=tile_px)
        torch.testing.assert_close(strong.paint(encoded, style, strength=strength), alone, atol=0, rtol=0)


@pytest.mark.parametrize(("halo", "value"), [("FINE_HALO_PX", 32), ("COARSE_HALO", 8), ("ENCODER_HALO_PX", 32)])
def test_no_halo_is_larger_than_it_need_be(
    strong: Stylizer, monkeypatch: pytest.MonkeyPatch, halo: str, value: int
) -> None:
    photo, style = random_picture(64, 256), strong.measure_style(random_picture(60, 75, seed=1))
    whole = strong.paint(photo, style, tile_px=10_000)
    torch.testing.assert_close(strong.paint(photo, style, tile_px=64), whole, atol=2e-5, rtol=0)
    monkeypatch.setattr(module, halo, value)
    assert float((strong.paint(photo, style, tile_px=64) - whole).abs().max()) > 2e-5


def test_strength_goes_from_the_photo_to_the_draft(bundled: Stylizer) -> None:
    photo, style = random_picture(96, 128), bundled.measure_style(random_picture(120, 150, seed=1))
    drafts = [bundled.paint(photo, style, strength=s) for s in (0.0, 0.01, 20.0, 50.0, 80.0, 99.999, 100.0)]
    torch.testing.assert_close(drafts[0], photo, atol=0, rtol=0)
    torch.testing.assert_close(drafts[1], photo, atol=1e-2, rtol=0)
    torch.testing.assert_close(drafts[5], drafts[6], atol=1e-3, rtol=0)
    distances = [float((draft - photo).square().mean()) for draft in drafts]
    assert distances == sorted(distances)


@pytest.mark.parametrize("strength", [-1.0, 100.5, float("nan")])
def test_other_strengths_are_refused(strong: Stylizer, strength: float) -> None:
    style = strong.measure_style(random_picture(64, 64))
    with pytest.raises(OptionError, match="strength is 0 to 100"):
        strong.paint(random_picture(64, 64), style, strength=strength)


def test_refuses_what_it_cannot_see(strong: Stylizer) -> None:
    style = strong.measure_style(random_picture(16, 16))
    assert strong.paint(random_picture(16, 17), style).shape == (1, 3, 16, 17)
    with pytest.raises(OptionError, match="16 px a side, the picture has 40x15 px"):
        strong.paint(random_picture(15, 40), style)
    with pytest.raises(OptionError, match="16 px a side, the picture has 8x64 px"):
        strong.measure_style(random_picture(64, 8))
    with pytest.raises(OptionError, match="another encoder"):
        strong.paint(random_picture(64, 64), StyleStatistics(style.moments, "0" * 64))


def test_a_flat_photo_and_a_flat_painting_are_painted(bundled: Stylizer) -> None:
    flat = torch.full((1, 3, 64, 80), 0.5)
    for photo, painting in (
        (flat, random_picture(64, 64)),
        (random_picture(64, 64), flat),
        (flat, torch.zeros_like(flat)),
    ):
        draft = bundled.paint(photo, bundled.measure_style(painting))
        assert bool(draft.isfinite().all())
        assert 0 <= float(draft.min()) <= float(draft.max()) <= 1


def test_the_same_draft_every_time(bundled: Stylizer) -> None:
    photo, style = random_picture(64, 80), bundled.measure_style(random_picture(64, 64, seed=1))
    torch.testing.assert_close(load_stylizer().paint(photo, style), bundled.paint(photo, style), atol=0, rtol=0)


def test_a_photo_in_its_own_manner_stays(bundled: Stylizer) -> None:
    photo = torch.nn.functional.interpolate(random_picture(24, 32), (192, 256), mode="bicubic").clamp(0, 1)
    draft = bundled.paint(photo, bundled.measure_style(photo))
    assert float((draft - photo).abs().mean()) < 0.06


def test_colours_become_the_paintings(bundled: Stylizer) -> None:
    photo, painting = (
        random_picture(192, 256),
        random_picture(200, 200, seed=3) * torch.tensor([1.0, 0.6, 0.2]).view(1, 3, 1, 1),
    )
    draft = bundled.paint(photo, bundled.measure_style(painting))
    before, after = (
        (torch.stack([p.mean((0, 2, 3)) for p in (one, painting)]).diff(dim=0).abs().max()) for one in (photo, draft)
    )
    assert float(after) < 0.3 * float(before)


def test_the_frame_is_as_restless_as_the_inside(bundled: Stylizer) -> None:
    photo, style = random_picture(256, 256), bundled.measure_style(random_picture(256, 256, seed=5))
    draft = bundled.paint(photo, style)[0].numpy()
    energy = sum(np.square(step).sum(0) for step in np.gradient(draft, axis=(1, 2)))
    rows, columns = np.ogrid[:256, :256]
    depth = np.minimum(np.minimum(rows, 255 - rows), np.minimum(columns, 255 - columns))
    assert 0.6 < energy[(depth > 0) & (depth < 8)].mean() / energy[depth >= 24].mean() < 1.6


def test_the_bundled_file_is_small() -> None:
    assert Path(module.__file__).with_name("stylizer.safetensors").stat().st_size < 4_000_000
