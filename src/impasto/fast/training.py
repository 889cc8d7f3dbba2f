"""Training of the stylizer on folders of photographs and paintings."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from impasto.encoders import Encoder, load_encoder
from impasto.engine.balance import READABILITY_LAYERS
from impasto.fast.network import MAPS, NOISE, Network
from impasto.fast.statistics import CHANNELS
from impasto.fast.transport import apply_affine, recolouring, ridged, roots

STYLE_WEIGHTS = {"relu1_1": 4.0, "relu2_1": 4.0, "relu3_1": 4.0, "relu4_1": 3.0, "relu5_1": 1.0}  # as painterly
ENCODED = tuple(STYLE_WEIGHTS)
Statistics = dict[str, tuple[Tensor, Tensor]]  # by layer: means [batch, c], covariances [batch, c, c], float32


@dataclass(frozen=True)
class TrainingOptions:
    """What decides a training run."""

    steps: int = 20_000
    batch: int = 4
    crop_px: int = 160
    learning_rate: float = 1e-3
    readability: float = 0.30  # distance from the photo that the content weight is steered to
    tv_weight: float = 0.5
    identity_share: float = 0.12  # of the crops that are to be painted in their own manner
    blend_share: float = 0.1  # of the crops that are painted in the manner of two paintings
    scales_px: tuple[int, ...] = (144, 208, 288)  # short sides at which paintings are studied
    average: float = 0.999
    seed: int = 0
    noise: bool = True
    transform: str = "transport"
    bf16: bool = True


def statistics_of(encoder: Encoder, pictures: Tensor, features: Mapping[str, Tensor] | None = None) -> Statistics:
    """Means and covariances of pictures [batch, 3, height, width] and of their feature maps."""
    features = features or encoder(pictures, ENCODED)
    found = {}
    for name in CHANNELS:
        rows = (pictures - 0.5 if name == "rgb" else features[name]).flatten(2)
        mean = rows.mean(2)
        centred = rows - mean[:, :, None]
        found[name] = (mean, centred @ centred.mT / rows.shape[2])
    return found


def stacked(parts: Sequence[Statistics]) -> Statistics:
    return {name: (torch.cat([p[name][0] for p in parts]), torch.cat([p[name][1] for p in parts])) for name in CHANNELS}


def blended(first: Statistics, second: Statistics, share: float) -> Statistics:
    """Moments of two paintings mixed: `share` of the second."""
    found = {}
    for name, (mean, covariance) in first.items():
        other_mean, other = second[name]
        between = (mean - other_mean)[:, :, None] * (mean - other_mean)[:, None, :]
        mixed = (1 - share) * covariance + share * other + share * (1 - share) * between
        found[name] = ((1 - share) * mean + share * other_mean, mixed)
    return found


class _TraceRoot(torch.autograd.Function):
    """tr (S C S)^(1/2) of batches; derivative 1/2 S (S C S)^(-1/2) S."""

    @staticmethod
    def forward(ctx: Any, covariance: Tensor, root: Tensor) -> Tensor:
        values, vectors = torch.linalg.eigh(root @ covariance @ root)
        half = values.clamp_min(values[:, -1:].clamp_min(1e-300) * 1e-12).sqrt()
        ctx.save_for_backward(half, root @ vectors)
        return half.sum(1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        half, vectors = ctx.saved_tensors
        slope = 0.5 * (vectors / half[:, None, :]) @ vectors.mT
        return gradients[0][:, None, None] * slope, None


class StyleTargets:
    """`WassersteinLoss` of a batch in which every picture has a painting of its own."""

    def __init__(self, encoder: Encoder, wanted: Statistics) -> None:
        self._geometry = {name: encoder.geometry[name] for name in ENCODED if name in encoder.geometry}
        self._targets = {}
        for name in ENCODED:
            mean, covariance = self._in_geometry(name, wanted[name])
            covariance = ridged(covariance, 1e-4)
            size = covariance.diagonal(dim1=1, dim2=2).sum(1) + 1e-3 * mean.square().sum(1) + 1e-9
            self._targets[name] = mean, covariance, roots(covariance), size

    def _in_geometry(self, name: str, pair: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        mean, covariance = pair[0].double(), pair[1].double()
        if name in self._geometry:
            matrix = self._geometry[name]
            return mean @ matrix.T, matrix @ covariance @ matrix.T
        return mean, covariance

    def distances(self, reached: Statistics) -> dict[str, Float[Tensor, " batch"]]:
        found = {}
        for name, (target_mean, target, root, size) in self._targets.items():
            mean, covariance = self._in_geometry(name, reached[name])
            covariance = ridged(covariance, 1e-4)
            overlap: Tensor = _TraceRoot.apply(covariance, root)
            trace = (covariance + target).diagonal(dim1=1, dim2=2).sum(1)
            found[name] = ((mean - target_mean).square().sum(1) + trace - 2 * overlap) / size
        return found


def _directions(maps: Tensor) -> Tensor:
    centred = maps - maps.mean((2, 3), keepdim=True)
    deviation = centred.square().mean((2, 3), keepdim=True).sqrt()
    return centred / (deviation + 1e-2 * deviation.mean((1, 2, 3), keepdim=True) + 1e-8)


def unreadability(ours: Mapping[str, Tensor], photo: Mapping[str, Tensor]) -> Float[Tensor, " batch"]:
    """`Readability.distance` of a batch, differentiable."""
    found = [
        1 - F.cosine_similarity(_directions(ours[n]), _directions(photo[n]), dim=1).mean((1, 2))
        for n in READABILITY_LAYERS
    ]
    return sum(found[1:], found[0]) / len(found)


def restlessness(pictures: Tensor) -> Float[Tensor, " batch"]:
    """Mean squared difference of neighbouring pixels."""
    down = (pictures[..., 1:, :] - pictures[..., :-1, :]).square().mean((1, 2, 3))
    across = (pictures[..., 1:] - pictures[..., :-1]).square().mean((1, 2, 3))
    return down + across


def load_images(paths: Sequence[Path]) -> list[Tensor]:
    """Decode to uint8 [3, height, width]."""
    import pyvips

    images = []
    for path in paths:
        image = pyvips.Image.new_from_file(str(path), access="sequential").colourspace("srgb")
        image = image[:3] if image.bands >= 3 else image[0].bandjoin([image[0], image[0]])
        images.append(torch.from_numpy(np.ascontiguousarray(image.numpy().transpose(2, 0, 1))))
    return images


@dataclass
class Paintings:
    """Training paintings and, once asked for, their statistics at every size."""

    encoder: Encoder
    images: Sequence[Tensor]
    known: dict[tuple[int, int], tuple[Statistics, Tensor]] = field(default_factory=dict)

    def study(self, index: int, short_px: int) -> tuple[Statistics, Tensor]:
        """(statistics, restlessness) of a painting brought to a short side of at most `short_px`."""
        if (index, short_px) not in self.known:
            picture = self.images[index][None].float() / 255
            factor = short_px / min(picture.shape[2:])
            if factor < 1:
                size = [round(side * factor) for side in picture.shape[2:]]
                picture = F.interpolate(picture, size, mode="bicubic", antialias=True).clamp(0, 1)
            with torch.no_grad():
                self.known[index, short_px] = statistics_of(self.encoder, picture), restlessness(picture)
        return self.known[index, short_px]


def _integer(generator: torch.Generator, below: int) -> int:
    return int(torch.randint(below, (1,), generator=generator))


def _crop(images: Sequence[Tensor], crop_px: int, generator: torch.Generator) -> Tensor:
    """A square of a random photograph, from the crop's own size to the whole short side."""
    image = images[_integer(generator, len(images))]
    height, width = image.shape[1:]
    longest = min(height, width)
    side = min(crop_px, longest) + _integer(generator, max(1, longest - crop_px + 1))
    top, left = _integer(generator, height - side + 1), _integer(generator, width - side + 1)
    square = image[None, :, top : top + side, left : left + side].float() / 255
    if side != crop_px:
        square = F.interpolate(square, (crop_px, crop_px), mode="bilinear", antialias=True)
    return square.flip(-1) if _integer(generator, 2) else square


