"""Style targets: the statistics that a region's style loss compares with, cached per painting and scale."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from impasto.encoders import Encoder
from impasto.engine.canvas import painting_canvas
from impasto.engine.content_weight import style_share
from impasto.engine.memory import give_back
from impasto.engine.style_files import read_style_file
from impasto.inputs.paintings import Painting, Region
from impasto.inputs.style_file import StyleFile
from impasto.losses.laplacian import crispness
from impasto.losses.mmd import WHOLE_MAP_LOSSES
from impasto.losses.statistics import blend, blend_samples
from impasto.losses.style_targets import style_samples, style_statistics
from impasto.losses.surface import Surface
from impasto.losses.total_variation import total_variation
from impasto.options.fields import STEERABLE, PaintOptions

CACHED_PAINTINGS = 16  # at one scale each: 5 MB with VGG-19's layers, 0.4 with lite's

Statistics = Mapping[str, Any]  # `Moments` by layer, or `Sample` for a style loss of whole maps
_CACHE: OrderedDict[tuple[object, ...], tuple[Statistics, Surface]] = OrderedDict()


@dataclass(frozen=True)
class TargetReader:
    """Reads style targets at one scale, `long_edge_px` large."""

    encoder: Encoder
    options: PaintOptions
    layers: list[str]
    long_edge_px: int
    tile_px: int

    def read_region(self, region: Region, photo: Tensor, mask: Tensor | None) -> tuple[Statistics, Surface]:
        """Statistics of a region's paintings by layer, and their surface; without paintings the photo's.

        Where the strength asks for it the photo's own statistics under `mask` are mixed in.
        """
        parts: list[tuple[Statistics, float]] = []
        surfaces, whole = [], sum(painting.weight for painting in region.paintings)
        share = style_share(self.options, region.strength)
        for painting in region.paintings:
            brush_scale = self.options.brush_scale * region.brush_scale * painting.brush_scale
            statistics, surface = self._read_cached(painting, brush_scale)
            parts.append((statistics, share * painting.weight / whole))
            surfaces.append((surface, painting.weight / whole))
            give_back()
        if share < 1 and self.layers:
            parts.append((self._read(self.encoder, photo, mask), 1 - share))
        merge = blend_samples if self.options.style_loss in WHOLE_MAP_LOSSES else blend
        targets = {name: merge((statistics[name], weight) for statistics, weight in parts) for name in self.layers}
        return targets, Surface.blend(surfaces or [(_surface(photo), 1.0)])

    def _read(self, encoder: Encoder, picture: Tensor, mask: Tensor | None) -> Statistics:
        if self.options.style_loss in WHOLE_MAP_LOSSES:  # which take no masks: `check_inputs`
            return style_samples(encoder, picture, self.layers, self.tile_px)
        return style_statistics(encoder, picture, self.layers, self.tile_px, mask, self.options.mask_mode)

    def _read_cached(self, painting: Painting, brush_scale: float) -> tuple[Statistics, Surface]:
        """Statistics of a painting, and its surface.

        The last `CACHED_PAINTINGS` stay for the next run of this process: a batch reads each painting once. The
        thread count and all options but the strength tell them apart, so that they are bit for bit what would be
        computed.
        """
        encoder, picture = self.encoder, painting.picture
        if encoder.padding_mode == "circular":  # a painting does not wrap around: its two ends do not meet
            encoder = encoder.with_changes(padding_mode="reflect")
        key = (
            encoder.sha256, str(encoder.device), str(encoder.precision), torch.get_num_threads(),
            self.options.model_dump_json(exclude=set(STEERABLE)), *self.layers, self.long_edge_px, self.tile_px,
            picture.sha256, painting.mask.sha256 if painting.mask else "", brush_scale,
        )  # fmt: skip
        if key not in _CACHE and isinstance(picture, StyleFile):
            moments, tv = read_style_file(picture, encoder, self.layers, self.long_edge_px, brush_scale)
            _CACHE[key] = moments, Surface(tv, None)
        elif key not in _CACHE:
            canvas, mask = painting_canvas(painting, self.long_edge_px, brush_scale)
            canvas, mask = canvas.to(encoder.device), None if mask is None else mask.to(encoder.device)
            _CACHE[key] = self._read(encoder, canvas, mask), _surface(canvas)
        if len(_CACHE) > CACHED_PAINTINGS:
            _CACHE.popitem(last=False)
        _CACHE.move_to_end(key)
        return _CACHE[key]


def _surface(picture: Tensor) -> Surface:
    luma, colours = crispness(picture)[0].tolist()
    return Surface(float(total_variation(picture)), (luma, colours))
