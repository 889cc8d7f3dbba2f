"""Odd but valid picture files of one test card, each with what another program or a standard makes of it.

`CHROMIUM` holds what Chromium 156 draws on an sRGB canvas; tests/browser/test_colours.py asks it again.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray
from PIL import Image, ImageCms

CARD = np.array([(200, 40, 40), (30, 120, 200), (16, 16, 16), (128, 128, 128), (250, 240, 90), (90, 200, 60)], np.uint8)
BLOCK_PX = 16
SRGB_XY = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
P3_XY = (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)


def card(colours: NDArray[Any] = CARD) -> NDArray[Any]:
    """The card: a row of squares."""
    return colours[None].repeat(BLOCK_PX, axis=0).repeat(BLOCK_PX, axis=1)


def squares(pixels: NDArray[Any]) -> NDArray[Any]:
    """The middle of each square."""
    return pixels[BLOCK_PX // 2, BLOCK_PX // 2 :: BLOCK_PX]


def encoded(kind: str, pixels: NDArray[Any] | Image.Image | None = None, **options: Any) -> bytes:
    file = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(card() if pixels is None else pixels)
    image.save(file, kind, **options)
    return file.getvalue()


def swapped_srgb() -> bytes:
    """An sRGB profile that says red where sRGB says blue: nobody can miss whether it is applied."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"tmp_").replace(b"bXYZ", b"rXYZ").replace(b"tmp_", b"bXYZ")


# ------------------------------------------------------------------------------------------------- PNG


def with_chunks(*chunks: tuple[bytes, bytes], data: bytes | None = None) -> bytes:
    """A PNG of the card with these chunks before its pixels."""
    data = data or encoded("PNG")
    place = data.index(b"IDAT") - 4
    packed = b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
    return data[:place] + packed + data[place:]


def gamma(value: int) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", value)


def chromaticities(values: tuple[float, ...]) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in values))


def cicp(primaries: int, transfer: int) -> tuple[bytes, bytes]:
    return b"cICP", bytes([primaries, transfer, 0, 1])


SAYS_SRGB = (b"sRGB", b"\0")


def grey_png(*chunks: tuple[bytes, bytes]) -> bytes:
    return with_chunks(*chunks, data=encoded("PNG", card()[..., 1]))


# --------------------------------------------------------------------------------------- AVIF and HEIC


def avif(primaries: int, transfer: int, **options: Any) -> bytes:
    """An AVIF whose nclx names these code points."""
    return with_nclx(encoded("AVIF", quality=100, subsampling="4:4:4", **options), primaries, transfer)


def deep_avif(primaries: int, transfer: int, bits: int) -> bytes:
    """An AVIF of 10 or 12 bits whose nclx names these code points: libvips writes it, and knows no nclx."""
    samples = card().astype(np.uint16) * 257
    image = pyvips.Image.new_from_memory(samples.tobytes(), samples.shape[1], samples.shape[0], 3, "ushort")
    image = image.copy(interpretation="rgb16")
    data = image.heifsave_buffer(compression="av1", bitdepth=bits, Q=100, subsample_mode="off", keep="none")
    said = struct.pack(">I4s4sHHHB", 19, b"colr", b"nclx", primaries, transfer, 6, 0x80)
    place = data.index(b"ipma") - 4  # behind the properties; one item has three of them
    data = data[:place] + said + data[place:]
    place += len(said) + 18
    assert data[place : place + 4] == b"\x03\x81\x02\x03"
    data = data[:place] + b"\x04\x81\x02\x03\x04" + data[place + 4 :]
    for name, more in ((b"ipma", 1), (b"ipco", 19), (b"iprp", 20), (b"meta", 20)):
        data = _enlarged(data, data.index(name) - 4, more)
    return _enlarged(data, data.index(b"iloc") + 22, 20)  # where the pixels begin


