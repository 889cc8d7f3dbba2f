"""What is painted from: paintings with settings of their own, and the regions that they paint."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from impasto.errors import InputError, OptionError
from impasto.images.color import luma
from impasto.images.in_memory import SupportsPicture, picture_in_memory
from impasto.images.picture import Picture
from impasto.images.reading import DEFAULT_MAX_PIXELS, load_picture
from impasto.inputs.bundled import find_painting, nearest_name
from impasto.inputs.style_file import StyleFile, is_style_file, read_style_file

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

PictureLike: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Image | Picture | SupportsPicture "
    "| NDArray[Any] | Tensor"
)
StyleLike: TypeAlias = "PictureLike | StyleFile | Painting"
Weighted: TypeAlias = "tuple[PictureLike | StyleFile, float]"
PaintingLike: TypeAlias = "StyleLike | Weighted | Sequence[StyleLike | Weighted] | Mapping[Any, float]"

ALPHA: Literal["alpha"] = "alpha"
BRUSH_SCALES = (0.25, 4.0)
_NOT_SEVERAL = (str, bytes, bytearray, memoryview)  # sequences of letters and numbers
DARKEST = 1 / 255  # a mask that is nowhere brighter than this is black


@dataclass(frozen=True, init=False)
class Painting:
    """A style image with settings of its own. The file is read when this is made.

    Parameters
    ----------
    picture: path, name of a bundled painting (``flow``), array, tensor or `Picture`; or a style file (.style).
    weight: share among several paintings, above 0; only ratios count.
    brush_scale: size of its strokes against those of the other paintings, 0.25 to 4.
    mask: which part of the painting to learn from (white), a picture of its proportions; None: all of it.

    Raises
    ------
    InputError: for a picture that cannot be read, and a mask that does not fit.
    OptionError: for numbers.
    """

    picture: Picture | StyleFile
    weight: float
    brush_scale: float
    mask: Picture | None

    def __init__(
        self,
        picture: PictureLike | StyleFile,
        weight: float = 1.0,
        brush_scale: float = 1.0,
        mask: PictureLike | None = None,
        *,
        max_pixels: int | None = None,
    ) -> None:
        # Frozen, so set in this way: a path is given, the picture is stored.
        object.__setattr__(self, "weight", _check_weight(weight))
        object.__setattr__(
            self, "brush_scale", _check_range("the brush scale of a painting", brush_scale, BRUSH_SCALES)
        )
        object.__setattr__(self, "picture", load_style(picture, max_pixels))
        object.__setattr__(self, "mask", None if mask is None else load_input(mask, max_pixels))
        if self.mask is not None:
            if isinstance(self.picture, StyleFile):
                raise OptionError(
                    f"the style file {self.picture.name} holds no picture to mask: give the painting itself"
                )
            check_mask(self.mask, self.picture, "painting")


@dataclass(frozen=True, init=False)
class Region:
    """A part of the picture and what paints it. Its files are read when this is made.

    Parameters
    ----------
    mask: picture of the photo's proportions and any size, white where the region is, gray where it is in part; or
        ``alpha``: the photo's own opacity; or None: the background, which is what all other regions leave. Where
        masks overlap they share.
    paintings: as `impasto.paint` takes a painting; None: the region stays the photograph.
    strength: as the option, in this region alone; None: the strength of the whole picture.
    brush_scale: size of the strokes in the region against the rest, 0.25 to 4.
    color: ``painting`` or ``photo``, in this region alone; None: the colour mode of the whole picture.

    Raises
    ------
    InputError: for pictures that cannot be read, and a mask that is black.
    OptionError: for the rest.
    """

    mask: Picture | Literal["alpha"] | None
    paintings: tuple[Painting, ...]
    strength: float | None
    brush_scale: float
    color: str | None

    def __init__(
        self,
        mask: PictureLike | Literal["alpha"] | None,
        paintings: PaintingLike | None = None,
        strength: float | None = None,
        brush_scale: float = 1.0,
        color: str | None = None,
        *,
        max_pixels: int | None = None,
    ) -> None:
        if strength is not None:
            strength = _check_range("the strength of a region", strength, (0, 100))
        if mask is not None and not (isinstance(mask, str) and mask == ALPHA):
            mask = load_input(mask, max_pixels)
            _check_not_black(mask)
        if color not in (None, "painting", "photo"):
            raise OptionError(f"the color of a region is painting or photo, got {color!r}")
        object.__setattr__(self, "mask", mask)
        object.__setattr__(self, "paintings", as_paintings(paintings, max_pixels))
        object.__setattr__(self, "strength", strength)
        object.__setattr__(self, "brush_scale", _check_range("the brush scale of a region", brush_scale, BRUSH_SCALES))
        object.__setattr__(self, "color", color)


def as_paintings(paintings: PaintingLike | None, max_pixels: int | None = None) -> tuple[Painting, ...]:
    """Bring every accepted form of one painting or several to `Painting`; raises as `Painting` does."""
    if paintings is None:
        return ()
    items: Any = paintings
    if isinstance(paintings, Mapping):
        items = list(paintings.items())
    elif not isinstance(paintings, Sequence) or isinstance(paintings, _NOT_SEVERAL) or _is_weighted(paintings):
        items = [paintings]  # arrays and tensors are no Sequence
    if items == []:
        raise OptionError("no style image given; give at least one painting")
    return tuple(_as_painting(item, max_pixels) for item in items)


def _is_weighted(item: object) -> bool:
    """Whether it is a pair of a painting and its weight, and not two paintings."""
    return isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], Real)


def _as_painting(item: StyleLike | Weighted, max_pixels: int | None) -> Painting:
    if isinstance(item, Painting):
        return item
    picture, weight = item if isinstance(item, tuple) and len(item) == 2 else (item, 1.0)
    return Painting(picture, weight, max_pixels=max_pixels)


def load_style(picture: PictureLike | StyleFile, max_pixels: int | None = None) -> Picture | StyleFile:
    """As `load_input`, for a picture, the name of a bundled painting, or a style file in its place."""
    if isinstance(picture, StyleFile):
        return picture
    if not isinstance(picture, str | os.PathLike):
        return load_input(picture, max_pixels)
    place = find_painting(picture)
    if not os.path.lexists(place) and (names := nearest_name(place)):
        raise InputError(f"there is no painting {os.fspath(place)!r}: it is no file; {names}")
    return read_style_file(place) if is_style_file(place) else load_input(place, max_pixels)


def load_input(picture: PictureLike, max_pixels: int | None = None) -> Picture:
    """Bring every accepted form of a picture to a `Picture`. Raises `InputError`, `OptionError` for no picture."""
    if isinstance(picture, Picture):
        return picture
    if isinstance(picture, str | os.PathLike):
        return load_picture(picture, max_pixels=max_pixels or DEFAULT_MAX_PIXELS)
    return picture_in_memory(picture, max_pixels or DEFAULT_MAX_PIXELS)


def check_mask(mask: Picture, picture: Picture, what: str) -> None:
    """Refuse a mask that is black, or of other proportions than the picture that it lies on: `InputError`."""
    _check_not_black(mask)
    high, wide = picture.height_px * mask.width_px, picture.width_px * mask.height_px
    # A pixel more or less is rounding.
    if abs(high - wide) > max(picture.height_px, picture.width_px, 0.01 * high):
        raise InputError(
            f"the mask {mask.name} is {mask.width_px}x{mask.height_px} px, the {what} {picture.name} "
            f"{picture.width_px}x{picture.height_px} px: give a mask of the same proportions (any size)"
        )


def _check_not_black(mask: Picture) -> None:
    if not any((rows > DARKEST).any() for rows in iter_mask(mask)):
        raise InputError(f"the mask {mask.name} is black everywhere: paint it white where it applies")


def iter_mask(mask: Picture, rows: int = 256) -> Iterator[NDArray[np.float32]]:
    """How white a mask is, [up to `rows`, width] in [0, 1] at a time: what is transparent is black."""
    top = np.float32((1 << mask.bit_depth) - 1)
    for start in range(0, mask.height_px, rows):
        samples = mask.samples[start : start + rows].astype(np.float32) / top
        white = luma(samples[..., :3])
        yield white * samples[..., 3] if samples.shape[2] == 4 else white


def _check_weight(weight: float) -> float:
    if isinstance(weight, bool) or not isinstance(weight, Real):
        raise OptionError(f"the weight of a painting is a number, got {weight!r}")
    if not (math.isfinite(weight) and weight > 0):
        raise OptionError(f"the weight of a painting is above 0 and finite, got {float(weight):g}")
    return float(weight)


def _check_range(what: str, number: float, bounds: tuple[float, float]) -> float:
    if isinstance(number, bool) or not isinstance(number, Real):
        raise OptionError(f"{what} is a number, got {number!r}")
    low, high = bounds
    if not low <= number <= high:
        raise OptionError(f"{what} is {low:g} to {high:g}, got {float(number):g}")
    return float(number)
