"""Pixels to picture files.

Writing is whole or not at all. What is kept of a photograph beside its pixels is `PhotoMetadata`;
its position never is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import pyvips
from numpy.typing import NDArray

from impasto.errors import InputError, OptionError, did_you_mean
from impasto.images.metadata import PhotoMetadata, build_exif, build_xmp
from impasto.images.picture import quantise
from impasto.images.reading import reason, shown
from impasto.storage.atomic import check_place, unwritable, write_file
from impasto.storage.forking import use_libvips


@dataclass(frozen=True)
class _Format:
    """The way one file extension is written."""

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


def check_output(path: str | os.PathLike[str], *, bit_depth: int = 8, overwrite: bool = False) -> None:
    """Check all that can be known of an output before anything is painted for it.

    Raises `OptionError` for an unknown extension, or a bit depth that the format cannot hold; `OutputError` when the
    folder is missing or not writable, or the file exists and `overwrite` is false.
    """
    check_format(path, bit_depth)
    check_place(path, overwrite=overwrite)


def check_format(path: str | os.PathLike[str], bit_depth: int = 8) -> None:
    """Refuse an extension that is not known, and a bit depth that the format cannot hold: `OptionError`."""
    suffix = Path(path).suffix.lower()
    if not suffix:
        raise OptionError(
            f"cannot write {shown(path)}: its name says no format; add one, as in {shown(f'{os.fspath(path)}.png')}"
        )
    if suffix not in _FORMATS:
        raise OptionError(f"cannot write {shown(path)}: unknown extension {suffix!r}{did_you_mean(suffix, _FORMATS)}")
    if bit_depth not in _FORMATS[suffix].bit_depths:
        raise OptionError(
            f"cannot write {shown(path)} with bit depth {bit_depth}: {_FORMATS[suffix].name} holds "
            f"{' or '.join(map(str, _FORMATS[suffix].bit_depths))} bit; for 16 bit use .png or .tiff"
        )


def format_ending(name: str) -> str:
    """The extension of a format that is called ``png``, ``JPEG`` or ``.webp``; raises `OptionError`."""
    suffix = f".{name.strip().lower().removeprefix('.')}"
    if suffix not in _FORMATS:
        known = [known.removeprefix(".") for known in _FORMATS]
        raise OptionError(f"unknown format {name!r}{did_you_mean(suffix.removeprefix('.'), known)}")
    return suffix


def save_picture(
    path: str | os.PathLike[str],
    pixels: NDArray[np.floating[Any]],
    *,
    alpha: NDArray[np.floating[Any]] | None = None,
    bit_depth: int = 8,
    record: Mapping[str, object] | None = None,
    metadata: PhotoMetadata | None = None,
    dots_per_inch: float = 72.0,
    overwrite: bool = False,
) -> None:
    """Save a picture in the format its extension names: whole, or not at all.

    Parameters
    ----------
    path: .png, .jpg, .jpeg, .webp, .tif, .tiff or .avif.
    pixels: [height, width, 3] sRGB; values outside [0, 1] are clipped.
    alpha: [height, width] in [0, 1], straight. JPEG has none: there the picture is laid over white.
    bit_depth: 8, or 16 for PNG and TIFF.
    record: the run record, stored as JSON in the picture's XMP.
    metadata: of the photo, to be copied: EXIF (except in TIFF) and XMP.
    dots_per_inch: for printing; 72 is what most programs assume without one.
    overwrite: whether an existing file may be replaced.

    Raises
    ------
    OptionError, OutputError: as `check_output` does; OutputError also when encoding or writing fails.
    InputError: for pixels or alpha of another shape, or not finite.
    """
    check_output(path, bit_depth=bit_depth, overwrite=overwrite)
    data = encode_picture(
        pixels,
        path,
        alpha=alpha,
        bit_depth=bit_depth,
        record=record,
        metadata=metadata,
        dots_per_inch=dots_per_inch,
    )
    write_file(path, data, overwrite=overwrite)


def encode_picture(
    pixels: NDArray[np.floating[Any]],
    name: str | os.PathLike[str],
    *,
    alpha: NDArray[np.floating[Any]] | None = None,
    bit_depth: int = 8,
    record: Mapping[str, object] | None = None,
    metadata: PhotoMetadata | None = None,
    dots_per_inch: float = 72.0,
) -> bytes:
    """The bytes of the file that `save_picture` writes; the ending of `name` is the format. Raises what it does."""
    use_libvips()
    check_format(name, bit_depth)
    file_format = _FORMATS[Path(name).suffix.lower()]
    _check_planes(pixels, alpha)
    height_px, width_px = pixels.shape[:2]
    if max(height_px, width_px) > file_format.max_side_px:
        raise unwritable(
            name,
            f"{width_px} x {height_px} px is too large for {file_format.name} (at most "
            f"{file_format.max_side_px} px a side); use .png or .tiff",
        )
    blobs = _build_blobs(name, record, metadata or PhotoMetadata(), file_format)
    samples = _to_samples(pixels, alpha, bit_depth, file_format)
    try:
        return _encode(Path(name).suffix.lower(), samples, blobs, dots_per_inch)
    except pyvips.Error as error:
        raise unwritable(name, reason(error)) from error


def _check_planes(pixels: NDArray[np.floating[Any]], alpha: NDArray[np.floating[Any]] | None) -> None:
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise InputError(f"pixels have the shape {list(pixels.shape)}; give [height, width, 3], at least 1 x 1")
    if alpha is not None and alpha.shape != pixels.shape[:2]:
        raise InputError(f"alpha has the shape {list(alpha.shape)}; give {list(pixels.shape[:2])}, as pixels have")
    for name, plane in (("pixels", pixels), ("alpha", alpha)):
        if plane is not None and not np.isfinite([plane.min(), plane.max()]).all():
            raise InputError(f"{name} hold values that are not finite; bring them into [0, 1]")


def _build_blobs(
    path: str | os.PathLike[str],
    record: Mapping[str, object] | None,
    metadata: PhotoMetadata,
    file_format: _Format,
) -> dict[str, bytes]:
    """Build the parts of a file beside its pixels, named as libvips names them."""
    blobs: dict[str, bytes] = {"icc-profile-data": pyvips.Operation.call("profile_load", "srgb")}
    if metadata != PhotoMetadata():
        blobs["exif-data"] = build_exif(metadata)
    if record is not None or metadata != PhotoMetadata():
        blobs["xmp-data"] = build_xmp(record, metadata)
    xmp_bytes = len(blobs.get("xmp-data", b""))
    if xmp_bytes > file_format.max_xmp_bytes:
        raise unwritable(
            path,
            f"a run record of {xmp_bytes} bytes is too large for {file_format.name} (at most "
            f"{file_format.max_xmp_bytes}); use .png or .tiff",
        )
    return blobs


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


def _encode(
    suffix: str, samples: NDArray[np.unsignedinteger[Any]], blobs: Mapping[str, bytes], dots_per_inch: float
) -> bytes:
    height_px, width_px, bands = samples.shape
    depth_format = "uchar" if samples.dtype == np.uint8 else "ushort"
    image = pyvips.Image.new_from_memory(samples, width_px, height_px, bands, depth_format)
    dots_per_mm = dots_per_inch / 25.4
    image = image.copy(
        interpretation="srgb" if depth_format == "uchar" else "rgb16", xres=dots_per_mm, yres=dots_per_mm
    )
    for name, blob in blobs.items():
        image.set_type(pyvips.GValue.blob_type, name, blob)
    options = dict(_FORMATS[suffix].options)
    if _FORMATS[suffix] is _TIFF:
        options["bigtiff"] = samples.nbytes > 2**31  # classic TIFF ends at 4 GB
    return cast("bytes", image.write_to_buffer(suffix, **options))
