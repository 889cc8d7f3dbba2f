"""What is refused before a clip is opened."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from impasto.errors import InputError, OptionError
from impasto.inputs.paintings import Region
from impasto.video.build import build_film, check_clip

PAINTING = np.zeros((32, 32, 3), np.uint8)


def test_an_address_is_refused() -> None:
    with pytest.raises(InputError, match="files are not fetched"):
        check_clip("https://example.com/clip.mp4")
    check_clip("clip.mp4")


def test_a_film_needs_a_painting_and_masks_that_are_pictures(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no style image"):
        build_film("clip.mp4", None, tmp_path / "film.mp4")
    with pytest.raises(OptionError, match="alpha is for photos"):
        build_film("clip.mp4", PAINTING, tmp_path / "film.mp4", regions=[Region("alpha", PAINTING)])
    with pytest.raises(OptionError, match="strength"):
        build_film("clip.mp4", PAINTING, tmp_path / "film.mp4", options={"strength": 101})


def test_a_film_is_made_ready(tmp_path: Path) -> None:
    film = build_film("clip.mp4", PAINTING, tmp_path / "film.mp4", piece=(1, None), options={"size_px": 64}, codec="x")
    assert (film.clip, film.from_seconds, film.to_seconds) == (Path("clip.mp4"), 1, None)
    assert film.options.size_px == 64 and film.codec == "x" and len(film.regions) == 1
