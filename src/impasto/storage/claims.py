"""Names of files that are about to be written: claimed at the start, so that two runs do not work for one name."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from impasto.errors import OutputError
from impasto.storage.atomic import unwritable


@contextmanager
def claim(path: Path) -> Iterator[None]:
    """Keep other processes from claiming the same file, under any spelling, until the block ends.

    A hidden lock lies beside the file meanwhile. Raises `OutputError` where another process has claimed it.
    """
    place = _lock_of(path)
    lock = FileLock(place, timeout=0)
    try:
        if not place.parent.is_dir():  # which the lock would make
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        lock.acquire()
    except Timeout as error:
        raise unwritable(path, "another run is at it; wait for that, or give another name") from error
    except OSError as error:
        raise unwritable(path, f"{error.strerror or error}; check the name, the folder and the free space") from error
    try:
        yield
    finally:
        with suppress(OSError):  # removed while it is held: who waits for it finds that it is gone
            place.unlink()
        lock.release()


@contextmanager
def claimed_folder(folder: Path) -> Iterator[None]:
    """Make a folder that one process at a time fills, and claim it, as `claim` does. Raises `OutputError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = "it is a file" if folder.is_file() else error.strerror
        raise OutputError(f"cannot make the folder {str(folder)!r}: {why}; give another name") from error
    with claim(folder / "folder"):
        yield


def is_claimed(path: Path) -> bool:
    """Whether a file is being written by a process, or was when one was killed."""
    return _lock_of(path).exists()


def _lock_of(path: Path) -> Path:
    """The lock of a file: beside what symbolic links lead to, and the same for capitals where the folder takes both."""
    target = Path(os.path.realpath(path))
    name = target.name.casefold() if _folds_case(target.parent) else target.name
    return target.with_name(f".impasto-{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}.lock")


def _folds_case(folder: Path) -> bool:
    """Whether a folder takes capitals and small letters for the same name, seen by its own."""
    swapped = folder.with_name(folder.name.swapcase())
    try:
        return swapped != folder and swapped.samefile(folder)
    except OSError:
        return False
