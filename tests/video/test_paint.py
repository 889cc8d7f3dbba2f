"""Films from a clip to a clip: painted, stopped, killed, and gone on with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import make_clip
from numpy.typing import NDArray

from impasto.errors import CheckpointError, OptionError, OutputError
from impasto.events import Controls, Event, FilmDone, FilmStarted, FrameDone, FramesRead, Notice, ShotStarted
from impasto.images.tensors import tensor_to_pixels
from impasto.runs.draft import DraftOptions
from impasto.video import paint
from impasto.video.build import build_film
from impasto.video.clip import open_clip
from impasto.video.paint import Film

FRAMES, CUT = 10, 6


def drawn(index: int) -> NDArray[np.uint8]:
    """A pan over one place, then over another, [48, 64, 3]."""
    chance = np.random.default_rng(index // CUT)
    palette = chance.integers(20, 236, (6, 3))
    rows, columns = np.mgrid[0:48, 0:64]
    waves = np.sin((rows + 7 * (index // CUT)) / 5) + np.sin((columns + 2 * index) / (6 + 2 * (index // CUT)))
    return palette[np.clip(np.floor(1.5 * waves + 3), 0, 5).astype(int)].astype(np.uint8)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", FRAMES, draw=drawn, options={"crf": "5"})


@pytest.fixture(scope="module")
def painting() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)


def film(clip: Path, painting: NDArray[np.uint8], output: Path, **settings: Any) -> Film:
    return build_film(clip, painting, output, **settings)


def frames_of(path: Path) -> list[NDArray[np.float32]]:
    with open_clip(path) as opened:
        return [tensor_to_pixels(frame.pixels) for frame in opened.frames()]


@pytest.fixture(scope="module")
def whole(
    clip: Path, painting: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Event]]:
    output = tmp_path_factory.mktemp("whole") / "film"
    return output, list(film(clip, painting, output))


def test_a_film_has_the_frames_and_times_of_its_clip(clip: Path, whole: tuple[Path, list[Event]]) -> None:
    output = whole[0]
    assert len(frames_of(output)) == FRAMES
    assert frames_of(output)[0].shape == (48, 64, 3)
    assert not output.with_name("film.run").exists()
    assert not np.allclose(frames_of(output)[0], frames_of(clip)[0], atol=0.1)  # painted it is


def test_events_tell_what_happens(whole: tuple[Path, list[Event]]) -> None:
    output, events = whole
    (read,) = [event for event in events if isinstance(event, FramesRead)]
    assert (read.frames, read.shots) == (FRAMES, 2)
    (started,) = [event for event in events if isinstance(event, FilmStarted)]
    assert (started.frames, started.shots, started.painted) == (FRAMES, 2, 0)
    assert started.estimated_seconds > 0 and started.needed_bytes > 0
    assert [(event.shot, event.frame) for event in events if isinstance(event, ShotStarted)] == [(0, 0), (1, CUT)]
    assert [event.frame for event in events if isinstance(event, FrameDone)] == list(range(FRAMES))
    done = events[-1]
    assert isinstance(done, FilmDone)
    assert (done.path, done.frames, done.shots, done.stopped) == (str(output), FRAMES, 2, False)


def test_video_out_has_the_times_of_the_clip(painting: NDArray[np.uint8], tmp_path: Path) -> None:
    times = [Fraction(0), Fraction(1, 25), Fraction(4, 25), Fraction(5, 25)]
    clip = make_clip(tmp_path / "clip.mp4", times, draw=drawn)
    done = film(clip, painting, tmp_path / "film.mp4").paint()
    assert done.frames == 4
    with open_clip(clip) as source, open_clip(tmp_path / "film.mp4") as painted:
        assert [frame.time for frame in painted.frames()] == [frame.time for frame in source.frames()]


@pytest.mark.parametrize("after", [0, 3, CUT - 1, CUT, FRAMES - 1])
def test_a_film_that_was_broken_off_goes_on_with_the_same_frames(
    clip: Path,
    painting: NDArray[np.uint8],
    whole: tuple[Path, list[Event]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    after: int,
) -> None:
    monkeypatch.setattr(paint, "STATE_SECONDS", 0.0)
    events = iter(film(clip, painting, tmp_path / "film"))
    for event in events:
        if isinstance(event, FrameDone) and event.frame == after:
            break  # nothing more happens, as if it were killed
    del events
    assert not (tmp_path / "film").exists()
    again = list(film(clip, painting, tmp_path / "film"))
    painted = [event.frame for event in again if isinstance(event, FrameDone)]
    assert painted == list(range(after + 1, FRAMES))
    assert not any(isinstance(event, FramesRead) for event in again)
    for ours, theirs in zip(frames_of(tmp_path / "film"), frames_of(whole[0]), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_stopped_film_is_playable_and_goes_on(
    clip: Path, painting: NDArray[np.uint8], whole: tuple[Path, list[Event]], tmp_path: Path
) -> None:
    stopped = film(clip, painting, tmp_path / "film")

    def stop(event: Event) -> None:
        stopped.controls.stop = isinstance(event, FrameDone) and event.frame == 3

    done = stopped.paint(stop)
    assert (done.frames, done.stopped) == (5, True)  # the frame in hand is finished
    assert len(frames_of(tmp_path / "film")) == 5
    done = film(clip, painting, tmp_path / "film").paint()
    assert (done.frames, done.stopped) == (FRAMES, False)
    for ours, theirs in zip(frames_of(tmp_path / "film"), frames_of(whole[0]), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def stopped_film(clip: Path, painting: NDArray[np.uint8], output: Path) -> None:
    """Paint a film until after its second frame."""
    begun = film(clip, painting, output)

    def stop(event: Event) -> None:
        begun.controls.stop = isinstance(event, FrameDone) and event.frame == 0

    assert begun.paint(stop).stopped


def test_only_its_own_part_is_replaced_when_a_film_goes_on(
    clip: Path, painting: NDArray[np.uint8], tmp_path: Path
) -> None:
    output = tmp_path / "film.gif"
    stopped_film(clip, painting, output)
    part = output.read_bytes()
    output.write_bytes(b"mine")
    with pytest.raises(OutputError, match="already exists"):
        film(clip, painting, output).paint()
    assert output.read_bytes() == b"mine"
    output.write_bytes(part)
    assert film(clip, painting, output).paint().frames == FRAMES
    assert output.read_bytes() != part


def test_a_run_folder_that_leads_elsewhere_is_refused(clip: Path, painting: NDArray[np.uint8], tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "frame-0000001.png").write_bytes(b"mine")
    (tmp_path / "film.gif.run").symlink_to(tmp_path / "photos")
    with pytest.raises(OutputError, match="is a link"):
        film(clip, painting, tmp_path / "film.gif", overwrite=True).paint()
    assert [path.read_bytes() for path in (tmp_path / "photos").iterdir()] == [b"mine"]


def test_a_state_that_cannot_be_saved_is_said_once(
    clip: Path,
    painting: NDArray[np.uint8],
    whole: tuple[Path, list[Event]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*given: object) -> None:
        raise OutputError("no room")

    monkeypatch.setattr(paint, "STATE_SECONDS", 0.0)
    monkeypatch.setattr(paint.FilmFolder, "save_state", full)
    events = list(film(clip, painting, tmp_path / "film"))
    (notice,) = [event.message for event in events if isinstance(event, Notice)]
    assert notice == "no room; painting goes on"
    for ours, theirs in zip(frames_of(tmp_path / "film"), frames_of(whole[0]), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("damage", ["frames", "sums", "colours", "missing"])
def test_a_folder_that_does_not_fit_its_clip_is_one_line(
    clip: Path, painting: NDArray[np.uint8], tmp_path: Path, damage: str
) -> None:
    stopped_film(clip, painting, tmp_path / "film")
    folder = paint.FilmFolder(tmp_path / "film.run")
    plan, arrays = folder.plan(), folder.load_shot(0)
    assert plan is not None
    if damage == "frames":
        folder.save_plan(plan.model_copy(update={"frames": FRAMES + 3}))
    else:
        arrays["rgb.count"] = arrays["rgb.count"] * (1e-9 if damage == "sums" else 1)
        arrays["colors"] = arrays["colors"].astype(np.float32 if damage == "colours" else np.uint8)
        folder.save_shot(0, {key: a for key, a in arrays.items() if damage != "missing" or key != "relu1_1.total"})
    with pytest.raises(CheckpointError, match="remove the folder and paint the film again"):
        film(clip, painting, tmp_path / "film").paint()


@pytest.mark.slow
def test_a_killed_process_costs_only_what_it_had_in_hand(
    clip: Path, painting: NDArray[np.uint8], whole: tuple[Path, list[Event]], tmp_path: Path
) -> None:
    np.save(tmp_path / "painting.npy", painting)
    script = (
        "import sys, numpy as np; from impasto.video import paint; from impasto.video.build import build_film\n"
        "paint.STATE_SECONDS = 0.0\n"
        "for event in build_film(sys.argv[1], np.load(sys.argv[2]), sys.argv[3]):\n"
        "    print(type(event).__name__, flush=True)"
    )
    words = [sys.executable, "-c", script, str(clip), str(tmp_path / "painting.npy"), str(tmp_path / "film")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        frames: Iterator[str] = (line for line in process.stdout if line.strip() == "FrameDone")
        next(frames), next(frames)
        os.kill(process.pid, signal.SIGKILL)
    again = list(film(clip, painting, tmp_path / "film"))
    assert 1 < len([event for event in again if isinstance(event, FrameDone)]) < FRAMES
    for ours, theirs in zip(frames_of(tmp_path / "film"), frames_of(whole[0]), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_another_film_in_the_run_folder_is_not_taken_for_this_one(
    clip: Path, painting: NDArray[np.uint8], tmp_path: Path
) -> None:
    for event in film(clip, painting, tmp_path / "film"):
        if isinstance(event, FrameDone):
            break
    other = {"options": DraftOptions(strength=50)}
    with pytest.raises(CheckpointError, match="other options"):
        film(clip, painting, tmp_path / "film", **other).paint()
    assert film(clip, painting, tmp_path / "film", overwrite=True, **other).paint().frames == FRAMES


def test_a_piece_is_painted(clip: Path, painting: NDArray[np.uint8], tmp_path: Path) -> None:
    done = film(clip, painting, tmp_path / "film", piece=(0.08, 0.24)).paint()
    assert done.frames == 4
    with pytest.raises(OptionError, match="ends after it begins"):
        film(clip, painting, tmp_path / "other", piece=(0.2, 0.1)).paint()


def test_a_live_frame_where_it_is_wanted(clip: Path, painting: NDArray[np.uint8], tmp_path: Path) -> None:
    shown = list[bool]()

    def note(event: Event) -> None:
        if isinstance(event, FrameDone):
            shown.append(event.pixels is not None)

    watched = film(clip, painting, tmp_path / "film", piece=(None, 0.1), controls=Controls(preview=True))
    watched.paint(note)
    assert shown == [True, False, False]


def test_what_cannot_be_written_is_refused_before_painting(
    clip: Path, painting: NDArray[np.uint8], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "film.mp4").write_bytes(b"mine")
    with pytest.raises(OutputError, match="already exists"):
        film(clip, painting, tmp_path / "film.mp4").paint()
    assert (tmp_path / "film.mp4").read_bytes() == b"mine"
    assert not (tmp_path / "film.mp4.run").exists()
    monkeypatch.setattr(paint.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    with pytest.raises(OutputError, match="make room"):
        film(clip, painting, tmp_path / "other.mp4").paint()


def test_masks_hold_for_every_frame(clip: Path, painting: NDArray[np.uint8], tmp_path: Path) -> None:
    from impasto.inputs.paintings import Region

    mask = np.zeros((48, 64), np.uint8)
    mask[:, :32] = 255
    regions = [Region(mask, painting)]
    build_film(clip, None, tmp_path / "film", regions=regions, piece=(None, 0.1)).paint()
    for ours, theirs in zip(frames_of(tmp_path / "film"), frames_of(clip)[:3], strict=True):
        np.testing.assert_allclose(ours[:, 36:], theirs[:, 36:], atol=1 / 255)  # the rest stays the photo
        assert np.abs(ours[:, :28] - theirs[:, :28]).mean() > 0.05
