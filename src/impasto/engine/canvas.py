"""Pictures on their canvases: paintings at a scale, the first pastiche, the hand-over from scale to scale."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from impasto.engine.pyramid import CANVAS_MULTIPLE_PX, Scale, painting_size
from impasto.engine.regions import mask_tensor
from impasto.engine.style_files import style_file_moments
from impasto.images.picture import Picture
from impasto.images.tensors import extend_mirrored, pixels_to_tensor, resize
from impasto.inputs.paintings import Painting
from impasto.inputs.style_file import COLOURS, StyleFile
from impasto.losses.statistics import Moments, blend, moments
from impasto.options.fields import PaintOptions

VARIATION_AMPLITUDE = 0.1  # of the soft noise that another variation starts from
DITHER_LEVELS = 0.5  # of 255, up and down: no more than a photo's 8 bits leave open


def starting_canvas(
    options: PaintOptions,
    scale: Scale,
    photo: Tensor,
    paintings: Sequence[Painting],
    starting_picture: Picture | None,
) -> Tensor:
    """First pastiche [1, 3, height, width] on the canvas of the coarsest scale, where `photo` is.

    All that is random in a run happens here, on the processor: every device starts from the same numbers.
    """
    generator = torch.Generator().manual_seed(options.seed)
    if starting_picture is not None:
        start = scale.extend(picture_tensor(starting_picture, scale.height_px, scale.width_px))
    elif options.starting_point == "noise":
        start = torch.rand(photo.shape, generator=generator)
    elif options.starting_point == "gray":
        start = torch.full_like(photo, 0.5)
    elif options.starting_point == "style-statistics":
        colours = blend(
            (_color_moments(painting, scale.long_edge_px, options.brush_scale * painting.brush_scale), painting.weight)
            for painting in paintings
        )
        factor = torch.linalg.cholesky(colours.covariance + 1e-6 * torch.eye(3, dtype=torch.float64))
        noise = torch.randn(photo[0, 0].numel(), 3, generator=generator) @ factor.T.float()
        start = (colours.mean.float() + noise).T.reshape(photo.shape).clamp(0, 1)
    else:
        start = photo
    start = _dithered(start)
    if options.variation:
        generator.manual_seed(options.variation)
        coarse = torch.randn(1, 3, *(max(1, n // 8) for n in photo.shape[-2:]), generator=generator)
        noise = resize(coarse, *photo.shape[-2:]).to(start.device)
        start = (start + VARIATION_AMPLITUDE * noise).clamp(0, 1)
    return start.to(photo.device)


def _dithered(start: Tensor) -> Tensor:
    """`start` with a fixed noise of at most `DITHER_LEVELS`, so that no two neighbouring pixels are exactly equal.

    Flat areas (logos, cartoons, night skies) make max pooling tie, and the derivative then goes to one of four
    positions by the last bit of a convolution, which differs between processors. Sharing the derivative among the
    four was tried too: flat ground then stays flat until rounding noise breaks the symmetry, just as arbitrarily.
    """
    noise = torch.rand(start.shape, generator=torch.Generator().manual_seed(0)).to(start.device)
    return (start + (2 * noise - 1) * (DITHER_LEVELS / 255)).clamp(0, 1)


def resample(canvas: Tensor, before: Scale, after: Scale, mode: str) -> Tensor:
    """A canvas carried to the next scale: cropped, enlarged, extended again."""
    return after.extend(resize(before.crop(canvas), after.height_px, after.width_px, mode))


def painting_canvas(painting: Painting, long_edge_px: int, brush_scale: float) -> tuple[Tensor, Tensor | None]:
    """A painting at a scale's size, continued by reflection to whole strides of the deepest layer, and its mask."""
    picture = painting.picture
    assert isinstance(picture, Picture), "a style file has no canvas"
    height, width = painting_size(picture.height_px, picture.width_px, long_edge_px, brush_scale)
    canvas = [max(2, -(-side // CANVAS_MULTIPLE_PX)) * CANVAS_MULTIPLE_PX for side in (height, width)]
    place = (canvas[0] - height) // 2, (canvas[1] - width) // 2, *canvas
    mask = None
    if painting.mask is not None:
        mask = extend_mirrored(mask_tensor(painting.mask, height, width)[None, None], *place)[0, 0]
    return extend_mirrored(picture_tensor(picture, height, width), *place), mask


def _color_moments(painting: Painting, long_edge_px: int, brush_scale: float) -> Moments:
    if isinstance(painting.picture, StyleFile):
        return style_file_moments(painting.picture, [COLOURS], long_edge_px, brush_scale)[COLOURS]
    canvas, mask = painting_canvas(painting, long_edge_px, brush_scale)
    return moments(canvas, mask)


def picture_tensor(picture: Picture, height_px: int, width_px: int) -> Tensor:
    """A picture at a size, [1, 3, height, width] in [0, 1]."""
    return pixels_to_tensor(picture.pixels(height_px, width_px)).contiguous()
