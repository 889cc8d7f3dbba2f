"""Few bits a sample, and channels of formats: against Pillow, libavif, and what was written."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
import pyvips
from numpy.typing import NDArray
from picture_cases import card
from PIL import Image
from sample_pictures import as_bytes

from impasto.images.reading import decode_picture

LEVELS = np.arange(64, dtype=np.uint8).reshape(4, 16)


def packed(samples: NDArray[np.uint8], bits: int) -> list[bytes]:
    """Rows of samples of few bits, the first of a byte in its high bits."""
    wide = np.unpackbits(samples[..., None], axis=2)[..., 8 - bits :]
    return [row.tobytes() for row in np.packbits(wide.reshape(len(samples), -1), axis=1)]


def png(bits: int, colour_type: int, *chunks: tuple[bytes, bytes]) -> bytes:
    samples = LEVELS % 2**bits
    head = struct.pack(">2I5B", samples.shape[1], samples.shape[0], bits, colour_type, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in packed(samples, bits)))
    parts = [(b"IHDR", head), *chunks, (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    )


PALETTE = np.random.default_rng(0).integers(0, 256, (16, 3), np.uint8)


def tiff(bits: int, photometric: int) -> bytes:
    """TIFF 6.0, one strip, not compressed; photometric 3 has a palette."""
    samples = LEVELS % 2**bits
    pixels = b"".join(packed(samples, bits))
    colours = (PALETTE[: 2**bits].astype(np.uint16) * 257).T.astype("<u2").tobytes()
    tags = [(256, 4, 1, 16), (257, 4, 1, 4), (258, 3, 1, bits), (259, 3, 1, 1), (262, 3, 1, photometric),
            (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, 4), (279, 4, 1, len(pixels))]  # fmt: skip
    if photometric == 3:
        tags.append((320, 3, 3 * 2**bits, 8 + len(pixels)))
    data = pixels + colours * (photometric == 3)
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + struct.pack("<H", len(tags)) + entries + bytes(4)


def shown_by_pillow(data: bytes) -> NDArray[np.int64]:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("kind", ["png", "png palette", "tiff", "tiff white is zero", "tiff palette"])
def test_few_bits_are_those_of_pillow(kind: str, bits: int) -> None:
    data = {
        "png": lambda: png(bits, 0),
        "png palette": lambda: png(bits, 3, (b"PLTE", PALETTE[: 2**bits].tobytes())),
        "tiff": lambda: tiff(bits, 1),
        "tiff white is zero": lambda: tiff(bits, 0),
        "tiff palette": lambda: tiff(bits, 3),
    }[kind]()
    picture = decode_picture(data)
    assert picture.bit_depth == 8 and picture.notices == ()
    assert (as_bytes(picture.pixels()) == shown_by_pillow(data)).all()


@pytest.mark.parametrize("bits", [2, 4])
def test_a_palette_with_opacity(bits: int) -> None:
    opacity = bytes(range(0, 256, 256 // 2**bits))
    data = png(bits, 3, (b"PLTE", PALETTE[: 2**bits].tobytes()), (b"tRNS", opacity))
    picture = decode_picture(data)
    alpha = picture.alpha()
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(image.convert("RGBA")).astype(int)
    assert alpha is not None and (as_bytes(alpha) == expected[..., 3]).all()
    shown = expected[..., 3] > 0
    assert (as_bytes(picture.pixels())[shown] == expected[shown, :3]).all()


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_grey_avif_and_avif_with_alpha_are_those_of_libavif(depth: type) -> None:
    unit = np.iinfo(depth).max // 255
    grey = np.ascontiguousarray(card()[..., 1]).astype(depth) * depth(unit)
    names = ("uchar", "b-w") if depth == np.uint8 else ("ushort", "grey16")
    image = pyvips.Image.new_from_memory(grey.tobytes(), grey.shape[1], grey.shape[0], 1, names[0])
    bits = {"bitdepth": 8 if depth == np.uint8 else 10}
    data = image.copy(interpretation=names[1]).heifsave_buffer(compression="av1", Q=100, keep="none", **bits)
    assert np.abs(as_bytes(decode_picture(data).pixels()) - shown_by_pillow(data)).max() <= 2
    if depth == np.uint8:
        colours = np.dstack([card(), card()[..., 0]])
        file = io.BytesIO()
        Image.fromarray(colours).save(file, "AVIF", quality=100, subsampling="4:4:4")
        picture = decode_picture(file.getvalue())
        alpha = picture.alpha()
        with Image.open(file) as stored:
            expected = np.asarray(stored).astype(int)
        assert alpha is not None and np.abs(as_bytes(alpha) - expected[..., 3]).max() <= 1
        assert np.abs(as_bytes(picture.pixels()) - expected[..., :3]).max() <= 2


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA"])
def test_channels_of_heic(mode: str) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    colours = card()[..., 1:2] if mode[0] == "L" else card()
    samples = np.dstack([colours, card()[..., 0]]) if mode[-1] == "A" else colours
    file = io.BytesIO()
    image = pillow_heif.from_bytes(mode=mode, size=card().shape[1::-1], data=np.ascontiguousarray(samples).tobytes())
    image.save(file, quality=-1, chroma=444, format="HEIF")
    picture = decode_picture(file.getvalue())
    assert np.abs(as_bytes(picture.pixels()) - colours).max() <= 3  # what was written
    alpha = picture.alpha()
    assert (alpha is None) == (mode == "L")
    assert alpha is None or np.abs(as_bytes(alpha) - card()[..., 0]).max() <= 1
