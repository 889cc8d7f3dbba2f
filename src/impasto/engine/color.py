"""Colour modes: recoloured inputs for the objective, and the colours of the pastiche for display.

Paintings are recoloured before their style statistics are computed. With the method ``luminance`` the objective
compares lightness alone, and the photo's chroma is put back into every picture that is displayed. Nothing else in
the engine knows of colours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace

import numpy as np
import torch
from numpy.typing import NDArray

from impasto.engine.regions import RegionLayout
from impasto.errors import OptionError
from impasto.images.oklab import srgb_to_oklab
from impasto.images.picture import Picture
from impasto.images.recolor import ColourMap, Colours, Strength, build_map, mute, recolour, with_chroma_of
from impasto.images.resize import fit_long_edge
from impasto.inputs.paintings import Painting, Region
from impasto.inputs.run_inputs import RunInputs
from impasto.inputs.style_file import StyleFile
from impasto.options.fields import PaintOptions

STATISTICS_LONG_EDGE_PX = 512  # colours are counted at this size, so that they are the same at every scale

Pixels = NDArray[np.float32]


@dataclass(frozen=True)
class RecoloredPicture(Picture):
    """A picture whose pixels, at any size, are changed before anybody reads them."""

    change: Callable[[Pixels], Pixels] = field(default=lambda pixels: pixels, repr=False, compare=False)

    def pixels(self, height_px: int | None = None, width_px: int | None = None) -> Pixels:
        return self.change(super().pixels(height_px, width_px))


class ColorTransfer:
    """The colours of a run, by its options and those of its regions.

    `strength` (0 to 100, at first `color_strength`) may be set at any time. The display follows at once; the
    objective follows when it is built again, from `photo_for_objective` and `paintings_for_objective`. It is then the
    same run as one whose options said so from there on.

    Parameters
    ----------
    layout: the regions of the picture.
    objective_in_color: with ``luminance`` photo and paintings keep their colours until the pastiche is painted, and
        only then chroma is withdrawn from it: the stylizer paints little of a gray picture.

    Attributes
    ----------
    changes: whether any region has other colours than its paintings'.
    """

    def __init__(
        self, inputs: RunInputs, options: PaintOptions, layout: RegionLayout, *, objective_in_color: bool = False
    ) -> None:
        self.strength, self._objective_in_color = options.color_strength, objective_in_color
        self._inputs, self._layout, self._options = inputs, layout, options
        self._methods = [color_method(options, region.color) for region in layout.painted]
        self.changes = any(self._methods)
        self._maps: dict[tuple[str, str, str], ColourMap] = {}
        self._photo_pixels: Pixels | None = None  # at the size that was displayed last

    @property
    def _desaturates(self) -> bool:
        """Whether anything is painted with less chroma than it has, which is put back for display."""
        return "luminance" in self._methods and self.strength > 0

    def _desaturation(self, height_px: int, width_px: int) -> Strength:
        """How far lightness alone is painted, 0 to 1, at each pixel or everywhere."""
        share = self.strength / 100
        if all(method == "luminance" for method in self._methods):
            return share
        masks = self._layout.masks(height_px, width_px, torch.device("cpu")).regions
        luminance = [mask for mask, method in zip(masks, self._methods, strict=True) if method == "luminance"]
        return np.asarray(share * torch.stack(luminance).sum(0).clamp(0, 1).numpy())

    def photo_for_objective(self) -> Picture | None:
        """The photo as the objective compares with it."""
        return self.start_for_objective(self._inputs.photo)

    def start_for_objective(self, picture: Picture | None) -> Picture | None:
        """A first pastiche in the colours in which it is painted."""
        if picture is None or not self._desaturates or self._objective_in_color:
            return picture
        return _recolored(
            picture, f"muted {self.strength!r}", lambda pixels: mute(pixels, self._desaturation(*pixels.shape[:2]))
        )

    def paintings_for_objective(self, region: Region) -> list[Painting]:
        """Paintings of a region in the colours in which their style statistics are computed."""
        method = color_method(self._options, region.color)
        of_photo = (region.color or self._options.color) == "photo"
        target = self._inputs.photo if of_photo else self._inputs.palette
        if method is None or target is None or not self.strength:
            return list(region.paintings)
        return [
            replace(painting, picture=self._recolored_painting(painting.picture, method, target))
            for painting in region.paintings
            if isinstance(painting.picture, Picture)  # style files are refused by `check_colors`
        ]

    def _recolored_painting(self, picture: Picture, method: str, target: Picture) -> Picture:
        share, key = self.strength / 100, (picture.sha256, method, target.sha256)
        if key not in self._maps:
            (source, source_weights), (palette, palette_weights) = _weighted_colors(picture), _weighted_colors(target)
            self._maps[key] = build_map(
                method, source, palette, source_weights=source_weights, target_weights=palette_weights
            )
        color_map = self._maps[key]
        desaturation = share if method == "luminance" and not self._objective_in_color else 0.0
        change = f"{method} {self.strength!r} {desaturation!r} {target.sha256}"
        return _recolored(picture, change, lambda pixels: mute(recolour(pixels, color_map, share), desaturation))

    def for_display(self, pastiche: Pixels) -> Pixels:
        """A pastiche [height, width, 3] of any size, as painted, in its final colours.

        Without a method that puts chroma back, or at strength 0, the pastiche itself.
        """
        photo = self._inputs.photo
        if not self._desaturates or photo is None:
            return pastiche
        if self._photo_pixels is None or self._photo_pixels.shape != pastiche.shape:
            self._photo_pixels = photo.pixels(*pastiche.shape[:2])
        share = self._desaturation(*pastiche.shape[:2])
        painted = mute(pastiche, share) if self._objective_in_color else pastiche
        return with_chroma_of(painted, self._photo_pixels, share)


def color_method(options: PaintOptions, color: str | None = None) -> str | None:
    """The method of a colour mode (None: that of the whole picture); None: colours stay the painting's.

    The method that was asked for, else the one that suits the source of the colours.
    """
    color = color or options.color
    if color == "painting":
        return None
    return options.color_method or ("luminance" if color == "photo" else "mean-covariance")


def check_colors(inputs: RunInputs, options: PaintOptions, layout: RegionLayout) -> None:
    """Refuse a colour mode that is impossible with these inputs; raises `OptionError`."""
    for region in layout.painted:
        for style in (painting.picture for painting in region.paintings if isinstance(painting.picture, StyleFile)):
            if color_method(options, region.color):
                raise OptionError(
                    f"the style file {style.name} cannot be given other colours: give the painting itself, or take "
                    "color 'painting'"
                )
    if options.color == "photo" and inputs.photo is None:
        raise OptionError("there is no photo to take colours from: take color 'painting', or palette:FILE")
    if options.color != "painting" and layout.painted and not layout.paintings:
        raise OptionError(f"there is no painting whose colours color {options.color!r} could change: take 'painting'")
    check_palette(inputs, options)


def check_palette(inputs: RunInputs, options: PaintOptions) -> None:
    """Refuse a palette that cannot be used; raises `OptionError`."""
    if options.color in ("painting", "photo"):
        return
    if options.color_method == "luminance":
        raise OptionError(
            "a palette has no places, so no chroma to put back: take color method mean-covariance or histogram"
        )
    if inputs.palette is None:
        raise OptionError(f"the picture of color {options.color!r} was not given")


def _recolored(picture: Picture, change_name: str, change: Callable[[Pixels], Pixels]) -> Picture:
    """The picture changed, with a SHA-256 of its own: caches must tell it from the original."""
    values = {f.name: getattr(picture, f.name) for f in fields(Picture)}
    sha256 = hashlib.sha256(f"{picture.sha256} {change_name}".encode()).hexdigest()
    return RecoloredPicture(**values | {"sha256": sha256}, change=change)


def _weighted_colors(picture: Picture) -> tuple[Colours, NDArray[np.float32] | None]:
    """Colours of a picture at the size of statistics, in Oklab, and their weights: its opacity."""
    longest = min(STATISTICS_LONG_EDGE_PX, max(picture.height_px, picture.width_px))
    size = fit_long_edge(picture.height_px, picture.width_px, longest)
    return srgb_to_oklab(picture.pixels(*size).astype(np.float64)), picture.alpha(*size)
