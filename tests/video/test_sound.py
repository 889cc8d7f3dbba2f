"""Which sound a container can hold; that it is copied is tested with whole films (test_encoding.py)."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from clips import make_clip, packets

from impasto.errors import OptionError
from impasto.video.clip import open_clip
from impasto.video.sound import Sound, check_sound


def test_what_a_container_cannot_hold_is_refused(tmp_path: Path) -> None:
    info = open_clip(make_clip(tmp_path / "clip.mp4", tone="aac")).info
    check_sound(info, ".mp4", "mp4")
    check_sound(info, ".mkv", "matroska")
    with pytest.raises(OptionError, match=r"\.webm cannot hold the clip's sound \(aac\)"):
        check_sound(info, ".webm", "webm")


def test_packets_come_when_they_are_due(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", 25, tone="aac")
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        sound = Sound(open_clip(source).info, container, primed=True)
        first = list(sound.up_to(Fraction(1, 2), Fraction(0)))
        rest = list(sound.up_to(None, Fraction(0)))
        sound.close()
    times = [time for _, time in packets(source, "audio")]
    assert [packet.pts * packet.time_base for packet in first] == [time for time in times if time < Fraction(1, 2)]
    assert [packet.pts * packet.time_base for packet in rest] == [time for time in times if time >= Fraction(1, 2)]
