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
from PIL.PngImagePlugin import PngInfo

from impasto.errors import ImpastoError
from impasto.images.picture import Picture
from impasto.images.reading import load_picture
from impasto.images.resize import fit_long_edge
from impasto.storage.files import why_not_a_file

MADE_BY = "impasto, a sheet"
INK, GREY, PALE, FAULT = "#1d1d1f", "#6e6e73", "#f2f2f4", "#a03030"
LINE = 1.35  # height of a line of text, in sizes of its font
TITLE_PX, HEAD_PX, NOTE_PX, SMALL_PX = 30, 18, 16, 14
THUMB_PX = 96  # long edge of the pictures in headings
CELL_PX = ((4, 360), (6, 280), (9, 220), (13, 160))  # (columns up to, long edge of a picture)
SMALLEST_CELL_PX = 120
MAX_ROW_HEAD_PX, MAX_TITLE_PX = 230, 1000
AXIS_PX = 28  # height of the line that names the axes
CAPTION_LINES = 2  # at most, of a caption and of the figures under it

Align = Literal["left", "center", "right"]
Shown = Path | Picture | str
"""A picture, or the name of something that has none, which is drawn on a plate."""


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
    """A page of pictures and its labels.

    Attributes
    ----------
    cells: [row][column]; None leaves a place empty.
    title, subtitle, note: lines above the pictures, the first one large.
    rows, columns: headings, or none at all.
    row_axis, column_axis: names of what varies over rows and columns.
    shared: pictures that belong to all cells, by name, small beside the title.
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
    cell_px: int | None = None
    edge_px: int = 36
    gap_px: int = 14


def draw_sheet(sheet: Sheet) -> Image.Image:
    """Draw a sheet. A picture that cannot be read leaves its place pale: it may be gone by now."""
    across = max(map(len, sheet.cells))
    cell_px = sheet.cell_px or next((size for columns, size in CELL_PX if across <= columns), SMALLEST_CELL_PX)
    pictures = [[_thumbnail(cell.picture, cell_px) if cell else None for cell in row] for row in sheet.cells]
    column_px = _column_width(sheet, pictures, cell_px)
    row_heights = [max((picture.height for picture in row if picture), default=cell_px // 2) for row in pictures]
    caption_px = max((_caption_height(cell, column_px) for row in sheet.cells for cell in row if cell), default=0)
    row_head_px, column_head_px = _row_head_width(sheet), _column_head_height(sheet)
    header = _Header(sheet)
    left = sheet.edge_px + (row_head_px + sheet.gap_px if sheet.rows else 0)
    width = max(left + across * (column_px + sheet.gap_px) - sheet.gap_px + sheet.edge_px, header.min_width)
    height = header.height + column_head_px + sum(row_heights) + len(row_heights) * (caption_px + sheet.gap_px)
    pen = _Pen(width, height - sheet.gap_px + sheet.edge_px)

    header.draw(pen)
    top = header.height
    if sheet.rows:
        pen.write(f"{sheet.row_axis} ↓", sheet.edge_px, top, row_head_px, SMALL_PX, GREY, "right")
    if sheet.column_axis:
        pen.write(f"{sheet.column_axis} →", left, top, width - left - sheet.edge_px, SMALL_PX, GREY)
    top += column_head_px
    places = [left + column * (column_px + sheet.gap_px) for column in range(across)]
    for heading, place in zip(sheet.columns, places, strict=False):
        pen.write_column_heading(heading, place, top, column_px)
    for heading, cells, row, row_px in zip_longest(sheet.rows, sheet.cells, pictures, row_heights):
        if heading:
            pen.write_row_heading(heading, sheet.edge_px, top, row_head_px, row_px)
        for cell, picture, place in zip(cells, row, places, strict=False):
            if cell is not None:
                pen.draw_cell(cell, picture, place, top, column_px, row_px)
        top += row_px + caption_px + sheet.gap_px
    return pen.canvas


def encode_png(image: Image.Image) -> bytes:
    """The bytes of a drawn sheet's PNG file."""
    file, about = io.BytesIO(), PngInfo()
    about.add_text("Software", MADE_BY)
    image.save(file, "PNG", optimize=True, pnginfo=about)
    return file.getvalue()


