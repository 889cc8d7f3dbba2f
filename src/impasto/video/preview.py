"""A sheet of frames from all of a film, painted one by one: how it will look, before the whole is painted."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from impasto.images.picture import picture_from_array, quantise
from impasto.images.sheet import Cell, Sheet, draw_sheet, encode_png
from impasto.storage.atomic import write_file
from impasto.video.clip import open_clip
from impasto.video.masks import FrameRegions
from impasto.video.paint import film_inputs

if TYPE_CHECKING:
    from impasto.video.paint import Film

EVERY = 12  # frames
MOST_FRAMES = 48  # of a long film every 24th, 48th, ... frame
COLUMNS = 6


def write_sheet(film: Film, path: Path) -> int:
    """Paint every 12th frame (of a long film fewer) and write them on a PNG; returns how many they are.

    Frames are not mixed here, and read their own statistics: single ones may look a little otherwise in the film.
    """
    cells: list[Cell] = []
    every = EVERY
    with open_clip(film.clip) as clip, closing(FrameRegions(film.regions, clip.info)) as regions:
        inputs = film_inputs(film, clip.info)
        painter = inputs.painter()
        for number, frame in enumerate(clip.frames(film.from_seconds, film.to_seconds)):
            if number % every:
                continue
            pixels = painter.paint(inputs.picture(frame), regions.at(frame.index))
            cells.append(Cell(picture_from_array(quantise(np.clip(pixels, 0, 1), 8)), f"{float(frame.time):.1f} s"))
            if len(cells) > MOST_FRAMES:
                cells, every = cells[::2], 2 * every
    rows = [cells[start : start + COLUMNS] for start in range(0, len(cells), COLUMNS)]
    write_file(path, encode_png(draw_sheet(Sheet(rows, title=film.clip.name))), overwrite=film.overwrite)
    return len(cells)
