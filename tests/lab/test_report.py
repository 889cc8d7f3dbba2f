"""The report in one HTML file."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import impasto


def test_the_report_asks_for_nothing_from_outside(sweep: Callable[..., impasto.LabRun]) -> None:
    sweep({"strength": [20, 80]})
    page = Path("run/report.html").read_text(encoding="utf-8")
    assert page.lstrip().startswith("<!doctype html>")
    addresses = re.findall(r"""(?:src|href|action|srcset|poster)\s*=\s*["']([^"']*)|url\(([^)]*)\)|@import""", page)
    assert addresses
    assert all("".join(address).startswith("data:") for address in addresses)
    assert set(re.findall(r"https?://[^\s\"'<]+", page)) <= {"http://www.w3.org/2000/svg"}
    for word in ("strength", "content distance", "style sliced", "Side by side", "lite"):
        assert word in page


def test_words_of_others_are_no_markup(folder_with_pictures: Path, quick: dict[str, Any]) -> None:
    shutil.copy("photo.png", "<b>&\"'.png")
    impasto.compare("photo.png", "painting.png", ["file:<b>&\"'.png"], folder="run", **quick)
    assert "<b>&" not in Path("run/report.html").read_text(encoding="utf-8")
