"""The objective: a picture in, a loss breakdown and a gradient out. Optimisers see nothing else.

Whole or in tiles it is the same number: style statistics and content errors add over positions. With several
tiles every evaluation goes over them twice: once to sum, without a graph; once to carry the derivative of the
sums back to the pixels. A single tile keeps its graph and is gone over once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from impasto.encoders import Encoder
from impasto.errors import OptionError
from impasto.losses.content import ContentLoss
from impasto.losses.guidance import guide
from impasto.losses.laplacian import DetailLoss
from impasto.losses.mmd import SAMPLE, GaussianKernelLoss, Sample, blend_samples, take_sample
from impasto.losses.statistics import Moments, blend, moments
from impasto.losses.style import STYLE_LOSSES, StyleLoss
from impasto.losses.tiles import Core, Spans, Tile, build_tiles
from impasto.losses.total_variation import total_variation

WHOLE_PX = 1 << 30  # a tile that holds any picture
WHOLE_MAP_LOSSES = {"mmd-gaussian": GaussianKernelLoss}  # style losses that do not add over positions


@dataclass(frozen=True)
class Evaluation:
    """Weighted loss parts with their sum ``total``, and d total / d pastiche [1, 3, height, width]."""

    losses: dict[str, float]
    gradient: Tensor = field(repr=False)


@dataclass(frozen=True)
class Region:
    """Where a style applies, and what it is.

    Attributes
    ----------
    targets: moments to reach at each style layer, in the encoder's geometry; for `WHOLE_MAP_LOSSES` a sample.
    mask: [height, width] of the canvas in [0, 1], the guidance mask; None: everywhere.
    weight: share of the region's loss in the style loss.
    """

    targets: Mapping[str, Moments | Sample]
    mask: Float[Tensor, "height width"] | None = None
    weight: float = 1.0


def style_statistics(
    encoder: Encoder,
    pictures: Sequence[tuple[Float[Tensor, "1 3 _ _"], float]],
    layers: Sequence[str],
    tile_px: int = WHOLE_PX,
    mask: Float[Tensor, "height width"] | None = None,
    mask_mode: str = "simple",
) -> dict[str, Moments]:
    """Normalised moments of weighted pictures at `layers`, blended, in the encoder's own geometry.

    With a `mask` of the pictures' size their positions count as it says, at each layer as `guide` does.
    """
    layer = encoder.architecture.layer
    guides = {} if mask is None else {name: guide(mask, layer(name), mask_mode) for name in layers}
    sums = [(_summed(encoder, picture, layers, tile_px, guides), weight) for picture, weight in pictures]
    return {
        name: _in_geometry(encoder, name, blend((by_layer[name], weight) for by_layer, weight in sums))
        for name in layers
    }


def style_samples(
    encoder: Encoder,
    pictures: Sequence[tuple[Float[Tensor, "1 3 _ _"], float]],
    layers: Sequence[str],
    tile_px: int = WHOLE_PX,
) -> dict[str, Sample]:
    """Features of weighted pictures at random positions of `layers`, in the encoder's own geometry."""
    parts: dict[str, list[tuple[Sample, float]]] = {name: [] for name in layers}
    for picture, weight in pictures:
        height, width = picture.shape[-2:]
        for tile, features in _iter_features(encoder, picture, layers, tile_px):
            for name in layers:
                counted = encoder.in_geometry(name, features[name][..., *tile.owns[name]])
                positions = counted.shape[-2] * counted.shape[-1]
                share = positions * encoder.architecture.layer(name).stride_px ** 2 / (height * width)
                if positions:
                    parts[name].append((take_sample(counted, SAMPLE), share * weight))
    return {name: blend_samples(found) for name, found in parts.items()}


def _summed(
    encoder: Encoder, picture: Tensor, layers: Sequence[str], tile_px: int, guides: Mapping[str, Tensor]
) -> dict[str, Moments]:
    totals: dict[str, Moments] = {}
    for tile, features in _iter_features(encoder, picture, layers, tile_px):
        for name in layers:
            if not _empty(tile.owns[name]):
                weights = _on_tile(guides[name], tile, name, features[name]) if name in guides else None
                sums = moments(features[name], weights, tile.owns[name])
                totals[name] = totals[name] + sums if name in totals else sums
    return totals


