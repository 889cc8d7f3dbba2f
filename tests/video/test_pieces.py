"""Films in pieces: the same frames as in one go where shots are short, nearly the same where they are long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clips import make_clip
from numpy.typing import NDArray

from impasto.errors import CheckpointError, OptionError
from impasto.events import Controls, Event, FilmDone, FilmStarted, FrameDone, Notice, ShotStarted
from impasto.images.tensors import tensor_to_pixels
from impasto.video import pieces
from impasto.video.build import build_film, build_film_options
from impasto.video.clip import open_clip
from impasto.video.folder import FilmFolder
from impasto.video.pieces import FilmInputs, FramePainted, Piece, PieceResult, do_piece

FRAMES, CUT = 14, 9


def drawn(index: int) -> NDArray[np.uint8]:
    """A pan over waves, and from the cut on over a chessboard, with a camera's noise, [48, 64, 3]."""
    rows, columns = np.mgrid[0:48, 0:64]
    noise = np.random.default_rng(index).normal(0, 3, (48, 64, 3))
    waves = np.sin(rows / 5) + np.sin((columns + 2 * index) / 6)
    board = 2 * ((rows // 8 + (columns + index) // 8) % 2) - 1
    one = (waves if index < CUT else board)[..., None] * np.array([50, 20, -40]) + (128 if index < CUT else 90)
    return (one + noise).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """The number of threads changes last bits, and tuning sets it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mkv", FRAMES, draw=drawn, options={"crf": "5"})


def frames_of(path: Path) -> list[NDArray[np.float32]]:
    with open_clip(path) as opened:
        return [tensor_to_pixels(frame.pixels) for frame in opened.frames()]


class Backwards:
    """Does pieces here, the last first, and notes which."""

    def __init__(self, stop_after: int = FRAMES) -> None:
        self.done: list[Piece] = []
        self.stop_after = stop_after

    def __call__(
        self, inputs: FilmInputs, work: Sequence[Piece], folder: FilmFolder, controls: Controls
    ) -> Iterator[PieceResult | Notice]:
        for piece in reversed(work):
            self.done.append(piece)
            for item in do_piece(inputs, piece, folder):
                if controls.stop:
                    return
                if not isinstance(item, FramePainted) or self.stop_after > 0:
                    self.stop_after -= isinstance(item, FramePainted)
                    controls.stop = self.stop_after == 0
                    yield item  # type: ignore[misc]


def paint(clip: Path, output: Path, elsewhere: Any, **options: Any) -> list[Event]:
    painting = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    quality = options.pop("quality", "draft")
    film = build_film(clip, painting, output, options=build_film_options(quality, options), elsewhere=elsewhere)
    return list(film)


@pytest.fixture(scope="module")
def whole(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> list[NDArray[np.float32]]:
    output = tmp_path_factory.mktemp("whole") / "film"
    paint(clip, output, None)
    return frames_of(output)


def test_short_shots_are_the_same_wherever_they_are_painted(
    clip: Path, whole: list[NDArray[np.float32]], tmp_path: Path
) -> None:
    elsewhere = Backwards()
    events = paint(clip, tmp_path / "film", elsewhere)
    assert [(piece.first, piece.start, piece.stop) for piece in elsewhere.done] == [(CUT, CUT, FRAMES), (0, 0, CUT)]
    for ours, theirs in zip(frames_of(tmp_path / "film"), whole, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert [(event.shot, event.frame) for event in events if isinstance(event, ShotStarted)] == [(1, CUT), (0, 0)]
    assert [event.frame for event in events if isinstance(event, FrameDone)] == list(range(FRAMES))
    assert isinstance(events[-1], FilmDone) and not events[-1].stopped
    assert not (tmp_path / "film.run").exists()


def test_a_long_shot_is_nearly_the_same_in_pieces(
    clip: Path, whole: list[NDArray[np.float32]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "PIECE_FRAMES", 5)
    apart = []
    for overlap in (0, 4):
        monkeypatch.setattr(pieces, "OVERLAP_FRAMES", overlap)
        elsewhere = Backwards()
        paint(clip, tmp_path / f"film{overlap}", elsewhere)
        spans = [(piece.first, piece.start, piece.stop) for piece in elsewhere.done]
        assert spans == [(CUT, CUT, FRAMES), (5 - overlap, 5, CUT), (0, 0, 5)]
        painted = frames_of(tmp_path / f"film{overlap}")
        for ours, theirs in [*zip(painted, whole, strict=True)][:5]:
            np.testing.assert_array_equal(ours, theirs)
        apart.append(float(np.abs(painted[5] - whole[5]).mean()))
    assert 0 < apart[1] < 0.9 * apart[0]  # four frames leave 0.95 ** 4 of what was before


def test_a_film_in_pieces_goes_on_with_what_is_missing(
    clip: Path, whole: list[NDArray[np.float32]], tmp_path: Path
) -> None:
    begun = paint(clip, tmp_path / "film", Backwards(stop_after=7))[-1]
    assert isinstance(begun, FilmDone) and begun.stopped
    assert begun.frames == 2  # five of the second shot, and two of the first: as far as there is no gap
    assert len(frames_of(tmp_path / "film")) == 2
    again = Backwards()
    events = paint(clip, tmp_path / "film", again)
    assert [piece.start for piece in again.done] == [0]
    (started,) = [event for event in events if isinstance(event, FilmStarted)]
    assert started.painted == 7
    assert len([event for event in events if isinstance(event, FrameDone)]) == FRAMES - 7
    for ours, theirs in zip(frames_of(tmp_path / "film"), whole, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_film_begun_in_pieces_is_not_mixed_with_one_that_is_not(clip: Path, tmp_path: Path) -> None:
    begun = paint(clip, tmp_path / "film", Backwards(stop_after=3))[-1]
    assert isinstance(begun, FilmDone) and begun.stopped and begun.frames == 0  # there is no first frame to show yet
    assert not (tmp_path / "film").exists()
    with pytest.raises(CheckpointError, match="other options"):
        paint(clip, tmp_path / "film", None)


def test_shots_are_tuned_first_each_once(clip: Path, tmp_path: Path) -> None:
    options = {"quality": "paint", "steps": 1, "min_scale_px": 32, "size_px": 64, "threads": 1}
    elsewhere = Backwards()
    paint(clip, tmp_path / "apart", elsewhere, **options)
    assert [(piece.shot, piece.start == piece.stop) for piece in elsewhere.done] == [
        (1, True),
        (0, True),
        (1, False),
        (0, False),
    ]
    paint(clip, tmp_path / "here", None, **options)
    for ours, theirs in zip(frames_of(tmp_path / "apart"), frames_of(tmp_path / "here"), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1.01 / 255)  # tuning grows last bits


def test_keys_are_for_one_machine(clip: Path, tmp_path: Path) -> None:
    film = build_film(clip, None, tmp_path / "film.mp4", keys={0: drawn(0)}, elsewhere=Backwards())
    with pytest.raises(OptionError, match="leave out --key or --ray"):
        list(film)
