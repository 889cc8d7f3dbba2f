"""The run folder of a film: what is written comes back, and damage is found."""

from __future__ import annotations

import io
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto.errors import CheckpointError, OutputError
from impasto.video.folder import PLAN, STATE, TIMES, FilmFolder, FilmPlan, FrameTime, encode_frame

PLANNED = FilmPlan(identity="x", frames=9, shots=(0, 4), height_px=6, width_px=8, frame_seconds=0.5)


@pytest.fixture
def folder(tmp_path: Path) -> FilmFolder:
    made = FilmFolder(tmp_path / "film.mp4.run")
    made.make()
    return made


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("alpha", [False, True])
def test_a_frame_comes_back(tmp_path: Path, bits: int, alpha: bool) -> None:
    folder = FilmFolder(tmp_path, bits)
    chance = np.random.default_rng(0)
    pixels = chance.random((6, 8, 3), np.float32)
    opacity = chance.random((6, 8), np.float32) if alpha else None
    folder.save_frame(3, encode_frame(pixels, opacity, folder.bit_depth))
    again, opacity_again = folder.load_frame(3, 6, 8)
    np.testing.assert_allclose(again, pixels, atol=0.51 / (2**bits - 1))
    if opacity is None:
        assert opacity_again is None
    else:
        assert opacity_again is not None
        np.testing.assert_allclose(opacity_again, opacity, atol=0.51 / (2**bits - 1))
    assert [path.name for path in tmp_path.iterdir()] == ["frame-0000004.png"]


def test_plan_times_and_state_come_back(folder: FilmFolder) -> None:
    assert folder.plan() is None and folder.load_state() is None
    folder.save_plan(PLANNED)
    assert folder.plan() == PLANNED
    assert [PLANNED.shot_of(frame) for frame in (0, 3, 4, 8)] == [0, 0, 1, 1]
    times = [FrameTime(number + 5, Fraction(number, 30), Fraction(1, 30)) for number in range(4)]
    with folder.writing_times() as write:
        for one in times:
            write(one)
    assert list(folder.times()) == times
    assert list(folder.times(2)) == times[2:]
    arrays = {"output": np.ones((6, 8, 3), np.float32)}
    folder.save_state(7, arrays)
    state = folder.load_state()
    assert state is not None and state[0] == 7
    np.testing.assert_array_equal(state[1]["output"], arrays["output"])
    folder.save_shot(1, arrays)
    np.testing.assert_array_equal(folder.load_shot(1)["output"], arrays["output"])


def test_what_is_damaged_is_not_believed(folder: FilmFolder) -> None:
    folder.save_state(7, {"output": np.ones((6, 8, 3), np.float32)})
    data = bytearray((folder.path / STATE).read_bytes())
    data[-3] ^= 1
    (folder.path / STATE).write_bytes(data)
    assert folder.load_state() is None
    for text in ("", "[]", '{"frames": 3}', PLANNED.model_dump_json()[:-5]):
        (folder.path / PLAN).write_text(text)
        assert folder.plan() is None
    with pytest.raises(CheckpointError):
        folder.load_shot(0)
    with pytest.raises(CheckpointError, match="frame-0000001"):
        folder.load_frame(0, 6, 8)
    folder.frame_path(0).write_bytes(b"no picture")
    with pytest.raises(CheckpointError, match="frame-0000001"):
        folder.load_frame(0, 6, 8)


@pytest.mark.parametrize(
    "absurd",
    [
        {"frames": 0},
        {"frames": 10**18},
        {"shots": []},
        {"shots": [1, 4]},
        {"shots": [0, 4, 4]},
        {"shots": [0, 9]},
        {"frame_seconds": -1.0},
        {"frame_seconds": float("nan")},
        {"height_px": 0},
        {"format_version": 2},
        {"more": 1},
    ],
)
def test_plans_that_no_film_has_are_none(folder: FilmFolder, absurd: dict[str, object]) -> None:
    (folder.path / PLAN).write_text(json.dumps(PLANNED.model_dump(mode="json") | absurd))
    assert folder.plan() is None


