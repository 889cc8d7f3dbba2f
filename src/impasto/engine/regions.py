"""The areas of a picture: which paintings paint where, and where it stays the photograph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from impasto.images.picture import Picture
from impasto.images.tensors import fit_long_edge, resize
from impasto.inputs.paintings import ALPHA, DARKEST, Painting, Region, iter_mask
from impasto.options.fields import PaintOptions

PRESENCE_LONG_EDGE_PX = 192  # where it is found out whether anything is left beside the regions


@dataclass(frozen=True)
class Area:
    """What is painted in one manner: the background, or a region that has a painting.

    Attributes
    ----------
    strength: its own; None: that of the whole.
    brush_scale: of its paintings, times the whole's.
    color: its own colour mode; None: that of the whole.
    """

    paintings: tuple[Painting, ...]
    strength: float | None = None
    brush_scale: float = 1.0
    color: str | None = None


@dataclass(frozen=True)
class Masks:
    """Guidance masks at one size, each [height, width] in [0, 1]: those of the areas and `kept` have the sum 1.

    Attributes
    ----------
    areas: in the order of `Areas.painted`. kept: where the picture stays the photograph; None: nowhere.
    parts: where each content weight of `Areas.strengths` holds; empty: one holds everywhere.
    """

    areas: list[Tensor]
    kept: Tensor | None = None
    parts: list[Tensor] = field(default_factory=list)


class Areas:
    """How a picture is divided among its paintings.

    Parameters
    ----------
    content: the photo; only with regions it matters.
    paintings: of the background; none: it stays the photograph where there are regions.
    regions: valid ones, of this photo.
    options: with a strength of 0 what has none of its own stays the photograph, too.
    ground: whether the background is painted; default: where it has paintings, and where there are no regions.

    Attributes
    ----------
    painted: the areas, the background first if anything is left for it. Without regions it is the whole picture.
        Empty: all of it stays the photograph.
    strengths: of the parts that have a content weight of their own; None: that of the whole.
    keeps: whether some of the picture stays the photograph.
    """

    def __init__(
        self,
        content: Picture | None,
        paintings: Sequence[Painting],
        regions: Sequence[Region],
        options: PaintOptions,
        *,
        ground: bool | None = None,
    ) -> None:
        self._content, self._regions = content, regions
        still = options.strength == 0 and options.balance == "readability"
        painted = bool(paintings) or not regions if ground is None else ground
        background = Area(tuple(paintings)) if painted and not still else None
        found: list[Area | None] = [background, *(self._area(region, still) for region in regions)]
        self._areas, self.keeps = found, still
        if regions:
            assert content is not None  # checked by `check_regions`
            small = min(PRESENCE_LONG_EDGE_PX, max(content.height_px, content.width_px))
            masks = self._divided(*fit_long_edge(content.height_px, content.width_px, small))
            self._areas = [area if float(m.max()) > DARKEST else None for area, m in zip(found, masks, strict=True)]
            self.keeps = any(area is None and float(m.max()) > DARKEST for area, m in zip(found, masks, strict=True))
        self.painted = [area for area in self._areas if area is not None]
        self.strengths = list(dict.fromkeys(area.strength for area in self.painted))

    @staticmethod
    def _area(region: Region, still: bool) -> Area | None:
        if region.stays or (still and region.strength is None):
            return None
        return Area(region.paintings, region.strength, region.brush_scale, region.color)

    @property
    def paintings(self) -> list[tuple[Painting, float]]:
        """Of all areas, with their brush scales against the whole's."""
        return [(p, area.brush_scale * p.brush_scale) for area in self.painted for p in area.paintings]

    def with_paintings(self, change: Callable[[Area], Sequence[Painting]]) -> Areas:
        """The same areas with other paintings in them."""
        changed = copy(self)
        changed.painted = [replace(area, paintings=tuple(change(area))) for area in self.painted]
        return changed

    @property
    def divided(self) -> bool:
        """Whether there is anything that a mask would tell apart."""
        return self.keeps or len(self.painted) > 1

    def masks(self, height_px: int, width_px: int, device: torch.device) -> Masks:
        """The guidance masks at a size, on a device."""
        if not self.divided:
            return Masks([torch.ones(height_px, width_px, device=device)])
        masks = [mask.to(device) for mask in self._divided(height_px, width_px)]
        pairs = list(zip(self._areas, masks, strict=True))
        areas = [mask for area, mask in pairs if area is not None]
        kept = 1 - torch.stack(areas).sum(0) if self.keeps else None
        parts = [
            torch.stack([mask for area, mask in pairs if area is not None and area.strength == strength]).sum(0)
            for strength in self.strengths
        ]
        return Masks(areas, None if kept is None else kept.clamp_(0, 1), parts if len(parts) > 1 else [])

    def _divided(self, height_px: int, width_px: int) -> list[Tensor]:
        """The background's mask and those of all regions: where they overlap they share, what they leave is its."""
        masks = [self._own_mask(region, height_px, width_px) for region in self._regions]
        whole = torch.stack(masks).sum(0)
        return [(1 - whole).clamp_min(0), *(mask / whole.clamp_min(1) for mask in masks)]

    def _own_mask(self, region: Region, height_px: int, width_px: int) -> Tensor:
        if region.mask != ALPHA:
            return mask_tensor(region.mask, height_px, width_px)
        assert self._content is not None
        alpha = self._content.alpha(height_px, width_px)
        assert alpha is not None  # checked by `check_regions`
        return torch.from_numpy(alpha)


def mask_tensor(mask: Picture, height_px: int, width_px: int) -> Tensor:
    """How white a mask is at a size, [height, width] in [0, 1]; resized without overshoot."""
    white = torch.from_numpy(np.concatenate(list(iter_mask(mask))))
    return resize(white[None, None], height_px, width_px, mode="bilinear")[0, 0].clamp_(0, 1)
