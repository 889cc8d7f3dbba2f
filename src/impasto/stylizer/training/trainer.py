"""Training of the stylizer: one step after another.

A step paints a few crops of photographs, each in the style of its own painting, and follows the gradient of how far
they are from it (`objective`). The content weight is not chosen: it is steered, as the engine steers its own, until
the crops are as readable as asked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from impasto.encoders import load_encoder
from impasto.stylizer.network import NOISE, NOISE_STRIDES, Network, smooth_noise
from impasto.stylizer.statistics import MIDDLE, Batch, batch_statistics
from impasto.stylizer.training.data import (
    PaintingStatistics,
    TrainingSet,
    random_crop,
    random_integer,
    random_number,
)
from impasto.stylizer.training.objective import (
    ENCODED,
    BatchStyleLoss,
    crispness_distance,
    mix,
    stack,
    style_distance,
    surface_statistics,
    unreadability,
)
from impasto.stylizer.transport import recolouring

UNIT_PAINTINGS = 100  # paintings by which the network's maps are brought to unit size
CODE_RATE = 0.3  # learning rate of the layers that make the code, which read a thousand numbers at once
CALM = 1e-3  # total variation that any painting may have
IDENTITY_WEIGHT, OUTSIDE_WEIGHT, STEERING = 10.0, 20.0, 0.02
CRISPNESS_WEIGHT = 0.03  # the encoder hardly reads noise in the colours, nor misses the last sharpness


@dataclass(frozen=True)
class TrainingOptions:
    """Options of a training run.

    Attributes
    ----------
    readability: distance from the photo (`unreadability`) that the content weight is steered to.
    tv_weight: of the total variation that exceeds the painting's.
    identity_share: of the crops that are painted in their own style, which must change nothing.
    blend_share: of the crops that are painted in the style of two paintings.
    scales_px: short sides that paintings are reduced to: strokes large and small.
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


