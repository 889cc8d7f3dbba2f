"""Picture files: read against Pillow, written and read back, refused in one line."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path

import numpy as np
import pytest
import pyvips
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from impasto.errors import ImpastoError, InputError, OptionError, OutputError, RecordError
from impasto.images import reading
from impasto.images import resize as lanczos
from impasto.images import writing as picture_io
from impasto.images.color import linear_to_srgb, srgb_to_linear
from impasto.images.metadata import PhotoMetadata
from impasto.images.picture import picture_from_array
from impasto.images.reading import load_picture, read_record
from impasto.images.writing import check_output, save_picture

FORMATS = [".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".avif"]
RECORD = {
    "recipe": "painterly",
    "scales": [256, 512.5],
    "note": '<a & "b"> ]]> é \u2603 \x01\n',
    "none": None,
}
PHOTO = PhotoMetadata("2020:01:02 03:04:05", "© Zoë & Co (all rights)", "Zoë <z>")


def smooth(height: int = 40, width: int = 60) -> NDArray[np.uint8]:
    """Draw a picture that lossy formats keep well, and that no turning leaves the same."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 200 // (height + width)], 2).astype(np.uint8)


def noise(*shape: int, dtype: type = np.uint8, seed: int = 3) -> NDArray[np.unsignedinteger]:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def png(header: tuple[int, int, int, int], rows: bytes) -> bytes:
    """Write a PNG by hand: width, height, bit depth, colour type; rows with their filter bytes."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", *header, 0, 0, 0))
    return start + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def png16(samples: NDArray[np.uint16]) -> bytes:
    height, width, bands = samples.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    return png((width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[bands]), rows)


def as_bytes(pixels: NDArray[np.floating]) -> NDArray[np.int64]:
    return np.rint(pixels * 255).astype(int)


def one_line(error: pytest.ExceptionInfo[ImpastoError], *parts: object) -> None:
    message = str(error.value)
    assert "\n" not in message
    assert len(message) < 500
    for part in parts:
        assert str(part) in message


# ----------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize("name", ["a.png", "a.tiff", "a.webp", "wrong.jpg"])
def test_lossless_files_are_exact(tmp_path: Path, name: str) -> None:
    samples = noise(20, 30, 3)
    kind = {".png": "PNG", ".tiff": "TIFF", ".webp": "WEBP", ".jpg": "PNG"}[Path(name).suffix]
    Image.fromarray(samples).save(tmp_path / name, kind, lossless=True)
    picture = load_picture(tmp_path / name)
    assert (picture.height_px, picture.width_px, picture.bit_depth) == (20, 30, 8)
    assert picture.name == name
    assert picture.sha256 == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    assert picture.alpha() is None
    assert picture.pixels().dtype == np.float32
    assert picture.pixels().shape == (20, 30, 3)
    assert (picture.pixels() == samples.astype(np.float32) / 255).all()
    assert load_picture(str(tmp_path / name)) == picture


@pytest.mark.parametrize("name", ["a.jpg", "a.avif", "a.webp"])
def test_lossy_files_are_close(tmp_path: Path, name: str) -> None:
    Image.fromarray(smooth()).save(tmp_path / name, quality=95)
    assert np.abs(as_bytes(load_picture(tmp_path / name).pixels()) - smooth()).max() <= 8


MODES = {
    "png": ["1", "L", "LA", "P", "RGBA"],
    "tiff": ["1", "L", "LA", "P", "RGBA", "CMYK"],
    "jpg": ["L", "CMYK"],
    "webp": ["L", "RGBA"],
    "gif": ["L", "P", "RGBA"],
}


@pytest.mark.parametrize(("suffix", "mode"), [(suffix, mode) for suffix, modes in MODES.items() for mode in modes])
def test_modes_agree_with_pillow(tmp_path: Path, suffix: str, mode: str) -> None:
    image = Image.fromarray(smooth()).convert(mode)
    if mode in ("LA", "RGBA"):
        image.putalpha(Image.fromarray(smooth()[..., 1]))
    path = tmp_path / f"a.{suffix}"
    image.save(path, quality=95)
    picture = load_picture(path)
    with Image.open(path) as stored:
        has_alpha = stored.mode in ("LA", "RGBA") or "transparency" in stored.info
        expected = np.asarray(stored.convert("RGBA")) if has_alpha else np.asarray(stored.convert("RGB"))
    alpha = picture.alpha()
    assert (alpha is not None) == has_alpha
    shown = np.ones(expected.shape[:2], bool) if alpha is None else alpha > 0
    if mode != "CMYK":  # Pillow's CMYK has no profile; test_color.py checks that
        tolerance = 0 if suffix in ("png", "tiff", "gif") else 8
        assert np.abs(as_bytes(picture.pixels()) - expected[..., :3])[shown].max() <= tolerance
    if alpha is not None:
        assert (as_bytes(alpha) == expected[..., 3]).all()


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_16_bit_png_is_exact(tmp_path: Path, bands: int) -> None:
    samples = noise(9, 7, bands, dtype=np.uint16)
    (tmp_path / "a.png").write_bytes(png16(samples))
    picture = load_picture(tmp_path / "a.png")
    assert picture.bit_depth == 16
    colours = samples[..., :3] if bands > 2 else samples[..., :1].repeat(3, axis=2)
    assert (np.rint(picture.pixels().astype(np.float64) * 65535) == colours).all()
    alpha = picture.alpha()
    assert (alpha is None) == (bands in (1, 3))
    if alpha is not None:
        assert (np.rint(alpha.astype(np.float64) * 65535) == samples[..., -1]).all()


def test_gif_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "lime")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    pixels = load_picture(tmp_path / "a.gif").pixels()
    assert pixels.shape == (6, 8, 3)
    assert (pixels == [1, 0, 0]).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tiff", "webp", "jpg", "avif"])
def test_orientation_agrees_with_pillow(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = tmp_path / f"a.{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if suffix == "webp" else {"quality": 95} if suffix in ("jpg", "avif") else {}
    Image.fromarray(smooth()).save(path, exif=exif, **options)
    with Image.open(path) as stored:
        expected = np.asarray(ImageOps.exif_transpose(stored).convert("RGB")).astype(int)
    pixels = as_bytes(load_picture(path).pixels())
    assert pixels.shape == expected.shape == ((60, 40, 3) if orientation > 4 else (40, 60, 3))
    assert np.abs(pixels - expected).max() <= (0 if suffix in ("png", "tiff", "webp") else 8)


def test_profile_is_applied_beside_alpha(tmp_path: Path) -> None:
    cmyk = noise(12, 9, 4)
    profile = pyvips.Operation.call("profile_load", "cmyk")
    Image.fromarray(cmyk, "CMYK").save(tmp_path / "a.tif", icc_profile=profile)
    Image.fromarray(smooth()).save(tmp_path / "b.png", icc_profile=swapped_srgb())
    Image.fromarray(np.dstack([smooth(), smooth()[..., 1]])).save(tmp_path / "c.png", icc_profile=swapped_srgb())
    assert load_picture(tmp_path / "a.tif").pixels().shape == (12, 9, 3)
    swapped = load_picture(tmp_path / "b.png").pixels()
    assert np.abs(as_bytes(swapped) - smooth()[..., ::-1]).max() <= 1
    picture = load_picture(tmp_path / "c.png")
    assert (picture.pixels() == swapped).all()
    alpha = picture.alpha()
    assert alpha is not None
    assert (as_bytes(alpha) == smooth()[..., 1]).all()


def swapped_srgb() -> bytes:
    """Make an sRGB profile that says red where sRGB says blue: nobody can miss whether it is applied."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"tmp_").replace(b"bXYZ", b"rXYZ").replace(b"tmp_", b"bXYZ")


