"""The hash of a file."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from impasto.storage.hashing import hash_file


def test_the_hash_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    assert hash_file(tmp_path / "file") == hashlib.sha256(b"abc").hexdigest()


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # would wait for ever
    for name, why in (("gone", "there is no such file"), ("", "it is a folder"), ("pipe", "it is not a regular file")):
        with pytest.raises(OSError) as caught:
            hash_file(tmp_path / name)
        assert caught.value.strerror == why


def test_a_file_with_holes_is_not_read_for_hours(tmp_path: Path) -> None:
    (tmp_path / "holes").touch()
    os.truncate(tmp_path / "holes", 2**42)
    with pytest.raises(OSError, match="it has more than 1000 bytes"):
        hash_file(tmp_path / "holes", 1000)
