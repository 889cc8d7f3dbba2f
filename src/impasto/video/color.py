"""From the numbers in a video file to sRGB, and back: range, matrix, primaries and curve.

Colour codes are those of ITU-T H.273, which every video file uses. FFmpeg's own conversion is a level off at 16 bit
and ignores the range of grey; this one is the formulas, in float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.images.color_meaning import LUMA_WEIGHTS, SRGB, ColorMeaning, meaning_of
from impasto.images.tensors import tensor_to_srgb

UNSPECIFIED: Final = 2
# Curves of cameras, and none. A film of these is shown by players as if its values were sRGB, and is read so.
_SHOWN_AS_SRGB: Final = {1, UNSPECIFIED, 6, 11, 13, 14, 15}
_HDR: Final[dict[int, Literal["PQ", "HLG"]]] = {16: "PQ", 18: "HLG"}
_MATRIX_NAMES: Final = {0: "RGB", 1: "BT.709", 4: "FCC", 5: "BT.601", 6: "BT.601", 7: "SMPTE 240M", 9: "BT.2020"}
_PRIMARIES_NAMES: Final = {1: "BT.709", 5: "BT.601 (625 lines)", 6: "BT.601 (525 lines)", 9: "BT.2020", 11: "DCI-P3",
                           12: "Display P3"}  # fmt: skip


@dataclass(frozen=True)
class ColorCoding:
    """What the numbers of a video mean, as codes of H.273; nothing is left unspecified but primaries and curve.

    Attributes
    ----------
    matrix: 0 where the planes are red, green and blue.
    full_range: whether black and white are the least and the largest number.
    centred: whether a chroma sample lies in the middle of its pixels, as in JPEG, not at their left.
    """

    matrix: int
    full_range: bool
    primaries: int = UNSPECIFIED
    curve: int = UNSPECIFIED
    centred: bool = False

    @property
    def meaning(self) -> ColorMeaning:
        """What red, green and blue mean; codes that have no meaning here count as sRGB."""
        curve = UNSPECIFIED if self.curve in _SHOWN_AS_SRGB else self.curve
        primaries = 9 if self.primaries == UNSPECIFIED and curve in _HDR else self.primaries
        return meaning_of(primaries, curve) or SRGB

    @property
    def hdr(self) -> Literal["", "PQ", "HLG"]:
        """The name of the curve, where it is one of high dynamic range."""
        return _HDR.get(self.curve, "")

    @property
    def readable(self) -> bool:
        """Whether the matrix is one that can be undone here."""
        return self.matrix == 0 or self.matrix in LUMA_WEIGHTS

    def __str__(self) -> str:
        words = [_MATRIX_NAMES.get(self.matrix, f"matrix {self.matrix}")]
        if self.matrix:
            words.append("full range" if self.full_range else "limited range")
        if self.primaries != UNSPECIFIED:
            words.append(f"primaries {_PRIMARIES_NAMES.get(self.primaries, self.primaries)}")
        if self.meaning.transfer != "sRGB":
            words.append(f"curve {self.meaning.transfer}")
        return ", ".join(words)


WRITTEN: Final = ColorCoding(matrix=1, full_range=False, primaries=1, curve=1)  # what every player expects of HD


def planes_to_srgb(planes: list[Tensor], coding: ColorCoding, bits: int) -> Tensor:
    """Turn planes into sRGB.

    Parameters
    ----------
    planes: one (grey) or three, float32 [1, 1, height, width], holding whole numbers; chroma may be half, a quarter or
        all of luma's size. For matrix 0 they are red, green and blue.
    bits: of each number.

    Returns float32 [1, 3, height, width] in [0, 1].
    """
    scale, top = float(1 << (bits - 8)), float((1 << bits) - 1)
    offset, span = (0.0, top) if coding.full_range else (16 * scale, 219 * scale)
    if coding.matrix == 0:
        values = (torch.cat(planes, dim=1) - offset) / span
    elif len(planes) == 1:
        values = ((planes[0] - offset) / span).repeat(1, 3, 1, 1)
    else:
        red, blue = LUMA_WEIGHTS[coding.matrix]
        chroma_span = top if coding.full_range else 224 * scale
        height, width = planes[0].shape[-2:]
        y = (planes[0] - offset).div_(span)
        cb, cr = (
            enlarge_chroma((plane - 128 * scale).div_(chroma_span), height, width, centred=coding.centred)
            for plane in planes[1:]
        )
        # R - Y = 2 (1 - red) Cr and B - Y = 2 (1 - blue) Cb; G is what is left of Y (H.273, equations 38 to 40)
        to_red, to_blue, green = 2 * (1 - red), 2 * (1 - blue), 1 - red - blue
        values = torch.empty(1, 3, height, width)
        torch.add(y, cr, alpha=to_red, out=values[:, :1])
        torch.add(y, cr, alpha=-red * to_red / green, out=values[:, 1:2]).add_(cb, alpha=-blue * to_blue / green)
        torch.add(y, cb, alpha=to_blue, out=values[:, 2:])
    values = values.clamp_(0, 1)
    return values if coding.meaning == SRGB else tensor_to_srgb(values, coding.meaning)


def srgb_to_planes(pixels: Tensor, bits: int, *, subsampled: tuple[int, int]) -> list[Tensor]:
    """Turn sRGB [1, 3, height, width] into the planes of `WRITTEN`, rounded; the inverse of `planes_to_srgb`.

    `subsampled` says how many rows and columns share a chroma sample, 1 or 2.
    """
    scale = float(1 << (bits - 8))
    red, blue = LUMA_WEIGHTS[WRITTEN.matrix]
    r, g, b = torch.tensor_split(pixels.clamp(0, 1), 3, dim=1)
    y = red * r + (1 - red - blue) * g + blue * b
    chroma = [(b - y) / (2 * (1 - blue)), (r - y) / (2 * (1 - red))]
    return [
        (y * (219 * scale) + 16 * scale).round(),
        *((reduce_chroma(plane, *subsampled) * (224 * scale) + 128 * scale).round() for plane in chroma),
    ]


def enlarge_chroma(plane: Tensor, height: int, width: int, *, centred: bool) -> Tensor:
    """Bring chroma [1, 1, rows, columns] to luma's size, linearly; samples lie left or centred, between two rows."""
    rows, columns = plane.shape[-2:]
    down, across = -(-height // rows), -(-width // columns)
    if down > 1:
        plane = F.interpolate(plane, size=(rows * down, columns), mode="bilinear", align_corners=False)
    if across > 1 and centred:
        plane = F.interpolate(plane, size=(plane.shape[-2], columns * across), mode="bilinear", align_corners=False)
    elif across > 1:
        following = torch.cat([plane[..., 1:], plane[..., -1:]], dim=-1)
        left = plane
        plane = torch.empty(*left.shape, across)
        for step in range(across):
            torch.lerp(left, following, step / across, out=plane[..., step])
        plane = plane.flatten(-2)
    return plane[..., :height, :width]


def reduce_chroma(plane: Tensor, down: int, across: int) -> Tensor:
    """Reduce a plane [1, 1, height, width] to chroma's size: the mean of rows, and 1 2 1 over columns."""
    if across == 2:
        extended = F.pad(plane, (1, plane.shape[-1] % 2, 0, 0), mode="replicate")
        plane = (extended[..., 0:-2:2] + 2 * extended[..., 1:-1:2] + extended[..., 2::2]) / 4
    if down == 2:
        extended = F.pad(plane, (0, 0, 0, plane.shape[-2] % 2), mode="replicate")
        plane = (extended[..., 0::2, :] + extended[..., 1::2, :]) / 2
    return plane