@pytest.mark.parametrize("bits", [10, 12])
def test_deep_avif_reaches_white(tmp_path: Path, bits: int) -> None:
    samples = np.full((16, 16, 3), 65535, np.uint16)
    image = pyvips.Image.new_from_memory(samples, 16, 16, 3, "ushort").copy(interpretation="rgb16")
    (tmp_path / "a.avif").write_bytes(image.write_to_buffer(".avif", bitdepth=bits, lossless=True))
    picture = load_picture(tmp_path / "a.avif")
    assert picture.bit_depth == 16
    assert (picture.pixels() == 1).all()


def test_heic_is_read_by_pillow_heif(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "phone.jpg"
    pillow_heif.from_pillow(Image.fromarray(smooth())).save(path, quality=95, format="HEIF")
    picture = load_picture(path)
    assert (picture.width_px, picture.height_px, picture.bit_depth) == (60, 40, 8)
    assert np.abs(as_bytes(picture.pixels()) - smooth()).max() <= 10
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError) as error:
        load_picture(path)
    one_line(error, path, "damaged")


def test_deep_heic_reaches_white(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    samples = np.full((32, 32, 3), 65535, np.uint16)
    heif = pillow_heif.from_bytes(mode="RGB;16", size=(32, 32), data=samples.tobytes())
    heif.save(tmp_path / "a.heic", quality=-1)
    picture = load_picture(tmp_path / "a.heic")
    assert picture.bit_depth == 16
    assert picture.pixels().min() > 0.9999


def test_heic_without_pillow_heif_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "phone.heic"
    pillow_heif.from_pillow(Image.fromarray(smooth())).save(path)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(InputError) as error:
        load_picture(path)
    one_line(error, path, "pip install 'impasto[heic]'")


# -------------------------------------------------------------------------------- reading refused


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "avif", "gif"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_truncated_files_are_refused(
    tmp_path: Path, suffix: str, kept: float, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(noise(64, 64, 3)).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(InputError) as error:
        load_picture(path)
    one_line(error, path)
    assert capfd.readouterr().err == ""  # libvips' own warnings stay quiet


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "avif", "gif"])
def test_damaged_bytes_give_a_picture_or_one_line(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    exif = Image.Exif()
    exif[0x013B] = "Ann"
    Image.fromarray(smooth()).save(path, **({} if suffix == "gif" else {"exif": exif.tobytes()}))
    data = path.read_bytes()
    generator = np.random.default_rng(1)
    for _ in range(60):
        damaged = bytearray(data)
        for place in generator.integers(0, len(data), 3):
            damaged[place] = generator.integers(0, 256)
        path.write_bytes(damaged)
        try:
            assert load_picture(path, max_pixels=10**6).pixels().shape[2] == 3
        except InputError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("a.jpg", b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>', "not a picture"),
        ("a.png", b"Dear diary, today I pretended to be a picture.\n" * 9, "not a picture"),
        ("a.bmp", b"BM" + bytes(200), "not a picture"),
        ("a.jpg", b"%PDF-1.4\n" + bytes(200), "not a picture"),
        ("a.jpg", b"", "empty"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "a.png"),
        ("zero.png", png((0, 5, 8, 2), b""), "damaged"),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path: Path, name: str, content: bytes, part: str) -> None:
    (tmp_path / name).write_bytes(content)
    for read in (load_picture, read_record):
        with pytest.raises(InputError) as error:
            read(tmp_path / name)
        one_line(error, tmp_path / name, part)


def test_reading_pictures_needs_no_torch() -> None:
    program = "import sys, impasto.images.writing; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_svg_is_not_run_even_where_vips_could(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_bytes(b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>')
    with pytest.raises(pyvips.Error):
        pyvips.Image.new_from_file(str(tmp_path / "a.svg"))


def test_missing_folder_pipe_and_odd_names_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path in ("no such.png", "no folder/a.png", ".", "pipe.png", "a" * 300 + ".png"):
        with pytest.raises(InputError) as error:
            load_picture(tmp_path / path)
        one_line(error, tmp_path / path)
    with pytest.raises(InputError) as error:
        load_picture("nul\0l.png")
    one_line(error)


def test_unreadable_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"x")

    def refuse(self: Path, mode: str, **options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError) as error:
        load_picture(path)
    one_line(error, path, "Permission denied")


