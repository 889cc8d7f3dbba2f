"""Drafts of pictures: every region painted in its own style by a stylizer, then joined by masks with soft edges."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from impasto.engine.color import ColorTransfer, check_colors, check_palette
from impasto.engine.pyramid import painting_size
from impasto.engine.regions import Masks, RegionLayout, mask_tensor
from impasto.engine.scales import scale_edges
from impasto.engine.style_files import style_file_moments
from impasto.images.picture import Picture, picture_from_array
from impasto.images.resize import fit_long_edge
from impasto.images.tensors import pixels_to_tensor, resize, tensor_to_pixels
from impasto.inputs.paintings import Painting, Region
from impasto.inputs.run_inputs import RunInputs
from impasto.inputs.style_file import StyleFile, check_encoder
from impasto.options.fields import PaintOptions
from impasto.stylizer.statistics import CHANNELS, StyleStatistics, blend_statistics
from impasto.stylizer.stylizer import EncodedPhoto, Stylizer, load_stylizer

REPAINTED = 0.6  # of the strength, where a picture that was painted is doubled and painted over
FEATHER = 1 / 128  # of the long edge: how far on each side of a border two regions fade into each other
MAX_STYLES = 64  # kept, some 300 kB each


@dataclass(frozen=True)
class SharedPhoto:
    """What the frames of a shot have in common, in place of what each has for itself: so nothing breathes.

    Attributes
    ----------
    statistics: of their canvases together.
    colors: a picture in which their colours are as frequent as in the shot.
    """

    statistics: StyleStatistics
    colors: Picture = field(repr=False)


class DraftPainter:
    """A stylizer that paints drafts, and what it knows of the last paintings.

    Every region is a draft of the whole photo with its own paintings, strength, brush scale and colours; masks join
    them afterwards. Departure from a run, where the engine optimises all regions together and its paint fits.

    `keep_photo`: keep the feature maps of the last photo, which take memory and save two fifths of its next draft.
    """

    def __init__(self, stylizer: Stylizer, *, keep_photo: bool = False) -> None:
        self.stylizer, self._keep_photo = stylizer, keep_photo
        self._photo: tuple[Hashable, EncodedPhoto] | None = None
        self._styles: dict[Hashable, StyleStatistics] = {}

    def paint(
        self,
        inputs: RunInputs,
        options: PaintOptions,
        long_edge_px: int,
        *,
        background: StyleStatistics | None = None,
        strength_of: Callable[[PaintOptions], float] = lambda own: own.strength,
        first_px: int | None = None,
        shared: SharedPhoto | None = None,
    ) -> NDArray[np.float32]:
        """Paint the draft of a photo, [height, width, 3] in [0, 1].

        Parameters
        ----------
        options: strength, brush scale and colours count.
        background: style statistics in place of the background's paintings. Without either the background stays the
            photograph.
        strength_of: the network's strength, 0 to 100, from the options of a region, unless it stays the photograph.
        first_px: long edge at which the photo itself is painted. From there the picture is doubled and painted over,
            as often as it takes: strokes grow with it. Default: the photo is painted once, at full size.
        shared: of the shot that the photo is a frame of.

        Raises `OptionError` for colours that are impossible, paintings under 16 px a side, and style files of another
        encoder.
        """
        photo = inputs.photo
        assert photo is not None, "a draft has a photo"
        check_palette(inputs, options)
        size = fit_long_edge(photo.height_px, photo.width_px, long_edge_px)
        has_background = background is not None or bool(inputs.background.paintings)
        layout = RegionLayout(inputs, options, paint_background=has_background)
        if not layout.painted:
            return photo.pixels(*size)
        first_px = min(first_px or long_edge_px, long_edge_px)
        pixels = self._encode(photo, first_px, several=len(layout.painted) > 1)
        measured = inputs
        if shared is not None:
            encoded = pixels if isinstance(pixels, EncodedPhoto) else self.stylizer.encode(pixels)
            pixels = replace(encoded, statistics=shared.statistics)
            measured = RunInputs(shared.colors, (Region(None),), palette=inputs.palette)

        def style_of(region: Region, edge: int) -> StyleStatistics:
            style = background if region.mask is None and edge == first_px else None
            return style or self.measure(measured, region, options, edge)

        def paint_region(region: Region) -> NDArray[np.float32]:
            alone, own_options = _alone(inputs, region, options)
            strength = strength_of(own_options)
            painted = self.stylizer.paint(pixels, style_of(region, first_px), strength=strength)
            painted = self._paint_over(painted, photo, long_edge_px, strength, lambda edge: style_of(region, edge))
            return _colors(alone, own_options).for_display(tensor_to_pixels(painted))

        if not layout.divided:
            return paint_region(layout.painted[0])
        masks, photo_mask = joining_masks(layout, size)
        joined: NDArray[np.float32] = photo.pixels(*size) * photo_mask.numpy()[..., None]
        for region, mask in zip(layout.painted, masks, strict=True):
            joined += paint_region(region) * mask.numpy()[..., None]
        return joined.clip(0, 1)

    def _paint_over(
        self,
        painted: Tensor,
        photo: Picture,
        long_edge_px: int,
        strength: float,
        style_at: Callable[[int], StyleStatistics],
    ) -> Tensor:
        """Double what was painted of a photo and paint it over, until it is as large as asked for."""
        while (before := max(painted.shape[-2:])) < long_edge_px:
            edge = min(2 * before, long_edge_px)
            larger = resize(painted, *fit_long_edge(photo.height_px, photo.width_px, edge), "bicubic").clamp_(0, 1)
            again = REPAINTED * strength * math.log2(edge / before)
            painted = self.stylizer.paint(larger, style_at(edge), strength=again)
        return painted

    def measure(self, inputs: RunInputs, region: Region, options: PaintOptions, long_edge_px: int) -> StyleStatistics:
        """Style statistics of a region's paintings in the colours and at the size of its draft; raises as `paint`."""
        alone, own_options = _alone(inputs, region, options)
        target = {"painting": None, "photo": inputs.photo}.get(own_options.color, inputs.palette)
        key = (
            tuple((p.picture.sha256, p.mask and p.mask.sha256, p.weight, p.brush_scale) for p in region.paintings),
            (own_options.color_method, own_options.color_strength),
            target and (own_options.color, target.sha256, target.height_px),
            (region.brush_scale * options.brush_scale, long_edge_px),
        )
        if key not in self._styles:
            check_colors(alone, own_options, RegionLayout(alone, own_options))
            paintings = _colors(alone, own_options).paintings_for_objective(region)
            brush_scale = options.brush_scale * region.brush_scale
            self._styles[key] = measure_paintings(self.stylizer, paintings, long_edge_px, brush_scale)
            if len(self._styles) > MAX_STYLES:
                del self._styles[next(iter(self._styles))]
        return self._styles[key]

    def _encode(self, photo: Picture, long_edge_px: int, *, several: bool) -> Tensor | EncodedPhoto:
        """The photo at the size of its draft; encoded where it is painted several times."""
        if not self._keep_photo:
            pixels = photo_tensor(photo, long_edge_px)
            return self.stylizer.encode(pixels) if several else pixels
        key = photo.sha256, photo.height_px, long_edge_px
        if self._photo is None or self._photo[0] != key:
            self._photo = None  # frees its memory first
            self._photo = key, self.stylizer.encode(photo_tensor(photo, long_edge_px))
        return self._photo[1]


