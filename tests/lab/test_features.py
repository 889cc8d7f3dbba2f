"""Feature maps and their Gram matrix, as numbers and on a sheet."""

from __future__ import annotations

import numpy as np
import pytest

from impasto.encoders import Encoder, load_encoder
from impasto.images.picture import picture_from_array
from impasto.lab.features import CELL_PX, LARGE_PX, Features, draw_features, read_features


@pytest.fixture(scope="module")
def lite() -> Encoder:
    return load_encoder("lite")


def test_features_are_those_of_the_layer(lite: Encoder, photo_pixels: np.ndarray) -> None:
    picture = picture_from_array(photo_pixels)
    found = read_features(lite, picture, "relu2_1")
    import torch

    tensor = torch.from_numpy(photo_pixels / np.float32(255)).permute(2, 0, 1)[None]
    maps = lite(tensor, ["relu2_1"])["relu2_1"][0].numpy()
    assert found.maps.shape == (32, 24, 30)
    np.testing.assert_allclose(found.maps, maps, atol=1e-6)
    flat = maps.reshape(32, -1).astype(np.float64)
    np.testing.assert_allclose(found.gram, flat @ flat.T / flat.shape[1], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.energies, (flat**2).sum(1) / (flat**2).sum(), rtol=1e-5)
    assert (found.heading, found.picture) == ("relu2_1 of lite", "array, 60x48 px")
    assert found.sizes == "32 channels, 30x24 positions, each reads 10 px"
    assert read_features(lite, picture, "relu1_1", size_px=30).maps.shape[1:] == (24, 30)
    assert read_features(lite, picture, "relu1_1", size_px=900).maps.shape[1:] == (48, 60)


def sheet_of(maps: np.ndarray, **options: int) -> np.ndarray:
    flat = maps.reshape(len(maps), -1).astype(np.float64)
    energies = (flat**2).sum(1) / max((flat**2).sum(), 1e-300)
    pixels = np.full((20, 30, 3), 0.5, np.float32)
    features = Features("layer", "picture", "sizes", pixels, maps.astype(np.float32), flat @ flat.T, energies)
    return draw_features(features, **options)


def first_map(sheet: np.ndarray) -> np.ndarray:
    """Where the strongest channel is drawn: at the left of the right half, under a line of text."""
    left = 36 + LARGE_PX + 36 + 36
    rows = np.flatnonzero((sheet[:, left + 8] != 1).any(1))
    rows = rows[rows > 36 + 40]
    return sheet[rows[0] : rows[0] + CELL_PX * 2 // 3, left : left + CELL_PX]


def test_a_sheet_shows_the_strongest_channels_first() -> None:
    maps = np.zeros((3, 8, 12))
    maps[0, :4, :6], maps[1, :4, 6:], maps[2, 4:, 6:] = 1, 2, 3  # one corner each
    drawn = [first_map(sheet_of(maps[order])) for order in ([0, 1, 2], [2, 0, 1], [0, 1, 0])]
    for corner, (rows, columns) in zip(drawn, [(1, 1), (1, 1), (0, 1)], strict=True):
        height, width = (side // 2 for side in corner.shape[:2])
        lights = corner[: 2 * height, : 2 * width].mean(2).reshape(2, height, 2, width).mean((1, 3))
        assert np.unravel_index(lights.argmax(), (2, 2)) == (rows, columns)
        assert lights.max() > 0.7
        assert np.sort(lights.ravel())[-2] < 0.2
    assert drawn[0].min() >= 0
    assert drawn[0].max() <= 1
    assert sheet_of(maps, channels=1).shape[1] <= sheet_of(maps).shape[1]


def test_the_sheet_of_the_default_is_as_wide_as_a_slide() -> None:
    height, width, _ = sheet_of(np.random.default_rng(0).random((64, 8, 12))).shape
    assert 1.6 < width / height < 2.2


@pytest.mark.parametrize("maps", [np.zeros((2, 4, 4)), np.full((2, 4, 4), -1.0), np.eye(9)[None] - 0.5])
def test_flat_and_signed_maps_draw(maps: np.ndarray) -> None:
    assert np.isfinite(sheet_of(maps)).all()


def test_the_gram_matrix_has_a_bar_of_its_colours() -> None:
    maps = np.zeros((2, 8, 12))
    maps[0, :4], maps[1, 4:] = 1, 0.1
    sheet = sheet_of(maps)
    columns = [column for column in range(sheet.shape[1]) if len(np.unique(sheet[:, column], axis=0)) > 200]
    assert len(columns) >= 16
    assert columns == list(range(columns[0], columns[0] + len(columns)))
