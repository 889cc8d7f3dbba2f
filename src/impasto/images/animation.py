"""Moving pictures: GIF and WebP, by libvips: a few at once, or one after another from and to a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyvips
from numpy.typing import NDArray

from impasto.errors import InputError, OutputError
from impasto.images.picture import unreadable
from impasto.images.reading import reason
from impasto.storage.forking import use_libvips

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
    use_libvips()
    try:
        image = pyvips.Image.new_from_file(str(path), n=-1)
        stack = np.asarray(image.numpy())[..., :3]
    except pyvips.Error as error:
        raise _unreadable(path, error) from error
    return list(np.split(stack, len(stack) // int(image.get("page-height"))))


@dataclass(frozen=True)
class AnimationHeader:
    """What an animation says of itself: how long each frame is shown, and whether it may be transparent."""

    height_px: int
    width_px: int
    delays_ms: tuple[int, ...]
    has_alpha: bool


def read_header(path: Path) -> AnimationHeader:
    """Read the header of a GIF or WebP, whose first bytes say which; a still picture is an animation of one frame.

    Raises `InputError`.
    """
    image = _stack(path)
    height_px = _page_height(image)
    count = image.height // height_px
    delays = list(image.get("delay")) if image.get_typeof("delay") else []
    delays = (delays + [delays[-1] if delays else 0] * count)[:count]
    return AnimationHeader(height_px, image.width, tuple(map(int, delays)), bool(image.hasalpha()))


def iter_animation(path: Path) -> Iterator[NDArray[np.uint8]]:
    """The frames of a GIF or WebP, [height, width, 3 or 4], one in memory at a time; raises `InputError`."""
    image = _stack(path)
    height_px = _page_height(image)
    try:
        if image.bands < 3:
            image = image.colourspace("srgb")
        region = pyvips.Region.new(image)
        for top in range(0, image.height, height_px):
            samples = np.frombuffer(region.fetch(0, top, image.width, height_px), np.uint8)
            yield samples.reshape(height_px, image.width, image.bands)
    except pyvips.Error as error:
        raise _unreadable(path, error) from error


def save_animation(
    raw: Path, shape: tuple[int, int, int], delays_ms: Sequence[int], path: Path, *, ending: str, quality: int = 80
) -> None:
    """Write the animation of frames that lie one after another in a file, without reading them all at once.

    Parameters
    ----------
    raw: the file: uint8, every frame of `shape` [height, width, 3 or 4].
    ending: ".gif" or ".webp"; `quality` is for WebP.

    Raises `OutputError`.
    """
    height_px, width_px, bands = shape
    options: dict[str, Any] = {"Q": quality} if ending == ".webp" else {"effort": GIF_EFFORT, **_GIF_GRADES[0]}
    # `images.reading` blocks this loader among those for files of strangers. It reads what we wrote, and is called by
    # name alone.
    pyvips.operation_block_set("VipsForeignLoadRaw", False)
    try:
        image = pyvips.Image.rawload(str(raw), width_px, height_px * len(delays_ms), bands, access="sequential")
        image = _animated(image.copy(interpretation="srgb"), height_px, delays_ms)
        target = pyvips.Target.new_to_file(str(path))
        image.write_to_target(target, ending, **options)
    except pyvips.Error as error:
        raise OutputError(f"cannot write {str(path)!r}: {reason(error)}; check the free space") from error


def _stack(path: Path) -> pyvips.Image:
    """All frames of a file below one another, to be read from the top down."""
    try:
        with path.open("rb") as file:
            loader = pyvips.Image.gifload if file.read(4) == b"GIF8" else pyvips.Image.webpload
        return loader(str(path), n=-1, access="sequential", fail_on="error")
    except (pyvips.Error, OSError) as error:
        raise _unreadable(path, error) from error


def _page_height(image: pyvips.Image) -> int:
    return int(image.get("page-height")) if image.get_typeof("page-height") else int(image.height)


def _unreadable(path: Path, error: Exception) -> InputError:
    return unreadable(path, f"it is damaged or cut short ({reason(error)}); get it again")


def _joined(frames: Sequence[Frame], delays_ms: Sequence[int]) -> pyvips.Image:
    """All frames below one another, as libvips has them."""
    use_libvips()
    stack = np.ascontiguousarray(np.concatenate(frames))
    height_px, width_px = frames[0].shape[:2]
    image = pyvips.Image.new_from_memory(stack, width_px, len(stack), 3, "uchar").copy(interpretation="srgb")
    return _animated(image, height_px, delays_ms)


def _animated(image: pyvips.Image, height_px: int, delays_ms: Sequence[int]) -> pyvips.Image:
    """Say where each frame of a stack begins and how long it is shown; the whole repeats for ever."""
    image.set_type(pyvips.GValue.gint_type, "page-height", height_px)
    image.set_type(pyvips.GValue.gint_type, "loop", 0)
    image.set_type(pyvips.GValue.array_int_type, "delay", list(delays_ms))
    return image


def _encoded(suffix: str, image: pyvips.Image, **options: Any) -> bytes:
    try:
        return cast("bytes", image.write_to_buffer(suffix, **options))
    except pyvips.Error as error:
        raise OutputError(f"cannot encode the frames as {suffix}: {error}") from error
