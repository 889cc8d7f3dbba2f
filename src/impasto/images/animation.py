"""Moving pictures: GIF and WebP, by libvips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyvips
from numpy.typing import NDArray

from impasto.errors import InputError, OutputError

Frame = NDArray[np.uint8]
GIF_EFFORT = 3  # of 10: more takes eight times as long for a few per cent
# From the finest GIF to the smallest: colours as a power of two, dithering, change of a pixel that is left out.
_GIF_GRADES: tuple[dict[str, Any], ...] = (
    {"bitdepth": 8, "dither": 1.0},
    {"bitdepth": 8, "dither": 0.5, "interframe_maxerror": 6},
    {"bitdepth": 7, "dither": 0.0, "interframe_maxerror": 8},
    {"bitdepth": 6, "dither": 0.0, "interframe_maxerror": 14},
    {"bitdepth": 5, "dither": 0.0, "interframe_maxerror": 20},
)


def encode_webp(frames: Sequence[Frame], delays_ms: Sequence[int]) -> bytes:
    """An animation of frames [height, width, 3], each shown for its delay; it repeats for ever."""
    return _encoded(".webp", _joined(frames, delays_ms), Q=80)


def encode_gif(frames: Sequence[Frame], delays_ms: Sequence[int], max_bytes: int | None = None) -> bytes:
    """Such an animation as a GIF: the finest that has at most `max_bytes`, else the smallest there is."""
    image, data = _joined(frames, delays_ms), b""
    for grade in _GIF_GRADES:
        data = _encoded(".gif", image, effort=GIF_EFFORT, **grade)
        if max_bytes is None or len(data) <= max_bytes:
            break
    return data


def read_animation(path: Path) -> list[Frame]:
    """All frames of a GIF or WebP, [height, width, 3] each; raises `InputError`."""
    try:
        image = pyvips.Image.new_from_file(str(path), n=-1)
        stack = np.asarray(image.numpy())[..., :3]
    except pyvips.Error as error:
        raise InputError(f"cannot read the frames of {str(path)!r}: {error}") from error
    return list(np.split(stack, len(stack) // int(image.get("page-height"))))


def _joined(frames: Sequence[Frame], delays_ms: Sequence[int]) -> pyvips.Image:
    """All frames below one another, as libvips has them."""
    stack = np.ascontiguousarray(np.concatenate(frames))
    height_px, width_px = frames[0].shape[:2]
    image = pyvips.Image.new_from_memory(stack, width_px, len(stack), 3, "uchar").copy(interpretation="srgb")
    image.set_type(pyvips.GValue.gint_type, "page-height", height_px)
    image.set_type(pyvips.GValue.gint_type, "loop", 0)
    image.set_type(pyvips.GValue.array_int_type, "delay", list(delays_ms))
    return image


def _encoded(suffix: str, image: pyvips.Image, **options: Any) -> bytes:
    try:
        return cast("bytes", image.write_to_buffer(suffix, **options))
    except pyvips.Error as error:
        raise OutputError(f"cannot encode the frames as {suffix}: {error}") from error
