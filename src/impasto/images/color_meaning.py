"""What the numbers of a picture mean as colours, and the one way from there to sRGB.

A picture or a film says it by the code points of ITU-T H.273 (cICP in PNG, nclx in AVIF, HEIC and MP4), by gamma and
chromaticities (PNG), or in its EXIF (Adobe RGB). A colour profile says it otherwise: `color.convert_to_srgb`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from impasto.images.color import linear_to_srgb, srgb_to_linear

Floats = NDArray[np.floating[Any]]
# x and y of white, red, green and blue, in the order of PNG's cHRM.
Chromaticities = tuple[float, float, float, float, float, float, float, float]

_D65: Final = (0.3127, 0.329)
_C: Final = (0.310, 0.316)
BT709: Final[Chromaticities] = (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
BT2020: Final[Chromaticities] = (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046)  # of BT.2100 too
_SMPTE_170M: Final[Chromaticities] = (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070)
# H.273, table 2: what its code points for primaries mean. 2 is "unspecified".
PRIMARIES: Final[Mapping[int, Chromaticities]] = {
    1: BT709,
    2: BT709,
    4: (*_C, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),  # BT.470 System M
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),  # BT.470 System B, G
    6: _SMPTE_170M,
    7: _SMPTE_170M,  # SMPTE 240M
    8: (*_C, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),  # film
    9: BT2020,
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),  # DCI-P3
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),  # Display P3
    22: (*_D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),  # EBU Tech 3213
}
# Nits of diffuse white in PQ and HLG (ITU-R BT.2408), and of the brightest light that stays below white here.
_WHITE_NITS: Final = 203.0
_PEAK_NITS: Final = 1000.0


def _pq_to_linear(x: Floats) -> Floats:
    """ITU-R BT.2100, table 4; 1 is diffuse white, the brightest is 49."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    power = np.maximum(x, 0) ** (1 / m2)
    nits = 10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    return cast("Floats", nits / _WHITE_NITS)