def test_size_is_checked_before_decoding(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png((100_000, 90_000, 8, 2), bytes(1000)))
    with pytest.raises(InputError) as error:
        load_picture(path)
    one_line(error, path, "100000 x 90000", "250000000", "max_pixels")
    Image.fromarray(smooth()).save(path)
    with pytest.raises(InputError) as error:
        load_picture(path, max_pixels=2399)
    one_line(error, path, "60 x 40", "2399")
    assert load_picture(path, max_pixels=2400).width_px == 60


@pytest.mark.parametrize(
    ("sides", "bits", "colours", "file_bytes", "refused"),
    [
        ((9_000, 9_000), 8, 2, 260_000, True),  # one colour, deflated
        ((9_000, 9_000), 8, 2, 4_000_000, False),  # JPEG at its worst quality would be so small
        ((9_000, 9_000), 1, 0, 60_000, False),  # a drawing, scanned
        ((9_000, 9_000), 1, 0, 10_000, True),
        ((15_000, 15_000), 8, 0, 220_000, True),  # three times as much in memory as declared
        ((6_000, 4_000), 8, 2, 100, False),  # however little there is of it, its memory is no matter
    ],
)
def test_bombs_are_refused_before_decoding(
    tmp_path: Path, sides: tuple[int, int], bits: int, colours: int, file_bytes: int, refused: bool
) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png((*sides, bits, colours), b"").ljust(file_bytes, b"\0"))
    with pytest.raises(InputError) as error:  # of one kind or the other
        load_picture(path)
    assert ("too few for a real picture" in str(error.value)) == refused
    one_line(error, path)


