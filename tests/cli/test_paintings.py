"""The list of the bundled paintings."""

from __future__ import annotations

from pathlib import Path

import pytest

import impasto
from impasto.cli import main as cli
from impasto.inputs.bundled import bundled_paintings


def test_every_bundled_painting_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["paintings"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(bundled_paintings())
    assert all(len(line.split()) > 3 for line in lines)


def test_a_sheet_of_the_paintings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["paintings", "-o", str(tmp_path / "sheet.png"), "-q"]) == 0
    assert impasto.load_picture(tmp_path / "sheet.png").width_px > 900
    assert capsys.readouterr().out == ""


def test_a_sheet_of_drafts(folder_with_pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sheet", "photo.png", "flow", "painting.png", "--size", "32"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("photo-sheet.png: ")
    assert "2 of 2: painting" in said.err
    assert impasto.load_picture("photo-sheet.png").width_px > 64
    Path("broken.jpg").write_text("no picture")
    assert cli.main(["sheet", "photo.png", "broken.jpg", "-o", "other.jpg", "-q"]) == 1
    assert "broken.jpg" in capsys.readouterr().err
    assert Path("other.jpg").is_file()
    assert cli.main(["sheet", "photo.png", "--print", "60x40cm@300"]) == 2
