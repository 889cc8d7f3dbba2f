"""Video files are read as who watches them sees them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from clips import count, make_clip

from impasto.video.clip import open_clip


def test_frames_come_in_order_at_their_times(tmp_path: Path) -> None:
    clip = open_clip(make_clip(tmp_path / "clip.mp4", 12, tone="aac"))
    frames = list(clip.frames())
    assert [count(frame.pixels) for frame in frames] == [frame.index for frame in frames] == list(range(12))
    assert [frame.time for frame in frames] == [Fraction(index, 25) for index in range(12)]
    assert {frame.duration for frame in frames} == {Fraction(1, 25)}
    assert frames[0].pixels.shape == (1, 3, 48, 64)
    assert frames[0].alpha is None
    info = clip.info
    assert (info.width_px, info.height_px, info.frames, info.duration_seconds) == (64, 48, 12, 0.48)
    assert (info.frame_rate, info.variable_rate, info.has_audio) == (25, False, True)
