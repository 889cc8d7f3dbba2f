"""Exact tiles: which pixels must be read so that every position of a feature map is as in the whole picture.

A tile owns positions of every feature map (its core) and reads as far as their receptive fields reach (its
halo). Every position belongs to one tile, so whatever adds over positions may be summed tile by tile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor

from impasto.encoders.architectures import Layer

WHOLE_PX = 1 << 30  # a tile that holds any picture

Spans = tuple[slice, slice]  # rows, columns


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
        """The part of a feature map of the whole canvas that lies in the core, at least one position."""
        height, width = features.shape[-2:]
        rows = _span(self.top_px, self.height_px, stride_px, height)
        return features[..., rows, _span(self.left_px, self.width_px, stride_px, width)]


@dataclass(frozen=True)
class Tile:
    """A piece of a canvas.

    Attributes
    ----------
    reads: rows and columns of pixels, halo included.
    owns: by layer, the positions that count here, within the feature map of what is read; may be empty.
    within: by layer, the same positions within the feature map of the whole canvas.
    """

    reads: Spans
    owns: Mapping[str, Spans]
    within: Mapping[str, Spans]

    def owns_any(self, layer: str) -> bool:
        """Whether a position of the layer belongs to this tile."""
        return all(span.stop > span.start for span in self.owns[layer])


def build_tiles(core: Core, height_px: int, width_px: int, layers: Sequence[Layer], tile_px: int) -> list[Tile]:
    """Divide what counts of a canvas into tiles whose cores are at most about `tile_px` a side, all of a size.

    Cores are whole strides of the deepest of `layers`; halos follow from the receptive fields. Without layers there
    is nothing to divide: no tiles.
    """
    if not layers:
        return []
    stride = max(layer.stride_px for layer in layers)
    rows = _pieces(core.top_px, core.height_px, height_px, layers, stride, tile_px)
    columns = _pieces(core.left_px, core.width_px, width_px, layers, stride, tile_px)
    return [
        Tile(
            (down[0], across[0]),
            {layer.name: (down[1][layer.name], across[1][layer.name]) for layer in layers},
            {layer.name: (down[2][layer.name], across[2][layer.name]) for layer in layers},
        )
        for down in rows
        for across in columns
    ]


def tile_sides(start_px: int, length_px: int, canvas_px: int, layers: Sequence[Layer], tile_px: int) -> list[int]:
    """Pixels that every tile along one axis reads, halo included; the arguments are of that axis."""
    stride = max(layer.stride_px for layer in layers)
    pieces = _pieces(start_px, length_px, canvas_px, layers, stride, tile_px)
    return [reads.stop - reads.start for reads, _, _ in pieces]


def _span(start_px: int, length_px: int, stride_px: int, positions: int) -> slice:
    first = min(round(start_px / stride_px), positions - 1)
    return slice(first, min(max(first + 1, round((start_px + length_px) / stride_px)), positions))


_Piece = tuple[slice, dict[str, slice], dict[str, slice]]


def _pieces(
    start_px: int, length_px: int, canvas_px: int, layers: Sequence[Layer], stride_px: int, tile_px: int
) -> list[_Piece]:
    """One axis: for every tile the pixels read, and by layer the positions owned there and in the whole."""
    pieces: list[_Piece] = []
    for first_px, stop_px in cut_axis(start_px, length_px, canvas_px, stride_px, tile_px):
        within = {}
        low, high = canvas_px, 0
        for layer in layers:
            counted = _span(start_px, length_px, layer.stride_px, canvas_px // layer.stride_px)
            first = max(counted.start, first_px // layer.stride_px)
            stop = max(first, min(counted.stop, -(-stop_px // layer.stride_px)))
            within[layer.name] = slice(first, stop)
            if stop > first:
                low = min(low, first * layer.stride_px - layer.reach_px)
                high = max(high, stop * layer.stride_px + layer.reach_px)
        if low < high:
            low, high = max(0, low) // stride_px * stride_px, min(canvas_px, high)
            owns = {layer.name: _shifted(within[layer.name], low // layer.stride_px) for layer in layers}
            pieces.append((slice(low, high), owns, within))
    return pieces


def cut_axis(start_px: int, length_px: int, canvas_px: int, stride_px: int, tile_px: int) -> list[tuple[int, int]]:
    """Where one axis is cut: at whole strides, evenly over what counts; the outer tiles own the margin."""
    low, high = start_px // stride_px, -(-(start_px + length_px) // stride_px)
    count = max(1, -(-(high - low) * stride_px // max(tile_px, stride_px)))
    inner = sorted({(low + round((high - low) * i / count)) * stride_px for i in range(1, count)})
    edges = [0, *(edge for edge in inner if 0 < edge < canvas_px), canvas_px]
    return list(pairwise(edges))


def _shifted(span: slice, by: int) -> slice:
    return slice(span.start - by, span.stop - by)
