"""Pictures in and pixels out: what a draft needs around the stylizer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from impasto.engine.pyramid import painting_size
from impasto.fast.statistics import StyleStatistics, blend_statistics
from impasto.fast.stylizer import Stylizer
from impasto.images.geometry import fit_long_edge
from impasto.images.io import Picture


def study_paintings(
    stylizer: Stylizer, paintings: Sequence[tuple[Picture, float]], long_edge_px: int, brush_scale: float = 1.0
) -> StyleStatistics:
    """Statistics of weighted paintings, read at the size that a draft of `long_edge_px` wants them at.

    A larger `brush_scale` reads them larger, and so their strokes become larger in the draft.
    """
    parts = []
    for painting, weight in paintings:
        size = painting_size(painting.height_px, painting.width_px, long_edge_px, brush_scale)
        parts.append((stylizer.study(_tensor(painting, size)), weight))
    return blend_statistics(parts)


def draft_pixels(
    stylizer: Stylizer, photo: Picture, style: StyleStatistics, long_edge_px: int, strength: float = 100.0
) -> NDArray[np.float32]:
    """The draft of a photo as [height, width, 3] in [0, 1]."""
    size = fit_long_edge(photo.height_px, photo.width_px, long_edge_px)
    return stylizer.paint(_tensor(photo, size), style, strength=strength)[0].permute(1, 2, 0).contiguous().numpy()


def _tensor(picture: Picture, size: tuple[int, int]) -> Float[Tensor, "1 3 height width"]:
    return torch.from_numpy(picture.pixels(*size)).permute(2, 0, 1)[None]
