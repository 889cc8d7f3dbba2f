"""Style files in place of paintings: their statistics at a scale, and the runs that they cannot serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from impasto.encoders import Encoder
from impasto.engine.pyramid import painting_edge
from impasto.errors import OptionError
from impasto.inputs.paintings import Painting
from impasto.inputs.style_file import StyleFile, check_encoder
from impasto.losses.mmd import WHOLE_MAP_LOSSES
from impasto.losses.statistics import Moments
from impasto.options.fields import PaintOptions


def style_file_moments(
    style: StyleFile, layers: Sequence[str], long_edge_px: int, brush_scale: float = 1.0
) -> dict[str, Moments]:
    """Normalised moments by layer, as of the painting read for a scale; ``rgb``: of its pixels."""
    edge = painting_edge(style.height_px, style.width_px, long_edge_px, brush_scale)
    by_layer = {}
    for layer in layers:
        mean, second_moment = map(torch.from_numpy, style.moments(layer, edge))
        by_layer[layer] = Moments(torch.ones((), dtype=torch.float64), mean, second_moment)
    return by_layer


def read_style_file(
    style: StyleFile, encoder: Encoder, layers: Sequence[str], long_edge_px: int, brush_scale: float
) -> tuple[Mapping[str, Moments], float]:
    """Moments by layer, in the encoder's geometry and on its device, and the painting's total variation."""
    edge = painting_edge(style.height_px, style.width_px, long_edge_px, brush_scale)
    by_layer = {
        layer: sums.detached(encoder.device).transformed(encoder.geometry.get(layer))
        for layer, sums in style_file_moments(style, layers, long_edge_px, brush_scale).items()
    }
    return by_layer, style.total_variation(edge)


def check_style_files(paintings: Sequence[Painting], encoder: Encoder, options: PaintOptions) -> None:
    """Raise `OptionError` for a style file that does not hold what the run needs of its paintings."""
    for style in (painting.picture for painting in paintings if isinstance(painting.picture, StyleFile)):
        check_encoder(style, encoder.name, encoder.sha256)
        missing = [layer for layer in options.style_layers if layer not in style.layers]
        if missing:
            why = f"does not hold the layer {missing[0]} (it holds {', '.join(style.layers)})"
        elif options.style_loss in WHOLE_MAP_LOSSES:
            why = f"holds moments, and the style loss {options.style_loss!r} needs the painting's whole feature maps"
        elif options.pooling != "max" or options.padding_mode not in ("reflect", "circular"):
            why = f"was made with max pooling and reflected borders, not {options.pooling} and {options.padding_mode}"
        else:
            continue
        raise OptionError(f"the style file {style.name} {why}: give the painting itself")
