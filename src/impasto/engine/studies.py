"""What is learned of a painting at a scale: from the painting itself, or from a style file in its place."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from impasto.engine.pyramid import painting_edge
from impasto.losses.statistics import Moments
from impasto.style_file import StyleFile


def style_file_moments(
    style: StyleFile, layers: Sequence[str], long_edge_px: int, brush_scale: float = 1.0
) -> dict[str, Moments]:
    """Normalised moments by layer, as of the painting read for a scale; ``rgb``: of its pixels."""
    edge = painting_edge(style.height_px, style.width_px, long_edge_px, brush_scale)
    found = {}
    for layer in layers:
        own = style.moments(layer, edge)
        found[layer] = Moments(
            torch.tensor(1.0, dtype=torch.float64), torch.from_numpy(own.mean), torch.from_numpy(own.second_moment)
        )
    return found
