"""Whose colours a pastiche has: what the objective sees of photo and paintings, and what is shown of the pastiche.

Paintings are recoloured before they are studied; with the method ``luminance`` photo and paintings are seen in
lightness, and the photo's chroma is put back into whatever is shown. Nothing else in the engine knows of colours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace

import numpy as np
import torch
from numpy.typing import NDArray

from impasto.engine.regions import Area, Areas
from impasto.errors import OptionError
from impasto.images.oklab import srgb_to_oklab
from impasto.images.picture import Picture
from impasto.images.recolor import ColourMap, Colours, Strength, build_map, mute, recolour, with_chroma_of
from impasto.images.tensors import fit_long_edge
from impasto.inputs.paintings import Painting
from impasto.inputs.style_file import StyleFile
from impasto.options.fields import PaintOptions

STATISTICS_LONG_EDGE_PX = 512  # colours are counted at this size, so that they are the same at every scale

Pixels = NDArray[np.float32]


@dataclass(frozen=True)
class SeenPicture(Picture):
    """A picture whose pixels, at any size, are changed before anybody reads them."""

    change: Callable[[Pixels], Pixels] = field(default=lambda pixels: pixels, repr=False, compare=False)

    def pixels(self, height_px: int | None = None, width_px: int | None = None) -> Pixels:
        return self.change(super().pixels(height_px, width_px))


class Coloring:
    """The colours of a run, by its options and those of its areas.

    `strength` (0 to 100, at first `color_strength`) may be set at any time. What is shown follows at once; what the
    objective sees follows where it is built anew, from `photo_seen` and `paintings_seen`. It is then the same run as
    one whose options said so from there on.

    Parameters
    ----------
    photo: the content image. palette: the picture of ``palette:FILE``.
    seen_in_colour: with ``luminance`` photo and paintings keep their colours until the pastiche is painted, and only
        then they are withdrawn from it: the stylizer paints little of what it sees in gray.

    Attributes
    ----------
    changes: whether any area has other colours than its paintings'.
    """

    def __init__(
        self,
        options: PaintOptions,
        photo: Picture | None,
        palette: Picture | None,
        areas: Areas,
        *,
        seen_in_colour: bool = False,
    ) -> None:
        self.strength, self._seen_in_colour = options.color_strength, seen_in_colour
        self._photo, self._palette, self._areas, self._options = photo, palette, areas, options
        self._methods = [color_method(options, area.color) for area in areas.painted]
        self.changes = any(self._methods)
        self._maps: dict[tuple[str, str, str], ColourMap] = {}
        self._photo_shown: Pixels | None = None  # at the size of what was shown last

    @property
    def _muted(self) -> bool:
        """Whether anything is painted with less chroma than it has, which is put back when it is shown."""
        return "luminance" in self._methods and self.strength > 0

    def _share(self, height_px: int, width_px: int) -> Strength:
        """How far lightness alone is painted, 0 to 1, at each pixel or everywhere."""
        share = self.strength / 100
        if all(method == "luminance" for method in self._methods):
            return share
        masks = self._areas.masks(height_px, width_px, torch.device("cpu")).areas
        ours = [mask for mask, method in zip(masks, self._methods, strict=True) if method == "luminance"]
        return np.asarray(share * torch.stack(ours).sum(0).clamp(0, 1).numpy())

    def photo_seen(self) -> Picture | None:
        """The photo as the objective sees it."""
        return self.start_seen(self._photo)

    def start_seen(self, picture: Picture | None) -> Picture | None:
        """A first pastiche as the optimiser may take it."""
        if picture is None or not self._muted or self._seen_in_colour:
            return picture
        return _seen(picture, f"muted {self.strength!r}", lambda pixels: mute(pixels, self._share(*pixels.shape[:2])))

    def paintings_seen(self, area: Area) -> list[Painting]:
        """Paintings of an area as they are studied."""
        method = color_method(self._options, area.color)
        target = self._photo if (area.color or self._options.color) == "photo" else self._palette
        if method is None or target is None or not self.strength:
            return list(area.paintings)
        return [
            replace(painting, picture=self._painting_seen(painting.picture, method, target))
            for painting in area.paintings
            if isinstance(painting.picture, Picture)  # style files are refused by `check_coloring`
        ]

    def _painting_seen(self, picture: Picture, method: str, target: Picture) -> Picture:
        share, key = self.strength / 100, (picture.sha256, method, target.sha256)
        if key not in self._maps:
            (ours, our_weights), (theirs, their_weights) = _counted(picture), _counted(target)
            self._maps[key] = build_map(method, ours, theirs, source_weights=our_weights, target_weights=their_weights)
        found, muted = self._maps[key], share if method == "luminance" and not self._seen_in_colour else 0.0
        what = f"{method} {self.strength!r} {muted!r} {target.sha256}"
        return _seen(picture, what, lambda pixels: mute(recolour(pixels, found, share), muted))

    def shown(self, pastiche: Pixels) -> Pixels:
        """A pastiche [height, width, 3] of any size, as painted, with the colours that it is to have.

        With no method that puts anything back, or at strength 0, the pastiche itself.
        """
        if not self._muted:
            return pastiche
        assert self._photo is not None  # or the options were refused
        if self._photo_shown is None or self._photo_shown.shape != pastiche.shape:
            self._photo_shown = self._photo.pixels(*pastiche.shape[:2])
        share = self._share(*pastiche.shape[:2])
        return with_chroma_of(mute(pastiche, share) if self._seen_in_colour else pastiche, self._photo_shown, share)


def color_method(options: PaintOptions, color: str | None = None) -> str | None:
    """How colours are kept in an area of that color (None: the whole's); None: they are the painting's.

    As asked, else the way that suits whose they are.
    """
    color = color or options.color
    if color == "painting":
        return None
    return options.color_method or ("luminance" if color == "photo" else "mean-covariance")


def check_coloring(options: PaintOptions, photo: Picture | None, areas: Areas, palette: Picture | None) -> None:
    """Refuse colours that cannot be had; raises `OptionError`."""
    for area in areas.painted:
        for style in (painting.picture for painting in area.paintings if isinstance(painting.picture, StyleFile)):
            if color_method(options, area.color):
                raise OptionError(
                    f"the style file {style.name} cannot be given other colours: give the painting itself, or take "
                    "color 'painting'"
                )
    if options.color == "photo" and photo is None:
        raise OptionError("there is no photo to take colours from: take color 'painting', or palette:FILE")
    if options.color != "painting" and areas.painted and not any(area.paintings for area in areas.painted):
        raise OptionError(f"there is no painting whose colours color {options.color!r} could change: take 'painting'")
    check_palette(options, palette)


def check_palette(options: PaintOptions, palette: Picture | None) -> None:
    """Refuse a palette's colours that cannot be had; raises `OptionError`."""
    if options.color in ("painting", "photo"):
        return
    if options.color_method == "luminance":
        raise OptionError(
            "a palette has no places, so no chroma to put back: take color method mean-covariance or histogram"
        )
    if palette is None:
        raise OptionError(f"the picture of color {options.color!r} was not given")


def _seen(picture: Picture, what: str, change: Callable[[Pixels], Pixels]) -> Picture:
    """The picture changed, under a SHA-256 of its own: what is kept of it elsewhere is kept for these colours."""
    values = {f.name: getattr(picture, f.name) for f in fields(Picture)}
    sha256 = hashlib.sha256(f"{picture.sha256} {what}".encode()).hexdigest()
    return SeenPicture(**values | {"sha256": sha256}, change=change)


def _counted(picture: Picture) -> tuple[Colours, NDArray[np.float32] | None]:
    """Colours of a picture as they are counted, and how much each counts: as far as it is opaque."""
    longest = min(STATISTICS_LONG_EDGE_PX, max(picture.height_px, picture.width_px))
    size = fit_long_edge(picture.height_px, picture.width_px, longest)
    return srgb_to_oklab(picture.pixels(*size).astype(np.float64)), picture.alpha(*size)
