"""The objective of one scale: the photo's structure, and of every region the style of its paintings."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from impasto.encoders import Encoder
from impasto.engine.content_weight import detail_weight
from impasto.engine.devices import replicas
from impasto.engine.pyramid import Scale
from impasto.engine.regions import RegionLayout
from impasto.engine.targets import region_targets
from impasto.engine.validate import LayerWeights
from impasto.losses.objective import WHOLE_PX, Objective
from impasto.losses.objective import Region as StyleRegion
from impasto.options.fields import PaintOptions

MIN_TV_SCALE = 1e-4  # total variation that counts as one for a painting with (almost) none


def build_objective(
    encoder: Encoder,
    photo: Tensor,
    layout: RegionLayout,
    scale: Scale,
    options: PaintOptions,
    layers: LayerWeights,
    content_weights: Sequence[float],
    tile_px: int = WHOLE_PX,
) -> Objective:
    """The objective of one scale. Each region's style loss counts by its size, so that no place is painted harder."""
    content_layers, style_layers = layers
    masks = layout.masks(scale.height_px, scale.width_px, photo.device)
    whole = sum(float(mask.mean()) for mask in masks.regions)

    def extended(mask: Tensor) -> Tensor:
        return scale.extend(mask[None, None])[0, 0]

    regions, restless = [], 0.0
    for region, mask in zip(layout.painted, masks.regions, strict=True):
        share, on_canvas = float(mask.mean()) / whole, extended(mask) if layout.divided else None
        targets, own_restless = region_targets(
            encoder, photo, region, on_canvas, scale.long_edge_px, options, list(style_layers), tile_px
        )
        regions.append(StyleRegion(targets, on_canvas, share))
        restless += share * own_restless
    return Objective(
        encoder,
        photo,
        scale.core,
        content_layers=content_layers,
        style_layers=style_layers,
        regions=regions,
        style_loss=options.style_loss,
        content_weight=content_weights,
        style_weight=options.style_weight * whole,
        tv_weight=options.tv_weight,
        tv_scale=max(restless, MIN_TV_SCALE) if options.loss_units == "scale-free" else 1.0,
        detail_weight=detail_weight(options),
        loss_units=options.loss_units,
        tile_px=tile_px,
        replicas=replicas(encoder, options),
        content_masks=[extended(part) for part in masks.strengths],
        kept=None if masks.photo is None else extended(masks.photo),
        mask_mode=options.mask_mode,
    )
