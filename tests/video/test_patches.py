"""Paint that is spread from one frame to others: along a known motion, past what stands in the way, and back again."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from impasto.video.flow import load_cv2
from impasto.video.patches import Match, Spreader, patch_error, spread

Array = NDArray[np.float32]
HEIGHT, WIDTH = 72, 96
STEP_PX, FRAMES = 2, 6


def texture(seed: int, deviation_px: float, width: int) -> Array:
    noise = np.random.default_rng(seed).normal(size=(HEIGHT, width, 3)).astype(np.float32)
    smooth = load_cv2().GaussianBlur(noise, (0, 0), deviation_px)
    return np.asarray(np.clip(0.5 + 0.15 * smooth / smooth.std(), 0, 1), np.float32)


def pan(scene: Array) -> list[Array]:
    return [scene[:, STEP_PX * t : STEP_PX * t + WIDTH] for t in range(FRAMES)]


@pytest.mark.parametrize("size", [(HEIGHT, WIDTH), (2 * HEIGHT, 2 * WIDTH)])
def test_paint_moves_as_the_camera_did(size: tuple[int, int]) -> None:
    """The key is painted with something else, and it must lie where the pan says, at the size of the paint."""
    photos = pan(texture(0, 3.0, WIDTH + STEP_PX * FRAMES))
    painted = texture(1, 2.0, WIDTH)
    spreader = Spreader(photos[0])
    matches = [spreader.follow(photo) for photo in photos[1:]]
    larger = load_cv2().resize(painted, size[::-1], interpolation=load_cv2().INTER_CUBIC)
    found = spread(larger, matches[-1], *size)
    moved = STEP_PX * (FRAMES - 1) * size[1] // WIDTH
    edge = 10 * size[0] // HEIGHT
    ours, expected = found[edge:-edge, edge : -edge - moved], larger[edge:-edge, edge + moved : -edge]
    assert np.abs(ours - expected).mean() < 0.015
    assert np.abs(ours - larger[edge:-edge, edge : -edge - moved]).mean() > 0.1  # where it was at first


def test_a_place_that_comes_into_view_finds_its_like() -> None:
    """Half a wall of stripes is hidden at first; what appears is painted as stripes are painted elsewhere."""
    rows = np.arange(HEIGHT)[:, None, None]
    wall = np.broadcast_to(np.where(rows // 6 % 2, 0.8, 0.2), (HEIGHT, WIDTH, 3)).astype(np.float32).copy()
    hidden = wall.copy()
    hidden[:, 60:] = texture(2, 1.0, WIDTH)[:, 60:]
    paint = np.where(hidden == wall, np.where(wall > 0.5, [1.0, 0.9, 0.1], [0.1, 0.1, 0.6]), 0.0).astype(np.float32)
    spreader = Spreader(hidden)
    for _ in range(3):  # what neighbours have found goes further from frame to frame
        match = spreader.follow(wall)
    found = spread(paint, match, HEIGHT, WIDTH)
    expected = np.where(wall > 0.5, [1.0, 0.9, 0.1], [0.1, 0.1, 0.6])
    assert np.abs(found - expected)[4:-4, 66:-4].mean() < 0.1


def test_on_bare_ground_noise_moves_nothing() -> None:
    chance = np.random.default_rng(3)
    calm = np.full((HEIGHT, WIDTH, 3), 0.6, np.float32)
    calm[:20] = 0.3
    noisy = [np.clip(calm + 0.02 * chance.normal(size=calm.shape), 0, 1).astype(np.float32) for _ in range(FRAMES)]
    spreader = Spreader(noisy[0])
    for photo in noisy[1:]:
        match = spreader.follow(photo)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    assert np.abs(match.places - np.stack([columns, rows], -1))[8:-8, 8:-8].max() < 0.5


def test_the_error_is_that_of_the_photos_around() -> None:
    photo, key = texture(4, 2.0, WIDTH), texture(5, 2.0, WIDTH)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    places = np.stack([columns, rows], -1)
    np.testing.assert_allclose(patch_error(photo, photo, places), 0, atol=1e-6)
    around = [
        (photo[30 + down, 40 + across] - key[30 + down, 40 + across]) for down in (-2, 0, 2) for across in (-2, 0, 2)
    ]
    assert patch_error(photo, key, places)[30, 40] == pytest.approx(np.sqrt(np.mean(np.square(around))), rel=1e-4)


def test_a_match_comes_back_from_its_arrays() -> None:
    chance = np.random.default_rng(6)
    match = Match(
        chance.uniform(-5, 500, (8, 9, 2)).astype(np.float32), chance.uniform(0, 1, (8, 9)).astype(np.float32)
    )
    again = Match.from_arrays(match.arrays())
    np.testing.assert_allclose(again.places, match.places, atol=1 / 64)
    np.testing.assert_allclose(again.error, match.error, atol=1 / 255)
    with pytest.raises(ValueError, match="no places"):
        Match.from_arrays({"places": np.zeros((3, 3, 2), np.float32), "error": np.zeros((3, 3), np.uint8)})
    with pytest.raises(ValueError, match="no places"):
        Match.from_arrays({"places": np.zeros((3, 4, 2), np.int16), "error": np.zeros((3, 3), np.uint8)})
