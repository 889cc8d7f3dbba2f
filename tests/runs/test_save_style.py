"""Saving a painting as a style file: at which sizes, under which names, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import impasto
from impasto.errors import InputError, OptionError, OutputError
from impasto.images.picture import Picture
from impasto.runs.save_style import SCALES_PX, pack_picture


def picture(height: int, width: int) -> Picture:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return impasto.picture_from_array(pixels, name="noise.png")


@pytest.mark.parametrize(("height", "width"), [(16, 20), (40, 30), (30, 64)])
def test_it_is_read_at_all_sizes_up_to_twice_its_own(height: int, width: int, tmp_path: Path) -> None:
    style = impasto.save_style(picture(height, width), tmp_path / "a.style")
    assert style.scales_px == [edge for edge in SCALES_PX if edge <= 2 * max(height, width)]
    assert (style.painting, style.height_px, style.width_px) == ("noise.png", height, width)


def test_sizes_rise_by_root_two() -> None:
    np.testing.assert_allclose(np.diff(np.log2(SCALES_PX)), 0.5, atol=0.02)


def test_the_same_painting_gives_the_same_bytes() -> None:
    assert pack_picture(picture(20, 24)) == pack_picture(picture(20, 24))


def test_a_style_file_is_called_so_and_replaced_only_if_allowed(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"name ends in \.style, got 'a.png'"):
        impasto.save_style(picture(20, 24), tmp_path / "a.png")
    path = tmp_path / "a.style"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="already exists"):
        impasto.save_style(picture(20, 24), path)
    assert path.read_bytes() == b"mine"
    assert impasto.save_style(picture(20, 24), path, overwrite=True).name == "a.style"


def test_too_small_a_painting(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="16 px a side"):
        impasto.save_style(impasto.picture_from_array(np.zeros((8, 40, 3), np.uint8)), tmp_path / "a.style")
    assert not list(tmp_path.iterdir())
