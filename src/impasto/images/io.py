"""Picture files to pixels and back: any of six formats in, upright sRGB out, with the run record.

Reading decides by a file's content, never by its name, and checks the declared size before decoding.
Writing is whole or not at all. What is kept of a photograph beside its pixels is `PhotoMetadata`;
its position never is.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import pyvips
from numpy.typing import NDArray

from impasto.errors import InputError, OptionError, OutputError, RecordError, did_you_mean
from impasto.images.color import convert_to_srgb
from impasto.images.metadata import (
    PhotoMetadata,
    build_exif,
    build_xmp,
    parse_xmp,
    read_metadata,
    xmp_property,
)
from impasto.images.picture import Picture, build_picture, picture_from_array, quantise

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "PhotoMetadata",
    "Picture",
    "check_output",
    "load_picture",
    "picture_from_array",
    "read_record",
    "save_picture",
]

DEFAULT_MAX_PIXELS = 250_000_000

# Process-wide, but only ever stricter: no loaders that libvips itself distrusts (SVG, PDF, ...), no
# memory of past operations (each would keep its picture alive), and no warnings on somebody's
# stderr, since what matters here becomes an error.
pyvips.block_untrusted_set(True)
pyvips.cache_set_max(0)
pyvips.cache_set_max_mem(0)
pyvips.cache_set_max_files(0)
logging.getLogger("pyvips").setLevel(logging.ERROR)

_READABLE: Final = "JPEG, PNG, WebP, AVIF, TIFF, GIF, HEIC"
_LOADERS: Final = frozenset(f"VipsForeignLoad{name}Buffer" for name in ("Jpeg", "Png", "Webp", "Heif", "Tiff", "Nsgif"))
_EXISTS: Final = "it already exists; give another name or allow overwriting"
_COLOUR_BANDS: Final = {"b-w": 1, "grey16": 1, "srgb": 3, "rgb": 3, "rgb16": 3, "cmyk": 4}


@dataclass(frozen=True)
class _Format:
    """How one file extension is written."""

    name: str
    max_side_px: int
    bit_depths: tuple[int, ...] = (8,)
    max_xmp_bytes: int = 2**31 - 1
    options: Mapping[str, object] = field(default_factory=dict)


_JPEG: Final = _Format(
    "JPEG",
    max_side_px=65_500,
    max_xmp_bytes=60_000,  # libvips drops a larger packet in silence
    options={"Q": 95, "subsample_mode": "off", "optimize_coding": True},
)
_TIFF: Final = _Format("TIFF", 2**31 - 1, (8, 16), options={"compression": "deflate", "predictor": "horizontal"})
_FORMATS: Final[Mapping[str, _Format]] = {
    ".png": _Format("PNG", 2**31 - 1, (8, 16)),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".webp": _Format("WebP", 16_383, options={"Q": 95, "smart_subsample": True}),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".avif": _Format("AVIF", 16_384, options={"Q": 90, "subsample_mode": "off", "effort": 1}),
}


# ----------------------------------------------------------------------------------------- reading


def load_picture(path: str | os.PathLike[str], *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Picture:
    """Load a JPEG, PNG, WebP, AVIF, TIFF, GIF (its first frame) or HEIC picture.

    The picture is turned upright by its EXIF orientation and taken through its colour profile to
    sRGB. The format is found from the content, not from the name.

    Parameters
    ----------
    path
        The file.
    max_pixels
        A picture that declares more is refused before it is decoded.

    Raises
    ------
    InputError
        When there is no such file, or it cannot be read as a whole, or is no picture, or too large.
    """
    data = _read_bytes(path, max_bytes=10 * max_pixels + 2**26)  # 10: CMYK and alpha at 16 bit
    image = _open(path, data)
    if image.width * image.height > max_pixels:
        raise InputError(
            f"{_shown(path)} declares {image.width} x {image.height} px, more than the limit of {max_pixels} "
            "pixels; make it smaller, or raise max_pixels if you trust it"
        )
    coding = _field(image, "heif-compression")
    try:
        samples = _decode(path, _decode_heic(path, data, image) if coding == "hevc" else image)
    except pyvips.Error as error:
        raise _damaged(path, error) from error
    if coding is None:  # HEIC and AVIF decoders turn the picture themselves, whatever the EXIF says
        samples = _upright(samples, _field(image, "orientation"))
    metadata = read_metadata(_field(image, "exif-data") or data, _field(image, "xmp-data") or b"")
    return build_picture(Path(path).name, hashlib.sha256(data).hexdigest(), samples, metadata, Path(path).absolute())


def _read_bytes(path: str | os.PathLike[str], max_bytes: float = float("inf")) -> bytes:
    file = Path(path)
    try:
        if file.is_dir():
            raise _unreadable(path, "it is a folder; give a picture file")
        if not file.exists():
            raise _unreadable(path, "there is no such file; check the name")
        if not file.is_file():
            raise _unreadable(path, "it is not a regular file; give a picture file")
        if file.stat().st_size > max_bytes:
            raise _unreadable(
                path,
                f"{file.stat().st_size} bytes are more than a picture within the limit "
                "can need; make it smaller, or raise max_pixels if you trust it",
            )
        data = file.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise _unreadable(path, f"{_reason(error)}; check the name and its permissions") from error
    if not data:
        raise _unreadable(path, "the file is empty; get it again")
    return data


def _open(path: str | os.PathLike[str], data: bytes) -> pyvips.Image:
    """Read a picture's header, by a loader that the content calls for and the list allows."""
    found = pyvips.vips_lib.vips_foreign_find_load_buffer(data, len(data))
    loader = "" if found == pyvips.ffi.NULL else pyvips.ffi.string(found).decode()
    if loader not in _LOADERS:
        raise _unreadable(path, f"it is not a picture that impasto reads ({_READABLE})")
    try:
        return pyvips.Image.new_from_buffer(data, "", access="sequential", fail_on="error")
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
        raise _unreadable(
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


def _decode_heic(path: str | os.PathLike[str], data: bytes, header: pyvips.Image) -> pyvips.Image:
    """Let pillow-heif decode what libvips could read only the header of (HEVC is not in its wheels)."""
    try:
        import pillow_heif
    except ImportError as error:
        raise _unreadable(path, "it is a HEIC picture; to read these: pip install 'impasto[heic]'") from error
    try:
        heif = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
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


def read_record(path: str | os.PathLike[str]) -> dict[str, object]:
    """Read the run record that `save_picture` put into a picture.

    Raises
    ------
    InputError
        When the file is no picture that can be read.
    RecordError
        When the picture carries no run record, or a damaged one.
    """
    packet = _field(_open(path, _read_bytes(path)), "xmp-data")
    try:
        text = xmp_property(parse_xmp(packet), "impasto:record") if packet else None
        record = None if text is None else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged_record(path, str(error)) from error
    if text is None:
        raise RecordError(
            f"{_shown(path)} carries no run record; give a picture that impasto painted, as impasto saved it"
        )
    if not isinstance(record, dict):
        raise _damaged_record(path, "not a table of names and values")
    return record


# ----------------------------------------------------------------------------------------- writing


def check_output(path: str | os.PathLike[str], *, bit_depth: int = 8, overwrite: bool = False) -> None:
    """Check all that can be known of an output before anything is painted for it.

    Raises
    ------
    OptionError
        For an unknown extension, or a bit depth that the format cannot hold.
    OutputError
        When the folder is missing or not writable, or the file exists and `overwrite` is False.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix not in _FORMATS:
        raise OptionError(f"cannot write {_shown(path)}: unknown extension {suffix!r}{did_you_mean(suffix, _FORMATS)}")
    if bit_depth not in _FORMATS[suffix].bit_depths:
        raise OptionError(
            f"cannot write {_shown(path)} with bit depth {bit_depth}: {_FORMATS[suffix].name} holds "
            f"{' or '.join(map(str, _FORMATS[suffix].bit_depths))} bit; for 16 bit use .png or .tiff"
        )
    check_place(path, overwrite=overwrite)


def check_place(path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Check that a file can be written here; raises `OutputError`."""
    file = Path(path)
    try:
        if file.is_dir():
            raise _unwritable(path, "it is a folder; add a file name")
        if not file.parent.is_dir():
            raise _unwritable(path, f"there is no folder {str(file.parent)!r}; create it")
        if file.exists() and not file.is_file():
            raise _unwritable(path, "it is not a regular file; give another name")
        if os.path.lexists(file) and not overwrite:
            raise _unwritable(path, _EXISTS)
        if not os.access(file.parent, os.W_OK | os.X_OK):
            raise _unwritable(path, f"the folder {str(file.parent)!r} is not writable; choose another")
    except (OSError, ValueError) as error:
        raise _unwritable(path, f"{_reason(error)}; check the name, the folder and the free space") from error


def save_picture(
    path: str | os.PathLike[str],
    pixels: NDArray[np.floating[Any]],
    *,
    alpha: NDArray[np.floating[Any]] | None = None,
    bit_depth: int = 8,
    record: Mapping[str, object] | None = None,
    metadata: PhotoMetadata | None = None,
    overwrite: bool = False,
) -> None:
    """Save a picture in the format its extension names: whole, or not at all.

    Parameters
    ----------
    path
        .png, .jpg, .jpeg, .webp, .tif, .tiff or .avif.
    pixels
        [height, width, 3] sRGB; values outside [0, 1] are clipped.
    alpha
        [height, width] in [0, 1], straight. JPEG has none: there the picture is laid over white.
    bit_depth
        8, or 16 for PNG and TIFF.
    record
        The run record, kept as JSON in the picture's XMP.
    metadata
        What is kept of the photograph: EXIF (except in TIFF) and XMP.
    overwrite
        Whether an existing file may be replaced.

    Raises
    ------
    OptionError, OutputError
        As `check_output` does; OutputError also when encoding or writing fails.
    InputError
        For pixels or alpha of another shape, or not finite.
    """
    check_output(path, bit_depth=bit_depth, overwrite=overwrite)
    file_format = _FORMATS[Path(path).suffix.lower()]
    _check_planes(pixels, alpha)
    height_px, width_px = pixels.shape[:2]
    if max(height_px, width_px) > file_format.max_side_px:
        raise _unwritable(
            path,
            f"{width_px} x {height_px} px is too large for {file_format.name} (at most "
            f"{file_format.max_side_px} px a side); use .png or .tiff",
        )
    metadata = metadata or PhotoMetadata()
    blobs = {"icc-profile-data": pyvips.Operation.call("profile_load", "srgb")}
    if metadata != PhotoMetadata():
        blobs["exif-data"] = build_exif(metadata)
    if record is not None or metadata != PhotoMetadata():
        blobs["xmp-data"] = build_xmp(record, metadata)
    if len(blobs.get("xmp-data", b"")) > file_format.max_xmp_bytes:
        raise _unwritable(
            path,
            f"a run record of {len(blobs['xmp-data'])} bytes is too large for "
            f"{file_format.name} (at most {file_format.max_xmp_bytes}); use .png or .tiff",
        )
    try:
        data = _encode(Path(path).suffix.lower(), _to_samples(pixels, alpha, bit_depth, file_format), blobs)
    except pyvips.Error as error:
        raise _unwritable(path, f"{_reason(error)}") from error
    write_file(path, data, overwrite=overwrite)


def write_file(path: str | os.PathLike[str], data: bytes, *, overwrite: bool = False) -> None:
    """Write a file whole or not at all; raises `OutputError`."""
    try:
        _write_whole(Path(path), data, overwrite)
    except FileExistsError as error:
        raise _unwritable(path, _EXISTS) from error
    except OSError as error:
        raise _unwritable(path, f"{_reason(error)}; check the name, the folder and the free space") from error


def _check_planes(pixels: NDArray[np.floating[Any]], alpha: NDArray[np.floating[Any]] | None) -> None:
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise InputError(f"pixels have the shape {list(pixels.shape)}; give [height, width, 3], at least 1 x 1")
    if alpha is not None and alpha.shape != pixels.shape[:2]:
        raise InputError(f"alpha has the shape {list(alpha.shape)}; give {list(pixels.shape[:2])}, as pixels have")
    for name, plane in (("pixels", pixels), ("alpha", alpha)):
        if plane is not None and not np.isfinite([plane.min(), plane.max()]).all():
            raise InputError(f"{name} hold values that are not finite; bring them into [0, 1]")


def _to_samples(
    pixels: NDArray[np.floating[Any]],
    alpha: NDArray[np.floating[Any]] | None,
    bit_depth: int,
    file_format: _Format,
) -> NDArray[np.unsignedinteger[Any]]:
    """Quantise to [height, width, 3 or 4], laying the picture over white where alpha cannot be kept."""
    if alpha is None:
        return quantise(pixels, bit_depth)
    if file_format is _JPEG:
        opacity = np.clip(alpha, 0, 1)[..., None]
        # on the sRGB values, as every viewer lays a PNG over a white page
        return quantise(np.clip(pixels, 0, 1) * opacity + (1 - opacity), bit_depth)
    return np.concatenate([quantise(pixels, bit_depth), quantise(alpha[..., None], bit_depth)], axis=2)


def _encode(suffix: str, samples: NDArray[np.unsignedinteger[Any]], blobs: Mapping[str, bytes]) -> bytes:
    height_px, width_px, bands = samples.shape
    depth_format = "uchar" if samples.dtype == np.uint8 else "ushort"
    image = pyvips.Image.new_from_memory(samples, width_px, height_px, bands, depth_format)
    dots_per_mm = 72 / 25.4  # what most programs assume; libvips would write 25.4 dots per inch
    image = image.copy(
        interpretation="srgb" if depth_format == "uchar" else "rgb16", xres=dots_per_mm, yres=dots_per_mm
    )
    for name, blob in blobs.items():
        image.set_type(pyvips.GValue.blob_type, name, blob)
    options = dict(_FORMATS[suffix].options)
    if _FORMATS[suffix] is _TIFF:
        options["bigtiff"] = samples.nbytes > 2**31  # classic TIFF ends at 4 GB
    return cast("bytes", image.write_to_buffer(suffix, **options))


def _write_whole(path: Path, data: bytes, overwrite: bool) -> None:
    """Write under a temporary name in the same folder, then move; leave nothing behind on failure."""
    temporary = path.with_name(f".impasto-{secrets.token_hex(8)}.part")
    try:
        with temporary.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if overwrite:
            temporary.replace(path)
        else:
            _move_to_new_name(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _move_to_new_name(temporary: Path, path: Path) -> None:
    """Move without replacing a file that appeared meanwhile (a plain move would)."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: claim the name first
        path.touch(exist_ok=False)
        try:
            temporary.replace(path)
        except OSError:
            path.unlink()
            raise


# -------------------------------------------------------------------------------------- error lines


def _shown(path: str | os.PathLike[str]) -> str:
    return repr(os.fspath(path))


def _unreadable(path: str | os.PathLike[str], why: str) -> InputError:
    return InputError(f"cannot read {_shown(path)}: {why}")


def _damaged(path: str | os.PathLike[str], error: Exception) -> InputError:
    return _unreadable(path, f"it is damaged or cut short ({_reason(error)}); get it again")


def _damaged_record(path: str | os.PathLike[str], why: str) -> RecordError:
    return RecordError(f"the run record of {_shown(path)} is damaged ({why}); give the picture as impasto saved it")


def _unwritable(path: str | os.PathLike[str], why: str) -> OutputError:
    return OutputError(f"cannot write {_shown(path)}: {why}")


def _reason(error: Exception) -> str:
    """Find the telling line in what libvips or the system says."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = [line.strip() for line in str(getattr(error, "detail", error)).splitlines()]
    telling = [line for line in lines if ":" in line] or [line for line in lines if line] or ["no reason given"]
    return telling[-1][:120]
