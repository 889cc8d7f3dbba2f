"""What paints the frames of a shot: one set of statistics, from frames evenly spread over it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from impasto.images.picture import picture_from_array, quantise
from impasto.images.tensors import pixels_to_tensor
from impasto.inputs.paintings import Region
from impasto.runs.draft import DraftOptions
from impasto.stylizer.statistics import CHANNELS
from impasto.stylizer.stylizer import Stylizer, load_stylizer
from impasto.video.painters import (
    SAMPLED_EVERY,
    SAMPLES,
    DraftFrames,
    ShotSamples,
    shared_from_arrays,
    shared_to_arrays,
)

Array = NDArray[np.float32]


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return load_stylizer()


def frame(seed: int, brightness: float = 0.5) -> Array:
    chance = np.random.default_rng(seed)
    return np.clip(brightness + 0.2 * chance.normal(size=(32, 48, 3)), 0, 1).astype(np.float32)


def test_sums_over_frames_are_those_of_all_samples(stylizer: Stylizer) -> None:
    frames = [frame(seed, 0.3 + 0.1 * seed) for seed in range(2 * SAMPLED_EVERY)]
    samples = ShotSamples(stylizer)
    taken = [samples.see(one) for one in frames]
    assert [number for number, is_sample in enumerate(taken) if is_sample] == [0, SAMPLED_EVERY]
    shared = samples.shared()
    own = [stylizer.encode(pixels_to_tensor(frames[number])).statistics for number in (0, SAMPLED_EVERY)]
    for name in CHANNELS:
        mean = (own[0].moments[name].mean + own[1].moments[name].mean) / 2
        np.testing.assert_allclose(shared.statistics.moments[name].mean, mean, rtol=1e-9)
    assert shared.colors.size == (2 * 48, 32)


def test_a_long_shot_keeps_few_samples_evenly_spread(stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = stylizer.encode(pixels_to_tensor(frame(0)))
    monkeypatch.setattr(Stylizer, "encode", lambda self, photo: encoded)
    samples = ShotSamples(stylizer)
    taken = sum(samples.see(frame(0)) for _ in range(1000))
    assert SAMPLES / 2 <= len(samples._samples) <= SAMPLES
    assert taken < 5 * SAMPLES


def test_statistics_come_back_from_a_file(stylizer: Stylizer) -> None:
    samples = ShotSamples(stylizer)
    samples.see(frame(1))
    shared = samples.shared()
    again = shared_from_arrays(shared_to_arrays(shared), stylizer.encoder.sha256)
    assert again.colors == shared.colors
    for name in CHANNELS:
        for part in ("count", "total", "outer"):
            ours, theirs = (getattr(one.statistics.moments[name], part) for one in (again, shared))
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("color", ["painting", "photo"])
def test_frames_of_a_shot_are_painted_alike(color: str, photo_pixels: NDArray[np.uint8]) -> None:
    """A thing enters at the edge: with statistics of its own, each frame is painted in other colours elsewhere."""
    painting = np.random.default_rng(5).integers(0, 256, (48, 48, 3), np.uint8)
    painter, regions = DraftFrames(None, DraftOptions(color=color)), (Region(None, painting),)
    still = np.tile(photo_pixels[:48, :48].astype(np.float32) / 255, (1, 2, 1))
    entered = still.copy()
    entered[:, 72:] = [1.0, 0.1, 0.1]
    pictures = [picture_from_array(quantise(pixels, 8)) for pixels in (still, entered)]

    def difference() -> float:
        ours, theirs = (painter.paint(picture, regions)[:, :16] for picture in pictures)
        return float(np.abs(ours - theirs).mean())

    apart = difference()
    samples = ShotSamples(painter.stylizer)
    for pixels in (still, entered):
        samples._seen = 0  # take both
        samples.see(pixels)
    painter.begin_shot(shared_to_arrays(samples.shared()))
    assert difference() < 0.1 * apart