def is_sheet(path: Path) -> bool:
    """Whether a file is a sheet that `encode_png` made, and may be replaced by a newer one."""
    try:
        if why_not_a_file(path):  # opening a pipe would wait
            return False
        with Image.open(path) as image:
            return image.info.get("Software") == MADE_BY
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # what is no picture, or hardly one
        return False


class _Pen:
    """A white canvas and what is drawn on it."""

    def __init__(self, width: int, height: int) -> None:
        self.canvas = Image.new("RGB", (width, height), "white")
        self._draw = ImageDraw.Draw(self.canvas)

    def write(
        self, text: str, left: int, top: int, width: int, size: int, color: str = INK, align: Align = "left"
    ) -> None:
        """A line of text within a width; text that does not fit ends in an ellipsis."""
        font, text = _font(size), text[:width]  # a letter takes a pixel at least
        while font.getlength(text) > width and len(text) > 2:
            text = text[:-2] + "…"
        spare = width - font.getlength(text)
        place = left + {"left": 0, "center": spare / 2, "right": spare}[align]
        self._draw.text((place, top), text, fill=color, font=font)

    def paste(self, picture: Image.Image, left: int, top: int, width: int) -> None:
        """A picture, centred in a width."""
        self.canvas.paste(picture, (left + (width - picture.width) // 2, top))

    def write_column_heading(self, heading: Heading, left: int, foot: int, width: int) -> None:
        """Text over the column, its picture above it."""
        top = foot - 8 - _line(HEAD_PX)
        if picture := _thumbnail(heading.picture, THUMB_PX):
            self.paste(picture, left, top - 6 - picture.height, width)
        self.write(heading.text, left, top, width, HEAD_PX, INK, "center")

    def write_row_heading(self, heading: Heading, left: int, top: int, width: int, height: int) -> None:
        """Picture and text at the right of the place, half way down."""
        picture = _thumbnail(heading.picture, THUMB_PX)
        top += (height - _line(HEAD_PX) - (picture.height + 6 if picture else 0)) // 2
        if picture:
            self.paste(picture, left + width - picture.width, top, picture.width)
            top += picture.height + 6
        self.write(heading.text, left, top, width, HEAD_PX, INK, "right")

    def draw_cell(self, cell: Cell, picture: Image.Image | None, left: int, top: int, width: int, height: int) -> None:
        """Picture or fault in the place, the captions right under it."""
        foot = top + height
        if picture:
            margin = (height - picture.height) // 2
            self.paste(picture, left, top + margin, width)
            foot -= margin
        else:
            self._draw.rectangle((left, top, left + width - 1, foot - 1), fill=PALE)
            for number, line in enumerate(_wrap(cell.fault, width - 20, max(1, height // _line(SMALL_PX) - 1))):
                self.write(line, left + 10, top + 10 + number * _line(SMALL_PX), width - 20, SMALL_PX, FAULT)
        for text, color in ((cell.caption, INK), (cell.figures, GREY)):
            for line in _wrap(text, width, CAPTION_LINES):
                self.write(line, left, foot + 5, width, SMALL_PX, color, "center")
                foot += _line(SMALL_PX)


class _Header:
    """Title, subtitle and note at the left, shared pictures at the right."""

    def __init__(self, sheet: Sheet) -> None:
        self._edge, self._gap = sheet.edge_px, sheet.gap_px
        lines = (sheet.title, TITLE_PX, INK), (sheet.subtitle, SMALL_PX, GREY), (sheet.note, NOTE_PX, INK)
        self._lines = [line for line in lines if line[0]]
        thumbnails = [(name, _thumbnail(shown, THUMB_PX)) for name, shown in sheet.shared]
        self._shared = [(name, picture) for name, picture in thumbnails if picture]
        self._shared_width = sum(picture.width + self._gap for _, picture in self._shared)
        text_px = max((_width(text, size) for text, size, _ in self._lines), default=0)
        self.min_width = 2 * self._edge + min(text_px, MAX_TITLE_PX) + self._shared_width
        lines_px = sum(_line(size) for _, size, _ in self._lines) + 8
        content = max(lines_px, THUMB_PX + 4 + _line(SMALL_PX) if self._shared else 0)
        self.height = self._edge + (content + 22 if self._lines or self._shared else 0)

    def draw(self, pen: _Pen) -> None:
        top, width = self._edge, pen.canvas.width - 2 * self._edge - self._shared_width
        for text, size, color in self._lines:
            top += 8 if size == NOTE_PX else 0
            pen.write(text, self._edge, top, width, size, color)
            top += _line(size)
        left, foot = self._edge + width + self._gap, self._edge + THUMB_PX
        for name, picture in self._shared:
            pen.paste(picture, left, foot - picture.height, picture.width)
            pen.write(name, left, foot + 4, picture.width, SMALL_PX, GREY, "center")
            left += picture.width + self._gap


def _column_width(sheet: Sheet, pictures: Sequence[Sequence[Image.Image | None]], cell_px: int) -> int:
    """The widest picture, or as wide as its texts need within `cell_px`; a fault needs all of that."""
    cells = [cell for row in sheet.cells for cell in row if cell]
    texts = [_width(heading.text, HEAD_PX) for heading in sheet.columns]
    texts += [_width(text, SMALL_PX) for cell in cells for text in (cell.caption, cell.figures)]
    widths = [picture.width for row in pictures for picture in row if picture]
    widths += [THUMB_PX for heading in sheet.columns if heading.picture]
    if len(cells) > sum(picture is not None for row in pictures for picture in row):
        widths.append(cell_px)
    return max([*widths, min(cell_px, max(texts, default=0))])


def _row_head_width(sheet: Sheet) -> int:
    texts = [_width(heading.text, HEAD_PX) for heading in sheet.rows] + [_width(f"{sheet.row_axis} ↓", SMALL_PX)]
    return max(THUMB_PX if any(heading.picture for heading in sheet.rows) else 0, min(MAX_ROW_HEAD_PX, max(texts)))


def _column_head_height(sheet: Sheet) -> int:
    axes_px = AXIS_PX if sheet.rows or sheet.column_axis else 0
    pictures_px = THUMB_PX + 6 if any(heading.picture for heading in sheet.columns) else 0
    return axes_px + (pictures_px + _line(HEAD_PX) + 8 if sheet.columns else 0)


def _caption_height(cell: Cell, width: int) -> int:
    lines = sum(len(_wrap(text, width, CAPTION_LINES)) for text in (cell.caption, cell.figures))
    return 9 + lines * _line(SMALL_PX) if lines else 0


def _wrap(text: str, width: int, lines: int) -> list[str]:
    """Small text in at most so many lines of a width."""
    if _width(text, SMALL_PX) <= width:
        return [text] if text else []
    wrapped = [""]
    for word in text.split():
        if wrapped[-1] and _width(f"{wrapped[-1]} {word}", SMALL_PX) > width:
            wrapped.append(word)
        else:
            wrapped[-1] = f"{wrapped[-1]} {word}".lstrip()
    return wrapped[:lines]


def _width(text: str, size: int) -> int:
    return int(_font(size).getlength(text)) + 1


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
    characters = max(4, (side_px - 12) // _width("n", SMALL_PX))
    lines = [*textwrap.wrap(Path(name).stem, characters, max_lines=3, placeholder="…"), Path(name).suffix]
    middle, text = (side_px / 2, side_px / 2), "\n".join(lines)
    ImageDraw.Draw(plate).multiline_text(
        middle, text, fill=GREY, font=_font(SMALL_PX), anchor="mm", align="center", spacing=4
    )
    return plate


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings, so that sheets look the same everywhere; bold for headings."""
    name = "DejaVuSans-Bold.ttf" if size >= HEAD_PX else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)
