"""Contact sheets: every picture in its place, every label beside it, nothing outside the page."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto.images.picture import Picture, picture_from_array
from impasto.images.sheet import Cell, Heading, Sheet, draw_sheet, encode_png, is_sheet

PALE, FAULT = (0xF2, 0xF2, 0xF4), (0xA0, 0x30, 0x30)
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def plain(color: tuple[int, int, int], height: int = 20, width: int = 30) -> Picture:
    return picture_from_array(np.full((height, width, 3), color, np.uint8))


def place_of(sheet: Image.Image, color: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of all pixels of a colour."""
    rows, columns = np.nonzero((np.asarray(sheet) == color).all(2))
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def ink(sheet: Image.Image, box: tuple[int, int, int, int]) -> int:
    """Number of pixels within a box that are not white."""
    return int((np.asarray(sheet.crop(box)) < 128).any(2).sum())


def test_a_bare_sheet_is_its_pictures_and_the_gaps_between() -> None:
    cells = [[Cell(plain(RED)), Cell(plain(GREEN))], [Cell(plain(BLUE)), None]]
    sheet = draw_sheet(Sheet(cells, cell_px=30, edge_px=0, gap_px=4))
    assert sheet.size == (64, 44)
    assert [place_of(sheet, color) for color in (RED, GREEN, BLUE)] == [
        (0, 0, 30, 20), (34, 0, 64, 20), (0, 24, 30, 44),
    ]  # fmt: skip


def test_pictures_are_fitted_centred_and_never_cut() -> None:
    tall, wide = plain(RED, 80, 20), plain(GREEN, 30, 60)
    sheet = draw_sheet(Sheet([[Cell(tall), Cell(wide)]], cell_px=40, edge_px=0, gap_px=10))
    assert place_of(sheet, RED) == (15, 0, 25, 40)
    assert place_of(sheet, GREEN) == (50, 10, 90, 30)


def test_cells_become_smaller_with_the_number_of_columns() -> None:
    widths = []
    for columns in (1, 5, 8, 12, 20):
        sheet = draw_sheet(Sheet([[Cell(plain(RED))] * columns]))
        widths.append(place_of(sheet.crop((36, 0, 36 + 400, sheet.height)), RED)[3])
    assert widths == sorted(widths, reverse=True)
    assert len(set(widths)) == 5


def test_captions_stand_right_under_their_pictures() -> None:
    cells = [[Cell(plain(RED, 10, 40), "name", "figures 0.5"), Cell(plain(GREEN, 40, 40), "name")]]
    sheet = draw_sheet(Sheet(cells, cell_px=200))
    left, _, right, bottom = place_of(sheet, RED)
    assert ink(sheet, (left, bottom, right, bottom + 22)) > 20
    assert ink(sheet, (left, bottom + 24, right, bottom + 46)) > 20
    assert ink(sheet, (left, bottom + 60, right, sheet.height)) == 0


def test_headings_name_rows_and_columns() -> None:
    cells = [[Cell(plain(RED)), Cell(plain(RED))]] * 2
    rows, columns = [Heading("one"), Heading("two", plain(BLUE))], [Heading("A", plain(GREEN)), Heading("B")]
    sheet = draw_sheet(Sheet(cells, rows=rows, columns=columns, row_axis="strength", column_axis="seed"))
    left, top, right, bottom = place_of(sheet, RED)
    assert place_of(sheet, GREEN)[3] < top
    assert place_of(sheet, GREEN)[2] < (left + right) // 2
    assert place_of(sheet, BLUE)[2] <= left
    assert place_of(sheet, BLUE)[1] > (top + bottom) // 2
    assert ink(sheet, ((left + right) // 2, 0, right, top)) > 20  # B
    assert ink(sheet, (0, top, left, (top + bottom) // 2)) > 20  # one


@pytest.mark.parametrize("note", ["note", ""])
def test_shared_pictures_stand_beside_the_title(note: str) -> None:
    shared = [("photo", plain(GREEN)), ("painting", plain(BLUE, 30, 20))]
    sheet = draw_sheet(Sheet([[Cell(plain(RED))] * 3], "Title", "subtitle", note, shared=shared))
    green, blue, red = (place_of(sheet, color) for color in (GREEN, BLUE, RED))
    assert green[3] == blue[3] < red[1]
    assert green[2] < blue[0]
    assert blue[2] == sheet.width - 36
    assert (green[2] - green[0], blue[3] - blue[1]) == (96, 96)
    assert ink(sheet, (0, 0, green[0] - 10, red[1])) > 100


def test_a_name_stands_in_for_a_picture() -> None:
    sheet = draw_sheet(Sheet([[Cell("saved.style")]], cell_px=100, edge_px=0))
    assert sheet.getpixel((0, 0)) == PALE
    assert ink(sheet, (0, 0, 100, 100)) > 20


def test_a_fault_and_a_file_that_is_gone_leave_a_pale_place(tmp_path: Path) -> None:
    cells = [[Cell(None, fault="failed: " + "no such picture " * 20), Cell(tmp_path / "gone.png"), Cell(plain(RED))]]
    sheet = draw_sheet(Sheet(cells, cell_px=120, edge_px=0, gap_px=10))
    pixels = np.asarray(sheet)
    assert (pixels[:, :120] == FAULT).all(2).any()
    assert tuple(pixels[5, 5]) == tuple(pixels[5, 135]) == PALE
    assert place_of(sheet, FAULT)[2] <= 110


def test_long_texts_end_in_the_page() -> None:
    word = "extraordinarily" * 10
    sheet = draw_sheet(
        Sheet(
            [[Cell(plain(RED), word, word), Cell(plain(RED), "a few words " * 30)]],
            word,
            word,
            word,
            [Heading(word)],
            [Heading(word), Heading("b")],
            word,
            word,
            [(word, plain(BLUE))],
        )
    )
    assert sheet.width < 1500
    edge = 30
    for box in ((0, 0, edge, sheet.height), (sheet.width - edge, 0, sheet.width, sheet.height)):
        assert ink(sheet, box) == 0


def test_paths_are_read_and_the_file_is_a_png(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20), RED).save(tmp_path / "red.png")
    sheet = draw_sheet(Sheet([[Cell(tmp_path / "red.png")]]))
    assert Image.open(io.BytesIO(encode_png(sheet))).size == sheet.size
    assert place_of(sheet, RED)


def test_a_text_of_a_million_letters_does_not_take_for_ever() -> None:
    word = "a" * 1_000_000
    assert draw_sheet(Sheet([[Cell(plain(RED), word)]], word, columns=[Heading(word)])).width < 1500


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_what_is_no_sheet_of_ours(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "text.png").write_text("no picture")
    Image.new("RGB", (8, 8)).save(tmp_path / "own.png")
    (tmp_path / "sheet.png").write_bytes(encode_png(Image.new("RGB", (8, 8))))
    found = {path.name for path in tmp_path.iterdir() if is_sheet(path)}
    assert found == {"sheet.png"}
