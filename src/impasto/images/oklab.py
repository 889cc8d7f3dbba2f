"""Oklab, a perceptual colour space, on linear light; and the way back into sRGB without a cast.

Björn Ottosson, "A perceptual color space for image processing" (2020, revised 2021). A colour is [L, a, b]:
lightness 0 (black) to 1 (white), green to red, blue to yellow; a and b together are its chroma.
"""

from __future__ import annotations

from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from impasto.images.color import FloatT, linear_to_srgb, srgb_to_linear

_TO_CONES: Final = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB: Final = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
# The published inverses are rounded; these bring every colour back.
_FROM_CONES: Final = np.linalg.inv(_TO_CONES)
_FROM_LAB: Final = np.linalg.inv(_TO_LAB)
_TOLERANCE: Final = 2e-6  # of linear light beyond [0, 1]: what rounding does, cut off unseen
_HALVINGS: Final = 12  # of the interval that holds the largest chroma there is


def linear_to_oklab(x: NDArray[FloatT]) -> NDArray[FloatT]:
    """Linear sRGB [..., 3] to Oklab [..., 3]; values outside [0, 1] are colours too."""
    return transformed(_TO_LAB, np.cbrt(transformed(_TO_CONES, x)))


def oklab_to_linear(x: NDArray[FloatT]) -> NDArray[FloatT]:
    """Inverse of `linear_to_oklab`; colours that sRGB does not have come out beyond [0, 1]."""
    cones = transformed(_FROM_LAB, x)
    return transformed(_FROM_CONES, cones * cones * cones)


def srgb_to_oklab(x: NDArray[FloatT]) -> NDArray[FloatT]:
    """sRGB [..., 3] in [0, 1] to Oklab."""
    return linear_to_oklab(srgb_to_linear(x))


def oklab_to_srgb(x: NDArray[FloatT]) -> NDArray[FloatT]:
    """Oklab [..., 3] to sRGB in [0, 1].

    A colour that sRGB does not have loses chroma, at its lightness and hue, until sRGB has it: cutting its channels
    off would change all three, which shows as a cast. Lightness beyond [0, 1] is black or white.
    """
    colours = x.copy()
    np.clip(colours[..., 0], 0, 1, out=colours[..., 0])
    light = oklab_to_linear(colours)
    outside = _outside(light)
    if outside.any():
        light[outside] = oklab_to_linear(_fitted(colours[outside]))
    return cast("NDArray[FloatT]", np.clip(linear_to_srgb(np.clip(light, 0, 1)), 0, 1))


def transformed(matrix: NDArray[np.float64], x: NDArray[FloatT]) -> NDArray[FloatT]:
    """`matrix` [3, 3] times every colour of `x` [..., 3], without BLAS: the same bits with any number of threads."""
    rows = matrix.astype(x.dtype)
    mixed = [row[0] * x[..., 0] + row[1] * x[..., 1] + row[2] * x[..., 2] for row in rows]
    return cast("NDArray[FloatT]", np.stack(mixed, axis=-1))


def _fitted(colours: NDArray[FloatT]) -> NDArray[FloatT]:
    """Oklab colours [n, 3] with as much of their chroma as sRGB has at that lightness and hue, by bisection."""
    fitted = colours.copy()
    low, high = np.zeros_like(colours[:, :1]), np.ones_like(colours[:, :1])
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        fitted[:, 1:] = middle * colours[:, 1:]
        outside = _outside(oklab_to_linear(fitted))[:, None]
        low, high = np.where(outside, low, middle), np.where(outside, middle, high)
    fitted[:, 1:] = low * colours[:, 1:]
    return fitted


def _outside(light: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    return np.asarray(((light < -_TOLERANCE) | (light > 1 + _TOLERANCE)).any(axis=-1))