class Trainer:
    """A training run: the network, its average, the optimiser and where it stands."""

    def __init__(self, photos: Sequence[Tensor], paintings: Sequence[Tensor], options: TrainingOptions) -> None:
        self.options, self.photos = options, photos
        self.encoder = load_encoder("lite", precision=torch.bfloat16 if options.bf16 else None)
        self.paintings = Paintings(load_encoder("lite"), paintings)
        torch.manual_seed(options.seed)
        self.network = Network(options.noise).to(memory_format=torch.channels_last)
        self._set_units()
        self.average = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=options.learning_rate, betas=(0.9, 0.99), weight_decay=1e-4
        )
        self.step, self.seconds, self.content_weight = 0, 0.0, 0.2
        self.running: dict[str, float] = {}

    def _set_units(self) -> None:
        generator = torch.Generator().manual_seed(self.options.seed)
        some = torch.randperm(len(self.paintings.images), generator=generator)[:100].tolist()
        found = stacked([self.paintings.study(i, self.options.scales_px[-1])[0] for i in some])
        for name, (means, covariances) in found.items():
            centre, deviation = self.network.unit(name)
            centre.copy_(means.mean(0))
            variance = covariances.diagonal(dim1=1, dim2=2).mean(0) + means.var(0)
            deviation.copy_((variance + 1e-3 * variance.mean()).sqrt())

    def _learning_rate(self) -> float:
        done = self.step / self.options.steps
        return self.options.learning_rate * min(1.0, (self.step + 1) / 200) * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)

    def _wanted(self, generator: torch.Generator) -> tuple[Statistics, Tensor]:
        """Statistics of one training painting, or of two."""
        sizes = self.options.scales_px

        def any_painting() -> tuple[Statistics, Tensor]:
            return self.paintings.study(
                _integer(generator, len(self.paintings.images)), sizes[_integer(generator, len(sizes))]
            )

        found, restless = any_painting()
        if float(torch.rand(1, generator=generator)) < self.options.blend_share:
            other, other_restless = any_painting()
            share = float(torch.rand(1, generator=generator))
            return blended(found, other, share), restless.lerp(other_restless, share)
        return found, restless

    def train_step(self) -> dict[str, float]:
        options = self.options
        generator = torch.Generator().manual_seed(options.seed * 1_000_003 + self.step)
        photos = torch.cat([_crop(self.photos, options.crop_px, generator) for _ in range(options.batch)])
        photos = photos.contiguous(memory_format=torch.channels_last)
        same = torch.rand(options.batch, generator=generator) < options.identity_share
        with torch.no_grad():
            features = self.encoder(photos, [*ENCODED, *READABILITY_LAYERS])
            own = statistics_of(self.encoder, photos, features)
        parts, restless = [], []
        for index in range(options.batch):
            if same[index]:
                parts.append({n: (m[index : index + 1], c[index : index + 1]) for n, (m, c) in own.items()})
                restless.append(restlessness(photos[index : index + 1]))
            else:
                found, value = self._wanted(generator)
                parts.append(found)
                restless.append(value)
        wanted = stacked(parts)
        pastiches = render(self.network, photos, features, own, wanted, options, generator)
        reached = self.encoder(pastiches, [*ENCODED, *READABILITY_LAYERS])
        distances = StyleTargets(self.encoder, wanted).distances(statistics_of(self.encoder, pastiches, reached))
        style = sum(STYLE_WEIGHTS[n] * distances[n].log1p() for n in ENCODED) / 16
        unreadable = unreadability(reached, features)
        excess = (restlessness(pastiches) / (torch.cat(restless) + 1e-4) - 1).clamp_min(0)
        outside = (pastiches - pastiches.clamp(0, 1)).abs().mean((1, 2, 3))
        identity = (pastiches - photos).abs().mean((1, 2, 3)) * same
        weights = (~same).double()
        loss = (
            (weights * (style + self.content_weight * unreadable)).mean()
            + options.tv_weight * excess.mean()
            + 10 * identity.mean()
            + 20 * outside.mean()
        )
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        decay = min(options.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                self.average[name].lerp_(value, 1 - decay)
        count = float(weights.sum())
        record = {"loss": float(loss.detach()), "gradient": float(norm), "excess": float(excess.mean().detach())}
        if count:
            mean_unreadable = float((unreadable * weights).sum()) / count
            self.content_weight *= math.exp(0.02 * (mean_unreadable - options.readability))
            record |= {"readability": mean_unreadable, "style": float((style * weights).sum()) / count}
            record |= {n: float((d * weights).sum()) / count for n, d in distances.items()}
        if bool(same.any()):
            record["identity"] = float(identity.sum()) / float(same.sum())
        for name, number in record.items():
            self.running[name] = self.running.get(name, number) * 0.98 + number * 0.02
        return record

    def save(self, path: Path) -> None:
        state = {
            "network": self.network.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "content_weight": self.content_weight,
            "running": self.running,
            "options": asdict(self.options),
        }
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def restore(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average = state["average"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.content_weight, self.running = state["content_weight"], state["running"]


def render(network, photos, features, own, wanted, options, generator=None, noise=None):
    maps = {"rgb": photos - 0.5, **{n: features[n] for n in MAPS[1:]}}
    affines = network.in_units(recolouring({n: own[n] for n in MAPS}, wanted, adain=options.transform == "adain"))
    changed = {name: apply_affine(maps[name], affines[name]) for name in MAPS}
    batch, _, height, width = photos.shape
    if options.noise and noise is None:
        noise = {s: torch.randn(batch, NOISE, height // s, width // s, generator=generator) for s in (4, 8)}
    if not options.noise:
        noise = {4: None, 8: None}
    code = network.encode(wanted)
    with torch.autocast("cpu", torch.bfloat16, enabled=options.bf16 and torch.is_grad_enabled()):
        coarse = network.coarse(changed["relu4_1"], code, noise[8])
        return network.fine(coarse, photos - 0.5, changed, code, noise[4]).float() + 0.5