def test_too_little_memory_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    Image.fromarray(smooth()).save(tmp_path / "a.png")
    monkeypatch.setattr(reading, "_decode", fail)
    with pytest.raises(InputError) as error:
        load_picture(tmp_path / "a.png")
    one_line(error, tmp_path / "a.png", "not enough memory for its 60 x 40 px")


def test_a_disk_that_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    Image.fromarray(smooth()).save(tmp_path / "a.png")
    monkeypatch.setattr(reading.hashlib, "file_digest", fail)
    with pytest.raises(InputError) as error:
        load_picture(tmp_path / "a.png")
    one_line(error, tmp_path / "a.png", "Input/output error")


def test_files_far_larger_than_the_limit_are_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "disk.iso"
    with path.open("wb") as stream:
        stream.truncate(2**26 + 2**20)
    with pytest.raises(InputError) as error:
        load_picture(path, max_pixels=100)
    one_line(error, path, 2**26 + 2**20)


@pytest.mark.parametrize(
    ("samples", "space"),
    [(np.ones((4, 5, 3), np.float32), "scrgb"), (np.ones((4, 5, 6), np.uint8), "multiband")],
)
def test_odd_tiffs_are_refused(tmp_path: Path, samples: NDArray, space: str) -> None:
    path = tmp_path / "odd.tif"
    kind = "float" if samples.dtype == np.float32 else "uchar"
    image = pyvips.Image.new_from_memory(samples, 5, 4, samples.shape[2], kind).copy(interpretation=space)
    image.tiffsave(str(path))
    with pytest.raises(InputError) as error:
        load_picture(path)
    one_line(error, path, "8 or 16 bit")


# ---------------------------------------------------------------------------------------- resizing


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


