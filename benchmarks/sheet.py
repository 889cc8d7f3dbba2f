"""Contact sheets: rows of labelled thumbnails in one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from impasto.images.geometry import fit_long_edge
from impasto.images.io import Picture

LABEL_PX = 16
GAP_PX = 4


@dataclass(frozen=True)
class Cell:
    """A picture and the words under it."""

    picture: Picture
    label: str


def save_sheet(path: Path, rows: Sequence[Sequence[Cell]], *, cell_px: int = 180) -> None:
    """Lay cells out in rows, every picture within a square of `cell_px`, its label under it."""
    pitch = (cell_px + GAP_PX, cell_px + LABEL_PX + GAP_PX)
    columns = max(len(row) for row in rows)
    sheet = Image.new("RGB", (columns * pitch[0], len(rows) * pitch[1]), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for top, row in enumerate(rows):
        for left, cell in enumerate(row):
            x, y = left * pitch[0], top * pitch[1]
            thumbnail = _thumbnail(cell.picture, cell_px)
            sheet.paste(thumbnail, (x + (cell_px - thumbnail.width) // 2, y + cell_px - thumbnail.height))
            draw.text((x + 2, y + cell_px), _fit(cell.label, font, cell_px), fill="black", font=font)
    sheet.save(path, optimize=True)


def side_by_side(cells: Sequence[Sequence[Cell]], across: int) -> list[list[Cell]]:
    """Join groups of cells into rows of `across` groups."""
    return [
        [cell for group in cells[start : start + across] for cell in group]
        for start in range(0, len(cells), across)
    ]


def _thumbnail(picture: Picture, cell_px: int) -> Image.Image:
    pixels = picture.pixels(*fit_long_edge(picture.height_px, picture.width_px, cell_px))
    return Image.fromarray(np.rint(pixels * 255).astype(np.uint8))


def _fit(label: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width_px: int) -> str:
    while font.getlength(label) > width_px:
        label = label[:-2] + "…"
    return label
