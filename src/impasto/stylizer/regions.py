"""Pictures in and pixels out: what a draft needs around the stylizer, regions and colours too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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
from impasto.images.tensors import fit_long_edge, pixels_to_tensor, tensor_to_pixels
from impasto.inputs.paintings import Painting, Region
from impasto.inputs.run_inputs import RunInputs
from impasto.inputs.style_file import StyleFile, check_encoder
from impasto.options.fields import PaintOptions
from impasto.stylizer.statistics import CHANNELS, StyleStatistics, blend_statistics
from impasto.stylizer.stylizer import EncodedPhoto, Stylizer, load_stylizer

FEATHER = 1 / 128  # of the long edge: how far on each side of a border two areas fade into each other


class Readings:
    """A stylizer, and what it has read of the last photo, which takes memory and saves two fifths of the next draft."""

    def __init__(self, stylizer: Stylizer) -> None:
        self.stylizer = stylizer
        self._last: tuple[tuple[object, ...], EncodedPhoto] | None = None

    def read(self, photo: Picture, long_edge_px: int) -> EncodedPhoto:
        """A photo at the size of its draft."""
        wanted = photo.sha256, photo.height_px, photo.width_px, long_edge_px
        if self._last is None or self._last[0] != wanted:
            self._last = None  # gives its memory back first
            self._last = wanted, self.stylizer.encode(photo_tensor(photo, long_edge_px))
        return self._last[1]


class AreaDrafter:
    """Drafts of photos whose areas are painted each in its own manner.

    Every area is a draft of the whole photo by its own paintings, strength, strokes and colours, and masks with soft
    edges join them; the engine optimises them together, and its paint is made to fit.

    Parameters
    ----------
    options: of which strength, brush scale and colours count.
    palette: the picture of ``palette:FILE``.
    fully: at strength 100 everywhere but where the photograph stays.
    readings: of the same stylizer, for photos that come again.

    Raises `OptionError` for a palette that cannot be had.
    """

    def __init__(
        self,
        stylizer: Stylizer,
        options: PaintOptions,
        regions: Sequence[Region] = (),
        palette: Picture | None = None,
        *,
        fully: bool = False,
        readings: Readings | None = None,
    ) -> None:
        check_palette(RunInputs(None, (Region(None),), palette=palette), options)
        self._stylizer, self._options, self._regions, self._palette = stylizer, options, tuple(regions), palette
        self._fully, self._readings = fully, readings
        self._known: dict[tuple[object, ...], StyleStatistics] = {}
        self._known_for: tuple[object, ...] = ()

    @property
    def asks_photo(self) -> bool:
        """Whether what is learned of a painting depends on the photo: where it is given the photo's colours."""
        return "photo" in {self._options.color, *(region.color for region in self._regions)}

    def study(self, photo: Picture, paintings: Sequence[Painting], long_edge_px: int) -> StyleStatistics:
        """What is learned of the background's paintings for a draft of that size.

        Raises `OptionError` for colours that cannot be had, and as `study_painting` does.
        """
        return self._study(photo, Region(None, paintings), long_edge_px)

    def paint(self, photo: Picture, style: StyleStatistics | None, long_edge_px: int) -> NDArray[np.float32]:
        """The draft of a photo as [height, width, 3] in [0, 1].

        `style`: of the background, as `study` found it; None: what the regions leave stays the photograph. Raises as
        `study` and `RunInputs` do.
        """
        size = fit_long_edge(photo.height_px, photo.width_px, long_edge_px)
        inputs = RunInputs(photo, (Region(None), *self._regions))
        layout = RegionLayout(inputs, self._options, paint_background=style is not None)
        if not layout.painted:
            return photo.pixels(*size)
        seen = self._seen(photo, long_edge_px, again=len(layout.painted) > 1)
        drafts = (self._paint_area(photo, seen, area, style, long_edge_px) for area in layout.painted)
        if not layout.divided:
            return next(drafts)
        reach_px = max(1, round(long_edge_px * FEATHER))
        weights, kept = feathered(layout.masks(*size, torch.device("cpu")), reach_px)
        joined = photo.pixels(*size) * kept[..., None]
        for draft, weight in zip(drafts, weights, strict=True):
            joined += draft * weight[..., None]
        return joined.clip(0, 1)

    def _seen(self, photo: Picture, long_edge_px: int, *, again: bool) -> Tensor | EncodedPhoto:
        """The photo at the size of its draft; as the stylizer reads it, where it is painted `again`."""
        if self._readings is not None:
            return self._readings.read(photo, long_edge_px)
        pixels = photo_tensor(photo, long_edge_px)
        return self._stylizer.encode(pixels) if again else pixels

    def _paint_area(
        self,
        photo: Picture,
        seen: Tensor | EncodedPhoto,
        area: Region,
        background: StyleStatistics | None,
        long_edge_px: int,
    ) -> NDArray[np.float32]:
        """The whole photo as an area would have it; what has no paintings of its own has the background's style."""
        style = background
        if area.paintings or style is None:
            style = self._known_study(photo, area, long_edge_px)
        strength = 100.0 if self._fully else self._options_of(area).strength
        painted = draft_pixels(self._stylizer, seen, style, strength)
        return self._colors(photo, area).for_display(painted)

    def _known_study(self, photo: Picture, area: Region, long_edge_px: int) -> StyleStatistics:
        """What is learned of a region's paintings, kept while size and photo (where it matters) are the same."""
        wanted_for = long_edge_px, photo.sha256 if self.asks_photo else None
        if wanted_for != self._known_for:
            self._known_for, self._known = wanted_for, {}
        key = id(area.paintings), area.brush_scale, area.color  # of a region, which lives as long as this
        if key not in self._known:
            self._known[key] = self._study(photo, area, long_edge_px)
        return self._known[key]

    def _study(self, photo: Picture, area: Region, long_edge_px: int) -> StyleStatistics:
        alone, options = self._alone(photo, area), self._options_of(area)
        check_colors(alone, options, RegionLayout(alone, options))
        paintings = self._colors(photo, area).paintings_for_objective(area)
        return study_paintings(self._stylizer, paintings, long_edge_px, self._options.brush_scale * area.brush_scale)

    def _colors(self, photo: Picture, area: Region) -> ColorTransfer:
        alone, options = self._alone(photo, area), self._options_of(area)
        return ColorTransfer(alone, options, RegionLayout(alone, options), objective_in_color=True)

    def _alone(self, photo: Picture, area: Region) -> RunInputs:
        """The whole picture as if it were that region."""
        return RunInputs(photo, (replace(area, mask=None),), palette=self._palette)

    def _options_of(self, area: Region) -> PaintOptions:
        own = {"strength": area.strength, "color": area.color}
        return self._options.model_copy(update={name: value for name, value in own.items() if value is not None})


