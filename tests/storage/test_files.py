"""What a path is, and sizes as text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from impasto.storage.files import format_bytes, why_not_a_file


def test_why_a_path_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    assert why_not_a_file(tmp_path) == "it is a folder"
    assert why_not_a_file(tmp_path / "gone") == "there is no such file"
    assert why_not_a_file(tmp_path / "link") == "there is no such file"
    assert why_not_a_file(tmp_path / "pipe") == "it is not a regular file"
    assert why_not_a_file(str(tmp_path / "file")) == ""


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0.0 MB"), (80_134_624, "80.1 MB"), (99_900_000, "99.9 MB"), (3.2e8, "320 MB"), (1.46e9, "1.5 GB")],
)
def test_bytes_as_text(count: float, text: str) -> None:
    assert format_bytes(count) == text
