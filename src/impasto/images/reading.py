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
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from io import FileIO
from itertools import chain
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import pyvips
from numpy.typing import NDArray

from impasto.errors import InputError, RecordError
from impasto.images.color import convert_to_srgb
from impasto.images.color_meaning import ADOBE_RGB, SRGB, samples_to_srgb, ycbcr_to_rgb
from impasto.images.containers import FOUND_BY_VIPS, RAW_ADVICE, Declared, name_other, read_declared
from impasto.images.metadata import is_adobe_rgb, parse_xmp, read_metadata, xmp_property
from impasto.images.picture import Picture, build_picture, quantise, unreadable
from impasto.storage.files import why_not_a_file
from impasto.storage.forking import use_libvips
from impasto.storage.installed import install_command

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


def read_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Height and width in pixels of a picture, upright, by its header alone; raises as `load_picture` does."""
    with _opened(path) as stream:
        loader = _loader_of(path, stream)
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            declared = read_declared(loader, data)
        if declared.refused:
            raise unreadable(path, declared.refused)
        image = _open(path, stream, loader, declared)
    turned = _field(image, "heif-compression") is None and _field(image, "orientation") in (5, 6, 7, 8)
    return (image.width, image.height) if turned else (image.height, image.width)


def decode_picture(data: bytes, *, name: str = "bytes", max_pixels: int = DEFAULT_MAX_PIXELS) -> Picture:
    """Decode a picture of the formats that `load_picture` reads, from the bytes of its file; raises as it does."""
    if not data:
        raise unreadable(name, "there are no bytes; give those of a picture file")
    with _temporary_file(name, [data]) as stream:
        picture = _load(name, stream, max_pixels)
    return replace(picture, data=data)


@contextmanager
def _temporary_file(path: str | os.PathLike[str], parts: Iterable[bytes]) -> Iterator[FileIO]:
    """A file without a name that holds these bytes, for decoders that want a file; raises `InputError`."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(tempfile.TemporaryFile(buffering=0))
            for part in parts:
                left = memoryview(part)
                while left:
                    left = left[file.write(left) :]  # on a disk that is nearly full a part is written
            file.seek(0)
        except OSError as error:
            why = f"the folder of temporary files cannot take it ({error.strerror}); TMPDIR names another"
            raise unreadable(path, why) from error
        yield file


def _load(path: str | os.PathLike[str], stream: FileIO, max_pixels: int) -> Picture:
    """Read a picture from an open file; `path` is what messages call it."""
    file_bytes = os.fstat(stream.fileno()).st_size
    _check_file_size(path, file_bytes, max_pixels)
    loader = _loader_of(path, stream)
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        declared = read_declared(loader, data)
    if declared.refused:
        raise unreadable(path, declared.refused)
    image = _open(path, stream, loader, declared)
    _check_declared_size(path, image, file_bytes, max_pixels)
    exif = _field(image, "exif-data")
    if exif and declared.meaning is None and not _field(image, "icc-profile-data") and is_adobe_rgb(exif):
        declared = replace(declared, meaning=ADOBE_RGB)
    samples, notices = _decode_file(path, stream, image, declared)
    if _field(image, "heif-compression") is None:  # their decoders turn the picture themselves, whatever the EXIF says
        samples = _upright(samples, _field(image, "orientation"))
    with nullcontext(exif) if exif else mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as blob:
        metadata = read_metadata(blob, _field(image, "xmp-data") or b"")
    stream.seek(0)
    sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return build_picture(Path(path).name, sha256, samples, metadata, declared.notices + notices)


def read_record(path: str | os.PathLike[str]) -> dict[str, object]:
    """Read the run record that `save_picture` put into a picture.

    Raises `InputError` for a file that is no picture that can be read, `RecordError` for a picture without a run
    record, or with a damaged one.
    """
    with _opened(path) as stream:
        # libvips maps a JPEG whole, and crashes where that fails
        _check_file_size(path, os.fstat(stream.fileno()).st_size, DEFAULT_MAX_PIXELS)
        packet = _field(_open(path, stream, _loader_of(path, stream), Declared()), "xmp-data")
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


