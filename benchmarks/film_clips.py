"""Clips with known motion, and a film with known cuts: ``python benchmarks/film_clips.py FOLDER`` writes them as films.

The flow of a frame [height, width, 2] says in pixels, across and down, from where in the frame before each place comes.
Frames are float32 [height, width, 3] sRGB in [0, 1].
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from common import gallery_files, new_parser, shared_path
from impasto.images.reading import load_picture
from impasto.images.tensors import pixels_to_tensor
from impasto.video.clip import write_clip
from impasto.video.frames import ClipInfo, Frame

Array = NDArray[np.float32]
SHARED_CLIPS = ("walking", "bunny", "sintel_mountain")
RATE = Fraction(24)
CUTS = 12
SHOT_FRAMES = (5, 9, 6, 12, 5, 7, 10, 5, 8, 6, 9, 5, 7)  # of the film with 12 cuts
ZOOM = 1.01  # a frame
PAN_PX = 2.5  # a frame, across
NOISE = 0.02


def pan(scene: Array, frames: int, height_px: int, width_px: int) -> Iterator[tuple[Array, Array]]:
    """A camera that moves to the right over a picture by `PAN_PX` a frame, and the flow."""
    flow = np.zeros((height_px, width_px, 2), np.float32)
    flow[..., 0] = PAN_PX
    for step in range(frames):
        yield _sampled(scene, height_px, width_px, shift=(0.0, PAN_PX * step)), flow


def zoom(scene: Array, frames: int, height_px: int, width_px: int) -> Iterator[tuple[Array, Array]]:
    """A camera that comes nearer to the middle of a picture by `ZOOM` a frame, and the flow."""
    rows, columns = _places(height_px, width_px)
    middle_row, middle_column = (height_px - 1) / 2, (width_px - 1) / 2
    flow = np.stack([(columns - middle_column), (rows - middle_row)], axis=-1) * (1 / ZOOM - 1)
    for step in range(frames):
        yield _sampled(scene, height_px, width_px, scale=ZOOM**step), flow.astype(np.float32)


def still(scene: Array, frames: int, height_px: int, width_px: int) -> Iterator[tuple[Array, Array]]:
    """A camera that stands, with the noise of a small one (`NOISE`), and the flow: none."""
    random, flow = np.random.default_rng(0), np.zeros((height_px, width_px, 2), np.float32)
    view = _sampled(scene, height_px, width_px)
    for _ in range(frames):
        yield np.clip(view + random.normal(0, NOISE, view.shape), 0, 1).astype(np.float32), flow


def film_with_cuts(scenes: list[Array], height_px: int, width_px: int) -> Iterator[Array]:
    """Shots of the lengths `SHOT_FRAMES`, panning over one scene after another; every shot begins with a cut."""
    for number, frames in enumerate(SHOT_FRAMES):
        for view, _ in pan(scenes[number % len(scenes)], frames, height_px, width_px):
            yield view


def cut_places() -> list[int]:
    """The first frames of the shots of `film_with_cuts` but the first: where the cuts are."""
    return np.cumsum(SHOT_FRAMES)[:-1].tolist()


def shared_clip(args: argparse.Namespace, name: str) -> Iterator[Array]:
    """The frames of one of `SHARED_CLIPS`."""
    for file in sorted(shared_path(args, "clips", name).glob("*.jpg")):
        yield load_picture(file).pixels()


def load_scene(file: Path, height_px: int, width_px: int) -> Array:
    """A picture large enough for `pan` over 40 frames."""
    picture = load_picture(file)
    scale = max(height_px / picture.height_px, (width_px + 40 * PAN_PX) / picture.width_px) * 1.02
    return picture.pixels(round(picture.height_px * scale), round(picture.width_px * scale))


def save_film(frames: Iterable[Array], path: Path) -> None:
    """Write frames as a film."""
    writer = None
    for index, pixels in enumerate(frames):
        if writer is None:
            height_px, width_px = pixels.shape[:2]
            like = ClipInfo(path, "folder", width_px, height_px, None, 0.0, RATE, False, 1 / RATE)
            writer = write_clip(path, like, quality=95, overwrite=True)
        writer.write(Frame(index, index / RATE, 1 / RATE, pixels_to_tensor(pixels)))
    if writer is not None:
        writer.close()


def _places(height_px: int, width_px: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows, columns = np.mgrid[:height_px, :width_px].astype(np.float64)
    return rows, columns


def _sampled(
    scene: Array, height_px: int, width_px: int, *, shift: tuple[float, float] = (0.0, 0.0), scale: float = 1.0
) -> Array:
    """The scene as the camera sees it, sampled bicubically at places between its pixels."""
    rows, columns = _places(height_px, width_px)
    middle_row, middle_column = (height_px - 1) / 2, (width_px - 1) / 2
    rows = (rows - middle_row) / scale + middle_row + shift[0]
    columns = (columns - middle_column) / scale + middle_column + shift[1]
    grid = np.stack([2 * columns / (scene.shape[1] - 1) - 1, 2 * rows / (scene.shape[0] - 1) - 1], axis=-1)
    sampled = torch.nn.functional.grid_sample(
        pixels_to_tensor(scene),
        torch.from_numpy(grid.astype(np.float32))[None],
        mode="bicubic",
        padding_mode="reflection",
        align_corners=True,
    )
    return sampled[0].permute(1, 2, 0).clamp(0, 1).numpy()


def main() -> None:
    parser = new_parser(__doc__ or "")
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    args.folder.mkdir(exist_ok=True)
    files = gallery_files(args, "content")
    scenes = [load_scene(file, 360, 640) for file in files[:4]]
    for name, make in (("pan", pan), ("zoom", zoom), ("still", still)):
        save_film((view for view, _ in make(scenes[0], 40, 360, 640)), args.folder / f"{name}.mp4")
    save_film(film_with_cuts(scenes, 360, 640), args.folder / "cuts.mp4")
    for name in SHARED_CLIPS:
        save_film(shared_clip(args, name), args.folder / f"{name}.mp4")


if __name__ == "__main__":
    main()
