"""Frames as the pictures that are painted: their size and depth, and which of a shot are looked at."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import torch

from impasto.video.frame_pictures import frame_bits, frame_picture, frame_size, hash_clip, key_frames
from impasto.video.frames import ClipInfo, Frame

INFO = ClipInfo(Path("clip.mp4"), "video", 640, 360, 10, 0.4, Fraction(25), False, Fraction(1, 25))


def test_key_frames_are_spread_and_have_a_neighbour() -> None:
    assert key_frames(0, 100, 2) == [25, 75]
    assert key_frames(10, 12, 2) == [10, 10]
    assert key_frames(7, 8, 2) == [7, 7]  # a shot of one frame


def test_a_film_is_as_large_as_asked_for_or_as_its_clip() -> None:
    assert frame_size(320, INFO) == (180, 320)
    assert frame_size(None, replace(INFO, width_px=200, height_px=100)) == (100, 200)


def test_a_frame_is_reduced_with_its_alpha_and_keeps_its_depth() -> None:
    assert [frame_bits(replace(INFO, bit_depth=bits)) for bits in (8, 10, 16)] == [8, 16, 16]
    pixels = torch.full((1, 3, 8, 16), 0.25)
    opacity = torch.ones(1, 1, 8, 16)
    opacity[..., :8] = 0
    picture = frame_picture(Frame(0, Fraction(0), Fraction(1), pixels, opacity), (4, 8), 16)
    assert (picture.height_px, picture.width_px, picture.bit_depth) == (4, 8, 16)
    assert abs(float(picture.pixels().mean()) - 0.25) < 1e-3
    alpha = picture.alpha()
    assert alpha is not None and alpha[:, :3].max() < 0.1 and alpha[:, 5:].min() > 0.9


def test_a_folder_is_another_clip_when_a_file_in_it_is_another(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"one")
    before = hash_clip(tmp_path)
    assert hash_clip(tmp_path) == before
    (tmp_path / "2.png").write_bytes(b"two")
    assert hash_clip(tmp_path) != before
    assert hash_clip(tmp_path / "1.png") != hash_clip(tmp_path / "2.png")
    before = hash_clip(tmp_path)
    (tmp_path / "\udcff.png").write_bytes(b"a name that is no text")
    assert hash_clip(tmp_path) != before
    (tmp_path / "link.png").symlink_to("nowhere")
    assert hash_clip(tmp_path)
