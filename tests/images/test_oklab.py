"""Oklab against published numbers; the way into sRGB keeps lightness and hue."""

from __future__ import annotations

import numpy as np
import pytest

from impasto.images.oklab import linear_to_oklab, oklab_to_linear, oklab_to_srgb, srgb_to_oklab

# IEC 61966-2-1, XYZ under D65 to linear sRGB
FROM_XYZ = np.array(
    [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.9692660, 1.8760108, 0.0415560],
        [0.0556434, -0.2040259, 1.0572252],
    ]
)


@pytest.mark.parametrize(
    ("xyz", "lab"),
    [  # the table of Ottosson's page
        ((0.950, 1.000, 1.089), (1.000, 0.000, 0.000)),
        ((1.000, 0.000, 0.000), (0.450, 1.236, -0.019)),
        ((0.000, 1.000, 0.000), (0.922, -0.671, 0.263)),
        ((0.000, 0.000, 1.000), (0.153, -1.415, -0.449)),
    ],
)
def test_the_published_pairs(xyz: tuple[float, ...], lab: tuple[float, ...]) -> None:
    np.testing.assert_allclose(linear_to_oklab(FROM_XYZ @ np.array(xyz)), lab, atol=1.1e-3)


@pytest.mark.parametrize(
    ("srgb", "lab"),
    [  # CSS Color 4: red, lime, blue
        ((1, 0, 0), (0.62796, 0.22486, 0.12585)),
        ((0, 1, 0), (0.86644, -0.23389, 0.17950)),
        ((0, 0, 1), (0.45201, -0.03246, -0.31153)),
    ],
)
def test_the_primaries(srgb: tuple[int, ...], lab: tuple[float, ...]) -> None:
    np.testing.assert_allclose(srgb_to_oklab(np.array(srgb, np.float64)), lab, atol=2e-5)


def test_every_colour_of_srgb_comes_back() -> None:
    ramp = np.linspace(0, 1, 18, dtype=np.float32)
    cube = np.stack(np.meshgrid(ramp, ramp, ramp), axis=-1)
    assert np.abs(oklab_to_srgb(srgb_to_oklab(cube)) - cube).max() < 1 / 2048
    linear = np.random.default_rng(0).normal(0.5, 1, (100, 3))
    np.testing.assert_allclose(oklab_to_linear(linear_to_oklab(linear)), linear, atol=1e-9)


def test_a_colour_that_srgb_lacks_keeps_lightness_and_hue_and_loses_no_more_chroma_than_it_must() -> None:
    lightness, hue = np.meshgrid(np.linspace(0.25, 0.9, 9), np.linspace(0, 2 * np.pi, 24))
    wanted = np.stack([lightness, 0.5 * np.cos(hue), 0.5 * np.sin(hue)], axis=-1)
    found = srgb_to_oklab(oklab_to_srgb(wanted))
    np.testing.assert_allclose(found[..., 0], wanted[..., 0], atol=2e-3)
    turned = np.angle(np.exp(1j * (np.arctan2(found[..., 2], found[..., 1]) - hue)))
    chroma = np.hypot(found[..., 1], found[..., 2])
    assert np.abs(turned * chroma).max() < 2e-3
    assert chroma.min() > 0.02
    more = found.copy()
    more[..., 1:] *= 1.02
    light = oklab_to_linear(more)
    assert ((light < 0) | (light > 1)).any(axis=-1).all()


def test_cutting_channels_off_would_turn_hues() -> None:
    """What the mapping is for: the same colours cut off become others."""
    hue = np.linspace(0, 2 * np.pi, 48)
    wanted = np.stack([np.full(48, 0.7), 0.3 * np.cos(hue), 0.3 * np.sin(hue)], axis=-1)
    cut = linear_to_oklab(np.clip(oklab_to_linear(wanted), 0, 1))
    kept = srgb_to_oklab(oklab_to_srgb(wanted))
    turned, straight = (np.abs(np.angle((x[:, 1] + 1j * x[:, 2]) * np.exp(-1j * hue))).max() for x in (cut, kept))
    assert straight < 0.01
    assert turned > 0.3
    assert np.abs(cut[:, 0] - 0.7).max() > 0.05


def test_lightness_beyond_the_scale_is_black_or_white() -> None:
    colours = np.array([[1.3, 0.1, 0.1], [-0.2, 0.1, 0.1]])
    np.testing.assert_allclose(oklab_to_srgb(colours), [[1, 1, 1], [0, 0, 0]], atol=1e-3)