# ------------------------------------------------------------------------------------------ arrays


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
        (np.zeros((4, 4), np.int64), "int64"),
        (np.zeros((4, 4), bool), "bool"),
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
    with pytest.raises(InputError) as error:
        picture_from_array(tensor.bfloat16())
    one_line(error, "float32")


# ----------------------------------------------------------------------------------------- writing


@pytest.mark.parametrize("suffix", FORMATS)
def test_pictures_come_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix.upper()}"
    save_picture(path, smooth() / 255)
    picture = load_picture(path)
    assert picture.bit_depth == 8
    assert np.abs(as_bytes(picture.pixels()) - smooth()).max() <= (0 if suffix in (".png", ".tif", ".tiff") else 6)
    with Image.open(path) as stored:
        assert stored.size == (60, 40)
        profile = ImageCms.ImageCmsProfile(ImageCms.core.profile_frombytes(stored.info["icc_profile"]))
        assert "srgb" in ImageCms.getProfileDescription(profile).lower()
    assert list(tmp_path.iterdir()) == [path]


def test_jpeg_is_not_subsampled(tmp_path: Path) -> None:
    save_picture(tmp_path / "a.jpg", smooth() / 255)
    with Image.open(tmp_path / "a.jpg") as stored:
        assert {layer[1:3] for layer in stored.layer} == {(1, 1)}


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff"])
def test_16_bits_come_back(tmp_path: Path, suffix: str) -> None:
    samples = noise(8, 9, 4, dtype=np.uint16)
    values = samples / 65535
    save_picture(tmp_path / f"a{suffix}", values[..., :3], alpha=values[..., 3], bit_depth=16)
    picture = load_picture(tmp_path / f"a{suffix}")
    alpha = picture.alpha()
    assert picture.bit_depth == 16
    assert alpha is not None
    assert (np.rint(picture.pixels() * 65535.0) == samples[..., :3]).all()
    assert (np.rint(alpha * 65535.0) == samples[..., 3]).all()


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".webp", ".avif"])
def test_alpha_comes_back(tmp_path: Path, suffix: str) -> None:
    alpha = smooth()[..., 0] / 255
    save_picture(tmp_path / f"a{suffix}", smooth() / 255, alpha=alpha)
    picture = load_picture(tmp_path / f"a{suffix}")
    found = picture.alpha()
    assert found is not None
    assert np.abs(found - alpha).max() <= (0.5 / 255 if suffix != ".avif" else 4 / 255)
    shown = alpha > 0.2
    assert np.abs(as_bytes(picture.pixels()) - smooth())[shown].max() <= 8


def test_jpeg_lays_alpha_over_white(tmp_path: Path) -> None:
    alpha = np.zeros((32, 32))
    alpha[:, 16:] = 0.5
    save_picture(tmp_path / "a.jpg", np.zeros((32, 32, 3)), alpha=alpha)
    pixels = as_bytes(load_picture(tmp_path / "a.jpg").pixels())
    assert (pixels[:, :8] >= 253).all()
    assert (np.abs(pixels[:, 24:] - 128) <= 2).all()


def test_values_are_rounded_and_clipped(tmp_path: Path) -> None:
    values = np.array([[[-0.5, 0.4 / 255, 0.6 / 255], [254.4 / 255, 254.6 / 255, 1.7]]], np.float32)
    save_picture(tmp_path / "a.png", values)
    assert as_bytes(load_picture(tmp_path / "a.png").pixels()).tolist() == [[[0, 0, 1], [254, 255, 255]]]


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_record_comes_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    save_picture(path, smooth() / 255, record=RECORD, metadata=PHOTO)
    assert read_record(path) == RECORD
    assert load_picture(path).metadata == PHOTO
    with Image.open(path) as stored:  # and other programs find the packet
        packet = stored.info.get("xmp") or stored.info["XML:com.adobe.xmp"].encode()
    found = [element.text for element in ET.fromstring(packet).iter("{urn:impasto:record:1}record")]
    assert json.loads(str(found[0])) == RECORD
    save_picture(path, smooth() / 255, record={}, overwrite=True)
    assert read_record(path) == {}


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff", ".avif"])
def test_long_records_come_back(tmp_path: Path, suffix: str) -> None:
    record = {"events": ["a steered step " * 5] * 5000}
    save_picture(tmp_path / f"a{suffix}", smooth() / 255, record=record)
    assert read_record(tmp_path / f"a{suffix}") == record