def _enlarged(data: bytes, place: int, more: int) -> bytes:
    (number,) = struct.unpack_from(">I", data, place)
    return data[:place] + struct.pack(">I", number + more) + data[place + 4 :]


def without_nclx(data: bytes) -> bytes:
    """The same AVIF with a box in the place of its code points that says nothing."""
    return data.replace(b"colrnclx", b"freenclx")


def with_nclx(data: bytes, primaries: int, transfer: int) -> bytes:
    place = data.index(b"colrnclx") + 8
    return data[:place] + struct.pack(">HH", primaries, transfer) + data[place + 4 :]


# ------------------------------------------------------------------------------------------------ JPEG


def jpeg(**options: Any) -> bytes:
    return encoded("JPEG", quality=100, subsampling=0, **options)


def with_segment(data: bytes, marker: int, payload: bytes) -> bytes:
    """A JPEG with one more APP segment after its start."""
    return data[:2] + struct.pack(">HH", marker, len(payload) + 2) + payload + data[2:]


def exif_of(color_space: int, interoperability: str | None) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = color_space
    if interoperability:
        exif.get_ifd(0x8769)[0xA005] = {1: interoperability}
    return exif.tobytes()


FILES: dict[str, Callable[[], bytes]] = {
    "plain.png": lambda: with_chunks(),
    "gamma-1.png": lambda: with_chunks(gamma(100_000)),
    "gamma-1.8.png": lambda: with_chunks(gamma(55_556)),
    "gamma-2.2.png": lambda: with_chunks(gamma(45_455)),
    "gamma-1-grey.png": lambda: grey_png(gamma(100_000)),
    "chromaticities.png": lambda: with_chunks(chromaticities(P3_XY)),
    "gamma-chromaticities.png": lambda: with_chunks(gamma(45_455), chromaticities(P3_XY)),
    "srgb-gamma.png": lambda: with_chunks(SAYS_SRGB, gamma(100_000)),
    "profile-gamma.png": lambda: with_chunks(gamma(100_000), data=encoded("PNG", icc_profile=swapped_srgb())),
    "cicp-profile.png": lambda: with_chunks(cicp(1, 13), data=encoded("PNG", icc_profile=swapped_srgb())),
    "cicp-srgb-gamma.png": lambda: with_chunks(cicp(12, 13), SAYS_SRGB, gamma(100_000)),
    "cicp-p3.png": lambda: with_chunks(cicp(12, 13)),
    "cicp-2020.png": lambda: with_chunks(cicp(9, 13)),
    "cicp-pq.png": lambda: with_chunks(cicp(9, 16)),
    "cicp-hlg.png": lambda: with_chunks(cicp(9, 18)),
    "cicp-logarithm.png": lambda: with_chunks(cicp(1, 9)),
    "nclx-srgb.avif": lambda: avif(1, 13),
    "nclx-television.avif": lambda: avif(1, 1),
    "nclx-p3.avif": lambda: avif(12, 13),
    "nclx-linear.avif": lambda: avif(1, 8),
    "nclx-pq.avif": lambda: avif(9, 16),
    "nclx-hlg.avif": lambda: avif(9, 18),
    "nothing.avif": lambda: without_nclx(avif(9, 16)),
    "nclx-srgb-10.avif": lambda: deep_avif(1, 13, 10),
    "nclx-p3-10.avif": lambda: deep_avif(12, 13, 10),
    "nclx-p3-12.avif": lambda: deep_avif(12, 13, 12),
    "nclx-pq-10.avif": lambda: deep_avif(9, 16, 10),
    "profile.avif": lambda: encoded("AVIF", quality=100, subsampling="4:4:4", icc_profile=swapped_srgb()),
    "profile.webp": lambda: encoded("WEBP", lossless=True, icc_profile=swapped_srgb()),
    "profile.jpg": lambda: jpeg(icc_profile=swapped_srgb()),
    "rgb.jpg": lambda: jpeg(keep_rgb=True),
    "gain-map.jpg": lambda: with_segment(jpeg(), 0xFFE1, b'http://ns.adobe.com/xap/1.0/\0<x hdrgm:Version="1.0"/>'),
    "gain-map-iso.jpg": lambda: with_segment(jpeg(), 0xFFE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0"),
}

# What Chromium 156 draws for each square, on an sRGB canvas.
_DRAWN = {
    "plain.png": "c82828 1e78c8 101010 808080 faf05a 5ac83c",
    "gamma-1.png": "e56e6e 60b7e5 474747 bcbcbc fdf8a0 a0e585",
    "gamma-1.8.png": "d23535 288bd2 141414 929292 fbf36d 6dd24d",
    "gamma-2.2.png": "c82828 1e78c8 101010 808080 faf05a 5ac83c",
    "gamma-1-grey.png": "6e6e6e b7b7b7 474747 bcbcbc f8f8f8 e5e5e5",
    "chromaticities.png": "c82828 1e78c8 101010 808080 faf05a 5ac83c",
    "gamma-chromaticities.png": "dc0012 007bd0 070707 818181 fcf02a 00cc00",
    "srgb-gamma.png": "c82828 1e78c8 101010 808080 faf05a 5ac83c",
    "profile-gamma.png": "2828c8 c8781e 101010 808080 5af0fa 3cc85a",
    "cicp-profile.png": "c82828 1e78c8 101010 808080 faf05a 5ac83c",
    "cicp-srgb-gamma.png": "da001a 007ace 101010 808080 fcf02c 00cb07",
    "cicp-p3.png": "da001a 007ace 101010 808080 fcf02c 00cb07",
    "cicp-2020.png": "f9001b 007dcf 101010 808080 fff019 00d200",
    "cicp-pq.png": "ff0000 003fff 010101 848484 ffd400 00ff00",
    "cicp-hlg.png": "e6000d 0060bc 030303 636363 ffe100 00d000",
    "cicp-logarithm.png": "c82828 1e78c8 101010 808080 faf05a 5ac83c",
    "nclx-srgb.avif": "c82828 1d78c7 101010 808080 faf05a 59c83b",
    "nclx-television.avif": "c82828 1d78c7 101010 808080 faf05a 59c83b",
    "nclx-p3.avif": "da001a 007acd 101010 808080 fcf02c 00cb02",
    "nclx-linear.avif": "e56e6e 5fb7e5 474747 bcbcbc fdf8a0 9fe584",
    "nclx-pq.avif": "ff0000 0040ff 010101 848484 ffd400 00ff00",
    "nclx-hlg.avif": "e6000d 0060ba 030303 636363 ffe100 00d000",
    "nothing.avif": "c82828 1d78c7 101010 808080 faf05a 59c83b",
    "nclx-srgb-10.avif": "c82828 1d79c7 101010 808080 faf05a 59c93b",
    "nclx-p3-10.avif": "da001a 007bcd 101010 808080 fcf02c 00cc00",
    "nclx-p3-12.avif": "da0018 007acd 101010 808080 fcf02c 00cb02",
    "nclx-pq-10.avif": "ff0000 003eff 010101 858585 ffd400 00ff00",
    "profile.avif": "2828c8 c7781d 101010 808080 5af0fa 3bc859",
    "profile.webp": "2828c8 c8781e 101010 808080 5af0fa 3cc85a",
    "profile.jpg": "2828c8 c7781d 101010 808080 5af0fa 3dc859",
    "rgb.jpg": "c82828 1e78c8 101010 808080 faf05a 5ac83c",
    "gain-map.jpg": "c82828 1d78c7 101010 808080 faf05a 59c83d",
    "gain-map-iso.jpg": "c82828 1d78c7 101010 808080 faf05a 59c83d",
}
CHROMIUM = {name: [tuple(bytes.fromhex(colour)) for colour in drawn.split()] for name, drawn in _DRAWN.items()}
