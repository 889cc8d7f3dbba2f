"""Contact sheets: rows of labelled thumbnails in one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from impasto.images.picture import Picture
from impasto.images.tensors import fit_long_edge

LABEL_PX = 16
GAP_PX = 4


@dataclass(frozen=True)
class Cell:
    """A picture and the words under it."""

    picture: Picture
    label: str


def save_sheet(path: Path, rows: Sequence[Sequence[Cell]], *, cell_px: int = 180) -> None:
    """Lay cells out in rows, every picture within a square of `cell_px`, its label under it."""
    strips = [_draw_row(row, cell_px) for row in rows]
    sheet = Image.new("RGB", (max(s.width for s in strips), sum(s.height for s in strips)), "white")
    top = 0
    for strip in strips:
        sheet.paste(strip, (0, top))
        top += strip.height
    sheet.save(path, optimize=True)


def _draw_row(row: Sequence[Cell], cell_px: int) -> Image.Image:
    """A strip as high as its highest picture."""
    thumbnails, pitch = [_thumbnail(cell.picture, cell_px) for cell in row], cell_px + GAP_PX
    bottom = max(thumbnail.height for thumbnail in thumbnails)
    strip = Image.new("RGB", (len(row) * pitch, bottom + LABEL_PX + GAP_PX), "white")
    draw, font = ImageDraw.Draw(strip), ImageFont.load_default(11)
    for index, (cell, thumbnail) in enumerate(zip(row, thumbnails, strict=True)):
        left = index * pitch
        strip.paste(thumbnail, (left + (cell_px - thumbnail.width) // 2, bottom - thumbnail.height))
        draw.text((left + 2, bottom), _fit(cell.label, font, cell_px), fill="black", font=font)
    return strip


def side_by_side(cells: Sequence[Sequence[Cell]], across: int) -> list[list[Cell]]:
    """Join groups of cells into rows of `across` groups."""
    return [
        [cell for group in cells[start : start + across] for cell in group] for start in range(0, len(cells), across)
    ]


def _thumbnail(picture: Picture, cell_px: int) -> Image.Image:
    pixels = picture.pixels(*fit_long_edge(picture.height_px, picture.width_px, cell_px))
    return Image.fromarray(np.rint(pixels * 255).astype(np.uint8))


def _fit(label: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width_px: int) -> str:
    while font.getlength(label) > width_px:
        label = label[:-2] + "…"
    return label
