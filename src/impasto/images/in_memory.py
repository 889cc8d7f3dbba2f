"""Pictures in memory: the bytes of a file, an open file, an image of Pillow, an array, a tensor, a pastiche."""

from __future__ import annotations

import io
import os
import struct
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from impasto.errors import InputError, OptionError, first_line
from impasto.images.containers import read_declared
from impasto.images.picture import Picture, picture_from_array, unreadable
from impasto.images.reading import DEFAULT_MAX_PIXELS, decode_picture
from impasto.storage.files import why_not_a_file

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.PngImagePlugin import PngInfo

_HEADER_BYTES = 2**20  # of a file, in which it says what its colours are
ORIENTATION = 0x0112  # the tag of EXIF
BYTES_PER_PIXEL = 10  # of a file at most: CMYK and alpha at 16 bit
_ENCODED_AS = {"RGB": "PNG", "RGBA": "PNG", "L": "PNG", "LA": "PNG", "I;16": "PNG", "CMYK": "TIFF"}
_DECODED_AS = {"1": "L", "YCbCr": "RGB", "HSV": "RGB", "RGBX": "RGB", "RGBa": "RGBA", "La": "LA", "I;16B": "I;16"}


@runtime_checkable
class SupportsPicture(Protocol):
    """Something that is a picture too, such as a pastiche."""

    def picture(self) -> Picture:
        """The same as a picture."""
        ...


def picture_in_memory(value: Any, max_pixels: int = DEFAULT_MAX_PIXELS) -> Picture:
    """Bring what is in memory to a `Picture`.

    Parameters
    ----------
    value: bytes of a picture file; a file opened for reading in binary mode; a PIL image; a `Pastiche`; an array or
        tensor as `picture_from_array` takes.

    Raises `InputError` for one that cannot be read, `OptionError` for something that is no picture.
    """
    if isinstance(value, SupportsPicture):
        return value.picture()
    if isinstance(value, bytes | bytearray | memoryview):
        return decode_picture(bytes(value), max_pixels=max_pixels)
    pillow = sys.modules.get("PIL.Image")  # who gives a picture of Pillow has loaded it
    if pillow is not None and isinstance(value, pillow.Image):
        return _from_pillow(value, max_pixels)
    if callable(getattr(value, "read", None)):
        return _from_file(value, max_pixels)
    if any(hasattr(value, name) for name in ("shape", "__array__", "__array_interface__")):
        return picture_from_array(value)
    raise OptionError(
        "a picture is a path, bytes, an open file, a PIL image, an array, a tensor, a Picture or a Pastiche, "
        f"got {value!r:.80}"
    )


def _from_file(file: Any, max_pixels: int) -> Picture:
    name = getattr(file, "name", "")
    label = Path(os.fsdecode(name)).name if isinstance(name, str | bytes) and name else "file"
    try:
        if hasattr(file, "readable") and not file.readable():
            raise OSError("not readable")  # of Python 3.13 `read` of such a file says something else
        data = file.read(BYTES_PER_PIXEL * max_pixels + 2**26 + 1)
    except (OSError, ValueError, UnicodeDecodeError) as error:  # closed; opened for writing; text that is none
        raise unreadable(label, f"{first_line(error)}; open it for reading in binary mode") from error
    if not isinstance(data, bytes):
        if hasattr(data, "close"):  # a coroutine that nobody awaits
            data.close()
        raise unreadable(label, f"reading it gives {type(data).__name__}, not bytes; open it in binary mode")
    if not data:
        raise unreadable(label, "there is nothing to read from where it stands; go back with seek(0)")
    return decode_picture(data, name=label, max_pixels=max_pixels)


def _from_pillow(image: Image, max_pixels: int) -> Picture:
    """The picture as it would be read from its file: upright, in sRGB by its profile."""
    from PIL import ImageFile

    if image.width * image.height > max_pixels:
        raise InputError(f"the PIL image has {image.width} x {image.height} px, more than the limit of {max_pixels}")
    try:
        code_points = _code_points(image)  # before anything else: Pillow closes the file
        exif = image.getexif()
        if not isinstance(image, ImageFile.ImageFile):  # turned or cut since it was read, by who looked at it
            exif.pop(ORIENTATION, None)
        if image.mode in ("P", "PA"):
            image = image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
        image = image.convert(_DECODED_AS[image.mode]) if image.mode in _DECODED_AS else image
        if image.mode == "LAB":
            raise unreadable("PIL image", "its colours are CIELAB; convert it to RGB (PIL.ImageCms)")
        if image.mode not in _ENCODED_AS:
            return picture_from_array(np.asarray(image), name="PIL image")
        file, profile = io.BytesIO(), image.info.get("icc_profile")
        image.save(
            file,
            _ENCODED_AS[image.mode],
            icc_profile=profile,
            exif=exif.tobytes(),
            compress_level=1,
            pnginfo=_colour_chunks(image, code_points),
        )
    except (OSError, ValueError, SyntaxError) as error:  # what is read late may be damaged
        raise unreadable("PIL image", first_line(error)) from error
    picture = decode_picture(file.getvalue(), name="PIL image", max_pixels=max_pixels)
    # By its samples, not by the file, whose bytes depend on the version of Pillow.
    again = picture_from_array(picture.samples, name="PIL image")
    return replace(again, metadata=picture.metadata, notices=picture.notices)


def _code_points(image: Image) -> tuple[int, int, int, int] | None:
    """The code points of H.273 that the file of an image says, which Pillow hides, as the chunk cICP has them.

    None where there are none, or the file cannot be read again: one without a name, once Pillow has decoded it.
    """
    loader = {"PNG": "png", "AVIF": "heif", "HEIF": "heif"}.get(getattr(image, "format", None) or "")
    if loader is None:
        return None
    place, file = getattr(image, "filename", ""), getattr(image, "fp", None)
    try:
        if place and not why_not_a_file(place):
            with Path(place).open("rb") as opened:
                start = opened.read(_HEADER_BYTES)
        elif file is not None and file.seekable():
            before = file.tell()
            file.seek(0)
            start = file.read(_HEADER_BYTES)
            file.seek(before)
        else:
            return None
    except (OSError, ValueError):
        return None
    declared = read_declared(loader, start)
    return declared.code_points and (*declared.code_points, 0, int(not declared.narrow))


def _colour_chunks(image: Image, code_points: tuple[int, int, int, int] | None) -> PngInfo:
    """What a PNG said of its colours, as Pillow keeps it, and code points."""
    from PIL.PngImagePlugin import PngInfo

    chunks, info = PngInfo(), image.info
    if code_points is not None:
        chunks.add(b"cICP", bytes(code_points))
    elif "icc_profile" not in info and "srgb" not in info and "gamma" in info:
        chunks.add(b"gAMA", struct.pack(">I", round(info["gamma"] * 100_000)))
        if "chromaticity" in info:
            chunks.add(b"cHRM", struct.pack(">8I", *(round(number * 100_000) for number in info["chromaticity"])))
    return chunks
