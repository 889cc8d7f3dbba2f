"""Folders of numbered frames, in and out."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clips import copied, count, counted, counts, make_clip

from impasto.errors import InputError, OptionError, OutputError
from impasto.images.reading import load_picture
from impasto.images.writing import save_picture
from impasto.video.clip import open_clip, write_clip
from impasto.video.frame_folder import numbered_frames


def make_folder(folder: Path, numbers: list[int] | range, name: str = "shot_{:03d}.png", bit_depth: int = 8) -> Path:
    folder.mkdir()
    for number in numbers:
        save_picture(folder / name.format(number), counted(number) / np.float32(255), bit_depth=bit_depth)
    return folder


def test_frames_come_by_number_not_by_name(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "frames", range(7, 13), "shot{}.png")  # shot10 is before shot7 by name
    (folder / "notes.txt").write_text("not a frame")
    (folder / ".shot99.png").write_bytes(b"hidden")
    with open_clip(folder, frame_rate=12) as clip:
        frames = list(clip.frames())
        assert [count(frame.pixels) for frame in frames] == list(range(7, 13))
        assert [frame.time for frame in frames] == [Fraction(index, 12) for index in range(6)]
        assert [frame.index for frame in clip.frames(0.25, 0.4)] == [3, 4]
        info = clip.info
    assert (info.kind, info.frames, info.frame_rate, info.duration_seconds) == ("folder", 6, 12, 0.5)
    assert open_clip(folder).info.frame_rate == 24


def test_a_frame_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "frames", [1, 2, 3, 4, 5, 6, 8, 9])
    with pytest.raises(InputError, match=r"frame 7 is missing between shot_006\.png and shot_008\.png$"):
        open_clip(folder)
    (folder / "shot_003.png").unlink()
    with pytest.raises(InputError, match=r"frame 3 is missing between shot_002\.png and shot_004\.png, and 1 more$"):
        open_clip(folder)


def test_a_folder_that_is_no_film_is_refused_in_a_line(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    with pytest.raises(InputError, match="no numbered frames"):
        open_clip(folder)
    for name in ("a_1.png", "b_1.png"):
        save_picture(folder / name, np.zeros((4, 4, 3)))
    with pytest.raises(InputError, match=r"there are 2 films in it \(a_1\.png, b_1\.png\)"):
        open_clip(folder)
    (folder / "b_1.png").rename(folder / "a_01.png")
    with pytest.raises(InputError, match=r"frame 1 is there twice \(a_01\.png, a_1\.png\)"):
        open_clip(folder)


def test_a_frame_of_another_size_is_found_before_any_is_read(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "frames", range(3))
    save_picture(folder / "shot_003.png", np.zeros((10, 20, 3)))
    with pytest.raises(InputError, match=r"shot_003\.png.*it has 20 x 10 px, and the first frame 64 x 48"):
        open_clip(folder)


def test_a_damaged_frame_is_named(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "frames", range(3))
    data = (folder / "shot_001.png").read_bytes()
    (folder / "shot_001.png").write_bytes(data[:20])
    with pytest.raises(InputError, match=r"shot_001\.png"):
        open_clip(folder)
    (folder / "shot_001.png").write_bytes(data[:-60])
    frames = open_clip(folder).frames()
    next(frames)
    with pytest.raises(InputError, match=r"shot_001\.png"):
        next(frames)


def test_a_folder_becomes_a_film_and_a_film_a_folder(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "frames", range(5, 11))
    copied(folder, tmp_path / "film.mp4")
    assert counts(tmp_path / "film.mp4") == list(range(5, 11))
    assert open_clip(tmp_path / "film.mp4").info.frame_rate == 24
    copied(tmp_path / "film.mp4", tmp_path / "again")
    assert [file.name for file in numbered_frames(tmp_path / "again")] == [f"frame_{i:06d}.png" for i in range(6)]
    assert counts(tmp_path / "again") == list(range(5, 11))


def test_frames_keep_names_depth_and_pixels(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "frames", range(3), "x.{:02d}.png", bit_depth=16)
    copied(folder, tmp_path / "out", piece=(1 / 24, None))
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["x.01.png", "x.02.png"]
    one, other = (load_picture(place / "x.02.png") for place in (folder, tmp_path / "out"))
    assert other.bit_depth == 16
    assert np.array_equal(one.samples, other.samples)


def test_alpha_of_frames_is_kept(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    alpha = np.linspace(0, 1, 48 * 64).reshape(48, 64)
    save_picture(tmp_path / "frames" / "0.png", np.full((48, 64, 3), 0.5), alpha=alpha)
    copied(tmp_path / "frames", tmp_path / "out")
    (frame,) = open_clip(tmp_path / "out").frames()
    assert frame.alpha is not None
    np.testing.assert_allclose(frame.alpha[0, 0].numpy(), alpha, atol=1 / 400)


def test_sound_and_codecs_are_not_for_folders(tmp_path: Path) -> None:
    info = open_clip(make_clip(tmp_path / "clip.mp4", tone="aac")).info
    assert write_clip(tmp_path / "out", info).notices == ["a folder of frames has no sound: it is left out"]
    assert write_clip(tmp_path / "out", info, sound=False).notices == []
    with pytest.raises(OptionError, match="a codec is chosen for"):
        write_clip(tmp_path / "out", info, codec="h264")
    with pytest.raises(OptionError, match="leave the quality out"):
        write_clip(tmp_path / "out", info, quality=50)
    with pytest.raises(OptionError, match="only a folder"):
        open_clip(tmp_path / "clip.mp4", frame_rate=24)


def test_files_in_the_way_are_kept(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "frames", range(3))
    out = make_folder(tmp_path / "out", range(8))
    (out / "notes.txt").write_text("kept")
    with pytest.raises(OutputError, match="the folder is not empty; give another name, or --overwrite"):
        write_clip(out, open_clip(folder).info)
    copied(folder, out, overwrite=True)  # those of a longer film would else stand behind the new ones
    assert sorted(file.name for file in out.iterdir()) == ["notes.txt", *(f"shot_{i:03d}.png" for i in range(3))]
    with pytest.raises(OutputError, match="it is a file; give the name of a folder"):
        (tmp_path / "taken").write_bytes(b"")
        write_clip(tmp_path / "taken", open_clip(folder).info)
    with pytest.raises(OutputError, match="there is no folder"):
        write_clip(tmp_path / "missing" / "out", open_clip(folder).info)


def test_a_block_that_fails_leaves_nothing(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "frames", range(3))
    with (
        pytest.raises(KeyboardInterrupt),
        open_clip(folder) as clip,
        write_clip(tmp_path / "out", clip.info) as writer,
    ):
        for frame in clip.frames():
            writer.write(frame)
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["frames"]