class Trainer:
    """A training run: the network, the average of its weights, the optimiser, and where it stands.

    The same options and pictures give the same weights, whether interrupted or not. `start`: weights to begin from.
    """

    def __init__(
        self, pictures: TrainingSet, options: TrainingOptions, start: Mapping[str, Tensor] | None = None
    ) -> None:
        self.options, self._photos = options, pictures.photos
        self._encoder = load_encoder("lite", precision=torch.bfloat16 if options.bf16 else None)
        self._paintings = PaintingStatistics(load_encoder("lite"), pictures.paintings)
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
        """Take one step; `step` and `losses` move on."""
        options = self.options
        # One generator a step: a resumed run draws exactly the batches that an uninterrupted one would.
        generator = torch.Generator().manual_seed(options.seed * 1_000_003 + self.step)
        photos = torch.cat([random_crop(self._photos, options.crop_px, generator) for _ in range(options.batch)])
        photos = photos.contiguous(memory_format=torch.channels_last)
        unchanged = torch.rand(options.batch, generator=generator) < options.identity_share
        with torch.no_grad():
            maps = {"rgb": photos - MIDDLE, **self._encoder(photos, ENCODED)}
            of_photos = batch_statistics(maps)
        of_paintings, painting_surfaces = self._draw_paintings(photos, of_photos, unchanged, generator)
        pastiches = self._paint(maps, of_photos, of_paintings, generator)

        pastiche_maps = {"rgb": pastiches - MIDDLE, **self._encoder(pastiches, ENCODED)}
        style_loss = BatchStyleLoss(self._encoder, of_paintings, self.network.usual_variance())
        distances = style_loss.distances(batch_statistics(pastiche_maps))
        style, unreadable = style_distance(distances), unreadability(pastiche_maps, maps)
        surfaces = surface_statistics(pastiches)
        excess = (surfaces[:, 0] / (painting_surfaces[:, 0] + CALM) - 1).clamp_min(0)
        crispness = crispness_distance(surfaces[:, 1:], painting_surfaces[:, 1:])
        outside = (pastiches - pastiches.clamp(0, 1)).abs().mean((1, 2, 3))
        identity = (pastiches - photos).abs().mean((1, 2, 3))
        loss = torch.where(unchanged, IDENTITY_WEIGHT * identity, style + self.content_weight * unreadable)
        loss = loss + options.tv_weight * excess + CRISPNESS_WEIGHT * crispness + OUTSIDE_WEIGHT * outside
        loss.mean().backward()  # type: ignore[no-untyped-call]
        gradient = self._descend()

        if not bool(unchanged.all()):
            distance = float(unreadable.detach()[~unchanged].mean())
            self.content_weight *= math.exp(STEERING * (distance - options.readability))
        self._note(~unchanged, style=style, unreadability=unreadable, **distances)
        self._note(unchanged, identity=identity)
        self._note(torch.ones_like(unchanged), excess=excess, crispness=crispness)
        self._note(torch.tensor(True), gradient=gradient)

    def state(self) -> dict[str, Any]:
        """Return all that a run needs to go on."""
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
        """Go on from a `state`; the number of steps may differ.

        Raises `ValueError`, or what a missing or other value makes of Python and torch, for what is no `state`.
        """
        average = Network()
        average.load_state_dict(state["average"])
        self.network.load_state_dict(state["network"])
        self.average = {name: value.clone() for name, value in average.state_dict().items()}
        rates = self._optimizer.state_dict()["param_groups"]  # chosen here, not by a file
        self._optimizer.load_state_dict({"state": state["optimizer"]["state"], "param_groups": rates})
        moments = list[Tensor]()
        for weight, kept in self._optimizer.state.items():
            if set(kept) != {"step", "exp_avg", "exp_avg_sq"}:
                raise ValueError("no state of this optimiser")
            moments += [kept["exp_avg"], kept["exp_avg_sq"].clamp_min(0), kept["step"].reshape(())]
            if not kept["exp_avg"].shape == kept["exp_avg_sq"].shape == weight.shape:
                raise ValueError("moments of other weights")
        self.step, self.seconds = int(state["step"]), float(state["seconds"])
        self.content_weight = float(state["content_weight"])
        self.losses = {str(name): float(value) for name, value in state["losses"].items()}
        numbers = [self.step, self.seconds, self.content_weight, *self.losses.values()]
        tensors = [*self.network.state_dict().values(), *self.average.values(), *moments]
        if not (all(map(math.isfinite, numbers)) and all(bool(tensor.isfinite().all()) for tensor in tensors)):
            raise ValueError("numbers that are not finite")
        if self.step < 0 or self.content_weight <= 0:
            raise ValueError("negative steps or weights")

    def _measure_units(self) -> None:
        """Set mean and deviation of the layers' channels over many paintings."""
        order = torch.randperm(len(self._paintings.images), generator=torch.Generator().manual_seed(self.options.seed))
        largest_px = self.options.scales_px[-1]
        batches = [self._paintings.at(int(index), largest_px)[0] for index in order[:UNIT_PAINTINGS]]
        for name, (means, covariances) in stack(batches).items():
            centre, deviation = self.network.unit(name)
            centre.copy_(means.mean(0))
            variance = covariances.diagonal(dim1=1, dim2=2).mean(0) + means.var(0, correction=0)
            deviation.copy_((variance + 1e-3 * variance.mean()).sqrt())

    def _draw_paintings(
        self, photos: Tensor, of_photos: Batch, unchanged: Tensor, generator: torch.Generator
    ) -> tuple[Batch, Tensor]:
        """Draw a painting for every photo: style statistics and surface statistics; the photo's own if `unchanged`."""
        batches: list[Batch] = []
        surfaces: list[Tensor] = []
        for index in range(len(photos)):
            if unchanged[index]:
                row = slice(index, index + 1)
                statistics: Batch = {name: (mean[row], other[row]) for name, (mean, other) in of_photos.items()}
                surface = surface_statistics(photos[row])
            else:
                statistics, surface = self._any_painting(generator)
                if random_number(generator) < self.options.blend_share:
                    other_statistics, other_surface = self._any_painting(generator)
                    weight = random_number(generator)
                    statistics = mix(statistics, other_statistics, weight)
                    surface = torch.lerp(surface, other_surface, weight)
            batches.append(statistics)
            surfaces.append(surface)
        return stack(batches), torch.cat(surfaces)

    def _any_painting(self, generator: torch.Generator) -> tuple[Batch, Tensor]:
        scales_px = self.options.scales_px
        index = random_integer(generator, len(self._paintings.images))
        return self._paintings.at(index, scales_px[random_integer(generator, len(scales_px))])

    def _paint(
        self, maps: Mapping[str, Tensor], of_photos: Batch, of_paintings: Batch, generator: torch.Generator
    ) -> Tensor:
        """Paint a batch as `Stylizer.paint` paints a picture, whole, and with new noise every time."""
        with torch.no_grad():
            affines = self.network.in_units(recolouring(of_photos, of_paintings))
        batch, _, height, width = maps["rgb"].shape
        noise = {
            stride: smooth_noise(torch.randn(batch, NOISE, height // stride, width // stride, generator=generator))
            for stride in NOISE_STRIDES
        }
        code = self.network.encode(of_paintings)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.options.bf16):
            pastiches: Tensor = self.network(maps, affines, code, noise)
        return pastiches

    def _descend(self) -> Tensor:
        """Take an optimiser step and move the average; returns the gradient's norm."""
        done = min(1.0, self.step / self.options.steps)
        rate = self.options.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)
        for group, factor in zip(self._optimizer.param_groups, (CODE_RATE, 1.0), strict=True):
            group["lr"] = factor * rate * min(1.0, (self.step + 1) / 200)
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        if bool(norm.isfinite()):
            self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self.step += 1
        decay = min(self.options.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                self.average[name].lerp_(value, 1 - decay)
        return norm

    def _note(self, rows: Tensor, **values: Tensor) -> None:
        """Carry running means of losses on, by those rows of the batch that they are about."""
        if not bool(rows.any()):
            return
        for name, losses in values.items():
            value = float(losses.detach()[rows].mean())
            self.losses[name] = self.losses.get(name, value) * 0.98 + value * 0.02