def test_jpeg_holds_60_kb_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    save_picture(path, smooth() / 255, record={"x": "y" * 59_000})
    assert read_record(path) == {"x": "y" * 59_000}
    with pytest.raises(OutputError) as error:
        save_picture(tmp_path / "b.jpg", smooth() / 255, record={"x": "y" * 60_000})
    one_line(error, tmp_path / "b.jpg", 60_000, ".png")
    assert list(tmp_path.iterdir()) == [path]


def with_xmp(path: Path, packet: bytes) -> Path:
    Image.fromarray(smooth()).save(path, xmp=packet)
    return path


def test_a_record_rewritten_as_an_attribute_is_read(tmp_path: Path) -> None:
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:i="urn:impasto:record:1" i:record="{&quot;a&quot;: 1}"/>'
        b"</rdf:RDF></x:xmpmeta>"
    )
    assert read_record(with_xmp(tmp_path / "a.jpg", packet)) == {"a": 1}


@pytest.mark.parametrize(
    ("packet", "part"),
    [
        (None, "no run record"),
        (b"<x/>", "no run record"),
        (b"<x", "damaged"),
        (b"\xff\xfe<\0x\0/\0>\0", "damaged"),
        (b'<x xmlns:i="urn:impasto:record:1"><i:record>{"a": </i:record></x>', "damaged"),
        (b'<x xmlns:i="urn:impasto:record:1"><i:record>[1]</i:record></x>', "damaged"),
        (b'<x xmlns:i="urn:impasto:record:1"><i:record>null</i:record></x>', "damaged"),
        (b'<x xmlns:i="urn:impasto:record:1"><i:record>' + b"[" * 20_000 + b"</i:record></x>", "damaged"),
        (
            b'<!DOCTYPE x [<!ENTITY e "{}">]><x xmlns:i="urn:impasto:record:1"><i:record>&e;</i:record></x>',
            "damaged",
        ),
    ],
)
def test_missing_and_damaged_records(tmp_path: Path, packet: bytes | None, part: str) -> None:
    path = tmp_path / "a.jpg"
    if packet is None:
        Image.fromarray(smooth()).save(path)
    else:
        with_xmp(path, packet)
    with pytest.raises(RecordError) as error:
        read_record(path)
    one_line(error, path, part)
    assert load_picture(path).metadata == PhotoMetadata()  # no reason to refuse the picture


# ---------------------------------------------------------------------------------------- metadata


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "avif"])
def test_photo_metadata_is_kept_and_the_position_is_not(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x013B], exif[0x8298], exif[0x0110] = "Ann", "by Ann", "SecretPhone 9"
    exif.get_ifd(0x8769)[0x9003] = "2020:01:02 03:04:05"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 24.0), 29: "2020:01:02"})
    photo, out = tmp_path / f"photo.{suffix}", tmp_path / f"out.{suffix}"
    Image.fromarray(smooth()).save(photo, exif=exif.tobytes())
    with Image.open(photo) as stored:
        assert stored.getexif().get_ifd(0x8825)  # the test does hold a position
    picture = load_picture(photo)
    assert picture.metadata == PhotoMetadata("2020:01:02 03:04:05", "by Ann", "Ann")
    save_picture(out, picture.pixels(), metadata=picture.metadata)
    assert load_picture(out).metadata == picture.metadata
    with Image.open(out) as stored:
        written = stored.getexif()
        assert not written.get_ifd(0x8825)
        assert 0x0110 not in written
        if suffix != "tiff":  # libvips writes none there; the texts are in XMP
            assert (written[0x013B], written[0x8298]) == ("Ann", "by Ann")
            assert written.get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"
    assert b"SecretPhone" not in out.read_bytes()


