"""The sheet of a preview: frames from all of the clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clips import make_clip
from PIL import Image

from impasto.video import preview
from impasto.video.build import build_film


def test_frames_from_all_of_the_clip_are_on_the_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = make_clip(tmp_path / "clip.mp4", 13)
    film = build_film(clip, np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8), tmp_path / "film.mp4")
    assert preview.write_sheet(film, tmp_path / "one.png") == 2  # frames 1 and 13
    monkeypatch.setattr(preview, "EVERY", 2)
    monkeypatch.setattr(preview, "MOST_FRAMES", 4)
    assert preview.write_sheet(film, tmp_path / "two.png") == 4  # 1, 5, 9, 13: every other one was dropped
    with Image.open(tmp_path / "two.png") as image:
        assert image.width > 4 * 64
