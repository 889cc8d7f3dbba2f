"""The stylizer: tiles, strength, noise, what it refuses. A random network says most; the bundled one the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate
from torch import Tensor

from impasto.encoders import load_encoder
from impasto.errors import OptionError
from impasto.stylizer import stylizer as module
from impasto.stylizer.network import CODE, MAPS, Mixed, Network, convolve, smooth_noise
from impasto.stylizer.statistics import CHANNELS, StyleStatistics, blend_statistics, study
from impasto.stylizer.stylizer import Stylizer, load_stylizer


@pytest.fixture(scope="module")
def random_stylizer() -> Stylizer:
    """Random weights, strong enough that every part of the network shows in the picture."""
    torch.manual_seed(1)
    network = Network()
    with torch.no_grad():
        network.leave.weight.mul_(10)
        for name, parameter in network.named_parameters():
            if "affine" in name or "shares" in name:
                parameter.normal_(std=0.3)
    return Stylizer("random", "", load_encoder("lite"), network)


@pytest.fixture(scope="module")
def bundled() -> Stylizer:
    return load_stylizer()


def picture(height: int, width: int, seed: int = 0) -> Tensor:
    """Smooth random colours with some noise, [1, 3, height, width] in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, max(2, height // 16), max(2, width // 16), generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")
    return (smooth + 0.1 * torch.randn(1, 3, height, width, generator=generator)).clamp(0, 1)


@pytest.mark.parametrize(("height", "width", "tile_px"), [(300, 420, 128), (413, 275, 192), (64, 500, 96)])
def test_tiles_paint_the_whole_picture(random_stylizer: Stylizer, height: int, width: int, tile_px: int) -> None:
    photo, style = picture(height, width), random_stylizer.study(picture(120, 150, seed=1))
    whole = random_stylizer.paint(photo, style, tile_px=10_000)
    tiled = random_stylizer.paint(photo, style, tile_px=tile_px)
    assert whole.shape == photo.shape
    assert float(whole.std()) > 0.05
    assert float((whole - photo).abs().mean()) > 0.02
    torch.testing.assert_close(tiled, whole, atol=2e-5, rtol=0)


@pytest.mark.parametrize("tile_px", [10_000, 128])
def test_a_photo_read_once_is_painted_after_many_paintings(random_stylizer: Stylizer, tile_px: int) -> None:
    photo = picture(150, 210)
    styles = [random_stylizer.study(picture(120, 150, seed=seed)) for seed in (1, 2)]
    reading = random_stylizer.read(photo, tile_px=tile_px)
    for style in (*styles, styles[0]):
        for strength in (100.0, 60.0, 10.0, 0.0):
            wanted = random_stylizer.paint(photo, style, strength=strength, tile_px=tile_px)
            found = random_stylizer.paint(reading, style, strength=strength)
            torch.testing.assert_close(found, wanted, atol=0, rtol=0)


def test_a_kernel_of_its_own_for_every_painting() -> None:
    torch.manual_seed(0)
    layer, maps, codes = Mixed(3, 5), torch.randn(2, 3, 7, 9), torch.randn(2, CODE)
    with torch.no_grad():
        layer.shares.weight.normal_(std=0.1)
        layer.shares.bias.normal_(std=0.1)
        found = convolve(maps, layer, codes)
    weight, bank, matrix = (parameter.detach().numpy() for parameter in (layer.weight, layer.bank, layer.shares.weight))
    for row, code, picture_maps in zip(found, codes.numpy(), maps.numpy(), strict=True):
        shares = np.tanh(matrix @ code + layer.shares.bias.detach().numpy())
        kernel = weight + sum(share * one.reshape(weight.shape) for share, one in zip(shares, bank, strict=True))
        for channel in range(5):
            layers = zip(picture_maps, kernel[channel], strict=True)
            wanted = sum(correlate(one, part, mode="mirror") for one, part in layers)
            np.testing.assert_allclose(row[channel], wanted, atol=1e-5)


@pytest.mark.parametrize(("halo", "value"), [("FINE_HALO_PX", 32), ("COARSE_HALO", 8), ("ENCODER_HALO_PX", 32)])
def test_no_halo_is_larger_than_it_need_be(
    random_stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch, halo: str, value: int
) -> None:
    photo, style = picture(256, 512), random_stylizer.study(picture(120, 150, seed=1))
    whole = random_stylizer.paint(photo, style, tile_px=10_000)
    monkeypatch.setattr(module, halo, value)
    tiled = random_stylizer.paint(photo, style, tile_px=128)
    assert float((tiled - whole).abs().max()) > 2e-5


def test_strength_goes_from_the_photo_to_the_draft(bundled: Stylizer) -> None:
    photo, style = picture(96, 128), bundled.study(picture(120, 150, seed=1))
    drafts = [bundled.paint(photo, style, strength=s) for s in (0.0, 0.01, 20.0, 50.0, 80.0, 99.999, 100.0)]
    torch.testing.assert_close(drafts[0], photo, atol=0, rtol=0)
    torch.testing.assert_close(drafts[1], photo, atol=1e-2, rtol=0)
    torch.testing.assert_close(drafts[5], drafts[6], atol=1e-3, rtol=0)
    distances = [float((draft - photo).square().mean()) for draft in drafts]
    assert distances == sorted(distances)


@pytest.mark.parametrize("strength", [-1.0, 100.5, float("nan")])
def test_other_strengths_are_refused(random_stylizer: Stylizer, strength: float) -> None:
    style = random_stylizer.study(picture(64, 64))
    with pytest.raises(OptionError, match="strength is 0 to 100"):
        random_stylizer.paint(picture(64, 64), style, strength=strength)


def test_refuses_what_it_cannot_see(random_stylizer: Stylizer) -> None:
    style = random_stylizer.study(picture(16, 16))
    assert random_stylizer.paint(picture(16, 17), style).shape == (1, 3, 16, 17)
    with pytest.raises(OptionError, match="16 px a side, the picture has 40x15 px"):
        random_stylizer.paint(picture(15, 40), style)
    with pytest.raises(OptionError, match="16 px a side, the picture has 8x64 px"):
        random_stylizer.study(picture(64, 8))
    with pytest.raises(OptionError, match="another encoder"):
        random_stylizer.paint(picture(64, 64), StyleStatistics(style.moments, "0" * 64))


def test_a_flat_photo_and_a_flat_painting_are_painted(bundled: Stylizer) -> None:
    flat = torch.full((1, 3, 64, 80), 0.5)
    for photo, painting in ((flat, picture(64, 64)), (picture(64, 64), flat), (flat, torch.zeros_like(flat))):
        draft = bundled.paint(photo, bundled.study(painting))
        assert bool(draft.isfinite().all())
        assert 0 <= float(draft.min()) <= float(draft.max()) <= 1


def test_the_same_draft_every_time(bundled: Stylizer) -> None:
    photo, style = picture(64, 80), bundled.study(picture(64, 64, seed=1))
    torch.testing.assert_close(load_stylizer().paint(photo, style), bundled.paint(photo, style), atol=0, rtol=0)


def test_a_photo_in_its_own_manner_stays(bundled: Stylizer) -> None:
    photo = torch.nn.functional.interpolate(picture(24, 32), (192, 256), mode="bicubic").clamp(0, 1)
    draft = bundled.paint(photo, bundled.study(photo))
    assert float((draft - photo).abs().mean()) < 0.06


def test_colours_become_the_paintings(bundled: Stylizer) -> None:
    photo, painting = picture(192, 256), picture(200, 200, seed=3) * torch.tensor([1.0, 0.6, 0.2]).view(1, 3, 1, 1)
    draft = bundled.paint(photo, bundled.study(painting))
    before, after = (
        (torch.stack([p.mean((0, 2, 3)) for p in (one, painting)]).diff(dim=0).abs().max()) for one in (photo, draft)
    )
    assert float(after) < 0.3 * float(before)


def test_the_frame_is_as_restless_as_the_inside(bundled: Stylizer) -> None:
    photo, style = picture(256, 256), bundled.study(picture(256, 256, seed=5))
    draft = bundled.paint(photo, style)[0].numpy()
    energy = sum(np.square(step).sum(0) for step in np.gradient(draft, axis=(1, 2)))
    rows, columns = np.ogrid[:256, :256]
    depth = np.minimum(np.minimum(rows, 255 - rows), np.minimum(columns, 255 - columns))
    assert 0.6 < energy[(depth > 0) & (depth < 8)].mean() / energy[depth >= 24].mean() < 1.6


def test_statistics_are_the_same_in_tiles() -> None:
    encoder, painting = load_encoder("lite"), picture(200, 330)
    whole, tiled = study(encoder, painting), study(encoder, painting, tile_px=96)
    assert list(whole.moments) == list(CHANNELS)
    for name in CHANNELS:
        torch.testing.assert_close(tiled.moments[name].mean, whole.moments[name].mean, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(tiled.moments[name].outer, whole.moments[name].outer, atol=1e-4, rtol=1e-3)


def test_statistics_are_those_of_numpy() -> None:
    encoder, painting = load_encoder("lite"), picture(64, 96)
    found = study(encoder, painting).batch()
    for name in ("rgb", "relu3_1"):
        maps = painting - 0.5 if name == "rgb" else encoder(painting, [name])[name]
        rows = maps[0].flatten(1).double().numpy()
        np.testing.assert_allclose(found[name][0][0], rows.mean(1), atol=1e-5)
        np.testing.assert_allclose(found[name][1][0], np.cov(rows, bias=True), atol=1e-4, rtol=1e-3)


def test_blended_paintings_are_one_wall() -> None:
    encoder = load_encoder("lite")
    left, right = picture(64, 64), picture(64, 64, seed=1)
    blended = blend_statistics([(study(encoder, left), 1.0), (study(encoder, right), 3.0)]).batch()["rgb"]
    wall = torch.cat([left, right, right, right], 3)[0].flatten(1).double().numpy() - 0.5
    np.testing.assert_allclose(blended[0][0], wall.mean(1), atol=1e-6)
    np.testing.assert_allclose(blended[1][0], np.cov(wall, bias=True), atol=1e-6)


def test_only_what_is_asked_for_is_batched() -> None:
    assert list(study(load_encoder("lite"), picture(32, 32)).batch(MAPS)) == list(MAPS)


def test_smooth_noise_is_of_unit_variance_and_its_sides_meet() -> None:
    noise = torch.randn(1, 4, 64, 64, generator=torch.Generator().manual_seed(0))
    smooth = smooth_noise(noise)
    assert float(smooth.std()) == pytest.approx(1, abs=0.05)
    rolled = smooth_noise(noise.roll((5, 9), (2, 3)))
    torch.testing.assert_close(rolled, smooth.roll((5, 9), (2, 3)))


def test_the_bundled_file_is_small() -> None:
    assert Path(module.__file__).with_name("stylizer.safetensors").stat().st_size < 4_000_000
