"""Small pictures to write and read, and what is asked of every error."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray

from impasto.errors import ImpastoError


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
