"""Pictures under names that say what they are: one to download, several in a zip."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

_NO_FILE_NAME = re.compile(r'[<>:"/\\|?*]')  # what one system or another refuses
_PIECE_BYTES = 2**18
_MAX_NAME = 100


def file_name(title: str, suffix: str) -> str:
    """A file name for a picture with this title."""
    return (" ".join(_NO_FILE_NAME.sub("", title).split())[:_MAX_NAME].strip(". ") or "pastiche") + suffix


def zip_pictures(pictures: Sequence[tuple[str, Path]]) -> Iterator[bytes]:
    """A zip of pictures by title, piece by piece; none is compressed further. Those that are gone are left out."""
    out, used = _Pieces(), set[str]()
    with zipfile.ZipFile(out, "w") as archive:
        for title, path in pictures:
            name = _unused(title, path.suffix, used)
            try:
                opened = path.open("rb")
            except OSError:
                continue  # removed meanwhile
            with opened, archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as entry:
                while piece := opened.read(_PIECE_BYTES):
                    entry.write(piece)
                    yield out.take()
    yield out.take()


def _unused(title: str, suffix: str, used: set[str]) -> str:
    """The file name of a title, numbered where another picture has it; noted as used."""
    number, name = 1, file_name(title, suffix)
    while name.lower() in used:
        number += 1
        name = file_name(f"{title} {number}", suffix)
    used.add(name.lower())
    return name


class _Pieces(io.RawIOBase):
    """What is written, until it is taken."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._written += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken
