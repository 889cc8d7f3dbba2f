"""Colours of one picture brought to those of another, in Oklab.

After Gatys, Bethge, Hertzmann and Shechtman, "Preserving Color in Neural Artistic Style Transfer" (arXiv
1606.05897), who work on sRGB values: a painting is given a photo's colour statistics before its style is measured
(their section 3.1), or only lightness is painted and the photo's chroma is put back (3.2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from impasto.images.oklab import oklab_to_srgb, srgb_to_oklab, transformed

Colours: TypeAlias = NDArray[np.floating[Any]]  # Oklab [..., 3]
ColourMap: TypeAlias = Callable[[Colours], Colours]
Strength: TypeAlias = "float | NDArray[np.floating[Any]]"  # 0 to 1, of the picture or [height, width] of its pixels
LEAST_DEVIATION = 0.005  # of a painting's colours along any axis: less is noise, which matching would blow up
QUANTILES = 512
BAND_PIXELS = 2**18  # of a picture that are worked on at a time


def colour_statistics(
    colours: Colours, weights: NDArray[np.floating[Any]] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean [3] and covariance [3, 3] of colours [..., 3], weighted by `weights` [...]; all weigh 1 by default."""
    flat = colours.reshape(-1, 3).astype(np.float64)
    shares = _shares(len(flat), weights)
    mean = np.array([(shares * flat[:, i]).sum() for i in range(3)])
    centred = flat - mean
    covariance = [[(shares * centred[:, i] * centred[:, j]).sum() for j in range(3)] for i in range(3)]
    return mean, np.array(covariance)


@dataclass(frozen=True)
class MeanCovarianceMap:
    """The linear map that gives colours another mean and covariance and moves them least.

    The map of optimal transport between Gaussians (Pitié and Kokaram 2007) where Gatys et al. (eq. 3 and 5) take
    another root: theirs turns colours more than it need.

    Parameters
    ----------
    source, target: (mean, covariance), as `colour_statistics` returns them.
    """

    source: tuple[NDArray[np.float64], NDArray[np.float64]]
    target: tuple[NDArray[np.float64], NDArray[np.float64]]

    def __call__(self, colours: Colours) -> Colours:
        mean, target_mean = (m.astype(colours.dtype) for m in (self.source[0], self.target[0]))
        root = _power(self.source[1], 0.5, LEAST_DEVIATION**2)
        inverse = _power(self.source[1], -0.5, LEAST_DEVIATION**2)
        matrix = inverse @ _power(root @ self.target[1] @ root, 0.5, 0.0) @ inverse
        return transformed(matrix, colours - mean) + target_mean


@dataclass(frozen=True)
class HistogramMap:
    """Gives colours the histograms of others, along the others' three principal axes.

    After the map of means and covariances: along the axes of Oklab itself, a picture of orange and blue would lend
    greens and violets too.

    Parameters
    ----------
    linear: the map of means and covariances.
    axes: [3, 3], a row for every axis.
    tables: for every axis quantiles of the colours that `linear` gives, and those that they become.
    """

    linear: MeanCovarianceMap
    axes: NDArray[np.float64]
    tables: tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]

    def __call__(self, colours: Colours) -> Colours:
        along = transformed(self.axes, self.linear(colours))
        for axis, (ours, theirs) in enumerate(self.tables):
            along[..., axis] = np.interp(along[..., axis], ours, theirs)
        return transformed(self.axes.T, along)


@dataclass(frozen=True)
class LightnessMap:
    """Gives colours another mean and deviation of lightness (Gatys et al., eq. 9)."""

    source: tuple[float, float]
    target: tuple[float, float]

    def __call__(self, colours: Colours) -> Colours:
        (mean, deviation), (target_mean, target_deviation) = self.source, self.target
        scale = target_deviation / max(deviation, LEAST_DEVIATION)
        matched = colours.copy()
        matched[..., 0] = (colours[..., 0] - mean) * scale + target_mean
        return matched


def build_map(
    method: str,
    source: Colours,
    target: Colours,
    *,
    source_weights: NDArray[np.floating[Any]] | None = None,
    target_weights: NDArray[np.floating[Any]] | None = None,
) -> ColourMap:
    """Build the map from the colours of `source` to those of `target`, both in Oklab [..., 3].

    `method` is ``mean-covariance``, ``histogram``, or ``luminance``: lightness alone. Weights [...] say how much a
    colour counts (a mask, opacity); by default all do.
    """
    ours, theirs = colour_statistics(source, source_weights), colour_statistics(target, target_weights)
    if method == "luminance":
        return LightnessMap(*((float(mean[0]), float(covariance[0, 0]) ** 0.5) for mean, covariance in (ours, theirs)))
    linear = MeanCovarianceMap(ours, theirs)
    if method == "mean-covariance":
        return linear
    axes = np.linalg.eigh(theirs[1])[1].T
    before, after = transformed(axes, linear(source)), transformed(axes, target)
    tables = (_table(before[..., axis], source_weights, after[..., axis], target_weights) for axis in range(3))
    return HistogramMap(linear, axes, tuple(tables))


