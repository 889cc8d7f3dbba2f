"""An objective from plain arguments, without the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from impasto.encoders import Encoder
from impasto.losses.content import ContentTerm
from impasto.losses.laplacian import DetailLoss
from impasto.losses.maps import TiledEncoder
from impasto.losses.mmd import WHOLE_MAP_LOSSES, WholeMapStyleTerm
from impasto.losses.objective import Objective
from impasto.losses.style import StyleTerm
from impasto.losses.style_targets import StyleTarget
from impasto.losses.tiles import WHOLE_PX, Core
from impasto.losses.total_variation import TotalVariationTerm


def make_objective(
    encoder: Encoder,
    photo: torch.Tensor,
    core: Core,
    targets: Sequence[StyleTarget],
    *,
    content_layers: Mapping[str, float],
    style_layers: Mapping[str, float],
    style_loss: str = "wasserstein",
    content_weight: float | Sequence[float] = 0.3,
    style_weight: float = 1.0,
    tv_weight: float = 0.05,
    tv_scale: float = 0.01,
    loss_units: str = "scale-free",
    detail_weight: float = 0.0,
    tile_px: int = WHOLE_PX,
    replicas: Sequence[Encoder] = (),
    mask_mode: str = "simple",
    content_masks: Sequence[torch.Tensor] = (),
    photo_mask: torch.Tensor | None = None,
) -> Objective:
    """The objective with the terms of a run."""
    layers = [*content_layers, *style_layers]
    reader = TiledEncoder([encoder, *replicas], (photo.shape[-2], photo.shape[-1]), core, layers, tile_px)
    style: dict[str, Any] = {"loss": style_loss, "weight": style_weight, "units": loss_units}
    terms: list[Any] = [
        ContentTerm(reader, photo, content_layers, weight=content_weight, units=loss_units, masks=content_masks),
        WholeMapStyleTerm(style_layers, targets, **style)
        if style_loss in WHOLE_MAP_LOSSES
        else StyleTerm(reader, style_layers, targets, mask_mode=mask_mode, **style),
        TotalVariationTerm(tv_weight / tv_scale, loss_units, wrap=encoder.padding_mode == "circular"),
    ]
    if detail_weight:
        terms.append(DetailLoss(photo, detail_weight, core))
    return Objective(reader, terms, photo, photo_mask)
