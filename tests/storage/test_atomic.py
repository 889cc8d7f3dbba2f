"""A file is there whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import NoReturn

import pytest

from impasto.errors import OutputError
from impasto.storage.atomic import check_place, open_whole, write_file, write_whole


def refuse_links(self: Path, target: object) -> NoReturn:
    raise OSError(errno.EPERM, "no hard links here")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"before")
    with open_whole(path) as stream:
        stream.write(b"after")
        stream.flush()
        assert path.read_bytes() == b"before"
    assert path.read_bytes() == b"after"
    assert names(tmp_path) == ["a.bin"]
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("part", ["", "unfinished"])
def test_a_block_that_fails_leaves_nothing(tmp_path: Path, part: str) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt), open_whole(path, part=part) as stream:
        stream.write(b"half of")
        assert len(names(tmp_path)) == 2
        raise KeyboardInterrupt
    assert path.read_bytes() == b"before"
    assert names(tmp_path) == ["a.bin"]


def test_the_unfinished_file_of_a_killed_writer_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "unfinished").write_bytes(b"longer than what is written next")
    write_whole(tmp_path / "a.bin", b"short", part="unfinished")
    assert (tmp_path / "a.bin").read_bytes() == b"short"
    assert names(tmp_path) == ["a.bin"]


def test_two_writers_at_once_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    with open_whole(path) as first:
        first.write(b"first")
        with open_whole(path) as second:
            second.write(b"second")
        assert path.read_bytes() == b"second"
    assert path.read_bytes() == b"first"


@pytest.mark.parametrize("has_links", [True, False])
def test_an_existing_file_is_replaced_only_if_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    if not has_links:
        monkeypatch.setattr(Path, "hardlink_to", refuse_links)
    path = tmp_path / "a.bin"
    write_whole(path, b"first", overwrite=False)
    with pytest.raises(FileExistsError):
        write_whole(path, b"second", overwrite=False)
    assert path.read_bytes() == b"first"
    with pytest.raises(OutputError, match="already exists; give another name, or --overwrite"):
        write_file(path, b"second")
    write_file(path, b"third", overwrite=True)
    assert path.read_bytes() == b"third"
    assert names(tmp_path) == ["a.bin"]


def test_a_claimed_name_is_given_up_when_the_move_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Path, target: object) -> NoReturn:
        raise OSError(errno.EIO, "the disk died")

    monkeypatch.setattr(Path, "hardlink_to", refuse_links)
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="died"):
        write_whole(tmp_path / "a.bin", b"data", overwrite=False)
    assert names(tmp_path) == []


def test_a_full_disk_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(number: int) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"cannot write '.*a\.bin': No space left on device; check the name, the fol"):
        write_file(tmp_path / "a.bin", b"data")
    assert names(tmp_path) == []


def test_a_place_is_checked_before_there_is_anything_to_write(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to("nowhere")
    check_place(tmp_path / "new.bin")
    check_place(tmp_path / "file", overwrite=True)
    for path, words in (
        (tmp_path, "it is a folder; add a file name"),
        (tmp_path / "gone" / "a.bin", "there is no folder .*; create it"),
        (tmp_path / "pipe", "it is not a regular file"),
        (tmp_path / "file", "it already exists"),
        (tmp_path / "dangling", "it already exists"),
        (tmp_path / ("a" * 300), "check the name"),
    ):
        with pytest.raises(OutputError, match=words):
            check_place(path)
