"""The stylizer: paints a photo in the manner of any painting, in one pass.

Everything global, the moments of photo and painting, is computed first. The rest are convolutions of finite reach:
tiles read a halo of that reach, so a tiled pastiche equals the whole one, and a picture of any size needs little
more memory than itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from impasto.encoders import Encoder, load_encoder
from impasto.engine.memory import give_back
from impasto.errors import OptionError
from impasto.images.tensors import mirror_indices
from impasto.losses.statistics import Moments, moments
from impasto.losses.tiles import WHOLE_PX, Spans, cut_axis
from impasto.stylizer.network import NOISE, NOISE_STRIDES, STRIDE_PX, Network, smooth_noise
from impasto.stylizer.statistics import CHANNELS, LAYERS, MIDDLE, StyleStatistics, measure_style
from impasto.stylizer.transport import Affine, recolouring
from impasto.stylizer.weights import read_stylizer_file

TILE_PX = 768  # core of a tile, where a picture is not painted whole
WHOLE_PIXELS = 1_500_000  # of a canvas that is painted whole
COARSE_HALO = 20  # positions at 1/8 of the size: one of the coarse map reads 19, made even
FINE_HALO_PX = 64  # a painted pixel reads 55 by way of relu3_1 and the coarse map, made whole strides
ENCODER_HALO_PX = 80  # relu5_1 reads 70, made whole strides
NOISE_SIDE = 128  # positions after which the noise repeats: 1,024 px at 1/8
NOISE_STEPS = 32  # noise is in whole parts of so many, which a byte holds
FULL_AT = 25.0  # strength from which the network's own picture shows; below, the photo shines through

Features = dict[str, Tensor]
SHALLOW = ("relu1_1", "relu2_1", "relu3_1")
DEEP = {"relu4_1": 8, "relu5_1": 16}  # with their strides


@dataclass(frozen=True)
class EncodedPhoto:
    """A photo with its feature maps and statistics, which do not depend on the painting: half the work of a draft.

    Attributes
    ----------
    photo: [1, 3, height, width] in [0, 1].
    statistics: of its canvas.
    deep: relu4_1 and relu5_1 of the canvas.
    shallow: relu1_1 to relu3_1; None where it is painted in tiles.
    tile_px: largest core of a tile.
    """

    photo: Tensor
    statistics: StyleStatistics
    deep: Features
    shallow: Features | None
    tile_px: int

    @property
    def canvas(self) -> Float[Tensor, "1 3 canvas_h canvas_w"]:
        """The photo, continued to whole strides."""
        height, width = _canvas_px(self.photo)
        return _canvas(self.photo, (slice(0, height), slice(0, width)))


class Stylizer:
    """A stylizer's network with the encoder it was trained on.

    Attributes
    ----------
    name, sha256: of the weights file; a draft's record holds them.
    encoder, network: in that order a picture passes through them.
    noise: [1, channels, `NOISE_SIDE`, `NOISE_SIDE`], the same at every stride; `variation` is its seed.
    """

    def __init__(self, name: str, sha256: str, encoder: Encoder, network: Network, variation: int = 0) -> None:
        self.name, self.sha256, self.encoder = name, sha256, encoder
        self.network = network.eval().requires_grad_(False)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        white = torch.randn(1, NOISE, NOISE_SIDE, NOISE_SIDE, generator=torch.Generator().manual_seed(variation))
        whole = (smooth_noise(white) * NOISE_STEPS).round_().clamp_(-127, 127)
        self.noise = (whole / NOISE_STEPS).contiguous(memory_format=torch.channels_last)

    @torch.no_grad()
    def measure_style(
        self, painting: Float[Tensor, "1 3 height width"], mask: Float[Tensor, "height width"] | None = None
    ) -> StyleStatistics:
        """Statistics of a painting in [0, 1], at the size that sets its strokes against the photo's pixels.

        `mask`: in [0, 1], the part of it to learn from. Raises `OptionError` for a picture under 16 px a side.
        """
        _check_size(painting)
        statistics = measure_style(self.encoder, painting, _default_tile_px(painting), mask)
        give_back()  # memory that its maps held does not fit the photo's
        return statistics

    @torch.no_grad()
    def encode(self, photo: Float[Tensor, "1 3 height width"], *, tile_px: int | None = None) -> EncodedPhoto:
        """Encode a photo in [0, 1] once, to paint it after many paintings; `tile_px` as in `paint`.

        Raises `OptionError` for a picture under 16 px a side.
        """
        _check_size(photo)
        tile_px = tile_px or _default_tile_px(photo)
        sides = _canvas_px(photo)
        whole = max(sides) <= tile_px
        sums: dict[str, Moments] = {}
        deep = {
            name: torch.empty(1, CHANNELS[name], *(side // stride for side in sides), memory_format=torch.channels_last)
            for name, stride in DEEP.items()
        }
        for reads, owns, within in _tiles(sides, tile_px, ENCODER_HALO_PX, STRIDE_PX):
            canvas = _canvas(photo, reads)
            maps = self.encoder(canvas, LAYERS)
            for name in CHANNELS:
                stride = 1 if name == "rgb" else self.encoder.architecture.layer(name).stride_px
                tile = moments(canvas if name == "rgb" else maps[name], inside=_at(owns, stride))
                sums[name] = sums[name] + tile if name in sums else tile
            for name, stride in DEEP.items():
                deep[name][..., *_at(within, stride)] = maps[name][..., *_at(owns, stride)]
        statistics = {name: total.normalised() for name, total in sums.items()}
        shallow = {name: maps[name] for name in SHALLOW} if whole else None
        return EncodedPhoto(photo, StyleStatistics(statistics, self.encoder.sha256), deep, shallow, tile_px)

    @torch.no_grad()
    def paint(
        self,
        photo: Float[Tensor, "1 3 height width"] | EncodedPhoto,
        style: StyleStatistics,
        *,
        strength: float = 100.0,
        tile_px: int | None = None,
    ) -> Float[Tensor, "1 3 height width"]:
        """Repaint a photo in [0, 1] in one pass.

        Parameters
        ----------
        photo: itself, or encoded by `encode`, which stays as it is for another painting.
        style: what `measure_style` returned, or a blend of several.
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
            raise OptionError("the style statistics were made with another encoder: measure the painting again")
        if isinstance(photo, EncodedPhoto):
            encoded = replace(photo, deep=dict(photo.deep), shallow=photo.shallow and dict(photo.shallow))
        else:
            encoded = self.encode(photo, tile_px=tile_px)
        if strength == 0:
            return encoded.photo.clone()
        of_photo, of_painting = encoded.statistics.batch(), style.batch()
        affines = self.network.in_units(recolouring(of_photo, of_painting, strength / 100))
        code = self.network.encode(of_painting)
        if strength < 100:
            code = torch.lerp(self.network.encode(of_photo), code, strength / 100)
        coarse = self._coarse(encoded, affines, code)
        give_back()
        painted = self._fine(encoded, affines, coarse, code)
        return painted if strength >= FULL_AT else torch.lerp(encoded.photo, painted, strength / FULL_AT, out=painted)

    def _coarse(self, encoded: EncodedPhoto, affines: Mapping[str, Affine], code: Tensor) -> Tensor:
        """The network's coarse map [1, 64, height / 8, width / 8] of the whole canvas; uses `encoded.deep` up."""
        fourth, fifth = (encoded.deep.pop(name) for name in DEEP)
        rows, columns = fourth.shape[2:]
        coarse = torch.empty(1, CHANNELS["relu3_1"], rows, columns, memory_format=torch.channels_last)
        for reads, owns, within in _tiles((rows, columns), max(2, encoded.tile_px // 4), COARSE_HALO, 2):
            maps = {"relu4_1": fourth[..., *reads], "relu5_1": fifth[..., *_at(reads, 2)]}
            tile = self.network.coarse(maps, affines, code, self._noise_at(reads))
            coarse[..., *within] = tile[..., *owns]
        return coarse

    def _fine(self, encoded: EncodedPhoto, affines: Mapping[str, Affine], coarse: Tensor, code: Tensor) -> Tensor:
        """The pastiche, of the photo's size; uses `encoded.shallow` up."""
        height, width = encoded.photo.shape[2:]
        painted = torch.empty(1, height, width, 3).permute(0, 3, 1, 2)
        for reads, owns, within in _tiles(_canvas_px(encoded.photo), encoded.tile_px, FINE_HALO_PX, STRIDE_PX):
            canvas = _canvas(encoded.photo, reads)
            maps = encoded.shallow if encoded.shallow is not None else self.encoder(canvas, list(SHALLOW))
            maps["rgb"] = canvas - MIDDLE
            noise = {stride: self._noise_at(_at(reads, stride)) for stride in NOISE_STRIDES[1:]}
            tile = self.network.fine(coarse[..., *_at(reads, 8)], maps, affines, code, noise)[..., *owns]
            place = painted[..., *within]  # without the pixels that continue the photo
            place.copy_(tile[..., : place.shape[2], : place.shape[3]].add_(MIDDLE).clamp_(0, 1))
        return painted

    def noise_for(self, canvas: Float[Tensor, "1 3 canvas_h canvas_w"], stride: int) -> Tensor:
        """The noise of a whole canvas at a stride."""
        height, width = (side // stride for side in canvas.shape[2:])
        return self._noise_at((slice(0, height), slice(0, width)))

    def _noise_at(self, spans: Spans) -> Tensor:
        """The noise at these positions of a map: it belongs to the place, not to the tile."""
        rows, columns = (torch.arange(span.start, span.stop) % NOISE_SIDE for span in spans)
        return self.noise.index_select(2, rows).index_select(3, columns)


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
        raise OptionError(
            f"the stylizer needs {STRIDE_PX} px a side, the picture has {width}x{height} px: "
            "take a larger one, or the recipe pixels"
        )


def _canvas_px(photo: Tensor) -> tuple[int, int]:
    """Height and width of a photo in whole strides, two or more: a map of one position has nothing to mirror."""
    height, width = (STRIDE_PX * max(2, -(-side // STRIDE_PX)) for side in photo.shape[2:])
    return height, width


def _canvas(photo: Tensor, spans: Spans) -> Tensor:
    """A part of a photo that is continued below and to the right, mirrored, up to whole strides."""
    for axis, span in enumerate(spans, start=2):
        length = photo.shape[axis]
        if span.stop <= length:
            photo = photo.narrow(axis, span.start, span.stop - span.start)
        else:
            photo = photo.index_select(axis, mirror_indices(length, 0, span.stop - length)[span])
    return photo


def _at(spans: Spans, stride: int) -> Spans:
    """Spans of positions on a map of that stride, from spans of pixels."""
    rows, columns = (slice(span.start // stride, span.stop // stride) for span in spans)
    return rows, columns


def _default_tile_px(picture: Tensor) -> int:
    return WHOLE_PX if picture.shape[2] * picture.shape[3] <= WHOLE_PIXELS else TILE_PX


def _tiles(sides: tuple[int, ...], core: int, halo: int, multiple: int) -> Iterator[tuple[Spans, Spans, Spans]]:
    """Tiles as rows and columns: what each reads, what it owns within that, and within the whole.

    Cores are of about the same size, and like the halo whole multiples.
    """
    axes = [[_haloed(*edges, side, halo) for edges in cut_axis(0, side, side, multiple, core)] for side in sides]
    for down, across in product(*axes):
        reads, owns, within = zip(down, across, strict=True)
        yield reads, owns, within


def _haloed(start: int, stop: int, side: int, halo: int) -> tuple[slice, slice, slice]:
    """One axis of a tile: what it reads, what it owns within that, and within the whole."""
    low, high = max(0, start - halo), min(side, stop + halo)
    return slice(low, high), slice(start - low, stop - low), slice(start, stop)
