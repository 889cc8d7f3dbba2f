"""Where each region of a picture lies: guidance masks of the regions that are painted, and of what stays the photo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from impasto.images.picture import Picture
from impasto.images.resize import fit_long_edge
from impasto.images.tensors import resize
from impasto.inputs.paintings import DARKEST, Painting, Region, iter_mask
from impasto.inputs.run_inputs import RunInputs
from impasto.options.fields import PaintOptions

PRESENCE_LONG_EDGE_PX = 192  # at which it is found out whether a region covers anything


@dataclass(frozen=True)
class Masks:
    """Guidance masks at one size, each [height, width] in [0, 1]; those of `regions` and `photo` have the sum 1.

    Attributes
    ----------
    regions: in the order of `RegionLayout.painted`.
    photo: where the picture stays the photograph; None: nowhere.
    strengths: where each strength of `RegionLayout.strengths` holds; empty: one holds everywhere.
    """

    regions: list[Tensor]
    photo: Tensor | None = None
    strengths: list[Tensor] = field(default_factory=list)


class RegionLayout:
    """Division of a picture among its regions.

    Parameters
    ----------
    inputs: photo and regions of a run. A background without paintings stays the photograph where there are other
        regions.
    options: at strength 0 a region without a strength of its own stays the photograph, too.
    paint_background: whether the background is painted, whatever its paintings; default: as said above.

    Attributes
    ----------
    painted: the regions that are painted, as far as they cover anything. Without masks it is the background alone.
        Empty: all of the picture stays the photograph.
    strengths: the strengths that need a content weight each; None: the strength of the whole picture.
    keeps_photo: whether a part of the picture stays the photograph.
    """

    def __init__(self, inputs: RunInputs, options: PaintOptions, *, paint_background: bool | None = None) -> None:
        self._photo, (background, *parts) = inputs.photo, inputs.regions
        self._masked = parts
        still = options.strength == 0 and options.balance == "readability"
        if paint_background is None:
            paint_background = bool(background.paintings) or not parts
        self._painted: list[Region | None] = [background if paint_background and not still else None]
        for region in parts:
            stays = not region.paintings or region.strength == 0 or (still and region.strength is None)
            self._painted.append(None if stays else region)
        self.keeps_photo = still
        if self._photo is not None and parts:
            small = min(PRESENCE_LONG_EDGE_PX, max(self._photo.height_px, self._photo.width_px))
            size = fit_long_edge(self._photo.height_px, self._photo.width_px, small)
            covers = [float(mask.max()) > DARKEST for mask in self._all_masks(*size)]
            self.keeps_photo = any(
                region is None and present for region, present in zip(self._painted, covers, strict=True)
            )
            self._painted = [region if present else None for region, present in zip(self._painted, covers, strict=True)]
        self.painted = [region for region in self._painted if region is not None]
        self.strengths = list(dict.fromkeys(region.strength for region in self.painted))

    @property
    def paintings(self) -> list[tuple[Painting, float]]:
        """The paintings of all painted regions, each with its brush scale against that of the whole picture."""
        return [(p, region.brush_scale * p.brush_scale) for region in self.painted for p in region.paintings]

    @property
    def divided(self) -> bool:
        """Whether a mask would tell anything apart."""
        return self.keeps_photo or len(self.painted) > 1

    def with_paintings(self, change: Callable[[Region], Sequence[Painting]]) -> RegionLayout:
        """The same regions with other paintings in them."""
        changed = copy(self)
        changed.painted = [replace(region, paintings=tuple(change(region))) for region in self.painted]
        return changed

    def masks(self, height_px: int, width_px: int, device: torch.device) -> Masks:
        """The guidance masks at a size, on a device."""
        if not self.divided:
            return Masks([torch.ones(height_px, width_px, device=device)])
        all_masks = [mask.to(device) for mask in self._all_masks(height_px, width_px)]
        pairs = [(r, mask) for r, mask in zip(self._painted, all_masks, strict=True) if r is not None]
        regions = [mask for _, mask in pairs]
        photo = (1 - torch.stack(regions).sum(0)).clamp_(0, 1) if self.keeps_photo else None
        strengths = [
            torch.stack([mask for region, mask in pairs if region.strength == strength]).sum(0)
            for strength in self.strengths
        ]
        return Masks(regions, photo, strengths if len(strengths) > 1 else [])

    def _all_masks(self, height_px: int, width_px: int) -> list[Tensor]:
        """Masks of the background and of all other regions: where these overlap they share."""
        masks = [self._own_mask(region, height_px, width_px) for region in self._masked]
        if not masks:
            return [torch.ones(height_px, width_px)]
        covered = torch.stack(masks).sum(0)
        return [(1 - covered).clamp_min(0), *(mask / covered.clamp_min(1) for mask in masks)]

    def _own_mask(self, region: Region, height_px: int, width_px: int) -> Tensor:
        if isinstance(region.mask, Picture):
            return mask_tensor(region.mask, height_px, width_px)
        alpha = self._photo.alpha(height_px, width_px) if self._photo else None
        assert alpha is not None, "checked by RunInputs"
        return torch.from_numpy(alpha)


def mask_tensor(mask: Picture, height_px: int, width_px: int) -> Tensor:
    """Whiteness of a mask at a size, [height, width] in [0, 1]; resized without overshoot."""
    white = torch.from_numpy(np.concatenate(list(iter_mask(mask))))
    return resize(white[None, None], height_px, width_px, mode="bilinear")[0, 0].clamp_(0, 1)
