"""Cuts, on films that are cut here: all of them found, none invented."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from impasto.video.flow import load_cv2
from impasto.video.shots import FLASH_FRAMES, mark_cuts

Array = NDArray[np.float32]
HEIGHT, WIDTH = 72, 128


def scene(seed: int, width: int = 2 * WIDTH) -> Array:
    """A place: patches in a palette of its own, [height, width, 3]."""
    chance = np.random.default_rng(seed)
    palette = chance.uniform(0.05, 0.95, (5, 3)).astype(np.float32)
    field = load_cv2().GaussianBlur(chance.normal(size=(HEIGHT + 40, width)).astype(np.float32), (0, 0), 7.0)
    places = np.digitize(field, np.quantile(field, [0.2, 0.4, 0.6, 0.8]))
    return np.asarray(load_cv2().GaussianBlur(palette[places], (0, 0), 1.0))


def shot(seed: int, frames: int, right_px: int = 1, down_px: int = 0) -> list[Array]:
    """A camera that moves over a place."""
    place = scene(seed)
    return [place[down_px * t : down_px * t + HEIGHT, right_px * t : right_px * t + WIDTH] for t in range(frames)]


def cuts(film: list[Array]) -> list[int]:
    marked = list(mark_cuts(iter(film), lambda frame: frame))
    assert len(marked) == len(film)
    assert all(frame is own for (frame, _), own in zip(marked, film, strict=True))  # passed on, in order
    return [number for number, (_, begins) in enumerate(marked) if begins]


def test_twelve_cuts_are_found_and_none_invented() -> None:
    film, starts = [], []
    for number in range(13):
        starts.append(len(film))
        film += shot(number, 5 + number % 4, right_px=number % 5, down_px=number % 3)
    assert cuts(film) == starts


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_fast_pan_is_one_shot(seed: int) -> None:
    assert cuts(shot(seed, 6) + shot(seed, 9, right_px=16)) == [0]


@pytest.mark.parametrize("length", [1, 2, FLASH_FRAMES])
def test_a_flash_is_no_cut(length: int) -> None:
    film = shot(4, 16)
    for number in range(6, 6 + length):
        film[number] = np.clip(film[number] * 0.2 + 0.8, 0, 1)
    assert cuts(film) == [0]


def test_a_fade_and_a_lamp_are_no_cuts() -> None:
    film = shot(5, 12)
    assert cuts([frame * (1 - 0.08 * number) for number, frame in enumerate(film)]) == [0]
    assert cuts([*film[:6], *(frame * 0.4 for frame in film[6:])]) == [0]  # the light goes out, and stays out


def test_noise_is_no_cut_and_a_cut_in_noise_is_found() -> None:
    chance = np.random.default_rng(0)
    film = shot(6, 7, right_px=0) + shot(7, 7, right_px=0)
    noisy = [np.clip(frame + chance.normal(0, 0.03, frame.shape), 0, 1).astype(np.float32) for frame in film]
    assert cuts(noisy) == [0, 7]


def test_films_of_one_frame_and_of_none() -> None:
    assert cuts(shot(8, 1)) == [0]
    assert cuts([]) == []
    assert cuts([np.zeros((1, 1, 3), np.float32)] * 3) == [0]
    assert cuts([*shot(9, 1), *shot(10, 1)]) == [0, 1]  # a cut before the last frame