def _loader_of(path: str | os.PathLike[str], stream: FileIO) -> str:
    """The loader that a file's first bytes call for; libvips' own search would show a hostile file to all it has."""
    use_libvips()
    head = stream.read(500)
    loader = next((name for pattern, name in _LOADERS.items() if re.match(pattern, head, re.DOTALL)), None)
    if loader is None:
        other = name_other(head)
        advice = f"; {RAW_ADVICE}" if "raw" in other else ""
        kind = f"it is a {other} file, " if other else "it is "
        raise unreadable(path, f"{kind}not a picture that impasto reads ({_READABLE}){advice}")
    return loader


def _open(
    path: str | os.PathLike[str], stream: FileIO, loader: str, declared: Declared, fail_on: str = "error"
) -> pyvips.Image:
    """Read a picture's header."""
    stream.seek(0)
    try:
        source = pyvips.Source.new_from_descriptor(stream.fileno())
        name = f"{loader}load_source"
        return pyvips.Operation.call(name, source, access="sequential", fail_on=fail_on, **declared.options)
    except pyvips.Error as error:
        raise _damaged(path, error, declared.codec) from error


def _field(image: pyvips.Image, name: str) -> Any:
    """Give one of the things libvips found beside the pixels, None when it is not there."""
    return image.get(name) if image.get_typeof(name) else None


def _decode_file(
    path: str | os.PathLike[str], stream: FileIO, image: pyvips.Image, declared: Declared
) -> tuple[NDArray[np.unsignedinteger[Any]], tuple[str, ...]]:
    """Decode a file whose header was read: samples, and what is to be said of them."""
    is_jpeg = _field(image, "vips-loader") == "jpegload_source"
    coding = _field(image, "heif-compression")
    try:
        if is_jpeg:
            return _decode_jpeg(path, stream, declared)
        return _decode(path, _decode_heic(path, stream, image) if coding == "hevc" else image, declared), ()
    except (pyvips.Error, MemoryError) as error:
        raise _undecodable(path, image, error, declared) from error


def _decode_jpeg(
    path: str | os.PathLike[str], stream: FileIO, declared: Declared
) -> tuple[NDArray[np.unsignedinteger[Any]], tuple[str, ...]]:
    """Decode a JPEG file; one with a fault that is no loss, or is seldom one, with a notice.

    Phones write files without the marker at the end; libjpeg cannot tell those from files that are cut short. With
    the marker added it can: then it misses data.
    """
    try:
        return _decode(path, _open(path, stream, "jpeg", declared, "warning"), declared), ()
    except pyvips.Error as error:
        fault = error
    if "premature end of JPEG image" not in str(fault):
        samples = _decode(path, _open(path, stream, "jpeg", declared), declared)
        return samples, (f"its decoder warns ({reason(fault)}): look whether the picture is whole",)
    stream.seek(0)
    with _temporary_file(path, chain(iter(partial(stream.read, 2**20), b""), [b"\xff\xd9"])) as ended:
        try:
            samples = _decode(path, _open(path, ended, "jpeg", declared, "warning"), declared)
        except pyvips.Error:
            raise fault from None
    return samples, ("its end marker is missing; nothing else is",)


