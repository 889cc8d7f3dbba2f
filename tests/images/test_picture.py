"""Pictures resized by Lanczos-3, and made of arrays."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sample_pictures import as_bytes, noise, one_line

from impasto.errors import InputError, OptionError
from impasto.images import resize as lanczos
from impasto.images.color import linear_to_srgb, srgb_to_linear
from impasto.images.metadata import PhotoMetadata
from impasto.images.picture import picture_from_array


@pytest.mark.parametrize("size", [(50, 75), (37, 41), (10, 149), (5, 7), (101, 75), (200, 75)])
def test_downscaling_is_lanczos_in_linear_light(size: tuple[int, int]) -> None:
    samples = noise(101, 150, 3, dtype=np.uint16)
    linear = srgb_to_linear(samples / 65535).astype(np.float32)
    bands = [Image.fromarray(linear[..., i]).resize(size[::-1], Image.Resampling.LANCZOS) for i in range(3)]
    expected = linear_to_srgb(np.clip(np.stack([np.asarray(band) for band in bands], axis=2), 0, 1))
    pixels = picture_from_array(samples).pixels(*size)
    assert pixels.dtype == np.float32
    assert np.abs(srgb_to_linear(pixels) - srgb_to_linear(expected)).max() < 3e-6


@pytest.mark.parametrize("size", [(101, 151), (200, 300), (333, 150), (1000, 1100)])
def test_upscaling_is_lanczos_on_srgb_values(size: tuple[int, int]) -> None:
    samples = noise(101, 150, 3)
    floats = samples.astype(np.float32) / 255
    bands = [Image.fromarray(floats[..., i]).resize(size[::-1], Image.Resampling.LANCZOS) for i in range(3)]
    expected = np.clip(np.stack([np.asarray(band) for band in bands], axis=2), 0, 1)
    assert np.abs(picture_from_array(samples).pixels(*size) - expected).max() < 3e-6


def test_black_and_white_checks_halve_to_188() -> None:
    checks = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    inside = picture_from_array(checks).pixels(32, 32)[4:-4, 4:-4]
    assert (as_bytes(inside) == 188).all()


def test_whole_areas_average_in_linear_light() -> None:
    samples = noise(512, 512, 3)
    pixels = picture_from_array(samples).pixels(1, 1)[0, 0]
    assert pixels == pytest.approx(linear_to_srgb(srgb_to_linear(samples / 255).mean((0, 1))), abs=0.02)
    flat = picture_from_array(np.full((97, 61, 3), 37, np.uint8))
    for size in ((97, 61), (10, 10), (3, 500), (200, 200)):
        assert np.abs(flat.pixels(*size) * 255 - 37).max() < 1e-3


def test_a_few_rows_at_a_time_make_the_same_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = picture_from_array(noise(300, 50, 3))
    at_once = picture.pixels(3, 5)
    monkeypatch.setattr(lanczos, "FLOATS_AT_ONCE", 7 * 50 * 3)
    assert np.abs(picture.pixels(3, 5) - at_once).max() < 1e-6


def test_resizing_stays_in_range_and_in_place() -> None:
    edge = np.zeros((64, 64), np.uint8)
    edge[:, 32:] = 255
    for size in (16, 40, 100, 256):
        pixels = picture_from_array(edge).pixels(size, size)
        assert pixels.min() >= 0
        assert pixels.max() <= 1
        assert np.abs(pixels + pixels[:, ::-1] - 1).max() < 1e-5 or size < 64  # not moved to a side
        assert (pixels[:, : size // 2] < 0.55).all()


def test_one_side_keeps_the_proportions() -> None:
    picture = picture_from_array(noise(100, 150, 3))
    assert picture.pixels(height_px=50).shape == (50, 75, 3)
    assert picture.pixels(width_px=3).shape == (2, 3, 3)
    assert picture_from_array(noise(1, 1000, 3)).pixels(width_px=10).shape == (1, 10, 3)
    with pytest.raises(OptionError) as error:
        picture.pixels(height_px=0)
    one_line(error, 0)


def test_hidden_colours_do_not_bleed() -> None:
    samples = np.zeros((64, 64, 4), np.uint8)
    samples[:, :30] = (255, 0, 0, 255)
    samples[:, 30:] = (0, 255, 0, 0)
    picture = picture_from_array(samples)
    for size in (9, 32, 100):
        pixels, alpha = picture.pixels(size, size), picture.alpha(size, size)
        assert alpha is not None
        assert alpha.min() >= 0
        assert alpha.max() <= 1
        assert alpha.mean() == pytest.approx(30 / 64, abs=0.01)
        shown = alpha > 1 / 255
        assert (pixels[shown][:, 0] > 0.999).all()
        assert (pixels[shown][:, 1] < 0.001).all()
        assert (pixels[alpha == 0][:, 1] > 0.9).any()  # yet they are there
    assert (picture.pixels() == samples[..., :3] / np.float32(255)).all()


def test_alpha_is_resized_as_it_is() -> None:
    samples = noise(64, 48, 4, dtype=np.uint16)
    expected = Image.fromarray(samples[..., 3].astype(np.float32) / 65535).resize((20, 30), Image.Resampling.LANCZOS)
    alpha = picture_from_array(samples).alpha(30, 20)
    assert alpha is not None
    assert np.abs(alpha - np.clip(np.asarray(expected), 0, 1)).max() < 3e-6


class FakeTensor:
    """A tensor as far as reading goes, so that these tests need no torch."""

    def __init__(self, array: NDArray) -> None:
        self.array = array

    def detach(self) -> FakeTensor:
        return self

    def cpu(self) -> FakeTensor:
        return self

    def numpy(self) -> NDArray:
        return self.array


def test_layouts_mean_the_same_picture() -> None:
    last = noise(5, 7, 3)
    pictures = [
        picture_from_array(array)
        for array in (last, last.transpose(2, 0, 1), last.transpose(2, 0, 1)[None], last[None])
    ]
    pictures += [picture_from_array(FakeTensor(last.transpose(2, 0, 1)[None]))]
    assert all(picture == pictures[0] for picture in pictures)
    assert all((picture.pixels() == last / np.float32(255)).all() for picture in pictures)
    assert (pictures[0].name, pictures[0].bit_depth, pictures[0].height_px) == ("array", 8, 5)
    assert pictures[0].metadata == PhotoMetadata()


def test_an_ambiguous_array_has_its_channels_last() -> None:
    array = noise(3, 5, 3)
    assert (picture_from_array(array).pixels() == array / np.float32(255)).all()


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (1, 5, 7), (1, 1, 5, 7)])
def test_grey_arrays(shape: tuple[int, ...]) -> None:
    picture = picture_from_array(noise(*shape))
    assert (picture.height_px, picture.width_px) == (5, 7)
    assert (np.ptp(picture.pixels(), axis=2) == 0).all()


def test_floats_keep_16_bits_and_the_array_stays_the_callers() -> None:
    array = np.random.default_rng(0).random((6, 5, 3)).astype(np.float32)
    picture = picture_from_array(array)
    assert picture.bit_depth == 16
    assert np.abs(picture.pixels() - array).max() <= 0.5 / 65535 + 1e-7
    samples = noise(4, 4, 3)
    picture = picture_from_array(samples)
    before = picture.pixels()
    samples[:] = 0
    assert (picture.pixels() == before).all()


def test_the_hash_tells_pictures_apart() -> None:
    zeros = [np.zeros(shape, dtype) for shape in ((4, 6), (6, 4), (2, 6)) for dtype in (np.uint8, np.uint16)]
    assert len({picture_from_array(array).sha256 for array in zeros}) == 6


@pytest.mark.parametrize(
    ("array", "part"),
    [
        (np.full((4, 4), np.nan), "not finite"),
        (np.full((4, 4), np.inf), "not finite"),
        (np.full((4, 4), 1.5), "1.5"),
        (np.full((4, 4), -0.25), "-0.25"),
        (np.full((4, 4), 70_000), "70000"),
        (np.full((4, 4), -1), "-1"),
        (np.zeros((4, 4), complex), "complex128"),
        (np.zeros((0, 4, 3), np.uint8), "[0, 4, 3]"),
        (np.zeros((5, 4, 5), np.uint8), "[5, 4, 5]"),
        (np.zeros((2, 3, 4, 4), np.uint8), "[2, 3, 4, 4]"),
        (np.zeros(4), "[4]"),
        (np.array(["a"]), "[1]"),
    ],
)
def test_arrays_refused(array: NDArray, part: str) -> None:
    with pytest.raises(InputError) as error:
        picture_from_array(array, name="mine")
    one_line(error, "'mine'", part)


def test_torch_tensors() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.rand(1, 3, 5, 7, requires_grad=True)
    assert picture_from_array(tensor).pixels().shape == (5, 7, 3)
    for dtype in (torch.bfloat16, torch.float16, torch.float8_e4m3fn, torch.float64):
        lossy = tensor.to(dtype)
        assert (
            np.abs(picture_from_array(lossy).pixels() - lossy[0].detach().float().permute(1, 2, 0).numpy()).max() < 1e-4
        )


def test_whole_numbers_of_every_type() -> None:
    levels = noise(4, 6, 3)
    for dtype in (np.int16, np.int32, np.int64, np.uint32, np.uint64):
        assert np.array_equal(picture_from_array(levels.astype(dtype)).samples, levels)
    deep = levels.astype(np.int64) + 1000
    assert np.array_equal(picture_from_array(deep).samples, deep)
    assert picture_from_array(deep).bit_depth == 16
    white = levels > 127
    assert np.array_equal(picture_from_array(white).samples, white * 255)


def test_a_picture_shows_itself() -> None:
    picture = picture_from_array(noise(4, 6, 3, dtype=np.uint16))
    assert picture.size == picture.pil().size == (6, 4)
    assert np.array_equal(np.asarray(picture), picture.pixels())
    with Image.open(io.BytesIO(picture._repr_png_())) as image:
        assert np.abs(np.asarray(image) / 255 - picture.pixels()).max() < 0.51 / 255
    assert repr(picture).count("\n") == 0
    assert len(repr(picture)) < 200
