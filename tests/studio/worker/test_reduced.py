"""Reduced copies of a picture in the making."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from impasto.images.reading import load_picture
from impasto.studio.worker.reduced import PREVIEW_PX, save_reduced


def test_previews_are_reduced_and_small_ones_kept(tmp_path: Path) -> None:
    ramp = np.linspace(0, 1, 3 * PREVIEW_PX, dtype=np.float32)
    pixels = np.repeat(np.repeat(ramp[None, :, None], 30, 0), 3, 2)
    save_reduced(tmp_path / "large.jpg", pixels, PREVIEW_PX)
    large = load_picture(tmp_path / "large.jpg")
    assert (large.width_px, large.height_px) == (PREVIEW_PX, 10)
    np.testing.assert_allclose(large.pixels()[5, :, 1], ramp.reshape(-1, 3).mean(1), atol=0.02)
    save_reduced(tmp_path / "small.jpg", pixels[:, :40], PREVIEW_PX)
    assert load_picture(tmp_path / "small.jpg").width_px == 40
