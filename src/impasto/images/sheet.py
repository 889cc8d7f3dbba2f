"""Contact sheets: labelled pictures in rows and columns, on one white page."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Literal

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from impasto.errors import ImpastoError
from impasto.images.picture import Picture
from impasto.images.reading import load_picture
from impasto.images.tensors import fit_long_edge

INK, GREY, PALE, FAULT = "#1d1d1f", "#6e6e73", "#f2f2f4", "#a03030"
LINE = 1.35  # height of a line of text, in sizes of its font
TITLE_PX, HEAD_PX, NOTE_PX, SMALL_PX = 30, 18, 16, 14
THUMB_PX = 96  # pictures in headings
CELL_PX = ((4, 360), (6, 280), (9, 220), (13, 160))  # (columns up to, long edge of a picture)
SMALLEST_CELL_PX = 120
MAX_ROW_HEAD_PX, MAX_TITLE_PX = 230, 1000
AXIS_PX = 28  # height of the line that names the axes
CAPTION_LINES = 2  # at most, of a caption and of the figures under it

Align = Literal["left", "center", "right"]
Shown = Path | Picture | str
"""A picture, or the name of something that has none, which is drawn as a plate."""


@dataclass(frozen=True)
class Cell:
    """One place of a sheet: a picture, or in red why there is none, and a line or two of text under it."""

    picture: Shown | None
    caption: str = ""
    figures: str = ""
    fault: str = ""


@dataclass(frozen=True)
class Heading:
    """The text of a row or column; `picture` where it stands for a photo or painting."""

    text: str
    picture: Shown | None = None


@dataclass(frozen=True)
class Sheet:
    """A page of pictures, its labels, and its measures in pixels.

    Attributes
    ----------
    title, subtitle, note: lines above the pictures, the first one large.
    cells: [row][column]; None leaves a place empty.
    rows, columns: headings, or none at all.
    row_axis, column_axis: names of what varies over rows and columns.
    shared: pictures that belong to all cells, by name: beside the title, or above the note where `shared_px` is large.
    cell_px: long edge of a picture; default: by the number of columns.
    """

    cells: Sequence[Sequence[Cell | None]]
    title: str = ""
    subtitle: str = ""
    note: str = ""
    rows: Sequence[Heading] = ()
    columns: Sequence[Heading] = ()
    row_axis: str = ""
    column_axis: str = ""
    shared: Sequence[tuple[str, Shown]] = ()
    shared_px: int = THUMB_PX
    cell_px: int | None = None
    edge_px: int = 36
    gap_px: int = 14


def draw_sheet(sheet: Sheet) -> Image.Image:
    """Draw a sheet. A picture that cannot be read leaves its place pale: it may be gone by now."""
    across = max(map(len, sheet.cells))
    cell_px = sheet.cell_px or next((size for columns, size in CELL_PX if across <= columns), SMALLEST_CELL_PX)
    pictures = [[_thumbnail(cell.picture, cell_px) if cell else None for cell in row] for row in sheet.cells]
    column_px = _column_width(sheet, pictures, cell_px)
    row_head_px = _row_head_width(sheet)
    left = sheet.edge_px + (row_head_px + sheet.gap_px if sheet.rows else 0)
    header = _Header(sheet)
    width = max(left + across * (column_px + sheet.gap_px) - sheet.gap_px + sheet.edge_px, header.min_width)
    row_heights = [max((picture.height for picture in row if picture), default=cell_px // 2) for row in pictures]
    caption_px = max((_caption_height(cell, column_px) for row in sheet.cells for cell in row if cell), default=0)
    column_head_px = _column_head_height(sheet)
    heights = header.height + column_head_px + sum(row_heights) + len(row_heights) * (caption_px + sheet.gap_px)
    pen = _Pen(width, heights - sheet.gap_px + sheet.edge_px)

    header.draw(pen)
    top = header.height
    if sheet.rows:
        pen.write(f"{sheet.row_axis} ↓", sheet.edge_px, top, row_head_px, SMALL_PX, GREY, "right")
    if sheet.column_axis:
        pen.write(f"{sheet.column_axis} →", left, top, width - left - sheet.edge_px, SMALL_PX, GREY)
    places = [left + column * (column_px + sheet.gap_px) for column in range(across)]
    for heading, place in zip(sheet.columns, places, strict=False):
        pen.write_column_heading(heading, place, top, column_px, column_head_px)
    top += column_head_px
    for heading, cells, row, height in zip_longest(sheet.rows, sheet.cells, pictures, row_heights):
        if heading:
            pen.write_row_heading(heading, sheet.edge_px, top, row_head_px, height)
        for cell, picture, place in zip(cells, row, places, strict=False):
            if cell is not None:
                pen.draw_cell(cell, picture, (place, top, column_px, height))
        top += height + caption_px + sheet.gap_px
    return pen.canvas


def encode_png(image: Image.Image) -> bytes:
    """The bytes of a drawn sheet's PNG file."""
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