def _iter_features(
    encoder: Encoder, picture: Tensor, layers: Sequence[str], tile_px: int
) -> Iterator[tuple[Tile, dict[str, Tensor]]]:
    """Tiles of a whole picture with their feature maps, without a graph; none where no layer is wanted."""
    height, width = picture.shape[-2:]
    table = [encoder.architecture.layer(name) for name in layers]
    for tile in build_tiles(Core(0, 0, height, width), height, width, table, tile_px) if table else ():
        with torch.no_grad():
            features = encoder(picture[..., *tile.reads], layers)
        yield tile, features


def _in_geometry(encoder: Encoder, layer: str, sums: Moments) -> Moments:
    return sums.transformed(encoder.geometry[layer]) if layer in encoder.geometry else sums


@dataclass
class _Sums:
    """What a tile, or several, add up to: moments by (region, style layer), content losses by (part, layer)."""

    moments: dict[tuple[int, str], Moments] = field(default_factory=dict)
    content: dict[tuple[int, str], Tensor] = field(default_factory=dict)
    style: list[Tensor] = field(default_factory=list)  # shares of `WHOLE_MAP_LOSSES`

    def add(self, other: _Sums, device: torch.device) -> None:
        """Add what another tile has, without its graph, on `device`."""
        for key, found in other.moments.items():
            sums = found.detached(device)
            self.moments[key] = self.moments[key] + sums if key in self.moments else sums
        for part, found_loss in other.content.items():
            loss = found_loss.detach().to(device)
            self.content[part] = self.content[part] + loss if part in self.content else loss
        self.style += [loss.detach() for loss in other.style]