def _alone(inputs: RunInputs, region: Region, options: PaintOptions) -> tuple[RunInputs, PaintOptions]:
    """The whole picture as if it were that region, with the region's options."""
    settings = {"strength": region.strength, "color": region.color}
    own_options = options.model_copy(update={name: value for name, value in settings.items() if value is not None})
    return RunInputs(inputs.photo, (replace(region, mask=None),), palette=inputs.palette), own_options


def _colors(inputs: RunInputs, options: PaintOptions) -> ColorTransfer:
    return ColorTransfer(inputs, options, RegionLayout(inputs, options), objective_in_color=True)


def joining_masks(layout: RegionLayout, size: tuple[int, int]) -> tuple[list[Tensor], Tensor]:
    """Masks of the painted regions and of the photograph, [height, width], with soft edges at any size (height, width).

    Their sum is 1 everywhere.
    """
    return feather(layout.masks(*size, torch.device("cpu")), max(1, round(max(size) * FEATHER)))


def feather(masks: Masks, reach_px: int) -> tuple[list[Tensor], Tensor]:
    """Let regions fade into each other over `reach_px` on each side of a border.

    Returns the regions' masks and the photograph's, each [height, width]; their sum is 1 everywhere. Where the
    photograph stays whole its mask stays 1: it fades on the outside alone.
    """
    soft = [_blurred(mask[None, None], reach_px) for mask in masks.regions]
    photo = torch.zeros_like(soft[0])
    if masks.photo is not None:
        hard = masks.photo[None, None]
        photo = torch.maximum(hard, _blurred(_grown(hard, reach_px), reach_px)).clamp_max(1)
    factor = (1 - photo) / torch.stack(soft).sum(0).clamp_min(1e-12)
    return [(factor * mask)[0, 0] for mask in soft], photo[0, 0]


