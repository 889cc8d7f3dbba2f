"""Sizes on paper, worked out by hand, and dots per inch as another library reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto.errors import OptionError
from impasto.images.print_size import parse_print
from impasto.images.writing import save_picture

X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, INCH = 282, 283, 296, 2  # EXIF 2.3, 4.6.4


@pytest.mark.parametrize(
    ("text", "width", "height", "dots"),
    [
        ("60x40cm@300", 60 / 2.54, 40 / 2.54, 300),
        ("600x400mm@300", 60 / 2.54, 40 / 2.54, 300),
        ("8x10in", 8, 10, 300),
        ("8.5x11in@150.5", 8.5, 11, 150.5),
        (" 60 X 40 CM @ 300 ", 60 / 2.54, 40 / 2.54, 300),
        ("1x1in@1", 1, 1, 1),
        ("1x1in@9600", 1, 1, 9600),
    ],
)
def test_sizes(text: str, width: float, height: float, dots: float) -> None:
    sheet = parse_print(text)
    assert (sheet.width_inches, sheet.height_inches) == pytest.approx((width, height), rel=1e-12)
    assert sheet.dots_per_inch == dots


@pytest.mark.parametrize(
    "text",
    [
        "", "60", "60x40", "60x40cm@", "60x40cm@0", "60x40cm@0.9", "60x40cm@9601", "60x40px@300", "60cmx40cm", "x40cm",
        "60xcm", "-60x40cm", "0x40cm", "60x0.0cm", "1e3x40cm", "nanxnancm", "infxinfcm", "60,5x40cm", "60x40x2cm",
        "60x40cm@300@300", "60x40cm300", "9" * 400 + "x5cm", "9" * 400 + "x" + "9" * 400 + "in", "60x40cm@" + "9" * 400,
    ],
)  # fmt: skip
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(OptionError, match="--print is a size"):
        parse_print(text)


@pytest.mark.parametrize(
    ("text", "height_px", "width_px", "long_edge_px"),
    [
        ("4x6in@100", 200, 300, 600),  # fills the sheet
        ("6x4in@100", 200, 300, 600),
        ("4x6in@100", 300, 200, 600),
        ("4x6in@100", 100, 300, 600),  # a panorama: as long as the sheet
        ("4x6in@100", 300, 300, 400),  # a square: as wide as the sheet
        ("4x6in@100", 300, 400, 533),
        ("60x40cm@300", 2000, 3000, 7087),  # 60 / 2.54 * 300 = 7086.6
        ("1x1mm@1", 30, 40, 1),  # never none
    ],
)
def test_as_large_as_fits_the_sheet(text: str, height_px: int, width_px: int, long_edge_px: int) -> None:
    found = parse_print(text).long_edge_px(height_px, width_px)
    assert found == long_edge_px
    assert found == parse_print(text).long_edge_px(width_px, height_px)


@pytest.mark.parametrize("dots", [72, 150, 300, 1200])
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp", "a.avif"])
def test_dots_per_inch_as_pillow_reads_them(tmp_path: Path, name: str, dots: float) -> None:
    pixels = np.random.default_rng(0).random((8, 12, 3)).astype(np.float32)
    save_picture(tmp_path / name, pixels, dots_per_inch=dots)
    with Image.open(tmp_path / name) as picture:
        if name not in ("a.webp", "a.avif"):  # these two keep it in their EXIF alone
            # PNG counts whole dots per metre
            assert picture.info["dpi"] == pytest.approx((dots, dots), abs=0.0254 / 2)
        exif = picture.getexif()
        assert (exif[X_RESOLUTION], exif[Y_RESOLUTION]) == pytest.approx((dots, dots), abs=1e-3)
        assert exif[RESOLUTION_UNIT] == INCH
