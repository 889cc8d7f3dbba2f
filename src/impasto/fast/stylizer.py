"""The stylizer: paints a photo in the manner of any painting, in one pass.

Everything global, the moments of photo and painting, is computed first. What follows are convolutions of finite
reach: tiles read a halo of that reach, so that a tiled pastiche is the whole one, and a picture of any size
needs little more memory than itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from impasto.encoders import Encoder, load_encoder
from impasto.errors import OptionError
from impasto.fast.network import MAPS, NOISE, STRIDE_PX, Network, smooth_noise
from impasto.fast.statistics import CHANNELS, LAYERS, MIDDLE, StyleStatistics, in_float32, study
from impasto.fast.transport import Affine, recolouring
from impasto.fast.weights import read_stylizer_file
from impasto.images.geometry import extend_mirrored
from impasto.losses.objective import WHOLE_PX

MARGIN_PX = 32  # mirrored around the picture and cropped again: what the border does to the encoder falls there
TILE_PX = 768  # core of a tile, where a picture is not painted whole
WHOLE_PIXELS = 1_500_000  # of a canvas that is painted whole
COARSE_HALO = 16  # positions at 1/8 of the size that a position of the coarse map reads: 15, even
FINE_HALO_PX = 64  # pixels that a painted pixel reads to relu3_1 and the coarse map: 55, in whole strides
ENCODER_HALO_PX = 32  # pixels that relu4_1 reads: 26, in whole strides
NOISE_SIDE = 256  # positions after which the noise repeats: 2,048 px at 1/8
FULL_AT = 25.0  # strength from which the network's own picture shows; below, the photo shines through

Features = dict[str, Tensor]


@dataclass(frozen=True)
class _Piece:
    """One axis of a tile: what it reads, what it owns within that, and within the whole."""

    reads: slice
    owns: slice
    within: slice


class Stylizer:
    """A stylizer's network with the encoder it was trained on.

    Attributes
    ----------
    name, sha256: of the weights file; a draft's record holds them.
    encoder: whose feature maps it reads.
    """

    def __init__(self, name: str, sha256: str, encoder: Encoder, network: Network) -> None:
        self.name, self.sha256, self.encoder = name, sha256, encoder
        self._network = network.eval().requires_grad_(False)
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        generator = torch.Generator().manual_seed(0)
        self._noise = {
            stride: smooth_noise(torch.randn(1, NOISE, NOISE_SIDE, NOISE_SIDE, generator=generator)).contiguous(
                memory_format=torch.channels_last
            )
            for stride in (8, 4)
        }

    @property
    def weights(self) -> dict[str, Tensor]:
        """Of the network, for training to begin from."""
        return dict(self._network.state_dict())

    @torch.no_grad()
    def study(self, painting: Float[Tensor, "1 3 height width"]) -> StyleStatistics:
        """Statistics of a painting in [0, 1], at the size that sets its strokes against the photo's pixels.

        Raises `OptionError` for a picture under 16 px a side.
        """
        _check_size(painting)
        return study(self.encoder, painting, tile_px=WHOLE_PX if _pixels(painting) <= WHOLE_PIXELS else TILE_PX)

    @torch.no_grad()
    def paint(
        self,
        photo: Float[Tensor, "1 3 height width"],
        style: StyleStatistics,
        *,
        strength: float = 100.0,
        tile_px: int | None = None,
    ) -> Float[Tensor, "1 3 height width"]:
        """Repaint a photo in [0, 1] in one pass.

        Parameters
        ----------
        style: what `study` found, or a blend of several.
        strength: 0 (the photo) to 100.
        tile_px: largest core of a tile; default: the picture whole up to `WHOLE_PIXELS`, else `TILE_PX`. Tiles
            change the picture by no more than rounding does.

        Raises
        ------
        OptionError: for a strength out of bounds, a picture under 16 px a side, statistics of another encoder.
        """
        if not 0 <= strength <= 100:
            raise OptionError(f"strength is 0 to 100, got {strength:g}")
        if style.encoder_sha256 != self.encoder.sha256:
            raise OptionError("the style statistics were made with another encoder: study the painting again")
        _check_size(photo)
        height, width = photo.shape[2:]
        canvas_height, canvas_width = (_whole_strides(side + 2 * MARGIN_PX) for side in (height, width))
        canvas = extend_mirrored(photo, MARGIN_PX, MARGIN_PX, canvas_height, canvas_width)
        canvas = canvas.contiguous(memory_format=torch.channels_last)
        if tile_px is None:
            tile_px = WHOLE_PX if _pixels(canvas) <= WHOLE_PIXELS else TILE_PX
        if strength == 0:
            return photo.clone()
        share = strength / 100
        layers = LAYERS if share < 1 else MAPS[1:]
        whole = self.encoder(canvas, layers) if _is_whole(canvas, tile_px) else None
        own = study(self.encoder, canvas, layers, tile_px, features=whole)
        affines = self._network.in_units(recolouring(own.batch(MAPS), style.batch(MAPS), share))
        code = self._network.encode(in_float32(style.batch()))
        if share < 1:
            code = torch.lerp(self._network.encode(in_float32(own.batch())), code, share)
        coarse = self._coarse(canvas, affines, code, tile_px, whole)
        painted = self._fine(canvas, affines, coarse, code, tile_px, whole)
        painted = painted[..., MARGIN_PX : MARGIN_PX + height, MARGIN_PX : MARGIN_PX + width].clamp_(0, 1)
        return painted if strength >= FULL_AT else torch.lerp(photo, painted, strength / FULL_AT)

    def _coarse(
        self, canvas: Tensor, affines: Mapping[str, Affine], code: Tensor, tile_px: int, whole: Features | None
    ) -> Tensor:
        """The network's coarse map [1, 64, height / 8, width / 8] of the whole canvas."""
        rows, columns = (side // 8 for side in canvas.shape[2:])
        fourth = torch.empty(1, CHANNELS["relu4_1"], rows, columns, memory_format=torch.channels_last)
        for reads, owns, within in _tiles(canvas.shape[2:], tile_px, ENCODER_HALO_PX, STRIDE_PX):
            features = whole if whole is not None else self.encoder(canvas[..., *reads], ["relu4_1"])
            found = features.pop("relu4_1")
            fourth[..., *_at(within, 8)] = found[..., *_at(owns, 8)]
        coarse = torch.empty(1, CHANNELS["relu3_1"], rows, columns, memory_format=torch.channels_last)
        for reads, owns, within in _tiles((rows, columns), tile_px // 4, COARSE_HALO, 2):
            found = self._network.coarse(fourth[..., *reads], affines["relu4_1"], code, self._noise_at(8, reads))
            coarse[..., *within] = found[..., *owns]
        return coarse

    def _fine(
        self,
        canvas: Tensor,
        affines: Mapping[str, Affine],
        coarse: Tensor,
        code: Tensor,
        tile_px: int,
        whole: Features | None,
    ) -> Tensor:
        """The pastiche on the whole canvas; `whole`, if given, is used up."""
        painted = torch.empty_like(canvas)
        for reads, owns, within in _tiles(canvas.shape[2:], tile_px, FINE_HALO_PX, STRIDE_PX):
            photo = canvas[..., *reads]
            maps = whole if whole is not None else self.encoder(photo, MAPS[1:-1])
            maps["rgb"] = photo - MIDDLE
            noise = self._noise_at(4, _at(reads, 4))
            found = self._network.fine(coarse[..., *_at(reads, 8)], maps, affines, code, noise)
            painted[..., *within] = found[..., *owns] + MIDDLE
        return painted

    def _noise_at(self, stride: int, spans: tuple[slice, slice]) -> Tensor:
        """The noise at positions of a map of that stride: it belongs to the place, not to the tile."""
        rows, columns = (torch.arange(span.start, span.stop) % NOISE_SIDE for span in spans)
        return self._noise[stride].index_select(2, rows).index_select(3, columns)


def load_stylizer(path: str | Path | None = None) -> Stylizer:
    """Load a stylizer file; default: the bundled one.

    Raises `WeightsError` for a file that is missing, damaged, or trained on another encoder than the bundled one.
    """
    encoder = load_encoder("lite")
    name, sha256, network = read_stylizer_file(Path(path) if path is not None else None, encoder)
    return Stylizer(name, sha256, encoder, network)


def _check_size(picture: Tensor) -> None:
    height, width = picture.shape[2:]
    if min(height, width) < STRIDE_PX:
        raise OptionError(f"the stylizer needs {STRIDE_PX} px a side, the picture has {width}x{height} px")


def _is_whole(canvas: Tensor, tile_px: int) -> bool:
    return max(canvas.shape[2:]) <= tile_px


def _pixels(picture: Tensor) -> int:
    return picture.shape[2] * picture.shape[3]


def _whole_strides(side_px: int) -> int:
    return -(-side_px // STRIDE_PX) * STRIDE_PX


def _at(spans: tuple[slice, slice], stride: int) -> tuple[slice, slice]:
    """Spans of pixels as spans of positions of a map of that stride."""
    rows, columns = (slice(span.start // stride, span.stop // stride) for span in spans)
    return rows, columns


def _tiles(
    sides: tuple[int, ...], core: int, halo: int, multiple: int
) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice], tuple[slice, slice]]]:
    """Tiles as spans of rows and columns: what each reads, what it owns within that, and within the whole."""
    axes = [_pieces(side, core, halo, multiple) for side in sides]
    for down, across in product(*axes):
        yield (down.reads, across.reads), (down.owns, across.owns), (down.within, across.within)


def _pieces(side: int, core: int, halo: int, multiple: int) -> list[_Piece]:
    """One axis, cut evenly at whole multiples; the halo is one too."""
    count = max(1, -(-side // max(core, multiple)))
    edges = [round(side / multiple * i / count) * multiple for i in range(count + 1)]
    pieces = []
    for start, stop in pairwise(edges):
        low, high = max(0, start - halo), min(side, stop + halo)
        pieces.append(_Piece(slice(low, high), slice(start - low, stop - low), slice(start, stop)))
    return pieces
