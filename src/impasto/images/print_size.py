"""Sizes on paper: ``60x40cm@300`` is 60 by 40 centimetres at 300 dots per inch."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from impasto.errors import OptionError

_INCHES = {"cm": 1 / 2.54, "mm": 1 / 25.4, "in": 1.0}


@dataclass(frozen=True)
class Print:
    """A sheet to fill, in inches, and its dots per inch."""

    width_inches: float
    height_inches: float
    dots_per_inch: float

    def long_edge_px(self, height_px: int, width_px: int) -> int:
        """Long edge of a picture of these proportions, as large as fits the sheet, turned or not."""
        sheet = sorted((self.width_inches, self.height_inches))
        short, long = sorted((height_px, width_px))
        return max(1, round(min(sheet[1], sheet[0] * long / short) * self.dots_per_inch))


def parse_print(text: str) -> Print:
    """Read ``60x40cm@300``; units are cm, mm and in, without dots per inch it is 300. Raises `OptionError`."""
    letters = re.sub(r"\s", "", text).lower()
    match = re.fullmatch(r"(\d+(?:\.\d+)?)x(\d+(?:\.\d+)?)(cm|mm|in)(?:@(\d+(?:\.\d+)?))?", letters)
    if match is None:
        raise OptionError(f"--print is a size such as 60x40cm@300 or 8x10in, got {text!r}")
    width, height, unit, dots = match.groups()
    sheet = Print(float(width) * _INCHES[unit], float(height) * _INCHES[unit], float(dots or 300))
    sides = (sheet.width_inches, sheet.height_inches)
    if not (min(sides) > 0 and max(sides) < math.inf and 1 <= sheet.dots_per_inch <= 9600):
        raise OptionError(f"--print is a size above 0 at 1 to 9600 dots per inch, got {text!r}")
    return sheet
