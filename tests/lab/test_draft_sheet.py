"""A photo after many paintings on one sheet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import impasto
from impasto.errors import InputError
from impasto.inputs.bundled import bundled_paintings
from impasto.lab.draft_sheet import DraftSheet, draw_paintings
from impasto.runs.draft import build_draft_options

SMALL = build_draft_options({"size_px": 32})


def test_every_bundled_painting_is_drafted(folder_with_pictures: Path) -> None:
    sheet = DraftSheet(impasto.load_picture("photo.png"), options=SMALL)
    assert list(sheet) == list(bundled_paintings())
    assert not sheet.failed
    image = sheet.draw()
    assert image.width > 3 * 32
    assert np.ptp(np.asarray(image)) == 255


def test_the_drafts_are_those_of_the_command(folder_with_pictures: Path) -> None:
    sheet = DraftSheet(impasto.load_picture("photo.png"), ["flow"], SMALL)
    assert list(sheet) == ["flow"]
    alone = impasto.draft("photo.png", "flow", size_px=32).pixels
    (drafted,) = sheet._drafts.values()
    assert np.abs(drafted.pixels() - alone).max() < 1 / 65535


def test_a_painting_that_cannot_be_read_leaves_the_others(folder_with_pictures: Path) -> None:
    (folder_with_pictures / "broken.jpg").write_text("no picture")
    sheet = DraftSheet(impasto.load_picture("photo.png"), ["broken.jpg", "painting.png", "dots"], SMALL)
    assert list(sheet) == ["broken", "painting", "dots"]
    assert list(sheet.failed) == ["broken"]
    sheet.draw()
    with pytest.raises(InputError, match="no paintings in"):
        DraftSheet(impasto.load_picture("photo.png"), ["nothing/*.jpg"])


def test_the_bundled_paintings_on_a_sheet() -> None:
    image = draw_paintings()
    assert image.width > 3 * 300
    assert image.height > 2 * 200
