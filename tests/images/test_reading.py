"""Picture files are read as Pillow reads them, or refused in one line; records too."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms, ImageOps
from sample_pictures import as_bytes, noise, one_line, png, png16, smooth

from impasto.errors import InputError, RecordError
from impasto.images import reading
from impasto.images.metadata import PhotoMetadata
from impasto.images.reading import load_picture, read_record, read_size
from impasto.storage.installed import install_command


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
    one_line(error, path, install_command("heic"))


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


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_size_is_read_upright_without_the_pixels(tmp_path: Path, orientation: int) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg", exif=exif.tobytes())
    picture = load_picture(tmp_path / "a.jpg")
    assert read_size(tmp_path / "a.jpg") == (picture.height_px, picture.width_px)
    assert read_size(tmp_path / "a.jpg") == ((40, 30) if orientation > 4 else (30, 40))
