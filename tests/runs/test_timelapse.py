"""Time-lapses: which frames are chosen, and files that other libraries read."""

from __future__ import annotations

import builtins
import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from impasto.errors import OptionError, OutputError
from impasto.events import CheckpointSaved, Controls, PreviewReady, Resumed, RunDone, RunStarted, StepDone
from impasto.images.animation import encode_gif
from impasto.runs.timelapse import (
    FRAMES_PER_SECOND,
    GIF_BYTES,
    HOLD_SECONDS,
    TimeLapse,
    choose_even,
    encode,
    is_time_lapse_of,
)
from impasto.storage.installed import install_command

Pixels = NDArray[np.float32]
STEPS = 400


def brightness(step: int) -> float:
    """Changes much at first and hardly at all later, as paintings do."""
    return float(1 - np.exp(-step / 25))


def gray(value: float, height: int = 48, width: int = 64) -> Pixels:
    return np.full((height, width, 3), value, np.float32)


def started(height: int = 48, width: int = 64) -> RunStarted:
    return RunStarted(((height, width),), (STEPS,), (1,), 2048, 0, 0.0)


def watched(lapse: TimeLapse, picture: Callable[[int], Pixels], first: int = 0, last: int = STEPS) -> None:
    """Show a run of one scale, from the step after `first`."""
    controls = Controls()
    for step in range(first, last + 1):
        lapse.watch(StepDone(0, step, {}, 0.0, None, 0.0), controls)
        assert controls.preview
        controls.preview = False
        lapse.watch(PreviewReady(0, step, picture(step)), controls)


def done(pixels: Pixels) -> RunDone:
    return RunDone(pixels, False, 0.0, 0.0)


def test_frames_are_chosen_by_change_not_by_step(tmp_path: Path) -> None:
    lapse = TimeLapse(tmp_path / "t.gif", seconds=2)
    lapse.watch(started(), Controls())
    watched(lapse, lambda step: gray(brightness(step)))
    lapse.watch(done(gray(1.0)), Controls())
    shown = np.array([frame.mean() / 255 for frame in lapse.frames()])
    assert 2 * FRAMES_PER_SECOND * 0.7 <= len(shown) <= 2 * FRAMES_PER_SECOND
    assert shown[0] == pytest.approx(brightness(0), abs=0.01)
    assert shown[-1] == pytest.approx(1, abs=0.01)
    changes = np.diff(shown)
    assert changes.max() < 2.5 * np.median(changes)
    # of as many frames taken every so many steps most would show no change at all
    by_step = np.diff([brightness(step) for step in np.linspace(0, STEPS, len(shown))])
    assert by_step.max() > 20 * np.median(by_step)


def test_a_picture_that_only_trembles_is_shown_once(tmp_path: Path) -> None:
    lapse = TimeLapse(tmp_path / "t.gif")
    lapse.watch(started(), Controls())
    watched(lapse, lambda step: gray(0.5 + 0.001 * (step % 2)))
    assert len(lapse.frames()) == 1


