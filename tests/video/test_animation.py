"""GIF and WebP, in and out."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from clips import copied, count, counted, counts, make_clip

from impasto.errors import InputError, OptionError
from impasto.images.animation import encode_gif, encode_webp, read_header
from impasto.video.clip import open_clip, write_clip
from impasto.video.frames import Frame

DELAYS = [40, 40, 200, 40, 1000, 40]


@pytest.mark.parametrize("ending", [".gif", ".webp"])
def test_frames_and_delays_are_read(tmp_path: Path, ending: str) -> None:
    encode = encode_gif if ending == ".gif" else encode_webp
    (tmp_path / f"clip{ending}").write_bytes(encode([counted(index) for index in range(6)], DELAYS))
    with open_clip(tmp_path / f"clip{ending}") as clip:
        frames = list(clip.frames())
        assert [count(frame.pixels) for frame in frames] == list(range(6))
        assert [frame.duration for frame in frames] == [Fraction(delay, 1000) for delay in DELAYS]
        assert [frame.time for frame in frames] == [Fraction(sum(DELAYS[:i]), 1000) for i in range(6)]
        assert [frame.index for frame in clip.frames(0.08, 0.3)] == [2, 3]
        info = clip.info
    assert (info.kind, info.frames, info.duration_seconds, info.variable_rate) == ("animation", 6, 1.36, True)


@pytest.mark.parametrize("ending", [".gif", ".webp"])
def test_films_become_animations_and_back(tmp_path: Path, ending: str) -> None:
    source = make_clip(tmp_path / "clip.mp4", 12, tone="aac")
    writer = copied(source, tmp_path / f"film{ending}")
    assert writer.notices == [f"{ending} has no sound: it is left out"]
    assert counts(tmp_path / f"film{ending}") == list(range(12))
    assert read_header(tmp_path / f"film{ending}").delays_ms == (40,) * 12
    copied(tmp_path / f"film{ending}", tmp_path / "again.mp4")
    assert counts(tmp_path / "again.mp4") == list(range(12))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.mp4", "clip.mp4", f"film{ending}"]


def test_delays_of_a_gif_add_up_though_they_are_rounded(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", 24, rate=24)
    copied(source, tmp_path / "film.gif")
    delays = read_header(tmp_path / "film.gif").delays_ms
    assert set(delays) == {40, 50}
    assert sum(delays) == 1000


def test_a_gif_leaves_out_what_no_browser_shows_in_time(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", 60, rate=100)
    writer = copied(source, tmp_path / "film.gif")
    assert writer.notices == [".gif shows at most 50 frames a second: others are left out"]
    assert counts(tmp_path / "film.gif") == list(range(0, 60, 2))
    assert set(read_header(tmp_path / "film.gif").delays_ms) == {20}


def test_alpha_is_kept(tmp_path: Path) -> None:
    info = open_clip(make_clip(tmp_path / "clip.mkv", 2, codec="ffv1", pixel_format="bgra")).info
    assert info.has_alpha
    alpha = torch.ones(1, 1, 48, 64)
    alpha[..., :32] = 0
    with write_clip(tmp_path / "film.webp", info) as writer:
        for index in range(2):
            pixels = torch.tensor(counted(index)).permute(2, 0, 1)[None] / 255
            writer.write(Frame(index, Fraction(index, 25), Fraction(1, 25), pixels, alpha))
    with open_clip(tmp_path / "film.webp") as clip:
        assert clip.info.has_alpha
        shown = next(clip.frames()).alpha
    assert shown is not None
    assert torch.equal(shown, alpha)


def test_a_still_picture_in_webp_is_a_film_of_one_frame(tmp_path: Path) -> None:
    (tmp_path / "clip.webp").write_bytes(encode_webp([counted(5)], [0]))
    assert counts(tmp_path / "clip.webp") == [5]
    assert open_clip(tmp_path / "clip.webp").info.duration_seconds == 0.1


def test_a_damaged_animation_is_one_line(tmp_path: Path) -> None:
    whole = encode_gif([np.roll(counted(index), index) for index in range(6)], DELAYS)
    (tmp_path / "head.gif").write_bytes(whole[:9])
    with pytest.raises(InputError, match=r"cannot read .*head\.gif"):
        open_clip(tmp_path / "head.gif")


def test_a_gif_cut_short_has_the_frames_that_are_there(tmp_path: Path) -> None:
    whole = encode_gif([np.roll(counted(index), index, axis=0) for index in range(6)], DELAYS)
    (tmp_path / "half.gif").write_bytes(whole[: len(whole) * 2 // 3])
    with open_clip(tmp_path / "half.gif") as clip:
        assert clip.info.frames == len(list(clip.frames()))
        assert 2 <= clip.info.frames < 6


def test_quality_is_for_webp(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", 3)
    with pytest.raises(OptionError, match="a GIF has no choice of quality"):
        write_clip(tmp_path / "film.gif", open_clip(source).info, quality=50)
    with pytest.raises(OptionError, match="0 to 100, got 101"):
        write_clip(tmp_path / "film.webp", open_clip(source).info, quality=101)
    for quality in (10, 95):
        copied(source, tmp_path / f"{quality}.webp", quality=quality)
    assert (tmp_path / "10.webp").stat().st_size < (tmp_path / "95.webp").stat().st_size