class _Pen:
    """A white canvas and what is drawn on it."""

    def __init__(self, width: int, height: int) -> None:
        self.canvas = Image.new("RGB", (width, height), "white")
        self._draw = ImageDraw.Draw(self.canvas)

    def write(
        self, text: str, left: int, top: int, width: int, size: int, color: str = INK, align: Align = "left"
    ) -> None:
        """A line of text within a width; text that does not fit ends in an ellipsis. Large text is bold."""
        font = _font(size)
        while font.getlength(text) > width and len(text) > 2:
            text = text[:-2] + "…"
        spare = width - font.getlength(text)
        place = left + {"left": 0, "center": spare / 2, "right": spare}[align]
        self._draw.text((place, top), text, fill=color, font=font)

    def paste(self, picture: Image.Image, left: int, top: int, width: int) -> None:
        """A picture, centred in a width."""
        self.canvas.paste(picture, (left + (width - picture.width) // 2, top))

    def write_column_heading(self, heading: Heading, left: int, top: int, width: int, height: int) -> None:
        """Text at the foot of the place, the picture above it."""
        text_top = top + height - 8 - _line(HEAD_PX)
        if picture := _thumbnail(heading.picture, THUMB_PX):
            self.paste(picture, left, text_top - 6 - picture.height, width)
        self.write(heading.text, left, text_top, width, HEAD_PX, INK, "center")

    def write_row_heading(self, heading: Heading, left: int, top: int, width: int, height: int) -> None:
        """Picture and text at the right of the place, half way down."""
        picture = _thumbnail(heading.picture, THUMB_PX)
        top += (height - _line(HEAD_PX) - (picture.height + 6 if picture else 0)) // 2
        if picture:
            self.paste(picture, left + width - picture.width, top, picture.width)
            top += picture.height + 6
        self.write(heading.text, left, top, width, HEAD_PX, INK, "right")

    def draw_cell(self, cell: Cell, picture: Image.Image | None, box: tuple[int, int, int, int]) -> None:
        """Picture or fault within (left, top, width, height), the captions right under it."""
        left, top, width, height = box
        below = top + height + 5
        if picture:
            self.paste(picture, left, top + (height - picture.height) // 2, width)
            below -= (height - picture.height) // 2
        else:
            self._draw.rectangle((left, top, left + width - 1, top + height - 1), fill=PALE)
            lines = _wrap(cell.fault, width - 20, max(1, height // _line(SMALL_PX) - 1))
            for number, line in enumerate(lines):
                self.write(line, left + 10, top + 10 + number * _line(SMALL_PX), width - 20, SMALL_PX, FAULT)
        for text, color in ((cell.caption, INK), (cell.figures, GREY)):
            for line in _wrap(text, width, CAPTION_LINES):
                self.write(line, left, below, width, SMALL_PX, color, "center")
                below += _line(SMALL_PX)


class _Header:
    """Title, subtitle and note; small shared pictures at their right, large ones between subtitle and note."""

    def __init__(self, sheet: Sheet) -> None:
        self._edge, self._gap = sheet.edge_px, sheet.gap_px
        lines = (sheet.title, TITLE_PX, INK), (sheet.subtitle, SMALL_PX, GREY), (sheet.note, NOTE_PX, INK)
        self._lines = [line for line in lines if line[0]]
        thumbnails = [(name, _thumbnail(shown, sheet.shared_px)) for name, shown in sheet.shared]
        self._shared = [(name, picture) for name, picture in thumbnails if picture]
        self._shared_width = sum(picture.width + self._gap for _, picture in self._shared)
        self._tallest = max((picture.height for _, picture in self._shared), default=0)
        self._are_large = sheet.shared_px > THUMB_PX
        lines_px = sum(_line(size) for _, size, _ in self._lines) + 8
        shared_px = self._tallest + _line(SMALL_PX) + 4 if self._shared else 0
        content = lines_px + shared_px + 10 if self._are_large else max(lines_px, shared_px)
        self.height = self._edge + (content + 22 if self._lines or self._shared else 0)
        text_px = max((int(_font(size).getlength(text)) + 1 for text, size, _ in self._lines), default=0)
        widths = min(text_px, MAX_TITLE_PX), self._shared_width
        self.min_width = 2 * self._edge + (max(widths) if self._are_large else sum(widths))

    def draw(self, pen: _Pen) -> None:
        width = pen.canvas.width - 2 * self._edge
        if not self._are_large:
            self._draw_shared(pen, self._edge + width - self._shared_width + self._gap, self._edge)
            width -= self._shared_width
        top = self._edge
        for text, size, color in (line for line in self._lines if line[1] != NOTE_PX):
            pen.write(text, self._edge, top, width, size, color)
            top += _line(size)
        if self._are_large:
            top = self._draw_shared(pen, self._edge, top + 10)
        for text, size, color in (line for line in self._lines if line[1] == NOTE_PX):
            pen.write(text, self._edge, top + 8, width, size, color)

    def _draw_shared(self, pen: _Pen, left: int, top: int) -> int:
        """Draw the shared pictures with their feet on one line; returns where they end."""
        foot = top + self._tallest
        for name, picture in self._shared:
            pen.paste(picture, left, foot - picture.height, picture.width)
            pen.write(name, left, foot + 4, picture.width, SMALL_PX, GREY, "center")
            left += picture.width + self._gap
        return foot + 4 + _line(SMALL_PX)


def _column_width(sheet: Sheet, pictures: Sequence[Sequence[Image.Image | None]], cell_px: int) -> int:
    """The widest picture, or as wide as its texts need within `cell_px`; a fault needs all of that."""
    widths = [picture.width for row in pictures for picture in row if picture]
    texts = [_font(HEAD_PX).getlength(heading.text) for heading in sheet.columns]
    for cells, row in zip(sheet.cells, pictures, strict=True):
        for cell, picture in zip(cells, row, strict=True):
            if cell:
                texts += [_font(SMALL_PX).getlength(text) + 1 for text in (cell.caption, cell.figures)]
                widths += [] if picture else [cell_px]
    if any(heading.picture for heading in sheet.columns):
        widths.append(THUMB_PX)
    return max([*widths, min(cell_px, int(max(texts, default=0)) + 1)])


def _row_head_width(sheet: Sheet) -> int:
    if not sheet.rows:
        return 0
    texts = [_font(HEAD_PX).getlength(heading.text) for heading in sheet.rows]
    texts.append(_font(SMALL_PX).getlength(f"{sheet.row_axis} ↓"))
    return max(THUMB_PX if any(h.picture for h in sheet.rows) else 0, min(MAX_ROW_HEAD_PX, int(max(texts)) + 1))


def _column_head_height(sheet: Sheet) -> int:
    axes = AXIS_PX if sheet.rows or sheet.column_axis else 0
    if not sheet.columns:
        return axes
    return axes + _line(HEAD_PX) + 8 + (THUMB_PX + 6 if any(heading.picture for heading in sheet.columns) else 0)


def _caption_height(cell: Cell, width: int) -> int:
    lines = sum(len(_wrap(text, width, CAPTION_LINES)) for text in (cell.caption, cell.figures))
    return 9 + lines * _line(SMALL_PX) if lines else 0


def _wrap(text: str, width: int, lines: int) -> list[str]:
    """Small text in at most so many lines of a width."""
    if _font(SMALL_PX).getlength(text) <= width:
        return [text] if text else []
    wrapped: list[str] = []
    for word in text.split():
        if wrapped and _font(SMALL_PX).getlength(f"{wrapped[-1]} {word}") <= width:
            wrapped[-1] += f" {word}"
        else:
            wrapped.append(word)
    return wrapped[:lines]


def _line(size: int) -> int:
    return int(size * LINE)


def _thumbnail(shown: Shown | None, long_edge_px: int) -> Image.Image | None:
    """A picture within a square, or a name on a plate; None where there is no picture to be read."""
    if shown is None:
        return None
    if isinstance(shown, str):
        return _plate(shown, long_edge_px)
    try:
        picture = load_picture(shown) if isinstance(shown, Path) else shown
    except ImpastoError:
        return None
    pixels = picture.pixels(*fit_long_edge(picture.height_px, picture.width_px, long_edge_px))
    return Image.fromarray(np.rint(pixels * 255).astype(np.uint8))


def _plate(name: str, side_px: int) -> Image.Image:
    """A pale square with a file's name."""
    plate = Image.new("RGB", (side_px, side_px), PALE)
    font = _font(SMALL_PX)
    characters = max(4, int((side_px - 12) / font.getlength("n")))
    lines = [*textwrap.wrap(Path(name).stem, characters, max_lines=3, placeholder="…"), Path(name).suffix]
    ImageDraw.Draw(plate).multiline_text(
        (side_px / 2, side_px / 2), "\n".join(lines), fill=GREY, font=font, anchor="mm", align="center", spacing=4
    )
    return plate


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings, so that sheets look the same everywhere; bold for headings."""
    name = "DejaVuSans-Bold.ttf" if size >= HEAD_PX else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)
