"""Pictures in and pixels out: what a draft needs around the stylizer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from impasto.engine.pyramid import painting_size
from impasto.engine.style_files import style_file_moments
from impasto.errors import OptionError
from impasto.fast.statistics import CHANNELS, StyleStatistics, blend_statistics
from impasto.fast.stylizer import Stylizer, load_stylizer
from impasto.images.geometry import fit_long_edge
from impasto.images.io import Picture, picture_from_array
from impasto.inputs import Painting
from impasto.options import PaintOptions, scale_edges
from impasto.style_file import StyleFile, check_encoder


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
    """Statistics of one painting, or of the style file in its place.

    A larger `brush_scale` reads it larger, and so its strokes become larger in the draft. Raises `OptionError` for a
    painting with a mask, and for a style file of another encoder.
    """
    picture, brush_scale = painting.picture, brush_scale * painting.brush_scale
    if painting.mask is not None:
        raise OptionError("a draft takes no masks: leave them out, or paint with them")
    if isinstance(picture, StyleFile):
        check_encoder(picture, stylizer.encoder.name, stylizer.encoder.sha256)
        return StyleStatistics(
            style_file_moments(picture, list(CHANNELS), long_edge_px, brush_scale), picture.encoder_sha256
        )
    return stylizer.study(
        _tensor(picture, painting_size(picture.height_px, picture.width_px, long_edge_px, brush_scale))
    )


def draft_start(
    photo: Picture, paintings: Sequence[Painting], options: PaintOptions, long_edge_px: int
) -> tuple[Picture, str, str]:
    """A draft as the first pastiche of a run of `long_edge_px`, at the size of its first scale.

    Returns the name and SHA-256 of the weights too. Raises as `study_painting` does.
    """
    stylizer = load_stylizer()
    edge = scale_edges(long_edge_px, options)[0]
    style = study_paintings(stylizer, paintings, edge, options.brush_scale)
    return picture_from_array(draft_pixels(stylizer, photo, style, edge), name="draft"), stylizer.name, stylizer.sha256


def draft_pixels(
    stylizer: Stylizer, photo: Picture, style: StyleStatistics, long_edge_px: int, strength: float = 100.0
) -> NDArray[np.float32]:
    """The draft of a photo as [height, width, 3] in [0, 1]."""
    size = fit_long_edge(photo.height_px, photo.width_px, long_edge_px)
    return stylizer.paint(_tensor(photo, size), style, strength=strength)[0].permute(1, 2, 0).contiguous().numpy()


def _tensor(picture: Picture, size: tuple[int, int]) -> Float[Tensor, "1 3 height width"]:
    return torch.from_numpy(picture.pixels(*size)).permute(2, 0, 1)[None]
