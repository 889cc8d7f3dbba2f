"""The sRGB curve in both directions, and the way from any colour profile to sRGB."""

from __future__ import annotations

from typing import Any, Final, TypeVar, cast

import numpy as np
import pyvips
from numpy.typing import NDArray

FloatT = TypeVar("FloatT", bound=np.floating[Any])

# How bright a colour is by its sRGB values: the luma of ITU-R BT.709, whose primaries are sRGB's. For masks in colour,
# metrics and the stylizer's crispness alike.
LUMA: Final = (0.2126, 0.7152, 0.0722)
# How many channels a profile speaks of, by the signature in its header.
_PROFILE_CHANNELS: Final = {b"GRAY": 1, b"RGB ": 3, b"CMYK": 4}
# A profile that moves no colour by half an 8-bit level is sRGB under another name.
_SAME_COLOUR: Final = 65535 / 255 / 2


def srgb_to_linear(x: NDArray[FloatT]) -> NDArray[FloatT]:
    """Decode sRGB values to linear light, elementwise (IEC 61966-2-1).

    [0, 1] is black to white. Values below 0 continue the straight piece, values above 1 the curve, so that the inverse
    holds there too.
    """
    curve = ((np.maximum(x, 0) + 0.055) / 1.055) ** 2.4
    return cast("NDArray[FloatT]", np.where(x <= 0.04045, x / 12.92, curve))


def linear_to_srgb(x: NDArray[FloatT]) -> NDArray[FloatT]:
    """Encode linear light as sRGB values, elementwise (IEC 61966-2-1); inverse of `srgb_to_linear`."""
    curve = 1.055 * np.maximum(x, 0) ** (1 / 2.4) - 0.055
    return cast("NDArray[FloatT]", np.where(x <= 0.0031308, x * 12.92, curve))


def luma(pixels: NDArray[FloatT]) -> NDArray[FloatT]:
    """Luma [...] of sRGB values [..., 3], without BLAS: the same bits with any number of threads."""
    return cast("NDArray[FloatT]", (pixels * np.array(LUMA, pixels.dtype)).sum(axis=-1))


def convert_to_srgb(image: pyvips.Image) -> pyvips.Image:
    """Take an opaque picture (grey, RGB or CMYK) to three-band sRGB at its own bit depth.

    A damaged profile, or one made for another number of channels, is ignored, as every viewer does.
    Values under an sRGB profile come through untouched. Raises `pyvips.Error` for data that cannot
    be decoded.
    """
    profile = image.get("icc-profile-data") if image.get_typeof("icc-profile-data") else b""
    if profile and _PROFILE_CHANNELS.get(profile[16:20]) != image.bands:
        image = image.copy()
        image.remove("icc-profile-data")
        profile = b""
    if image.bands == 4 or (profile and _moves_colours(profile, image.bands)):
        image = _through_profile(image)
    return image if image.bands == 3 else image.bandjoin([image, image])


def _through_profile(image: pyvips.Image) -> pyvips.Image:
    """Convert by the embedded profile; CMYK without one is read by the profile libvips brings."""
    rendering = {"intent": "relative", "black_point_compensation": True}
    if image.format == "uchar" or image.bands == 4:
        depth = 8 if image.format == "uchar" else 16
        return image.icc_transform("srgb", embedded=True, depth=depth, **rendering)
    # In one go LittleCMS would look 16-bit RGB up in a coarse table and err by up to 14 of 255;
    # by way of floating-point Lab the error is under 1.5, at ten times the time.
    lab = image.icc_import(embedded=True, **rendering)
    return lab.icc_export(output_profile="srgb", depth=16, **rendering)


def _moves_colours(profile: bytes, channels: int) -> bool:
    """Try the profile on a small grid of 16-bit colours: does it say anything else than sRGB does?"""
    ramp = np.linspace(0, 65535, 17).astype(np.uint16)
    grid = np.stack(np.meshgrid(*[ramp] * channels, indexing="ij"), axis=-1).reshape(1, -1, channels)
    probe = pyvips.Image.new_from_memory(grid.tobytes(), grid.shape[1], 1, channels, "ushort")
    probe = probe.copy(interpretation="rgb16" if channels == 3 else "grey16")
    probe.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    try:
        converted = _through_profile(probe).numpy().astype(np.float64)
    except pyvips.Error:
        return False  # a damaged profile says nothing
    return bool(np.abs(converted.reshape(1, -1, 3) - grid).max() >= _SAME_COLOUR)
