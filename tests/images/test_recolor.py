"""Colours of one picture brought to those of another: moments, histograms, chroma; bands and weights."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from impasto.images import recolor
from impasto.images.oklab import srgb_to_oklab
from impasto.images.recolor import (
    HistogramMap,
    LightnessMap,
    build_map,
    colour_statistics,
    mute,
    recolour,
    with_chroma_of,
)


def clouds(seed: int, shape: tuple[int, ...] = (40, 50)) -> NDArray[np.float64]:
    """Oklab colours in several clouds, correlated, unlike from seed to seed."""
    random = np.random.default_rng(seed)
    centres = random.uniform(-0.1, 0.1, (4, 3)) + np.array([0.5, 0, 0])
    colours = centres[random.integers(0, 4, shape)] + random.normal(0, 0.03, (*shape, 3)) @ random.normal(0, 1, (3, 3))
    return np.asarray(colours)


def pictures(seed: int) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    return random.uniform(0.15, 0.85, (12, 16, 3)).astype(np.float32)


def test_mean_and_covariance_become_the_targets() -> None:
    source, target = clouds(0), clouds(1, (30, 20))
    found = build_map("mean-covariance", source, target)(source)
    flat, wanted = found.reshape(-1, 3), target.reshape(-1, 3)
    np.testing.assert_allclose(flat.mean(0), wanted.mean(0), atol=1e-12)
    np.testing.assert_allclose(np.cov(flat.T, bias=True), np.cov(wanted.T, bias=True), atol=1e-12)


def test_the_linear_map_moves_colours_least() -> None:
    """Against the root that Gatys et al. take (Cholesky, eq. 3), which has the same moments."""
    source, target = clouds(0), clouds(1)
    found = build_map("mean-covariance", source, target)(source)
    (mean, covariance), (wanted, wanted_covariance) = colour_statistics(source), colour_statistics(target)
    matrix = np.linalg.cholesky(wanted_covariance) @ np.linalg.inv(np.linalg.cholesky(covariance))
    other = (source - mean) @ matrix.T + wanted
    assert ((found - source) ** 2).sum() < ((other - source) ** 2).sum()


def test_a_picture_has_its_own_colours_already() -> None:
    colours = clouds(2)
    for method in ("mean-covariance", "histogram"):
        np.testing.assert_allclose(build_map(method, colours, colours)(colours), colours, atol=5e-3)


def test_histograms_become_the_targets_along_its_axes() -> None:
    source, target = clouds(0), clouds(1, (60, 20))
    found = build_map("histogram", source, target)
    assert isinstance(found, HistogramMap)
    matched = found(source).reshape(-1, 3) @ found.axes.T
    before = found.linear(source).reshape(-1, 3) @ found.axes.T
    wanted = target.reshape(-1, 3) @ found.axes.T
    for axis in range(3):
        # slow: the value of the same rank
        ranks = (np.argsort(np.argsort(before[:, axis])) + 0.5) / len(before)
        slow = np.array([np.quantile(wanted[:, axis], rank) for rank in ranks])
        inner = (ranks > 0.01) & (ranks < 0.99)
        assert np.abs(matched[inner, axis] - slow[inner]).max() < 0.02 * np.ptp(wanted[:, axis])


def test_histograms_say_more_than_moments() -> None:
    source, target = clouds(3), clouds(4)
    distances = {}
    for method in ("mean-covariance", "histogram"):
        found = build_map(method, source, target)(source)
        values = (
            np.sort((x @ np.linalg.eigh(colour_statistics(target)[1])[1]).reshape(-1, 3), 0) for x in (found, target)
        )
        distances[method] = np.abs(np.subtract(*values)).mean()
    assert distances["histogram"] < 0.2 * distances["mean-covariance"]


def test_one_colour_becomes_one_colour() -> None:
    source = np.full((20, 20, 3), (0.5, 0.0, 0.0))
    source[:4] = (0.7, 0.1, 0.0)
    found = build_map("histogram", source, clouds(1))(source)
    assert np.isfinite(found).all()
    assert np.unique(found[4:].reshape(-1, 3).round(9), axis=0).shape == (1, 3)


def test_noise_of_a_colourless_painting_is_not_blown_up() -> None:
    random = np.random.default_rng(0)
    engraving = np.zeros((64, 64, 3))
    engraving[..., 0] = random.uniform(0, 1, (64, 64))
    engraving[..., 1:] = random.normal(0, 1e-4, (64, 64, 2))
    found = build_map("mean-covariance", engraving, clouds(1))(engraving)
    lightness = np.c_[engraving[..., 0].ravel(), np.ones(64 * 64)]
    of_lightness = lightness @ np.linalg.lstsq(lightness, found.reshape(-1, 3), rcond=None)[0]
    assert (found.reshape(-1, 3) - of_lightness)[:, 1:].std() < 0.02


def test_weights_say_what_counts() -> None:
    source, target = clouds(0), clouds(1)
    half = np.zeros(source.shape[:2])
    half[:, :25] = 1
    weighted = build_map("mean-covariance", source, target, source_weights=half, target_weights=half)
    alone = build_map("mean-covariance", source[:, :25], target[:, :25])
    np.testing.assert_allclose(weighted(source), alone(source), atol=1e-10)
    table = build_map("histogram", source, target, source_weights=half, target_weights=half)
    np.testing.assert_allclose(table(source), build_map("histogram", source[:, :25], target[:, :25])(source), atol=1e-9)
    mean, _ = colour_statistics(source, np.zeros(source.shape[:2]))
    np.testing.assert_allclose(mean, source.reshape(-1, 3).mean(0), atol=1e-12)


def test_lightness_alone_has_the_targets_mean_and_deviation() -> None:
    source, target = clouds(0), clouds(1)
    found = build_map("luminance", source, target)
    assert isinstance(found, LightnessMap)
    lightness = found(source)[..., 0]
    np.testing.assert_allclose((lightness.mean(), lightness.std()), (target[..., 0].mean(), target[..., 0].std()))
    np.testing.assert_array_equal(found(source)[..., 1:], source[..., 1:])


def test_strength_0_changes_no_bit_and_half_is_half_the_way() -> None:
    pixels, photo = pictures(0), pictures(1)
    found = build_map("mean-covariance", srgb_to_oklab(pixels), 0.5 * srgb_to_oklab(photo) + (0.25, 0, 0))
    for changed in (recolour(pixels, found, 0), mute(pixels, 0), with_chroma_of(pixels, photo, 0)):
        np.testing.assert_array_equal(changed, pixels)
    whole, half = srgb_to_oklab(recolour(pixels, found, 1)), srgb_to_oklab(recolour(pixels, found, 0.5))
    np.testing.assert_allclose(half, (srgb_to_oklab(pixels) + whole) / 2, atol=2e-3)


def test_the_chroma_of_a_photo_leaves_lightness_alone() -> None:
    pastiche, photo = pictures(0), pictures(1)
    shown = srgb_to_oklab(with_chroma_of(pastiche, photo))
    np.testing.assert_allclose(shown[..., 0], srgb_to_oklab(pastiche)[..., 0], atol=2e-3)
    theirs = srgb_to_oklab(photo)[..., 1:]
    # as much of it as sRGB has at the pastiche's lightness, and of no other hue
    assert (np.hypot(*np.moveaxis(shown[..., 1:], -1, 0)) < np.hypot(*np.moveaxis(theirs, -1, 0)) + 2e-3).all()
    turned = shown[..., 1] * theirs[..., 1] - shown[..., 2] * theirs[..., 0]
    assert np.abs(turned).max() < 1e-3


def test_muted_and_shown_again_the_two_strengths_add_up() -> None:
    """A pastiche that is the photo, muted, is the photo when it is shown: nothing is lost, nothing twice."""
    photo = (0.5 + 0.3 * (pictures(1) - 0.5)).astype(np.float32)
    for strength in (0.3, 0.7, 1.0):
        shown = with_chroma_of(mute(photo, strength), photo, strength)
        np.testing.assert_allclose(shown, photo, atol=2e-3)
    assert np.ptp(mute(photo, 1.0), axis=-1).max() < 1e-3


def test_a_mask_says_where() -> None:
    pastiche, photo = pictures(0), pictures(1)
    mask = np.zeros(pastiche.shape[:2], np.float32)
    mask[:, 8:] = 1
    shown = with_chroma_of(pastiche, photo, mask)
    np.testing.assert_array_equal(shown[:, :8], pastiche[:, :8])
    np.testing.assert_array_equal(shown[:, 8:], with_chroma_of(pastiche, photo)[:, 8:])


@pytest.mark.parametrize("band", [1, 40, 10**6])
def test_bands_show_nowhere(monkeypatch: pytest.MonkeyPatch, band: int) -> None:
    pastiche, photo = pictures(0), pictures(1)
    whole = with_chroma_of(pastiche, photo, 0.7)
    monkeypatch.setattr(recolor, "BAND_PIXELS", band)
    np.testing.assert_array_equal(with_chroma_of(pastiche, photo, 0.7), whole)
