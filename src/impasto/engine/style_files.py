"""Style files in place of paintings: what they answer, and what they cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from impasto.encoders import Encoder
from impasto.engine.pyramid import painting_edge
from impasto.errors import OptionError
from impasto.inputs.paintings import Painting
from impasto.inputs.style_file import StyleFile, check_encoder
from impasto.losses.objective import WHOLE_MAP_LOSSES
from impasto.losses.statistics import Moments
from impasto.options.fields import PaintOptions


def style_file_moments(
    style: StyleFile, layers: Sequence[str], long_edge_px: int, brush_scale: float = 1.0
) -> dict[str, Moments]:
    """Normalised moments by layer, as of the painting read for a scale; ``rgb``: of its pixels."""
    edge = painting_edge(style.height_px, style.width_px, long_edge_px, brush_scale)
    found = {}
    for layer in layers:
        own = style.moments(layer, edge)
        sums = (torch.from_numpy(values) for values in (own.mean, own.second_moment))
        found[layer] = Moments(torch.ones((), dtype=torch.float64), *sums)
    return found


def study_style_file(
    style: StyleFile, encoder: Encoder, layers: Sequence[str], long_edge_px: int, brush_scale: float
) -> tuple[Mapping[str, Moments], float]:
    """What a style loss compares, by layer, in the encoder's geometry, and the total variation."""
    found = style_file_moments(style, layers, long_edge_px, brush_scale)
    edge = painting_edge(style.height_px, style.width_px, long_edge_px, brush_scale)
    placed = {layer: own.detached(encoder.device) for layer, own in found.items()}
    for layer in placed.keys() & encoder.geometry.keys():
        placed[layer] = placed[layer].transformed(encoder.geometry[layer])
    return placed, style.total_variation(edge)


def check_style_files(paintings: Sequence[Painting], encoder: Encoder, options: PaintOptions) -> None:
    """Refuse style files that do not hold what a run asks of its paintings: `OptionError`."""
    for style in (painting.picture for painting in paintings if isinstance(painting.picture, StyleFile)):
        check_encoder(style, encoder.name, encoder.sha256)
        missing = [layer for layer in options.style_layers if layer not in style.layers]
        if missing:
            why = f"does not hold the layer {missing[0]} (it holds {', '.join(style.layers)})"
        elif options.style_loss in WHOLE_MAP_LOSSES:
            why = f"holds moments, and the style loss {options.style_loss!r} wants the painting's whole feature maps"
        elif options.pooling != "max" or options.padding_mode not in ("reflect", "circular"):
            why = f"was made with max pooling and reflected borders, not {options.pooling} and {options.padding_mode}"
        else:
            continue
        raise OptionError(f"the style file {style.name} {why}: give the painting itself")
