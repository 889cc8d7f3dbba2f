"""From the numbers in a video file to sRGB, and back: range, matrix, primaries and curve.

Colour codes are those of ITU-T H.273, which every video file uses. FFmpeg's own conversion is a level off at 16 bit
and ignores the range of grey; this one is the formulas, in float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

UNSPECIFIED: Final = 2
# Weights of red and blue in luma, by matrix (H.273, table 4).
_LUMA: Final = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087),
                9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}  # fmt: skip
# x and y of red, green, blue and white, by primaries (H.273, table 2).
_D65: Final = (0.3127, 0.3290)
_PRIMARIES: Final = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),
    4: ((0.670, 0.330), (0.210, 0.710), (0.140, 0.080), (0.310, 0.316)),
    5: ((0.640, 0.330), (0.290, 0.600), (0.150, 0.060), _D65),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),
}
_MATRIX_NAMES: Final = {0: "RGB", 1: "BT.709", 4: "FCC", 5: "BT.601", 6: "BT.601", 7: "SMPTE 240M", 9: "BT.2020",
                        10: "BT.2020"}  # fmt: skip
_PRIMARIES_NAMES: Final = {1: "BT.709", 4: "BT.470 M", 5: "BT.601 (625 lines)", 6: "BT.601 (525 lines)",
                           7: "SMPTE 240M", 9: "BT.2020", 11: "DCI-P3", 12: "Display P3", 22: "EBU 3213"}  # fmt: skip
# A display shows these curves as it shows sRGB, and players do not convert between them: nor does impasto.
_GAMMAS: Final = {4: 2.2, 5: 2.8, 8: 1.0}
_PQ, _HLG = 16, 18
HDR_WHITE_NITS: Final = 203.0  # what white is in HDR (ITU-R BT.2408), and the brightest that sRGB shows
HDR_PEAK_NITS: Final = 1000.0  # of the display that HLG is made for; brighter parts of PQ become white
_BRADFORD: Final = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


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
    def hdr(self) -> Literal["", "PQ", "HLG"]:
        """The name of the curve, where it is one of high dynamic range."""
        return "PQ" if self.curve == _PQ else "HLG" if self.curve == _HLG else ""

    def __str__(self) -> str:
        words = [_MATRIX_NAMES.get(self.matrix, f"matrix {self.matrix}")]
        if self.matrix:
            words.append("full range" if self.full_range else "limited range")
        if self.primaries != UNSPECIFIED:
            words.append(f"primaries {_PRIMARIES_NAMES.get(self.primaries, self.primaries)}")
        if self.hdr or self.curve in _GAMMAS:
            words.append(self.hdr or ("linear" if self.curve == 8 else f"gamma {_GAMMAS[self.curve]}"))
        return ", ".join(words)

    @property
    def readable(self) -> bool:
        """Whether the matrix is one that can be undone here."""
        return self.matrix == 0 or self.matrix in _LUMA


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
        values = ((planes[0] - offset) / span).expand(1, 3, -1, -1)
    else:
        red, blue = _LUMA[coding.matrix]
        chroma_span = top if coding.full_range else 224 * scale
        size = planes[0].shape[-2:]
        y = (planes[0] - offset) / span
        cb, cr = (
            (enlarge_chroma(plane, *size, centred=coding.centred) - 128 * scale) / chroma_span for plane in planes[1:]
        )
        r, b = y + 2 * (1 - red) * cr, y + 2 * (1 - blue) * cb
        values = torch.cat([r, (y - red * r - blue * b) / (1 - red - blue), b], dim=1)
    return _to_srgb(values, coding).clamp_(0, 1)


def srgb_to_planes(pixels: Tensor, bits: int, *, subsampled: tuple[int, int]) -> list[Tensor]:
    """Turn sRGB [1, 3, height, width] into the planes of `WRITTEN`, rounded; the inverse of `planes_to_srgb`.

    `subsampled` says how many rows and columns share a chroma sample, 1 or 2.
    """
    scale = float(1 << (bits - 8))
    red, blue = _LUMA[WRITTEN.matrix]
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
        between = [plane + (following - plane) * (step / across) for step in range(across)]
        plane = torch.stack(between, dim=-1).flatten(-2)
    return plane[..., :height, :width]


def reduce_chroma(plane: Tensor, down: int, across: int) -> Tensor:
    """Reduce a plane [1, 1, height, width] to chroma's size: the mean of rows, and 1 2 1 over columns."""
    if across == 2:
        extended = F.pad(plane, (1, 2 - plane.shape[-1] % 2, 0, 0), mode="replicate")
        left, middle, right = extended[..., 0:-2:2], extended[..., 1:-1:2], extended[..., 2::2]
        count = min(left.shape[-1], middle.shape[-1], right.shape[-1])
        plane = (left[..., :count] + 2 * middle[..., :count] + right[..., :count]) / 4
    if down == 2:
        extended = F.pad(plane, (0, 0, 0, plane.shape[-2] % 2), mode="replicate")
        plane = (extended[..., 0::2, :] + extended[..., 1::2, :]) / 2
    return plane


