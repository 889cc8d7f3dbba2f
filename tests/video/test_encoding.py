"""A film is written with the times, the sound, the depth, the alpha and the colours of the clip it comes from."""

from __future__ import annotations

import resource
import signal
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from clips import copied, counts, make_clip, packets, times_of

from impasto.errors import InputError, OptionError, OutputError
from impasto.video.clip import open_clip, write_clip
from impasto.video.codecs import CODECS
from impasto.video.frames import Frame

VARIABLE = [Fraction(ticks, 90_000) for ticks in (0, 1501, 3003, 9000, 9100, 20_000, 20_001, 50_000)]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_keeps_frames_and_times(tmp_path: Path, codec: str, capfd: pytest.CaptureFixture[str]) -> None:
    source = make_clip(tmp_path / "clip.mp4", 12)
    for ending in CODECS[codec].endings:
        film = tmp_path / f"film{ending}"
        copied(source, film, codec=codec)
        assert counts(film) == list(range(12))
        assert open_clip(film).info.codec == codec
        within = Fraction(1, 2000) if ending in (".mkv", ".webm") else 0  # Matroska has milliseconds
        for before, after in zip(times_of(source), times_of(film), strict=True):
            assert abs(before - after) <= within
        assert open_clip(film).info.duration_seconds == pytest.approx(0.48, abs=0.0011)
    assert capfd.readouterr() == ("", "")  # encoders like to talk


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
def test_variable_times_are_those_of_the_source(tmp_path: Path, codec: str) -> None:
    source = make_clip(tmp_path / "clip.mp4", VARIABLE, time_base=Fraction(1, 90_000))
    assert open_clip(source).info.variable_rate
    copied(source, tmp_path / "film.mp4", codec=codec)
    assert times_of(tmp_path / "film.mp4") == times_of(source) == VARIABLE
    assert counts(tmp_path / "film.mp4") == list(range(len(VARIABLE)))
    durations = [frame.duration for frame in open_clip(tmp_path / "film.mp4").frames()]
    assert durations == [frame.duration for frame in open_clip(source).frames()]


@pytest.mark.parametrize(("tone", "ending"), [("aac", ".mp4"), ("aac", ".mov"), ("aac", ".mkv"), ("libopus", ".webm")])
def test_sound_is_copied_packet_by_packet(tmp_path: Path, tone: str, ending: str) -> None:
    source = make_clip(tmp_path / f"clip{'.mkv' if tone == 'libopus' else '.mp4'}", 20, tone=tone)
    copied(source, tmp_path / f"film{ending}")
    before, after = packets(source, "audio"), packets(tmp_path / f"film{ending}", "audio")
    assert len(after) > 15
    if ending == ".mkv":  # holds nothing before 0
        before = [(data, time) for data, time in before if time >= 0]
    within = Fraction(1, 900) if ending in (".mkv", ".webm") else 0
    assert [data for data, _ in after] == [data for data, _ in before]
    assert all(abs(one - other) <= within for (_, one), (_, other) in zip(before, after, strict=True))


