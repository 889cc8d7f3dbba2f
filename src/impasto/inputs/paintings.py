"""What is painted from: paintings with settings of their own, and the regions that they paint."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from impasto.errors import InputError, OptionError
from impasto.images.picture import Picture, picture_from_array
from impasto.images.reading import DEFAULT_MAX_PIXELS, load_picture
from impasto.inputs.style_file import StyleFile, is_style_file, read_style_file
from impasto.options.fields import PaintOptions, palette_path

if TYPE_CHECKING:
    from torch import Tensor

PictureLike: TypeAlias = "str | os.PathLike[str] | Picture | NDArray[Any] | Tensor"
Weighted: TypeAlias = "tuple[PictureLike | StyleFile, float]"
StyleLike: TypeAlias = "PictureLike | StyleFile | Painting | Sequence[PictureLike | StyleFile | Painting | Weighted]"

ALPHA: Literal["alpha"] = "alpha"
BRUSH_SCALES = (0.25, 4.0)
LUMA = (0.299, 0.587, 0.114)  # how bright a mask's colours look, ITU-R BT.601
DARKEST = 1 / 255  # a mask that is nowhere brighter than this is black


@dataclass(frozen=True, init=False)
class Painting:
    """A style image and its own settings. It is read when this is made.

    Parameters
    ----------
    picture: path, array, tensor or `Picture`; or a style file (.style) in its place.
    weight: its share among several, above 0; only their ratios count.
    brush_scale: size of its strokes against those of the other paintings, 0.25 to 4.
    mask: which part of it to learn from (white), a picture of its proportions; None: all of it.

    Raises `InputError` for a picture that cannot be read and a mask that does not fit, `OptionError` for numbers.
    """

    picture: Picture | StyleFile
    weight: float = 1.0
    brush_scale: float = 1.0
    mask: Picture | None = None

    def __init__(
        self,
        picture: PictureLike | StyleFile,
        weight: float = 1.0,
        brush_scale: float = 1.0,
        mask: PictureLike | None = None,
        *,
        max_pixels: int | None = None,
    ) -> None:
        # A frozen dataclass is set this way: what is given is a path, what is kept is the picture.
        object.__setattr__(self, "weight", _weight(weight))
        object.__setattr__(self, "brush_scale", _within("the brush scale of a painting", brush_scale, *BRUSH_SCALES))
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
    """A part of the picture and what paints it. Its pictures are read when this is made.

    Parameters
    ----------
    mask: picture of the photo's proportions and any size, white where the region is, gray where it is in part; or
        ``alpha``: the photo's own opacity. Where masks overlap they share.
    style: as `impasto.paint` takes it; None: the region stays the photograph.
    strength: as the option, in this region alone; None: that of the whole.
    brush_scale: size of the strokes in it against the rest, 0.25 to 4.
    color: ``painting`` or ``photo``, in this region alone; None: that of the whole.

    Raises `InputError` for pictures that cannot be read and a mask that is black, `OptionError` for the rest.
    """

    mask: Picture | Literal["alpha"]
    paintings: tuple[Painting, ...] = ()
    strength: float | None = None
    brush_scale: float = 1.0
    color: str | None = None

    def __init__(
        self,
        mask: PictureLike | Literal["alpha"],
        style: StyleLike | None = None,
        strength: float | None = None,
        brush_scale: float = 1.0,
        color: str | None = None,
        *,
        max_pixels: int | None = None,
    ) -> None:
        strength = None if strength is None else _within("the strength of a region", strength, 0, 100)
        own = ALPHA if isinstance(mask, str) and mask == ALPHA else load_input(mask, max_pixels)
        if isinstance(own, Picture):
            _check_not_black(own)
        if color not in (None, "painting", "photo"):
            raise OptionError(f"the color of a region is painting or photo, got {color!r}")
        object.__setattr__(self, "mask", own)
        object.__setattr__(self, "paintings", tuple(as_paintings(style, max_pixels)))
        object.__setattr__(self, "strength", strength)
        object.__setattr__(self, "brush_scale", _within("the brush scale of a region", brush_scale, *BRUSH_SCALES))
        object.__setattr__(self, "color", color)

    @property
    def stays(self) -> bool:
        """Whether the region stays the photograph."""
        return not self.paintings or self.strength == 0


def as_paintings(style: StyleLike | None, max_pixels: int | None = None) -> list[Painting]:
    """Bring every accepted form of a style to paintings; raises as `Painting` does."""
    if style is None:
        return []
    # Arrays and tensors are no Sequence; a path is one, of letters.
    if isinstance(style, str | Painting) or not isinstance(style, Sequence):
        return [_as_painting(style, max_pixels)]
    if not style:
        raise OptionError("no style image given; give at least one painting")
    return [_as_painting(item, max_pixels) for item in style]


def _as_painting(item: PictureLike | StyleFile | Painting | Weighted, max_pixels: int | None) -> Painting:
    if isinstance(item, Painting):
        return item
    picture, weight = item if isinstance(item, tuple) and len(item) == 2 else (item, 1.0)
    return Painting(picture, weight, max_pixels=max_pixels)


def load_style(picture: PictureLike | StyleFile, max_pixels: int | None = None) -> Picture | StyleFile:
    """As `load_input`, for a picture or a style file in its place."""
    if isinstance(picture, StyleFile):
        return picture
    if isinstance(picture, str | os.PathLike) and is_style_file(picture):
        return read_style_file(picture)
    return load_input(picture, max_pixels)


def load_input(picture: PictureLike, max_pixels: int | None = None) -> Picture:
    """Bring every accepted form of a picture to a `Picture`. Raises `InputError`, `OptionError` for no picture."""
    if isinstance(picture, Picture):
        return picture
    if isinstance(picture, str | os.PathLike):
        return load_picture(picture, max_pixels=max_pixels or DEFAULT_MAX_PIXELS)
    if hasattr(picture, "shape"):
        return picture_from_array(picture)
    raise OptionError(f"a picture is a path, an array, a tensor or a Picture, got {picture!r:.80}")


def load_palette(options: PaintOptions, max_pixels: int = DEFAULT_MAX_PIXELS) -> Picture | None:
    """Load the picture whose colours `options.color` asks for; None where it names no file."""
    path = palette_path(options)
    return load_picture(path, max_pixels=max_pixels) if path else None


def check_regions(content: Picture | None, regions: Sequence[Region]) -> None:
    """Refuse regions that do not fit the content image: `OptionError` without one, `InputError` for a mask."""
    if regions and content is None:
        raise OptionError("regions are parts of a photo, and no photo is given: leave them out, or give one")
    for region in regions:
        assert content is not None  # said above
        if isinstance(region.mask, Picture):
            check_mask(region.mask, content, "photo")
        elif content.alpha(1, 1) is None:
            raise InputError(f"{content.name} has no alpha channel to take as a mask; give a mask picture")
        elif not (content.samples[..., 3] > 0).any():
            raise InputError(f"{content.name} is transparent everywhere: as a mask its alpha channel is black")


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
        white = (samples[..., :3] * np.array(LUMA, np.float32)).sum(axis=2)
        yield white * samples[..., 3] if samples.shape[2] == 4 else white


def _weight(weight: float) -> float:
    if isinstance(weight, bool) or not isinstance(weight, Real):
        raise OptionError(f"the weight of a painting is a number, got {weight!r}")
    if not (math.isfinite(weight) and weight > 0):
        raise OptionError(f"the weight of a painting is above 0 and finite, got {float(weight):g}")
    return float(weight)


def _within(what: str, number: float, low: float, high: float) -> float:
    if isinstance(number, bool) or not isinstance(number, Real):
        raise OptionError(f"{what} is a number, got {number!r}")
    if not low <= number <= high:
        raise OptionError(f"{what} is {low:g} to {high:g}, got {float(number):g}")
    return float(number)
