"""Contact sheets: labelled grids of pictures in one PNG."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from impasto.errors import ImpastoError
from impasto.images.reading import load_picture
from impasto.images.tensors import fit_long_edge
from impasto.inputs.style_file import is_style_file
from impasto.lab.layout import Heading, Page, axis_title

INK, GREY, PALE, FAULT = "#1d1d1f", "#6e6e73", "#f2f2f4", "#a03030"
EDGE_PX, GAP_PX, LINE_PX = 36, 14, 1.35
TITLE_PX, HEAD_PX, TEXT_PX, SMALL_PX = 30, 18, 16, 14
THUMB_PX = 96  # pictures in headings
CELL_PX = ((4, 360), (6, 280), (9, 220), (13, 160))  # (columns up to, long edge of a picture)
SMALLEST_CELL_PX = 120
MAX_ROW_HEAD_PX = 230
AXIS_PX = 28  # line that names the axes

Align = Literal["left", "center", "right"]


@dataclass(frozen=True)
class Cell:
    """What a sheet shows of one job: its picture or what went wrong, and a line or two under it."""

    picture: Path | None
    caption: str = ""
    figures: str = ""
    fault: str = ""


@dataclass(frozen=True)
class Sheet:
    """A page with its words: title, a line under it, and the pictures that all jobs share, by name."""

    title: str
    subtitle: str
    page: Page
    cells: Sequence[Sequence[Cell | None]]
    shared: Sequence[tuple[str, Path]] = ()


def draw_sheet(sheet: Sheet) -> bytes:
    """The sheet as PNG."""
    page, across = sheet.page, len(sheet.cells[0])
    cell_px = next((size for columns, size in CELL_PX if across <= columns), SMALLEST_CELL_PX)
    pictures = [[_thumbnail(cell.picture, cell_px) if cell else None for cell in row] for row in sheet.cells]
    captions = max((_caption_height(cell, cell_px) for row in sheet.cells for cell in row if cell), default=0)
    tallest = [max((p.height for p in row if p), default=cell_px // 2) for row in pictures]
    row_width = _row_head_width(page)
    row_head = row_width + GAP_PX if page.rows else 0
    head = _Header(sheet)
    column_head = _column_head_height(page)
    width = max(2 * EDGE_PX + row_head + across * (cell_px + GAP_PX) - GAP_PX, head.min_width)
    height = head.height + column_head + sum(tallest) + len(tallest) * (captions + GAP_PX) + EDGE_PX
    canvas = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(canvas)
    head.draw(canvas, draw)
    left, top = EDGE_PX + row_head, head.height
    if page.rows:
        _write(draw, f"{axis_title(page.row_axis)} ↓", EDGE_PX, top, row_width, SMALL_PX, GREY, "right")
    if page.column_axis and page.column_axis != "column":
        _write(draw, f"{axis_title(page.column_axis)} →", left, top, width - left, SMALL_PX, GREY, "left")
    for column, heading in enumerate(page.columns):
        _draw_column_heading(canvas, draw, heading, left + column * (cell_px + GAP_PX), top + AXIS_PX, cell_px)
    top += column_head
    for number, (cells, row) in enumerate(zip(sheet.cells, pictures, strict=True)):
        if page.rows:
            _draw_row_heading(canvas, draw, page.rows[number], row_width, top, tallest[number])
        for column, (cell, picture) in enumerate(zip(cells, row, strict=True)):
            if cell is not None:
                box = (left + column * (cell_px + GAP_PX), top, cell_px, tallest[number])
                _draw_cell(canvas, draw, cell, picture, box)
        top += tallest[number] + captions + GAP_PX
    file = io.BytesIO()
    canvas.save(file, "PNG", optimize=True)
    return file.getvalue()


class _Header:
    """Title, subtitle and page title at the left; shared pictures at the right."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet, page = sheet, sheet.page
        self._lines = [page.title] if page.title else []
        self._shared = [(name, picture) for name, path in sheet.shared if (picture := _thumbnail(path, THUMB_PX))]
        words = int(TITLE_PX * LINE_PX + (SMALL_PX + TEXT_PX * len(self._lines)) * LINE_PX) + 8
        thumbs = THUMB_PX + int(SMALL_PX * LINE_PX) + 4 if self._shared else 0
        self.height = EDGE_PX + max(words, thumbs) + 22
        text = max([_font(TITLE_PX, True).getlength(sheet.title), _font(SMALL_PX).getlength(sheet.subtitle)])
        self.min_width = int(2 * EDGE_PX + text + len(self._shared) * (THUMB_PX + GAP_PX) + GAP_PX)

    def draw(self, canvas: Image.Image, draw: ImageDraw.ImageDraw) -> None:
        top = float(EDGE_PX)
        draw.text((EDGE_PX, top), self._sheet.title, fill=INK, font=_font(TITLE_PX, True))
        top += TITLE_PX * LINE_PX
        draw.text((EDGE_PX, top), self._sheet.subtitle, fill=GREY, font=_font(SMALL_PX))
        top += SMALL_PX * LINE_PX + 8
        for line in self._lines:
            draw.text((EDGE_PX, top), line, fill=INK, font=_font(TEXT_PX))
            top += TEXT_PX * LINE_PX
        right = canvas.width - EDGE_PX
        for name, picture in reversed(self._shared):
            left = right - THUMB_PX
            canvas.paste(picture, (left + (THUMB_PX - picture.width) // 2, EDGE_PX + THUMB_PX - picture.height))
            _write(draw, name, left, EDGE_PX + THUMB_PX + 4, THUMB_PX, SMALL_PX, GREY, "center")
            right = left - GAP_PX


def _row_head_width(page: Page) -> int:
    if not page.rows:
        return 0
    texts = [_font(HEAD_PX, True).getlength(heading.text) for heading in page.rows]
    texts.append(_font(SMALL_PX).getlength(f"{axis_title(page.row_axis)} ↓"))
    return max(THUMB_PX if any(h.picture for h in page.rows) else 0, min(MAX_ROW_HEAD_PX, int(max(texts)) + 1))


def _column_head_height(page: Page) -> int:
    if not page.columns:
        return 0
    return AXIS_PX + int(HEAD_PX * LINE_PX) + 8 + (THUMB_PX + 6 if any(h.picture for h in page.columns) else 0)


def _draw_column_heading(
    canvas: Image.Image, draw: ImageDraw.ImageDraw, heading: Heading, left: int, top: int, width: int
) -> None:
    if heading.picture and (picture := _thumbnail(heading.picture, THUMB_PX)):
        canvas.paste(picture, (left + (width - picture.width) // 2, top + THUMB_PX - picture.height))
        top += THUMB_PX + 6
    _write(draw, heading.text, left, top, width, HEAD_PX, INK, "center", bold=True)


def _draw_row_heading(
    canvas: Image.Image, draw: ImageDraw.ImageDraw, heading: Heading, width: int, top: int, height: int
) -> None:
    picture = _thumbnail(heading.picture, THUMB_PX) if heading.picture else None
    size = HEAD_PX * LINE_PX + (picture.height + 6 if picture else 0)
    place = int(top + (height - size) / 2)
    if picture:
        canvas.paste(picture, (EDGE_PX + width - picture.width, place))
        place += picture.height + 6
    _write(draw, heading.text, EDGE_PX, place, width, HEAD_PX, INK, "right", bold=True)


def _draw_cell(
    canvas: Image.Image,
    draw: ImageDraw.ImageDraw,
    cell: Cell,
    picture: Image.Image | None,
    box: tuple[int, int, int, int],
) -> None:
    left, top, width, height = box
    if picture:
        canvas.paste(picture, (left + (width - picture.width) // 2, top + (height - picture.height) // 2))
    else:
        draw.rectangle((left, top, left + width - 1, top + height - 1), fill=PALE)
        font = _font(SMALL_PX)
        lines = textwrap.wrap(cell.fault, max(8, int(width / font.getlength("n")) - 2))
        lines = lines[: max(1, int(height / (SMALL_PX * LINE_PX)) - 1)]
        draw.multiline_text((left + 10, top + 10), "\n".join(lines), fill=FAULT, font=font, spacing=4)
    below = top + height + 5
    for text, color in ((cell.caption, INK), (cell.figures, GREY)):
        if text:
            for line in _wrapped(text, width):
                _write(draw, line, left, below, width, SMALL_PX, color, "center")
                below += int(SMALL_PX * LINE_PX)


def _caption_height(cell: Cell, width: int) -> int:
    lines = sum(len(_wrapped(text, width)) for text in (cell.caption, cell.figures) if text)
    return 5 + lines * int(SMALL_PX * LINE_PX) + 4


def _wrapped(text: str, width: int) -> list[str]:
    """At most two lines."""
    return textwrap.wrap(text, max(8, int(width / _font(SMALL_PX).getlength("n"))))[:2]


def _write(
    draw: ImageDraw.ImageDraw,
    text: str,
    left: int,
    top: int,
    width: int,
    size: int,
    color: str,
    align: Align,
    *,
    bold: bool = False,
) -> None:
    """A line of text within a width; what does not fit ends in an ellipsis."""
    font = _font(size, bold)
    while font.getlength(text) > width and len(text) > 2:
        text = text[:-2] + "…"
    spare = width - font.getlength(text)
    draw.text((left + {"left": 0, "center": spare / 2, "right": spare}[align], top), text, fill=color, font=font)


def _thumbnail(path: Path | None, long_edge_px: int) -> Image.Image | None:
    """A picture within a square, a style file as its name; None where it cannot be read (it may be gone by now)."""
    if path is None:
        return None
    if is_style_file(path):
        return _name_plate(path, long_edge_px)
    try:
        picture = load_picture(path)
    except ImpastoError:
        return None
    pixels = picture.pixels(*fit_long_edge(picture.height_px, picture.width_px, long_edge_px))
    return Image.fromarray(np.rint(pixels * 255).astype(np.uint8))


def _name_plate(path: Path, side_px: int) -> Image.Image:
    """A plain square with a file's name, in place of a picture that it does not hold."""
    plate = Image.new("RGB", (side_px, side_px), PALE)
    font = _font(SMALL_PX)
    characters = max(4, int((side_px - 12) / font.getlength("n")))
    lines = [*textwrap.wrap(path.stem, characters, max_lines=3, placeholder="…"), path.suffix]
    middle = side_px / 2
    ImageDraw.Draw(plate).multiline_text(
        (middle, middle), "\n".join(lines), fill=GREY, font=font, anchor="mm", align="center", spacing=4
    )
    return plate


@cache
def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings, so that sheets look the same everywhere."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)
