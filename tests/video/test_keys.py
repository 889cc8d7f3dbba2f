"""Frames painted by hand: spread over their shots, mixed between two of them, gone on with, refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from impasto.errors import CheckpointError, ImpastoError, InputError, OptionError
from impasto.events import Event, FrameDone, Notice
from impasto.images.tensors import tensor_to_pixels
from impasto.video import paint
from impasto.video.build import build_film
from impasto.video.clip import open_clip
from impasto.video.flow import load_cv2
from impasto.video.folder import FilmFolder
from impasto.video.keys import match_bytes
from impasto.video.paint import Film

Array = NDArray[np.float32]
FRAMES, CUT, STEP_PX = 9, 6, 2
HEIGHT, WIDTH = 64, 96


def texture(seed: int, deviation_px: float, width: int = WIDTH) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).normal(size=(HEIGHT, width, 3)).astype(np.float32)
    smooth = load_cv2().GaussianBlur(noise, (0, 0), deviation_px)
    return np.clip(128 + 45 * smooth / smooth.std(), 0, 255).astype(np.uint8)


SCENES = {shot: texture(shot, 3.0, WIDTH + STEP_PX * FRAMES) for shot in (0, 1)}
SCENES[1] = 255 - SCENES[1] // 3
PAINTS = [texture(seed, 2.0) for seed in (10, 11)]


def drawn(index: int) -> NDArray[np.uint8]:
    """A pan over one place, then over another."""
    return SCENES[index // CUT][:, STEP_PX * index : STEP_PX * index + WIDTH]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    for index in range(FRAMES):
        load_cv2().imwrite(str(folder / f"{index:03}.png"), drawn(index)[..., ::-1])
    return folder


def film(clip: Path, output: Path, keys: dict[int, Any], painting: object = None, **settings: Any) -> Film:
    return build_film(clip, painting, output, keys=keys, **settings)  # type: ignore[arg-type]


def frames_of(path: Path) -> list[Array]:
    with open_clip(path) as opened:
        return [tensor_to_pixels(frame.pixels) for frame in opened.frames()]


def difference(frame: Array, paint: NDArray[np.uint8], frames_after: int) -> float:
    """From what the pan makes of a key's paint so many frames later, where the key shows it."""
    moved, edge = STEP_PX * frames_after, 10
    there = slice(edge + max(0, moved), WIDTH - edge + min(0, moved))
    here = slice(edge + max(0, -moved), WIDTH - edge + min(0, -moved))
    return float(np.abs(frame[edge:-edge, here] - paint[edge:-edge, there] / 255).mean())


def test_a_key_is_spread_forwards_and_back(clip: Path, tmp_path: Path) -> None:
    done = film(clip, tmp_path / "film", {2: PAINTS[0]}, piece=(None, 0.25)).paint()
    assert (done.frames, done.shots) == (6, 1)
    frames = frames_of(tmp_path / "film")
    np.testing.assert_array_equal(np.rint(frames[2] * 255), PAINTS[0])
    for number in (0, 1, 3, 5):
        assert difference(frames[number], PAINTS[0], number - 2) < 0.02, number


def test_between_two_keys_frames_go_from_one_to_the_other(clip: Path, tmp_path: Path) -> None:
    film(clip, tmp_path / "film", {0: PAINTS[0], 5: PAINTS[1]}, piece=(None, 0.25)).paint()
    frames = frames_of(tmp_path / "film")
    to_first, to_second = ([difference(frames[n], PAINTS[k], n - 5 * k) for n in range(6)] for k in (0, 1))
    assert to_first == sorted(to_first) and to_second == sorted(to_second, reverse=True)
    assert to_first[1] < 0.05 and to_second[4] < 0.05


def test_a_shot_without_a_key_is_painted_after_the_painting(clip: Path, tmp_path: Path) -> None:
    painting = texture(5, 1.0)
    film(clip, tmp_path / "film", {7: PAINTS[0]}, painting).paint()
    build_film(clip, painting, tmp_path / "other").paint()
    ours, theirs = frames_of(tmp_path / "film"), frames_of(tmp_path / "other")
    for number in range(CUT):
        np.testing.assert_array_equal(ours[number], theirs[number])
    assert difference(ours[8], PAINTS[0], 1) < 0.02