def test_no_more_pictures_are_kept_than_a_few_times_those_wanted(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    lapse = TimeLapse(tmp_path / "t.gif", seconds=1)
    lapse.watch(started(), Controls())
    watched(lapse, lambda step: random.random((48, 64, 3), np.float32), last=120)
    assert len(lapse._candidates) <= 2 * FRAMES_PER_SECOND
    assert lapse.frames()


@pytest.mark.parametrize(
    ("changes", "wanted", "chosen"),
    [
        ([1.0] * 9, 4, [0, 3, 6, 9]),
        ([9.0, 1.0, 1.0, 1.0], 3, [0, 1, 4]),
        ([1.0, 1.0, 1.0, 9.0], 3, [0, 3, 4]),
        ([1.0, 2.0], 12, [0, 1, 2]),
        ([], 5, [0]),
        ([0.0] * 20, 3, [0, 20]),
    ],
)
def test_choice_by_hand(changes: list[float], wanted: int, chosen: list[int]) -> None:
    assert choose_even(changes, wanted) == chosen


def ramp(count: int, height: int = 36, width: int = 50) -> list[NDArray[np.uint8]]:
    return [np.full((height, width, 3), (20 + 10 * n, 200 - 10 * n, 90), np.uint8) for n in range(count)]


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_another_library_reads_the_frames(tmp_path: Path, suffix: str) -> None:
    frames = ramp(10)
    (tmp_path / f"t{suffix}").write_bytes(encode(frames, suffix))
    with Image.open(tmp_path / f"t{suffix}") as image:
        found = [(np.asarray(page.convert("RGB")), page.info["duration"]) for page in ImageSequence.Iterator(image)]
        assert image.info["loop"] == 0
    assert len(found) == 10
    for (pixels, _), frame in zip(found, frames, strict=True):
        assert np.abs(pixels.astype(int) - frame).max() <= 8
    durations = [duration for _, duration in found]
    assert durations[-1] == 1000 * HOLD_SECONDS
    assert all(abs(duration - 1000 / FRAMES_PER_SECOND) <= 7 for duration in durations[:-1])


def test_opencv_reads_the_mp4(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="the extra 'video' is not installed")
    frames = ramp(10)
    (tmp_path / "t.mp4").write_bytes(encode(frames, ".mp4"))
    video, found = cv2.VideoCapture(str(tmp_path / "t.mp4")), []
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(FRAMES_PER_SECOND)
    while (read := video.read())[0]:
        found.append(read[1][..., ::-1])
    assert len(found) == 9 + HOLD_SECONDS * FRAMES_PER_SECOND
    for pixels, frame in zip(found, [*frames, frames[-1]], strict=False):
        assert np.abs(pixels.astype(int) - frame).mean() < 4


def test_a_gif_of_noise_is_made_small_enough_to_post() -> None:
    # The worst there is to compress.
    random = np.random.default_rng(0)
    frames = [
        cv2.resize(frame, (120, 90), interpolation=cv2.INTER_CUBIC) + random.integers(0, 6, (90, 120, 3), np.uint8)
        for frame in random.integers(0, 250, (12, 18, 24, 3), np.uint8)
    ]
    delays = [80] * 12
    assert len(encode_gif(frames, delays)) > 12 * 90 * 120
    limit = GIF_BYTES * (12 * 90 * 120) // (48 * 360 * 480)  # as many bytes a pixel as a time-lapse of 480 px
    assert len(encode_gif(frames, delays, limit)) <= limit


def test_size_of_the_frames(tmp_path: Path) -> None:
    for shape, size, expected in (((300, 401), 100, (74, 100)), ((33, 47), 480, (32, 48)), ((5, 900), 480, (2, 480))):
        lapse = TimeLapse(tmp_path / "t.gif", size_px=size)
        lapse.watch(started(*shape), Controls())
        lapse.watch(done(gray(0.5, *shape)), Controls())
        (frame,) = lapse.frames()
        assert frame.shape[:2] == expected


def test_a_resumed_run_goes_on_with_the_frames_of_its_folder(tmp_path: Path) -> None:
    def lapse() -> TimeLapse:
        made = TimeLapse(tmp_path / "t.gif", seconds=2, folder=tmp_path)
        made.watch(started(), Controls())
        return made

    def picture(step: int) -> Pixels:
        return gray(brightness(step))

    whole = lapse()
    watched(whole, picture)
    first = lapse()
    watched(first, picture, last=60)
    first.watch(CheckpointSaved(0, 60, ""), Controls())
    (tmp_path / "frame-00-000003.npy").write_bytes(b"half a fr")  # cannot be read: left out
    os.mkfifo(tmp_path / "frame-00-0000004.npy")  # would wait for ever
    np.save(tmp_path / "frame-00-000300.npy", np.zeros((48, 64, 3), np.uint8))  # of a later step: painted anew
    second = lapse()
    second.watch(Resumed(0, 60, 0.05, 0.0), Controls())
    watched(second, picture, first=61)
    means = [[float(frame.mean()) for frame in made.frames()] for made in (whole, second)]
    assert means[1][0] == means[0][0]
    assert means[1] == sorted(means[1])
    assert len(means[1]) >= 0.7 * len(means[0])
    second.watch(CheckpointSaved(0, STEPS, ""), Controls())
    assert sorted(path.name for path in tmp_path.glob("frame-*")) == sorted(c.file_name for c in second._candidates)


@pytest.mark.parametrize("strange", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.mkdir()])
def test_what_a_run_saved_is_known_by_a_file(tmp_path: Path, strange: Callable[[Path], object]) -> None:
    (tmp_path / "t.gif").write_bytes(b"abc")
    saved = tmp_path / "frame-saved.sha256"
    saved.write_text(hashlib.sha256(b"abc").hexdigest())
    assert is_time_lapse_of(tmp_path / "t.gif", tmp_path)
    saved.unlink()
    strange(saved)
    assert not is_time_lapse_of(tmp_path / "t.gif", tmp_path)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"path": "t.avi"}, OptionError, "a time-lapse is .gif, .webp or .mp4, got 't.avi'"),
        ({"size_px": 5}, OptionError, "16 to 4096 px, got 5"),
        ({"seconds": 0}, OptionError, "0.1 to 120 seconds, got 0"),
        ({"seconds": float("nan")}, OptionError, "got nan"),
        ({"path": "missing/t.gif"}, OutputError, "there is no folder 'missing'"),
        ({"path": "there.gif"}, OutputError, "already exists"),
    ],
)
def test_what_cannot_be_made_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], error: type[Exception], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there.gif").touch()
    with pytest.raises(error, match=message):
        TimeLapse(Path(given.pop("path", "t.gif")), **given)


def test_mp4_without_its_extra_names_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = builtins.__import__

    def without_av(name: str, *rest: Any) -> Any:
        if name == "av":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_av)
    with pytest.raises(OptionError, match=re.escape(install_command("video"))):
        TimeLapse(tmp_path / "t.mp4")
