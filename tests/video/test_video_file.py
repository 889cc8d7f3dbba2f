"""Video files are read as who watches them sees them."""

from __future__ import annotations

import itertools
import struct
import tracemalloc
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import count, counted, counts, make_clip, write_tone
from PIL import Image

from impasto.errors import InputError
from impasto.video.clip import open_clip

VARIABLE = [Fraction(ticks, 90_000) for ticks in (0, 1501, 3003, 9000, 9100, 20_000, 20_001, 50_000)]


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
    assert (info.codec, info.bit_depth, info.has_alpha, info.hdr, info.record) == ("h264", 8, False, "", None)
    assert clip.notices == []


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".avi", ".ts", ".flv"])
def test_any_container(tmp_path: Path, ending: str) -> None:
    clip = open_clip(make_clip(tmp_path / f"clip{ending}", 12, options={"bf": "0"} if ending == ".avi" else None))
    frames = list(clip.frames())
    assert [count(frame.pixels) for frame in frames] == list(range(12))
    for frame in frames:
        assert abs(frame.time - Fraction(frame.index, 25)) <= (0 if ending in (".mp4", ".ts") else Fraction(1, 1000))
    assert clip.info.frames == 12
    assert clip.info.frame_rate == 25
    assert not clip.info.variable_rate


def test_variable_times_and_durations(tmp_path: Path) -> None:
    clip = open_clip(make_clip(tmp_path / "clip.mp4", VARIABLE, time_base=Fraction(1, 90_000)))
    frames = list(clip.frames())
    assert [frame.time for frame in frames] == VARIABLE
    assert [frame.duration for frame in frames[:-1]] == [b - a for a, b in itertools.pairwise(VARIABLE)]
    assert clip.info.variable_rate


@pytest.mark.parametrize("piece", [(0.0, 0.2), (0.5, 1.0), (0.52, 0.5201), (1.9, None), (0.33, 1.21), (1.99, 9)])
@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".ts"])
def test_a_piece_is_what_the_whole_has_there(tmp_path: Path, piece: tuple[float, float | None], ending: str) -> None:
    with open_clip(make_clip(tmp_path / f"clip{ending}", 50)) as clip:
        begin, end = Fraction(str(piece[0])), Fraction(str(piece[1] or 99))
        wanted = [frame.index for frame in clip.frames() if begin <= frame.time < end]
        frames = list(clip.frames(*piece))
    assert [frame.index for frame in frames] == [count(frame.pixels) for frame in frames] == wanted


def test_several_readers_do_not_meet(tmp_path: Path) -> None:
    with open_clip(make_clip(tmp_path / "clip.mp4", 6)) as clip:
        pairs = list(zip(clip.frames(), clip.frames(0.04), strict=False))
    assert [(count(one.pixels), count(other.pixels)) for one, other in pairs] == [(i, i + 1) for i in range(5)]


# ---------------------------------------------------------------------------------------------- upright, square


def corner(_: int) -> np.ndarray[Any, Any]:
    """Black, with white at the top left and grey at the top right."""
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:16, :16], pixels[:16, -16:] = 255, 128
    return pixels


@pytest.mark.parametrize(("rotation", "turns"), [(0, 0), (90, 1), (180, 2), (-90, 3)])
def test_rotation_is_undone(tmp_path: Path, rotation: int, turns: int) -> None:
    clip = open_clip(make_clip(tmp_path / "clip.mp4", 3, draw=corner, rotation=rotation))
    wanted = np.rot90(corner(0), turns)  # both count degrees against the clock
    assert (clip.info.height_px, clip.info.width_px) == wanted.shape[:2]
    for frame in clip.frames():
        assert np.abs(frame.pixels[0].permute(1, 2, 0).numpy() * 255 - wanted).max() < 12


@pytest.mark.parametrize("flip", ["hflip", "vflip"])
def test_mirrored_films_are_mirrored_back(tmp_path: Path, flip: str) -> None:
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.width, stream.height = 64, 48
        stream.set_display_rotation(0, **{flip: True})
        frame = av.VideoFrame.from_ndarray(corner(0), format="rgb24")
        frame.pts = 0
        container.mux([*stream.encode(frame), *stream.encode()])
    wanted = corner(0)[:, ::-1] if flip == "hflip" else corner(0)[::-1]
    (seen,) = open_clip(path).frames()
    assert np.abs(seen.pixels[0].permute(1, 2, 0).numpy() * 255 - wanted).max() < 12