def feathered(masks: Masks, reach_px: int) -> tuple[list[NDArray[np.float32]], NDArray[np.float32]]:
    """Masks whose areas fade into each other over `reach_px` on each side of a border, and where it stays the photo.

    Each [height, width]; together they come to 1 everywhere. Where the photograph is kept whole it stays so: it fades
    on the outside alone.
    """
    soft = [_blurred(mask[None, None], reach_px) for mask in masks.regions]
    kept = torch.zeros_like(soft[0])
    if masks.photo is not None:
        own = masks.photo[None, None]
        kept = torch.maximum(own, _blurred(_grown(own, reach_px), reach_px)).clamp_max(1)
    share = (1 - kept) / torch.stack(soft).sum(0).clamp_min(1e-12)
    return [(share * mask)[0, 0].numpy() for mask in soft], kept[0, 0].numpy()


def _blurred(mask: Tensor, reach_px: int) -> Tensor:
    """The mean over a square of 2 `reach_px` + 1 px, of what of it lies in the picture."""
    side = 2 * reach_px + 1
    down = F.avg_pool2d(mask, (side, 1), stride=1, padding=(reach_px, 0), count_include_pad=False)
    return F.avg_pool2d(down, (1, side), stride=1, padding=(0, reach_px), count_include_pad=False)


def _grown(mask: Tensor, reach_px: int) -> Tensor:
    """The greatest value in a square of 2 `reach_px` + 1 px."""
    side = 2 * reach_px + 1
    down = F.max_pool2d(mask, (side, 1), stride=1, padding=(reach_px, 0))
    return F.max_pool2d(down, (1, side), stride=1, padding=(0, reach_px))


def study_paintings(
    stylizer: Stylizer, paintings: Sequence[Painting], long_edge_px: int, brush_scale: float = 1.0
) -> StyleStatistics:
    """Statistics of paintings blended by weight, read at the size that a draft of `long_edge_px` wants them at."""
    return blend_statistics(
        (study_painting(stylizer, painting, long_edge_px, brush_scale), painting.weight) for painting in paintings
    )


def study_painting(
    stylizer: Stylizer, painting: Painting, long_edge_px: int, brush_scale: float = 1.0
) -> StyleStatistics:
    """Statistics of one painting or of the part that its mask shows, or of the style file in its place.

    A larger `brush_scale` reads it larger, and so its strokes become larger in the draft. Raises `OptionError` for a
    painting under 16 px a side, and for a style file of another encoder.
    """
    picture, brush_scale = painting.picture, brush_scale * painting.brush_scale
    if isinstance(picture, StyleFile):
        check_encoder(picture, stylizer.encoder.name, stylizer.encoder.sha256)
        return StyleStatistics(
            style_file_moments(picture, list(CHANNELS), long_edge_px, brush_scale), picture.encoder_sha256
        )
    size = painting_size(picture.height_px, picture.width_px, long_edge_px, brush_scale)
    mask = None if painting.mask is None else mask_tensor(painting.mask, *size)
    return stylizer.measure_style(_tensor(picture, size), mask)


def draft_start(inputs: RunInputs, options: PaintOptions, long_edge_px: int) -> tuple[Picture, str, str]:
    """A draft as the first pastiche of a run of `long_edge_px`, at the size of its first scale.

    Returns the name and SHA-256 of the weights too. Raises as `AreaDrafter` does.
    """
    stylizer = load_stylizer()
    edge = scale_edges(long_edge_px, options)[0]
    photo, paintings = inputs.photo, inputs.background.paintings
    assert photo is not None, "checked by the run"
    drafter = AreaDrafter(stylizer, options, inputs.regions[1:], inputs.palette, fully=True)
    style = drafter.study(photo, paintings, edge) if paintings else None
    return picture_from_array(drafter.paint(photo, style, edge), name="draft"), stylizer.name, stylizer.sha256


def draft_pixels(
    stylizer: Stylizer, photo: Tensor | EncodedPhoto, style: StyleStatistics, strength: float = 100.0
) -> NDArray[np.float32]:
    """The draft of a photo [1, 3, height, width], or of what was read of it, as [height, width, 3] in [0, 1]."""
    return tensor_to_pixels(stylizer.paint(photo, style, strength=strength))


def photo_tensor(photo: Picture, long_edge_px: int) -> Float[Tensor, "1 3 height width"]:
    """A photo at the size of its draft."""
    return _tensor(photo, fit_long_edge(photo.height_px, photo.width_px, long_edge_px))


def _tensor(picture: Picture, size: tuple[int, int]) -> Float[Tensor, "1 3 height width"]:
    return pixels_to_tensor(picture.pixels(*size))
