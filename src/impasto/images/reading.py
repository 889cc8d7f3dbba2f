"""Picture files to pixels: any of seven formats in, upright sRGB out, or one clear line.

Reading decides by a file's content, never by its name, and checks the declared size before decoding. Files are
read as a stream: a file of gigabytes takes no memory before its header is believed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import mmap
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from io import FileIO
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import pyvips
from numpy.typing import NDArray

from impasto.errors import InputError, RecordError
from impasto.images.color import convert_to_srgb
from impasto.images.metadata import parse_xmp, read_metadata, xmp_property
from impasto.images.picture import Picture, build_picture, unreadable
from impasto.storage.files import why_not_a_file

DEFAULT_MAX_PIXELS = 250_000_000

# Process-wide, but only ever stricter: no loaders that libvips itself distrusts (SVG, PDF, ...), no
# memory of past operations (each would keep its picture alive), and no warnings on somebody's
# stderr, since what matters here becomes an error. (GLib's own, of a width past 2^31, go where
# pyvips sends those of libvips.)
pyvips.block_untrusted_set(True)
pyvips.cache_set_max(0)
pyvips.cache_set_max_mem(0)
pyvips.cache_set_max_files(0)
logging.getLogger("pyvips").setLevel(logging.ERROR)
pyvips.glib_lib.g_log_set_handler(
    b"GLib-GObject", pyvips.GLogLevelFlags.LEVEL_CRITICAL, pyvips._log_handler_cb, pyvips.ffi.NULL
)

_READABLE: Final = "JPEG, PNG, WebP, AVIF, TIFF, GIF, HEIC"
_LOADERS: Final = {  # by the first bytes of a file
    rb"\xff\xd8\xff": "jpeg",
    rb"\x89PNG\r\n\x1a\n": "png",
    rb"RIFF....WEBP": "webp",
    rb"II[*+]\0|MM\0[*+]": "tiff",
    rb"GIF8[79]a": "gif",
    rb"....ftyp(he[iv][cmsx]|mif1|msf1|avi[fs])": "heif",
}
_COLOUR_BANDS: Final = {"b-w": 1, "grey16": 1, "srgb": 3, "rgb": 3, "rgb16": 3, "cmyk": 4}
# A bomb is a file that unpacks to much more than its size. Deflate reaches 1,030 times, WebP any number;
# a real picture of this many bytes is never packed so tightly, JPEG and AVIF at their worst quality included.
_BOMB_BYTES: Final = 2**27
_BOMB_RATIO: Final = 500


def load_picture(path: str | os.PathLike[str], *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Picture:
    """Load a JPEG, PNG, WebP, AVIF, TIFF, GIF (its first frame) or HEIC picture.

    The picture is turned upright by its EXIF orientation and taken through its colour profile to sRGB. The format is
    found from the content, not from the name. A picture that declares more than `max_pixels` is refused before it is
    decoded.

    Raises `InputError` when there is no such file, or it cannot be read as a whole, or is no picture, or too large.
    """
    with _opened(path) as stream:
        picture = _load(path, stream, max_pixels)
    return replace(picture, path=Path(path).absolute())


def decode_picture(data: bytes, *, name: str = "bytes", max_pixels: int = DEFAULT_MAX_PIXELS) -> Picture:
    """Decode a picture of the formats that `load_picture` reads, from the bytes of its file; raises as it does."""
    if not data:
        raise unreadable(name, "there are no bytes; give those of a picture file")
    with tempfile.TemporaryFile(buffering=0) as stream:
        stream.write(data)
        stream.seek(0)
        picture = _load(name, stream, max_pixels)
    return replace(picture, data=data)


def _load(path: str | os.PathLike[str], stream: FileIO, max_pixels: int) -> Picture:
    """Read a picture from an open file; `path` is what messages call it."""
    file_bytes = os.fstat(stream.fileno()).st_size
    _check_file_size(path, file_bytes, max_pixels)
    image = _open(path, stream)
    _check_declared_size(path, image, file_bytes, max_pixels)
    coding = _field(image, "heif-compression")
    try:
        samples = _decode(path, _decode_heic(path, stream, image) if coding == "hevc" else image)
    except (pyvips.Error, MemoryError) as error:
        raise _undecodable(path, image, error) from error
    if coding is None:  # HEIC and AVIF decoders turn the picture themselves, whatever the EXIF says
        samples = _upright(samples, _field(image, "orientation"))
    exif = _field(image, "exif-data")
    with nullcontext(exif) if exif else mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as blob:
        metadata = read_metadata(blob, _field(image, "xmp-data") or b"")
    stream.seek(0)
    sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return build_picture(Path(path).name, sha256, samples, metadata)


def read_record(path: str | os.PathLike[str]) -> dict[str, object]:
    """Read the run record that `save_picture` put into a picture.

    Raises `InputError` for a file that is no picture that can be read, `RecordError` for a picture without a run
    record, or with a damaged one.
    """
    with _opened(path) as stream:
        # libvips maps a JPEG whole, and crashes where that fails
        _check_file_size(path, os.fstat(stream.fileno()).st_size, DEFAULT_MAX_PIXELS)
        packet = _field(_open(path, stream), "xmp-data")
    try:
        text = xmp_property(parse_xmp(packet), "impasto:record") if packet else None
        record = None if text is None else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged_record(path, str(error)) from error
    if text is None:
        raise RecordError(
            f"{shown(path)} carries no run record; give a picture that impasto painted, as impasto saved it"
        )
    if not isinstance(record, dict):
        raise _damaged_record(path, "not a table of names and values")
    return record


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[FileIO]:
    """Open a regular file that is not empty; anything else is not even opened.

    Without a buffer of Python's own: libvips moves the place in the file, too.
    """
    file = Path(path)
    try:
        if why := why_not_a_file(path):
            raise unreadable(path, f"{why}; give a picture file")
        if not file.stat().st_size:
            raise unreadable(path, "the file is empty; get it again")
        with file.open("rb", buffering=0) as stream:
            yield stream
    except OSError as error:
        raise unreadable(path, f"{reason(error)}; check the name and its permissions") from error


def _check_file_size(path: str | os.PathLike[str], file_bytes: int, pixels: int) -> None:
    if file_bytes > 10 * pixels + 2**26:  # 10: CMYK and alpha at 16 bit
        raise unreadable(
            path,
            f"{file_bytes} bytes are more than a picture of {pixels} pixels can need; "
            "make it smaller, or raise max_pixels if you trust it",
        )


def _check_declared_size(path: str | os.PathLike[str], image: pyvips.Image, file_bytes: int, max_pixels: int) -> None:
    pixels = image.width * image.height
    if pixels > max_pixels:
        raise InputError(
            f"{shown(path)} declares {image.width} x {image.height} px, more than the limit of {max_pixels} "
            "pixels; make it smaller, or raise max_pixels if you trust it"
        )
    depth = 1 if image.format == "uchar" else 2
    bits = _field(image, "bits-per-sample") or 8 * depth  # a scanned drawing has 1, and is no bomb
    unpacked, coded = pixels * (3 + image.hasalpha()) * depth, pixels * image.bands * bits // 8
    if unpacked > _BOMB_BYTES and coded > _BOMB_RATIO * file_bytes:
        raise unreadable(
            path,
            f"it declares {image.width} x {image.height} px in {file_bytes} bytes, too few for a real picture; "
            "make it smaller",
        )


def _open(path: str | os.PathLike[str], stream: FileIO) -> pyvips.Image:
    """Read a picture's header, by the loader that its first bytes call for.

    libvips' own search would show a hostile file to every loader that it has.
    """
    head = stream.read(12)
    loader = next((name for pattern, name in _LOADERS.items() if re.match(pattern, head, re.DOTALL)), None)
    if loader is None:
        raise unreadable(path, f"it is not a picture that impasto reads ({_READABLE})")
    stream.seek(0)
    try:
        source = pyvips.Source.new_from_descriptor(stream.fileno())
        return pyvips.Operation.call(f"{loader}load_source", source, access="sequential", fail_on="error")
    except pyvips.Error as error:
        raise _damaged(path, error) from error


def _field(image: pyvips.Image, name: str) -> Any:
    """Give one of the things libvips found beside the pixels, None when it is not there."""
    return image.get(name) if image.get_typeof(name) else None


def _decode(path: str | os.PathLike[str], image: pyvips.Image) -> NDArray[np.unsignedinteger[Any]]:
    """Decode to [height, width, 3 or 4] sRGB samples, with straight alpha."""
    has_alpha = image.hasalpha()
    colour_bands = image.bands - has_alpha
    if image.format not in ("uchar", "ushort") or _COLOUR_BANDS.get(image.interpretation) != colour_bands:
        raise unreadable(
            path,
            f"it holds {image.bands} channels of {image.format} {image.interpretation}; "
            "save it as 8 or 16 bit grey, RGB or CMYK",
        )
    bits = _field(image, "bits-per-sample") or 16
    if _field(image, "heif-compression") and 8 < bits < 16:
        image = image | (image >> bits)  # libheif leaves the low bits 0: white was 65472
    colours = convert_to_srgb(image.extract_band(0, n=colour_bands))
    if has_alpha:
        colours = colours.bandjoin(image.extract_band(colour_bands))
    return cast("NDArray[np.unsignedinteger[Any]]", colours.numpy())


def _decode_heic(path: str | os.PathLike[str], stream: FileIO, header: pyvips.Image) -> pyvips.Image:
    """Let pillow-heif decode what libvips could read only the header of (HEVC is not in its wheels)."""
    try:
        import pillow_heif
    except ImportError as error:
        raise unreadable(path, "it is a HEIC picture; to read these: pip install 'impasto[heic]'") from error
    _check_file_size(path, os.fstat(stream.fileno()).st_size, header.width * header.height)
    stream.seek(0)
    try:
        heif = pillow_heif.open_heif(stream, convert_hdr_to_8bit=False)
        samples = np.ascontiguousarray(np.asarray(heif))
    except (ValueError, OSError, EOFError, RuntimeError, SyntaxError) as error:
        raise _damaged(path, error) from error
    height_px, width_px, bands = samples.shape
    depth_format = "uchar" if samples.dtype == np.uint8 else "ushort"
    image = pyvips.Image.new_from_memory(samples, width_px, height_px, bands, depth_format)
    image = image.copy(interpretation="srgb" if depth_format == "uchar" else "rgb16")
    for name in ("icc-profile-data", "heif-compression", "bits-per-sample"):
        if header.get_typeof(name):
            image.set_type(header.get_typeof(name), name, header.get(name))
    return image


def _upright(samples: NDArray[np.unsignedinteger[Any]], orientation: int) -> NDArray[np.unsignedinteger[Any]]:
    """Undo an EXIF orientation (1 to 8; anything else counts as upright)."""
    if orientation in (5, 6, 7, 8):
        samples = samples.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    return np.ascontiguousarray(samples)


# -------------------------------------------------------------------------------------- error lines


def shown(path: str | os.PathLike[str]) -> str:
    return repr(os.fspath(path))


def reason(error: Exception) -> str:
    """Find the telling line in what libvips or the system says; empty when they say nothing."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = [line.strip() for line in str(getattr(error, "detail", error)).splitlines()]
    telling = [line for line in lines if ":" in line] or [line for line in lines if line] or [""]
    return telling[-1][:120]


def _damaged(path: str | os.PathLike[str], error: Exception) -> InputError:
    why = f" ({reason(error)})" if reason(error) else ""
    return unreadable(path, f"it is damaged or cut short{why}; get it again")


def _undecodable(path: str | os.PathLike[str], image: pyvips.Image, error: Exception) -> InputError:
    if isinstance(error, MemoryError) or "out of memory" in str(error):
        return unreadable(path, f"there is not enough memory for its {image.width} x {image.height} px")
    return _damaged(path, error)


def _damaged_record(path: str | os.PathLike[str], why: str) -> RecordError:
    return RecordError(f"the run record of {shown(path)} is damaged ({why}); give the picture as impasto saved it")
