"""Masks that move: each frame has its own, read along with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clips import counted, make_clip
from numpy.typing import NDArray

from impasto.errors import InputError, OptionError
from impasto.events import FrameDone
from impasto.images.tensors import tensor_to_pixels
from impasto.inputs.paintings import Region
from impasto.video import paint
from impasto.video.build import build_film, build_film_options
from impasto.video.clip import open_clip
from impasto.video.flow import load_cv2
from impasto.video.masks import MovingRegion, is_clip

FRAMES = 4
PAINTING = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)


def mask_of(index: int) -> NDArray[np.uint8]:
    """White on the left, then on the right, then nowhere, then everywhere, [48, 64, 3]."""
    mask = np.zeros((48, 64, 3), np.uint8)
    mask[:, [slice(0, 32), slice(32, 64), slice(0, 0), slice(0, 64)][index]] = 255
    return mask


def grey(index: int) -> NDArray[np.uint8]:
    return np.tile(np.arange(64, 192, 2, dtype=np.uint8)[None, :, None], (48, 1, 3))


def folder_of(path: Path, draw: object, frames: int = FRAMES) -> Path:
    path.mkdir()
    for index in range(frames):
        load_cv2().imwrite(str(path / f"{index:03}.png"), draw(index))  # type: ignore[operator]
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "clip", grey)


def frames_of(path: Path) -> list[NDArray[np.float32]]:
    with open_clip(path) as opened:
        return [tensor_to_pixels(frame.pixels) for frame in opened.frames()]


@pytest.mark.parametrize("kind", ["folder", "video"])
def test_paint_is_where_the_mask_of_the_frame_is_white(clip: Path, tmp_path: Path, kind: str) -> None:
    mask = folder_of(tmp_path / "mask", mask_of) if kind == "folder" else tmp_path / "mask.mp4"
    if kind == "video":
        make_clip(mask, FRAMES, draw=mask_of)
    region = MovingRegion(mask, Region(None, PAINTING))
    build_film(clip, None, tmp_path / "film", regions=[region]).paint()
    differences = [np.abs(frame - grey(0) / 255).mean((0, 2)) for frame in frames_of(tmp_path / "film")]
    left, right = slice(2, 26), slice(38, 62)
    painted = [[bool(columns[half].mean() > 0.05) for half in (left, right)] for columns in differences]
    assert painted == [[True, False], [False, True], [False, False], [True, True]]
    for columns, halves in zip(differences, painted, strict=True):
        for half, is_painted in zip((left, right), halves, strict=True):
            assert is_painted or columns[half].max() < 1.5 / 255  # the photo itself


def test_a_piece_takes_the_masks_of_its_frames_and_goes_on(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paint, "STATE_SECONDS", 0.0)
    region = MovingRegion(folder_of(tmp_path / "mask", mask_of), Region(None, PAINTING))
    film = build_film(clip, None, tmp_path / "film", regions=[region], piece=(1 / 24, None))
    for event in film:
        if isinstance(event, FrameDone):
            break
    done = build_film(clip, None, tmp_path / "film", regions=[region], piece=(1 / 24, None)).paint()
    assert done.frames == 3
    right, nothing, _ = (np.abs(frame - grey(0) / 255).mean((0, 2)) for frame in frames_of(tmp_path / "film"))
    assert right[:26].mean() < 0.01 < right[38:].mean() and nothing.max() < 0.01


def test_a_mask_of_another_length_is_one_line(clip: Path, tmp_path: Path) -> None:
    region = MovingRegion(folder_of(tmp_path / "mask", mask_of, 3), Region(None, PAINTING))
    with pytest.raises(InputError, match="has 3 frames, and the clip 4: give one for each of the clip"):
        build_film(clip, None, tmp_path / "film", regions=[region]).paint()
    assert not (tmp_path / "film.run").exists()


def test_a_mask_of_another_shape_is_one_line(clip: Path, tmp_path: Path) -> None:
    region = MovingRegion(folder_of(tmp_path / "mask", lambda index: mask_of(0)[:, :32]), Region(None, PAINTING))
    with pytest.raises(InputError, match="give a mask of the same proportions"):
        build_film(clip, None, tmp_path / "film", regions=[region]).paint()


def test_what_moves_is_not_for_paint_quality_nor_masked_twice(clip: Path, tmp_path: Path) -> None:
    region = MovingRegion(folder_of(tmp_path / "mask", mask_of), Region(None, PAINTING))
    options = build_film_options("paint", {"steps": 1})
    with pytest.raises(OptionError, match="a mask that moves is for the quality draft"):
        build_film(clip, None, tmp_path / "film", regions=[region], options=options).paint()
    with pytest.raises(OptionError, match="has no other mask"):
        MovingRegion(tmp_path / "mask", Region(counted(1)[..., 0], PAINTING))


def test_which_masks_are_clips(tmp_path: Path) -> None:
    assert is_clip(tmp_path) and is_clip("a.MP4") and is_clip("a.mkv")
    assert not is_clip("mask.png") and not is_clip("mask.webp") and not is_clip("alpha")