@pytest.mark.parametrize("after", [1, 4, 7])
def test_a_film_of_keys_that_was_broken_off_goes_on(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(paint, "STATE_SECONDS", 0.0)
    keys = {1: PAINTS[0], 4: PAINTS[1], 6: PAINTS[1]}
    film(clip, tmp_path / "whole", keys).paint()
    for event in film(clip, tmp_path / "film", keys):
        if isinstance(event, FrameDone) and event.frame == after:
            break
    again = [event.frame for event in film(clip, tmp_path / "film", keys) if isinstance(event, FrameDone)]
    assert again == list(range(after + 1, FRAMES))
    for ours, theirs in zip(frames_of(tmp_path / "film"), frames_of(tmp_path / "whole"), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not (tmp_path / "film.run").exists()


def test_another_key_is_another_film(clip: Path, tmp_path: Path) -> None:
    for event in film(clip, tmp_path / "film", {0: PAINTS[0], 6: PAINTS[0]}):
        if isinstance(event, FrameDone):
            break
    with pytest.raises(CheckpointError, match="other options"):
        film(clip, tmp_path / "film", {0: PAINTS[1], 6: PAINTS[0]}).paint()
    with pytest.raises(CheckpointError, match="other options"):
        film(clip, tmp_path / "film", {1: PAINTS[0], 6: PAINTS[0]}).paint()


def test_the_room_that_matches_take_is_foreseen(clip: Path, tmp_path: Path) -> None:
    for event in film(clip, tmp_path / "film", {0: PAINTS[0], 6: PAINTS[0]}):
        if isinstance(event, FrameDone):
            break
    sizes = [file.stat().st_size for file in (tmp_path / "film.run").glob("match-*")]
    assert len(sizes) == 5 and max(sizes) < match_bytes(HEIGHT, WIDTH)  # one key: half of it, and a header


def test_a_damaged_match_is_one_line(clip: Path, tmp_path: Path) -> None:
    begun = film(clip, tmp_path / "film", {0: PAINTS[0], 6: PAINTS[0]})
    for event in begun:
        if isinstance(event, FrameDone):
            break
    folder = FilmFolder(tmp_path / "film.run")
    folder.save_match(3, "after", {"places": np.zeros((2, 2, 2), np.int16), "error": np.zeros((3, 2), np.uint8)})
    with pytest.raises(CheckpointError, match="remove the folder and paint the film again"):
        film(clip, tmp_path / "film", {0: PAINTS[0], 6: PAINTS[0]}).paint()


@pytest.mark.parametrize(
    ("keys", "kind", "said"),
    [
        ({FRAMES: PAINTS[0]}, OptionError, "there is no frame 9 for a key: the clip has frames 0 to 8"),
        ({-1: PAINTS[0]}, OptionError, "from 0"),
        ({0: PAINTS[0][:, :64]}, InputError, "96x64 px: paint over the frame itself"),
        ({0: "missing.png"}, InputError, "missing.png"),
        ({0: PAINTS[0]}, OptionError, "shot 2, frames 6 to 8, has no key"),
    ],
)
def test_what_is_no_key_is_one_line(
    clip: Path, tmp_path: Path, keys: dict[int, Any], kind: type[ImpastoError], said: str
) -> None:
    with pytest.raises(kind, match=said):
        film(clip, tmp_path / "film", keys).paint()


def test_a_key_outside_the_piece_is_said(clip: Path, tmp_path: Path) -> None:
    events = list[Event]()
    film(clip, tmp_path / "film", {0: PAINTS[0], 7: PAINTS[1]}, piece=(None, 0.125)).paint(events.append)
    (notice,) = [event.message for event in events if isinstance(event, Notice)]
    assert notice == "frame 7 is not in the film: its key is not used"


def test_a_key_larger_than_the_film_fits(clip: Path, tmp_path: Path) -> None:
    large = load_cv2().resize(PAINTS[0], (3 * WIDTH, 3 * HEIGHT), interpolation=load_cv2().INTER_CUBIC)
    film(clip, tmp_path / "film", {0: large}, piece=(None, 0.08)).paint()
    assert difference(frames_of(tmp_path / "film")[1], PAINTS[0], 1) < 0.03
