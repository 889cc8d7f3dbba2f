"""`impasto.film`: a clip repainted from Python, here or on a cluster."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from clips import make_clip

import impasto
from impasto.errors import OptionError
from impasto.events import Event, FilmDone, FrameDone
from impasto.lab import film_jobs
from impasto.video.clip import open_clip

PAINTING = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    frames = np.random.default_rng(1).integers(0, 256, (3, 48, 64, 3), np.uint8)
    return make_clip(tmp_path / "clip.mkv", 3, draw=lambda index: frames[index])


def test_a_film_is_painted_and_tells_what_happens(clip: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    done = impasto.film(clip, PAINTING, tmp_path / "film.mkv", on_event=events.append, size_px=48, strength=60)
    assert (done.frames, done.stopped) == (3, False)
    assert events[-1] == done
    assert isinstance(done, FilmDone)
    assert len([event for event in events if isinstance(event, FrameDone)]) == 3
    with open_clip(tmp_path / "film.mkv") as painted:
        assert (painted.info.frames, painted.info.width_px, painted.info.height_px) == (3, 48, 36)


def test_ray_does_the_pieces(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(
        film_jobs, "run_on_ray", lambda jobs, work, address, controls: asked.append(address) or iter(())
    )
    done = impasto.film(clip, PAINTING, tmp_path / "film.mkv", ray="somewhere:1234")
    assert asked == ["somewhere:1234"]
    assert (done.frames, done.stopped) == (0, True)


def test_without_ray_one_line(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(OptionError, match="Ray is not installed"):
        impasto.film(clip, PAINTING, tmp_path / "film.mkv", ray="auto")