def _blurred(mask: Tensor, reach_px: int) -> Tensor:
    """Mean over a square of 2 `reach_px` + 1 px, as far as it lies in the picture."""
    side = 2 * reach_px + 1
    down = F.avg_pool2d(mask, (side, 1), stride=1, padding=(reach_px, 0), count_include_pad=False)
    return F.avg_pool2d(down, (1, side), stride=1, padding=(0, reach_px), count_include_pad=False)


def _grown(mask: Tensor, reach_px: int) -> Tensor:
    """Greatest value in a square of 2 `reach_px` + 1 px."""
    side = 2 * reach_px + 1
    down = F.max_pool2d(mask, (side, 1), stride=1, padding=(reach_px, 0))
    return F.max_pool2d(down, (1, side), stride=1, padding=(0, reach_px))


def measure_paintings(
    stylizer: Stylizer, paintings: Sequence[Painting], long_edge_px: int, brush_scale: float = 1.0
) -> StyleStatistics:
    """Style statistics of paintings, blended by weight, for a draft of `long_edge_px`; raises as `measure_painting`."""
    return blend_statistics(
        (measure_painting(stylizer, painting, long_edge_px, brush_scale), painting.weight) for painting in paintings
    )


def measure_painting(
    stylizer: Stylizer, painting: Painting, long_edge_px: int, brush_scale: float = 1.0
) -> StyleStatistics:
    """Style statistics of a painting, of the part that its mask shows, or of a style file in its place.

    A larger `brush_scale` enlarges the painting, and so the strokes of the draft. Raises `OptionError` for a painting
    under 16 px a side, and for a style file of another encoder.
    """
    picture, brush_scale = painting.picture, brush_scale * painting.brush_scale
    if isinstance(picture, StyleFile):
        check_encoder(picture, stylizer.encoder.name, stylizer.encoder.sha256)
        by_layer = style_file_moments(picture, list(CHANNELS), long_edge_px, brush_scale)
        return StyleStatistics(by_layer, picture.encoder_sha256)
    size = painting_size(picture.height_px, picture.width_px, long_edge_px, brush_scale)
    mask = None if painting.mask is None else mask_tensor(painting.mask, *size)
    return stylizer.measure_style(pixels_to_tensor(picture.pixels(*size)), mask)


def draft_start(inputs: RunInputs, options: PaintOptions, long_edge_px: int) -> tuple[Picture, str, str]:
    """A draft as the first pastiche of a run of `long_edge_px`, at the size of its first scale.

    Returns the name and SHA-256 of the weights too. Raises as `DraftPainter.paint` does.
    """
    stylizer = load_stylizer()
    edge = scale_edges(long_edge_px, options)[0]
    pixels = DraftPainter(stylizer).paint(inputs, options, edge, strength_of=lambda _: 100.0)
    return picture_from_array(pixels, name="draft"), stylizer.name, stylizer.sha256


def photo_tensor(photo: Picture, long_edge_px: int) -> Float[Tensor, "1 3 height width"]:
    """A photo at the size of its draft."""
    return pixels_to_tensor(photo.pixels(*fit_long_edge(photo.height_px, photo.width_px, long_edge_px)))
