"""Colour meanings against what Chromium shows, and against the standards written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from impasto.images.color_meaning import (
    ADOBE_RGB,
    LUMA_WEIGHTS,
    PRIMARIES,
    SRGB,
    TRANSFERS,
    Chromaticities,
    ColorMeaning,
    are_primaries,
    meaning_of,
    samples_to_srgb,
    to_srgb,
    ycbcr_to_rgb,
)
from impasto.images.tensors import pixels_to_tensor, tensor_to_pixels, tensor_to_srgb

CARD = np.array([(200, 40, 40), (30, 120, 200), (16, 16, 16), (128, 128, 128), (250, 240, 90), (90, 200, 60)], np.uint8)
# The card in a PNG whose cICP names primaries and transfer, as Chromium 156 draws it on an sRGB canvas.
CHROMIUM = {
    (1, 4): [(201, 35, 35), (24, 121, 201), (7, 7, 7), (129, 129, 129), (250, 240, 90), (90, 201, 57)],
    (1, 5): [(189, 17, 17), (8, 98, 189), (1, 1, 1), (106, 106, 106), (249, 237, 66), (66, 189, 36)],
    (1, 7): [(206, 58, 58), (48, 134, 206), (34, 34, 34), (141, 141, 141), (251, 242, 106), (106, 206, 77)],
    (1, 8): [(229, 110, 110), (96, 183, 229), (71, 71, 71), (188, 188, 188), (253, 248, 160), (160, 229, 133)],
    (4, 13): [(237, 21, 18), (0, 129, 205), (16, 16, 16), (128, 128, 128), (255, 233, 60), (0, 196, 39)],
    (5, 13): [(204, 40, 40), (16, 120, 199), (16, 16, 16), (128, 128, 128), (250, 240, 94), (80, 200, 64)],
    (6, 13): [(195, 49, 39), (46, 121, 200), (16, 16, 16), (128, 128, 128), (248, 239, 88), (99, 197, 58)],
    (8, 13): [(227, 0, 24), (0, 120, 205), (16, 16, 16), (128, 128, 128), (254, 241, 54), (0, 205, 28)],
    (9, 13): [(249, 0, 27), (0, 125, 207), (16, 16, 16), (128, 128, 128), (255, 240, 25), (0, 210, 0)],
    (9, 16): [(255, 0, 0), (0, 63, 255), (1, 1, 1), (132, 132, 132), (255, 212, 0), (0, 255, 0)],
    (9, 18): [(230, 0, 13), (0, 96, 188), (3, 3, 3), (99, 99, 99), (255, 225, 0), (0, 208, 0)],
    (11, 17): [(214, 0, 0), (0, 111, 207), (3, 3, 3), (118, 118, 118), (255, 247, 0), (0, 204, 0)],
    (12, 13): [(218, 0, 26), (0, 122, 206), (16, 16, 16), (128, 128, 128), (252, 240, 44), (0, 203, 7)],
    (12, 16): [(255, 0, 0), (0, 65, 255), (1, 1, 1), (132, 132, 132), (255, 226, 0), (0, 255, 0)],
    (1, 18): [(181, 29, 29), (20, 93, 182), (3, 3, 3), (99, 99, 99), (255, 235, 62), (78, 200, 52)],
    (22, 13): [(202, 50, 39), (24, 123, 200), (16, 16, 16), (128, 128, 128), (250, 237, 89), (84, 196, 59)],
}  # fmt: skip


def of(primaries: int, transfer: int) -> ColorMeaning:
    meaning = meaning_of(primaries, transfer)
    assert meaning is not None
    return meaning


@pytest.mark.parametrize(("primaries", "transfer"), CHROMIUM)
def test_code_points_are_read_as_chromium_reads_them(primaries: int, transfer: int) -> None:
    shown = samples_to_srgb(CARD[None], of(primaries, transfer))[0].astype(int)
    assert np.abs(shown - CHROMIUM[primaries, transfer]).max() <= 1


@pytest.mark.parametrize(("primaries", "transfer"), [(12, 13), (9, 16), (9, 18), (1, 8)])
def test_samples_floats_tensors_and_grey_agree(primaries: int, transfer: int) -> None:
    meaning = of(primaries, transfer)
    shown = to_srgb(CARD[None] / np.float32(255), meaning)
    assert shown.dtype == np.float32
    assert (np.rint(shown * 255) == samples_to_srgb(CARD[None], meaning)).all()
    deep = samples_to_srgb(CARD[None].astype(np.uint16) * 257, meaning)
    assert np.abs(deep / 65535 - shown).max() < 1e-4
    frame = pixels_to_tensor(CARD[None] / np.float32(255))
    assert np.abs(tensor_to_pixels(tensor_to_srgb(frame, meaning)) - shown).max() < 1e-6
    assert torch.equal(frame, pixels_to_tensor(CARD[None] / np.float32(255)))  # left as it was
    grey = np.arange(256, dtype=np.uint8)[:, None, None]
    in_colour = samples_to_srgb(grey.repeat(3, axis=2), meaning).astype(int)
    assert np.abs(in_colour - samples_to_srgb(grey, meaning)).max() <= 1


@pytest.mark.parametrize("primaries", PRIMARIES)
@pytest.mark.parametrize("transfer", TRANSFERS)
def test_every_meaning_keeps_black_and_rises(primaries: int, transfer: int) -> None:
    levels = to_srgb(np.linspace(0, 1, 101)[:, None], of(primaries, transfer))
    assert levels[0] == 0
    assert levels[-1] == pytest.approx(1, abs=1e-6)
    assert np.diff(levels[:, 0]).min() > -1e-6
    white = to_srgb(np.ones(3), of(primaries, transfer))
    np.testing.assert_allclose(white, 1, atol=1e-4)


def test_srgb_is_left_alone() -> None:
    values = np.random.default_rng(0).random((50, 3))
    np.testing.assert_allclose(to_srgb(values, SRGB), values, atol=1e-6)
    assert of(1, 13) == of(2, 2) == SRGB


@pytest.mark.parametrize("transfer", [1, 6, 14, 15])  # as Chromium shows AVIF with them
def test_what_is_coded_for_television_keeps_its_values(transfer: int) -> None:
    assert of(1, transfer) == SRGB
    assert of(9, transfer) == of(9, 13)


@pytest.mark.parametrize(
    ("chromaticities", "sound"),
    [
        (PRIMARIES[9], True),
        ((0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.0), False),
        ((0.3127, 0.329, 0.64, 0.33, 0.64, 0.33, 0.15, 0.06), False),
        ((0.9, 0.05, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06), False),
        ((0.0,) * 8, False),
        ((42949.0,) * 8, False),
    ],
)
def test_chromaticities_that_are_none(chromaticities: Chromaticities, sound: bool) -> None:
    assert are_primaries(chromaticities) == sound


@pytest.mark.parametrize("points", [(1, 9), (1, 10), (10, 13), (0, 13), (3, 13), (1, 0), (255, 255), (1, 12)])
def test_reserved_and_strange_code_points_have_no_meaning(points: tuple[int, int]) -> None:
    assert meaning_of(*points) is None


def test_diffuse_white_of_pq_is_half_as_bright_and_1000_nits_are_white() -> None:
    # ITU-R BT.2408: diffuse white, 203 nits, is 58 % of PQ; 1,000 nits are 75.18 % (SMPTE ST 2084)
    half, white = to_srgb(np.array([[0.5807], [0.7518]]), of(9, 16))[:, 0]
    assert half == pytest.approx(0.7354, abs=0.002)  # sRGB of light 0.5
    assert white == pytest.approx(1, abs=0.001)


def test_adobe_rgb_has_the_values_of_its_specification() -> None:
    # Adobe RGB (1998) 4.3.4: its pure green is outside sRGB; grey differs by the curve alone
    shown = to_srgb(np.array([[0.0, 1, 0], [0.5, 0.5, 0.5], [1, 0, 0]]), ADOBE_RGB)
    light = 0.5 ** (563 / 256)
    np.testing.assert_allclose(shown[0], [0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(shown[1], 1.055 * light ** (1 / 2.4) - 0.055, atol=1e-5)
    np.testing.assert_allclose(shown[2], [1, 0, 0], atol=1e-6)  # red light is 1.3983 in sRGB, cut off


@pytest.mark.parametrize("weights", LUMA_WEIGHTS.values())
def test_ycbcr_is_undone(weights: tuple[float, float]) -> None:
    rgb = np.random.default_rng(1).random((20, 3))
    red, blue = weights
    luma = red * rgb[:, 0] + (1 - red - blue) * rgb[:, 1] + blue * rgb[:, 2]  # H.273, equations 38 to 40
    cb, cr = (rgb[:, 2] - luma) / (2 * (1 - blue)), (rgb[:, 0] - luma) / (2 * (1 - red))
    np.testing.assert_allclose(ycbcr_to_rgb(np.stack([luma, cb, cr], 1), weights), rgb, atol=1e-12)
