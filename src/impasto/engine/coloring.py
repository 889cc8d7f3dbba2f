"""Whose colours a pastiche has: what the objective sees of photo and paintings, and what is shown of the pastiche.

Paintings are recoloured before they are studied; with the method ``luminance`` photo and paintings are seen in
lightness, and the photo's chroma is put back into whatever is shown. Nothing else in the engine knows of colours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

from impasto.errors import OptionError
from impasto.images.geometry import fit_long_edge
from impasto.images.io import Picture
from impasto.images.oklab import srgb_to_oklab
from impasto.images.recolor import ColourMap, Colours, Strength, build_map, mute, recolour, with_chroma_of
from impasto.inputs import Painting
from impasto.options import PaintOptions, palette_path

STATISTICS_LONG_EDGE_PX = 512  # colours are counted at this size, so that they are the same at every scale

Pixels = NDArray[np.float32]


@dataclass(frozen=True)
class SeenPicture(Picture):
    """A picture whose pixels, at any size, are changed before anybody reads them."""

    change: Callable[[Pixels], Pixels] = field(default=lambda pixels: pixels, repr=False, compare=False)

    def pixels(self, height_px: int | None = None, width_px: int | None = None) -> Pixels:
        return self.change(super().pixels(height_px, width_px))


class Coloring:
    """The colours of a run, by its options.

    `strength` (0 to 100, at first `color_strength`) may be set at any time. What is shown follows at once; what the
    objective sees follows where it is built anew, from `photo_seen` and `paintings_seen` (at the latest at the next
    scale). It is then the same run as one whose options said so from there on.

    Parameters
    ----------
    photo: the content image. palette: the picture of ``palette:FILE``.
    """

    def __init__(self, options: PaintOptions, photo: Picture | None, palette: Picture | None) -> None:
        self.strength = options.color_strength
        self._photo = photo
        self._method = color_method(options)
        self._target = palette if palette_path(options) else photo
        self._maps: dict[str, ColourMap] = {}
        self._photo_shown: Pixels | None = None  # at the size of what was shown last

    @property
    def _muted(self) -> bool:
        """Whether anything is painted with less chroma than it has, which is put back when it is shown."""
        return self._method == "luminance" and self.strength > 0

    def photo_seen(self) -> Picture | None:
        """The photo as the objective sees it."""
        return self.start_seen(self._photo)

    def start_seen(self, picture: Picture | None) -> Picture | None:
        """A first pastiche as the optimiser may take it."""
        share = self.strength / 100
        return self._seen(picture, lambda pixels: mute(pixels, share)) if picture and self._muted else picture

    def paintings_seen(self, paintings: Sequence[Painting]) -> list[Painting]:
        """Paintings as they are studied."""
        return [replace(painting, picture=self._painting_seen(painting.picture)) for painting in paintings]

    def _painting_seen(self, picture: Picture) -> Picture:
        if not self._method or not self.strength:
            return picture
        share = self.strength / 100
        if picture.sha256 not in self._maps:
            assert self._target is not None  # or the options were refused
            (ours, our_weights), (theirs, their_weights) = _counted(picture), _counted(self._target)
            self._maps[picture.sha256] = build_map(
                self._method, ours, theirs, source_weights=our_weights, target_weights=their_weights
            )
        found, muted = self._maps[picture.sha256], share if self._muted else 0.0
        return self._seen(picture, lambda pixels: mute(recolour(pixels, found, share), muted))

    def _seen(self, picture: Picture, change: Callable[[Pixels], Pixels]) -> Picture:
        """The picture changed, under a SHA-256 of its own: what is kept of it elsewhere is kept for these colours."""
        target = self._target.sha256 if self._target else ""
        what = f"{picture.sha256} {self._method} {self.strength!r} {target}"
        values = {f.name: getattr(picture, f.name) for f in fields(Picture)}
        return SeenPicture(**values | {"sha256": hashlib.sha256(what.encode()).hexdigest()}, change=change)

    def shown(self, pastiche: Pixels, weights: Strength = 1.0) -> Pixels:
        """A pastiche [height, width, 3] of any size, as painted, with the colours that it is to have.

        `weights` [height, width] in [0, 1] say where: a region's mask. With no method that puts anything back, or at
        strength 0, the pastiche itself.
        """
        if not self._muted:
            return pastiche
        assert self._photo is not None  # or the options were refused
        if self._photo_shown is None or self._photo_shown.shape != pastiche.shape:
            self._photo_shown = self._photo.pixels(*pastiche.shape[:2])
        return with_chroma_of(pastiche, self._photo_shown, self.strength / 100 * weights)


def color_method(options: PaintOptions) -> str | None:
    """How colours are kept: as asked, else the way that suits whose they are; None: they are the painting's."""
    if options.color == "painting":
        return None
    return options.color_method or ("luminance" if options.color == "photo" else "mean-covariance")


def check_coloring(
    options: PaintOptions, photo: Picture | None, paintings: Sequence[Painting], palette: Picture | None
) -> None:
    """Refuse colours that cannot be had; raises `OptionError`."""
    if options.color == "painting":
        return
    if options.color == "photo" and photo is None:
        raise OptionError("there is no photo to take colours from: take color 'painting', or palette:FILE")
    if not paintings:
        raise OptionError(f"there is no painting whose colours color {options.color!r} could change: take 'painting'")
    if options.color != "photo" and options.color_method == "luminance":
        raise OptionError(
            "a palette has no places, so no chroma to put back: take color method mean-covariance or histogram"
        )
    if options.color != "photo" and palette is None:
        raise OptionError(f"the picture of color {options.color!r} was not given")


def _counted(picture: Picture) -> tuple[Colours, NDArray[np.float32] | None]:
    """Colours of a picture as they are counted, and how much each counts: as far as it is opaque."""
    longest = min(STATISTICS_LONG_EDGE_PX, max(picture.height_px, picture.width_px))
    size = fit_long_edge(picture.height_px, picture.width_px, longest)
    return srgb_to_oklab(picture.pixels(*size).astype(np.float64)), picture.alpha(*size)
