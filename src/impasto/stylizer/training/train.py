"""Training of the stylizer on folders of photographs and paintings.

A step paints a few crops of photographs, each in the manner of a painting of its own, and takes the gradient of
how far they are from it (`objective`). The content weight is not chosen: it is steered, as the engine steers its
own, until the crops are as readable as wanted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders import Encoder, load_encoder
from impasto.errors import OptionError
from impasto.images.picture import quantise
from impasto.images.reading import load_picture
from impasto.stylizer.network import MAPS, NOISE, NOISE_STRIDES, Network, smooth_noise
from impasto.stylizer.statistics import MIDDLE, Batch
from impasto.stylizer.training.objective import (
    ENCODED,
    StyleTargets,
    batch_statistics,
    crispness,
    crispness_distance,
    mix,
    restlessness,
    stack,
    style_distance,
    unreadability,
)
from impasto.stylizer.transport import recolouring

SHORT_SIDE_PX = 288  # larger pictures are reduced to this: what is kept in memory
STUDIED = 100  # paintings that the units of the network's maps are measured on
CODE_RATE = 0.3  # learning rate of what makes the code, which reads a thousand numbers at once
PALE_SHARE = 0.35  # of the crops lose some or all colour: a grey photo must be painted colourfully too
CALM = 1e-3  # restlessness that any painting may have
IDENTITY_WEIGHT, OUTSIDE_WEIGHT, STEERING = 10.0, 20.0, 0.02
CRISPNESS_WEIGHT = 0.03  # the encoder hardly sees noise in the colours, nor misses the last sharpness


@dataclass(frozen=True)
class TrainingOptions:
    """What decides a training run.

    Attributes
    ----------
    readability: distance from the photo (`unreadability`) that the content weight is steered to.
    tv_weight: of the restlessness that exceeds the painting's.
    identity_share: of the crops that are to be painted in their own manner, which must change nothing.
    blend_share: of the crops that are painted in the manner of two paintings.
    scales_px: short sides that paintings are read at: strokes large and small.
    average: decay of the average of the weights, which is what is saved.
    bf16: convolutions in bfloat16, faster on processors that have it.
    """

    steps: int = 15_000
    batch: int = 3
    crop_px: int = 208
    learning_rate: float = 1e-3
    readability: float = 0.40
    tv_weight: float = 0.5
    identity_share: float = 0.08
    blend_share: float = 0.1
    scales_px: tuple[int, ...] = (144, 208, 288)
    average: float = 0.999
    seed: int = 0
    bf16: bool = True


def load_images(paths: Sequence[Path]) -> list[Tensor]:
    """Pictures as uint8 [3, height, width], their short side at most `SHORT_SIDE_PX`. Raises `InputError`."""
    images = []
    for path in paths:
        picture = load_picture(path)
        factor = min(1.0, SHORT_SIDE_PX / min(picture.height_px, picture.width_px))
        pixels = picture.pixels(round(picture.height_px * factor), round(picture.width_px * factor))
        images.append(torch.from_numpy(quantise(pixels, 8).transpose(2, 0, 1).copy()))
    return images


@dataclass
class Paintings:
    """Training paintings and, once asked for, their statistics at every size."""

    encoder: Encoder
    images: Sequence[Tensor]
    known: dict[tuple[int, int], tuple[Batch, Tensor]] = field(default_factory=dict)

    def study(self, index: int, short_px: int) -> tuple[Batch, Tensor]:
        """(statistics, surface) of a painting, its short side brought down to `short_px`."""
        if (index, short_px) not in self.known:
            picture = self._read(index, short_px)
            with torch.no_grad():
                statistics = batch_statistics(picture, self.encoder(picture, ENCODED))
            found = surface(picture)
            # Files hold colours at half the size as a rule, which looks as if the painting had none so fine.
            found[:, 2] = surface(self._read(index, min(short_px, SHORT_SIDE_PX // 2)))[:, 2]
            self.known[index, short_px] = statistics, found
        return self.known[index, short_px]

    def _read(self, index: int, short_px: int) -> Tensor:
        picture = self.images[index][None].float() / 255
        factor = short_px / min(picture.shape[2:])
        if factor >= 1:
            return picture
        size = [round(side * factor) for side in picture.shape[2:]]
        return F.interpolate(picture, size, mode="bicubic", antialias=True).clamp(0, 1)


def surface(pictures: Tensor) -> Tensor:
    """What statistics do not say of a surface, [batch, 3]: restlessness, crispness of the luma and of the colours."""
    return torch.cat([restlessness(pictures)[:, None], crispness(pictures)], 1)


class Trainer:
    """A training run: the network, the average of its weights, the optimiser, and where it stands.

    The same options and pictures give the same weights, whether interrupted or not.
    """

    def __init__(
        self,
        photos: Sequence[Tensor],
        paintings: Sequence[Tensor],
        options: TrainingOptions,
        start: Mapping[str, Tensor] | None = None,
    ) -> None:
        if not photos or not paintings:
            raise OptionError(f"{len(photos)} photos and {len(paintings)} paintings to train on: both are needed")
        self.options, self._photos = options, photos
        self._encoder = load_encoder("lite", precision=torch.bfloat16 if options.bf16 else None)
        self._paintings = Paintings(load_encoder("lite"), paintings)
        torch.manual_seed(options.seed)
        self.network = Network().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if start is None:
            self._measure_units()
        else:
            self.network.load_state_dict(dict(start))
        self.average = {name: value.clone() for name, value in self.network.state_dict().items()}
        of_code = list(self.network.code.parameters())
        others = [p for name, p in self.network.named_parameters() if not name.startswith("code.")]
        self._optimizer = torch.optim.AdamW(
            [{"params": of_code}, {"params": others}], betas=(0.9, 0.99), weight_decay=1e-4
        )
        self.step, self.seconds, self.content_weight = 0, 0.0, 0.2
        self.losses: dict[str, float] = {}

    def train_step(self) -> None:
        """One step; `step` and `losses` move on."""
        options = self.options
        # One generator a step: a resumed run sees exactly the batches that an uninterrupted one would.
        generator = torch.Generator().manual_seed(options.seed * 1_000_003 + self.step)
        photos = torch.cat([_crop(self._photos, options.crop_px, generator) for _ in range(options.batch)])
        photos = photos.contiguous(memory_format=torch.channels_last)
        same = torch.rand(options.batch, generator=generator) < options.identity_share
        with torch.no_grad():
            features = self._encoder(photos, ENCODED)
            own = batch_statistics(photos, features)
        wanted, wanted_surface = self._draw_paintings(photos, own, same, generator)
        pastiches = self._paint(photos, features, own, wanted, generator)
        reached = self._encoder(pastiches, ENCODED)
        distances = StyleTargets(self._encoder, wanted, self.network.usual_variance()).distances(
            batch_statistics(pastiches, reached)
        )
        style, unreadable = style_distance(distances), unreadability(reached, features)
        own_surface = surface(pastiches)
        excess = (own_surface[:, 0] / (wanted_surface[:, 0] + CALM) - 1).clamp_min(0)
        crisp = crispness_distance(own_surface[:, 1:], wanted_surface[:, 1:])
        outside = (pastiches - pastiches.clamp(0, 1)).abs().mean((1, 2, 3))
        identity = (pastiches - photos).abs().mean((1, 2, 3))
        loss = torch.where(same, IDENTITY_WEIGHT * identity, style + self.content_weight * unreadable)
        loss = loss + options.tv_weight * excess + CRISPNESS_WEIGHT * crisp + OUTSIDE_WEIGHT * outside
        loss.mean().backward()  # type: ignore[no-untyped-call]
        self._descend()
        painted = ~same
        if bool(painted.any()):
            distance = float(unreadable.detach()[painted].mean())
            self.content_weight *= math.exp(STEERING * (distance - options.readability))
            self._note("style", style[painted])
            self._note("unreadability", unreadable[painted])
            for name, value in distances.items():
                self._note(name, value[painted])
        if bool(same.any()):
            self._note("identity", identity[same])
        self._note("excess", excess)
        self._note("crispness", crisp)
        self._note("gradient", self._gradient)

    def state(self) -> dict[str, Any]:
        """All that a run needs to go on."""
        return {
            "network": self.network.state_dict(),
            "average": self.average,
            "optimizer": self._optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "content_weight": self.content_weight,
            "losses": self.losses,
            "options": asdict(self.options),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on as when `state` was taken; the number of steps may differ."""
        self.network.load_state_dict(state["network"])
        self.average = state["average"]
        self._optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.content_weight, self.losses = state["content_weight"], state["losses"]

    def _measure_units(self) -> None:
        order = torch.randperm(len(self._paintings.images), generator=torch.Generator().manual_seed(self.options.seed))
        studied = [self._paintings.study(int(i), self.options.scales_px[-1])[0] for i in order[:STUDIED]]
        for name, (means, covariances) in stack(studied).items():
            centre, deviation = self.network.unit(name)
            centre.copy_(means.mean(0))
            variance = covariances.diagonal(dim1=1, dim2=2).mean(0) + means.var(0, correction=0)
            deviation.copy_((variance + 1e-3 * variance.mean()).sqrt())

    def _draw_paintings(
        self, photos: Tensor, own: Batch, same: Tensor, generator: torch.Generator
    ) -> tuple[Batch, Tensor]:
        """Statistics and surface of a painting for every photo; of the photo itself where it is to stay."""
        parts: list[Batch] = []
        surfaces: list[Tensor] = []
        for index in range(len(photos)):
            if same[index]:
                row = slice(index, index + 1)
                parts.append({name: (mean[row], covariance[row]) for name, (mean, covariance) in own.items()})
                surfaces.append(surface(photos[row]))
                continue
            found, value = self._any_painting(generator)
            if float(torch.rand(1, generator=generator)) < self.options.blend_share:
                other, other_value = self._any_painting(generator)
                share = float(torch.rand(1, generator=generator))
                found, value = mix(found, other, share), torch.lerp(value, other_value, share)
            parts.append(found)
            surfaces.append(value)
        return stack(parts), torch.cat(surfaces)

    def _any_painting(self, generator: torch.Generator) -> tuple[Batch, Tensor]:
        index = _integer(generator, len(self._paintings.images))
        return self._paintings.study(index, self.options.scales_px[_integer(generator, len(self.options.scales_px))])

    def _paint(
        self, photos: Tensor, features: Mapping[str, Tensor], own: Batch, wanted: Batch, generator: torch.Generator
    ) -> Tensor:
        """What `Stylizer.paint` does whole, for a batch and with noise that is new every time."""
        maps = {"rgb": photos - MIDDLE, **features}
        with torch.no_grad():
            affines = self.network.in_units(recolouring({name: own[name] for name in MAPS}, wanted))
        batch, _, height, width = photos.shape
        noise = {
            stride: smooth_noise(torch.randn(batch, NOISE, height // stride, width // stride, generator=generator))
            for stride in NOISE_STRIDES
        }
        code = self.network.encode(wanted)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.options.bf16):
            coarse = self.network.coarse(maps, affines, code, noise[8])
            painted = self.network.fine(coarse, maps, affines, code, noise)
        pastiches: Tensor = painted.float() + MIDDLE
        return pastiches

    def _descend(self) -> None:
        done = min(1.0, self.step / self.options.steps)
        rate = self.options.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)
        for group, factor in zip(self._optimizer.param_groups, (CODE_RATE, 1.0), strict=True):
            group["lr"] = factor * rate * min(1.0, (self.step + 1) / 200)
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self._gradient = norm
        if bool(norm.isfinite()):
            self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self.step += 1
        decay = min(self.options.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                self.average[name].lerp_(value, 1 - decay)

    def _note(self, name: str, values: Tensor) -> None:
        value = float(values.detach().mean())
        self.losses[name] = self.losses.get(name, value) * 0.98 + value * 0.02


def _integer(generator: torch.Generator, below: int) -> int:
    return int(torch.randint(below, (1,), generator=generator))


def _crop(images: Sequence[Tensor], crop_px: int, generator: torch.Generator) -> Tensor:
    """A square of a random photograph, from the crop's own size to the whole short side; mirrored half the time."""
    image = images[_integer(generator, len(images))]
    height, width = image.shape[1:]
    longest = min(height, width)
    side = min(crop_px, longest) + _integer(generator, max(1, longest - crop_px + 1))
    top, left = _integer(generator, height - side + 1), _integer(generator, width - side + 1)
    square = image[None, :, top : top + side, left : left + side].float() / 255
    if side != crop_px:
        square = F.interpolate(square, (crop_px, crop_px), mode="bilinear", antialias=True)
    if float(torch.rand(1, generator=generator)) < PALE_SHARE:
        grey = square.mean(1, keepdim=True)
        square = torch.lerp(grey, square, float(torch.rand(1, generator=generator)))
    return square.flip(-1) if _integer(generator, 2) else square