def primaries_to_bt709(primaries: int) -> NDArray[np.float64]:
    """The matrix that takes linear light of these primaries to that of sRGB's, white to white (Bradford)."""
    source, target = _to_xyz(primaries), _to_xyz(1)
    white_in, white_out = source.sum(axis=1), target.sum(axis=1)
    adapted = np.linalg.inv(_BRADFORD) @ np.diag(_BRADFORD @ white_out / (_BRADFORD @ white_in)) @ _BRADFORD
    return np.asarray(np.linalg.inv(target) @ adapted @ source)


def _to_xyz(primaries: int) -> NDArray[np.float64]:
    """The matrix from linear light to XYZ, from chromaticities."""
    *colours, white = ([x / y, 1.0, (1 - x - y) / y] for x, y in _PRIMARIES[primaries])
    columns = np.array(colours).T
    return np.asarray(columns * np.linalg.solve(columns, np.array(white)))


def _to_srgb(values: Tensor, coding: ColorCoding) -> Tensor:
    """Undo curve and primaries where they are not those of sRGB."""
    other_primaries = coding.primaries in _PRIMARIES and coding.primaries != 1
    if not (other_primaries or coding.hdr or coding.curve in _GAMMAS):
        return values
    if coding.hdr:
        light = tone_mapped(values.clamp(0, 1), coding.hdr)
    elif coding.curve in _GAMMAS:
        light = values.clamp(min=0) ** _GAMMAS[coding.curve]
    else:
        light = torch.where(values <= 0.04045, values / 12.92, ((values.clamp(min=0) + 0.055) / 1.055) ** 2.4)
    primaries = 9 if coding.hdr and coding.primaries == UNSPECIFIED else coding.primaries
    if primaries in _PRIMARIES and primaries != 1:
        light = mix_channels(light, primaries_to_bt709(primaries))
    light = light.clamp(0, 1)
    return torch.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def mix_channels(pictures: Tensor, matrix: NDArray[np.float64]) -> Tensor:
    """Apply a 3 by 3 matrix to the channels of [1, 3, height, width], without BLAS: the same bits with any threads."""
    channels = torch.tensor_split(pictures, 3, dim=1)
    mixed = [sum((float(m) * c for m, c in zip(row, channels, strict=True)), start=torch.zeros(())) for row in matrix]
    return torch.cat(mixed, dim=1)


def tone_mapped(values: Tensor, curve: Literal["PQ", "HLG"]) -> Tensor:
    """Bring HDR values [1, 3, height, width] to linear light in [0, 1], 1 being the white of sRGB.

    Light up to about 90 nits stays; what is brighter is rolled off so that `HDR_PEAK_NITS` becomes white (the curve of
    ITU-R BT.2390, on the largest channel, which keeps the hue). HLG is first shown on a display of that peak
    (ITU-R BT.2100).
    """
    nits = pq_to_nits(values) if curve == "PQ" else hlg_to_nits(values)
    brightest = nits.amax(dim=1, keepdim=True).clamp(1e-4, HDR_PEAK_NITS)
    peak = float(nits_to_pq(torch.tensor(HDR_PEAK_NITS)))
    most = float(nits_to_pq(torch.tensor(HDR_WHITE_NITS))) / peak
    knee = 1.5 * most - 0.5
    level = nits_to_pq(brightest) / peak
    t = (level - knee) / (1 - knee)
    rolled = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * most
    shown = pq_to_nits(torch.where(level < knee, level, rolled) * peak)
    return nits * (shown / brightest) / HDR_WHITE_NITS


_M1, _M2, _C1, _C2, _C3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128  # of PQ, SMPTE ST 2084
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073  # of HLG, ITU-R BT.2100


def pq_to_nits(values: Tensor) -> Tensor:
    """Light of PQ values in [0, 1], in candela per square metre (SMPTE ST 2084)."""
    root = values.clamp(0, 1) ** (1 / _M2)
    return 10_000 * ((root - _C1).clamp(min=0) / (_C2 - _C3 * root)) ** (1 / _M1)


def nits_to_pq(nits: Tensor) -> Tensor:
    """The inverse of `pq_to_nits`."""
    root = (nits / 10_000) ** _M1
    return ((_C1 + _C2 * root) / (1 + _C3 * root)) ** _M2


def hlg_to_nits(values: Tensor) -> Tensor:
    """Light of HLG values [1, 3, height, width] on a display of `HDR_PEAK_NITS`, gamma 1.2 (ITU-R BT.2100)."""
    scene = torch.where(values <= 0.5, values**2 / 3, (torch.exp((values - _C) / _A) + _B) / 12)
    red, blue = _LUMA[9]
    luminance = mix_channels(scene, np.array([[red, 1 - red - blue, blue]] * 3))
    return HDR_PEAK_NITS * luminance.clamp(min=0) ** 0.2 * scene
