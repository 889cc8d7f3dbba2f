"""The objective of one scale: the list of its terms. A new term joins here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from impasto.encoders import Encoder
from impasto.engine.content_weight import holding_weights
from impasto.engine.devices import replicas
from impasto.engine.pyramid import Scale
from impasto.engine.regions import RegionLayout
from impasto.engine.targets import TargetReader
from impasto.engine.validate import LayerWeights
from impasto.losses.content import ContentTerm
from impasto.losses.contours import ContourTerm
from impasto.losses.laplacian import DetailLoss, crispness
from impasto.losses.layout import LayoutTerm
from impasto.losses.maps import TiledEncoder
from impasto.losses.mmd import WHOLE_MAP_LOSSES, WholeMapStyleTerm
from impasto.losses.objective import Objective
from impasto.losses.structure import StructureTerm
from impasto.losses.style import StyleTerm
from impasto.losses.style_targets import StyleTarget
from impasto.losses.surface import Surface, SurfaceTerm
from impasto.losses.temporal import FlowLink, TemporalTerm
from impasto.losses.terms import PixelTerm, Term
from impasto.losses.tiles import WHOLE_PX
from impasto.losses.total_variation import TotalVariationTerm
from impasto.options.fields import PaintOptions

TEMPORAL_WEIGHT = 100.0  # of the mean squared difference of linked frames
MIN_TV_SCALE = 1e-4  # total variation that counts as one for a painting with (almost) none


@dataclass(frozen=True)
class Canvases:
    """What a pastiche is compared with, pixel by pixel, [1, 3, height, width] on the canvas of its scale.

    `draft`: the pastiche as the stylizer paints it untuned; None where it does not paint. `links`: frames of a film
    that lie on the canvas, two and two.
    """

    photo: Tensor
    draft: Tensor | None = None
    links: Sequence[FlowLink] = ()


def build_objective(
    encoder: Encoder,
    canvases: Canvases,
    layout: RegionLayout,
    scale: Scale,
    options: PaintOptions,
    layers: LayerWeights,
    content_weights: Sequence[float],
    tile_px: int = WHOLE_PX,
) -> Objective:
    """The objective of one scale. Each region's style loss counts by its size, so that no place is painted harder."""
    photo, masks = canvases.photo, layout.masks(scale.height_px, scale.width_px, canvases.photo.device)
    painted_share = sum(float(mask.mean()) for mask in masks.regions)

    def extended(mask: Tensor) -> Tensor:
        return scale.extend(mask[None, None])[0, 0]

    target_reader = TargetReader(encoder, options, list(layers.style), scale.long_edge_px, tile_px)
    targets, surfaces = [], []
    for region, mask in zip(layout.painted, masks.regions, strict=True):
        share, on_canvas = float(mask.mean()) / painted_share, extended(mask) if layout.divided else None
        statistics, surface = target_reader.read_region(region, photo, on_canvas)
        targets.append(StyleTarget(statistics, on_canvas, share))
        surfaces.append((surface, share))

    size, units = (photo.shape[-2], photo.shape[-1]), options.loss_units
    reader = TiledEncoder(
        [encoder, *replicas(encoder, options)], size, scale.core, [*layers.content, *layers.style], tile_px
    )
    style_weight = options.style_weight * painted_share
    surface = Surface.blend(surfaces)
    tv_scale = max(surface.total_variation, MIN_TV_SCALE) if units == "scale-free" else 1.0
    content_masks = [extended(mask) for mask in masks.strengths]
    terms: list[Term | PixelTerm] = [
        StructureTerm(reader, photo, layers.content, weight=content_weights, masks=content_masks)
        if options.content_loss == "structure"
        else ContentTerm(reader, photo, layers.content, weight=content_weights, units=units, masks=content_masks),
        WholeMapStyleTerm(layers.style, targets, loss=options.style_loss, weight=style_weight, units=units)
        if options.style_loss in WHOLE_MAP_LOSSES
        else StyleTerm(
            reader, layers.style, targets,
            loss=options.style_loss, weight=style_weight, units=units, mask_mode=options.mask_mode,
            softness=options.style_softness,
        ),
        TotalVariationTerm(options.tv_weight / tv_scale, units, wrap=encoder.padding_mode == "circular"),
    ]  # fmt: skip
    held = holding_weights(options)
    if options.keep_detail:
        terms.append(DetailLoss(photo, held["detail"], scale.core))
    if options.contour_weight:
        terms.append(ContourTerm(photo, held["contours"], scale.core))
    if options.surface_weight:
        like = surface.crispness or _crispness(canvases, scale)
        terms.append(SurfaceTerm(like, options.surface_weight, scale.core))
    if options.layout_weight and canvases.draft is not None:
        terms.append(LayoutTerm(canvases.draft, held["layout"], scale.core))
    if canvases.links:
        terms.append(TemporalTerm(canvases.links, TEMPORAL_WEIGHT, scale.core))
    return Objective(reader, terms, photo, None if masks.photo is None else extended(masks.photo))


def _crispness(canvases: Canvases, scale: Scale) -> tuple[float, float]:
    """For paintings of which only style files are left: that of the draft, or else of the photo."""
    luma, colours = crispness(scale.crop(canvases.photo if canvases.draft is None else canvases.draft))[0].tolist()
    return luma, colours
