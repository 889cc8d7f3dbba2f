"""Animations as Pillow reads them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sample_pictures import noise, smooth

from impasto.errors import InputError
from impasto.images.animation import encode_gif, encode_webp, read_animation

FRAMES = [smooth(), 255 - smooth(), smooth()[::-1]]


@pytest.mark.parametrize("encode", [encode_gif, encode_webp])
def test_frames_and_delays_come_back(encode) -> None:
    with Image.open(io.BytesIO(encode(FRAMES, [100, 100, 1500]))) as animation:
        assert (animation.n_frames, animation.size, animation.info["loop"]) == (3, (60, 40), 0)
        for index, frame in enumerate(FRAMES):
            animation.seek(index)
            animation.load()
            assert animation.info["duration"] == (1500 if index == 2 else 100)
            shown = np.asarray(animation.convert("RGB")).astype(int)
            assert np.abs(shown - frame).mean() < 6


@pytest.mark.parametrize("encode", [encode_gif, encode_webp])
def test_frames_are_read_back(encode, tmp_path: Path) -> None:
    (tmp_path / "moving").write_bytes(encode(FRAMES, [100, 100, 1500]))
    frames = read_animation(tmp_path / "moving")
    assert [frame.shape for frame in frames] == [(40, 60, 3)] * 3
    for frame, wanted in zip(frames, FRAMES, strict=True):
        assert np.abs(frame.astype(int) - wanted).mean() < 6


def test_a_file_without_frames(tmp_path: Path) -> None:
    (tmp_path / "text.gif").write_text("no picture")
    with pytest.raises(InputError, match=r"cannot read .*text\.gif"):
        read_animation(tmp_path / "text.gif")


def test_a_gif_becomes_coarser_until_it_fits() -> None:
    frames = [noise(48, 48, 3, seed=seed) for seed in range(4)]
    finest, smallest = encode_gif(frames, [100] * 4), encode_gif(frames, [100] * 4, max_bytes=1)
    assert len(smallest) < len(finest)
    assert encode_gif(frames, [100] * 4, max_bytes=len(finest)) == finest
    assert encode_gif(frames, [100] * 4, max_bytes=len(smallest)) == smallest
    assert len(encode_gif(frames, [100] * 4, max_bytes=len(finest) - 1)) < len(finest)
