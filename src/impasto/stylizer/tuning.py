"""A stylizer tuned for one photo and its paintings: what a run of the medium ``stylizer`` optimises.

A draft maps each place of the photo by what is there, so it breaks nothing; but its network was trained for all
paintings at once. Here the network itself follows the objective of the run, for a few dozen steps at a small size.
The tuned network then paints the pastiche in one pass, at any size, in exact tiles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impasto.engine.checkpoint import Checkpoint
from impasto.engine.content_weight import style_share
from impasto.engine.optimizers import check_finite
from impasto.engine.pyramid import Scale
from impasto.engine.regions import RegionLayout
from impasto.images.tensors import pixels_to_tensor
from impasto.inputs.run_inputs import RunInputs
from impasto.losses.objective import Evaluation
from impasto.losses.temporal import FlowLink
from impasto.options.fields import PaintOptions
from impasto.stylizer.adam import WeightAdam
from impasto.stylizer.network import NOISE_STRIDES, Network
from impasto.stylizer.regions import DraftPainter, SharedPhoto, joining_masks
from impasto.stylizer.statistics import MIDDLE, Batch
from impasto.stylizer.stylizer import FULL_AT, Stylizer
from impasto.stylizer.transport import Affine, recolouring

PASS_PX = 512  # long edge at which the tuned network paints the photo itself; broader brushes paint it smaller
SMALLEST_PASS_PX = 128
RATE = 1e-3  # Adam's, which falls to `LAST_RATE` of it by a cosine
LAST_RATE, WARM_STEPS = 0.05, 8
CODE_RATE = 0.3  # of the layers that make the code, which read a thousand numbers at once
LONGEST_GRADIENT = 1.0
OUTSIDE_WEIGHT = 20.0  # of the mean distance of what lies outside [0, 1]


@dataclass(frozen=True)
class _Region:
    """What the network reads to paint the whole photo in one region's manner, and where that shows.

    Attributes
    ----------
    painting, photo: statistics, of which the code is made, the painting's by `share`.
    affines: transport of the photo's maps towards the painting, as far as `share` says.
    mask: [height, width], or None: everywhere.
    """

    painting: Batch
    photo: Batch
    share: float
    affines: dict[str, Affine]
    mask: Tensor | None


class TunedStylizer:
    """A stylizer's network as an optimiser of the engine: `picture` is what it paints now, `step` changes its weights.

    Adam on the weights, the gradient of all of them shortened to `LONGEST_GRADIENT`. The picture is not clamped while
    it is tuned: what lies outside [0, 1] costs.

    Attributes
    ----------
    draft: [1, 3, height, width] in [0, 1], what the network painted before it was tuned.
    links: none: a photo has no neighbours. `impasto.video` tunes on several frames at once.
    """

    notice = ""
    links: Sequence[FlowLink] = ()

    def __init__(self, stylizer: Stylizer, inputs: RunInputs, *, bf16: bool = False) -> None:
        self.stylizer, self._inputs, self._bf16 = stylizer, inputs, bf16
        self._network: Network = deepcopy(stylizer.network).requires_grad_(True)
        self._adam = self._begin()
        self._styles = DraftPainter(stylizer)
        self._painted = self.draft = torch.empty(0)

    @property
    def picture(self) -> Tensor:
        """[1, 3, height, width], what the network paints now."""
        return self._painted.detach()

    @property
    def averaged(self) -> Tensor:
        """The picture to be shown."""
        return self.picture.clamp(0, 1)

    def look_at(self, options: PaintOptions, layout: RegionLayout, scale: Scale) -> None:
        """Read photo and paintings at the size at which the network is tuned, with these options; then paint."""
        assert self._inputs.photo is not None, "checked by the engine"
        photo = pixels_to_tensor(self._inputs.photo.pixels(scale.height_px, scale.width_px))
        encoded = self.stylizer.encode(photo)
        assert encoded.shallow is not None, "tuned whole"
        self._photo, self._budget = photo, scale.steps
        canvas, noisy = encoded.canvas, self._with_network(self.stylizer.network, options)
        self._maps = {"rgb": canvas - MIDDLE, **encoded.shallow, **encoded.deep}
        self._noise = {stride: noisy.noise_for(canvas, stride) for stride in NOISE_STRIDES}
        of_photo = encoded.statistics.batch()
        masks: list[Tensor | None] = [None]
        if layout.divided:
            size = scale.height_px, scale.width_px
            masks = list(joining_masks(layout, size)[0])
        self._regions = []
        for region, mask in zip(layout.painted, masks, strict=True):
            style = self._styles.measure(self._inputs, region, options, scale.long_edge_px).batch()
            share = style_share(options, region.strength)
            affines = self._network.in_units(recolouring(of_photo, style, share))
            self._regions.append(_Region(style, of_photo, share, affines, mask))
        with torch.no_grad():
            self.draft = self._paint(self.stylizer.network).clamp(0, 1)
        self._painted = self._paint(self._network)

    def step(self, evaluation: Evaluation) -> dict[str, float]:
        """One step from the evaluation of `picture`; returns its losses."""
        check_finite(evaluation)
        outside = self.picture - self.picture.clamp(0, 1)
        gradient = evaluation.gradient.nan_to_num(0, 0, 0) + OUTSIDE_WEIGHT / outside.numel() * outside.sign()
        self._painted.backward(gradient)  # type: ignore[no-untyped-call]
        done = min(1.0, self._adam.taken / self._budget)
        rate = RATE * (LAST_RATE + (1 - LAST_RATE) * (1 + math.cos(math.pi * done)) / 2)
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), LONGEST_GRADIENT)
        self._adam.step(rate * min(1.0, (self._adam.taken + 1) / WARM_STEPS))
        self._painted = self._paint(self._network)
        return evaluation.losses

    def objective_changed(self) -> None:
        """The objective is another function now; Adam's moments follow by themselves."""

    def leave_scale(self) -> None:
        """The network is tuned: what only its tuning needed is given back."""
        self._painted = self.averaged
        self._adam.moments.clear()

    def finish(self, options: PaintOptions, long_edge_px: int) -> NDArray[np.float32]:
        """Paint the pastiche at its own size, [height, width, 3] in [0, 1], in the colours that options ask for."""
        return paint_tuned(self._with_network(self._network, options), self._inputs, options, long_edge_px)

    def tuned(self, options: PaintOptions) -> Stylizer:
        """A stylizer with the tuned network."""
        return self._with_network(self._network, options)

    def _begin(self) -> WeightAdam:
        weights = self._network.named_parameters()
        return WeightAdam((name, weight, CODE_RATE if name.startswith("code.") else 1) for name, weight in weights)

    def _with_network(self, network: Network, options: PaintOptions) -> Stylizer:
        base = self.stylizer
        return Stylizer(base.name, base.sha256, base.encoder, network, options.variation)

    def state(self) -> Checkpoint:
        """All that a run needs to go on, for `restore`."""
        tensors = dict(self._network.state_dict())
        for name, moments in self._adam.moments.items():
            tensors |= {f"{moment}.{name}": tensor for moment, tensor in zip(_MOMENTS, moments, strict=True)}
        return Checkpoint({"taken": self._adam.taken}, tensors)

    def restore(self, state: Checkpoint) -> None:
        """Go on as when `state` was taken, from the next `look_at` on."""
        weights = {name: tensor for name, tensor in state.tensors.items() if name.partition(".")[0] not in _MOMENTS}
        self._network.load_state_dict(weights)
        self._adam = self._begin()
        self._adam.taken = state.values["taken"]
        for name, parameter in self._network.named_parameters():
            moments = [state.tensors[key] for moment in _MOMENTS if (key := f"{moment}.{name}") in state.tensors]
            if any(moment.shape != parameter.shape for moment in moments):
                raise ValueError(f"moments of {name} of another shape")
            if len(moments) == len(_MOMENTS):
                self._adam.moments[name] = moments

    def _paint(self, network: Network) -> Tensor:
        """Paint the photo in the manner of every region, and join them; not clamped."""
        joined = torch.zeros_like(self._photo)
        shown = torch.zeros_like(self._photo[:, :1])
        for region in self._regions:
            code = network.encode(region.painting)
            if region.share < 1:
                code = torch.lerp(network.encode(region.photo), code, region.share)
            with torch.autocast("cpu", torch.bfloat16, enabled=self._bf16):
                painted: Tensor = network(self._maps, region.affines, code, self._noise)
            painted = painted[..., : joined.shape[-2], : joined.shape[-1]]
            if (shows := 100 * region.share / FULL_AT) < 1:
                painted = torch.lerp(self._photo, painted, shows)
            if region.mask is None:
                return painted
            joined, shown = joined + painted * region.mask, shown + region.mask
        return joined + (1 - shown) * self._photo


def paint_tuned(
    stylizer: Stylizer,
    inputs: RunInputs,
    options: PaintOptions,
    long_edge_px: int,
    *,
    shared: SharedPhoto | None = None,
) -> NDArray[np.float32]:
    """Paint a photo, or a frame of a shot, by a stylizer that was tuned for it, [height, width, 3] in [0, 1]."""
    return DraftPainter(stylizer).paint(
        inputs,
        options,
        long_edge_px,
        strength_of=lambda own: 100 * style_share(own),
        first_px=pass_px(options),
        shared=shared,
    )


def pass_px(options: PaintOptions) -> int:
    """Long edge at which a tuned network paints the photo itself, if it is so large."""
    return max(SMALLEST_PASS_PX, round(PASS_PX / options.brush_scale))


_MOMENTS = "first", "second"
