"""Writing files: under a temporary name in the same folder, then moved. A file is there whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from impasto.errors import OutputError

PARTS = ".impasto-*.part"  # what a killed process may leave in a folder
_EXISTS = "it already exists; give another name, or --overwrite (in Python overwrite=True)"


@contextmanager
def open_whole(path: Path, *, overwrite: bool = True, part: str = "") -> Iterator[BinaryIO]:
    """Open a file for writing that appears when the block ends, or not at all when the block fails.

    Parameters
    ----------
    part: name of the unfinished file. One that is fixed is replaced by the next writer, where a killed one left it;
        by default it is random (`PARTS`), so that two writers at once do not meet.

    A symbolic link in the file's place is replaced, not followed; the mode of a file that is replaced is kept.
    Raises `OSError`, as `FileExistsError` where the file is there and `overwrite` is false.
    """
    temporary = path.with_name(part) if part else unfinished(path)
    try:
        if part:
            temporary.unlink(missing_ok=True)  # a link there would lead the writer elsewhere
        with temporary.open("xb") as stream:
            yield stream
        move_whole(temporary, path, overwrite=overwrite)
    finally:
        temporary.unlink(missing_ok=True)


def unfinished(path: Path) -> Path:
    """A new name beside a file (`PARTS`) for a library to write under, before `move_whole`."""
    return path.with_name(f".impasto-{secrets.token_hex(8)}.part")


def move_whole(temporary: Path, path: Path, *, overwrite: bool = True) -> None:
    """Give a file that is written to its end its name, once it is on the disk; raises as `open_whole` does."""
    with temporary.open("rb+") as stream:
        os.fsync(stream.fileno())
    if overwrite:
        if path.is_file() and not path.is_symlink():
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        temporary.replace(path)
    else:
        _move_to_new_name(temporary, path)


def write_whole(path: Path, data: bytes, *, overwrite: bool = True, part: str = "") -> None:
    """Write bytes as `open_whole` does; raises `OSError`."""
    with open_whole(path, overwrite=overwrite, part=part) as stream:
        stream.write(data)


def write_file(path: str | os.PathLike[str], data: bytes, *, overwrite: bool = False) -> None:
    """Write bytes to a file that a person named, through symbolic links; raises `OutputError`."""
    try:
        write_whole(written_file(path, overwrite=overwrite), data, overwrite=overwrite)
    except FileExistsError as error:
        raise unwritable(path, _EXISTS) from error
    except OSError as error:
        raise unwritable(path, f"{error.strerror or error}; check the name, the folder and the free space") from error


def written_file(path: str | os.PathLike[str], *, overwrite: bool) -> Path:
    """The file that is written for one that a person named: where it may be there, what its symbolic links lead to."""
    return Path(os.path.realpath(path)) if overwrite else Path(path)


def check_place(path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Check that a file can be written here; raises `OutputError`."""
    file = Path(path)
    try:
        if file.is_dir():
            raise unwritable(path, "it is a folder; add a file name")
        if not file.parent.is_dir():
            raise unwritable(path, f"there is no folder {str(file.parent)!r}; create it")
        if file.exists() and not file.is_file():
            raise unwritable(path, "it is not a regular file; give another name")
        if os.path.lexists(file) and not overwrite:
            raise unwritable(path, _EXISTS)
        if not os.access(file.parent, os.W_OK | os.X_OK):
            raise unwritable(path, f"the folder {str(file.parent)!r} is not writable; choose another")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise unwritable(path, f"{why}; check the name, the folder and the free space") from error


def unwritable(path: str | os.PathLike[str], why: str) -> OutputError:
    """The error of a file that cannot be written, in one line."""
    return OutputError(f"cannot write {os.fspath(path)!r}: {why}")


def _move_to_new_name(temporary: Path, path: Path) -> None:
    """Move without replacing a file that appeared meanwhile (a plain move would)."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: claim the name first
        path.touch(exist_ok=False)
        try:
            temporary.replace(path)
        except OSError:
            path.unlink()
            raise