@pytest.mark.parametrize(
    "line",
    ["", "0 0", "0 0 1 1", "0 1/0 1", "0 1e999999999 1", "-1 0 1", "0 0 -1", "x 0 1", "0 0 1", f"5 {'9' * 300} 1"],
)
def test_times_that_are_none_are_one_line(folder: FilmFolder, line: str) -> None:
    (folder.path / TIMES).write_text(f"4 0 1/30\n{line}\n")
    with pytest.raises(CheckpointError, match=r"times\.txt' is damaged \(line 2 .*: remove the folder") as error:
        list(folder.times())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("number", [np.nan, np.inf, 3e38])
def test_numbers_that_no_frame_has_are_not_believed(folder: FilmFolder, number: float) -> None:
    arrays = {"output": np.full((6, 8, 3), number, np.float32)}
    folder.save_state(7, arrays)
    assert folder.load_state() is None
    if not np.isfinite(number):
        folder.save_shot(0, arrays)
        with pytest.raises(CheckpointError, match="shot-00001"):
            folder.load_shot(0)


@pytest.mark.parametrize("size", [(9000, 9000), (6, 9)])
def test_a_frame_of_another_size_is_not_even_decoded(folder: FilmFolder, size: tuple[int, int]) -> None:
    data = io.BytesIO()
    Image.new("RGB", size).save(data, "PNG")
    folder.frame_path(0).write_bytes(data.getvalue())
    with pytest.raises(CheckpointError, match=r"frame-0000001.png' is damaged"):
        folder.load_frame(0, 6, 8)


def test_a_damaged_frame_says_nothing_but_its_line(folder: FilmFolder, capfd: pytest.CaptureFixture[str]) -> None:
    folder.save_frame(0, encode_frame(np.random.default_rng(0).random((6, 8, 3), np.float32), None, 8))
    data = bytearray(folder.frame_path(0).read_bytes())
    data[data.index(b"IDAT") + 20] ^= 255
    folder.frame_path(0).write_bytes(data)
    with pytest.raises(CheckpointError, match="cannot be read"):
        folder.load_frame(0, 6, 8)
    assert capfd.readouterr() == ("", "")  # libraries print, too


def test_links_are_neither_read_nor_followed(folder: FilmFolder, tmp_path: Path) -> None:
    other = FilmFolder(tmp_path / "other")
    other.make()
    arrays = {"output": np.ones((6, 8, 3), np.float32)}

    def write(where: FilmFolder) -> None:
        where.save_plan(PLANNED)
        with where.writing_times() as times:
            times(FrameTime(0, Fraction(0), Fraction(1)))
        where.save_shot(0, arrays)
        where.save_state(0, arrays)
        where.save_frame(0, encode_frame(np.ones((6, 8, 3), np.float32), None, 8))
        where.save_part("0" * 64)

    write(other)
    victims = {path: path.read_bytes() for path in other.path.iterdir()}
    for path in victims:
        (folder.path / path.name).symlink_to(path)
    assert folder.plan() is None and folder.load_state() is None and not folder.is_part("0" * 64)
    for read in (lambda: list(folder.times()), lambda: folder.load_shot(0), lambda: folder.load_frame(0, 6, 8)):
        with pytest.raises(CheckpointError, match="it is a link"):
            read()
    write(folder)
    assert not any(path.is_symlink() for path in folder.path.iterdir())
    assert {path: path.read_bytes() for path in victims} == victims


def test_removing_leaves_what_is_not_ours(folder: FilmFolder) -> None:
    folder.save_plan(PLANNED)
    folder.save_frame(0, encode_frame(np.zeros((6, 8, 3), np.float32), None, 8))
    (folder.path / "mine.txt").write_text("mine")
    folder.remove()
    assert [path.name for path in folder.path.iterdir()] == ["mine.txt"]
    (folder.path / "mine.txt").unlink()
    folder.remove()
    assert not folder.path.exists()
    folder.remove()  # nothing to do


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot make the run folder"):
        FilmFolder(tmp_path / "file" / "film.run").make()
