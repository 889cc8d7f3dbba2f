"""What the benchmarks have in common: the engine's own objective as a judge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from common import Pair, build_judge
from impasto.images.picture import picture_from_array
from impasto.images.reading import load_picture
from impasto.options.fields import build_options


def test_the_judge_finds_no_content_lost_in_the_photo(folder_with_pictures: Path) -> None:
    paths = folder_with_pictures / "photo.png", folder_with_pictures / "painting.png"
    photo, painting = map(load_picture, paths)
    size_px = max(photo.height_px, photo.width_px)
    options = build_options({"size_px": size_px, "balance": "fixed", "content_weight": 1.0})
    judge = build_judge(Pair(*paths, photo, painting), options)
    assert judge(photo)["content"] == pytest.approx(0, abs=1e-6)
    assert judge(picture_from_array(1 - photo.pixels()))["content"] > 0.1
    assert np.isfinite(judge(photo)["total"])