def recolour(pixels: NDArray[np.float32], colour_map: ColourMap, strength: Strength = 1.0) -> NDArray[np.float32]:
    """`pixels` [height, width, 3] in sRGB with their colours taken by `colour_map`, so far as `strength` says.

    At 0 they come back as they are. What is between is mixed in Oklab.
    """

    def mixed(colours: Colours, share: Any, rows: slice) -> Colours:
        return np.asarray(colours + share * (colour_map(colours) - colours))

    return _by_bands(pixels, mixed, strength)


def mute(pixels: NDArray[np.float32], strength: Strength = 1.0) -> NDArray[np.float32]:
    """`pixels` as a luminance run sees them: chroma withdrawn in part, at strength 1 wholly (see `with_chroma_of`)."""

    def muted(colours: Colours, share: Any, rows: slice) -> Colours:
        return np.concatenate([colours[..., :1], np.sqrt(1 - share) * colours[..., 1:]], axis=-1)

    return _by_bands(pixels, muted, strength)


def with_chroma_of(
    pastiche: NDArray[np.float32], photo: NDArray[np.float32], strength: Strength = 1.0
) -> NDArray[np.float32]:
    """The lightness of `pastiche` with the chroma of `photo` (both [height, width, 3] in sRGB), so far as `strength`.

    A pastiche's own chroma is withdrawn by half of what is to go (the square root of the rest stays): the other half
    is not painted in the first place (`mute`). So at strength 1 nothing but lightness is painted and shown, at 0 all.
    """

    def exchanged(colours: Colours, share: Any, rows: slice) -> Colours:
        theirs = srgb_to_oklab(photo[rows])
        chroma = np.sqrt(1 - share) * colours[..., 1:] + share * theirs[..., 1:]
        return np.concatenate([colours[..., :1], chroma], axis=-1)

    return _by_bands(pastiche, exchanged, strength)


def _by_bands(
    pixels: NDArray[np.float32], change: Callable[[Colours, Any, slice], Colours], strength: Strength
) -> NDArray[np.float32]:
    """Change the Oklab colours of a picture, a few rows at a time to spare memory; strength 0 changes no bit."""
    if not np.any(strength):
        return pixels
    shares = np.broadcast_to(np.asarray(strength, np.float32), pixels.shape[:2])[..., None]
    changed = np.empty_like(pixels)
    rows_at_once = max(1, BAND_PIXELS // pixels.shape[1])
    for start in range(0, len(pixels), rows_at_once):
        rows = slice(start, start + rows_at_once)
        band = oklab_to_srgb(change(srgb_to_oklab(pixels[rows]), shares[rows], rows))
        changed[rows] = np.where(shares[rows] > 0, band, pixels[rows])
    return changed


def _shares(count: int, weights: NDArray[np.floating[Any]] | None) -> NDArray[np.float64]:
    """Weights with the sum 1; all alike where none are given, or none is above 0."""
    if weights is None or not weights.any():
        return np.full(count, 1 / count)
    flat = weights.reshape(-1).astype(np.float64)
    shares: NDArray[np.float64] = flat / flat.sum()
    return shares


def _power(covariance: NDArray[np.float64], exponent: float, least: float) -> NDArray[np.float64]:
    """A power of a covariance, with eigenvalues of at least `least`."""
    values, vectors = np.linalg.eigh(covariance)
    powered: NDArray[np.float64] = (vectors * np.maximum(values, least) ** exponent) @ vectors.T
    return powered


def _table(
    ours: Colours,
    our_weights: NDArray[np.floating[Any]] | None,
    theirs: Colours,
    their_weights: NDArray[np.floating[Any]] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Quantiles of values and of those that they become; one value becomes one, the mean of its share."""
    before, after = _quantiles(ours, our_weights), _quantiles(theirs, their_weights)
    values, place = np.unique(before, return_inverse=True)
    return values, np.bincount(place, after) / np.bincount(place)


def _quantiles(values: Colours, weights: NDArray[np.floating[Any]] | None) -> NDArray[np.float64]:
    flat = values.reshape(-1).astype(np.float64)
    shares = _shares(len(flat), weights)
    flat, shares = flat[shares > 0], shares[shares > 0]
    order = np.argsort(flat, kind="stable")
    middles = np.cumsum(shares[order]) - shares[order] / 2  # where each value lies among all
    return np.interp(np.linspace(0, 1, QUANTILES), middles, flat[order])
