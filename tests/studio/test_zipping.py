"""Names of downloads, and zips of several pictures."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from impasto.studio.zipping import file_name, zip_pictures


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("a lion + waves", "a lion + waves.png"),
        ("grid: a/b\\c", "grid abc.png"),
        ("  dots... ", "dots.png"),
        ("?", "pastiche.png"),
        ("x" * 300, "x" * 100 + ".png"),
    ],
)
def test_a_file_is_named_after_the_title(title: str, name: str) -> None:
    assert file_name(title, ".png") == name


def test_a_zip_holds_every_picture_once_under_a_name_of_its_own(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(bytes([number]) * (300_000 * number + 1))
    pictures = [("Sea", tmp_path / "0.png"), ("sea", tmp_path / "1.png"), ("sea 2", tmp_path / "2.png")]
    pieces = list(zip_pictures([*pictures, ("gone", tmp_path / "gone.png")]))
    assert len(pieces) > 3, "it is sent piece by piece"
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["Sea.png", "sea 2.png", "sea 2 2.png"]
        assert [archive.read(name) for name in archive.namelist()] == [path.read_bytes() for _, path in pictures]