@pytest.mark.parametrize(
    "metadata",
    [
        PhotoMetadata(artist="Al"),
        PhotoMetadata(copyright="c", artist="Max Mustermann"),
        PhotoMetadata(date_taken="1999:12:31 23:59:59"),
        PhotoMetadata("1999:12:31 23:59:59", "abc", "abcd"),
        PhotoMetadata(copyright="x" * 1000, artist="(a) [b] {c}"),
    ],
)
def test_exif_of_any_part_is_valid(tmp_path: Path, metadata: PhotoMetadata) -> None:
    save_picture(tmp_path / "a.jpg", smooth() / 255, metadata=metadata)
    with Image.open(tmp_path / "a.jpg") as stored:
        exif = stored.getexif()
        found = PhotoMetadata(exif.get_ifd(0x8769).get(0x9003), exif.get(0x8298), exif.get(0x013B))
    assert found == metadata == load_picture(tmp_path / "a.jpg").metadata


def test_metadata_is_brought_to_one_clean_line() -> None:
    assert PhotoMetadata("yesterday", "a\n b\x00\x07c", "  ") == PhotoMetadata(None, "a bc", None)


def test_date_of_the_file_stands_in_for_the_date_taken(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0132] = "2001:02:03 04:05:06"
    Image.fromarray(smooth()).save(tmp_path / "a.jpg", exif=exif)
    assert load_picture(tmp_path / "a.jpg").metadata.date_taken == "2001:02:03 04:05:06"


def test_damaged_exif_is_no_reason_to_refuse(tmp_path: Path) -> None:
    whole = Image.Exif()
    whole[0x013B] = "somebody with a long name"
    for blob in (b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0junk", whole.tobytes()[:30]):
        Image.fromarray(smooth()).save(tmp_path / "a.jpg", exif=blob)
        assert load_picture(tmp_path / "a.jpg").width_px == 60


# -------------------------------------------------------------------------------- writing refused


def refused(path: Path, error_class: type[ImpastoError], *parts: object, **options: object) -> None:
    """Both the early check and saving refuse, in one line, and leave the folder as it was."""
    before = sorted(path.parent.glob("*")) if path.parent.is_dir() else None
    with pytest.raises(error_class) as early:
        check_output(path, **options)
    with pytest.raises(error_class) as late:
        save_picture(path, smooth() / 255, **options)
    assert str(early.value) == str(late.value)
    one_line(early, path, *parts)
    if before is not None:
        assert sorted(path.parent.glob("*")) == before


def test_outputs_refused(tmp_path: Path) -> None:
    (tmp_path / "there.png").write_bytes(b"mine")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nowhere")
    refused(tmp_path / "a.pgn", OptionError, "'.pgn'", "did you mean '.png'")
    refused(tmp_path / "a", OptionError, "''", ".jpeg")
    refused(tmp_path / "a.gif", OptionError, "'.gif'")
    refused(tmp_path / "a.jpg", OptionError, "16", "JPEG", ".png", bit_depth=16)
    refused(tmp_path / "a.webp", OptionError, "16", "WebP", bit_depth=16)
    refused(tmp_path / "a.avif", OptionError, "16", "AVIF", bit_depth=16)
    refused(tmp_path / "a.png", OptionError, "12", bit_depth=12)
    refused(tmp_path / "none" / "a.png", OutputError, "no folder")
    refused(tmp_path / "there.png" / "a.png", OutputError, "no folder")
    refused(tmp_path / "folder.png", OutputError, "folder")
    refused(tmp_path / "pipe.png", OutputError, "regular file", overwrite=True)
    refused(tmp_path / "there.png", OutputError, "already exists")
    refused(tmp_path / "dangling.png", OutputError, "already exists")
    refused(tmp_path / ("a" * 252 + ".png"), OutputError, "too long")
    assert (tmp_path / "there.png").read_bytes() == b"mine"


def test_read_only_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # tests may run as root, who may write anywhere
    refused(tmp_path / "a.png", OutputError, "not writable")


def test_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    check_output(path, overwrite=True)
    save_picture(path, smooth() / 255, overwrite=True)
    assert load_picture(path).width_px == 60
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"")
    save_picture(tmp_path / "a.png", smooth() / 255)
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_file_that_appeared_meanwhile_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    encode = picture_io._encode

    def encode_slowly(*arguments: object) -> bytes:
        path.write_bytes(b"mine")
        return encode(*arguments)

    monkeypatch.setattr(picture_io, "_encode", encode_slowly)
    for links in (True, False):
        path.unlink(missing_ok=True)
        if not links:
            monkeypatch.setattr(os, "link", unsupported)
        with pytest.raises(OutputError) as error:
            save_picture(path, smooth() / 255)
        one_line(error, path, "already exists")
        assert path.read_bytes() == b"mine"
        assert list(tmp_path.iterdir()) == [path]


