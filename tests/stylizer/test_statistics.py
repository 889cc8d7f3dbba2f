"""Style statistics of a painting: in tiles, by NumPy, and blended."""

from __future__ import annotations

import numpy as np
import torch
from stylizers import random_picture

from impasto.encoders import load_encoder
from impasto.stylizer.statistics import CHANNELS, blend_statistics, measure_style


def test_statistics_are_the_same_in_tiles() -> None:
    encoder, painting = load_encoder("lite"), random_picture(200, 330)
    whole, tiled = measure_style(encoder, painting), measure_style(encoder, painting, tile_px=96)
    assert list(whole.moments) == list(CHANNELS)
    for name in CHANNELS:
        torch.testing.assert_close(tiled.moments[name].mean, whole.moments[name].mean, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(tiled.moments[name].outer, whole.moments[name].outer, atol=1e-4, rtol=1e-3)


def test_statistics_are_those_of_numpy() -> None:
    encoder, painting = load_encoder("lite"), random_picture(64, 96)
    found = measure_style(encoder, painting).batch()
    for name in ("rgb", "relu3_1"):
        maps = painting - 0.5 if name == "rgb" else encoder(painting, [name])[name]
        rows = maps[0].flatten(1).double().numpy()
        np.testing.assert_allclose(found[name][0][0], rows.mean(1), atol=1e-5)
        np.testing.assert_allclose(found[name][1][0], np.cov(rows, bias=True), atol=1e-4, rtol=1e-3)


def test_blended_paintings_are_one_wall() -> None:
    encoder = load_encoder("lite")
    left, right = random_picture(64, 64), random_picture(64, 64, seed=1)
    blended = blend_statistics([(measure_style(encoder, left), 1.0), (measure_style(encoder, right), 3.0)]).batch()[
        "rgb"
    ]
    wall = torch.cat([left, right, right, right], 3)[0].flatten(1).double().numpy() - 0.5
    np.testing.assert_allclose(blended[0][0], wall.mean(1), atol=1e-6)
    np.testing.assert_allclose(blended[1][0], np.cov(wall, bias=True), atol=1e-6)