def test_sound_can_be_left_out(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", tone="aac")
    copied(source, tmp_path / "film.mp4", sound=False)
    assert not open_clip(tmp_path / "film.mp4").info.has_audio


def test_sound_that_the_container_cannot_hold_is_refused_at_once(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", tone="aac")
    with pytest.raises(OptionError, match=r"\.webm cannot hold the clip's sound \(aac\); choose \.mkv, or leave"):
        write_clip(tmp_path / "film.webm", open_clip(source).info)
    assert names(tmp_path) == ["clip.mp4"]


def test_a_piece_cuts_picture_and_sound(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", 50, tone="aac")
    copied(source, tmp_path / "film.mp4", piece=(0.5, 1.5))
    assert counts(tmp_path / "film.mp4") == [index for index in range(50) if 0.5 <= index / 25 < 1.5]
    assert times_of(tmp_path / "film.mp4") == [Fraction(index, 25) for index in range(25)]
    begin = Fraction(13, 25)  # the first frame at or after 0.5 s
    before = [(data, time - begin) for data, time in packets(source, "audio") if begin <= time < begin + 1]
    assert packets(tmp_path / "film.mp4", "audio") == before
    assert len(before) in (46, 47)


def test_what_is_finished_early_plays_to_its_last_frame(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", 50, tone="aac")
    with open_clip(source) as clip:
        writer = write_clip(tmp_path / "film.mp4", clip.info)
        for frame in clip.frames(None, 0.4):
            writer.write(frame)
        writer.finish()
    assert counts(tmp_path / "film.mp4") == list(range(10))
    sound = packets(tmp_path / "film.mp4", "audio")
    assert sound == [(data, time) for data, time in packets(source, "audio") if time < Fraction(2, 5)]
    assert names(tmp_path) == ["clip.mp4", "film.mp4"]


def test_a_block_that_fails_leaves_nothing(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", tone="aac")
    with (
        pytest.raises(KeyboardInterrupt),
        open_clip(source) as clip,
        write_clip(tmp_path / "film.mov", clip.info, codec="prores") as writer,
    ):
        for frame in clip.frames():
            writer.write(frame)
        assert len(names(tmp_path)) == 2
        raise KeyboardInterrupt
    assert names(tmp_path) == ["clip.mp4"]


def test_an_existing_film_is_kept_until_the_new_one_is_whole(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4")
    (tmp_path / "film.mp4").write_bytes(b"before")
    with open_clip(source) as clip:
        with pytest.raises(OutputError, match="--overwrite"):
            write_clip(tmp_path / "film.mp4", clip.info)
        writer = write_clip(tmp_path / "film.mp4", clip.info, overwrite=True)
        for frame in clip.frames():
            writer.write(frame)
        assert (tmp_path / "film.mp4").read_bytes() == b"before"
        writer.close()
    assert counts(tmp_path / "film.mp4") == list(range(10))


def test_a_film_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4")
    with open_clip(source) as clip:
        writer = write_clip(tmp_path / "film.mp4", clip.info)
        writer.write(next(clip.frames()))
        (tmp_path / "film.mp4").write_bytes(b"another's")
        with pytest.raises(OutputError, match="appeared meanwhile"):
            writer.close()
    assert (tmp_path / "film.mp4").read_bytes() == b"another's"
    assert names(tmp_path) == ["clip.mp4", "film.mp4"]


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".gif", ".webp", ""])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, ending: str) -> None:
    def noise(index: int) -> np.ndarray[Any, Any]:
        return np.random.default_rng(index).integers(0, 256, (480, 640, 3), dtype=np.uint8)

    source = make_clip(tmp_path / "clip.mp4", 6, size=(640, 480), draw=noise)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # the kernel then refuses to write more
        with pytest.raises(OutputError, match=r"cannot write .*film.*(?i:file too large).*check") as caught:
            copied(source, tmp_path / f"film{ending}", quality=None if ending in (".gif", "") else 100)
        assert ".part" not in str(caught.value)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert names(tmp_path) == ["clip.mp4"]


def test_no_frame_is_no_film(tmp_path: Path) -> None:
    info = open_clip(make_clip(tmp_path / "clip.mp4")).info
    with pytest.raises(OutputError, match="there is no frame in it"), write_clip(tmp_path / "film.mp4", info):
        pass
    assert names(tmp_path) == ["clip.mp4"]


def test_frames_come_in_order_and_in_one_size(tmp_path: Path) -> None:
    with open_clip(make_clip(tmp_path / "clip.mp4")) as clip:
        first, second = list(clip.frames())[:2]
        with (
            pytest.raises(OutputError, match="not after the one before"),
            write_clip(tmp_path / "film.mp4", clip.info) as writer,
        ):
            writer.write(second)
            writer.write(first)
        with pytest.raises(OutputError, match="another size"), write_clip(tmp_path / "film.mp4", clip.info) as writer:
            writer.write(first)
            writer.write(replace(second, pixels=second.pixels[..., :32]))
    assert names(tmp_path) == ["clip.mp4"]


@pytest.mark.parametrize(("size", "coded"), [((65, 49), (66, 50)), ((1, 1), (2, 2)), ((4097, 3), (4098, 4))])
def test_odd_sizes_get_a_row_or_column_more(tmp_path: Path, size: tuple[int, int], coded: tuple[int, int]) -> None:
    info = open_clip(make_clip(tmp_path / "clip.mp4", 2)).info
    pixels = torch.linspace(0, 1, size[0] * size[1]).reshape(1, 1, size[1], size[0]).repeat(1, 3, 1, 1)
    with write_clip(tmp_path / "film.mp4", info) as writer:
        for index in range(2):
            writer.write(Frame(index, Fraction(index, 25), Fraction(1, 25), pixels))
    told = f"{size[0]} x {size[1]} px: the last column and row are repeated up to {coded[0]} x {coded[1]}"
    assert writer.notices == [f"the codec holds no {told}"]
    film = open_clip(tmp_path / "film.mp4")
    assert (film.info.width_px, film.info.height_px) == coded
    shown = next(film.frames()).pixels[..., : size[1], : size[0]]
    assert (shown - pixels).abs().mean() < 0.02


@pytest.mark.parametrize(("codec", "ending"), [("vp9", ".webm"), ("av1", ".mp4"), ("prores", ".mov"), ("ffv1", ".mkv")])
def test_other_codecs_hold_odd_sizes(tmp_path: Path, codec: str, ending: str) -> None:
    source = make_clip(tmp_path / "clip.mkv", 3, codec="ffv1", pixel_format="bgr0", size=(65, 49))
    writer = copied(source, tmp_path / f"film{ending}", codec=codec)
    assert writer.notices == []
    info = open_clip(tmp_path / f"film{ending}").info
    assert (info.width_px, info.height_px) == (65, 49)


def ramp(_: int) -> np.ndarray[Any, Any]:
    """A ramp of grey in 10-bit steps, at 16 bit."""
    levels = np.arange(320, 320 + 64) * 64
    return np.repeat(np.tile(levels, (48, 1))[..., None], 3, axis=2).astype(np.uint16)


@pytest.mark.parametrize(("codec", "ending"), [(None, ".mp4"), ("h264", ".mkv"), ("av1", ".webm"), ("prores", ".mov")])
def test_ten_bits_stay_ten_bits(tmp_path: Path, codec: str | None, ending: str) -> None:
    source = make_clip(
        tmp_path / "clip.mkv", 3, codec="ffv1", pixel_format="gbrp16le", draw=ramp, drawn_format="rgb48le"
    )
    assert open_clip(source).info.bit_depth == 16
    copied(source, tmp_path / f"film{ending}", codec=codec, quality=None if codec == "prores" else 95)
    film = open_clip(tmp_path / f"film{ending}")
    assert film.info.bit_depth == 10
    wanted, shown = (next(clip.frames()).pixels[0, 1, 24] for clip in (open_clip(source), film))
    assert (shown - wanted).abs().max() < 1.5 / 1023 * (1023 / 876)
    assert len(shown.unique()) > 40  # 8 bits have 14 levels there


def see_through(index: int) -> np.ndarray[Any, Any]:
    pixels = np.full((48, 64, 4), (200, 60, 30, 255), np.uint8)
    pixels[:, 32:, 3] = 40 + index
    return pixels


@pytest.mark.parametrize(("codec", "ending"), [(None, ".webm"), (None, ".mov"), (None, ".mkv"), ("ffv1", ".mkv")])
def test_alpha_is_kept_where_it_can_be(tmp_path: Path, codec: str | None, ending: str) -> None:
    source = make_clip(
        tmp_path / "clip.mkv", 3, codec="ffv1", pixel_format="bgra", draw=see_through, drawn_format="rgba"
    )
    writer = copied(source, tmp_path / f"film{ending}", codec=codec)
    assert writer.notices == []
    film = open_clip(tmp_path / f"film{ending}")
    assert film.info.has_alpha
    for wanted, shown in zip(open_clip(source).frames(), film.frames(), strict=True):
        assert wanted.alpha is not None and shown.alpha is not None
        assert (shown.alpha - wanted.alpha).abs().max() < 3 / 255
        assert (shown.pixels - wanted.pixels)[..., :30].abs().max() < 4 / 255


def test_alpha_is_laid_over_white_where_it_cannot(tmp_path: Path) -> None:
    source = make_clip(
        tmp_path / "clip.mkv", 3, codec="ffv1", pixel_format="bgra", draw=see_through, drawn_format="rgba"
    )
    writer = copied(source, tmp_path / "film.mp4", quality=95)
    assert writer.notices == [".mp4 of this codec has no alpha: the film is laid over white"]
    frame = next(open_clip(tmp_path / "film.mp4").frames())
    assert frame.alpha is None
    alpha = 40 / 255
    wanted = [value / 255 * alpha + 1 - alpha for value in (200, 60, 30)]
    assert frame.pixels[0, :, 24, 48].tolist() == pytest.approx(wanted, abs=3 / 255)


def test_alpha_of_another_size_fits_itself(tmp_path: Path) -> None:
    source = make_clip(
        tmp_path / "clip.mkv", 1, codec="ffv1", pixel_format="bgra", draw=see_through, drawn_format="rgba"
    )
    with open_clip(source) as clip, write_clip(tmp_path / "film.mkv", clip.info, codec="ffv1") as writer:
        for frame in clip.frames():
            writer.write(replace(frame, pixels=torch.full((1, 3, 96, 128), 0.5)))
    frame = next(open_clip(tmp_path / "film.mkv").frames())
    assert frame.alpha is not None
    assert frame.alpha[0, 0, 48, [10, 120]].tolist() == pytest.approx([1, 40 / 255], abs=1 / 255)


def test_colours_are_tagged_and_come_back(tmp_path: Path) -> None:
    def colours(_: int) -> np.ndarray[Any, Any]:
        return np.repeat(np.repeat(np.random.default_rng(3).integers(0, 256, (3, 4, 3), dtype=np.uint8), 16, 0), 16, 1)

    source = make_clip(tmp_path / "clip.mkv", 3, codec="ffv1", pixel_format="bgr0", draw=colours)
    for ending, codec in ((".mp4", "h264"), (".mp4", "hevc"), (".mp4", "av1"), (".webm", "vp9"), (".mov", "prores")):
        film = tmp_path / f"{codec}{ending}"
        copied(source, film, codec=codec, quality=None if codec == "prores" else 97)
        with av.open(str(film)) as container:
            frame: Any = next(container.decode(video=0))
            tags = (frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc)
            assert tags == (1, 1, 1, 1), codec
        shown = next(open_clip(film).frames()).pixels[0, :, 8::16, 8::16] * 255
        wanted = torch.tensor(colours(0)[8::16, 8::16]).permute(2, 0, 1)
        assert (shown - wanted).abs().max() < 5, codec


def test_the_record_and_some_metadata_are_kept_but_no_position(tmp_path: Path) -> None:
    source = tmp_path / "clip.mp4"
    with av.open(str(source), "w", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata.update({"copyright": "me", "location": "+48.2+16.3/", "com.apple.quicktime.location": "x"})
        stream: Any = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 32
        frame = av.VideoFrame(32, 32, "yuv420p")
        frame.pts = 0
        container.mux([*stream.encode(frame), *stream.encode()])
    for ending in (".mp4", ".mkv", ".webm", ".mov"):
        film = tmp_path / f"film{ending}"
        copied(source, film, record={"version": "0.2.0", "name": "Große Welle"})
        assert open_clip(film).info.record == {"version": "0.2.0", "name": "Große Welle"}
        with av.open(str(film)) as container:
            tags = {key.lower(): value for key, value in container.metadata.items()}
        assert tags["copyright"] == "me"
        assert not any("location" in key for key in tags)
        assert b"48.2" not in film.read_bytes()


def test_the_same_frames_make_the_same_bytes(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", tone="aac")
    for ending in (".mp4", ".mkv"):
        for name in ("one", "other"):
            copied(source, tmp_path / f"{name}{ending}")
        assert (tmp_path / f"one{ending}").read_bytes() == (tmp_path / f"other{ending}").read_bytes()


def test_a_damaged_sound_ends_where_it_is_damaged(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "whole.mkv", 40, tone="aac").read_bytes()
    (tmp_path / "clip.mkv").write_bytes(whole[: len(whole) * 2 // 3])
    copied(tmp_path / "clip.mkv", tmp_path / "film.mkv")
    assert counts(tmp_path / "film.mkv")[:20] == list(range(20))
    before, after = packets(tmp_path / "clip.mkv", "audio"), packets(tmp_path / "film.mkv", "audio")
    assert [data for data, _ in after] == [data for data, _ in before]


def test_an_encoder_that_is_not_built_in_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = open_clip(make_clip(tmp_path / "clip.mp4")).info
    monkeypatch.setitem(CODECS, "h264", replace(CODECS["h264"], encoder="libmissing"))  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="no encoder libmissing; choose another codec"):
        write_clip(tmp_path / "film.mp4", info)


def test_a_source_that_went_away_is_an_error_of_input(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", tone="aac")
    info = open_clip(source).info
    source.unlink()
    with pytest.raises(InputError, match="there is no such file"):
        write_clip(tmp_path / "film.mp4", info)