@pytest.mark.parametrize(
    ("aspect", "size"), [(Fraction(2), (48, 128)), (Fraction(1, 2), (96, 64)), (Fraction(64, 45), (48, 91))]
)
def test_pixels_become_square(tmp_path: Path, aspect: Fraction, size: tuple[int, int]) -> None:
    clip = open_clip(make_clip(tmp_path / "clip.mp4", 3, aspect=aspect))
    assert (clip.info.height_px, clip.info.width_px) == size
    assert next(clip.frames()).pixels.shape == (1, 3, *size)
    turned = open_clip(make_clip(tmp_path / "turned.mp4", 3, aspect=aspect, rotation=90))
    assert (turned.info.width_px, turned.info.height_px) == size


# ------------------------------------------------------------------------------------------------------ colours

GREYS = [0, 40, 128, 200, 255]


@pytest.mark.parametrize("full", [False, True])
def test_greys_of_both_ranges(tmp_path: Path, full: bool) -> None:
    def levels(_: int) -> np.ndarray[Any, Any]:
        """Planes of yuv420p, of the greys above, coded by the range."""
        luma = np.repeat([round(grey if full else 16 + grey * 219 / 255) for grey in GREYS], 16)
        return np.concatenate([np.tile(luma, (48, 1)), np.full((24, 80), 128)]).astype(np.uint8)

    tag = {"color_range": 2 if full else 1, "colorspace": 1}
    source = make_clip(
        tmp_path / "clip.mp4", 3, size=(80, 48), draw=levels, drawn_format="yuv420p", color=tag, options={"qp": "0"}
    )
    shown = next(open_clip(source).frames()).pixels[0, :, 24, 8::16] * 255
    for channel in shown:
        assert channel.tolist() == pytest.approx(GREYS, abs=1)


@pytest.mark.parametrize(("codec", "ending", "full"), [("ffv1", ".mkv", True), ("libx264", ".mp4", False)])
def test_grey_alone_has_the_range_of_its_codec(tmp_path: Path, codec: str, ending: str, full: bool) -> None:
    levels = np.repeat([round(grey if full else 16 + grey * 219 / 255) for grey in GREYS], 16).astype(np.uint8)
    source = make_clip(
        tmp_path / f"clip{ending}", 1, codec=codec, pixel_format="gray", size=(80, 48),
        draw=lambda _: np.tile(levels, (48, 1)), drawn_format="gray", options={"qp": "0"} if ending == ".mp4" else None,
    )  # fmt: skip
    shown = next(open_clip(source).frames()).pixels[0, :, 24, 8::16] * 255
    for channel in shown:
        assert channel.tolist() == pytest.approx(GREYS, abs=1)