def _hlg_to_linear(x: Floats) -> Floats:
    """ITU-R BT.2100, table 5: light of the scene in [0, 1]; the display's part is in `_light_shown`."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return cast("Floats", np.where(x <= 0.5, x * x / 3, (np.exp((np.maximum(x, 0.5) - c) / a) + b) / 12))


def _smpte_240m_to_linear(x: Floats) -> Floats:
    return cast("Floats", np.where(x < 0.0913, x / 4, ((np.maximum(x, 0) + 0.1115) / 1.1115) ** (1 / 0.45)))


def _smpte_428_to_linear(x: Floats) -> Floats:
    return cast("Floats", np.maximum(x, 0) ** 2.6 * (52.37 / 48))


_CURVES: Final[Mapping[str, Callable[[Floats], Floats]]] = {
    "sRGB": cast("Callable[[Floats], Floats]", srgb_to_linear),
    "PQ": _pq_to_linear,
    "HLG": _hlg_to_linear,
    "SMPTE 240M": _smpte_240m_to_linear,
    "SMPTE 428": _smpte_428_to_linear,
}
# H.273, table 3, as a name above or the exponent of a power. What is coded by the cameras' curve of BT.709, BT.601 and
# BT.2020 is shown with its values as they are, by players of films and by browsers (but for Chromium's PNG).
TRANSFERS: Final[Mapping[int, str | float]] = {
    1: "sRGB",
    2: "sRGB",
    4: 2.2,
    5: 2.8,
    6: "sRGB",
    7: "SMPTE 240M",
    8: 1.0,
    11: "sRGB",
    13: "sRGB",
    14: "sRGB",
    15: "sRGB",
    16: "PQ",
    17: "SMPTE 428",
    18: "HLG",
}
# H.273, table 4: the weights of red and blue in luma. 2 is "unspecified".
LUMA_WEIGHTS: Final[Mapping[int, tuple[float, float]]] = {
    1: (0.2126, 0.0722),
    2: (0.299, 0.114),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}


@dataclass(frozen=True)
class ColorMeaning:
    """Primaries, and the way from values to light: the name of a standard ("sRGB", "PQ", "HLG"), or an exponent."""

    primaries: Chromaticities = BT709
    transfer: str | float = "sRGB"

    @property
    def is_hdr(self) -> bool:
        """Whether it has light above white, which sRGB has not: it is reduced (`to_srgb`)."""
        return self.transfer in ("PQ", "HLG")


SRGB: Final = ColorMeaning()
ADOBE_RGB: Final = ColorMeaning((*_D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06), 563 / 256)


def are_primaries(chromaticities: Chromaticities) -> bool:
    """Whether these span a triangle with their white in it; a damaged or hostile file may say anything."""
    if min(chromaticities[1::2]) < 0.001:
        return False
    corners = np.array([[*chromaticities[i : i + 2], 1] for i in (2, 4, 6)]).T
    if abs(np.linalg.det(corners)) < 0.001:
        return False
    return bool(np.linalg.solve(corners, [*chromaticities[:2], 1]).min() > 0.001)


def meaning_of(primaries: int, transfer: int) -> ColorMeaning | None:
    """The meaning of two code points of H.273; None for those that have none here (logarithms, CIE XYZ, reserved)."""
    if primaries not in PRIMARIES or transfer not in TRANSFERS:
        return None
    return ColorMeaning(PRIMARIES[primaries], TRANSFERS[transfer])


def ycbcr_to_rgb(values: Floats, weights: tuple[float, float]) -> Floats:
    """Y in [0, 1] with Cb and Cr in [-0.5, 0.5], as R, G and B: [..., 3] (H.273, equations 38 to 40).

    `weights` are those of red and blue in luma, as `LUMA_WEIGHTS` has them.
    """
    red, blue = weights
    luma, cb, cr = values[..., 0], values[..., 1], values[..., 2]
    r, b = luma + 2 * (1 - red) * cr, luma + 2 * (1 - blue) * cb
    return np.stack([r, (luma - red * r - blue * b) / (1 - red - blue), b], axis=-1)


def to_srgb(values: Floats, meaning: ColorMeaning) -> NDArray[np.float32]:
    """Values [..., 3] (or grey, [..., 1]) in [0, 1] of this meaning as sRGB in [0, 1], of the same shape.

    Colours that sRGB does not have are cut off at its edge, channel by channel, as browsers and profiles do. PQ and
    HLG are reduced to the light of a screen: diffuse white becomes half as bright, and the way up to 1,000 nits is
    bent into the other half (SMPTE ST 2094-50, reference white tone mapping, as Chromium has it). Light is [...,
    channels] of one moment: frames of a film come out alike.
    """
    values = np.asarray(values, np.float32)
    return linear_to_srgb(_to_linear_srgb(_curve(meaning)(values), meaning))


def samples_to_srgb(
    samples: NDArray[np.unsignedinteger[Any]], meaning: ColorMeaning, *, narrow: bool = False
) -> NDArray[np.unsignedinteger[Any]]:
    """`to_srgb` for samples [height, width, 3 or 1] of 8 or 16 bit, some rows at a time.

    `narrow`: black is 16 and white 235 of 8 bit, at 16 bit 256 times that (H.273, equations 20 to 22).
    """
    top = np.iinfo(samples.dtype).max
    unit = (top + 1) / 256
    black, white = (16 * unit, 235 * unit) if narrow else (0, top)
    values = np.clip((np.arange(top + 1, dtype=np.float64) - black) / (white - black), 0, 1)
    levels = _curve(meaning)(values).astype(np.float32)
    converted = np.empty_like(samples)
    for start in range(0, len(samples), 64):
        rows = slice(start, start + 64)
        shown = linear_to_srgb(_to_linear_srgb(np.take(levels, samples[rows]), meaning))
        converted[rows] = np.rint(shown * np.float32(top))
    return converted


def _curve(meaning: ColorMeaning) -> Callable[[Floats], Floats]:
    exponent = meaning.transfer
    if isinstance(exponent, str):
        return _CURVES[exponent]
    return lambda x: cast("Floats", np.maximum(x, 0) ** exponent)


def _to_linear_srgb(linear: Floats, meaning: ColorMeaning) -> Floats:
    """Light of this meaning as that of sRGB, cut off to [0, 1]."""
    primaries = meaning.primaries
    if meaning.is_hdr:
        linear = _reduced(_light_shown(_between(linear, primaries, BT2020), meaning))
        primaries = BT2020
    return np.clip(_between(linear, primaries, BT709), 0, 1)


def _light_shown(linear: Floats, meaning: ColorMeaning) -> Floats:
    """Light on a screen of 1,000 nits, with diffuse white at 1: for HLG what that screen makes of it (BT.2100)."""
    if meaning.transfer != "HLG":
        return linear
    luminance = _mixed(linear, (0.2627, 0.6780, 0.0593) if linear.shape[-1] == 3 else (1.0,))
    return cast("Floats", linear * np.maximum(luminance, 0)[..., None] ** 0.2 * (_PEAK_NITS / _WHITE_NITS))


def _reduced(light: Floats) -> Floats:
    """Light up to the peak in [0, 1], by the brightest channel: half of it up to white, a parabola from there."""
    peak = _PEAK_NITS / _WHITE_NITS
    bend_in, bend_out = 0.35 + 0.65 * 2, 0.35 * 0.5 + 0.65  # the parabola's middle point; its tangents meet there
    brightest = reduce(np.maximum, np.moveaxis(light, -1, 0))[..., None]
    a, b = 1 - 2 * bend_in + peak, 2 * (bend_in - 1)
    t = (np.sqrt(b * b + 4 * a * (np.clip(brightest, 1, peak) - 1)) - b) / (2 * a)
    reduced = np.where(brightest <= 1, brightest / 2, (1 - t) ** 2 / 2 + 2 * t * (1 - t) * bend_out + t * t)
    return cast("Floats", light * (reduced / np.maximum(brightest, 1e-9)).astype(light.dtype))


def _between(linear: Floats, old: Chromaticities, new: Chromaticities) -> Floats:
    """Light [..., 3] by its primaries, by others; grey [..., 1] is grey by all. White is adapted (Bradford)."""
    if linear.shape[-1] == 1 or old == new:
        return linear
    cones = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    whites = [cones @ _xyz(*primaries[:2]) for primaries in (old, new)]
    adapted = np.linalg.inv(cones) @ np.diag(whites[1] / whites[0]) @ cones
    matrix = np.linalg.inv(_to_xyz(new)) @ adapted @ _to_xyz(old)
    return np.stack([_mixed(linear, row) for row in matrix.tolist()], axis=-1)


def _mixed(linear: Floats, weights: Sequence[float]) -> Floats:
    """Sum [...] of weighted channels, without BLAS: the same bits with any number of threads."""
    return cast("Floats", sum(linear[..., i] * weight for i, weight in enumerate(weights)))


def _xyz(x: float, y: float) -> NDArray[np.float64]:
    return np.array([x / y, 1, (1 - x - y) / y])


def _to_xyz(primaries: Chromaticities) -> NDArray[np.float64]:
    """The matrix from light of these primaries to XYZ, such that ones give white (SMPTE RP 177)."""
    columns = np.stack([_xyz(*primaries[i : i + 2]) for i in (2, 4, 6)], axis=1)
    return cast("NDArray[np.float64]", columns * np.linalg.solve(columns, _xyz(*primaries[:2])))
