"""What a path is, and sizes as text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from impasto.storage.files import format_bytes, read_own, why_not_a_file


def test_why_a_path_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    assert why_not_a_file(tmp_path) == "it is a folder"
    assert why_not_a_file(tmp_path / "gone") == "there is no such file"
    assert why_not_a_file(tmp_path / "link") == "there is no such file"
    assert why_not_a_file(tmp_path / "pipe") == "it is not a regular file"
    assert why_not_a_file(str(tmp_path / "file")) == ""


def test_what_is_read_of_a_folder_that_was_sent(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "holes").touch()
    os.truncate(tmp_path / "holes", 2**42)
    assert read_own(tmp_path / "file", 3) == b"abc"
    reasons = {"pipe": "it is not a regular file", "link": "it is a link", "holes": "it has more than 3 bytes",
               "gone": "there is no such file"}  # fmt: skip
    for name, why in reasons.items():
        with pytest.raises(OSError) as caught:
            read_own(tmp_path / name, 3)
        assert caught.value.strerror == why


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0.0 MB"), (80_134_624, "80.1 MB"), (99_900_000, "99.9 MB"), (3.2e8, "320 MB"), (1.46e9, "1.5 GB")],
)
def test_bytes_as_text(count: float, text: str) -> None:
    assert format_bytes(count) == text
