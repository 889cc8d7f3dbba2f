"""What paintings are known by: the style statistics that a region's style loss compares with, kept from run to run."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from impasto.encoders import Encoder
from impasto.engine.canvas import painting_canvas
from impasto.engine.content_weight import style_share
from impasto.engine.memory import give_back
from impasto.engine.style_files import study_style_file
from impasto.inputs.paintings import Painting, Region
from impasto.inputs.style_file import StyleFile
from impasto.losses.mmd import blend_samples
from impasto.losses.objective import WHOLE_MAP_LOSSES, style_samples, style_statistics
from impasto.losses.statistics import blend
from impasto.losses.total_variation import total_variation
from impasto.options.fields import STEERABLE, PaintOptions

KEPT_STUDIES = 16  # paintings at one scale each, studied: 5 MB with VGG-19's layers, 0.4 with lite's


_Study = tuple[Mapping[str, Any], float]
_STUDIED: OrderedDict[tuple[object, ...], _Study] = OrderedDict()


def region_targets(
    encoder: Encoder,
    photo: Tensor,
    region: Region,
    mask: Tensor | None,
    long_edge_px: int,
    options: PaintOptions,
    style_layers: list[str],
    tile_px: int,
) -> tuple[Mapping[str, Any], float]:
    """What a region's style loss compares with, by layer, and its paintings' total variation."""
    # A painting does not wrap around: its own two ends do not meet.
    reader = encoder.with_changes(padding_mode="reflect") if encoder.padding_mode == "circular" else encoder
    parts: list[tuple[Mapping[str, Any], float]] = []
    restless = 0.0
    for painting in region.paintings:
        brush_scale = options.brush_scale * region.brush_scale * painting.brush_scale
        study, own_restless = _studied(reader, painting, long_edge_px, brush_scale, options, style_layers, tile_px)
        parts.append((study, painting.weight))
        restless += own_restless * painting.weight
        give_back()
    share = style_share(options, region.strength)
    whole = sum(painting.weight for painting in region.paintings)
    parts = [(statistics, share * weight / whole) for statistics, weight in parts]
    if share < 1 and style_layers:
        parts.append((_read(encoder, photo, mask, options, style_layers, tile_px), 1 - share))
    merge = blend_samples if options.style_loss in WHOLE_MAP_LOSSES else blend
    targets = {name: merge((statistics[name], weight) for statistics, weight in parts) for name in style_layers}
    return targets, restless / whole if region.paintings else float(total_variation(photo))


def _read(
    encoder: Encoder, picture: Tensor, mask: Tensor | None, options: PaintOptions, layers: list[str], tile_px: int
) -> Mapping[str, Any]:
    """What the style loss compares of a picture, by layer: moments, or samples of its maps."""
    if options.style_loss in WHOLE_MAP_LOSSES:  # which take no masks: `check_inputs`
        return style_samples(encoder, [(picture, 1.0)], layers, tile_px)
    return style_statistics(encoder, [(picture, 1.0)], layers, tile_px, mask, options.mask_mode)


def _studied(
    encoder: Encoder,
    painting: Painting,
    long_edge_px: int,
    brush_scale: float,
    options: PaintOptions,
    layers: list[str],
    tile_px: int,
) -> _Study:
    """What a style loss compares of a painting at a scale's size, by layer, and its total variation.

    The last `KEPT_STUDIES` are kept for the next run of this process: a batch studies each painting once. The
    thread count and all options but the strength tell them apart, so that what is kept is bit for bit what would
    be computed.
    """
    threads = torch.get_num_threads()
    settings = options.model_dump_json(exclude=set(STEERABLE))
    read_at = (str(encoder.device), threads, long_edge_px, brush_scale, *layers, tile_px)
    mask_sha256 = painting.mask.sha256 if painting.mask else ""
    key = (encoder.sha256, settings, painting.picture.sha256, mask_sha256, *read_at)
    if key not in _STUDIED and isinstance(painting.picture, StyleFile):
        _STUDIED[key] = study_style_file(painting.picture, encoder, layers, long_edge_px, brush_scale)
    elif key not in _STUDIED:
        painted, mask = painting_canvas(painting, long_edge_px, brush_scale)
        painted, mask = painted.to(encoder.device), mask if mask is None else mask.to(encoder.device)
        _STUDIED[key] = _read(encoder, painted, mask, options, layers, tile_px), float(total_variation(painted))
    if len(_STUDIED) > KEPT_STUDIES:
        _STUDIED.popitem(last=False)
    _STUDIED.move_to_end(key)
    return _STUDIED[key]
