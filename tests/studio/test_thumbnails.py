"""Reduced copies for the browser."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import impasto
from impasto.errors import InputError, OptionError
from impasto.images.reading import load_picture
from impasto.studio.thumbnails import Thumbnails, has_record


@pytest.fixture
def thumbnails(tmp_path: Path) -> Thumbnails:
    (tmp_path / "shown").mkdir()
    (tmp_path / "shown/impasto-of-another-studio-320.jpg").touch()
    return Thumbnails(tmp_path / "shown", max_pixels=1_000_000)


def test_copies_are_reduced_and_made_once(thumbnails: Thumbnails, folder_with_pictures: Path) -> None:
    Image.fromarray(np.zeros((100, 640, 3), np.uint8)).save("wide.tif")
    copy = thumbnails.copy_of(folder_with_pictures / "wide.tif", 320)
    picture = load_picture(copy)
    assert (copy.suffix, picture.width_px, picture.height_px) == (".jpg", 320, 50)
    changed = copy.stat().st_mtime_ns
    assert thumbnails.copy_of(folder_with_pictures / "wide.tif", 320).stat().st_mtime_ns == changed
    small = load_picture(thumbnails.copy_of(folder_with_pictures / "photo.png", 1600))
    assert (small.width_px, small.height_px) == (60, 48), "never enlarged"
    assert not (folder_with_pictures / "shown/impasto-of-another-studio-320.jpg").exists()
    with pytest.raises(OptionError, match="long edge"):
        thumbnails.copy_of(folder_with_pictures / "photo.png", 100_000)


def test_sizes_are_those_of_the_picture(thumbnails: Thumbnails, folder_with_pictures: Path) -> None:
    assert thumbnails.size_of(folder_with_pictures / "photo.png") == (60, 48)
    impasto.save_style("painting.png", "waves.style")
    assert thumbnails.size_of(folder_with_pictures / "waves.style") == (64, 64)
    (folder_with_pictures / "text.png").write_text("text")
    with pytest.raises(InputError, match="not a picture"):
        thumbnails.size_of(folder_with_pictures / "text.png")


def test_only_a_pastiche_has_a_record(folder_with_pictures: Path) -> None:
    pastiche = Path(__file__).parents[1] / "data/v0_1_0/pastiche.png"
    (folder_with_pictures / "text.png").write_text("text")
    assert has_record(pastiche)
    assert not has_record(folder_with_pictures / "photo.png") and not has_record(folder_with_pictures / "text.png")