@pytest.mark.parametrize(
    ("matrix", "tag", "height", "name"),
    [
        ((0.299, 0.114), 5, 48, "BT.601"),
        ((0.2126, 0.0722), 1, 48, "BT.709"),
        ((0.2627, 0.0593), 9, 48, "BT.2020"),
        ((0.299, 0.114), 2, 48, "BT.601"),  # says nothing: by its size
        ((0.2126, 0.0722), 2, 720, "BT.709"),
    ],
)
def test_colours_by_the_matrix(tmp_path: Path, matrix: tuple[float, float], tag: int, height: int, name: str) -> None:
    colours = np.array([(200, 40, 60), (20, 180, 90), (30, 60, 220), (250, 240, 20)]) / 255
    red, blue = matrix
    y = colours @ [red, 1 - red - blue, blue]
    cb, cr = (colours[:, 2] - y) / (2 - 2 * blue), (colours[:, 0] - y) / (2 - 2 * red)

    def coded(_: int) -> np.ndarray[Any, Any]:
        luma = np.tile(np.repeat(16 + 219 * y, 16), (height, 1))
        chroma = [np.tile(np.repeat(128 + 224 * c, 8), (height // 2, 1)).reshape(-1, 64) for c in (cb, cr)]
        return np.rint(np.concatenate([luma, *chroma])).astype(np.uint8)

    tags = {"colorspace": tag, "color_range": 1}
    source = make_clip(
        tmp_path / "clip.mp4", 1, size=(64, height), draw=coded, drawn_format="yuv420p", color=tags, options={"qp": "0"}
    )
    clip = open_clip(source)
    assert clip.info.color.startswith(f"{name}, limited range")
    shown = next(clip.frames()).pixels[0, :, height // 2, 8::16].T.numpy()
    assert np.abs(shown - colours).max() * 255 < 1.6  # of coding in whole numbers


@pytest.mark.parametrize(("curve", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_tone_mapped_with_a_notice(tmp_path: Path, curve: int, name: str) -> None:
    def steps(_: int) -> np.ndarray[Any, Any]:
        levels = np.repeat(np.linspace(0, 65535, 8), 8)
        return np.repeat(np.tile(levels, (48, 1))[..., None], 3, 2).astype(np.uint16)

    tags = {"colorspace": 9, "color_range": 1, "color_primaries": 9, "color_trc": curve}
    options = {"x265-params": "log-level=none"}
    source = make_clip(
        tmp_path / "clip.mp4", 2, codec="libx265", pixel_format="yuv420p10le", draw=steps, drawn_format="rgb48le",
        color=tags, options=options,
    )  # fmt: skip
    clip = open_clip(source)
    assert (clip.info.hdr, clip.info.bit_depth) == (name, 10)
    assert clip.notices == [f"the clip is in HDR ({name}); it is tone-mapped to sRGB"]
    shown = next(clip.frames()).pixels[0, 1, 24, 4::8]
    assert (shown.diff() > -0.01).all()
    assert shown[0] < 0.02
    assert shown[-1] > 0.98


def test_ten_bits_are_all_read(tmp_path: Path) -> None:
    def ramp(_: int) -> np.ndarray[Any, Any]:
        return np.concatenate([np.tile(np.arange(400, 464), (48, 1)), np.full((24, 64), 512)]).astype(np.uint16)

    source = make_clip(
        tmp_path / "clip.mp4", 1, pixel_format="yuv420p10le", draw=ramp, drawn_format="yuv420p10le", options={"qp": "0"}
    )
    clip = open_clip(source)
    assert clip.info.bit_depth == 10
    shown = next(clip.frames()).pixels[0, 0, 24]
    assert shown.tolist() == pytest.approx([(level - 64) / 876 for level in range(400, 464)], abs=1.1 / 876)
    assert len(shown.unique()) > 50


# ------------------------------------------------------------------------------------------------------ trouble


def test_what_is_no_film_is_refused_in_a_line(tmp_path: Path) -> None:
    def refused(name: str) -> str:
        with pytest.raises(InputError) as caught:
            open_clip(name if "://" in name else tmp_path / name)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    (tmp_path / "text.mp4").write_text("not a film\n" * 100)
    make_clip(tmp_path / "clip.mp4", 3)
    whole = (tmp_path / "clip.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 3])
    with av.open(str(tmp_path / "sound.m4a"), "w", format="mp4") as container:
        write_tone(container, container.add_stream("aac", rate=48_000), 0.2)
    assert "the file is empty" in refused("empty.mp4")
    assert "no video that impasto reads" in refused("noise.mp4")
    assert "no video that impasto reads" in refused("text.mp4")
    assert "no video that impasto reads, or damaged" in refused("cut.mp4")
    assert "there is only sound in it" in refused("sound.m4a")
    assert "there is no such file" in refused("missing.mp4")
    assert "it is an address, and files are not fetched" in refused("https://example.org/clip.mp4")
    assert "it is an address" in refused("rtmp://example.org/live")


def test_a_codec_that_is_not_known_is_a_line(tmp_path: Path) -> None:
    data = make_clip(tmp_path / "clip.mkv", 3).read_bytes()
    (tmp_path / "clip.mkv").write_bytes(data.replace(b"V_MPEG4/ISO/AVC", b"V_MPEG9/ISO/XYZ"))
    with pytest.raises(InputError, match="its codec is not known here"):
        open_clip(tmp_path / "clip.mkv")


def test_a_first_frame_that_is_damaged_is_left_out(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mov", 5, codec="png", pixel_format="rgb24")
    data = bytearray(source.read_bytes())
    with av.open(str(source)) as container:
        packet = next(container.demux(video=0))
        place = data.find(bytes(packet))
    data[place : place + packet.size] = bytes(packet.size)
    source.write_bytes(bytes(data))
    with open_clip(source) as clip:
        assert [count(frame.pixels) for frame in clip.frames()] == [1, 2, 3, 4]
        assert len(clip.notices) == 1


@pytest.mark.parametrize(
    "text",
    ["#EXTM3U\n#EXTINF:1,\n{0}\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile '{0}'\n"],
    ids=["playlist", "list"],
)
def test_a_file_that_names_other_files_opens_none_of_them(tmp_path: Path, text: str) -> None:
    clip = make_clip(tmp_path / "clip.mp4", 3)
    (tmp_path / "list.mp4").write_text(text.format(clip))
    with pytest.raises(InputError, match="no video that impasto reads"):
        open_clip(tmp_path / "list.mp4")


def test_names_with_colons_and_percent_signs_are_names(tmp_path: Path) -> None:
    for name in ("concat:a.mp4", "clip%04d.mp4", "subfile,,start,0,end,9,,:a.mp4", "é ü.mp4"):
        make_clip(tmp_path / "clip.mp4", 3).rename(tmp_path / name)
        assert counts(tmp_path / name) == [0, 1, 2]


def test_a_film_cut_short_has_the_frames_that_are_there(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "whole.mkv", 40).read_bytes()
    (tmp_path / "clip.mkv").write_bytes(whole[: len(whole) * 2 // 3])
    with open_clip(tmp_path / "clip.mkv") as clip:
        seen = [count(frame.pixels) for frame in clip.frames()]
        assert seen[:15] == list(range(15))
        assert len(seen) < 40
        assert clip.info.frames is not None
        assert len(seen) <= clip.info.frames <= len(seen) + 2
        assert clip.info.duration_seconds < 1.6


def test_damaged_pieces_are_left_out_and_said(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mov", 20, codec="png", pixel_format="rgb24")
    data = bytearray(source.read_bytes())
    with av.open(str(source)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][10]
        place = data.find(bytes(packet))
    data[place : place + packet.size] = bytes(packet.size)
    source.write_bytes(bytes(data))
    with open_clip(source) as clip:
        seen = [count(frame.pixels) for frame in clip.frames()]
    assert seen == [index for index in range(20) if index != 10]
    assert len(clip.notices) == 1
    assert "damaged" in clip.notices[0]


def test_a_header_of_a_day_is_not_believed(tmp_path: Path) -> None:
    data = bytearray(make_clip(tmp_path / "clip.mkv", 10).read_bytes())
    place = data.find(b"\x44\x89\x88") + 3  # the element Duration, in milliseconds
    data[place : place + 8] = struct.pack(">d", 86_400_000.0)
    (tmp_path / "clip.mkv").write_bytes(bytes(data))
    with av.open(str(tmp_path / "clip.mkv")) as container:
        assert container.duration == 86_400_000_000
    with open_clip(tmp_path / "clip.mkv") as clip:
        assert clip.info.duration_seconds == pytest.approx(0.4, abs=0.001)
        assert clip.info.frames == 10
        assert [count(frame.pixels) for frame in clip.frames()] == list(range(10))


@pytest.mark.parametrize("size", [(2, 2), (4098, 4), (66, 50)])
def test_odd_sizes_and_a_single_frame(tmp_path: Path, size: tuple[int, int]) -> None:
    with open_clip(make_clip(tmp_path / "clip.mp4", 1, size=size)) as clip:
        (frame,) = clip.frames()
        assert frame.pixels.shape == (1, 3, size[1], size[0])
        assert frame.duration == Fraction(1, 25)
        assert (clip.info.frames, clip.info.duration_seconds) == (1, 0.04)


@pytest.mark.parametrize("size", [(1, 1), (65, 49), (4097, 3)])
def test_sides_that_chroma_does_not_divide(tmp_path: Path, size: tuple[int, int]) -> None:
    source = make_clip(
        tmp_path / "clip.webm",
        2,
        codec="libvpx-vp9",
        size=size,
        draw=lambda _: np.full((size[1], size[0], 3), 90, np.uint8),
    )
    frame = next(open_clip(source).frames())
    assert frame.pixels.shape == (1, 3, size[1], size[0])
    assert (frame.pixels * 255 - 90).abs().max() < 4


def test_a_size_that_changes_midway_becomes_that_of_the_first(tmp_path: Path) -> None:
    joined = b"".join(make_clip(tmp_path / f"{size[0]}.ts", 5, size=size).read_bytes() for size in ((64, 48), (96, 72)))
    (tmp_path / "clip.ts").write_bytes(joined)
    frames = list(open_clip(tmp_path / "clip.ts").frames())
    assert {tuple(frame.pixels.shape) for frame in frames} == {(1, 3, 48, 64)}
    assert len(frames) == 10


def test_interlaced_films_are_read_with_a_notice(tmp_path: Path) -> None:
    options = {"x264-params": "tff=1:interlaced=1", "flags": "+ildct+ilme"}
    clip = open_clip(make_clip(tmp_path / "clip.mp4", 4, options=options))
    assert clip.notices == ["the clip is interlaced: moving edges are combed; deinterlace it first"]
    assert len(list(clip.frames())) == 4


def test_a_picture_is_no_film(tmp_path: Path) -> None:
    Image.fromarray(counted(3)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="it is a single picture; give a film"):
        open_clip(tmp_path / "a.png")


def test_memory_does_not_grow_with_the_film(tmp_path: Path) -> None:
    peaks = []
    for frames in (8, 40):
        path = make_clip(tmp_path / f"{frames}.mp4", frames, size=(128, 96))
        with open_clip(path) as clip:
            tracemalloc.start()
            for _ in clip.frames():
                pass
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0] + 50_000