class Objective:
    """Evaluation of content weight * content + style weight * style + total variation weight * total variation
    + detail weight * detail.

    Parameters
    ----------
    encoder: frozen.
    content: canvas-sized photo [1, 3, height, width]; its feature maps are the content targets.
    core: the part of the canvas that counts.
    content_layers, style_layers: layer weights; each loss is the mean over its layers with these weights, in
        units ``gatys`` the sum. One of the two may be empty.
    regions: at least one; the style loss is their mean, with their weights.
    style_loss: a name of `STYLE_LOSSES`, or of `WHOLE_MAP_LOSSES`, which take neither tiles nor masks.
    loss_units: scale-free, gatys or tutorial.
    content_weight, style_weight, tv_weight: multipliers. `content_weight` may change between evaluations; with
        `content_masks` it is one for each of them.
    content_masks: parts of the canvas with a content weight of their own, as a region's mask; none: one for all.
    kept: where the pastiche is the photo whatever the optimiser's picture is, as a region's mask; where it is soft
        they are mixed, before anything is compared. Default: nowhere.
    mask_mode: how masks are brought to the layers (`guide`).
    tv_scale: total variation that counts as one (the painting's own).
    detail_weight: multiplier of `DetailLoss`; at 0 it is neither computed nor told.
    tile_px: core of a tile; the default holds any picture whole.
    replicas: the same encoder on other devices; tiles take turns, and what they add up to comes together on the first.

    An encoder with circular padding takes no tiles either; total variation wraps around with it.
    """

    def __init__(
        self,
        encoder: Encoder,
        content: Float[Tensor, "1 3 height width"],
        core: Core,
        *,
        content_layers: Mapping[str, float],
        style_layers: Mapping[str, float],
        regions: Sequence[Region],
        style_loss: str,
        content_weight: float | Sequence[float],
        style_weight: float,
        tv_weight: float,
        tv_scale: float,
        loss_units: str = "scale-free",
        detail_weight: float = 0.0,
        tile_px: int = WHOLE_PX,
        replicas: Sequence[Encoder] = (),
        content_masks: Sequence[Float[Tensor, "height width"]] = (),
        kept: Float[Tensor, "height width"] | None = None,
        mask_mode: str = "simple",
    ) -> None:
        self.content_weight = content_weight
        self._encoder, self._units = encoder, loss_units
        self._encoders = [encoder, *replicas]
        self._wraps = encoder.padding_mode == "circular"
        self._style_weight, self._tv_weight = style_weight, tv_weight / tv_scale
        self._layers = list(dict.fromkeys([*content_layers, *style_layers]))
        table = [encoder.architecture.layer(name) for name in self._layers]
        height, width = content.shape[-2:]
        self._tiles = build_tiles(core, height, width, table, tile_px)
        self._content_layers = _shares(content_layers, loss_units)
        self._kept = None if kept is None else (content, kept)
        self._content = self._content_losses(content)
        self._content_guides = [
            {name: guide(mask, encoder.architecture.layer(name)) for name in self._content} for mask in content_masks
        ]
        self._core, self._detail_weight = core, detail_weight
        self._detail = DetailLoss(core.cut(content, 1)) if detail_weight else None
        self._masks: dict[tuple[int, str], Tensor] = {}
        self._style: dict[tuple[int, str], tuple[float, StyleLoss]] = {}
        self._style_of_maps: list[tuple[str, float, GaussianKernelLoss]] = []
        if len(self._tiles) > 1 and (self._wraps or style_loss in WHOLE_MAP_LOSSES):
            raise OptionError("an encoder with circular padding, and the style loss 'mmd-gaussian', take no tiles")
        whole = sum(region.weight for region in regions)
        shares = _shares(style_layers, loss_units)
        for index, region in enumerate(regions):
            for layer in map(encoder.architecture.layer, style_layers):
                share, target = shares[layer.name] * region.weight / whole, region.targets[layer.name]
                if isinstance(target, Sample):
                    if region.mask is not None:
                        raise OptionError(f"the style loss {style_loss!r} takes no guidance masks")
                    self._style_of_maps.append((layer.name, share, WHOLE_MAP_LOSSES[style_loss](target)))
                    continue
                if region.mask is not None:
                    mask = guide(region.mask, layer, mask_mode)
                    if not core.cut(mask[None, None], layer.stride_px).any():
                        continue  # nothing of this region lies in the picture
                    self._masks[index, layer.name] = mask
                self._style[index, layer.name] = share, STYLE_LOSSES[style_loss](target, loss_units)
        self._absent = {
            (number, *key)
            for key, mask in self._masks.items()
            for number, tile in enumerate(self._tiles)
            if not mask[tile.within[key[1]]].any()
        }

    @property
    def tiles(self) -> int:
        """Number of tiles that an evaluation goes over."""
        return len(self._tiles)

    def seen(self, picture: Float[Tensor, "1 3 height width"]) -> Float[Tensor, "1 3 height width"]:
        """The pastiche that the optimiser's picture stands for: with the photo where it is kept."""
        return picture if self._kept is None else torch.lerp(picture, *self._kept)

    def __call__(self, picture: Float[Tensor, "1 3 height width"]) -> Evaluation:
        pastiche = self.seen(picture)
        gradient = torch.zeros_like(pastiche)
        restless = total_variation(pastiche, gradient, self._tv_weight, units=self._units, wrap=self._wraps)
        detail = None
        if self._detail is not None:
            ours, slope = self._core.cut(pastiche, 1), self._core.cut(gradient, 1)
            detail = self._detail(ours, slope, self._detail_weight)
        sums, kept = _Sums(), None
        for number in range(len(self._tiles)):
            leaf = self._pixels(pastiche, number)
            if len(self._tiles) == 1:
                part = self._part(number, leaf.requires_grad_())
                kept = leaf, part
            else:
                with torch.no_grad():
                    part = self._part(number, leaf)
            sums.add(part, pastiche.device)
        style, slopes = self._style_loss(sums)
        for number, tile in enumerate(self._tiles):
            if kept is None:
                leaf = self._pixels(pastiche, number).requires_grad_()
                part = self._part(number, leaf)
            else:
                leaf, part = kept
            gradient[..., *tile.reads] += self._carried_back(leaf, part, slopes).to(gradient.device)
        style += sum(map(float, sums.style))
        if self._kept is not None:
            gradient *= 1 - self._kept[1]
        content = sum(
            weight * sum(share * float(sums.content[of, name]) for name, share in self._content_layers.items())
            for of, weight in enumerate(self._content_weights())
        )
        losses = {
            "content": content,
            "style": self._style_weight * style,
            "total_variation": self._tv_weight * float(restless),
        }
        if detail is not None:
            losses["detail"] = self._detail_weight * float(detail)
        return Evaluation(losses | {"total": sum(losses.values())}, gradient)

    def _content_weights(self) -> Sequence[float]:
        return [self.content_weight] if isinstance(self.content_weight, float | int) else self.content_weight

    def _content_losses(self, content: Tensor) -> dict[str, ContentLoss]:
        pieces: dict[str, list[Tensor]] = {name: [] for name in self._content_layers}
        with torch.no_grad():
            for number, tile in enumerate(self._tiles if pieces else ()):
                features = self._encoder_of(number)(self._pixels(content, number), list(pieces))
                for name in pieces:
                    pieces[name].append(self._mapped(features[name], name, tile))
        return {name: ContentLoss(maps, self._units) for name, maps in pieces.items()}

    def _encoder_of(self, number: int) -> Encoder:
        """The encoder whose turn a tile is."""
        return self._encoders[number % len(self._encoders)]

    def _pixels(self, canvas: Tensor, number: int) -> Tensor:
        """What a tile reads, where its encoder is."""
        return canvas[..., *self._tiles[number].reads].detach().to(self._encoder_of(number).device)

    def _mapped(self, features: Tensor, layer: str, tile: Tile) -> Tensor:
        """The positions of a feature map that count, in the encoder's geometry."""
        return self._encoder.in_geometry(layer, features[..., *tile.owns[layer]])

    def _part(self, number: int, pixels: Tensor) -> _Sums:
        """What one tile adds."""
        tile, part = self._tiles[number], _Sums()
        features = self._encoder_of(number)(pixels, self._layers)
        for name, loss in self._content.items():
            here = self._mapped(features[name], name, tile)
            masks = [guides[name][tile.within[name]].to(here) for guides in self._content_guides]
            found = loss.of_parts(here, masks, number) if masks else [loss(here, number)]
            part.content |= {(of, name): value for of, value in enumerate(found)}
        part.style = [
            share * loss(self._mapped(features[name], name, tile)) for name, share, loss in self._style_of_maps
        ]
        for region, name in self._style:
            if _empty(tile.owns[name]) or (number, region, name) in self._absent:
                continue
            mask = self._masks.get((region, name))
            weights = None
            if mask is not None:
                weights = _on_tile(mask, tile, name, features[name])
            part.moments[region, name] = moments(features[name], weights, tile.owns[name])
        return part

    def _style_loss(self, sums: _Sums) -> tuple[float, dict[tuple[int, str], tuple[Tensor, Tensor]]]:
        """The style loss of the summed moments, and its derivatives by their totals and outer products."""
        leaves = {
            key: Moments(m.count, m.total.requires_grad_(), m.outer.requires_grad_()) for key, m in sums.moments.items()
        }
        if not leaves:
            return 0.0, {}
        with torch.enable_grad():
            terms = [
                share * loss(_in_geometry(self._encoder, key[1], leaves[key]))
                for key, (share, loss) in self._style.items()
            ]
            style = torch.stack(terms).sum()
            slopes = torch.autograd.grad(
                style, [x for m in leaves.values() for x in (m.total, m.outer)], materialize_grads=True
            )
        return float(style.detach()), dict(zip(leaves, zip(slopes[::2], slopes[1::2], strict=True), strict=True))

    def _carried_back(
        self, leaf: Tensor, part: _Sums, slopes: Mapping[tuple[int, str], tuple[Tensor, Tensor]]
    ) -> Tensor:
        """Derivative of the objective by the pixels of one tile: `part` is linear in what `slopes` belongs to."""
        terms = [
            self._style_weight
            * ((slopes[key][0].to(leaf.device) * m.total).sum() + (slopes[key][1].to(leaf.device) * m.outer).sum())
            for key, m in part.moments.items()
        ]
        weights = self._content_weights()
        terms += [weights[of] * self._content_layers[name] * loss for (of, name), loss in part.content.items()]
        terms += [self._style_weight * loss for loss in part.style]
        if not terms:
            return torch.zeros_like(leaf)
        (gradient,) = torch.autograd.grad(torch.stack(terms).sum(), leaf)
        return gradient


def _shares(layer_weights: Mapping[str, float], units: str) -> dict[str, float]:
    """What each layer's loss is multiplied by; Gatys et al. take their weights as they are (eq. 5)."""
    whole = 1.0 if units == "gatys" else sum(layer_weights.values())
    return {name: weight / whole for name, weight in layer_weights.items()}


def _on_tile(mask: Tensor, tile: Tile, layer: str, features: Tensor) -> Tensor:
    """Weights for a tile's feature map: the mask where the tile owns positions, anything elsewhere."""
    weights = features.new_zeros(features.shape[-2:])
    weights[tile.owns[layer]] = mask[tile.within[layer]].to(weights)
    return weights


def _empty(spans: Spans) -> bool:
    return any(span.stop <= span.start for span in spans)
