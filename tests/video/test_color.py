"""Colours in video against the formulas, written again in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from impasto.video.color import ColorCoding, planes_to_srgb


@pytest.mark.parametrize(("matrix", "red", "blue"), [(1, 0.2126, 0.0722), (6, 0.299, 0.114), (9, 0.2627, 0.0593)])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("bits", [8, 10])
def test_planes_are_decoded_by_the_formula(matrix: int, red: float, blue: float, full: bool, bits: int) -> None:
    rng, step = np.random.default_rng(0), 1 << (bits - 8)
    colours = rng.random((3, 6, 8))  # red, green, blue: the way there is computed, and the function's is the way back
    y = red * colours[0] + (1 - red - blue) * colours[1] + blue * colours[2]
    cb, cr = (colours[2] - y) / (2 - 2 * blue), (colours[0] - y) / (2 - 2 * red)
    top = 256 * step - 1
    coded = [top * y, top * cb + 128 * step, top * cr + 128 * step] if full else [
        step * (219 * y + 16), step * (224 * cb + 128), step * (224 * cr + 128)]  # fmt: skip
    planes = [torch.tensor(plane, dtype=torch.float32)[None, None] for plane in coded]
    pixels = planes_to_srgb(planes, ColorCoding(matrix, full), bits)
    np.testing.assert_allclose(pixels[0].numpy(), colours, atol=1e-5)
