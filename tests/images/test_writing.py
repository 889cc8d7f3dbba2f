"""Pictures are written and read back, whole or not at all, or refused in one line."""

from __future__ import annotations

import errno
import json
import os
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import pyvips
from numpy.typing import NDArray
from PIL import Image, ImageCms
from sample_pictures import as_bytes, noise, one_line, smooth

from impasto.errors import ImpastoError, InputError, OptionError, OutputError
from impasto.images import writing as picture_io
from impasto.images.metadata import PhotoMetadata
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
    refused(tmp_path / "a", OptionError, "says no format", "a.png")
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
