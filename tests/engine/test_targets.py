"""Style targets of a region: blends of its paintings, the photo's own share, and what is cached."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from impasto.encoders import Encoder, load_encoder
from impasto.engine import targets
from impasto.engine.canvas import painting_canvas
from impasto.engine.targets import CACHED_PAINTINGS, TargetReader
from impasto.images.picture import picture_from_array
from impasto.inputs.paintings import Painting, Region
from impasto.losses.total_variation import total_variation
from impasto.options.fields import build_options

LAYERS = ["relu1_1", "relu2_1"]
EDGE = 48


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    targets._CACHE.clear()
    yield
    targets._CACHE.clear()


@pytest.fixture(scope="module")
def tiny(tiny_encoder_file: Path) -> Encoder:
    return load_encoder(str(tiny_encoder_file))


def painting(seed: int, side: int = 48, **settings: Any) -> Painting:
    pixels = np.random.default_rng(seed).random((side, side, 3)) ** (1 + seed)
    return Painting(picture_from_array(pixels), **settings)


PHOTO = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(9))


def read(
    encoder: Encoder, region: Region, mask: torch.Tensor | None = None, edge: int = EDGE, **options: Any
) -> tuple[Any, float]:
    reader = TargetReader(encoder, build_options(options), LAYERS, edge, 2048)
    statistics, surface = reader.read_region(region, PHOTO, mask)
    return statistics, surface.total_variation


def numpy_moments(encoder: Encoder, canvas: torch.Tensor, layer: str) -> tuple[np.ndarray, np.ndarray]:
    """(mean, second moment) of a feature map, by NumPy in float64."""
    features = encoder(canvas, [layer])[layer][0].flatten(1).double().numpy()
    return features.mean(1), features @ features.T / features.shape[1]


def check(found: Any, expected: list[tuple[float, Encoder, torch.Tensor]]) -> None:
    """Compare with weighted means of the moments of canvases."""
    for layer in LAYERS:
        parts = [(weight, *numpy_moments(encoder, canvas, layer)) for weight, encoder, canvas in expected]
        np.testing.assert_allclose(found[layer].mean.numpy(), sum(w * m for w, m, _ in parts), atol=1e-6)
        np.testing.assert_allclose(found[layer].second_moment.numpy(), sum(w * s for w, _, s in parts), atol=1e-6)
        assert float(found[layer].count) == pytest.approx(1)


def canvas_of(painting: Painting, brush_scale: float = 1.0) -> torch.Tensor:
    return painting_canvas(painting, EDGE, brush_scale)[0]


def test_paintings_blend_by_their_weights(tiny: Encoder) -> None:
    one, other = painting(0, weight=3.0), painting(1, weight=1.0)
    found, variation = read(tiny, Region(None, [one, other]))
    assert set(found) == set(LAYERS)
    check(found, [(0.75, tiny, canvas_of(one)), (0.25, tiny, canvas_of(other))])
    tv = [float(total_variation(canvas_of(p))) for p in (one, other)]
    assert variation == pytest.approx(0.75 * tv[0] + 0.25 * tv[1])


@pytest.mark.parametrize(
    ("strength", "region_strength", "share"), [(15.0, None, 0.5), (80.0, 6.0, 0.2), (6.0, 80.0, 1.0)]
)
def test_weak_strengths_mix_in_the_photo(
    tiny: Encoder, strength: float, region_strength: float | None, share: float
) -> None:
    one = painting(0, weight=2.0)
    found, variation = read(tiny, Region(None, one, strength=region_strength), strength=strength)
    check(found, [(share, tiny, canvas_of(one)), (1 - share, tiny, PHOTO)])
    assert variation == pytest.approx(float(total_variation(canvas_of(one)))), "the photo's has no say in it"


def test_the_photo_is_read_under_the_mask_of_the_region(tiny: Encoder) -> None:
    left = torch.zeros(48, 48)
    left[:, :24] = 1
    region = Region(None, painting(0), strength=3)
    masked, whole = read(tiny, region, left)[0], read(tiny, region)[0]
    features = tiny(PHOTO, ["relu1_1"])["relu1_1"][0].double()
    own = numpy_moments(tiny, canvas_of(painting(0)), "relu1_1")[0]
    inside = features[:, :, 1:23].flatten(1).mean(1).numpy()  # but for the border, where the mask is soft
    np.testing.assert_allclose(masked["relu1_1"].mean.numpy(), 0.1 * own + 0.9 * inside, atol=0.02)
    assert not np.allclose(masked["relu1_1"].mean.numpy(), whole["relu1_1"].mean.numpy(), atol=1e-4)


def test_the_mask_of_a_painting_decides_what_is_learned(tiny: Encoder) -> None:
    """White in the middle of the half that is black."""
    pixels = np.random.default_rng(0).random((48, 48, 3))
    pixels[:, :24] = 0
    left = np.zeros((48, 48), np.uint8)
    left[:, :16] = 255
    masked = read(tiny, Region(None, Painting(pixels, mask=left)), mask_mode="inside")[0]
    black = numpy_moments(tiny, torch.zeros(1, 3, 48, 48), "relu1_1")[0]
    np.testing.assert_allclose(masked["relu1_1"].mean.numpy(), black, atol=1e-5)


def test_brush_scales_multiply(tiny: Encoder) -> None:
    region = Region(None, painting(0, brush_scale=0.5), brush_scale=0.25)
    found, _ = read(tiny, region, brush_scale=4.0, edge=96)
    check(found, [(1.0, tiny, canvas_of(painting(0)))])  # half of 96 px


def test_without_paintings_the_photo_says_how_smooth_it_is(tiny: Encoder) -> None:
    reader = TargetReader(tiny, build_options({"style_layers": {}}), [], EDGE, 2048)
    found, surface = reader.read_region(Region(None), PHOTO, None)
    assert found == {}
    assert surface.total_variation == pytest.approx(float(total_variation(PHOTO)))


def test_a_painting_does_not_wrap_around_though_the_pastiche_does(tiny_encoder_file: Path, tiny: Encoder) -> None:
    circular = tiny.with_changes(padding_mode="circular")
    found, _ = read(circular, Region(None, painting(0)), strength=15, padding_mode="circular")
    check(found, [(0.5, tiny, canvas_of(painting(0))), (0.5, circular, PHOTO)])


def test_losses_of_whole_maps_compare_with_samples(tiny: Encoder) -> None:
    found, _ = read(tiny, Region(None, painting(0)), style_loss="mmd-gaussian")
    plain = read(tiny, Region(None, painting(0)))[0]
    assert type(found["relu1_1"]) is not type(plain["relu1_1"])


# ---------------------------------------------------------------------------------------------- cache


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """SHA-256 of every painting that is put on a canvas."""
    found: list[str] = []

    def watched(painting: Painting, *more: Any) -> Any:
        found.append(painting.picture.sha256)
        return painting_canvas(painting, *more)

    monkeypatch.setattr(targets, "painting_canvas", watched)
    return found


def test_a_painting_is_read_once_whatever_the_strength(tiny: Encoder, readings: list[str]) -> None:
    first = read(tiny, Region(None, painting(0)))
    again = read(tiny, Region(None, painting(0), strength=90), strength=40, color_strength=10)
    assert len(readings) == 1
    assert first[1] == again[1]
    assert torch.equal(first[0]["relu1_1"].mean, again[0]["relu1_1"].mean)


@pytest.mark.parametrize(
    "change",
    [
        {"region": Region(None, painting(1))},
        {"region": Region(None, painting(0), brush_scale=0.5)},
        {"region": Region(None, painting(0, mask=np.full((48, 48), 255, np.uint8)))},
        {"edge": 40},
        {"style_loss": "gram"},
        {"mask_mode": "simple"},
    ],
    ids=["painting", "brush scale", "mask", "scale", "style loss", "mask mode"],
)
def test_anything_else_is_read_anew(tiny: Encoder, readings: list[str], change: dict[str, Any]) -> None:
    plain: dict[str, Any] = {"region": Region(None, painting(0)), "mask_mode": "inside"}
    for _ in range(2):
        read(tiny, **plain)
        read(tiny, **(plain | change))
    assert len(readings) == 2


def test_other_encoders_and_tiles_are_read_anew(tiny: Encoder, readings: list[str]) -> None:
    region = Region(None, painting(0))
    for encoder in (tiny, load_encoder("lite")):
        for tile_px in (64, 2048):
            TargetReader(encoder, build_options({}), LAYERS, EDGE, tile_px).read_region(region, PHOTO, None)
    assert len(readings) == 4


def test_the_last_sixteen_stay(tiny: Encoder, readings: list[str]) -> None:
    assert CACHED_PAINTINGS == 16
    pictures = [painting(0, side=17 + number) for number in range(17)]
    for number in range(16):
        read(tiny, Region(None, pictures[number]))
    read(tiny, Region(None, pictures[0]))  # used, so no longer the first to go
    assert len(readings) == 16
    read(tiny, Region(None, pictures[16]))
    read(tiny, Region(None, pictures[0]))
    assert len(readings) == 17
    read(tiny, Region(None, pictures[1]))
    assert len(readings) == 18, "the one that was used longest ago is gone"
