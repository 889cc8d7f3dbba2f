"""The benchmarks are scripts, not a package: they import each other from their own folder."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "tools")]


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder with a gallery of 9 photos and 10 paintings, each a soft field of colours."""
    folder = tmp_path / "shared" / "gallery"
    folder.mkdir(parents=True)
    for kind, count in (("content", 9), ("style", 10)):
        for number in range(count):
            coarse = np.random.default_rng([number, count]).integers(0, 256, (5, 6, 3), dtype=np.uint8)
            picture = Image.fromarray(coarse).resize((72, 60), Image.Resampling.BICUBIC)
            picture.save(folder / f"{kind}_number_{number}.jpg")
    return folder.parent
