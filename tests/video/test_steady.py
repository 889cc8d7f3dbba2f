"""Films that hold still: a pan whose paint flickers, a static camera, things that change."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from impasto.video.flow import load_cv2
from impasto.video.steady import HELD, MOST_GAIN, Steadier, trust, with_strength_of

Array = NDArray[np.float32]
HEIGHT, WIDTH, FRAMES = 64, 96, 12


def smooth_noise(seed: int, width: int = WIDTH, deviation_px: float = 1.5) -> Array:
    noise = np.random.default_rng(seed).normal(size=(HEIGHT, width, 3)).astype(np.float32)
    smooth = load_cv2().GaussianBlur(noise, (0, 0), deviation_px)
    return np.asarray(smooth / smooth.std(), np.float32)


def pan(step_px: int) -> list[Array]:
    """A camera that moves over a picture."""
    scene = np.clip(0.5 + 0.15 * smooth_noise(0, WIDTH + step_px * FRAMES, 3.0), 0, 1)
    return [scene[:, step_px * t : step_px * t + WIDTH] for t in range(FRAMES)]


def flickering(photos: list[Array]) -> list[Array]:
    """Frames painted after the photos, each with strokes of its own."""
    return [np.clip(photo + 0.06 * smooth_noise(100 + t), 0, 1) for t, photo in enumerate(photos)]


def unsteadiness(frames: list[Array], step_px: int, apart: int = 1) -> float:
    """Root mean square difference of frames, the earlier one moved as the camera moved."""
    shift = step_px * apart
    pairs = zip(frames[2:], frames[2 + apart :], strict=False)
    differences = [late[8:-8, 8 : WIDTH - 8 - shift] - early[8:-8, 8 + shift : WIDTH - 8] for early, late in pairs]
    return float(np.sqrt(np.mean(np.square(differences))))


def sharpness(frames: list[Array]) -> float:
    cv2 = load_cv2()
    return float(np.mean([np.square(frame - cv2.GaussianBlur(frame, (0, 0), 1.0)).mean() for frame in frames]) ** 0.5)


def mixed(photos: list[Array], painted: list[Array]) -> list[Array]:
    steadier = Steadier()
    return [steadier.mix(*pair) for pair in zip(photos, painted, strict=True)]


@pytest.mark.parametrize("step_px", [0, 2])
def test_a_pan_is_steadier_than_frame_by_frame(step_px: int) -> None:
    photos = pan(step_px)
    painted = flickering(photos)
    film = mixed(photos, painted)
    assert unsteadiness(film, step_px) < 0.33 * unsteadiness(painted, step_px)
    assert unsteadiness(film, step_px, 5) < 0.6 * unsteadiness(painted, step_px, 5)
    assert sharpness(film) > 0.9 * sharpness(painted)


def test_the_first_frame_is_as_painted_and_nothing_is_held_at_zero() -> None:
    photos = pan(2)
    painted = flickering(photos)
    np.testing.assert_array_equal(mixed(photos, painted)[0], painted[0])
    steadier = Steadier(held=0.0)
    for photo, frame in zip(photos, painted, strict=True):
        np.testing.assert_allclose(steadier.mix(photo, frame), frame, atol=1e-6)


def test_where_the_photo_changes_the_new_paint_shows() -> None:
    photos = pan(0)[:2]
    photos[1] = photos[1].copy()
    photos[1][20:44, 30:60] = 1 - photos[1][20:44, 30:60] * 0.2  # something steps in
    painted = [np.full_like(photos[0], 0.2), np.full_like(photos[0], 0.8)]
    film = mixed(photos, painted)
    assert film[1][28:36, 40:50].mean() > 0.7
    assert film[1][:10].mean() < 0.2 + 2 * (1 - HELD)


def test_a_slow_change_of_light_is_followed() -> None:
    """Each frame differs little from the last; the photo that is carried along shows how far the output lags."""
    scene = pan(0)[0]
    photos = [np.clip(scene + 0.02 * t, 0, 1) for t in range(25)]
    film = mixed(photos, photos)
    assert abs(film[-1].mean() - photos[-1].mean()) < 0.13  # held alone, 0.95 would lag by 0.38 of 0.48
    assert film[-1].mean() - film[0].mean() > 0.3


def test_trust_is_whole_where_all_agrees_and_none_where_the_flow_does_not() -> None:
    still = np.zeros((32, 48, 2), np.float32)
    scene = np.full((32, 48, 3), 0.5, np.float32)
    np.testing.assert_allclose(trust(still, still, scene, scene), 1, atol=1e-6)
    away = still.copy()
    away[:, :24] = 3
    shares = trust(still, away, scene, scene)
    assert shares[:, :20].max() == 0 and shares[:, 28:].min() > 0.999
    assert trust(still, still, scene, scene + np.float32(0.15)).max() == pytest.approx(np.exp(-1), rel=1e-3)


def band(frame: Array, low_px: float, high_px: float) -> float:
    cv2 = load_cv2()
    return float((cv2.GaussianBlur(frame, (0, 0), low_px) - cv2.GaussianBlur(frame, (0, 0), high_px))[8:-8, 8:-8].std())


def test_what_mixing_took_from_the_bands_is_given_back() -> None:
    """The mean of two frames with strokes elsewhere is weaker than either; what they have in common is not moved."""
    calm = 0.2 * (np.arange(WIDTH, dtype=np.float32)[None, :, None] / WIDTH) + np.zeros((HEIGHT, WIDTH, 3), np.float32)
    one, other = (np.clip(0.4 + calm + 0.08 * smooth_noise(seed, deviation_px=1.5), 0, 1) for seed in (1, 2))
    mean = (one + other) / 2
    shown = with_strength_of(mean, one)
    for low, high in ((1.0, 2.0), (2.0, 4.0)):
        assert band(mean, low, high) < 0.8 * band(one, low, high)
        assert band(shown, low, high) == pytest.approx(band(one, low, high), rel=0.1)
    assert sharpness([shown]) == pytest.approx(sharpness([one]), rel=0.1)
    blurred = [load_cv2().GaussianBlur(frame, (0, 0), 10.0) for frame in (shown, mean)]
    np.testing.assert_allclose(*blurred, atol=0.01)


def test_bands_are_never_weakened_nor_made_of_nothing() -> None:
    sharp = np.clip(0.5 + 0.1 * smooth_noise(1, deviation_px=0.8), 0, 1)
    soft = load_cv2().GaussianBlur(sharp, (0, 0), 1.5)
    np.testing.assert_allclose(with_strength_of(sharp, soft), sharp, atol=1e-6)
    flat = np.full_like(sharp, 0.5)
    np.testing.assert_allclose(with_strength_of(flat, sharp), flat, atol=1e-6)
    assert sharpness([with_strength_of(soft, sharp)]) <= MOST_GAIN * sharpness([soft]) * 1.05


def test_frames_that_are_partly_the_same_stay_numbers() -> None:
    """Means over squares are running sums: after strong changes they end below zero where there are none."""
    photos = [np.pad(photo, ((0, 0), (0, 160), (0, 0))) for photo in pan(5)]
    film = mixed(photos, flickering_over(photos))
    assert all(np.isfinite(frame).all() for frame in film)


def flickering_over(photos: list[Array]) -> list[Array]:
    return [np.clip(photo + 0.06 * smooth_noise(100 + t, photo.shape[1]), 0, 1) for t, photo in enumerate(photos)]


def test_a_still_camera_shows_still_paint() -> None:
    """The flow follows the noise of the clip; what is mixed must not."""
    chance = np.random.default_rng(7)
    scene = pan(0)[0]
    photos = [np.clip(scene + 0.02 * chance.normal(size=scene.shape), 0, 1).astype(np.float32) for _ in range(FRAMES)]
    film = mixed(photos, flickering([scene] * FRAMES))
    variance = float(np.var(film[-6:], 0).mean())
    assert variance < 2 * 0.02**2 < float(np.var(flickering([scene] * FRAMES)[-6:], 0).mean())


def test_a_long_film_does_not_ring() -> None:
    """Warped and amplified 48 times over, an output would ring: some frequencies grow, and dots appear."""
    width = WIDTH + 48
    scene = np.clip(0.5 + 0.15 * smooth_noise(0, width, 2.5), 0, 1)
    steps = [0.43 * t for t in range(48)]  # parts of a pixel: each frame is sampled between the last one's pixels

    def seen(picture: Array, right: float) -> Array:
        there = np.float32([[1, 0, right], [0, 1, 0.6 * np.sin(right)]])
        how = load_cv2().INTER_CUBIC | load_cv2().WARP_INVERSE_MAP
        return np.clip(load_cv2().warpAffine(picture, there, (WIDTH, HEIGHT), flags=how, borderMode=4), 0, 1)

    strokes = np.clip(scene + 0.06 * smooth_noise(99, width, 0.8), 0, 1)  # some move along, some flicker
    photos = [seen(scene, step) for step in steps]
    painted = [np.clip(seen(strokes, step) + 0.04 * smooth_noise(t, deviation_px=0.8), 0, 1)
               for t, step in enumerate(steps)]  # fmt: skip
    film = mixed(photos, painted)
    rows, columns = np.mgrid[-HEIGHT // 2 : HEIGHT // 2, -WIDTH // 2 : WIDTH // 2]
    frequency = np.hypot(rows / (HEIGHT / 2), columns / (WIDTH / 2))

    def strengths(frames: list[Array]) -> NDArray[np.float64]:
        spectra = [np.abs(np.fft.fftshift(np.fft.fft2(frame.mean(-1)))) for frame in frames[-4:]]
        return np.array([np.mean(spectra, 0)[(frequency > low) & (frequency <= low + 0.2)].mean()
                         for low in (0.2, 0.4, 0.6, 0.8)])  # fmt: skip

    ratios = strengths(film) / strengths(painted)
    assert ratios.max() < 1.15 and ratios.min() > 0.75, ratios


def test_a_film_goes_on_from_its_state_with_the_same_bits() -> None:
    photos = pan(2)
    painted = flickering(photos)
    whole = mixed(photos, painted)
    first, second = Steadier(), Steadier()
    assert first.state() == {}
    for t in range(5):
        first.mix(photos[t], painted[t])
    state = {name: array.copy() for name, array in first.state().items()}
    assert Steadier.fits(state, HEIGHT, WIDTH)
    assert not Steadier.fits(state, HEIGHT, WIDTH + 1)
    assert not Steadier.fits({}, HEIGHT, WIDTH)
    second.restore(state)
    for t in range(5, FRAMES):
        np.testing.assert_array_equal(second.mix(photos[t], painted[t]), whole[t])


def test_frames_too_large_for_the_flow_are_mixed_at_their_size() -> None:
    photos = [np.repeat(np.repeat(photo, 8, 0), 8, 1) for photo in pan(0)[:3]]
    film = mixed(photos, photos)
    assert film[-1].shape == photos[-1].shape
    np.testing.assert_allclose(film[-1], photos[-1], atol=0.02)