def unsupported(*_: object, **__: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


def test_file_systems_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", unsupported)
    save_picture(tmp_path / "a.png", smooth() / 255)
    assert load_picture(tmp_path / "a.png").width_px == 60
    assert list(tmp_path.iterdir()) == [tmp_path / "a.png"]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("failing", ["fsync", "link and replace"])
def test_a_failing_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, overwrite: bool
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "a.png"
    if overwrite:
        path.write_bytes(b"old")
    for name in failing.split(" and "):
        monkeypatch.setattr(os, name, full)
    with pytest.raises(OutputError) as error:
        save_picture(path, smooth() / 255, overwrite=overwrite)
    one_line(error, path, "No space left")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == ([b"old"] if overwrite else [])


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_picture(tmp_path / "a.png", smooth() / 255)
    assert list(tmp_path.iterdir()) == []


def test_a_failing_encoder_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise pyvips.Error("unable to call")

    monkeypatch.setattr(picture_io, "_encode", fail)
    with pytest.raises(OutputError) as error:
        save_picture(tmp_path / "a.png", smooth() / 255)
    one_line(error, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_too_large_for_the_format(tmp_path: Path) -> None:
    with pytest.raises(OutputError) as error:
        save_picture(tmp_path / "a.webp", np.zeros((1, 16_384, 3)))
    one_line(error, tmp_path / "a.webp", "16384 x 1", "16383", ".png")
    for name, side in (("a.webp", 16_383), ("a.jpg", 65_500), ("a.avif", 16_384), ("a.png", 70_000)):
        save_picture(tmp_path / name, np.zeros((1, side, 3)))


@pytest.mark.parametrize(
    ("pixels", "alpha", "part"),
    [
        (np.zeros((4, 4)), None, "[4, 4]"),
        (np.zeros((4, 4, 4)), None, "[4, 4, 4]"),
        (np.zeros((0, 4, 3)), None, "[0, 4, 3]"),
        (np.zeros((4, 4, 3)), np.zeros((4, 5)), "[4, 5]"),
        (np.full((4, 4, 3), np.nan), None, "pixels"),
        (np.zeros((4, 4, 3)), np.full((4, 4), np.inf), "alpha"),
    ],
)
def test_unusable_pixels_are_refused(tmp_path: Path, pixels: NDArray, alpha: NDArray | None, part: str) -> None:
    with pytest.raises(InputError) as error:
        save_picture(tmp_path / "a.png", pixels, alpha=alpha)
    one_line(error, part)
    assert list(tmp_path.iterdir()) == []
