"""The clips that films are measured on move as they say."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

import film_clips
from impasto.images.tensors import pixels_to_tensor
from impasto.video.clip import open_clip


@pytest.fixture
def scene() -> film_clips.Array:
    """A smooth picture: what is sampled twice is then nearly what is sampled once."""
    rows, columns = np.mgrid[:60, :220]
    waves = [np.sin(rows / 7 + channel) * np.cos(columns / (9 + channel)) for channel in range(3)]
    return (np.stack(waves, -1) / 2 + 0.5).astype(np.float32)


@pytest.mark.parametrize("name", ["pan", "zoom", "still"])
def test_each_frame_is_the_one_before_along_the_flow(scene: film_clips.Array, name: str) -> None:
    clip = list(getattr(film_clips, name)(scene, 4, 48, 80))
    for (before, _), (after, flow) in itertools.pairwise(clip):
        rows, columns = np.mgrid[:48, :80]
        grid = np.stack([(columns + flow[..., 0]) / 79 * 2 - 1, (rows + flow[..., 1]) / 47 * 2 - 1], -1)
        moved = torch.nn.functional.grid_sample(
            pixels_to_tensor(before), torch.tensor(grid, dtype=torch.float32)[None], mode="bicubic", align_corners=True
        )
        error = np.abs(moved[0].permute(1, 2, 0).numpy() - after)[4:-4, 4:-4]
        change = np.abs(before - after)[4:-4, 4:-4].mean()
        assert error.mean() < (
            2 * film_clips.NOISE if name == "still" else change / 2
        )  # what is sampled twice is not quite what is sampled once


def test_the_film_has_twelve_cuts_where_it_says(scene: film_clips.Array, tmp_path: Path) -> None:
    scenes = [scene, 1 - scene, scene[::-1].copy()]
    frames = list(film_clips.film_with_cuts(scenes, 48, 80))
    changes = [float(np.abs(a - b).mean()) for a, b in itertools.pairwise(frames)]
    largest = sorted(np.argsort(changes)[-film_clips.CUTS :] + 1)
    assert largest == film_clips.cut_places()
    assert len(frames) == sum(film_clips.SHOT_FRAMES)
    film_clips.save_film(frames, tmp_path / "cuts.mp4")
    assert open_clip(tmp_path / "cuts.mp4").info.frames == len(frames)
