"""The objective: a picture in, a loss breakdown and a gradient out. Optimisers see nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from impasto.encoders import Encoder
from impasto.losses.content import ContentLoss
from impasto.losses.smoothness import total_variation
from impasto.losses.statistics import Moments, blend, moments
from impasto.losses.style import STYLE_LOSSES


@dataclass(frozen=True)
class Core:
    """The part of a canvas that counts, in pixels; losses ignore the rest, which only gives context.

    Counted whole, a canvas lets the optimiser hide in its margin what does not fit the picture.
    """

    top_px: int
    left_px: int
    height_px: int
    width_px: int

    def cut(self, features: Float[Tensor, "1 c canvas_h canvas_w"], stride_px: int) -> Float[Tensor, "1 c h w"]:
        """The part of a feature map that lies in the core."""
        rows, columns = self.spans(features, stride_px)
        return features[..., rows, columns]

    def spans(self, features: Float[Tensor, "1 c canvas_h canvas_w"], stride_px: int) -> tuple[slice, slice]:
        """Rows and columns of a feature map of the canvas that lie in the core, at least one each."""
        return (
            _span(self.top_px, self.height_px, stride_px, features.shape[-2]),
            _span(self.left_px, self.width_px, stride_px, features.shape[-1]),
        )


def _span(start_px: int, length_px: int, stride_px: int, positions: int) -> slice:
    first = min(round(start_px / stride_px), positions - 1)
    return slice(first, max(first + 1, round((start_px + length_px) / stride_px)))


@dataclass(frozen=True)
class Evaluation:
    """Weighted loss parts with their sum ``total``, and d total / d pastiche [1, 3, height, width]."""

    losses: dict[str, float]
    gradient: Tensor = field(repr=False)


def style_statistics(
    encoder: Encoder, pictures: Sequence[tuple[Float[Tensor, "1 3 _ _"], float]], layers: Sequence[str]
) -> dict[str, Moments]:
    """Normalised moments of weighted pictures at `layers`, blended, in the encoder's own geometry."""
    with torch.no_grad():
        maps = [(encoder(picture, layers), weight) for picture, weight in pictures]
        return {name: blend((_moments(encoder, name, m[name]), weight) for m, weight in maps) for name in layers}


def _moments(encoder: Encoder, layer: str, features: Tensor, inside: tuple[slice, slice] | None = None) -> Moments:
    sums = moments(features, inside=inside)
    return sums.transformed(encoder.geometry[layer]) if layer in encoder.geometry else sums


class Objective:
    """Whole-picture evaluation of content weight * content + style weight * style + total variation.

    Parameters
    ----------
    encoder: frozen.
    content: canvas-sized photo [1, 3, height, width]; its feature maps are the content targets.
    core: the part of the canvas that counts.
    content_layers, style_layers: layer weights; each loss is the mean over its layers with these weights.
    style_targets: moments to reach at each style layer.
    style_loss: a name of `STYLE_LOSSES`.
    content_weight, style_weight, tv_weight: multipliers. `content_weight` may change between evaluations.
    tv_scale: total variation that counts as one (the painting's own).
    """

    def __init__(
        self,
        encoder: Encoder,
        content: Float[Tensor, "1 3 height width"],
        core: Core,
        *,
        content_layers: Mapping[str, float],
        style_layers: Mapping[str, float],
        style_targets: Mapping[str, Moments],
        style_loss: str,
        content_weight: float,
        style_weight: float,
        tv_weight: float,
        tv_scale: float,
    ) -> None:
        self.content_weight = content_weight
        self._encoder, self._core = encoder, core
        self._style_weight, self._tv_weight = style_weight, tv_weight / tv_scale
        with torch.no_grad():
            targets = encoder(content, list(content_layers))
        self._content = [
            (name, weight / sum(content_layers.values()), ContentLoss(self._mapped(targets, name)))
            for name, weight in content_layers.items()
        ]
        build = STYLE_LOSSES[style_loss]
        self._style = [
            (name, weight / sum(style_layers.values()), build(style_targets[name]))
            for name, weight in style_layers.items()
        ]
        self._layers = list({*content_layers, *style_layers})

    def _statistics(self, features: Mapping[str, Tensor], layer: str) -> Moments:
        stride = self._encoder.architecture.layer(layer).stride_px
        return _moments(self._encoder, layer, features[layer], self._core.spans(features[layer], stride))

    def _mapped(self, features: Mapping[str, Tensor], layer: str) -> Tensor:
        core = self._core.cut(features[layer], self._encoder.architecture.layer(layer).stride_px)
        return self._encoder.in_geometry(layer, core)

    def __call__(self, pastiche: Float[Tensor, "1 3 height width"]) -> Evaluation:
        leaf = pastiche.detach().requires_grad_()
        features = self._encoder(leaf, self._layers)
        style = sum(weight * loss(self._statistics(features, name)) for name, weight, loss in self._style)
        content = sum(weight * loss(self._mapped(features, name)) for name, weight, loss in self._content)
        parts = {
            "content": self.content_weight * content,
            "style": self._style_weight * style,
            "total_variation": self._tv_weight * total_variation(leaf),
        }
        total = torch.stack([torch.as_tensor(part) for part in parts.values()]).sum()
        (gradient,) = torch.autograd.grad(total, leaf)
        losses = {name: float(torch.as_tensor(part).detach()) for name, part in parts.items()}
        losses["total"] = float(total.detach())
        return Evaluation(losses, gradient)