def _decode(path: str | os.PathLike[str], image: pyvips.Image, declared: Declared) -> NDArray[np.unsignedinteger[Any]]:
    """Decode to [height, width, 3 or 4] sRGB samples, with straight alpha."""
    colour_bands = _COLOUR_BANDS.get(image.interpretation, 0)
    alpha_band = declared.alpha_band
    if alpha_band == FOUND_BY_VIPS:
        alpha_band = image.bands - 1 if image.hasalpha() else None
    told_apart = declared.alpha_band != FOUND_BY_VIPS or image.bands == colour_bands + image.hasalpha()
    if image.format not in ("uchar", "ushort") or not 0 < colour_bands <= image.bands or not told_apart:
        raise unreadable(
            path,
            f"it holds {image.bands} channels of {image.format} {image.interpretation}; "
            "save it as 8 or 16 bit grey, RGB or CMYK",
        )
    bits = _field(image, "bits-per-sample") or 16
    if _field(image, "heif-compression") and 8 < bits < 16:
        image = image | (image >> bits)  # libheif leaves the low bits 0: white was 65472
    if declared.premultiplied and alpha_band is not None:
        top = 255 if image.format == "uchar" else 65535
        image = image.unpremultiply(max_alpha=top).rint().cast(image.format)
    colours = image.extract_band(0, n=colour_bands)
    if declared.luma_weights:
        colours = _rgb_of(colours, declared)
    meaning = declared.meaning if colour_bands < 4 else None  # CMYK has profiles alone
    if meaning is None:
        colours = convert_to_srgb(colours)
    if alpha_band is not None:
        colours = colours.bandjoin(image.extract_band(alpha_band))
    samples: NDArray[np.unsignedinteger[Any]] = colours.numpy().reshape(image.height, image.width, -1)
    if meaning is None:
        return samples
    split = samples.shape[2] - (alpha_band is not None)
    converted = samples[..., :split]
    if meaning != SRGB or declared.narrow:
        converted = samples_to_srgb(converted, meaning, narrow=declared.narrow)
    return np.concatenate([*[converted] * (3 // split), samples[..., split:]], axis=2)


def _rgb_of(image: pyvips.Image, declared: Declared) -> pyvips.Image:
    """What a TIFF holds as YCbCr, in RGB (TIFF 6.0, section 21)."""
    black, white = (np.array(declared.reference[place::2], np.float32) for place in (0, 1))
    coded = (image.numpy() - black) / (white - black) * (1, 127 / 255, 127 / 255)
    rgb = quantise(ycbcr_to_rgb(coded, cast("tuple[float, float]", declared.luma_weights)), 8)
    decoded = pyvips.Image.new_from_memory(rgb, image.width, image.height, 3, "uchar").copy(interpretation="srgb")
    _copy_field(image, decoded, "icc-profile-data")
    return decoded


def _copy_field(image: pyvips.Image, to: pyvips.Image, name: str) -> None:
    if image.get_typeof(name):
        to.set_type(image.get_typeof(name), name, image.get(name))


def _decode_heic(path: str | os.PathLike[str], stream: FileIO, header: pyvips.Image) -> pyvips.Image:
    """Let pillow-heif decode what libvips could read only the header of (HEVC is not in its wheels)."""
    try:
        import pillow_heif
    except ImportError as error:
        raise unreadable(path, f"it is a HEIC picture; to read these: {install_command('heic')}") from error
    _check_file_size(path, os.fstat(stream.fileno()).st_size, header.width * header.height)
    stream.seek(0)
    try:
        heif = pillow_heif.open_heif(stream, convert_hdr_to_8bit=False)
        samples = np.atleast_3d(np.ascontiguousarray(np.asarray(heif)))  # a grey one has no third side
    except (ValueError, OSError, EOFError, RuntimeError, SyntaxError) as error:
        raise _damaged(path, error) from error
    height_px, width_px, bands = samples.shape
    depth_format = "uchar" if samples.dtype == np.uint8 else "ushort"
    image = pyvips.Image.new_from_memory(samples, width_px, height_px, bands, depth_format)
    meanings = ("srgb", "rgb16") if bands > 2 else ("b-w", "grey16")
    image = image.copy(interpretation=meanings[depth_format == "ushort"])
    for name in ("icc-profile-data", "heif-compression", "bits-per-sample"):
        _copy_field(header, image, name)
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


def _damaged(path: str | os.PathLike[str], error: Exception, codec: str = "") -> InputError:
    if codec and "out of memory" not in str(error):
        return unreadable(
            path, f"it is packed by {codec}, which cannot be unpacked here; save it with LZW, Deflate or none"
        )
    why = f" ({reason(error)})" if reason(error) else ""
    return unreadable(path, f"it is damaged or cut short{why}; get it again")


def _undecodable(path: str | os.PathLike[str], image: pyvips.Image, error: Exception, declared: Declared) -> InputError:
    if isinstance(error, MemoryError) or "out of memory" in str(error):
        return unreadable(path, f"there is not enough memory for its {image.width} x {image.height} px")
    return _damaged(path, error, declared.codec)


def _damaged_record(path: str | os.PathLike[str], why: str) -> RecordError:
    return RecordError(f"the run record of {shown(path)} is damaged ({why}); give the picture as impasto saved it")
